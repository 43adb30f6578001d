//! The official Python SDK against the real binary.
//!
//! Each program of `python/` is one caller who knows nothing but a base URL.
//! Where there is no interpreter they are skipped; see `tidegate_e2e::sdk`.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_e2e::sdk::{interpreter, run};
use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{content_chunk, error, finish_chunk};
use tidegate_testkit::{Provider, Script, Settings, Upstream};

/// A program against a gate that has only the simulated provider.
async fn beside_the_simulated_provider(program: &str) {
    let Some(python) = interpreter() else { return };
    let gate = Start::bare().start().await;
    run(&python, program, &[&gate.url()]).await;
    let metrics = gate.until_quiet().await;
    assert!(
        matches!(metrics.conserved(), Ok(1..)),
        "{:?}",
        metrics.conserved()
    );
}

#[tokio::test]
async fn sdk_sync_calls_streams_usage_embeddings_and_models() {
    beside_the_simulated_provider("calls.py").await;
}

#[tokio::test]
async fn sdk_async_calls_and_two_hundred_at_once() {
    beside_the_simulated_provider("async_calls.py").await;
}

#[tokio::test]
async fn sdk_errors_are_its_own_exception_classes() {
    beside_the_simulated_provider("errors.py").await;
}

#[tokio::test]
async fn sdk_a_broken_stream_raises_and_keeps_what_came() {
    let Some(python) = interpreter() else { return };
    let timeouts =
        r#"connect = "5s", first_byte = "9s", first_content = "9s", idle = "2s", total = "30s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let begun = || {
        let pieces = Script::sse()
            .event(&content_chunk("a"))
            .event(&content_chunk("b"));
        // Content is out before the break: else it would be a plain 502.
        pieces.wait(Duration::from_secs(1))
    };
    let (bad, busy) = ("{oops", error("overloaded_error", "overloaded", "too busy"));
    let last = begun()
        .event(bad)
        .event(&content_chunk("c"))
        .event(&finish_chunk())
        .done();
    for (model, script) in [
        ("resets", begun().rst()),
        ("closes", begun().fin()),
        ("stops", begun()),
        ("stalls", begun().stall()),
        ("garbles", begun().event(bad).event(bad).done()),
        ("says-so", begun().event(&busy)),
        ("stumbles", last),
    ] {
        scene.upstream.on_model(model, script);
    }
    run(&python, "mid_stream.py", &[&scene.gate.url()]).await;
    let failed = scene
        .gate
        .metric("tidegate_requests_total", &[("class", "failed")])
        .await;
    assert_eq!(failed, 6.0);
}

#[tokio::test]
async fn sdk_timeouts() {
    beside_the_simulated_provider("timeouts.py").await;
}

#[tokio::test]
async fn sdk_cancellation_by_closing_the_stream() {
    beside_the_simulated_provider("cancel.py").await;
}

#[tokio::test]
async fn sdk_keys() {
    let Some(python) = interpreter() else { return };
    let key = "tg-0123456789abcdef";
    let upstream = Upstream::start().await;
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()).models("[\"m-1\"]"))
        .tables(&format!("[auth]\nkeys = [\"{key}\"]"));
    let gate = Start::with(&settings).start().await;
    run(&python, "keys.py", &[&gate.url(), key]).await;
    assert_eq!(upstream.count(), 0);
}

#[tokio::test]
async fn sdk_retries_only_what_is_worth_it() {
    let Some(python) = interpreter() else { return };
    let scene = Scene::start().await;
    let limited = error("requests", "rate_limit_exceeded", "slow down");
    let headers = [("content-type", "application/json"), ("retry-after", "0")];
    scene
        .upstream
        .on_model("limited", Script::whole(429, &headers, limited.as_bytes()));
    let broke = error("insufficient_quota", "insufficient_quota", "no credit left");
    scene.upstream.on_model("broke", Script::json(429, &broke));
    run(&python, "retries.py", &[&scene.gate.url()]).await;
    let asked = |model: &str| {
        let requests = scene.upstream.requests();
        requests
            .iter()
            .filter(|request| request.text().contains(model))
            .count()
    };
    assert_eq!((asked("limited"), asked("broke")), (3, 1));
}
