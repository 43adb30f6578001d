//! Golden transcripts: an upstream that fails in the middle of its answer.
//!
//! Rows 11 to 13, 15, 16, 18 and 19 of the failure matrix (INV-TRUNC): what
//! came before stays as it was, the last event is the error, there is no end
//! marker after it, and the body's framing ends cleanly. A stream that was cut
//! never looks finished.

use std::time::Duration;

use tidegate_e2e::{Scene, transcript};
use tidegate_testkit::openai::{chat, content_chunk, error, finish_chunk, role_chunk};
use tidegate_testkit::{Script, Stopwatch};

const SSE: &str = "200 text/event-stream; charset=utf-8";

/// A stream that has begun: two pieces of content are out.
fn begun() -> Script {
    Script::sse()
        .event(&role_chunk())
        .event(&content_chunk("a"))
        .event(&content_chunk("b"))
}

/// What the caller has of [`begun`], and then this error.
fn then(code: &str) -> Vec<String> {
    let error = format!("error {code} upstream_error");
    [SSE, "role", "text a", "text b", &error]
        .into_iter()
        .map(str::to_owned)
        .collect()
}

/// The stream ends in this way once the caller has what came before. What it
/// ends with is told and counted.
async fn is_told(ends: impl FnOnce(Script) -> Script, code: &str) -> Scene {
    let scene = Scene::start().await;
    let reply = scene.stream_then(begun(), 3, ends).await;
    assert_eq!(transcript(&reply), then(code), "{}", reply.text());
    scene.settled("failed", code).await;
    scene
}

/// The same, and the upstream's connection is closed.
async fn is_told_and_let_go(ends: impl FnOnce(Script) -> Script, code: &str) {
    is_told(ends, code).await.upstream_let_go().await;
}

#[tokio::test]
async fn row_11_r_p7_a_stall_ends_after_the_idle_time() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "600ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let start = Stopwatch::start();
    let reply = scene.stream(begun().stall()).await;
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(600) && took < Duration::from_secs(4),
        "{took:?}"
    );
    assert_eq!(
        transcript(&reply),
        then("stream_idle_timeout"),
        "{}",
        reply.text()
    );
    scene.settled("failed", "stream_idle_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_11_r_p7_each_event_restarts_the_idle_time() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "800ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = begun();
    for _ in 0..6 {
        script = script
            .wait(Duration::from_millis(250))
            .event(&content_chunk("c"));
    }
    let reply = scene.stream(script.event(&finish_chunk()).done()).await;
    assert_eq!(reply.content(), "abcccccc");
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn row_11_the_total_time_ends_a_stream_that_never_ends() {
    let timeouts =
        r#"connect = "1s", first_byte = "1s", first_content = "1s", idle = "1s", total = "1500ms""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = begun();
    for _ in 0..100 {
        script = script
            .wait(Duration::from_millis(100))
            .event(&content_chunk("c"));
    }
    let reply = scene.stream(script).await;
    assert_eq!(reply.last_error().code, "upstream_timeout");
    scene.settled("failed", "upstream_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_12_an_error_event_is_passed_on_and_nothing_after_it() {
    for (kind, label) in [
        ("overloaded_error", "upstream_overloaded"),
        ("server_error", "upstream_error"),
    ] {
        let scene = Scene::start().await;
        let event = error(
            kind,
            "upstream_says_so",
            "in the middle; sk-live-0123456789abcdef0123",
        );
        let breaks = |begun: Script| begun.event(&event).event(&content_chunk("never")).done();
        let reply = scene.stream_then(begun(), 3, breaks).await;
        let lines = transcript(&reply);
        assert_eq!(lines[..4], then(label)[..4], "{lines:?}");
        assert_eq!(lines.len(), 5, "something follows the error: {lines:?}");
        let told = reply.last_error();
        assert!(told.message.contains("in the middle"), "{}", told.message);
        assert!(
            !told.message.contains("0123456789abcdef"),
            "{}",
            told.message
        );
        scene.settled("failed", label).await;
    }
}

#[tokio::test]
async fn row_13_a_reset_between_events() {
    is_told_and_let_go(Script::rst, "upstream_disconnected").await;
}

#[tokio::test]
async fn row_13_an_end_within_the_chunked_body() {
    is_told_and_let_go(Script::fin, "upstream_disconnected").await;
}

#[tokio::test]
async fn row_13_a_cut_within_an_event_sends_no_half_event() {
    let half = format!("data: {}", &content_chunk("lost")[..60]);
    is_told_and_let_go(|begun| begun.bytes(half).fin(), "upstream_disconnected").await;
}

#[tokio::test]
async fn row_13_a_cut_within_a_character() {
    let mut half = content_chunk("\u{1f30a}").into_bytes();
    half.truncate(half.iter().position(|byte| *byte >= 0x80).expect("a wave") + 2);
    let half = [b"data: ".as_slice(), &half].concat();
    is_told_and_let_go(|begun| begun.bytes(half).rst(), "upstream_disconnected").await;
}

#[tokio::test]
async fn row_13_a_cut_within_a_chunk_header() {
    is_told_and_let_go(|begun| begun.unframed("4").fin(), "upstream_disconnected").await;
}

#[tokio::test]
async fn row_15_inv_trunc_a_clean_end_without_terminal_is_truncated() {
    is_told(|begun| begun, "stream_truncated").await;
}

#[tokio::test]
async fn row_15_inv_trunc_a_clean_end_within_an_event_is_truncated() {
    is_told(
        |begun| begun.bytes("data: {\"choices\":"),
        "stream_truncated",
    )
    .await;
}

#[tokio::test]
async fn row_15_inv_trunc_before_content_it_is_a_502() {
    for script in [Script::sse(), Script::sse().event(&role_chunk())] {
        let scene = Scene::start().await;
        let reply = scene.stream(script).await;
        let lines = [
            "502 application/json",
            "error stream_truncated upstream_error",
        ];
        scene
            .told(&reply, &lines, "failed", "stream_truncated")
            .await;
    }
}

#[tokio::test]
async fn row_15_inv_trunc_an_until_close_stream_that_is_cut() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";
    let begun = Script::raw(head)
        .event(&role_chunk())
        .event(&content_chunk("a"))
        .event(&content_chunk("b"));
    let scene = Scene::start().await;
    let reply = scene.stream_then(begun, 3, Script::fin).await;
    assert_eq!(
        transcript(&reply),
        then("stream_truncated"),
        "{}",
        reply.text()
    );
    scene.settled("failed", "stream_truncated").await;
}

#[tokio::test]
async fn inv_trunc_content_and_break_in_one_burst_never_look_whole() {
    // Nothing may be written yet when the break is seen: then it is a 502.
    type Breaks = fn(Script) -> Script;
    let breaks: [(Breaks, &str); 3] = [
        (Script::rst, "upstream_disconnected"),
        (Script::fin, "upstream_disconnected"),
        (|begun| begun, "stream_truncated"),
    ];
    for (breaks, code) in breaks {
        let scene = Scene::start().await;
        let reply = scene.stream(breaks(begun())).await;
        let early = [
            "502 application/json".to_owned(),
            format!("error {code} upstream_error"),
        ];
        let lines = transcript(&reply);
        assert!(lines == early || lines == then(code), "{lines:?}");
        scene.settled("failed", code).await;
    }
}

#[tokio::test]
async fn row_16_two_malformed_events_end_the_stream() {
    let breaks = |begun: Script| begun.event("{\"choices\":[").event("{oops").done();
    is_told_and_let_go(breaks, "upstream_protocol").await;
}

#[tokio::test]
async fn row_18_a_trickle_without_events_is_idle() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "700ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = begun();
    for byte in content_chunk("slow").bytes().take(60) {
        script = script.bytes(vec![byte]).wait(Duration::from_millis(50));
    }
    let reply = scene.stream(script.stall()).await;
    assert_eq!(
        transcript(&reply),
        then("stream_idle_timeout"),
        "{}",
        reply.text()
    );
    scene.settled("failed", "stream_idle_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_19_an_event_over_its_limit_ends_the_stream() {
    let scene = Scene::with_tables("[limits]\nevent = \"64KiB\"").await;
    // Never finished, so that only a bound on the unfinished event can tell.
    let long = format!("data: {}", "x".repeat(200 * 1024));
    let reply = scene
        .stream_then(begun(), 3, |begun| begun.bytes(long).stall())
        .await;
    assert_eq!(
        transcript(&reply),
        then("event_too_large"),
        "{}",
        reply.text()
    );
    scene.settled("failed", "event_too_large").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_10_pings_mid_stream_do_not_keep_a_dead_stream_alive() {
    let timeouts =
        r#"connect = "1s", first_byte = "5s", first_content = "5s", idle = "700ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = begun();
    for _ in 0..60 {
        script = script.bytes(": ping\n\n").wait(Duration::from_millis(50));
    }
    let reply = scene.stream(script.stall()).await;
    assert_eq!(
        transcript(&reply),
        then("stream_idle_timeout"),
        "{}",
        reply.text()
    );
    let pings = reply
        .all_events()
        .iter()
        .filter(|event| event.is_comment())
        .count();
    assert!(pings <= 1, "{pings} pings in less than a second");
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn inv_deadline_the_callers_time_ends_a_stream_too() {
    let scene = Scene::start().await;
    scene.upstream.always(begun().stall());
    let headers = [("x-request-timeout-ms", "700")];
    let start = Stopwatch::start();
    let body = chat("m-1", true);
    let reply = scene
        .gate
        .post_with("/v1/chat/completions", &headers, &body)
        .await;
    let took = start.elapsed();
    assert!(
        took >= Duration::from_millis(700) && took < Duration::from_secs(4),
        "{took:?}"
    );
    assert_eq!(reply.content(), "ab");
    assert_eq!(reply.last_error().code, "deadline_exceeded");
    scene.settled("failed", "deadline_exceeded").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn a_caller_shortens_the_total_time_and_never_lengthens_it() {
    let timeouts = r#"connect = "900ms", first_byte = "900ms", first_content = "900ms", idle = "900ms", total = "900ms""#;
    let scene = Scene::with_timeouts(timeouts).await;
    scene.upstream.always(Script::silent());
    let headers = [("x-request-timeout-ms", "600000")];
    let body = chat("m-1", false);
    let reply = scene
        .gate
        .post_with("/v1/chat/completions", &headers, &body)
        .await;
    assert_eq!(
        reply.status_and_code(),
        (504, "upstream_timeout".to_owned())
    );
    scene.settled("failed", "upstream_timeout").await;
}
