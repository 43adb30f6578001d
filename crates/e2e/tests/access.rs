//! Who may ask what: routes, methods, keys, hosts and origins.
//!
//! Contracts 9 and 10 from outside. Without keys the gate answers only this
//! machine's own names, so that no web page spends the user's money.

use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::client::post;
use tidegate_testkit::gate::Start;
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::{Gate, Provider, RawClient, Reply, Script, Settings, Upstream};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

async fn raw(gate: &Gate, request: &str) -> Reply {
    let mut client = RawClient::connect(gate.address()).await;
    client.send(request).await;
    client.reply().await
}

#[tokio::test]
async fn unknown_routes_are_404_in_our_form() {
    let scene = Scene::start().await;
    for path in [
        "/",
        "/v1",
        "/v1/",
        "/v1/chat",
        "/chat/completions",
        "/v1/chat/completions/",
        "/v2/x",
    ] {
        let reply = scene.gate.get(path).await;
        is_ours(&reply, Code::NotFound);
        let reply = scene.gate.post(path, "{}").await;
        is_ours(&reply, Code::NotFound);
    }
}

#[tokio::test]
async fn a_wrong_method_is_405_with_the_right_one() {
    let scene = Scene::start().await;
    for (path, allowed) in [
        (CHAT, "POST"),
        ("/v1/completions", "POST"),
        ("/v1/embeddings", "POST"),
        ("/v1/models", "GET"),
        ("/livez", "GET"),
        ("/metrics", "GET"),
        ("/debug/requests", "GET"),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"] {
            if method == allowed {
                continue;
            }
            let request = format!(
                "{method} {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                 content-length: 0\r\n\r\n"
            );
            let reply = raw(&scene.gate, &request).await;
            is_ours(&reply, Code::MethodNotAllowed);
            let allow = reply.header("allow").unwrap_or_default();
            assert!(
                allow.split(", ").any(|one| one == allowed),
                "{path}: allow {allow:?}"
            );
        }
    }
}

#[tokio::test]
async fn every_refusal_carries_an_id_to_ask_about() {
    let scene = Scene::start().await;
    let replies = [
        scene.gate.post(CHAT, "{").await,
        scene.gate.get("/nowhere").await,
        scene.gate.get(CHAT).await,
        scene
            .gate
            .post_with(CHAT, &[("origin", "null")], "{}")
            .await,
    ];
    for reply in replies {
        let id = reply.header("x-tidegate-id").unwrap_or_default();
        assert_eq!(id.len(), 36, "{} {}", reply.status(), reply.text());
    }
}

#[tokio::test]
async fn path_tricks_reach_no_route() {
    let scene = Scene::start().await;
    let tricks = [
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/../v1/chat/completions",
        "/v1/./chat/completions",
        "/v1/chat%2fcompletions",
        "/v1/chat%2Fcompletions",
        "/v1/chat/completions%00",
        "/v1/chat/completions%20",
        "/%2e%2e/v1/chat/completions",
        "/V1/chat/completions",
        "/v1/chat\\completions",
        "/v1;x/chat/completions",
        "/debug/../v1/models",
    ];
    for path in tricks {
        let reply = raw(&scene.gate, &post(path, &[], &chat("m-1", false))).await;
        assert!(
            [400, 404].contains(&reply.status()),
            "{path}: {}",
            reply.status()
        );
        if !reply.body().is_empty() {
            reply.error();
        }
    }
    assert_eq!(scene.upstream.count(), 0);
}

#[tokio::test]
async fn without_keys_only_loopback_names_are_hosts() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, &completion("x")));
    let port = scene.gate.address().port();
    let body = chat("m-1", false);
    for host in [
        "localhost",
        "127.0.0.1",
        &format!("localhost:{port}"),
        "[::1]:7070",
        "LOCALHOST",
    ] {
        let request = post(CHAT, &[], &body).replace("host: localhost", &format!("host: {host}"));
        assert_eq!(raw(&scene.gate, &request).await.status(), 200, "{host}");
    }
    let served = scene.upstream.count();
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7070",
        "10.0.0.7",
        "user@localhost",
    ] {
        let request = post(CHAT, &[], &body).replace("host: localhost", &format!("host: {host}"));
        let reply = raw(&scene.gate, &request).await;
        assert!(
            [400, 403].contains(&reply.status()),
            "{host}: {}",
            reply.status()
        );
        if reply.status() == 403 {
            is_ours(&reply, Code::ForbiddenHost);
        }
        let reply = raw(
            &scene.gate,
            &format!("GET /debug/requests HTTP/1.1\r\nhost: {host}\r\n\r\n"),
        )
        .await;
        assert!(
            [400, 403].contains(&reply.status()),
            "{host}: {}",
            reply.status()
        );
    }
    assert_eq!(scene.upstream.count(), served);
}

#[tokio::test]
async fn without_keys_a_foreign_origin_is_refused() {
    let scene = Scene::start().await;
    let body = chat("m-1", false);
    for origin in [
        "https://evil.example",
        "null",
        "http://localhost.evil.example",
    ] {
        let reply = scene
            .gate
            .post_with(CHAT, &[("origin", origin)], &body)
            .await;
        is_ours(&reply, Code::ForbiddenOrigin);
    }
    // A form of a web page can send this without asking first.
    let simple = post(CHAT, &[], &body).replace("application/json", "text/plain");
    is_ours(&raw(&scene.gate, &simple).await, Code::UnsupportedMediaType);
    assert_eq!(scene.upstream.count(), 0);

    let reply = scene.gate.get("/v1/models").await;
    assert_eq!(reply.header("access-control-allow-origin"), None);
}

/// As an image of another site would: what it cannot read it could still hold.
#[tokio::test]
async fn without_keys_a_page_of_another_site_takes_no_seat_of_a_watch() {
    let gate = Gate::start(&Settings::default()).await;
    let path = "/debug/requests?watch=1";
    let head = |site: &str| {
        format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nsec-fetch-site: {site}\r\n\r\n")
    };
    is_ours(
        &raw(&gate, &head("cross-site")).await,
        Code::ForbiddenOrigin,
    );
    let mut own = gate.connect().await;
    own.send(head("same-origin")).await;
    assert_eq!(own.head().await.status, 200);
}

#[tokio::test]
async fn with_keys_nothing_is_answered_without_one() {
    let upstream = Upstream::start().await;
    upstream.always(Script::json(200, &completion("x")));
    let settings = Settings::with(Provider::new("mock", &upstream.base_url()))
        .tables("[auth]\nkeys = [\"env:TEST_GATE_KEY\", \"second-key-0123456789\"]");
    let key = "first-key-0123456789";
    let gate = Start::with(&settings)
        .env("TEST_GATE_KEY", key)
        .start()
        .await;
    let body = chat("m-1", false);
    let first = format!("Bearer {key}");
    for authorization in [
        first.as_str(),
        "Bearer second-key-0123456789",
        "bearer second-key-0123456789",
    ] {
        let reply = gate
            .post_with(CHAT, &[("authorization", authorization)], &body)
            .await;
        assert_eq!(reply.status(), 200, "{authorization}: {}", reply.text());
    }
    let served = upstream.count();
    let prefix = format!("Bearer {}", &key[..key.len() - 1]);
    let longer = format!("Bearer {key}x");
    for authorization in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer wrong",
        &prefix,
        &longer,
        key,
        "Basic Zmlyc3Q6a2V5",
    ] {
        let reply = gate
            .post_with(CHAT, &[("authorization", authorization)], &body)
            .await;
        is_ours(&reply, Code::InvalidApiKey);
    }
    is_ours(&gate.post(CHAT, &body).await, Code::InvalidApiKey);
    is_ours(&gate.get("/v1/models").await, Code::InvalidApiKey);
    assert_eq!(upstream.count(), served);
    // An orchestrator asks without a key.
    assert_eq!(gate.get("/livez").await.status(), 200);
    assert_eq!(gate.get("/readyz").await.status(), 200);
}

#[tokio::test]
async fn the_callers_headers_do_not_reach_the_upstream() {
    let scene = Scene::start().await;
    let headers = [
        ("authorization", "Bearer callers-own-secret"),
        ("cookie", "session=1"),
        ("x-forwarded-for", "1.2.3.4"),
        ("x-anything", "else"),
        ("accept-encoding", "gzip, br"),
        ("connection", "keep-alive, x-hop"),
        ("x-hop", "1"),
        ("te", "trailers"),
        ("openai-organization", "org-of-caller"),
    ];
    scene.upstream.always(Script::json(200, &completion("x")));
    let reply = scene
        .gate
        .post_with(CHAT, &headers, &chat("m-1", false))
        .await;
    assert_eq!(reply.status(), 200);
    let seen = scene.upstream.request(0).await;
    assert_eq!(
        seen.header("authorization").as_deref(),
        Some("Bearer sk-upstream-key")
    );
    let expected = scene.upstream.address().to_string();
    assert_eq!(seen.header("host"), Some(expected));
    for name in ["cookie", "x-forwarded-for", "x-anything", "x-hop", "te"] {
        assert_eq!(seen.header(name), None, "{name} reached the upstream");
    }
    let text = String::from_utf8_lossy(seen.head()).into_owned();
    assert!(!text.contains("callers-own-secret"), "{text}");
}

#[tokio::test]
async fn the_upstreams_headers_reach_the_caller_by_a_list() {
    let scene = Scene::start().await;
    let headers = [
        ("content-type", "application/json"),
        ("set-cookie", "a=b"),
        ("server", "upstream"),
        ("x-ratelimit-remaining-requests", "41"),
        ("openai-processing-ms", "12"),
        ("anthropic-ratelimit-tokens-remaining", "7"),
        ("request-id", "req_7"),
        ("x-internal", "1"),
    ];
    let reply = scene
        .unary(Script::whole(200, &headers, completion("x").as_bytes()))
        .await;
    for (name, value) in [
        ("x-ratelimit-remaining-requests", "41"),
        ("openai-processing-ms", "12"),
        ("anthropic-ratelimit-tokens-remaining", "7"),
        ("x-upstream-request-id", "req_7"),
    ] {
        assert_eq!(reply.header(name), Some(value), "{name}");
    }
    for name in ["set-cookie", "x-internal"] {
        assert_eq!(reply.header(name), None, "{name} reached the caller");
    }
    for name in [
        "x-tidegate-queue-ms",
        "x-tidegate-upstream-ms",
        "x-tidegate-total-ms",
    ] {
        let value = reply.header(name).unwrap_or_default();
        assert!(value.parse::<f64>().is_ok(), "{name}: {value:?}");
    }
    assert!(
        reply
            .header("x-tidegate-id")
            .is_some_and(|id| id.len() == 36)
    );
}

#[tokio::test]
async fn a_legal_request_id_is_echoed_and_no_other() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, &completion("x")));
    let long = "a".repeat(129);
    for (given, echoed) in [
        ("abc.DEF_1:2-3", true),
        ("has space", false),
        ("semi;colon", false),
        (&long, false),
    ] {
        let headers = [("x-request-id", given)];
        let reply = scene
            .gate
            .post_with(CHAT, &headers, &chat("m-1", false))
            .await;
        assert_eq!(reply.status(), 200);
        assert_eq!(
            reply.header("x-request-id") == Some(given),
            echoed,
            "{given}"
        );
    }
}

#[tokio::test]
async fn over_the_connection_limit_the_answer_is_503_and_room_comes_back() {
    let scene = Scene::with_tables("[limits]\nconnections = 20").await;
    let mut held = Vec::new();
    let refused = loop {
        let mut client = RawClient::connect(scene.gate.address()).await;
        client.get("/livez").await;
        let reply = client.reply().await;
        if reply.status() != 200 {
            assert!(client.to_end().await.is_empty());
            break reply;
        }
        held.push(client);
        assert!(
            held.len() <= 20,
            "{} connections for a limit of 20",
            held.len()
        );
    };
    assert!(held.len() >= 15, "refused after {} connections", held.len());
    is_ours(&refused, Code::Overloaded);
    assert_eq!(refused.header("connection"), Some("close"));
    held.clear();
    let room = || async { (scene.gate.get("/livez").await.status() == 200).then_some(()) };
    tidegate_testkit::wait::until_async("there is room again", room).await;
}

/// A body that nobody reads may still be on its way: the connection ends with the
/// refusal, and its caller is told so, else its next request would be lost.
#[tokio::test]
async fn a_refusal_in_front_of_an_unread_body_is_the_connections_last() {
    let tables = "[auth]\nkeys = [\"tg-0123456789abcdef\"]";
    let scene = Scene::with_tables(tables).await;
    let right = "authorization: Bearer tg-0123456789abcdef\r\n";
    for (path, lines, code) in [
        ("/v1/nothing", right, Code::NotFound),
        ("/v1/models", right, Code::MethodNotAllowed),
        (
            CHAT,
            "authorization: Bearer tg-wrong\r\n",
            Code::InvalidApiKey,
        ),
    ] {
        let mut client = scene.gate.connect().await;
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{lines}\
             content-type: application/json\r\ncontent-length: 900\r\n\r\n"
        );
        client.send(head).await;
        let reply = client.reply().await;
        is_ours(&reply, code);
        assert_eq!(reply.header("connection"), Some("close"), "{path}");
    }
    // Without a body nothing is on its way.
    let mut client = scene.gate.connect().await;
    let head = format!("GET /v1/nothing HTTP/1.1\r\nhost: localhost\r\n{right}\r\n");
    for _ in 0..2 {
        client.send(&head).await;
        let reply = client.reply().await;
        is_ours(&reply, Code::NotFound);
        assert_eq!(reply.header("connection"), None);
    }
}
