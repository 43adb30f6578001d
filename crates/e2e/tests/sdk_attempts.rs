//! The official Python SDK before a gate that makes attempts of its own: one
//! layer retries, not two (controls A.5).
//!
//! The SDK's own retries are on, as they are by default. What counts is how
//! many calls the gate received and how many attempts the upstream saw.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_e2e::sdk::{interpreter, run};
use tidegate_e2e::tries::{failing, good, ledger, limited, trying};
use tidegate_testkit::openai::{content_chunk, role_chunk};
use tidegate_testkit::{Provider, Script};
use tidegate_types::Code;

/// Runs one chapter of `repaired.py` against an upstream with these scripts,
/// the last of them for ever; `None` where there is no SDK.
async fn chapter(
    what: &str,
    scripts: &[Script],
    adjust: impl FnOnce(Provider) -> Provider,
) -> Option<Scene> {
    let python = interpreter()?;
    let scene = trying(adjust).await;
    let (last, before) = scripts.split_last()?;
    for script in before {
        scene.upstream.next(script.clone());
    }
    scene.upstream.always(last.clone());
    run(&python, "repaired.py", &[&scene.gate.url(), what]).await;
    Some(scene)
}

#[tokio::test]
async fn sdk_a_repaired_500_is_one_call() {
    let scripts = [failing(500, "x"), good()];
    let Some(scene) = chapter("stumbles", &scripts, |same| same).await else {
        return;
    };
    ledger(&scene, &[("completed", "completed", 1)]).await;
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn sdk_no_amplification_when_everything_fails() {
    let Some(scene) = chapter("fails", &[failing(500, "x")], |same| same).await else {
        return;
    };
    // Two layers that retry would have made six.
    ledger(&scene, &[("failed", Code::UpstreamError.as_str(), 1)]).await;
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn sdk_a_limit_of_a_second_is_waited_out_by_the_gate() {
    let scripts = [limited("1"), good()];
    let Some(scene) = chapter("limited", &scripts, |same| same).await else {
        return;
    };
    ledger(&scene, &[("completed", "completed", 1)]).await;
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn sdk_a_stream_that_breaks_before_its_content_is_repaired_unseen() {
    let scripts = [
        Script::sse().event(&role_chunk()).rst(),
        Script::stream_of(&["ti", "de"]),
    ];
    let Some(scene) = chapter("breaks-early", &scripts, |same| same).await else {
        return;
    };
    ledger(&scene, &[("completed", "completed", 1)]).await;
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn sdk_a_stream_that_breaks_after_content_raises_and_is_not_repeated() {
    let begun = Script::sse()
        .event(&role_chunk())
        .event(&content_chunk("ti"));
    // The content is out before the break: else it could be repaired.
    let scripts = [begun.wait(Duration::from_millis(500)).rst()];
    let Some(scene) = chapter("breaks-late", &scripts, |same| same).await else {
        return;
    };
    let code = Code::UpstreamDisconnected.as_str();
    ledger(&scene, &[("failed", code, 1)]).await;
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn sdk_comes_back_when_the_breaker_lets_it() {
    let breaker = r#"breaker = { failures = 2, open = "1500ms", open_max = "2s" }"#;
    let once = |provider: Provider| provider.retry("attempts = 1").line(breaker);
    let scripts = [failing(500, "x"), failing(500, "x"), good()];
    let Some(scene) = chapter("out", &scripts, once).await else {
        return;
    };
    let metrics = scene.gate.until_quiet().await;
    let label = [("label", Code::UpstreamUnavailable.as_str())];
    let refused = metrics.sum("tidegate_requests_total", &label);
    assert!((2.0..=3.0).contains(&refused), "{refused} were refused");
    assert_eq!(scene.upstream.count(), 3, "two failed, the third is served");
}
