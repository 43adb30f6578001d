//! Header and framing tricks over a raw socket.
//!
//! Each request of the corpus is answered 400 (or another refusal), or its
//! connection is closed; none reaches the upstream, none lets a second
//! request through that is hidden behind a broken framing (smuggling), and
//! the gate serves the next caller as before. The legal ones beside them are
//! taken, so that the corpus cannot pass by refusing everything.

use tidegate_e2e::Scene;
use tidegate_testkit::openai::{chat, completion};
use tidegate_testkit::{RawClient, Script};

const LINE: &str = "POST /v1/chat/completions HTTP/1.1\r\n";
const KIND: &str = "content-type: application/json\r\n";

/// What is hidden behind a trick, and must never be served.
fn hidden() -> String {
    let body = chat("hidden", false);
    format!(
        "{LINE}host: localhost\r\n{KIND}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// A request with these lines between host and empty line, then this body.
fn with(lines: &str, body: &str) -> String {
    format!("{LINE}host: localhost\r\n{KIND}{lines}\r\n{body}")
}

/// The body as one chunk and the end.
fn chunked(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n0\r\n\r\n", body.len())
}

/// What is sent, and what it is called when a test fails.
type Case = (&'static str, String);

/// Framings that are broken or ambiguous: what follows cannot be found.
fn broken_framings() -> Vec<Case> {
    let body = chat("m-1", false);
    [
        lengths(&body),
        codings(&body),
        headers(&body),
        chunks(),
        lines(&body),
    ]
    .concat()
}

/// A `content-length` that says no one thing.
fn lengths(body: &str) -> Vec<Case> {
    let n = body.len();
    vec![
        (
            "two different lengths",
            with(
                &format!("content-length: {n}\r\ncontent-length: 3\r\n"),
                body,
            ),
        ),
        (
            "a list of lengths",
            with(&format!("content-length: {n}, 3\r\n"), body),
        ),
        ("a negative length", with("content-length: -1\r\n", body)),
        (
            "a length with a sign",
            with(&format!("content-length: +{n}\r\n"), body),
        ),
        (
            "a length in hex",
            with(&format!("content-length: 0x{n:x}\r\n"), body),
        ),
        (
            "a length that overflows",
            with("content-length: 99999999999999999999999\r\n", body),
        ),
        ("an empty length", with("content-length: \r\n", body)),
        (
            "a length with a space before the colon",
            with(&format!("content-length : {n}\r\n"), body),
        ),
    ]
}

/// A `transfer-encoding` that is not plainly chunked.
fn codings(body: &str) -> Vec<Case> {
    let chunked = chunked(body);
    vec![
        (
            "coding not ending in chunked",
            with("transfer-encoding: chunked, gzip\r\n", &chunked),
        ),
        (
            "coding only gzip",
            with("transfer-encoding: gzip\r\n", &chunked),
        ),
        (
            "coding identity",
            with("transfer-encoding: identity\r\n", &chunked),
        ),
        (
            "coding with a vertical tab",
            with("transfer-encoding: \u{b}chunked\r\n", &chunked),
        ),
        (
            "coding with a prefix",
            with("transfer-encoding: xchunked\r\n", &chunked),
        ),
        (
            "coding in quotes",
            with("transfer-encoding: \"chunked\"\r\n", &chunked),
        ),
        (
            "coding under HTTP/1.0",
            with("transfer-encoding: chunked\r\n", &chunked).replace("HTTP/1.1", "HTTP/1.0"),
        ),
        (
            "a space before the colon",
            with("transfer-encoding : chunked\r\n", &chunked),
        ),
        (
            "a folded coding",
            with("transfer-encoding:\r\n chunked\r\n", &chunked),
        ),
    ]
}

/// Header lines that are none.
fn headers(body: &str) -> Vec<Case> {
    let n = body.len();
    vec![
        (
            "a folded header",
            with(
                &format!("x-a: 1\r\n folded\r\ncontent-length: {n}\r\n"),
                body,
            ),
        ),
        (
            "a name with a space",
            with(&format!("x a: 1\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "an empty name",
            with(&format!(": 1\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "a line without a colon",
            with(&format!("nonsense\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "NUL in a value",
            with(&format!("x-a: a\0b\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "NUL in a name",
            with(&format!("x\0a: b\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "a bare CR in a value",
            with(&format!("x-a: a\rb\r\ncontent-length: {n}\r\n"), body),
        ),
        (
            "a control character",
            with(&format!("x-a: a\u{7}b\r\ncontent-length: {n}\r\n"), body),
        ),
    ]
}

/// Chunks that are none.
fn chunks() -> Vec<Case> {
    vec![
        (
            "a chunk size that is no number",
            with("transfer-encoding: chunked\r\n", "zz\r\nx\r\n0\r\n\r\n"),
        ),
        (
            "a chunk size with a sign",
            with("transfer-encoding: chunked\r\n", "+1\r\nx\r\n0\r\n\r\n"),
        ),
        (
            "a chunk size that overflows",
            with(
                "transfer-encoding: chunked\r\n",
                "fffffffffffffffff\r\nx\r\n",
            ),
        ),
        (
            "a chunk longer than its size",
            with("transfer-encoding: chunked\r\n", "1\r\nxyz\r\n0\r\n\r\n"),
        ),
    ]
}

/// Request lines that are none.
fn lines(body: &str) -> Vec<Case> {
    let n = body.len();
    vec![
        (
            "two spaces in the line",
            with(&format!("content-length: {n}\r\n"), body).replace("POST /", "POST  /"),
        ),
        (
            "a tab in the line",
            with(&format!("content-length: {n}\r\n"), body).replace("POST /", "POST\t/"),
        ),
        (
            "a target with a space",
            with(&format!("content-length: {n}\r\n"), body)
                .replace("completions HTTP", "comple tions HTTP"),
        ),
        (
            "the preface of HTTP/2",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        ),
        (
            "a TLS hello",
            "\u{16}\u{3}\u{1}\u{2}\0\u{1}\0".to_owned() + "\r\n\r\n",
        ),
    ]
}

/// Requests whose framing is clear and that are refused all the same.
fn refused_requests() -> Vec<Case> {
    let body = chat("m-1", false);
    let n = body.len();
    vec![
        (
            "no version",
            format!("POST /v1/chat/completions\r\nhost: localhost\r\n\r\n{body}"),
        ),
        (
            "an unknown version",
            with(&format!("content-length: {n}\r\n"), &body).replace("HTTP/1.1", "HTTP/9.9"),
        ),
        (
            "a tunnel",
            "CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n".to_owned(),
        ),
        (
            "an absolute target elsewhere",
            with(&format!("content-length: {n}\r\n"), &body)
                .replace("POST /", "POST http://evil.example/"),
        ),
        (
            "two hosts",
            with(
                &format!("host: evil.example\r\ncontent-length: {n}\r\n"),
                &body,
            ),
        ),
        (
            "no host",
            with(&format!("content-length: {n}\r\n"), &body).replace("host: localhost\r\n", ""),
        ),
        (
            "a hundred and fifty headers",
            with(
                &format!("{}content-length: {n}\r\n", "x-a: 1\r\n".repeat(150)),
                &body,
            ),
        ),
        (
            "a header of 100 KiB",
            with(
                &format!("x-a: {}\r\ncontent-length: {n}\r\n", "a".repeat(100 * 1024)),
                &body,
            ),
        ),
        (
            "a target of 100 KiB",
            with(&format!("content-length: {n}\r\n"), &body)
                .replace("POST /", &format!("POST /{}", "a".repeat(100 * 1024))),
        ),
    ]
}

fn is_a_refusal(name: &str, answer: &str) {
    let refusals = [
        "400", "403", "404", "405", "408", "413", "414", "431", "501", "505",
    ];
    assert!(
        refusals.iter().any(|code| answer.starts_with(code)),
        "{name}: {answer}"
    );
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    // What the HTTP library refuses while parsing has no body.
    assert!(
        body.is_empty() || body.starts_with("{\"error\":{\"message\":"),
        "{name}: {body}"
    );
}

async fn is_still_serving(scene: &Scene) {
    assert_eq!(
        scene.upstream.count(),
        0,
        "a refused request reached the upstream"
    );
    let reply = scene
        .gate
        .post("/v1/chat/completions", &chat("m-1", false))
        .await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
}

#[tokio::test]
async fn broken_framings_end_the_connection_and_hide_nothing() {
    let scene = Scene::with_tables("[limits]\nheader_timeout = \"1s\"").await;
    scene.upstream.always(Script::json(200, &completion("x")));
    for (name, request) in broken_framings() {
        let mut client = RawClient::connect(scene.gate.address()).await;
        // The gate may close while this is sent.
        let _ = client.try_send(format!("{request}{}", hidden())).await;
        let answers = String::from_utf8_lossy(&client.to_end().await).into_owned();
        let answers: Vec<&str> = answers.split("HTTP/1.1 ").skip(1).collect();
        assert!(
            answers.len() <= 1,
            "{name}: something behind it was answered: {answers:?}"
        );
        if let Some(answer) = answers.first() {
            is_a_refusal(name, answer);
        }
        assert_eq!(scene.upstream.count(), 0, "{name}: it reached the upstream");
    }
    is_still_serving(&scene).await;
}

#[tokio::test]
async fn clear_but_senseless_requests_are_refused() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, &completion("x")));
    for (name, request) in refused_requests() {
        let mut client = RawClient::connect(scene.gate.address()).await;
        let _ = client.try_send(request).await;
        if let Some(reply) = client.try_reply().await {
            is_a_refusal(name, &format!("{}\r\n\r\n{}", reply.status(), reply.text()));
        }
        assert_eq!(scene.upstream.count(), 0, "{name}: it reached the upstream");
    }
    is_still_serving(&scene).await;
}

#[tokio::test]
async fn length_beside_chunked_is_read_as_chunked_and_ends_the_connection() {
    let body = chat("m-1", false);
    let chunked = chunked(&body);
    for lines in [
        "content-length: 6\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 6\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "Transfer-Encoding: CHUNKED\r\nContent-Length: 0\r\n",
    ] {
        let scene = Scene::start().await;
        scene.upstream.always(Script::json(200, &completion("x")));
        let mut client = RawClient::connect(scene.gate.address()).await;
        client
            .send(format!("{}{}", with(lines, &chunked), hidden()))
            .await;
        let reply = client.reply().await;
        assert!(
            [200, 400].contains(&reply.status()),
            "{lines}: {}",
            reply.text()
        );
        let after = client.to_end().await;
        assert!(
            after.is_empty(),
            "{lines}: {}",
            String::from_utf8_lossy(&after)
        );
        let seen: Vec<String> = scene
            .upstream
            .requests()
            .iter()
            .map(|one| one.text())
            .collect();
        assert!(seen.iter().all(|seen| *seen == body), "{lines}: {seen:?}");
    }
}

#[tokio::test]
async fn legal_forms_beside_them_are_taken() {
    let body = chat("m-1", false);
    let n = body.len();
    let chunked = format!("{n:X};ext=1\r\n{body}\r\n0\r\nx-trailer: 1\r\n\r\n");
    let legal = [
        ("plain", with(&format!("content-length: {n}\r\n"), &body)),
        (
            "empty lines before",
            format!(
                "\r\n\r\n{}",
                with(&format!("content-length: {n}\r\n"), &body)
            ),
        ),
        (
            "no space after the colon",
            with(&format!("content-length:{n}\r\n"), &body),
        ),
        (
            "spaces around a value",
            with(&format!("content-length: \t{n}\t \r\n"), &body),
        ),
        (
            "chunks with extension and trailer",
            with("transfer-encoding: chunked\r\n", &chunked),
        ),
        (
            "other case",
            with(&format!("CONTENT-LENGTH: {n}\r\n"), &body).replace("host:", "HOST:"),
        ),
        (
            "an absolute target of our own",
            with(&format!("content-length: {n}\r\n"), &body)
                .replace("POST /", "POST http://localhost/"),
        ),
        (
            "a query",
            with(&format!("content-length: {n}\r\n"), &body)
                .replace("completions ", "completions?api-version=1 "),
        ),
    ];
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, &completion("x")));
    for (name, request) in legal {
        let mut client = RawClient::connect(scene.gate.address()).await;
        client.send(&request).await;
        let reply = client.reply().await;
        assert_eq!(reply.status(), 200, "{name}: {}", reply.text());
    }
    assert_eq!(scene.upstream.count(), 8);
}

#[tokio::test]
async fn a_body_in_expectation_of_a_continue_is_taken() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, &completion("x")));
    let body = chat("m-1", false);
    let mut client = RawClient::connect(scene.gate.address()).await;
    let lines = format!("expect: 100-continue\r\ncontent-length: {}\r\n", body.len());
    client.send(with(&lines, "")).await;
    assert_eq!(client.head().await.status, 100);
    client.send(&body).await;
    assert_eq!(client.reply().await.status(), 200);
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let scene = Scene::start().await;
    for name in ["one", "two", "three"] {
        scene
            .upstream
            .on_model(name, Script::json(200, &completion(name)));
    }
    let mut client = RawClient::connect(scene.gate.address()).await;
    let all: String = ["one", "two", "three"]
        .map(|name| tidegate_testkit::client::post("/v1/chat/completions", &[], &chat(name, false)))
        .concat();
    client.send(all).await;
    for name in ["one", "two", "three"] {
        let reply = client.reply().await;
        assert_eq!((reply.status(), reply.text()), (200, completion(name)));
    }
}
