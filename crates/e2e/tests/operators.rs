//! What operators see and are told: tasks (R-D11), the overload level (controls
//! A.15), and advice from the traffic (R-D15), by page and by command.

use serde_json::Value;
use tidegate_e2e::Scene;
use tidegate_testkit::gate::{Folder, Start};
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{Gate, Script, openai, port, until};

const CHAT: &str = "/v1/chat/completions";

async fn page(gate: &Gate, path: &str) -> Value {
    let reply = gate.get(path).await;
    assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
    reply.json()
}

/// `tidegate advise --url <the gate> <more>`.
async fn advise(gate: &Gate, more: &[&str]) -> (Option<i32>, String, String) {
    let address = gate.address().to_string();
    let start = Start::command(&["advise", "--url", &address]);
    let start = more.iter().fold(start, |start, arg| start.arg(arg));
    let (status, stdout, stderr) = start.run().await;
    (status.code(), stdout, stderr)
}

#[tokio::test]
async fn r_d11_every_task_has_an_id_a_name_a_scope_and_an_age() {
    let scene = Scene::start().await;
    let page = page(&scene.gate, "/debug/tasks").await;
    let running = page["running"].as_array().unwrap();
    for one in running {
        assert!(one["id"].is_u64() && one["age_ms"].is_u64(), "{one}");
        for member in ["name", "scope", "kind"] {
            assert!(
                one[member].as_str().is_some_and(|text| !text.is_empty()),
                "{one}"
            );
        }
    }
    let named = |name: &str| running.iter().any(|one| one["name"] == name);
    for name in [
        "accept connections",
        "watch the load",
        "watchdog",
        "connection",
    ] {
        assert!(named(name), "{name}: {page}");
    }
    let ages: Vec<_> = running.iter().map(|one| one["age_ms"].as_u64()).collect();
    assert!(
        ages.is_sorted_by(|a, b| a >= b),
        "the oldest first: {ages:?}"
    );
    let count = |member: &str| page[member].as_u64().unwrap();
    let tasks = running.iter().filter(|one| one["kind"] == "task").count();
    assert_eq!(count("tasks"), tasks as u64);
    assert!(count("spawned") >= count("tasks") && count("limit") > count("tasks"));
    assert_eq!((count("panicked"), count("refused")), (0, 0));
}

#[tokio::test]
async fn the_overload_level_is_shown_with_every_gauge() {
    let scene = Scene::start().await;
    let held = scene.gate.connect().await;
    let page = until_async("the first sample", || async {
        let page = page(&scene.gate, "/debug/overload").await;
        (page["gauges"][2]["used"].as_u64() > Some(0)).then_some(page)
    })
    .await;
    let causes = ["bytes", "memory", "files", "lag"];
    for (index, cause) in causes.into_iter().enumerate() {
        assert_eq!(page["gauges"][index]["cause"], cause, "{page}");
    }
    assert!(page["gauges"][0]["limit"].as_u64() > Some(0), "{page}");
    assert_eq!(page["stalled"].as_array().map(Vec::len), Some(0), "{page}");
    let metrics = scene.gate.metrics().await;
    for name in ["tidegate_overload_level", "tidegate_overload_changes_total"] {
        assert!(metrics.knows(name), "{name}");
    }
    for cause in causes {
        let part = metrics.sum("tidegate_overload_pressure", &[("cause", cause)]);
        assert!((0.0..1.0).contains(&part), "{cause} {part}");
    }
    drop(held);
}

#[tokio::test]
async fn r_d16_every_pool_shows_permits_queue_keys_and_breakers() {
    let scene = Scene::start().await;
    let answer = Script::json(200, &openai::completion("hello"));
    scene.upstream.always(answer);
    let reply = scene.gate.post(CHAT, &openai::chat("m-1", false)).await;
    assert_eq!(reply.status(), 200);
    scene.gate.until_quiet().await;
    let page = page(&scene.gate, "/debug/pools").await;
    let pools = page["pools"].as_array().unwrap();
    let mock = pools.iter().find(|one| one["provider"] == "mock").unwrap();
    let permits = &mock["permits"];
    assert_eq!(
        (&permits["busy"], &permits["granted"]),
        (&0.into(), &1.into()),
        "{mock}"
    );
    assert!(
        permits["size"].as_u64() <= permits["max"].as_u64(),
        "{mock}"
    );
    assert_eq!(mock["queue"]["offered"], 1, "{mock}");
    assert_eq!(mock["keys"][0]["name"], "main", "{mock}");
    let target = &mock["targets"][0];
    assert_eq!(
        (&target["model"], &target["key"]),
        (&"m-1".into(), &"main".into())
    );
    assert_eq!(target["breaker"]["phase"], "closed", "{mock}");
    assert_eq!(target["breaker"]["good_in_window"], 1, "{mock}");
}

#[tokio::test]
async fn bodies_that_fill_their_room_press_and_stop_to_press_with_their_caller() {
    let scene = Scene::with_tables("[limits]\nbodies = \"1MiB\"").await;
    scene.upstream.always(Script::silent());
    let body = openai::chat("m-1", false).replace("hello", &"x".repeat(880 << 10));
    assert!(
        body.len() > 880 << 10,
        "the words of the prompt have changed"
    );
    let mut client = scene.gate.connect().await;
    client.post(CHAT, &body).await;
    let level = || scene.gate.metric("tidegate_overload_level", &[]);
    until_async("busy", || async { (level().await == 1.0).then_some(()) }).await;
    let page = page(&scene.gate, "/debug/overload").await;
    assert_eq!(
        (&page["level"], &page["last"]["cause"]),
        (&"busy".into(), &"bytes".into())
    );
    assert!(page["gauges"][0]["part"].as_f64() > Some(0.80), "{page}");
    drop(client);
    until_async("calm", || async { (level().await == 0.0).then_some(()) }).await;
    scene.gate.until_quiet().await.conserved().unwrap();
}

#[tokio::test]
async fn a_process_beyond_its_memory_refuses_new_work_and_says_so() {
    let scene = Scene::with_tables("[limits]\nmemory = \"1MiB\"").await;
    scene
        .upstream
        .always(Script::json(200, &openai::completion("hello")));
    scene
        .gate
        .until_metric("tidegate_overload_level", &[], 4.0)
        .await;
    let reply = scene.gate.post(CHAT, &openai::chat("m-1", false)).await;
    assert_eq!(reply.status(), 503, "{}", reply.text());
    assert_eq!(reply.json()["error"]["code"], "overloaded");
    assert!(reply.header("retry-after").is_some());
    assert_eq!(reply.header("x-should-retry"), Some("true"));
    assert_eq!(scene.upstream.count(), 0, "nothing went to the upstream");
    let page = page(&scene.gate, "/debug/overload").await;
    assert_eq!(
        (&page["level"], &page["last"]["cause"]),
        (&"extreme".into(), &"memory".into())
    );
    until("the log says why", || {
        let log = scene.gate.stderr();
        (log.contains("the overload level changed") && log.contains("memory")).then_some(())
    })
    .await;
    assert_eq!(scene.gate.get("/livez").await.status(), 200);
    scene.gate.until_quiet().await.conserved().unwrap();
}

#[tokio::test]
async fn r_d15_advice_can_be_pasted_into_the_file() {
    let scene = Scene::start().await;
    scene
        .upstream
        .always(Script::json(200, &openai::completion("hello")));
    let chat = openai::chat("m-1", false);
    for _ in 0..47 {
        assert_eq!(scene.gate.post(CHAT, &chat).await.status(), 200);
    }
    let (code, stdout, stderr) = advise(&scene.gate, &["--provider", "mock"]).await;
    assert_eq!((code, &*stdout), (Some(1), ""), "{stderr}");
    let missing = "mock: too little traffic yet: 153 more good answers are needed (47 in";
    assert!(stderr.contains(missing), "{stderr}");

    for _ in 0..153 {
        assert_eq!(scene.gate.post(CHAT, &chat).await.status(), 200);
    }
    let (code, stdout, stderr) = advise(&scene.gate, &[]).await;
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stderr.contains("sim: too little traffic yet"), "{stderr}");
    assert!(stdout.contains("[providers.mock.pool]"), "{stdout}");
    let file = format!(
        "default_provider = \"mock\"\n[providers.mock]\nkind = \"openai\"\nbase_url = \"{}\"\n{stdout}",
        scene.upstream.base_url()
    );
    let folder = Folder::new();
    let file = folder.file("advised.toml", &file).display().to_string();
    let (status, told, problems) = Start::command(&["check", "--config", &file]).run().await;
    assert_eq!(status.code(), Some(0), "{problems}\n{stdout}");
    assert!(told.contains("is fine"), "{told}");

    let (code, stdout, _) = advise(&scene.gate, &["--json", "--provider", "mock"]).await;
    assert_eq!(code, Some(0));
    let object: Value = serde_json::from_str(&stdout).unwrap();
    let [mock] = &object["providers"].as_array().unwrap()[..] else {
        panic!("{object}")
    };
    assert_eq!(
        (&mock["provider"], &mock["measured"]["good"]),
        (&"mock".into(), &200.into())
    );
    let why = mock["settings"][0]["why"].as_str().unwrap();
    assert!(why.contains("Little's law"), "{why}");
}

#[tokio::test]
async fn advise_says_clearly_why_there_is_none() {
    let nobody = port::refused().to_string();
    let (status, _, stderr) = Start::command(&["advise", "--url", &nobody]).run().await;
    assert_eq!(status.code(), Some(1));
    assert!(
        stderr.contains(&format!("nothing listens on http://{nobody}")),
        "{stderr}"
    );

    let scene = Scene::with_tables("[auth]\nkeys = [\"tg-canary-0123456789\"]").await;
    let (code, _, stderr) = advise(&scene.gate, &[]).await;
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains("wants a key") && stderr.contains("--key env:NAME"),
        "{stderr}"
    );
    let (code, _, stderr) = advise(&scene.gate, &["--key", "tg-canary-0123456789"]).await;
    assert_eq!(code, Some(2));
    assert!(
        stderr.contains("env:NAME") && !stderr.contains("canary"),
        "{stderr}"
    );
    let address = scene.gate.address().to_string();
    let start = Start::command(&["advise", "--url", &address, "--key", "env:GATE_KEY"])
        .arg("--provider")
        .arg("nobody")
        .env("GATE_KEY", "tg-canary-0123456789");
    let (status, _, stderr) = start.run().await;
    assert_eq!(status.code(), Some(2), "the key was good: {stderr}");
    assert!(stderr.contains("there are: mock, sim"), "{stderr}");
}
