//! Providers of kind `azure`: which path a call takes, in which header the key
//! goes, and what of both the caller and the upstream see.

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::Start;
use tidegate_testkit::{Provider, Script, Settings, Upstream, openai};

const CHAT: &str = "/v1/chat/completions";

/// A gate whose `mock` is Azure's, with these lines more.
async fn azure(lines: &str) -> Scene {
    let upstream = Upstream::start().await;
    let base = upstream.base_url();
    let provider = Provider::new("mock", base.trim_end_matches("/v1"));
    let provider = provider.kind("azure").key("azure-canary-key").line(lines);
    let gate = Start::with(&Settings::with(provider)).start().await;
    Scene { upstream, gate }
}

fn as_azure(lines: &str) -> String {
    format!("deployments = {{ \"gpt-4o\" = \"my-dep\" }}\n{lines}")
}

fn model(body: &[u8]) -> Value {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    body["model"].clone()
}

#[tokio::test]
async fn a_dated_version_has_the_deployment_in_its_path_and_the_key_in_its_header() {
    let scene = azure(&as_azure("api_version = \"2024-10-21\"")).await;
    scene
        .upstream
        .always(Script::json(200, &openai::completion("tide")));
    for (asked, deployment) in [
        ("gpt-4o", "my-dep"),
        ("mock/gpt-4o", "my-dep"),
        ("mock/own.name", "own.name"),
    ] {
        let before = scene.upstream.count();
        let reply = scene.gate.post(CHAT, &openai::chat(asked, false)).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        let seen = scene.upstream.request(before).await;
        let path =
            format!("/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21");
        assert_eq!(seen.line(), ("POST".to_owned(), path));
        assert_eq!(seen.header("api-key").as_deref(), Some("azure-canary-key"));
        assert_eq!(seen.header("authorization"), None);
        assert_eq!(model(seen.body()), deployment);
    }
    let count = scene.upstream.count();
    for odd in ["mock/../../files", "mock/a?b", "mock/.."] {
        let reply = scene.gate.post(CHAT, &openai::chat(odd, false)).await;
        assert_eq!(reply.status(), 404, "{odd}: {}", reply.text());
    }
    assert_eq!(scene.upstream.count(), count, "none of them went out");
}

/// As Azure's SDK asks for them: they are the resource's, and their model stands
/// in the body.
#[tokio::test]
async fn responses_of_a_dated_version_have_no_deployment_in_their_path() {
    let scene = azure(&as_azure("api_version = \"2025-04-01-preview\"")).await;
    let answer =
        r#"{"id":"resp_1","object":"response","status":"completed","model":"m","output":[]}"#;
    scene.upstream.always(Script::json(200, answer));
    let asked = r#"{"model":"gpt-4o","input":"How high is the tide?"}"#;
    let reply = scene.gate.post("/v1/responses", asked).await;
    assert_eq!((reply.status(), &*reply.text()), (200, answer));
    let seen = scene.upstream.request(0).await;
    let path = "/openai/responses?api-version=2025-04-01-preview";
    assert_eq!(seen.line().1, path);
    assert_eq!(model(seen.body()), "my-dep");
}

#[tokio::test]
async fn without_a_date_the_newer_paths_are_called_and_the_body_names_the_deployment() {
    for (version, query) in [
        ("", ""),
        ("api_version = \"preview\"", "?api-version=preview"),
    ] {
        let scene = azure(&as_azure(version)).await;
        scene
            .upstream
            .next(Script::json(200, &openai::completion("tide")));
        let reply = scene.gate.post(CHAT, &openai::chat("gpt-4o", false)).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        let seen = scene.upstream.request(0).await;
        assert_eq!(seen.line().1, format!("/openai/v1/chat/completions{query}"));
        assert_eq!(model(seen.body()), "my-dep");
        assert_eq!(seen.header("api-key").as_deref(), Some("azure-canary-key"));
    }
}

#[tokio::test]
async fn a_stream_with_what_azure_adds_goes_on_as_it_is() {
    let scene = azure(&as_azure("api_version = \"2024-10-21\"")).await;
    let filters = r#"{"choices":[],"created":0,"id":"","model":"","object":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{}}]}"#;
    let script = Script::sse()
        .event(filters)
        .event(&openai::role_chunk())
        .event(&openai::content_chunk("tide"))
        .event(&openai::finish_chunk())
        .done();
    scene.upstream.next(script);
    let reply = scene.gate.post(CHAT, &openai::chat("gpt-4o", true)).await;
    let text = reply.text();
    assert_eq!(reply.status(), 200, "{text}");
    assert!(text.contains(filters) && text.contains("tide"), "{text}");
    assert!(text.trim_end().ends_with("data: [DONE]"), "{text}");
}

#[tokio::test]
async fn a_refused_key_is_told_as_the_providers_and_never_shown() {
    let scene = azure(&as_azure("api_version = \"2024-10-21\"")).await;
    let body = r#"{"error":{"code":"401","message":"Access denied due to invalid subscription key azure-canary-key."}}"#;
    scene.upstream.next(Script::json(401, body));
    let reply = scene.gate.post(CHAT, &openai::chat("gpt-4o", false)).await;
    assert_eq!(reply.status(), 502, "{}", reply.text());
    assert!(!reply.text().contains("canary"), "{}", reply.text());
}

#[tokio::test]
async fn what_has_a_deployment_is_listed() {
    let scene = azure(&as_azure("")).await;
    let listed = scene.gate.get("/v1/models").await;
    let listed: Value = serde_json::from_str(&listed.text()).unwrap();
    let names = listed["data"].as_array().unwrap().iter();
    let names: Vec<_> = names
        .filter(|one| one["owned_by"] == "mock")
        .map(|one| one["id"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["gpt-4o"]);
}
