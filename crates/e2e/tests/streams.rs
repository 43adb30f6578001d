//! The main way of a request: what goes through, when, and unchanged.
//!
//! R-P1 (a chunk arrives while the model still works), R-G16, R-G21 and
//! R-G46 (in order, never another's data), the fast path's promise that bytes
//! and key order stay, and contracts 12 (who asks for usage).

use std::time::Duration;

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{
    chat, completion, content_chunk, finish_chunk, role_chunk, usage_chunk,
};
use tidegate_testkit::{RawClient, Script, Signal, crowd};

const CHAT: &str = "/v1/chat/completions";

#[tokio::test]
async fn r_p1_a_chunk_arrives_while_the_upstream_still_holds_the_rest() {
    let scene = Scene::start().await;
    let steps = [Signal::new(), Signal::new(), Signal::new()];
    let mut script = Script::sse()
        .event(&role_chunk())
        .event(&content_chunk("first"));
    for (step, text) in steps.iter().zip(["second", "third", "fourth"]) {
        script = script.until(step).event(&content_chunk(text));
    }
    scene.upstream.next(script.event(&finish_chunk()).done());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", true)).await;
    let head = client.head().await;
    assert_eq!(
        head.header("content-type"),
        Some("text/event-stream; charset=utf-8")
    );
    assert!(
        client.event().await.content().is_empty(),
        "the role comes first"
    );
    assert_eq!(client.event().await.content(), "first");
    for (step, text) in steps.iter().zip(["second", "third", "fourth"]) {
        step.fire();
        assert_eq!(client.event().await.content(), text);
    }
    let rest = client.rest(head).await;
    assert!(
        rest.events().last().is_some_and(|event| event.is_done()),
        "{}",
        rest.text()
    );
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn the_requests_bytes_reach_the_upstream_unchanged() {
    let odd = "{ \"messages\" :[ {\"content\":\"caf\\u00e9 \u{1f30a}\\/\",\n\"role\":\"user\"}],\t\"seed\": 1.0e-7,\r\n \"model\"  : \"m-1\" ,\"zeta\":{\"b\":1,\"a\":[ ]}, \"temperature\":0.10 }";
    let scene = Scene::start().await;
    let answer = "{\"id\": \"x\",\n \"object\":\"chat.completion\", \"choices\":[ {\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"caf\\u00e9\"},\"finish_reason\":\"stop\"} ],\"extra\" :1.10 }";
    scene.upstream.next(Script::json(200, answer));
    let reply = scene.gate.post(CHAT, odd).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, answer));
    let seen = scene.upstream.request(0).await;
    assert_eq!(seen.text(), odd);
    assert_eq!(seen.line(), ("POST".to_owned(), CHAT.to_owned()));
    assert_eq!(seen.header("content-length"), Some(odd.len().to_string()));

    // Only the name of the model changes when it names its provider.
    scene.upstream.next(Script::json(200, answer));
    let named = odd.replace("\"m-1\"", "\"mock/m-1\"");
    assert_eq!(scene.gate.post(CHAT, &named).await.status(), 200);
    assert_eq!(scene.upstream.request(1).await.text(), odd);
}

#[tokio::test]
async fn the_events_bytes_reach_the_caller_unchanged() {
    let events = [
        format!("data: {}\n\n", role_chunk()),
        format!("data:{}\r\n\r\n", content_chunk("no space")),
        format!("event: chunk\nid: 1\nretry: 5\ndata: {}\n\n", content_chunk("named")),
        "data: { \"choices\" : [ {\"delta\":{\"content\":\"\\u00e9\"} , \"index\":0}],\"x\":1.0 }\n\n".to_owned(),
        format!("data: {}\n\n", finish_chunk()),
        "data: [DONE]\n\n".to_owned(),
    ];
    let together = events.concat();
    let scene = Scene::start().await;
    let reply = scene.stream(Script::sse().bytes(together.clone())).await;
    assert_eq!(reply.text(), together);
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn contracts_12_usage_is_asked_for_the_gate_and_kept_from_who_did_not_ask() {
    let scene = Scene::start().await;
    let body = r#"{ "model":"m-1", "messages":[], "stream":true }"#;
    let script = Script::sse()
        .event(&content_chunk("a"))
        .event(&finish_chunk())
        .event(&usage_chunk());
    scene.upstream.next(script.done());
    let reply = scene.gate.post(CHAT, body).await;
    assert!(!reply.text().contains("prompt_tokens"), "{}", reply.text());
    assert!(reply.events().last().is_some_and(|event| event.is_done()));
    let seen: Value = serde_json::from_str(&scene.upstream.request(0).await.text()).expect("JSON");
    let mut expected: Value = serde_json::from_str(body).expect("JSON");
    expected["stream_options"] = serde_json::json!({ "include_usage": true });
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn contracts_12_who_asks_for_usage_gets_it_and_an_unchanged_body() {
    let scene = Scene::start().await;
    let body = r#"{"stream_options" : {"include_usage" :true}, "model":"m-1","messages":[],"stream":true}"#;
    let script = Script::sse()
        .event(&content_chunk("a"))
        .event(&finish_chunk())
        .event(&usage_chunk());
    scene.upstream.next(script.done());
    let reply = scene.gate.post(CHAT, body).await;
    assert!(reply.text().contains(&usage_chunk()), "{}", reply.text());
    assert_eq!(scene.upstream.request(0).await.text(), body);
}

#[tokio::test]
async fn contracts_12_only_the_chunk_with_empty_choices_is_withheld() {
    let with_choices = content_chunk("b").replace("\"choices\"", "\"usage\":null,\"choices\"");
    let and_usage = finish_chunk().replace(
        "\"choices\"",
        "\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2,\"total_tokens\":7},\"choices\"",
    );
    let scene = Scene::start().await;
    let script = Script::sse()
        .event(&content_chunk("a"))
        .event(&with_choices)
        .event(&and_usage);
    let reply = scene.stream(script.event(&usage_chunk()).done()).await;
    assert!(reply.text().contains(&with_choices) && reply.text().contains(&and_usage));
    assert!(!reply.text().contains(&usage_chunk()), "{}", reply.text());
}

#[tokio::test]
async fn contracts_12_a_provider_that_knows_no_usage_is_not_asked() {
    let scene = Scene::with(|provider| provider.line("usage = \"never\"")).await;
    assert_eq!(scene.stream(Script::stream_of(&["a"])).await.content(), "a");
    assert_eq!(scene.upstream.request(0).await.text(), chat("m-1", true));
}

#[tokio::test]
async fn the_other_endpoints_go_through_too() {
    let scene = Scene::start().await;
    let prompt = r#"{"model":"m-1","prompt":"hello","max_tokens":5}"#;
    let text = r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"hi","finish_reason":"stop"}]}"#;
    scene.upstream.next(Script::json(200, text));
    let reply = scene.gate.post("/v1/completions", prompt).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, text));
    assert_eq!(scene.upstream.request(0).await.text(), prompt);

    let event = r#"{"id":"c","object":"text_completion","choices":[{"index":0,"text":"hi","finish_reason":"stop"}]}"#;
    scene.upstream.next(Script::sse().event(event).done());
    let streamed = prompt.replace('}', r#","stream":true}"#);
    let reply = scene.gate.post("/v1/completions", &streamed).await;
    assert_eq!((reply.status(), reply.content().as_str()), (200, "hi"));

    let input = r#"{"model":"m-1","input":["a","b"]}"#;
    let vectors = r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],"model":"m-1","usage":{"prompt_tokens":2,"total_tokens":2}}"#;
    scene.upstream.next(Script::json(200, vectors));
    let reply = scene.gate.post("/v1/embeddings", input).await;
    assert_eq!((reply.status(), reply.text().as_str()), (200, vectors));
    let paths: Vec<String> = scene
        .upstream
        .requests()
        .iter()
        .map(|one| one.line().1)
        .collect();
    assert_eq!(
        paths,
        ["/v1/completions", "/v1/completions", "/v1/embeddings"]
    );
}

#[tokio::test]
async fn models_are_listed_by_name_and_globs_are_not() {
    let scene = Scene::with(|provider| provider.models(r#"["gpt-4o", "gpt-*"]"#)).await;
    let reply = scene.gate.get("/v1/models").await;
    assert_eq!(reply.status(), 200);
    let json = reply.json();
    assert_eq!(json["object"], "list");
    let ids: Vec<&str> = json["data"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|one| one["id"].as_str())
        .collect();
    assert!(ids.contains(&"gpt-4o"), "{ids:?}");
    assert!(!ids.iter().any(|id| id.contains('*')), "{ids:?}");
    assert!(
        ids.contains(&"echo"),
        "the simulated provider is always there: {ids:?}"
    );
}

#[tokio::test]
async fn debug_requests_names_stage_and_what_is_waited_for() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::silent());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    let requests = scene.gate.debug_requests().await;
    let asked: Vec<&Value> = requests
        .iter()
        .filter(|one| one["model"] == "m-1")
        .collect();
    assert_eq!(asked.len(), 1, "{requests:?}");
    assert_eq!(asked[0]["provider"], "mock");
    assert!(
        asked[0]["id"].as_str().is_some_and(|id| id.len() == 36),
        "{asked:?}"
    );
    assert!(asked[0]["age_ms"].is_u64(), "{asked:?}");
    for member in ["stage", "waits_for"] {
        assert!(
            asked[0][member]
                .as_str()
                .is_some_and(|text| !text.is_empty()),
            "{asked:?}"
        );
    }
    drop(client);
    scene.gate.until_quiet().await;
    assert!(
        scene
            .gate
            .debug_requests()
            .await
            .iter()
            .all(|one| one["model"] != "m-1")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_g21_r_g46_no_answer_is_crossed_with_anothers() {
    let gate = Start::bare().start().await;
    let address = gate.address();
    crowd(600, 150, |number| async move {
        let stream = number % 2 == 0;
        let unique = format!("only-{number}-{}", "x".repeat(number * 7 % 900));
        let body = chat("echo", stream).replace("hello there", &unique);
        let mut client = RawClient::connect(address).await;
        // Two on one connection, so that its buffers are used again.
        for _ in 0..2 {
            client.post(CHAT, &body).await;
            let reply = client.reply().await;
            assert_eq!(reply.status(), 200, "{}", reply.text());
            let told = match stream {
                true => reply.content(),
                false => {
                    let json = reply.json();
                    let told = json
                        .pointer("/choices/0/message/content")
                        .and_then(Value::as_str);
                    told.unwrap_or_default().to_owned()
                }
            };
            assert_eq!(told, unique);
        }
    })
    .await;
    assert_eq!(gate.until_quiet().await.conserved(), Ok(1200));
}

#[tokio::test]
async fn a_long_prompt_and_a_long_answer_go_through_whole() {
    let scene = Scene::start().await;
    let long = "w\u{f6}rter ".repeat(200_000);
    let body = chat("m-1", false).replace("hello there", &long);
    let answer = completion(&long);
    let script = Script::chunked(200, &[("content-type", "application/json")]);
    scene
        .upstream
        .next(script.split(answer.as_bytes(), 300_000));
    let reply = scene.gate.post(CHAT, &body).await;
    assert_eq!(reply.text(), answer);
    assert_eq!(scene.upstream.request(0).await.text(), body);
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn r_g20_a_slow_reader_holds_the_upstream_back_and_loses_nothing() {
    let scene = Scene::start().await;
    let text = "x".repeat(8 * 1024);
    let mut script = Script::sse();
    for _ in 0..1_500 {
        script = script.event(&content_chunk(&text));
    }
    scene.upstream.next(script.event(&finish_chunk()).done());
    let before = scene.gate.usage().rss_kib;
    let mut client = RawClient::connect_narrow(scene.gate.address(), 64 * 1024).await;
    client.post(CHAT, &chat("m-1", true)).await;
    scene.upstream.request(0).await;
    tidegate_testkit::pause(Duration::from_millis(700)).await;
    let grown = scene.gate.usage().rss_kib.saturating_sub(before);
    assert!(grown < 6 * 1024, "{grown} KiB wait for one slow reader");
    let reply = client.reply().await;
    assert_eq!(reply.content().len(), 1_500 * text.len());
    scene.settled("completed", "completed").await;
}
