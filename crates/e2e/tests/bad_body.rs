//! Bad input in the body and in what describes it.
//!
//! Every refusal is our own error in the OpenAI form with a code of the table,
//! is counted as refused, and reaches no upstream.

use std::time::Duration;

use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::{Reply, Script, Stopwatch};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

async fn refuses(scene: &Scene, reply: &Reply, code: Code) {
    is_ours(reply, code);
    assert_eq!(
        scene.upstream.count(),
        0,
        "a refused request reached the upstream"
    );
    let labels = [("class", "refused"), ("label", code.as_str())];
    assert!(
        scene.gate.metric("tidegate_requests_total", &labels).await >= 1.0,
        "not counted"
    );
}

/// A raw POST, for bodies that are no text.
async fn post_bytes(scene: &Scene, headers: &str, body: &[u8]) -> Reply {
    let head = format!("POST {CHAT} HTTP/1.1\r\nhost: localhost\r\n{headers}");
    let length = format!("content-length: {}\r\n\r\n", body.len());
    let mut client = scene.gate.connect().await;
    client
        .send([head.as_bytes(), length.as_bytes(), body].concat())
        .await;
    client.reply().await
}

fn with_messages(json: &str) -> String {
    format!(r#"{{"model":"m-1","messages":{json}}}"#)
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_by_its_length() {
    let scene = Scene::with_tables("[limits]\nbody = \"64KiB\"").await;
    let mut client = scene.gate.connect().await;
    // Only the head: the answer must not wait for the body.
    client
        .send(format!(
            "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             content-length: 70000\r\n\r\n"
        ))
        .await;
    let reply = client.reply().await;
    refuses(&scene, &reply, Code::RequestTooLarge).await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_while_reading() {
    let scene = Scene::with_tables("[limits]\nbody = \"64KiB\"").await;
    let mut client = scene.gate.connect().await;
    client
        .send(format!(
            "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ))
        .await;
    // Never ended: the refusal comes while the body is still being sent.
    for _ in 0..20 {
        let chunk = format!("1000\r\n{}\r\n", " ".repeat(0x1000));
        if client.try_send(chunk).await.is_err() {
            break;
        }
    }
    let reply = client.reply().await;
    refuses(&scene, &reply, Code::RequestTooLarge).await;
}

#[tokio::test]
async fn a_body_within_the_limit_is_taken_however_it_is_framed() {
    let scene = Scene::with_tables("[limits]\nbody = \"64KiB\"").await;
    scene.upstream.always(Script::json(200, &completion("x")));
    let body = chat("m-1", false);
    let mut client = scene.gate.connect().await;
    client
        .send(format!(
            "POST {CHAT} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             transfer-encoding: chunked\r\n\r\n"
        ))
        .await;
    for piece in body.as_bytes().chunks(7) {
        client
            .send([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat())
            .await;
    }
    client.send("0\r\n\r\n").await;
    let reply = client.reply().await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(scene.upstream.request(0).await.text(), body);
    // The pair of framings cannot be told apart any more: so the connection ends.
    assert_eq!(reply.header("connection"), Some("close"));
    assert!(client.to_end().await.is_empty());
}

#[tokio::test]
async fn depth_and_size_bombs_are_refused() {
    let scene = Scene::start().await;
    let deep = "[".repeat(50_000);
    let closed = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let objects = format!("[{}", "{\"a\":".repeat(5_000));
    for json in [deep, closed, objects] {
        let reply = scene.gate.post(CHAT, &with_messages(&json)).await;
        refuses(&scene, &reply, Code::JsonTooDeep).await;
    }
    let long_array = format!("[{}0]", "0,".repeat(100_000));
    let keys: String = (0..10_001).map(|n| format!("\"k{n}\":0,")).collect();
    let many_keys = format!("[{{{keys}\"k\":0}}]");
    let long_number = format!("[{}]", "9".repeat(65));
    for json in [long_array, many_keys, long_number] {
        let reply = scene.gate.post(CHAT, &with_messages(&json)).await;
        refuses(&scene, &reply, Code::JsonTooLarge).await;
    }
}

#[tokio::test]
async fn what_is_not_json_in_utf8_is_refused() {
    let scene = Scene::start().await;
    let json = "content-type: application/json\r\n";
    let bodies: [&[u8]; 12] = [
        b"",
        b"  ",
        b"hello",
        b"{\"model\":\"m-1\",\"messages\":[]",
        b"{\"model\":\"m-1\",\"messages\":[]} {}",
        b"{\"model\":\"m-1\",\"messages\":[],}",
        b"{'model':'m-1','messages':[]}",
        b"{\"model\":\"m-1\",\"messages\":[\"\xff\"]}",
        b"{\"model\":\"m-1\",\"messages\":[\"\xed\xa0\x80\"]}",
        b"{\"model\":\"m-1\",\"messages\":[\"\\ud800\"]}",
        b"{\"model\":\"m-1\",\"messages\":[\"\\u0000\"]}",
        b"{\"model\":\"m-1\",\"messages\":[\"\x00\"]}",
    ];
    for body in bodies {
        let reply = post_bytes(&scene, json, body).await;
        assert_eq!(reply.status(), 400, "{:?}", String::from_utf8_lossy(body));
        refuses(&scene, &reply, Code::InvalidJson).await;
    }
}

#[tokio::test]
async fn a_wrong_field_is_named() {
    let scene = Scene::start().await;
    let list = |count: usize, item: &str| vec![item; count].join(",");
    let bodies = [
        (r#"{"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"","messages":[]}"#.to_owned(), "model"),
        (r#"{"model":7,"messages":[]}"#.to_owned(), "model"),
        (r#"{"model":"a\nb","messages":[]}"#.to_owned(), "model"),
        (
            format!(r#"{{"model":"{}","messages":[]}}"#, "m".repeat(300)),
            "model",
        ),
        (r#"{"model":"m-1"}"#.to_owned(), "messages"),
        (r#"{"model":"m-1","messages":"hi"}"#.to_owned(), "messages"),
        (
            r#"{"model":"m-1","messages":[],"stream":"yes"}"#.to_owned(),
            "stream",
        ),
        (r#"{"model":"m-1","messages":[],"n":9}"#.to_owned(), "n"),
        (
            r#"{"model":"m-1","model":"m-2","messages":[]}"#.to_owned(),
            "model",
        ),
        (
            r#"{"model":"m-1","messages":[],"stream":true,"stream":false}"#.to_owned(),
            "stream",
        ),
        (
            format!(
                r#"{{"model":"m-1","messages":[],"tools":[{}]}}"#,
                list(129, "{}")
            ),
            "tools",
        ),
        (
            format!(
                r#"{{"model":"m-1","messages":[],"stop":[{}]}}"#,
                list(17, "\"a\"")
            ),
            "stop",
        ),
    ];
    for (body, param) in bodies {
        let reply = scene.gate.post(CHAT, &body).await;
        refuses(&scene, &reply, Code::InvalidValue).await;
        assert_eq!(reply.error().param.as_deref(), Some(param), "{body}");
    }
}

#[tokio::test]
async fn endpoints_of_the_callers_choice_are_never_taken() {
    let scene = Scene::start().await;
    for param in ["api_base", "base_url", "api_key"] {
        let body =
            format!(r#"{{"model":"m-1","messages":[],"{param}":"http://169.254.169.254/latest"}}"#);
        let reply = scene.gate.post(CHAT, &body).await;
        refuses(&scene, &reply, Code::UnsupportedParameter).await;
        assert_eq!(reply.error().param.as_deref(), Some(param));
    }
}

#[tokio::test]
async fn a_body_that_is_not_declared_as_json_is_refused() {
    let scene = Scene::start().await;
    let body = chat("m-1", false);
    for kind in [
        "",
        "content-type: text/plain\r\n",
        "content-type: multipart/form-data\r\n",
    ] {
        let reply = post_bytes(&scene, kind, body.as_bytes()).await;
        refuses(&scene, &reply, Code::UnsupportedMediaType).await;
    }
    scene.upstream.always(Script::json(200, &completion("x")));
    let kind = "content-type: application/json; charset=utf-8\r\n";
    assert_eq!(
        post_bytes(&scene, kind, body.as_bytes()).await.status(),
        200
    );
}

#[tokio::test]
async fn compressed_bodies_are_refused_before_they_are_opened() {
    let scene = Scene::start().await;
    for coding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        let headers = format!("content-type: application/json\r\ncontent-encoding: {coding}\r\n");
        let reply = post_bytes(&scene, &headers, b"\x1f\x8b\x08\x00bomb").await;
        refuses(&scene, &reply, Code::UnsupportedEncoding).await;
    }
}

#[tokio::test]
async fn a_header_of_ours_with_a_senseless_value_is_refused() {
    let scene = Scene::start().await;
    for value in ["soon", "-1", "1.5", "99999999999999999999999"] {
        let headers = [("x-request-timeout-ms", value)];
        let reply = scene
            .gate
            .post_with(CHAT, &headers, &chat("m-1", false))
            .await;
        refuses(&scene, &reply, Code::InvalidHeader).await;
    }
}

#[tokio::test]
async fn an_unknown_model_is_told_with_near_names() {
    let scene =
        Scene::with(|provider| provider.models(r#"["gpt-4o", "gpt-4o-mini", "text-embed"]"#)).await;
    let reply = scene.gate.post(CHAT, &chat("gpt-4oo", false)).await;
    refuses(&scene, &reply, Code::ModelNotFound).await;
    let told = reply.error();
    assert!(told.message.contains("gpt-4o"), "{}", told.message);
    assert!(!told.message.contains("text-embed"), "{}", told.message);
    assert_eq!(told.param.as_deref(), Some("model"));
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_408() {
    let scene = Scene::with_tables("[limits]\nbody_timeout = \"1s\"").await;
    let mut client = scene.gate.connect().await;
    let body = chat("m-1", false);
    let head = tidegate_testkit::client::post(CHAT, &[], &body);
    client.send(&head[..head.len() - 10]).await;
    let start = Stopwatch::start();
    let reply = client.reply().await;
    assert!(
        start.elapsed() < Duration::from_secs(8),
        "{:?}",
        start.elapsed()
    );
    refuses(&scene, &reply, Code::RequestTimeout).await;
    assert!(
        client.to_end().await.is_empty(),
        "the connection stays open"
    );
}

/// One caller is within every limit of its own; all of them together are not.
#[tokio::test]
async fn bodies_that_are_not_finished_have_a_bound_in_common() {
    let scene = Scene::with_tables("[limits]\nbodies = \"1MiB\"").await;
    let body = chat("m-1", false);
    let long = format!("{}{body}", " ".repeat(700 << 10));
    let whole = tidegate_testkit::client::post(CHAT, &[], &long);
    let (begun, rest) = whole.split_at(whole.len() - 10);
    let mut first = scene.gate.connect().await;
    first.send(begun).await;
    let held = long.len() as f64 - 10.0;
    scene
        .gate
        .until_metric("tidegate_body_bytes", &[], held)
        .await;

    let mut second = scene.gate.connect().await;
    second.try_send(&whole).await.ok();
    let refused = second.reply().await;
    assert_eq!(refused.header("retry-after"), Some("1"));
    refuses(&scene, &refused, Code::Overloaded).await;

    scene.upstream.next(Script::json(200, &completion("fine")));
    first.send(rest).await;
    assert_eq!(first.reply().await.status(), 200);
    scene
        .gate
        .until_metric("tidegate_body_bytes", &[], 0.0)
        .await;
}

#[tokio::test]
async fn slow_headers_are_cut_off() {
    let scene = Scene::with_tables("[limits]\nheader_timeout = \"500ms\"").await;
    for begun in [
        "",
        "POST /v1/chat/comp",
        "POST /v1/chat/completions HTTP/1.1\r\nhost: lo",
    ] {
        let mut client = scene.gate.connect().await;
        client.send(begun).await;
        let start = Stopwatch::start();
        let answer = String::from_utf8_lossy(&client.to_end().await).into_owned();
        let took = start.elapsed();
        assert!(
            took > Duration::from_millis(300) && took < Duration::from_secs(5),
            "{took:?}"
        );
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408 "),
            "{answer}"
        );
    }
}

#[tokio::test]
async fn headers_in_a_slow_drip_are_cut_off_all_the_same() {
    let scene = Scene::with_tables("[limits]\nheader_timeout = \"500ms\"").await;
    let mut client = scene.gate.connect().await;
    client
        .send("GET /livez HTTP/1.1\r\nhost: localhost\r\n")
        .await;
    let start = Stopwatch::start();
    client
        .drip(&[b"x-a: 1\r\n".as_slice(); 100], Duration::from_millis(100))
        .await;
    assert!(
        start.elapsed() < Duration::from_secs(6),
        "each header restarted the time"
    );
}

#[tokio::test]
async fn row_30_a_slow_reader_is_reset_and_its_upstream_stopped() {
    let scene = Scene::with_tables("[limits]\nwrite_stall = \"1s\"").await;
    let mut script = Script::sse();
    let event = tidegate_testkit::openai::content_chunk(&"x".repeat(16 * 1024));
    for _ in 0..2_000 {
        script = script.event(&event);
    }
    scene.upstream.always(script.stall());
    let mut client =
        tidegate_testkit::RawClient::connect_narrow(scene.gate.address(), 4 * 1024).await;
    let before = scene.gate.usage().rss_kib;
    let start = Stopwatch::start();
    client.post(CHAT, &chat("m-1", true)).await;
    scene
        .upstream_stops_within(Duration::from_secs(8), start)
        .await;
    let grown = scene.gate.usage().rss_kib.saturating_sub(before);
    assert!(
        grown < 8 * 1024,
        "{grown} KiB for one reader that does not read"
    );
    scene.settled("cancelled", "caller").await;
    let mut rest = client.to_end().await;
    rest.truncate(20_000_000);
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the cut stream looks whole");
}
