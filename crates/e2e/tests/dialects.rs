//! Every caller before every upstream, by the official SDKs and by frameworks
//! for agents, through the real binary: what each sees is the same.
//!
//! The upstreams understand what they are asked and are strict (`native.rs`
//! shows that they are what they seem). The programs tell each cell by name.

use tidegate_e2e::natives::Natives;
use tidegate_e2e::sdk::Sdk;
use tidegate_testkit::figure;
use tidegate_testkit::native::Dialect;

/// The callers that the gate understands.
const CALLERS: &str = "chat,responses,messages";

/// A program of Python before a gate with every dialect behind it.
async fn before_all(program: &str, start: impl Future<Output = Natives>, more: &[&str]) {
    by(Sdk::Dialects, program, start, more).await;
}

async fn by(sdk: Sdk, program: &str, start: impl Future<Output = Natives>, more: &[&str]) {
    if !sdk.is_here() {
        return;
    }
    let natives = start.await;
    let url = natives.gate.url();
    let mut args = [&[url.as_str()], more].concat();
    for name in Natives::names() {
        args.push(name);
    }
    let told = sdk.run_with(program, &args, &[]).await;
    versions_are_the_callers(&natives);
    figure(&format!(
        "{program}: {}",
        told.lines().next().unwrap_or_default()
    ));
    let metrics = natives.gate.until_quiet().await;
    assert!(metrics.conserved().is_ok(), "{:?}", metrics.conserved());
}

/// Anthropic is told the version that its caller speaks, and its own default by
/// others; a caller's key goes nowhere.
fn versions_are_the_callers(natives: &Natives) {
    let seen = natives.upstream(Dialect::Anthropic).requests();
    let versions: Vec<_> = seen
        .iter()
        .map(|request| request.header("anthropic-version").unwrap_or_default())
        .collect();
    assert!(versions.iter().any(|version| version == "2026-10-21"));
    for dialect in Dialect::ALL {
        for request in natives.upstream(dialect).requests() {
            let head = String::from_utf8_lossy(request.head()).into_owned();
            assert!(
                !head.contains("tg-01234") && !head.contains("Bearer any"),
                "{head}"
            );
        }
    }
}

#[tokio::test]
async fn matrix_three_callers_before_six_upstreams() {
    before_all("matrix", Natives::start(), &[CALLERS]).await;
}

/// What the cells do not have: raw answers, the order of events, the SDK's own
/// runner of tools, fifty at once, counting, models, keys in both headers.
#[tokio::test]
async fn sdk_anthropic_flows_counts_and_keys() {
    let key = "tg-0123456789abcdef";
    before_all("messages", Natives::with_key(key), &[key]).await;
}

#[tokio::test]
async fn sdk_thoughts_are_told_and_taken_back() {
    before_all("thinking", Natives::start(), &[]).await;
}

#[tokio::test]
async fn frameworks_call_tools_through_every_pair() {
    before_all("frameworks", Natives::dropping(), &[CALLERS]).await;
}

#[tokio::test]
async fn node_three_callers_before_six_upstreams() {
    by(Sdk::Node, "dialects", Natives::start(), &[]).await;
}
