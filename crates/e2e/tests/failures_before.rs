//! Golden transcripts: an upstream that fails before the first content.
//!
//! Rows 7 to 10, 12, 13, 16, 17 and 28 of the failure matrix, as far as one
//! attempt goes. Until the first content every failure keeps its own HTTP
//! status; each test holds the caller's transcript, the one outcome in
//! the ledger, and the fate of the upstream's connection.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::openai::{chat, completion, content_chunk, error, role_chunk};
use tidegate_testkit::{Provider, Script, Settings, Stopwatch, port};

const JSON: &str = "application/json";

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
    let timeouts = r#"connect = "700ms", first_byte = "100ms", first_content = "200ms", idle = "700ms", total = "700ms""#;
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
