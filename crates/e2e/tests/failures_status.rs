//! Golden transcripts: an upstream that says no by its status.
//!
//! Rows 1 to 6, 25 and 34 of the failure matrix, as far as one attempt goes:
//! what the caller may act upon stays (429, 400 and their kin), what is
//! between us and the upstream becomes a 502 or a 503 of ours.

use tidegate_e2e::Scene;
use tidegate_testkit::openai::error;
use tidegate_testkit::{Script, Upstream};

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
async fn row_34_absurd_retry_after_values_are_made_sane() {
    for (given, told) in [
        ("1000000000", Some("300")),
        // None was given: the key rests for a second all the same.
        ("-5", Some("1")),
        ("NaN", Some("1")),
        ("soon", Some("1")),
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
