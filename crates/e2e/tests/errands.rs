//! Calls that are carried and not understood: files, images, audio, batches,
//! moderation, fine-tuning. Who answers, what goes up and what comes back.
//!
//! Uploads and downloads that go wrong are in `uploads` and `downloads`.

use tidegate_e2e::leave::Dice;
use tidegate_e2e::tries::{failing, good, limited, trying};
use tidegate_e2e::{Scene, form, is_ours, transcript};
use tidegate_testkit::gate::Start;
use tidegate_testkit::{Gate, Provider, Reply, Script, Settings, Upstream};
use tidegate_types::Code;

const OBJECT: &str = r#"{"id":"x-1","object":"thing"}"#;

/// Any request: a method, a path, headers and a body of JSON.
async fn send(gate: &Gate, line: &str, headers: &str, body: &str) -> Reply {
    let mut client = gate.connect().await;
    let length = match body {
        "" => String::new(),
        body => format!(
            "content-type: application/json\r\ncontent-length: {}\r\n",
            body.len()
        ),
    };
    let head = format!("{line} HTTP/1.1\r\nhost: localhost\r\n{length}{headers}\r\n{body}");
    client.send(head).await;
    client.reply().await
}

async fn post_form(gate: &Gate, path: &str, fields: &[(&str, &str)], file: &[u8]) -> Reply {
    let (head, body) = form::request(path, fields, file);
    let mut client = gate.connect().await;
    client.send([head.as_bytes(), &body].concat()).await;
    client.reply().await
}

#[tokio::test]
async fn every_endpoint_reaches_the_upstream_by_its_own_path_and_method() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, OBJECT));
    let empty = ["GET", "DELETE"];
    let lines = [
        "POST /images/generations",
        "POST /audio/speech",
        "POST /moderations",
        "GET /files?limit=2&order=asc",
        "GET /files/file-1",
        "DELETE /files/file-1",
        "GET /files/file-1/content",
        "POST /uploads",
        "POST /uploads/upload_1/complete",
        "POST /uploads/upload_1/cancel",
        "POST /batches",
        "GET /batches?after=batch_1",
        "GET /batches/batch_1",
        "POST /batches/batch_1/cancel",
        "POST /fine_tuning/jobs",
        "GET /fine_tuning/jobs?metadata%5Bk%5D=v",
        "GET /fine_tuning/jobs/ftjob-1",
        "POST /fine_tuning/jobs/ftjob-1/cancel",
        "POST /fine_tuning/jobs/ftjob-1/pause",
        "POST /fine_tuning/jobs/ftjob-1/resume",
        "GET /fine_tuning/jobs/ftjob-1/events",
        "GET /fine_tuning/jobs/ftjob-1/checkpoints",
    ];
    for (number, line) in lines.iter().enumerate() {
        let (method, path) = line.split_once(' ').unwrap();
        let body = match empty.contains(&method) {
            true => "",
            false => r#"{ "model" : "m-1", "any":[1,2] }"#,
        };
        let ours = format!("{method} /v1{path}");
        let reply = send(&scene.gate, &ours, "", body).await;
        assert_eq!((reply.status(), &*reply.text()), (200, OBJECT), "{line}");
        let seen = scene.upstream.request(number).await;
        assert_eq!(seen.line(), (method.to_owned(), format!("/v1{path}")));
        assert_eq!(seen.text(), body, "{line}");
        let kind = seen.header("content-type");
        let json = (!body.is_empty()).then(|| "application/json".to_owned());
        assert_eq!(kind, json, "{line}");
        let bearer = seen.header("authorization");
        assert_eq!(bearer.as_deref(), Some("Bearer sk-upstream-key"));
    }
    let forms = [
        "/images/edits",
        "/images/variations",
        "/audio/transcriptions",
        "/audio/translations",
        "/files",
        "/uploads/upload_1/parts",
    ];
    for (number, path) in forms.iter().enumerate() {
        let file: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let fields = [("model", "m-1"), ("purpose", "x")];
        let reply = post_form(&scene.gate, &format!("/v1{path}"), &fields, &file).await;
        assert_eq!(reply.status(), 200, "{path}: {}", reply.text());
        let seen = scene.upstream.request(lines.len() + number).await;
        assert_eq!(seen.line(), ("POST".to_owned(), format!("/v1{path}")));
        assert_eq!(seen.body(), form::body(&fields, &file), "{path}");
    }
    let metrics = scene.gate.until_quiet().await;
    let all = (lines.len() + forms.len()) as u64;
    assert_eq!(metrics.conserved(), Ok(all), "{metrics:?}");
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(completed, all as f64);
}

/// Issue 5: what may stand before `/v1` is ours, and no upstream's.
#[tokio::test]
async fn a_dialects_prefix_does_not_reach_the_upstream() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, OBJECT));
    let lines = [
        ("GET /openai/v1", "/files?limit=2&order=asc"),
        ("GET /anthropic/v1", "/files/file-1/content"),
        ("DELETE /openai/v1", "/files/file-1"),
    ];
    for (number, (ours, path)) in lines.iter().enumerate() {
        let reply = send(&scene.gate, &format!("{ours}{path}"), "", "").await;
        assert_eq!(reply.status(), 200, "{ours}{path}: {}", reply.text());
        let seen = scene.upstream.request(number).await;
        assert_eq!(seen.line().1, format!("/v1{path}"));
    }
}

#[tokio::test]
async fn a_post_with_nothing_in_it_needs_no_type() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, OBJECT));
    let path = "POST /v1/batches/batch_1/cancel";
    let reply = send(&scene.gate, path, "content-length: 0\r\n", "").await;
    assert_eq!(reply.status(), 200, "{}", reply.text());
    assert_eq!(
        scene
            .upstream
            .request(0)
            .await
            .header("content-length")
            .as_deref(),
        Some("0")
    );
    // Where a model makes something of it there must be something.
    let reply = send(
        &scene.gate,
        "POST /v1/moderations",
        "content-length: 0\r\n",
        "",
    )
    .await;
    is_ours(&reply, Code::UnsupportedMediaType);
}

/// Two upstreams, `one` (the default) and `two`, and the simulated provider.
async fn two() -> (Upstream, Upstream, Gate) {
    let (one, two) = (Upstream::start().await, Upstream::start().await);
    one.always(Script::json(200, r#"{"by":"one"}"#));
    two.always(Script::json(200, r#"{"by":"two"}"#));
    let provider = |name: &str, at: &Upstream| Provider::new(name, &at.base_url());
    let settings = Settings::with(provider("one", &one).models(r#"["a", "b*"]"#))
        .and(provider("two", &two).models(r#"["c"]"#));
    let gate = Start::with(&settings).start().await;
    (one, two, gate)
}

#[tokio::test]
async fn contracts_6_the_model_says_who_answers_and_only_its_name_changes() {
    let (_one, two, gate) = two().await;
    let by = |reply: &Reply| reply.json()["by"].as_str().map(str::to_owned);
    let image = |model: &str| format!(r#"{{ "prompt":"x", "model" : "{model}","n":9}}"#);
    let path = "POST /v1/images/generations";
    for (model, whom) in [
        ("a", "one"),
        ("c", "two"),
        ("one/b-7", "one"),
        ("two/c", "two"),
    ] {
        let reply = send(&gate, path, "", &image(model)).await;
        assert_eq!(
            by(&reply).as_deref(),
            Some(whom),
            "{model}: {}",
            reply.text()
        );
    }
    assert_eq!(two.request(1).await.text(), image("c"));
    let reply = send(&gate, path, "", &image("nobody")).await;
    is_ours(&reply, Code::ModelNotFound);
    is_ours(&send(&gate, path, "", &image("echo")).await, Code::NotFound);
    let reply = send(&gate, path, "", r#"{"prompt":"x"}"#).await;
    assert_eq!(
        by(&reply).as_deref(),
        Some("one"),
        "no model: {}",
        reply.text()
    );

    let file = b"\r\n--tide\0model=\"x\"".as_slice();
    let reply = post_form(
        &gate,
        "/v1/audio/transcriptions",
        &[("model", "two/c")],
        file,
    )
    .await;
    assert_eq!(by(&reply).as_deref(), Some("two"), "{}", reply.text());
    let sent = two.request(2).await;
    assert_eq!(sent.body(), form::body(&[("model", "c")], file));
    let twice = [("model", "a"), ("model", "two/c")];
    let reply = post_form(&gate, "/v1/images/edits", &twice, file).await;
    is_ours(&reply, Code::InvalidValue);
}

#[tokio::test]
async fn without_a_model_the_header_says_who_answers_else_the_default_provider() {
    let (_one, _two, gate) = two().await;
    let ask = async |headers: &str| {
        let reply = send(&gate, "GET /v1/batches", headers, "").await;
        (reply.status(), reply.text())
    };
    assert_eq!(ask("").await, (200, r#"{"by":"one"}"#.to_owned()));
    let two = "x-tidegate-provider: two\r\n";
    assert_eq!(ask(two).await, (200, r#"{"by":"two"}"#.to_owned()));
    let (status, text) = ask("x-tidegate-provider: three\r\n").await;
    assert!(status == 400 && text.contains("`one`, `two`"), "{text}");
    let (status, text) = ask("x-tidegate-provider: sim\r\n").await;
    assert!(status == 404 && text.contains("simulated"), "{text}");
}

#[tokio::test]
async fn the_simulated_provider_says_that_it_has_none_of_these() {
    let gate = Start::bare().start().await;
    for line in [
        "GET /v1/files",
        "GET /v1/batches/batch_1",
        "DELETE /v1/files/file-1",
    ] {
        is_ours(&send(&gate, line, "", "").await, Code::NotFound);
    }
    let speech = r#"{"model":"echo","input":"x","voice":"y"}"#;
    is_ours(
        &send(&gate, "POST /v1/audio/speech", "", speech).await,
        Code::NotFound,
    );
    is_ours(
        &post_form(&gate, "/v1/files", &[], b"x").await,
        Code::NotFound,
    );
    assert_eq!(gate.until_quiet().await.conserved(), Ok(5));
}

#[tokio::test]
async fn what_is_no_id_and_no_plain_query_never_reaches_an_upstream() {
    let scene = Scene::start().await;
    for path in [
        "/v1/files/..",
        "/v1/files/%2e%2e",
        "/v1/files/a%2fb",
        "/v1/files/a%00",
        "/v1/files/-a",
        "/v1/files/",
        "/v1//files",
        "/v1/files/a/b",
        "/v1/files/../content",
        "/v1/batches/.",
        "/openai/v1/files/..",
        "/openai/v1/files/%2e%2e",
        "/anthropic/v1//files",
        "/openai/openai/v1/files",
        "/openai/files",
    ] {
        let reply = send(&scene.gate, &format!("GET {path}"), "", "").await;
        assert_eq!(reply.status(), 404, "{path}: {}", reply.text());
    }
    for query in ["a=%0d%0ax:y", "a=%00", "a=<b>", "a=%zz", "a=\"b\""] {
        let reply = send(&scene.gate, &format!("GET /v1/files?{query}"), "", "").await;
        assert_eq!(reply.status(), 400, "{query}: {}", reply.text());
    }
    let mut client = scene.gate.connect().await;
    client
        .send("HEAD /v1/files HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await;
    let head = client.head().await;
    assert_eq!(
        (head.status, head.header("allow")),
        (405, Some("POST, GET"))
    );
    assert_eq!(scene.upstream.count(), 0);
}

#[tokio::test]
async fn a_web_page_of_another_site_reads_and_sends_nothing() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, OBJECT));
    let site = |site: &str| format!("sec-fetch-site: {site}\r\n");
    let reply = send(&scene.gate, "GET /v1/files", &site("cross-site"), "").await;
    is_ours(&reply, Code::ForbiddenOrigin);
    let reply = send(
        &scene.gate,
        "GET /v1/files",
        "origin: https://evil.example\r\n",
        "",
    )
    .await;
    is_ours(&reply, Code::ForbiddenOrigin);
    for near in ["same-origin", "none"] {
        let reply = send(&scene.gate, "GET /v1/files", &site(near), "").await;
        assert_eq!(reply.status(), 200, "{near}");
    }
}

/// What is told, and how often the upstream was asked, when it says this first
/// and then answers well.
async fn after(first: Script, line: &str) -> (Reply, usize) {
    let scene = trying(|same| same).await;
    scene.upstream.next(first);
    scene.upstream.always(good());
    let body = if line.starts_with("GET") {
        ""
    } else {
        r#"{"a":1}"#
    };
    let reply = send(&scene.gate, line, "", body).await;
    scene.gate.until_quiet().await;
    (reply, scene.upstream.count())
}

#[tokio::test]
async fn what_may_have_been_done_is_not_done_again() {
    for line in [
        "POST /v1/batches",
        "POST /v1/fine_tuning/jobs",
        "DELETE /v1/files/file-1",
        "POST /v1/batches/batch_1/cancel",
    ] {
        let (reply, asked) = after(failing(500, "x"), line).await;
        assert_eq!((reply.status(), asked), (502, 1), "{line}");
        // The SDK would do what we did not.
        assert_eq!(reply.header("x-should-retry"), Some("false"), "{line}");
        let (reply, asked) = after(Script::raw("").fin(), line).await;
        assert_eq!((reply.status(), asked), (502, 1), "{line}");
        // It says that it did nothing.
        let (reply, asked) = after(failing(503, "x"), line).await;
        assert_eq!((reply.status(), asked), (200, 2), "{line}");
        let (reply, asked) = after(limited("0"), line).await;
        assert_eq!((reply.status(), asked), (200, 2), "{line}");
    }
    for line in [
        "GET /v1/files",
        "GET /v1/files/file-1/content",
        "POST /v1/moderations",
    ] {
        let (reply, asked) = after(failing(500, "x"), line).await;
        assert_eq!((reply.status(), asked), (200, 2), "{line}");
    }
}

#[tokio::test]
async fn row_5_a_refusal_keeps_its_status_and_row_17_a_page_is_no_answer() {
    let scene = Scene::start().await;
    let gone = tidegate_testkit::openai::error("invalid_request_error", "x", "No such file");
    scene.upstream.next(Script::json(404, &gone));
    let reply = send(&scene.gate, "GET /v1/files/file-1", "", "").await;
    assert_eq!(
        transcript(&reply),
        ["404 application/json", "error x invalid_request_error"]
    );
    let page = Script::whole(200, &[("content-type", "text/html")], b"<p>hello</p>");
    scene.upstream.next(page.clone());
    let reply = send(&scene.gate, "GET /v1/files/file-1", "", "").await;
    is_ours(&reply, Code::UpstreamProtocol);
    // But a file may be one.
    scene.upstream.next(page);
    let reply = send(&scene.gate, "GET /v1/files/file-1/content", "", "").await;
    assert_eq!(
        (reply.status(), reply.header("content-type")),
        (200, Some("text/html"))
    );
}

#[tokio::test]
async fn an_object_that_tells_of_an_error_is_an_answer() {
    let scene = Scene::start().await;
    let job = r#"{"id":"ftjob-1","status":"failed","error":{"code":"x","message":"bad file"}}"#;
    scene.upstream.next(Script::json(200, job));
    let reply = send(&scene.gate, "GET /v1/fine_tuning/jobs/ftjob-1", "", "").await;
    assert_eq!((reply.status(), &*reply.text()), (200, job));
    // Text is an answer too, and so is nothing.
    let text = Script::whole(200, &[("content-type", "text/vtt")], b"WEBVTT\n");
    scene.upstream.next(text);
    let reply = post_form(
        &scene.gate,
        "/v1/audio/transcriptions",
        &[("model", "m")],
        b"x",
    )
    .await;
    assert_eq!(
        (reply.header("content-type"), &*reply.text()),
        (Some("text/vtt"), "WEBVTT\n")
    );
    scene
        .upstream
        .next(Script::raw("HTTP/1.1 204 None\r\n\r\n"));
    let reply = send(&scene.gate, "DELETE /v1/files/file-1", "", "").await;
    assert_eq!((reply.status(), &*reply.text()), (204, ""));
    let metrics = scene.gate.until_quiet().await;
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(completed, 3.0, "{metrics:?}");
}

/// A form with everything that is legal and rare, and one that hides a second
/// model in it: cut anywhere on its way, the one goes up byte for byte and the
/// other is refused.
#[tokio::test]
async fn a_form_is_read_in_one_way_however_it_is_cut() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, OBJECT));
    let part = |head: &str, content: &str| {
        let line = format!("--{}\r\nContent-Disposition: form-data; ", form::BOUNDARY);
        format!("{line}{head}\r\n\r\n{content}\r\n")
    };
    let file = part(
        r#"name="file"; filename="say \"hi\".mp3"; filename*=UTF-8''say%20%22hi%22.mp3"#,
        "\0\r\n--tide\r\n",
    );
    let model = part(r#"name="model""#, "whisper-1");
    let end = format!("--{}--\r\n", form::BOUNDARY);
    let good = format!("\r\nnothing\r\n{file}{model}{end}\r\nnothing\r\n");
    let hides = format!("\r\nnothing\r\n{file}{model}{end}{model}{end}");
    let path = "/v1/audio/transcriptions";
    let mut dice = Dice::seeded(7);
    for turn in 0..30 {
        for (whole, status) in [(&good, 200), (&hides, 400)] {
            let mut client = scene.gate.connect().await;
            client
                .send(form::head(path, "transfer-encoding: chunked\r\n"))
                .await;
            let mut rest = whole.as_bytes();
            while !rest.is_empty() {
                let most = rest.len().min(1 << (turn % 8)) as u64;
                let (piece, after) = rest.split_at(1 + dice.roll(most) as usize);
                let size = format!("{:x}\r\n", piece.len());
                let chunk = [size.as_bytes(), piece, b"\r\n"].concat();
                client.send(chunk).await;
                rest = after;
            }
            client.send("0\r\n\r\n").await;
            assert_eq!(client.reply().await.status(), status, "{turn}");
        }
        let seen = scene.upstream.request(turn).await;
        assert!(seen.body() == good.as_bytes(), "{turn}");
    }
    assert_eq!(scene.upstream.count(), 30);
}
