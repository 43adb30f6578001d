//! Golden transcripts: an upstream that fails before the first content.
//!
//! Rows 1 to 10, 12, 13, 16, 17, 25, 28 and 34 of the failure matrix, as far
//! as one attempt goes. Until the first content every failure keeps its own
//! HTTP status; each test holds the caller's transcript, the one outcome in
//! the ledger, and the fate of the upstream's connection.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::openai::{chat, completion, content_chunk, error, role_chunk};
use tidegate_testkit::{Provider, Script, Settings, Stopwatch, Upstream, port};

const JSON: &str = "application/json";

fn limited(retry_after: &str) -> Script {
    let body = error("requests", "rate_limit_exceeded", "slow down");
    let headers = [("content-type", JSON), ("retry-after", retry_after)];
    Script::whole(429, &headers, body.as_bytes())
}

#[tokio::test]
async fn row_01_a_rate_limit_passes_with_its_retry_after() {
    for stream in [true, false] {
        let scene = Scene::start().await;
        let script = limited("7");
        let reply = if stream {
            scene.stream(script).await
        } else {
            scene.unary(script).await
        };
        let lines = [
            "429 application/json",
            "error rate_limit_exceeded rate_limit_error",
        ];
        scene
            .told(&reply, &lines, "failed", "rate_limit_exceeded")
            .await;
        assert_eq!(reply.header("retry-after"), Some("7"));
    }
}

#[tokio::test]
async fn row_02_a_used_up_quota_is_not_to_be_retried() {
    let scene = Scene::start().await;
    let body = error("insufficient_quota", "insufficient_quota", "no credit left");
    let reply = scene.unary(Script::json(429, &body)).await;
    let lines = [
        "429 application/json",
        "error insufficient_quota insufficient_quota",
    ];
    scene
        .told(&reply, &lines, "failed", "insufficient_quota")
        .await;
    assert_eq!(reply.header("x-should-retry"), Some("false"));
}

#[tokio::test]
async fn row_03_an_overloaded_upstream_is_told_as_such() {
    for status in [503, 529] {
        let scene = Scene::start().await;
        let body = error("overloaded_error", "overloaded", "too busy");
        let headers = [("content-type", JSON), ("retry-after", "3")];
        let reply = scene
            .stream(Script::whole(status, &headers, body.as_bytes()))
            .await;
        let lines = [
            "503 application/json",
            "error upstream_overloaded upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_overloaded")
            .await;
        assert_eq!(reply.header("retry-after"), Some("3"));
    }
}

#[tokio::test]
async fn row_04_a_server_error_is_a_bad_gateway() {
    for status in [500, 502, 504] {
        let scene = Scene::start().await;
        let body = error("server_error", "boom", "it broke");
        let reply = scene.stream(Script::json(status, &body)).await;
        let lines = [
            "502 application/json",
            "error upstream_error upstream_error",
        ];
        scene.told(&reply, &lines, "failed", "upstream_error").await;
        assert_eq!(scene.upstream.count(), 1, "no retries in one attempt");
    }
}

#[tokio::test]
async fn row_05_a_refused_request_keeps_status_code_and_redacted_message() {
    for status in [400, 404, 413, 422] {
        let scene = Scene::start().await;
        let message = "the model takes 8192 tokens; your key sk-live-0123456789abcdef0123 is fine";
        let body = error("invalid_request_error", "context_length_exceeded", message);
        let reply = scene.stream(Script::json(status, &body)).await;
        assert_eq!(reply.status(), status);
        let told = reply.error();
        assert_eq!(told.code, "context_length_exceeded");
        assert!(told.message.contains("8192 tokens"), "{}", told.message);
        assert!(
            !told.message.contains("0123456789abcdef"),
            "{}",
            told.message
        );
        scene.settled("failed", "upstream_rejected").await;
    }
}

#[tokio::test]
async fn row_06_a_refused_key_of_ours_is_never_the_callers_401() {
    for status in [401, 403] {
        let scene = Scene::start().await;
        let body = error(
            "invalid_request_error",
            "invalid_api_key",
            "bad key sk-upstream-key",
        );
        let reply = scene.stream(Script::json(status, &body)).await;
        let lines = ["502 application/json", "error upstream_auth upstream_error"];
        scene.told(&reply, &lines, "failed", "upstream_auth").await;
        assert!(
            !reply.text().contains("sk-upstream-key"),
            "{}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn row_07_nobody_at_the_address() {
    let refused = format!("http://{}/v1", port::refused());
    for base_url in [refused.as_str(), "http://nobody.invalid/v1"] {
        let scene = Scene::with_settings(|_| {
            let timeouts = r#"connect = "5s", first_byte = "6s", idle = "6s", total = "8s""#;
            Settings::with(Provider::new("mock", base_url).timeouts(timeouts))
        })
        .await;
        let reply = scene.stream(Script::silent()).await;
        let lines = [
            "502 application/json",
            "error upstream_unreachable upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_unreachable")
            .await;
    }
}

#[tokio::test]
async fn row_07_r_d13_a_connect_that_hangs_has_a_deadline() {
    let unanswered = port::Unanswered::new().await;
    let base_url = format!("http://{}/v1", unanswered.address());
    let scene = Scene::with_settings(|_| {
        let timeouts = r#"connect = "300ms", first_byte = "5s", idle = "5s", total = "9s""#;
        Settings::with(Provider::new("mock", &base_url).timeouts(timeouts))
    })
    .await;
    let start = Stopwatch::start();
    let reply = scene.stream(Script::silent()).await;
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "{:?}",
        start.elapsed()
    );
    let code = reply.error().code;
    assert!(
        ["upstream_unreachable", "upstream_timeout"].contains(&code.as_str()),
        "{code}"
    );
    scene.settled("failed", &code).await;
}

#[tokio::test]
async fn row_08_r_p3_no_headers_in_time() {
    let scene = Scene::with_timeouts(
        r#"connect = "1s", first_byte = "300ms", first_content = "2s", idle = "2s", total = "9s""#,
    )
    .await;
    let start = Stopwatch::start();
    let reply = scene.stream(Script::silent()).await;
    assert!(
        start.elapsed() >= Duration::from_millis(300),
        "{:?}",
        start.elapsed()
    );
    let lines = [
        "504 application/json",
        "error upstream_timeout upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_timeout")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_08_r_p3_a_unary_call_knows_only_the_total_timer() {
    let timeouts = r#"connect = "1s", first_byte = "100ms", first_content = "200ms", idle = "5s", total = "700ms""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let late = Script::json(200, &completion("late")).late(Duration::from_millis(350));
    assert_eq!(scene.unary(late).await.status(), 200);
    let start = Stopwatch::start();
    let reply = scene.unary(Script::silent()).await;
    assert!(
        start.elapsed() >= Duration::from_millis(700),
        "{:?}",
        start.elapsed()
    );
    assert_eq!(
        reply.status_and_code(),
        (504, "upstream_timeout".to_owned())
    );
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_09_r_p8_headers_and_no_first_event() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "500ms", idle = "5s", total = "9s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let reply = scene.stream(Script::sse().stall()).await;
    let lines = [
        "504 application/json",
        "error upstream_timeout upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_timeout")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_09_past_the_hold_the_same_failure_is_an_event() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "3s", idle = "5s", total = "9s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let reply = scene
        .stream(Script::sse().event(&role_chunk()).stall())
        .await;
    assert_eq!(reply.status(), 200);
    assert_eq!(
        reply.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert_eq!(reply.last_error().code, "upstream_timeout");
    assert_eq!(reply.content(), "");
    scene.settled("failed", "upstream_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_10_comments_are_no_progress() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "700ms", idle = "5s", total = "9s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = Script::sse();
    for _ in 0..60 {
        script = script
            .bytes(": keep-alive\n\n")
            .wait(Duration::from_millis(50));
    }
    let start = Stopwatch::start();
    let reply = scene.stream(script).await;
    assert!(
        start.elapsed() < Duration::from_millis(2500),
        "{:?}",
        start.elapsed()
    );
    let lines = [
        "504 application/json",
        "error upstream_timeout upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_timeout")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_12_an_error_event_before_content_keeps_its_class() {
    for (body, line, label) in [
        (
            error("overloaded_error", "overloaded", "too busy"),
            "503 application/json",
            "upstream_overloaded",
        ),
        (
            error("server_error", "server_error", "broke"),
            "502 application/json",
            "upstream_error",
        ),
    ] {
        let scene = Scene::start().await;
        let reply = scene
            .stream(Script::sse().event(&role_chunk()).event(&body))
            .await;
        let told = format!("error {label} upstream_error");
        scene.told(&reply, &[line, &told], "failed", label).await;
    }
}

#[tokio::test]
async fn row_13_a_break_before_content_is_a_plain_502() {
    for script in [
        Script::sse().event(&role_chunk()).rst(),
        Script::sse().event(&role_chunk()).fin(),
        Script::sse().bytes("data: {\"cho").fin(),
    ] {
        let scene = Scene::start().await;
        let reply = scene.stream(script).await;
        let lines = [
            "502 application/json",
            "error upstream_disconnected upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_disconnected")
            .await;
        scene.upstream_let_go().await;
    }
}

#[tokio::test]
async fn row_13_a_break_before_or_within_the_head() {
    for bytes in ["", "HTTP/1.1 200 OK\r\ncontent-ty"] {
        let scene = Scene::start().await;
        let reply = scene.unary(Script::raw(bytes).fin()).await;
        let lines = [
            "502 application/json",
            "error upstream_disconnected upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_disconnected")
            .await;
        scene.upstream_let_go().await;
    }
}

#[tokio::test]
async fn row_13_a_cut_unary_body_is_not_an_answer() {
    let body = completion("whole");
    let half = body[..body.len() / 2].to_owned();
    let headers = [("content-type", JSON)];
    for script in [
        Script::declared(200, &headers, body.len())
            .bytes(half.clone())
            .fin(),
        Script::declared(200, &headers, body.len())
            .bytes(half.clone())
            .rst(),
        Script::chunked(200, &headers).bytes(half).fin(),
    ] {
        let scene = Scene::start().await;
        let reply = scene.unary(script).await;
        let lines = [
            "502 application/json",
            "error upstream_disconnected upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_disconnected")
            .await;
        scene.upstream_let_go().await;
    }
}

#[tokio::test]
async fn row_16_a_unary_answer_that_is_no_json() {
    for body in ["<html>busy</html>", "{\"choices\":[", ""] {
        let scene = Scene::start().await;
        let reply = scene.unary(Script::json(200, body)).await;
        let lines = [
            "502 application/json",
            "error upstream_protocol upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_protocol")
            .await;
    }
}

#[tokio::test]
async fn row_16_an_answer_that_is_no_http() {
    let scene = Scene::start().await;
    let reply = scene
        .unary(Script::raw("SSH-2.0-OpenSSH_9.9\r\n\r\n").stall())
        .await;
    let lines = [
        "502 application/json",
        "error upstream_protocol upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_protocol")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_17_a_json_error_under_200_is_that_error() {
    for stream in [true, false] {
        let scene = Scene::start().await;
        let body = error("overloaded_error", "overloaded", "too busy");
        let script = Script::json(200, &body);
        let reply = if stream {
            scene.stream(script).await
        } else {
            scene.unary(script).await
        };
        let lines = [
            "503 application/json",
            "error upstream_overloaded upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_overloaded")
            .await;
    }
}

#[tokio::test]
async fn row_17_a_web_page_where_a_stream_was_asked() {
    let scene = Scene::start().await;
    let headers = [("content-type", "text/html")];
    let reply = scene
        .stream(Script::whole(200, &headers, b"<html>hello</html>"))
        .await;
    let lines = [
        "502 application/json",
        "error upstream_protocol upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_protocol")
        .await;
    assert!(!reply.text().contains("<html>"), "{}", reply.text());
}

#[tokio::test]
async fn row_17_a_whole_completion_where_a_stream_was_asked_becomes_one() {
    let scene = Scene::start().await;
    let reply = scene
        .stream(Script::json(200, &completion("all at once")))
        .await;
    assert!(
        reply
            .header("content-type")
            .is_some_and(|kind| kind.starts_with("text/event-stream"))
    );
    assert_eq!(reply.content(), "all at once");
    assert!(
        reply.events().last().is_some_and(|event| event.is_done()),
        "{}",
        reply.text()
    );
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn row_25_a_redirect_is_never_followed() {
    for status in [301, 302, 303, 307, 308] {
        let elsewhere = Upstream::start().await;
        let scene = Scene::start().await;
        let location = format!("{}/chat/completions", elsewhere.base_url());
        let reply = scene
            .unary(Script::whole(status, &[("location", &location)], b""))
            .await;
        let lines = [
            "502 application/json",
            "error upstream_redirect upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_redirect")
            .await;
        assert_eq!(elsewhere.accepted(), 0, "the key would have leaked");
    }
}

#[tokio::test]
async fn row_28_identity_is_asked_and_a_compressed_answer_refused() {
    for stream in [true, false] {
        let scene = Scene::start().await;
        let kind = if stream { "text/event-stream" } else { JSON };
        let headers = [("content-type", kind), ("content-encoding", "gzip")];
        let script = Script::whole(200, &headers, b"\x1f\x8b\x08\x00\x00");
        let reply = if stream {
            scene.stream(script).await
        } else {
            scene.unary(script).await
        };
        let lines = [
            "502 application/json",
            "error upstream_protocol upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "upstream_protocol")
            .await;
        let asked = scene.upstream.request(0).await.header("accept-encoding");
        assert!(
            asked.is_none() || asked.as_deref() == Some("identity"),
            "{asked:?}"
        );
    }
}

#[tokio::test]
async fn row_34_absurd_retry_after_values_are_made_sane() {
    for (given, told) in [
        ("1000000000", Some("300")),
        ("-5", None),
        ("NaN", None),
        ("soon", None),
        ("Wed, 21 Oct 2015 07:28:00 GMT", Some("0")),
        ("0", Some("0")),
        ("12", Some("12")),
    ] {
        let scene = Scene::start().await;
        let reply = scene.unary(limited(given)).await;
        assert_eq!(reply.status(), 429);
        assert_eq!(reply.header("retry-after"), told, "for {given}");
    }
}

#[tokio::test]
async fn a_response_over_the_limit_is_refused_while_reading() {
    let scene = Scene::with_tables("[limits]\nresponse = \"64KiB\"").await;
    let long = completion(&"x".repeat(100 * 1024));
    let reply = scene.unary(Script::json(200, &long)).await;
    let lines = [
        "502 application/json",
        "error response_too_large upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "response_too_large")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn inv_deadline_a_caller_shortens_the_time_and_owns_the_failure() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::silent());
    let headers = [("x-request-timeout-ms", "300")];
    let start = Stopwatch::start();
    let body = chat("m-1", false);
    let reply = scene
        .gate
        .post_with("/v1/chat/completions", &headers, &body)
        .await;
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(300) && took < Duration::from_secs(3),
        "{took:?}"
    );
    let lines = [
        "504 application/json",
        "error deadline_exceeded invalid_request_error",
    ];
    scene
        .told(&reply, &lines, "failed", "deadline_exceeded")
        .await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn an_empty_first_piece_is_not_content() {
    let scene = Scene::start().await;
    let script = Script::sse()
        .event(&role_chunk())
        .event(&content_chunk(""))
        .rst();
    let reply = scene.stream(script).await;
    let lines = [
        "502 application/json",
        "error upstream_disconnected upstream_error",
    ];
    scene
        .told(&reply, &lines, "failed", "upstream_disconnected")
        .await;
}
