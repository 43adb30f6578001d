//! INV-SECRET: no secret in a log, a metric, an error or a debug page.
//!
//! Canaries stand where secrets stand (a provider's key in the file, one in
//! the environment, a key of `[auth]`, the caller's `Authorization`). After
//! faults and bad input, with an upstream that echoes what it was sent, all
//! output of the process is searched for them, also in encoded forms.

use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{chat, content_chunk, error};
use tidegate_testkit::{Provider, RawClient, Reply, Script, Settings, Upstream, port};

const CHAT: &str = "/v1/chat/completions";
const IN_FILE: &str = "sk-canary-file-7f3a9b2c4d5e6f708192";
const IN_ENVIRONMENT: &str = "sk-canary-env-1a2b3c4d5e6f70819203";
const OF_CALLER: &str = "canary-caller-5c4d3e2f1a0b9c8d7e6f";
const GATE_KEY: &str = "canary-gate-0f1e2d3c4b5a69788796";
/// What all of them hold, and a base64 form of it.
const MARKS: [&str; 3] = ["canary", "Y2FuYXJ5", "63616e617279"];

fn search(place: &str, text: &str) {
    for mark in MARKS {
        let Some(at) = text.find(mark) else { continue };
        let (from, to) = (at.saturating_sub(80), (at + 80).min(text.len()));
        let around = String::from_utf8_lossy(&text.as_bytes()[from..to]);
        assert!(
            around.is_empty(),
            "a secret stands in {place}: ...{around}..."
        );
    }
}

fn search_reply(place: &str, reply: &Reply) {
    search(place, &reply.text());
    for (name, value) in reply.headers() {
        search(place, &format!("{name}: {value}"));
    }
}

fn faults() -> Vec<Script> {
    let echo = |message: &str| error("invalid_request_error", "invalid_api_key", message);
    let told = format!("Incorrect API key provided: {IN_FILE}. Authorization: Bearer {IN_FILE}");
    let begun = || Script::sse().event(&content_chunk("a"));
    let location = format!("http://127.0.0.1:9/?key={IN_FILE}");
    vec![
        Script::json(401, &echo(&told)),
        Script::json(400, &echo(&told)),
        Script::json(400, &format!("{{\"detail\":\"{told}\"}}")),
        Script::json(500, &told),
        Script::json(429, &echo(&told)),
        Script::whole(200, &[("content-type", "text/html")], told.as_bytes()),
        Script::whole(307, &[("location", &location)], b""),
        Script::json(200, &format!("{{\"oops\": \"{IN_FILE}")),
        begun().event(&echo(&told)),
        begun()
            .event(&format!("{{oops {IN_FILE}"))
            .event(&format!("{{oops {IN_FILE}")),
        begun().rst(),
        Script::raw(format!("HTTP/1.1 {IN_FILE}\r\n\r\n")).fin(),
        Script::raw(format!("HTTP/1.1 200 OK\r\n{IN_FILE}\r\n\r\n")).fin(),
    ]
}

async fn bad_requests(address: std::net::SocketAddr) {
    let body = chat("m-1", false);
    let authorization = format!("Bearer {OF_CALLER}");
    let with_key = format!(r#"{{"model":"m-1","messages":[],"api_key":"{OF_CALLER}"}}"#);
    let broken = format!(r#"{{"model":"m-1","messages":["{OF_CALLER}"#);
    let unknown = format!("/v1/nowhere?key={OF_CALLER}");
    for (path, body) in [
        (CHAT, &body),
        (CHAT, &with_key),
        (CHAT, &broken),
        (unknown.as_str(), &body),
    ] {
        let mut client = RawClient::connect(address).await;
        client
            .post_with(path, &[("authorization", &authorization)], body)
            .await;
        search_reply("the answer to a bad request", &client.reply().await);
    }
    let mut client = RawClient::connect(address).await;
    let head = format!("GET /x HTTP/1.1\r\nauthorization: Bearer {OF_CALLER}\0\r\n\r\n");
    client.send(head).await;
    search(
        "a refused head",
        &String::from_utf8_lossy(&client.to_end().await),
    );
}

#[tokio::test]
async fn inv_secret_no_secret_leaves_the_process() {
    let (upstream, other) = (Upstream::start().await, Upstream::start().await);
    let dead = format!("http://{}/v1", port::refused());
    // Under many names and without a breaker, so that no fault keeps the next
    // one from being sent.
    let mock = Provider::new("mock", &upstream.base_url())
        .keys(&[IN_FILE; 64])
        .line("breaker = { failures = 0, min_requests = 1000000 }");
    let settings = Settings::with(mock)
        .and(Provider::new("second", &other.base_url()).key("env:TEST_CANARY"))
        .and(Provider::new("dead", &dead).key(IN_FILE))
        .and(Provider::new("secure", &upstream.base_url().replace("http:", "https:")).key(IN_FILE));
    let start = Start::with(&settings)
        .arg("--log")
        .arg("debug")
        .env("TEST_CANARY", IN_ENVIRONMENT);
    let mut gate = start.start().await;
    other.always(Script::json(
        401,
        &error("x", "y", &format!("bad key {IN_ENVIRONMENT}")),
    ));

    for script in faults() {
        for stream in [true, false] {
            upstream.next(script.clone());
            let headers = [("authorization", "Bearer canary-caller-5c4d3e2f1a0b9c8d7e6f")];
            let reply = gate.post_with(CHAT, &headers, &chat("m-1", stream)).await;
            search_reply("an answer", &reply);
        }
    }
    for model in ["second/m-1", "dead/m-1", "secure/m-1"] {
        let reply = gate.post(CHAT, &chat(model, true)).await;
        assert!(reply.status() >= 400, "{}", reply.text());
        search_reply("an answer", &reply);
    }
    bad_requests(gate.address()).await;

    // The keys are really in use: what is searched for could be found.
    let sent = upstream.request(0).await.header("authorization");
    assert_eq!(sent, Some(format!("Bearer {IN_FILE}")));
    let sent = other.request(0).await.header("authorization");
    assert_eq!(sent, Some(format!("Bearer {IN_ENVIRONMENT}")));

    upstream.next(Script::silent());
    let number = upstream.count();
    let mut held = gate.connect().await;
    let headers = [("authorization", "Bearer canary-caller-5c4d3e2f1a0b9c8d7e6f")];
    held.post_with(CHAT, &headers, &chat("m-1", false)).await;
    upstream.request(number).await;
    for page in [
        "/metrics",
        "/debug/requests",
        "/v1/models",
        "/readyz",
        "/livez",
    ] {
        let reply = gate.get(page).await;
        assert_eq!(reply.status(), 200, "{page}");
        search_reply(page, &reply);
    }
    drop(held);
    gate.terminate();
    gate.exit().await;
    let log = gate.stderr();
    assert!(
        log.lines().count() > 20,
        "nothing was logged at debug: {log}"
    );
    search("stderr", &log);
    search("stdout", &gate.stdout());
}

#[tokio::test]
async fn inv_secret_keys_of_the_gate_are_not_told_either() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(500, "{}"));
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()))
        .tables(&format!("[auth]\nkeys = [\"{GATE_KEY}\"]"));
    let mut gate = Start::with(&settings)
        .arg("--log")
        .arg("debug")
        .start()
        .await;
    for key in [GATE_KEY, OF_CALLER, "canary"] {
        let headers = [("authorization", &*format!("Bearer {key}"))];
        let reply = gate.post_with(CHAT, &headers, &chat("m-1", false)).await;
        assert_eq!(reply.status() == 401, key != GATE_KEY, "{}", reply.text());
        search_reply("an answer", &reply);
        let reply = gate.post_with("/v1/nowhere", &headers, "{}").await;
        search_reply("an answer", &reply);
    }
    let sent = upstream.request(0).await;
    search(
        "the upstream's request",
        &String::from_utf8_lossy(sent.head()),
    );
    gate.terminate();
    gate.exit().await;
    search("stderr", &gate.stderr());
    search("stdout", &gate.stdout());
}

#[tokio::test]
async fn inv_secret_a_broken_file_is_told_without_its_keys() {
    let text = format!(
        "default_provider = \"nobody\"\n[auth]\nkeys = [\"{GATE_KEY}\", 7]\n\
         [providers.mock]\nkind = \"openai\"\nbase_url = \"http://user:{IN_FILE}@127.0.0.1:1/v1\"\n\
         keys = [{{ name = \"main\", value = \"{IN_FILE}\", colour = \"{IN_FILE}\" }}]\n\
         models = \"{OF_CALLER}\"\n\
         [providers.two]\nkind = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\nkeys = \"{IN_FILE}\"\n"
    );
    // `models` holds no secret: its line may be shown, the others may not.
    let (status, stdout, stderr) = Start::with_text(&text).run().await;
    assert_eq!(status.code(), Some(2), "{stderr}");
    let told = format!("{stdout}{stderr}").replace(OF_CALLER, "");
    assert!(
        told.contains("line") || told.contains("tidegate.toml:"),
        "{told}"
    );
    search("the report of a broken file", &told);
}
