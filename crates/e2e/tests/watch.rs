//! `/debug/requests?watch=1`: what happens to requests, as it happens.
//!
//! The state first, then every change; after a gap the state again; nobody is
//! held up by one who watches, and no drain by one who does not read.

#![expect(clippy::expect_used, reason = "a test panics with the reason")]

use std::time::Duration;

use serde_json::Value;
use tidegate_e2e::{Scene, is_ours, tries};
use tidegate_testkit::client::Event;
use tidegate_testkit::openai::chat;
use tidegate_testkit::wait::until_async;
use tidegate_testkit::{
    Gate, RawClient, Script, Settings, Signal, Stopwatch, crowd, figure, pause,
};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";
const WATCH: &str = "/debug/requests?watch=1";

/// One who watches.
struct Watch(RawClient);

impl Watch {
    async fn start(gate: &Gate) -> Self {
        Self::after(gate, None).await
    }

    /// Goes on behind the event of this id.
    async fn after(gate: &Gate, last: Option<&str>) -> Self {
        Self::over(gate.connect().await, last).await
    }

    async fn over(mut client: RawClient, last: Option<&str>) -> Self {
        let last = last.map_or_else(String::new, |id| format!("last-event-id: {id}\r\n"));
        let head = format!("GET {WATCH} HTTP/1.1\r\nhost: localhost\r\n{last}\r\n");
        client.send(head).await;
        let head = client.head().await;
        assert_eq!(head.status, 200);
        let kind = head.header("content-type");
        assert_eq!(kind, Some("text/event-stream; charset=utf-8"));
        Self(client)
    }

    /// The next thing that it is told; `None` at the end.
    async fn next(&mut self) -> Option<Told> {
        self.0.data().await.as_ref().map(Told::read)
    }

    async fn told(&mut self) -> Told {
        self.next().await.expect("the watch goes on")
    }

    /// The state when it is told anew, and the number of the event before it.
    async fn until_state(&mut self) -> (u64, Told) {
        let mut before = 0;
        loop {
            let told = self.told().await;
            if told.name == "snapshot" {
                return (before, told);
            }
            before = told.number();
        }
    }

    /// What it is told up to the end of the request with this id.
    async fn until_ended(&mut self, id: &str) -> Vec<Told> {
        let mut all = Vec::new();
        loop {
            let told = self.told().await;
            let over = told.name == "ended" && told.data["id"] == id;
            all.push(told);
            if over {
                return all;
            }
        }
    }
}

#[derive(Debug)]
struct Told {
    id: String,
    name: String,
    data: Value,
}

impl Told {
    fn read(event: &Event) -> Self {
        let line = |name: &str| {
            let mut lines = event.raw().lines();
            let line = lines.find_map(|line| line.strip_prefix(name));
            line.unwrap_or("none").to_owned()
        };
        Self {
            id: line("id: "),
            name: line("event: "),
            data: event.json().expect("JSON"),
        }
    }

    /// Its number among all.
    fn number(&self) -> u64 {
        let number = self.id.rsplit('-').next();
        number.and_then(|n| n.parse().ok()).expect("a number")
    }

    fn requests(&self) -> &[Value] {
        assert_eq!(self.name, "snapshot", "{self:?}");
        self.data["requests"].as_array().expect("a list")
    }
}

async fn ask(gate: &Gate) -> String {
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    reply.header("x-tidegate-id").expect("an id").to_owned()
}

#[tokio::test]
async fn the_state_first_then_every_change_and_the_end() {
    let scene = Scene::start().await;
    let (first, second) = (Signal::new(), Signal::new());
    scene.upstream.next(tries::good().held(&first));
    let mut old = scene.gate.connect().await;
    old.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;

    let mut watch = Watch::start(&scene.gate).await;
    let state = watch.told().await;
    let [known] = state.requests() else {
        panic!("{state:?}")
    };
    let page = scene.gate.debug_requests().await;
    let members = |of: &Value| -> Vec<String> {
        of.as_object()
            .map(|all| all.keys().cloned().collect())
            .unwrap_or_default()
    };
    assert_eq!(members(known), members(&page[0]), "the same object");
    assert_eq!(
        (&known["id"], &known["stage"]),
        (&page[0]["id"], &"waiting".into())
    );

    scene.upstream.next(tries::good().held(&second));
    let mut new = scene.gate.connect().await;
    new.post(CHAT, &chat("m-2", false)).await;
    scene.upstream.request(1).await;
    second.fire();
    let id = new
        .reply()
        .await
        .header("x-tidegate-id")
        .expect("an id")
        .to_owned();
    let all = watch.until_ended(&id).await;
    let mut stages: Vec<_> = all
        .iter()
        .filter(|told| told.name == "request" && told.data["id"] == *id)
        .map(|told| told.data["stage"].as_str().unwrap_or_default())
        .collect();
    stages.dedup();
    let expected = ["reading", "queued", "connecting", "waiting", "streaming"];
    assert_eq!(stages, expected);
    let last = all.last().expect("the end");
    assert_eq!(last.data["outcome"], "completed", "{last:?}");
    assert!(last.data["total_ms"].is_u64(), "{last:?}");
    let of_new = |told: &&Told| told.data["stage"] == "waiting";
    let sent = all.iter().find(of_new).expect("it was sent");
    assert_eq!(
        (&sent.data["model"], &sent.data["provider"]),
        (&"m-2".into(), &"mock".into())
    );
    let numbers: Vec<u64> = all.iter().map(Told::number).collect();
    let from = state.number() + 1;
    assert_eq!(numbers, (from..from + all.len() as u64).collect::<Vec<_>>());

    // The end of one that was there before.
    let old_id = known["id"].as_str().unwrap_or("none");
    let path = format!("/debug/requests/{old_id}");
    assert_eq!(scene.gate.delete(&path).await.status(), 200);
    let all = watch.until_ended(old_id).await;
    let last = all.last().expect("the end");
    let ended = (&last.data["outcome"], &last.data["class"]);
    assert_eq!(ended, (&"operator".into(), &"cancelled".into()));
    let outcomes = [("completed", "completed", 1), ("cancelled", "operator", 1)];
    tries::ledger(&scene, &outcomes).await;
}

#[tokio::test]
async fn the_place_in_the_queue_is_told_as_it_moves() {
    let pool = r#"size = 1, queue = 10, overflow = "block", max_wait = "30s""#;
    let scene = Scene::with(|provider| provider.pool(pool)).await;
    scene.upstream.always(Script::silent());
    let mut clients = Vec::new();
    for waiting in 0..4 {
        let mut client = scene.gate.connect().await;
        client.post(CHAT, &chat("m-1", false)).await;
        clients.push(client);
        scene.upstream.request(0).await;
        let waiting = f64::from(waiting);
        scene
            .gate
            .until_metric("tidegate_pool_waiting", &[], waiting)
            .await;
    }
    let mut watch = Watch::start(&scene.gate).await;
    let state = watch.told().await;
    let ahead: Vec<_> = state
        .requests()
        .iter()
        .map(|one| one["ahead"].as_u64())
        .collect();
    assert_eq!(ahead, [None, Some(0), Some(1), Some(2)]);
    let id = |n: usize| state.requests()[n]["id"].as_str().unwrap_or("none");

    // A newcomer is told with its place.
    let mut late = scene.gate.connect().await;
    late.post(CHAT, &chat("m-1", false)).await;
    loop {
        let told = watch.told().await;
        if told.data["ahead"] == 3 {
            break;
        }
        assert_eq!(
            (&told.data["ahead"], told.name.as_str()),
            (&Value::Null, "request")
        );
    }
    // Who leaves lets the others behind it move up.
    let path = format!("/debug/requests/{}", id(1));
    assert_eq!(scene.gate.delete(&path).await.status(), 200);
    let mut moved = Vec::new();
    while moved.len() < 3 {
        let told = watch.told().await;
        if told.name == "request" && told.data["stage"] == "queued" {
            moved.push((told.data["id"].clone(), told.data["ahead"].as_u64()));
        }
    }
    assert_eq!(moved[0], (id(2).into(), Some(0)));
    assert_eq!(moved[1], (id(3).into(), Some(1)));
    assert_eq!(moved[2].1, Some(2));
}

#[tokio::test]
async fn who_comes_back_goes_on_where_it_was() {
    let scene = Scene::start().await;
    scene.upstream.always(tries::good());
    let mut watch = Watch::start(&scene.gate).await;
    assert!(watch.told().await.requests().is_empty());
    let first = ask(&scene.gate).await;
    let seen = watch.until_ended(&first).await.pop().expect("the end");
    drop(watch);
    let gone = ("tidegate_relay_subscribers", [("kind", "requests")]);
    scene.gate.until_metric(gone.0, &gone.1, 0.0).await;

    let second = ask(&scene.gate).await;
    let mut watch = Watch::after(&scene.gate, Some(&seen.id)).await;
    let missed = watch.until_ended(&second).await;
    assert_eq!(missed[0].number(), seen.number() + 1);
    assert!(
        missed.iter().all(|told| told.data["id"] == *second),
        "{missed:?}"
    );

    // What is not known is answered with the state.
    let (epoch, _) = seen.id.split_once('-').expect("an id of two parts");
    for id in ["0000000000000000-1", "nonsense", &format!("{epoch}-999999")] {
        let mut watch = Watch::after(&scene.gate, Some(id)).await;
        assert!(watch.told().await.requests().is_empty(), "{id}");
    }
}

#[tokio::test]
async fn so_many_may_watch_and_no_more() {
    let scene = Scene::start().await;
    let mut all = Vec::new();
    for _ in 0..16 {
        let mut watch = Watch::start(&scene.gate).await;
        assert!(watch.told().await.requests().is_empty());
        all.push(watch);
    }
    let reply = scene.gate.get(WATCH).await;
    is_ours(&reply, Code::Overloaded);
    assert!(reply.header("retry-after").is_some());
    assert!(reply.error().message.contains("/debug/requests"));
    let metric = ("tidegate_relay_subscribers", [("kind", "requests")]);
    assert_eq!(scene.gate.metric(metric.0, &metric.1).await, 16.0);
    // Who leaves gives its seat up, however it leaves.
    all.pop().expect("one of them").0.reset();
    drop(all.pop());
    scene.gate.until_metric(metric.0, &metric.1, 14.0).await;
    let mut again = Watch::start(&scene.gate).await;
    assert!(again.told().await.requests().is_empty());

    let reply = scene.gate.get("/debug/requests?watch=perhaps").await;
    assert_eq!(reply.error().param.as_deref(), Some("watch"));
    is_ours(&reply, Code::InvalidValue);
    let reply = scene.gate.get("/debug/requests?watch=0&other=1").await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    tries::ledger(&scene, &[]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_reads_slowly_is_told_the_state_anew_and_holds_nobody_up() {
    const REQUESTS: usize = 2_500;
    let settings = |provider| Settings::with(provider).top("shutdown_timeout = \"60s\"");
    let mut scene = Scene::with_settings(settings).await;
    scene.upstream.always(tries::good());
    let narrow = || RawClient::connect_narrow(scene.gate.address(), 4 * 1024);
    let mut slow = Watch::over(narrow().await, None).await;
    let mut never = narrow().await;
    never.get(WATCH).await;
    let mut quick = Watch::start(&scene.gate).await;
    assert!(quick.told().await.requests().is_empty());
    let count = tidegate_testkit::wait::beside(async move {
        let (mut ended, mut states) = (0, 0);
        while ended < REQUESTS {
            match &*quick.told().await.name {
                "ended" => ended += 1,
                "snapshot" => states += 1,
                _ => {}
            }
        }
        states
    });
    let (address, start) = (scene.gate.address(), Stopwatch::start());
    let asked = crowd(REQUESTS, 16, |_| async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", false)).await;
        client.reply().await.status()
    });
    assert!(asked.await.into_iter().all(|status| status == 200));
    let states = count.result().await;
    figure(&format!(
        "watched: {REQUESTS} requests in {:?}; one who reads was told {states} states anew",
        start.elapsed()
    ));

    // What the slow one did not read is gone; it gets what is.
    assert!(slow.told().await.requests().is_empty());
    let (before, anew) = slow.until_state().await;
    assert!(anew.number() > before + 1, "{before} {anew:?}");
    assert!(anew.requests().is_empty());
    let id = ask(&scene.gate).await;
    let all = slow.until_ended(&id).await;
    assert_eq!(all[0].number(), anew.number() + 1);
    let missed = [("kind", "requests")];
    assert!(
        scene
            .gate
            .metric("tidegate_relay_events_missed_total", &missed)
            .await
            > 0.0
    );

    // The drain waits neither for the one that reads nor for the one that does not.
    pause(Duration::from_millis(100)).await;
    let start = Stopwatch::start();
    scene.gate.terminate();
    assert!(slow.next().await.is_none(), "its end is whole");
    assert_eq!(scene.gate.exit().await.code(), Some(0));
    figure(&format!(
        "drained from under two watchers: {:?}",
        start.elapsed()
    ));
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    drop(never);
}

#[tokio::test]
async fn in_the_drain_nobody_begins_to_watch() {
    let settings = |provider| Settings::with(provider).top("shutdown_timeout = \"20s\"");
    let mut scene = Scene::with_settings(settings).await;
    let go_on = Signal::new();
    scene.upstream.always(tries::good().held(&go_on));
    let mut busy = scene.gate.connect().await;
    busy.post(CHAT, &chat("m-1", false)).await;
    scene.upstream.request(0).await;
    let mut watch = Watch::start(&scene.gate).await;
    assert_eq!(watch.told().await.requests().len(), 1);
    scene.gate.terminate();
    // At once, although a request still runs.
    let start = Stopwatch::start();
    while watch.next().await.is_some() {}
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "{:?}",
        start.elapsed()
    );
    until_async("the listener is closed", || async {
        let again = tokio::net::TcpStream::connect(scene.gate.address()).await;
        again.is_err().then_some(())
    })
    .await;
    go_on.fire();
    assert_eq!(busy.reply().await.status(), 200);
    assert_eq!(scene.gate.exit().await.code(), Some(0));
}
