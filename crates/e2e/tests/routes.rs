//! Routes and the cache through the real binary: the configuration as its page has
//! it, real upstreams behind real sockets, and a reload in the middle.

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::Start;
use tidegate_testkit::{Provider, Script, Settings, Upstream, openai};

const CHAT: &str = "/v1/chat/completions";

/// A gate whose `mock` is the upstream, with these lines more.
async fn scene(lines: &str) -> Scene {
    let upstream = Upstream::start().await;
    let provider = Provider::new("mock", &upstream.base_url());
    let settings = Settings::with(provider).tables(lines);
    let gate = Start::with(&settings).start().await;
    Scene { upstream, gate }
}

const ROUTES: &str = r#"
[routes.fast]
strategy = "latency"
steps = [[{ target = "sim/sim-0-20-0-4", weight = 3 }, { target = "sim/sim-50-20-0-4" }], [{ target = "sim/echo" }]]
[routes.two]
steps = [[{ target = "mock/a" }], [{ target = "mock/b" }]]
[cache]
exact = { enabled = true, ttl = "5m", max_bytes = "64MiB" }
"#;

/// The configuration of the page works as it stands.
#[tokio::test]
async fn the_example_answers_and_answers_again_from_memory() {
    let scene = scene(ROUTES).await;
    for wanted in ["miss", "hit"] {
        for stream in [false, true] {
            let reply = scene.gate.post(CHAT, &openai::chat("fast", stream)).await;
            assert_eq!(reply.status(), 200, "{}", reply.text());
            assert_eq!(reply.header("x-tidegate-cache"), Some(wanted));
            let target = reply.header("x-tidegate-target").unwrap_or_default();
            assert!(target.starts_with("sim/sim-"), "{target}");
            assert!(!stream || reply.text().ends_with("data: [DONE]\n\n"));
        }
    }
    assert_eq!(scene.gate.metric("tidegate_cache_entries", &[]).await, 2.0);
}

/// A target that fails is left for the next, and the operator sees how often.
#[tokio::test]
async fn a_target_that_fails_is_left_for_the_next_one() {
    let scene = scene(ROUTES).await;
    let upstream = &scene.upstream;
    upstream.on_model("a", Script::json(500, "{}"));
    upstream.on_model("b", Script::json(200, &openai::completion("tide")));
    let mut body: Value = serde_json::from_str(&openai::chat("two", false)).unwrap_or_default();
    for (number, from) in ["none", "field"].into_iter().enumerate() {
        body["seed"] = number.into();
        if from == "field" {
            body["model"] = "mock/a".into();
            body["fallbacks"] = serde_json::json!(["mock/b"]);
        }
        let reply = scene.gate.post(CHAT, &body.to_string()).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        let target = reply.header("x-tidegate-target");
        assert_eq!(target, Some("mock/b"));
    }
    let seen = upstream.requests();
    let last = seen.last().map(|one| one.text()).unwrap_or_default();
    assert!(!last.contains("fallbacks"), "it is ours: {last}");
    let labels = [("provider", "mock"), ("reason", "failure")];
    let back = scene.gate.metric("tidegate_fallbacks_total", &labels).await;
    assert_eq!(back, 2.0);
    let models = scene.gate.get("/v1/models").await.text();
    assert!(models.contains("\"id\":\"two\""), "{models}");
}
