//! `tidegate models`, `requests` and `cancel` with the real gateway: tables for
//! people, JSON for programs, and what a terminal is shown.

use std::process::Command;

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::{Folder, Start, command_output};
use tidegate_testkit::openai::{chat, content_chunk};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Gate, RawClient, Script, Signal, Stopwatch, Upstream, binary, figure, until,
};

const CHAT: &str = "/v1/chat/completions";

fn tidegate(gate: &Gate, args: &[&str]) -> Start {
    Start::command(args).env("TIDEGATE_URL", &gate.address().to_string())
}

async fn run(start: Start) -> (Option<i32>, String, String) {
    let (status, stdout, stderr) = start.run().await;
    (status.code(), stdout, stderr)
}

fn words(line: &str) -> Vec<&str> {
    line.split("  ")
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect()
}

/// A stream that has begun and does not go on, and its id.
async fn streaming(scene: &Scene) -> (RawClient, String) {
    scene
        .upstream
        .next(Script::sse().event(&content_chunk("half")).stall());
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &chat("m-1", true)).await;
    let head = client.head().await;
    client.event().await;
    let id = head.header("x-tidegate-id").unwrap_or("no id").to_owned();
    until_async("the answer flows", || async {
        let requests = scene.gate.debug_requests().await;
        let flows = requests.iter().any(|one| one["stage"] == "streaming");
        flows.then_some(())
    })
    .await;
    (client, id)
}

#[tokio::test]
async fn models_are_listed_with_where_each_leads() {
    let named = |provider: tidegate_testkit::Provider| {
        let provider = provider.models(r#"["m-1", "gpt-4o", "m-*"]"#);
        provider.line("[catalogue.m-1]\ncontext_window = 9000\nvision = true\ninput_price = 1.5")
    };
    let scene = Scene::with(named).await;
    let (code, stdout, stderr) = run(tidegate(&scene.gate, &["models"])).await;
    assert_eq!((code, &*stderr), (Some(0), ""));
    let lines: Vec<_> = stdout.lines().map(words).collect();
    let head = [
        "MODEL",
        "PROVIDER",
        "CONTEXT",
        "OUTPUT",
        "USD/M IN/OUT",
        "CACHED",
        "CAN",
    ];
    assert_eq!(lines[0], head);
    assert_eq!(lines[1], ["m-1", "mock", "9000", "1.5", "vision"]);
    // Known anyway, but for its price: this upstream is not its maker's.
    let known = [
        "gpt-4o",
        "mock",
        "128000",
        "16384",
        "vision tools structured_output",
    ];
    assert_eq!(lines[2], known);
    assert!(lines.contains(&vec!["echo", "sim"]), "{stdout}");

    let (code, stdout, _) = run(tidegate(&scene.gate, &["models", "--json"])).await;
    let list: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(code, Some(0));
    assert_eq!(
        (&list["data"][0]["id"], &list["data"][0]["owned_by"]),
        (&"m-1".into(), &"mock".into())
    );
    let facts = serde_json::json!({
        "context_window": 9000, "capabilities": ["vision"], "input_price": 1.5,
    });
    assert_eq!(list["data"][0]["facts"], facts);
    // Who does not ask for it has OpenAI's form, and no more.
    let plain = scene.gate.get("/v1/models").await.text();
    assert!(!plain.contains("facts"), "{plain}");
    let odd = scene.gate.get("/v1/models?facts=all").await;
    assert_eq!(odd.status(), 400, "{}", odd.text());
}

#[tokio::test]
async fn requests_in_flight_are_a_table_or_an_object() {
    let scene = Scene::start().await;
    let (code, stdout, stderr) = run(tidegate(&scene.gate, &["requests"])).await;
    assert_eq!((code, &*stdout), (Some(0), ""));
    assert_eq!(stderr, "note: no request is in flight\n");

    let (_client, id) = streaming(&scene).await;
    let (code, stdout, stderr) = run(tidegate(&scene.gate, &["requests"])).await;
    assert_eq!((code, &*stderr), (Some(0), ""));
    let lines: Vec<_> = stdout.lines().map(words).collect();
    let head = ["ID", "STAGE", "AGE", "IN STAGE", "AHEAD", "HELD", "MODEL"];
    assert_eq!(lines[0][..7], head);
    assert_eq!(lines[1][..2], [&*id, "streaming"]);
    assert_eq!(lines[1][6..8], ["m-1", "mock"]);

    let (code, stdout, _) = run(tidegate(&scene.gate, &["requests", "--json"])).await;
    let list: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!(
        (code, &list["requests"][0]["id"]),
        (Some(0), &Value::from(id))
    );
}

#[tokio::test]
async fn a_request_is_cancelled_by_its_id_and_the_others_are_tried_too() {
    let scene = Scene::start().await;
    let (mut client, id) = streaming(&scene).await;
    let nobody = "00000000-0000-7000-8000-000000000000";
    let (code, stdout, stderr) = run(tidegate(&scene.gate, &["cancel", nobody, &id])).await;
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stdout, format!("{id} cancelled (streaming)\n"));
    let expected = format!("error: {nobody} is not in flight: it has ended, or never was\n");
    assert!(stderr.starts_with(&expected), "{stderr}");
    let event = client.event().await;
    let error = event.json().unwrap();
    assert_eq!(error["error"]["code"], "cancelled_by_operator");
    scene.settled("cancelled", "operator").await;

    let (_client, id) = streaming(&scene).await;
    let (code, _, stderr) = run(tidegate(&scene.gate, &["cancel", &id])).await;
    assert_eq!((code, &*stderr), (Some(0), ""));
}

#[tokio::test]
async fn colours_are_for_terminals_and_never_against_no_color() {
    let scene = Scene::start().await;
    let bold = "\u{1b}[1mMODEL";
    let models = || tidegate(&scene.gate, &["models"]).env("TERM", "xterm");
    for (start, coloured) in [
        (models(), false),
        (models().on_terminal(), true),
        (models().on_terminal().env("NO_COLOR", ""), true),
        (models().on_terminal().env("NO_COLOR", "1"), false),
        (models().on_terminal().env("TERM", "dumb"), false),
        (models().env("CLICOLOR_FORCE", "1"), true),
        (
            models().env("CLICOLOR_FORCE", "1").env("NO_COLOR", "1"),
            false,
        ),
    ] {
        let shown = format!("{start:?}");
        let mut ended = start.begin();
        assert_eq!(ended.exit().await.code(), Some(0), "{shown}");
        until("the whole table", || {
            ended.stdout().contains("echo").then_some(())
        })
        .await;
        assert_eq!(
            ended.stdout().contains(bold),
            coloured,
            "{shown}: {}",
            ended.stdout()
        );
        assert_eq!(ended.stdout().contains('\u{1b}'), coloured, "{shown}");
    }
}

#[tokio::test]
async fn an_answer_cannot_command_the_terminal_and_is_untouched_elsewhere() {
    let scene = Scene::start().await;
    let nasty = "a\u{1b}]0;title\u{7}b\u{1b}[2J\ttab\n";
    scene.upstream.always(Script::stream_of(&[nasty]));
    let ask = || tidegate(&scene.gate, &["ask", "why?", "--model", "m-1"]).env("TERM", "xterm");
    let (code, stdout, _) = run(ask()).await;
    assert_eq!((code, &*stdout), (Some(0), nasty));

    let mut shown = ask().on_terminal().begin();
    assert_eq!(shown.exit().await.code(), Some(0));
    until("all of it", || shown.stdout().contains("tab").then_some(())).await;
    assert!(
        !shown.stdout().contains(['\u{1b}', '\u{7}']),
        "{:?}",
        shown.stdout()
    );
    assert!(
        shown.stdout().contains("\u{fffd}[2J\ttab"),
        "{:?}",
        shown.stdout()
    );
}

/// A watch, as the server's contract has it.
fn watch(go: &Signal) -> Script {
    let request = |id: &str, stage: &str| {
        format!(
            r#"{{"id":"{id}","endpoint":"/chat/completions","model":"m-1","provider":"mock","stage":"{stage}","waits_for":"a permit","ahead":null,"age_ms":1200,"stage_ms":7,"held_bytes":4096}}"#
        )
    };
    let (first, second) = (request("id-one", "queued"), request("id-two", "streaming"));
    Script::sse()
        .bytes(format!(
            "event: snapshot\ndata: {{\"requests\":[{first}]}}\n\n: here\n\n"
        ))
        .until(go)
        .bytes(format!("event: request\ndata: {second}\n\n"))
        .bytes(
            "event: ended\ndata: {\"id\":\"id-one\",\"outcome\":\"completed\",\"total_ms\":9}\n\n",
        )
}

#[tokio::test]
async fn a_watch_is_a_line_of_json_for_each_change() {
    let server = Upstream::start().await;
    let go = Signal::new();
    server.always(watch(&go).stall());
    let start = Start::command(&["requests", "--watch", "--url"]);
    let mut watching = start.arg(&server.address().to_string()).begin();
    let lines = || watching.stdout().lines().count();
    until("the snapshot is there at once", || {
        (lines() == 1).then_some(())
    })
    .await;
    go.fire();
    until("all three are there", || (lines() == 3).then_some(())).await;
    watching.interrupt();
    assert_eq!(watching.exit().await.code(), Some(130));
    assert_eq!(watching.stderr(), "");
    let told: Vec<Value> = watching
        .stdout()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(told[0]["event"], "snapshot");
    assert_eq!(told[0]["data"]["requests"][0]["id"], "id-one");
    assert_eq!(
        (&told[1]["event"], &told[1]["data"]["id"]),
        (&"request".into(), &"id-two".into())
    );
    assert_eq!(told[2]["data"]["outcome"], "completed");
    let asked = server.request(0).await.line();
    assert_eq!(
        asked,
        ("GET".to_owned(), "/debug/requests?watch=1".to_owned())
    );
}

#[tokio::test]
async fn a_watch_on_a_terminal_is_a_table_that_is_drawn_anew() {
    let server = Upstream::start().await;
    let go = Signal::new();
    server.always(watch(&go).stall());
    let start = Start::command(&["requests", "--watch", "--url"]);
    let start = start
        .arg(&server.address().to_string())
        .env("TERM", "xterm");
    let mut watching = start.on_terminal().begin();
    let shows = |text: &str| watching.stdout().contains(text).then_some(());
    until("the first table", || shows("1 in flight, 0 ended since")).await;
    assert!(!watching.stdout().contains("id-two"));
    go.fire();
    until("the next table", || shows("1 in flight, 1 ended since")).await;
    watching.interrupt();
    assert_eq!(watching.exit().await.code(), Some(130));
    let shown = watching.stdout();
    let last = shown.rsplit("\u{1b}[J").nth(1).unwrap();
    assert!(
        last.contains("id-two") && !last.contains("id-one"),
        "{last:?}"
    );
    assert!(last.contains("4 KiB"), "{last:?}");
}

/// A watch that ends after its three events.
fn short_watch() -> Script {
    let go = Signal::new();
    go.fire();
    watch(&go)
}

const LOST: &str = "note: the server ended the watch; trying again for 60 s\n";

#[tokio::test]
async fn a_watch_that_is_lost_is_tried_again_and_begins_anew() {
    let server = Upstream::start().await;
    server.next(short_watch());
    server.next(Script::json(503, "{}"));
    server.always(watch(&Signal::new()).stall());
    let start = Start::command(&["requests", "--watch", "--url"]);
    let mut watching = start.arg(&server.address().to_string()).begin();
    let lines = || watching.stdout().lines().count();
    until("the snapshot again", || (lines() == 4).then_some(())).await;
    watching.interrupt();
    assert_eq!(watching.exit().await.code(), Some(130));
    let again = format!("{LOST}note: watching http://{} again\n", server.address());
    assert_eq!(watching.stderr(), again);
    let last: Value =
        serde_json::from_str(watching.stdout().lines().last().unwrap_or_default()).unwrap();
    assert_eq!(last["event"], "snapshot");
    assert_eq!(server.count(), 3);
}

#[tokio::test]
async fn a_watch_that_is_refused_when_it_comes_back_is_a_failure() {
    let server = Upstream::start().await;
    server.next(short_watch());
    let body = r#"{"error":{"message":"no key","code":"invalid_api_key"}}"#;
    server.always(Script::json(401, body));
    let start = Start::command(&["requests", "--watch", "--url"]);
    let (code, stdout, stderr) = run(start.arg(&server.address().to_string())).await;
    assert_eq!((code, stdout.lines().count()), (Some(1), 3));
    let told = format!("{LOST}error: http://{} wants a key\n", server.address());
    assert!(stderr.starts_with(&told), "{stderr}");
}

#[tokio::test]
async fn ctrl_c_ends_a_watch_whose_server_is_away() {
    let server = Upstream::start().await;
    server.next(short_watch());
    server.always(Script::json(503, "{}"));
    let start = Start::command(&["requests", "--watch", "--url"]);
    let mut watching = start.arg(&server.address().to_string()).begin();
    let away = || (watching.stderr() == LOST).then_some(());
    until("it is lost", away).await;
    watching.interrupt();
    assert_eq!(watching.exit().await.code(), Some(130));
    assert_eq!(watching.stderr(), LOST);
}

#[tokio::test]
async fn a_watch_ends_with_its_reader_and_not_with_the_next_event() {
    let server = Upstream::start().await;
    // After this snapshot nothing comes.
    server.always(watch(&Signal::new()).stall());
    let folder = Folder::new();
    let told = folder.path().join("told");
    let line = format!(
        "({} requests --watch --url {} 2>{told}; echo code $? >>{told}) | head -n 1",
        binary().display(),
        server.address(),
        told = told.display(),
    );
    let mut command = Command::new("sh");
    command.args(["-c", &line]);
    let start = Stopwatch::start();
    let (status, shown) = command_output(command).await;
    figure(&format!("`| head` ended a watch in {:?}", start.elapsed()));
    assert!(status.success() && shown.contains("id-one"), "{shown}");
    let told = std::fs::read_to_string(&told).unwrap();
    assert_eq!(told, "code 0\n");
}

#[tokio::test]
async fn ctrl_c_is_130_in_every_command_that_waits_for_a_server() {
    let server = Upstream::start().await;
    server.always(Script::silent());
    for args in [
        &["models"][..],
        &["requests"],
        &["requests", "--watch"],
        &["cancel", "some-id"],
        &["advise"],
        &["health"],
    ] {
        let before = server.count();
        let start = Start::command(args).env("TIDEGATE_URL", &server.address().to_string());
        let mut asking = start.begin();
        let asked = || (server.count() > before).then_some(());
        until("it has asked", asked).await;
        asking.interrupt();
        assert_eq!(asking.exit().await.code(), Some(130), "{args:?}");
        assert_eq!(asking.stderr(), "", "{args:?}");
        let help = run(Start::command(&[args[0], "--help"])).await.1;
        assert!(help.contains("130 Ctrl-C."), "{args:?}: {help}");
    }
}

#[tokio::test]
async fn a_watch_tells_what_the_gateway_does_until_it_drains() {
    let mut scene = Scene::start().await;
    let mut watching = tidegate(&scene.gate, &["requests", "--watch"]).begin();
    let events = || -> Vec<Value> {
        let out = watching.stdout();
        let whole = out.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_default())
            .collect()
    };
    let has = |name: &str, check: &dyn Fn(&Value) -> bool| {
        let all = events();
        let mut named = all.iter().filter(|event| event["event"] == name);
        named.any(|event| check(&event["data"])).then_some(())
    };
    until("the state at first", || has("snapshot", &|_| true)).await;
    let (client, id) = streaming(&scene).await;
    let flows = |data: &Value| data["id"] == id.as_str() && data["stage"] == "streaming";
    until("the request that flows", || has("request", &flows)).await;
    let (code, _, stderr) = run(tidegate(&scene.gate, &["cancel", &id])).await;
    assert_eq!(code, Some(0), "{stderr}");
    until("its end", || {
        has("ended", &|data| data["id"] == id.as_str())
    })
    .await;
    drop(client);

    scene.gate.terminate();
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    let lost = || (watching.stderr() == LOST).then_some(());
    until("the watch is lost", lost).await;
    watching.interrupt();
    assert_eq!(watching.exit().await.code(), Some(130));
}
