//! R-S20, R-S29: what is given up is counted where it is given up, and stands in
//! the log with its queue's length, how many went before, and whose it was.
//!
//! The id is the one that the caller gets as `x-tidegate-id`.

use serde_json::Value;
use tidegate_e2e::{Scene, is_ours, tries};
use tidegate_testkit::openai::chat;
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{Gate, Provider, Reply, Script, Settings, port, until};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

fn id(reply: &Reply) -> String {
    reply.header("x-tidegate-id").unwrap_or("none").to_owned()
}

/// The lines of the log that say this, with this id; at least one.
async fn lines(gate: &Gate, id: &str, message: &str) -> Vec<Value> {
    let found = || {
        let log = gate.stderr();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let fits = |line: &Value| line["id"] == id && line["message"] == message;
        let lines: Vec<Value> = lines.filter(fits).collect();
        (!lines.is_empty()).then_some(lines)
    };
    until(&format!("the log says `{message}` of {id}"), found).await
}

async fn scene(adjust: impl FnOnce(Provider) -> Provider) -> Scene {
    let settings = |provider| Settings::with(adjust(provider)).top("log = \"debug\"");
    Scene::with_settings(settings).await
}

#[tokio::test]
async fn r_s20_who_gets_no_permit_is_in_the_log_with_its_queue() {
    let pool = r#"size = 1, queue = 1, overflow = "error", max_wait = "20s""#;
    let scene = scene(|provider| provider.pool(pool)).await;
    scene.upstream.always(Script::silent());
    let mut clients = Vec::new();
    for waiting in [0.0, 1.0] {
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", false)).await;
        clients.push(client);
        scene.upstream.request(0).await;
        scene
            .gate
            .until_metric("tidegate_pool_waiting", &[], waiting)
            .await;
    }
    for dropped in 1..=2 {
        let reply = scene.gate.post(CHAT, &chat("m-1", false)).await;
        is_ours(&reply, Code::QueueFull);
        let line = &lines(&scene.gate, &id(&reply), "no permit").await[0];
        assert_eq!(
            (&line["waiting"], &line["dropped"]),
            (&1.into(), &dropped.into()),
            "{line}"
        );
        assert_eq!(line["provider"], "mock", "{line}");
        // And its end, under the same id.
        let ended = lines(&scene.gate, &id(&reply), "request ended").await;
        assert_eq!(ended[0]["outcome"], "queue_full");
        let full = [("reason", "queue_full")];
        let counted = scene
            .gate
            .metric("tidegate_pool_refused_total", &full)
            .await;
        assert_eq!(counted, f64::from(dropped));
    }
    drop(clients);
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn r_s20_who_finds_no_place_to_wait_for_its_next_attempt_is_counted() {
    let pool = r#"size = 1, queue = 1, overflow = "error", max_wait = "20s""#;
    let retry = r#"attempts = 2, max_wait = "20s", budget = 100, per_second = 1000"#;
    let scene = scene(|provider| provider.pool(pool).retry(retry)).await;
    scene.upstream.always(tries::limited("15"));
    let mut waits = scene.gate.connect().await;
    waits.post(CHAT, &chat("m-1", false)).await;
    let pausing = ("tidegate_requests_pausing", [("provider", "mock")]);
    scene.gate.until_metric(pausing.0, &pausing.1, 1.0).await;
    let reply = scene.gate.post(CHAT, &chat("m-1", false)).await;
    let message = "no place to wait for the next attempt";
    let line = &lines(&scene.gate, &id(&reply), message).await[0];
    assert_eq!(
        (&line["waiting"], &line["dropped"]),
        (&1.into(), &1.into()),
        "{line}"
    );
    let counted = scene
        .gate
        .metric("tidegate_requests_pausing_refused_total", &pausing.1);
    assert_eq!(counted.await, 1.0);
    drop(waits);
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn r_s29_what_is_wrong_with_an_upstream_names_the_request_that_met_it() {
    let base_url = format!("http://{}/v1", port::refused());
    let provider = Provider::new("mock", &base_url);
    let unreachable = Scene::with_settings(|_| Settings::with(provider)).await;
    let reply = unreachable.gate.post(CHAT, &chat("m-1", false)).await;
    is_ours(&reply, Code::UpstreamUnreachable);
    let line = &lines(
        &unreachable.gate,
        &id(&reply),
        "no connection to the upstream",
    )
    .await[0];
    assert_eq!(
        (&line["provider"], &line["model"]),
        (&"mock".into(), &"m-1".into())
    );
    assert!(
        line["said"].as_str().is_some_and(|said| !said.is_empty()),
        "{line}"
    );

    for (script, code) in [
        (
            Script::raw("no HTTP at all\r\n\r\n"),
            Code::UpstreamProtocol,
        ),
        (
            Script::raw("HTTP/1.1 200 O").fin(),
            Code::UpstreamDisconnected,
        ),
    ] {
        let scene = Scene::start().await;
        let reply = scene.unary(script).await;
        is_ours(&reply, code);
        let message = "the upstream's connection broke before its answer";
        let line = &lines(&scene.gate, &id(&reply), message).await[0];
        assert_eq!(line["provider"], "mock", "{line}");
    }
}

#[tokio::test]
async fn r_s20_whose_body_finds_no_room_is_in_the_log_with_what_is_held() {
    let settings = |provider| {
        let settings = Settings::with(provider).top("log = \"debug\"");
        settings.tables("[limits]\nbodies = \"1MiB\"")
    };
    let scene = Scene::with_settings(settings).await;
    let long = format!("{}{}", " ".repeat(700 << 10), chat("m-1", false));
    let whole = tidegate_testkit::client::post(CHAT, &[], &long);
    let (begun, _) = whole.split_at(whole.len() - 10);
    let mut first = scene.gate.connect().await;
    first.send(begun).await;
    let held = long.len() as f64 - 10.0;
    let bytes = "tidegate_body_bytes";
    scene.gate.until_metric(bytes, &[], held).await;
    for dropped in 1..=2 {
        let mut second = scene.gate.connect().await;
        second.try_send(&whole).await.ok();
        let reply = second.reply().await;
        is_ours(&reply, Code::Overloaded);
        let message = "no room for its bytes";
        let line = &lines(&scene.gate, &id(&reply), message).await[0];
        assert!(line["held_bytes"].as_f64() >= Some(held), "{line}");
        assert_eq!(
            (&line["limit_bytes"], &line["dropped"]),
            (&(1 << 20).into(), &dropped.into()),
            "{line}"
        );
        let ended = lines(&scene.gate, &id(&reply), "request ended").await;
        assert_eq!(ended[0]["outcome"], "overloaded");
    }
    drop(first);
    scene.gate.until_quiet().await;
}

/// Nothing of a request is read there, so the id is one of the refusal.
#[tokio::test]
async fn r_s29_a_connection_that_is_refused_has_an_id_too() {
    let settings = |provider| {
        let settings = Settings::with(provider).top("log = \"debug\"");
        settings.tables("[limits]\nconnections = 2")
    };
    let scene = Scene::with_settings(settings).await;
    let (mut served, mut refused) = (Vec::new(), Vec::new());
    while refused.len() < 2 {
        let mut client = scene.gate.connect().await;
        client.get("/livez").await;
        let reply = client.reply().await;
        if reply.status() == 200 {
            served.push(client);
            continue;
        }
        is_ours(&reply, Code::Overloaded);
        let message = "no place for a connection";
        refused.extend(lines(&scene.gate, &id(&reply), message).await);
    }
    let dropped = |line: &Value| line["dropped"].as_u64().unwrap_or_default();
    assert!(dropped(&refused[0]) > 0, "{refused:?}");
    assert_eq!(dropped(&refused[1]), dropped(&refused[0]) + 1);
    assert_eq!((&refused[1]["open"], served.len()), (&2.into(), 2));
}

/// One id from the head of the answer through the page, the operator's cancel
/// and the events to the log.
#[tokio::test]
async fn r_s29_one_id_on_every_way() {
    let scene = scene(|provider| provider).await;
    scene.upstream.always(Script::silent());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", true)).await;
    let shown = until_async("it is in flight", || async {
        let all = scene.gate.debug_requests().await;
        all.into_iter().find(|one| one["stage"] == "waiting")
    })
    .await;
    let known = shown["id"].as_str().unwrap_or("none");
    let mut watch = scene.gate.connect().await;
    watch.get("/debug/requests?watch=1").await;
    watch.head().await;
    let state = watch.event().await.json().unwrap_or_default();
    assert_eq!(state["requests"][0]["id"], known);
    scene.gate.delete(&format!("/debug/requests/{known}")).await;
    let ended = watch.event().await.json().unwrap_or_default();
    assert_eq!(
        (&ended["id"], &ended["outcome"]),
        (&known.into(), &"operator".into())
    );
    assert_eq!(id(&client.reply().await), known);
    lines(&scene.gate, known, "an operator ends a request").await;
    let line = &lines(&scene.gate, known, "request ended").await[0];
    assert_eq!(line["outcome"], "operator", "{line}");
}

#[tokio::test]
async fn r_s20_the_log_tells_its_own_numbers() {
    let scene = Scene::start().await;
    let metrics = scene.gate.metrics().await;
    assert!(metrics.knows("tidegate_log_waiting_bytes"));
    let dropped = "tidegate_log_lines_dropped_total";
    assert!(metrics.knows(dropped));
    assert_eq!(metrics.sum(dropped, &[]), 0.0);
}
