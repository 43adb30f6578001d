//! What tests of further attempts share: a gate that makes them, upstreams that
//! give it a reason, and a look at what became of them.
//!
//! Delays are some milliseconds and the retry budget is out of the way; a test
//! of the one or the other sets its own.

use tidegate_testkit::gate::Metrics;
use tidegate_testkit::{Provider, Script, Settings, Upstream, openai};

use crate::Scene;

/// Up to three attempts, soon after one another.
pub const QUICK: &str =
    r#"attempts = 3, base = "1ms", cap = "10ms", budget = 100, per_second = 1000"#;

/// The budget of the process, out of the way too.
pub const BUDGET: &str = "[retry]\nbudget = 100";

/// A scene whose gate makes further attempts.
pub async fn trying(adjust: impl FnOnce(Provider) -> Provider) -> Scene {
    let settings = |provider: Provider| Settings::with(adjust(provider.retry(QUICK)));
    Scene::with_settings(|provider| settings(provider).tables(BUDGET)).await
}

/// The same with so many keys, which are asked in their turn.
pub async fn with_keys(count: usize) -> Scene {
    let keys: Vec<String> = (0..count).map(key).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    trying(|provider| provider.keys(&keys).line("pick = \"round_robin\"")).await
}

/// The value of the key with this number; see [`Provider::keys`] for its name.
pub fn key(number: usize) -> String {
    format!("sk-upstream-{number}")
}

/// A limit on the rate of calls, with a time to come back.
pub fn limited(retry_after: &str) -> Script {
    let body = openai::error("requests", "rate_limit_exceeded", "slow down");
    let headers = [
        ("content-type", "application/json"),
        ("retry-after", retry_after),
    ];
    Script::whole(429, &headers, body.as_bytes())
}

/// An error with this status and code.
pub fn failing(status: u16, code: &str) -> Script {
    Script::json(status, &openai::error("some_error", code, "no"))
}

/// A whole answer.
pub fn good() -> Script {
    Script::json(200, &openai::completion("tide"))
}

/// The numbers of the keys that the upstream was asked with, in their order;
/// the largest number stands for another key, or none.
pub fn keys(upstream: &Upstream) -> Vec<usize> {
    let requests = upstream.requests();
    requests
        .iter()
        .map(|request| {
            let bearer = request.header("authorization");
            let number = bearer.as_deref().and_then(|value| {
                let number = value.strip_prefix("Bearer sk-upstream-")?;
                number.parse().ok()
            });
            number.unwrap_or(usize::MAX)
        })
        .collect()
}

/// Checks the ledger of a gate that has come to rest: exactly these outcomes
/// (class, label, how often), and the law over them.
///
/// # Panics
/// When it holds others.
pub async fn ledger(scene: &Scene, outcomes: &[(&str, &str, u32)]) -> Metrics {
    let metrics = scene.gate.until_quiet().await;
    for (class, label, count) in outcomes {
        let labels = [("class", *class), ("label", *label)];
        let seen = metrics.sum("tidegate_requests_total", &labels);
        assert_eq!(seen, f64::from(*count), "{class} {label}: {metrics:?}");
    }
    let all: u32 = outcomes.iter().map(|(_, _, count)| count).sum();
    assert_eq!(metrics.conserved(), Ok(u64::from(all)), "{metrics:?}");
    metrics
}

/// Attempts that were begun, and further ones by the code of what failed before.
pub fn attempts(metrics: &Metrics, reason: &str) -> (f64, f64) {
    (
        metrics.sum("tidegate_attempts_total", &[]),
        metrics.sum("tidegate_retries_total", &[("reason", reason)]),
    )
}
