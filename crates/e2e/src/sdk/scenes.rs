//! What the programs of both languages meet: each a gate, and behind it the
//! simulated provider or a scripted upstream.
//!
//! A scene runs one program to its end and checks the ledger after it. Where
//! the SDK is not here a scene does nothing.

use std::time::Duration;

use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{content_chunk, error, finish_chunk};
use tidegate_testkit::{Provider, Script, Settings, Upstream};

use super::Sdk;
use crate::Scene;
use crate::tries::trying;

/// A program against a gate that has only the simulated provider.
///
/// # Panics
/// When it fails, or the ledger does not add up.
pub async fn simulated(sdk: Sdk, program: &str) {
    simulated_with(sdk, program, &[]).await;
}

/// The same with more arguments.
///
/// # Panics
/// When it fails, or the ledger does not add up.
pub async fn simulated_with(sdk: Sdk, program: &str, args: &[&str]) {
    if !sdk.is_here() {
        return;
    }
    let gate = Start::bare().start().await;
    sdk.run(program, &[&[gate.url().as_str()], args].concat())
        .await;
    let metrics = gate.until_quiet().await;
    assert!(
        matches!(metrics.conserved(), Ok(1..)),
        "{:?}",
        metrics.conserved()
    );
}

/// `mid_stream`: an upstream whose models break after content, each its way.
///
/// # Panics
/// When a break looks like an end, or is not counted as a failure.
pub async fn mid_stream(sdk: Sdk) {
    if !sdk.is_here() {
        return;
    }
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
    sdk.run("mid_stream", &[&scene.gate.url()]).await;
    let failed = scene
        .gate
        .metric("tidegate_requests_total", &[("class", "failed")])
        .await;
    assert_eq!(failed, 6.0);
}

/// `keys`: a gate with a key of its own, whose upstream must not be asked.
///
/// # Panics
/// When the wrong one opens, or the right one does not.
pub async fn keys(sdk: Sdk) {
    if !sdk.is_here() {
        return;
    }
    let key = "tg-0123456789abcdef";
    let upstream = Upstream::start().await;
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()).models("[\"m-1\"]"))
        .tables(&format!("[auth]\nkeys = [\"{key}\"]"));
    let gate = Start::with(&settings).start().await;
    sdk.run("keys", &[&gate.url(), key]).await;
    assert_eq!(upstream.count(), 0);
}

/// `retries`: an upstream that is worth coming back to, and one that is not.
///
/// # Panics
/// When the SDK asks another number of times.
pub async fn retries(sdk: Sdk) {
    if !sdk.is_here() {
        return;
    }
    let scene = Scene::start().await;
    let limited = error("requests", "rate_limit_exceeded", "slow down");
    let headers = [("content-type", "application/json"), ("retry-after", "0")];
    scene
        .upstream
        .on_model("limited", Script::whole(429, &headers, limited.as_bytes()));
    let broke = error("insufficient_quota", "insufficient_quota", "no credit left");
    scene.upstream.on_model("broke", Script::json(429, &broke));
    sdk.run("retries", &[&scene.gate.url()]).await;
    let asked = |model: &str| {
        let requests = scene.upstream.requests();
        requests
            .iter()
            .filter(|request| request.text().contains(model))
            .count()
    };
    assert_eq!((asked("limited"), asked("broke")), (3, 1));
}

/// One chapter of `repaired` against an upstream with these scripts, the last
/// of them for ever; `None` where the SDK is not here.
///
/// # Panics
/// When it fails.
pub async fn chapter(
    sdk: Sdk,
    what: &str,
    scripts: &[Script],
    adjust: impl FnOnce(Provider) -> Provider,
) -> Option<Scene> {
    if !sdk.is_here() {
        return None;
    }
    let scene = trying(adjust).await;
    let (last, before) = scripts.split_last()?;
    for script in before {
        scene.upstream.next(script.clone());
    }
    scene.upstream.always(last.clone());
    sdk.run("repaired", &[&scene.gate.url(), what]).await;
    Some(scene)
}
