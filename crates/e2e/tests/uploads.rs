//! Bodies that are passed up as they come: files and their parts. Nothing of
//! one is held, both sides can stand still, and either can end it early.

use std::time::Duration;

use tidegate_e2e::leave::{WAYS, leave};
use tidegate_e2e::tries::{limited, trying};
use tidegate_e2e::{Scene, form, is_ours};
use tidegate_testkit::{
    PATIENCE, RawClient, Reply, Script, Stopwatch, beside, figure, openai, pause, until,
};
use tidegate_types::Code;

const FILE: &str = r#"{"id":"file-1","object":"file"}"#;

/// The promise is 200 ms; the tests allow five times that.
const SOON: Duration = Duration::from_secs(1);

/// Begins an upload of so many bytes, and sends the first of them.
async fn begin(scene: &Scene, announced: usize, sent: usize) -> RawClient {
    let mut client = scene.gate.connect().await;
    let head = form::head("/v1/files", &format!("content-length: {announced}\r\n"));
    client
        .send([head.as_bytes(), &vec![b'x'; sent]].concat())
        .await;
    client
}

/// Waits until an upload is on its way.
async fn rises(scene: &Scene) {
    until_stage(scene, "sending").await;
}

async fn until_stage(scene: &Scene, stage: &str) {
    tidegate_testkit::wait::until_async("the stage is reached", || async {
        let requests = scene.gate.debug_requests().await;
        requests
            .iter()
            .any(|one| one["stage"] == stage)
            .then_some(())
    })
    .await;
}

async fn upload(scene: &Scene, file: &[u8]) -> Reply {
    let (head, body) = form::request("/v1/files", &[("purpose", "batch")], file);
    let mut client = scene.gate.connect().await;
    client.send([head.as_bytes(), &body].concat()).await;
    client.reply().await
}

#[tokio::test]
async fn a_file_goes_up_byte_for_byte_announced_or_in_chunks() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, FILE));
    let file: Vec<u8> = (0..1_000_000_u32).map(|at| (at * 31 % 257) as u8).collect();
    let reply = upload(&scene, &file).await;
    assert_eq!((reply.status(), &*reply.text()), (200, FILE));
    let whole = form::body(&[("purpose", "batch")], &file);
    let seen = scene.upstream.request(0).await;
    assert!(seen.body() == whole);
    let kind = format!("multipart/form-data; boundary={}", form::BOUNDARY);
    assert_eq!(seen.header("content-type"), Some(kind));
    assert_eq!(seen.header("content-length"), Some(whole.len().to_string()));

    let mut client = scene.gate.connect().await;
    client
        .send(form::head("/v1/files", "transfer-encoding: chunked\r\n"))
        .await;
    for piece in whole.chunks(77_777) {
        let size = format!("{:x}\r\n", piece.len());
        client
            .send([size.as_bytes(), piece, b"\r\n"].concat())
            .await;
    }
    client.send("0\r\n\r\n").await;
    assert_eq!(client.reply().await.text(), FILE);
    let seen = scene.upstream.request(1).await;
    assert!(seen.body() == whole);
    assert_eq!(seen.header("transfer-encoding").as_deref(), Some("chunked"));
    assert_eq!(scene.gate.until_quiet().await.conserved(), Ok(2));
}

#[tokio::test]
async fn a_caller_who_waits_for_leave_to_send_gets_it() {
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, FILE));
    let (head, body) = form::request("/v1/files", &[("purpose", "batch")], b"content");
    let mut client = scene.gate.connect().await;
    let expects = head.replacen("\r\n", "\r\nexpect: 100-continue\r\n", 1);
    client.send(expects).await;
    assert_eq!(client.head().await.status, 100);
    client.send(&body).await;
    assert_eq!(client.reply().await.text(), FILE);
    assert!(scene.upstream.request(0).await.header("expect").is_none());
}

#[tokio::test]
async fn a_caller_who_leaves_in_the_middle_stops_the_upload_and_is_no_failure() {
    for way in WAYS {
        let scene = Scene::start().await;
        let client = begin(&scene, 1_000_000, 100_000).await;
        rises(&scene).await;
        assert_eq!(
            scene.gate.metric("tidegate_pool_permits_busy", &[]).await,
            1.0
        );
        let start = Stopwatch::start();
        let _half = leave(client, way).await;
        until("the upstream is let go", || {
            (scene.upstream.open() == 0).then_some(())
        })
        .await;
        let took = start.elapsed();
        figure(&format!("an upload is stopped {took:?} after {way:?}"));
        assert!(took < SOON, "{way:?} took {took:?}");
        scene.settled("cancelled", "caller").await;
        assert_eq!(scene.upstream.count(), 0, "it never came whole");
    }
}

/// A scene with room for one upload, and that one on its way.
async fn crowded() -> (Scene, RawClient) {
    let one = |provider: tidegate_testkit::Provider| {
        provider.pool(r#"size = 1, queue = 1, overflow = "block", max_wait = "30s""#)
    };
    let scene = Scene::with(one).await;
    scene.upstream.always(Script::json(200, FILE));
    let first = begin(&scene, 1_000_000, 10).await;
    rises(&scene).await;
    (scene, first)
}

/// Whoever leaves, in whatever way, with little or much sent before: his place
/// in the queue is free, and he is cancelled and never sent.
#[tokio::test]
async fn a_caller_who_leaves_while_his_upload_is_queued_is_noticed_and_never_sent() {
    let (scene, first) = crowded().await;
    let small = form::body(&[], b"content");
    let head = form::head("/v1/files", "content-length: 1000000\r\n");
    let whole = form::head("/v1/files", &format!("content-length: {}\r\n", small.len()));
    let next = b"GET /v1/models HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let cases: [(&str, Vec<u8>); 4] = [
        ("a head", head.clone().into_bytes()),
        ("a part", [head.as_bytes(), &[b'x'; 10_000]].concat()),
        // Twice what a socket takes that nobody reads.
        (
            "more than a socket",
            [head.as_bytes(), &[b'x'; 260_000]].concat(),
        ),
        (
            "all and the next",
            [whole.as_bytes(), &small, next].concat(),
        ),
    ];
    let mut left = 0.0;
    for way in WAYS {
        for (sent, bytes) in &cases {
            let mut client = scene.gate.connect().await;
            client.send(bytes).await;
            until_stage(&scene, "queued").await;
            let start = Stopwatch::start();
            let half = leave(client, way).await;
            let waiting = "tidegate_pool_waiting";
            scene.gate.until_metric(waiting, &[], 0.0).await;
            let took = start.elapsed();
            figure(&format!(
                "{way:?} behind {sent} in the queue: noticed after {took:?}"
            ));
            assert!(
                took < Duration::from_secs(5),
                "{way:?} behind {sent}: {took:?}"
            );
            left += 1.0;
            let label = [("class", "cancelled"), ("label", "caller")];
            scene
                .gate
                .until_metric("tidegate_requests_total", &label, left)
                .await;
            drop(half);
        }
    }
    assert_eq!(scene.upstream.accepted(), 1);
    drop(first);
    let metrics = scene.gate.until_quiet().await;
    assert_eq!(metrics.sum("tidegate_body_bytes", &[]), 0.0);
    assert_eq!(metrics.conserved(), Ok(13));
}

#[tokio::test]
async fn what_was_read_of_an_upload_in_the_queue_goes_up_with_the_rest() {
    let (scene, first) = crowded().await;
    let file: Vec<u8> = (0..1_000_000_u32).map(|at| (at * 7 % 251) as u8).collect();
    let whole = form::body(&[("purpose", "batch")], &file);
    let head = form::head("/v1/files", &format!("content-length: {}\r\n", whole.len()));
    let mut client = scene.gate.connect().await;
    client
        .send([head.as_bytes(), &whole[..300_000]].concat())
        .await;
    until_stage(&scene, "queued").await;
    drop(first);
    rises(&scene).await;
    client.send(&whole[300_000..]).await;
    assert_eq!(client.reply().await.text(), FILE);
    let seen = scene.upstream.request(0).await;
    assert!(seen.body() == whole);
    assert_eq!(seen.header("content-length"), Some(whole.len().to_string()));
    scene.gate.until_quiet().await;
}

#[tokio::test]
async fn a_caller_who_waits_for_leave_to_send_waits_for_his_turn_too() {
    let (scene, first) = crowded().await;
    let (head, body) = form::request("/v1/files", &[("purpose", "batch")], b"content");
    let mut client = scene.gate.connect().await;
    let expects = head.replacen("\r\n", "\r\nexpect: 100-continue\r\n", 1);
    client.send(expects).await;
    until_stage(&scene, "queued").await;
    let early = tidegate_testkit::wait::briefly(Duration::from_millis(300), client.head()).await;
    assert!(early.is_none(), "{early:?}");
    drop(first);
    assert_eq!(client.head().await.status, 100);
    client.send(&body).await;
    assert_eq!(client.reply().await.text(), FILE);
}

#[tokio::test]
async fn an_operator_ends_an_upload() {
    let scene = Scene::start().await;
    let mut client = begin(&scene, 1_000_000, 100_000).await;
    rises(&scene).await;
    let request = scene.gate.debug_requests().await.remove(0);
    assert_eq!(request["endpoint"], "/files");
    let id = request["id"].as_str().unwrap().to_owned();
    let start = Stopwatch::start();
    let told = scene.gate.delete(&format!("/debug/requests/{id}")).await;
    assert_eq!(
        (told.status(), &told.json()["stage"]),
        (200, &"sending".into())
    );
    let reply = client.reply().await;
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    is_ours(&reply, Code::CancelledByOperator);
    assert_eq!(reply.header("connection"), Some("close"));
    scene.settled("cancelled", "operator").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn a_caller_who_pauses_too_long_is_told_so() {
    let scene = Scene::with_tables("[limits]\nbody_timeout = \"500ms\"").await;
    let mut client = begin(&scene, 1_000_000, 100_000).await;
    is_ours(&client.reply().await, Code::RequestTimeout);
    scene.settled("failed", "request_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn an_upstream_that_takes_nothing_is_left_after_the_idle_time() {
    let timeouts = r#"connect = "1s", idle = "600ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    // It reads nothing: what the sockets do not hold stays with the caller.
    scene
        .upstream
        .by_head(|_| Some(Script::raw("").wait(Duration::from_secs(10))));
    let mut client = begin(&scene, 64 << 20, 0).await;
    let piece = vec![0; 1 << 20];
    let start = Stopwatch::start();
    let reply = loop {
        match tidegate_testkit::wait::briefly(Duration::from_millis(200), client.try_send(&piece))
            .await
        {
            Some(Ok(())) => {}
            _ => break client.reply().await,
        }
    };
    assert!(start.elapsed() < PATIENCE);
    is_ours(&reply, Code::UpstreamTimeout);
    scene.settled("failed", "upstream_timeout").await;
}

#[tokio::test]
async fn an_answer_before_the_end_of_the_upload_reaches_its_caller() {
    for status in [400, 413] {
        let scene = Scene::start().await;
        let said = openai::error("invalid_request_error", "too_big", "Not more than 10 bytes");
        scene
            .upstream
            .by_head(move |_| Some(Script::json(status, &said)));
        // He goes on writing for a while, as SDKs do, and then reads.
        let mut client = begin(&scene, 8 << 20, 100_000).await;
        let piece = vec![b'y'; 1 << 20];
        for _ in 0..7 {
            if client.try_send(&piece).await.is_err() {
                break;
            }
            pause(Duration::from_millis(20)).await;
        }
        let reply = client.reply().await;
        assert_eq!(reply.status_and_code(), (status, "too_big".to_owned()));
        assert_eq!(reply.header("connection"), Some("close"));
        scene.settled("failed", "upstream_rejected").await;
        scene.upstream_let_go().await;
    }
}

#[tokio::test]
async fn an_upstream_that_closes_within_an_upload_is_told_and_not_asked_again() {
    let scene = trying(|same| same).await;
    scene.upstream.by_head(|_| Some(Script::raw("").rst()));
    let mut client = begin(&scene, 8 << 20, 100_000).await;
    is_ours(&client.reply().await, Code::UpstreamDisconnected);
    assert_eq!(scene.upstream.accepted(), 1);
    scene.settled("failed", "upstream_disconnected").await;
}

#[tokio::test]
async fn what_went_up_does_not_go_up_again_not_even_after_a_limit() {
    let scene = trying(|same| same).await;
    scene.upstream.always(limited("0"));
    let reply = upload(&scene, b"x").await;
    assert_eq!((reply.status(), scene.upstream.count()), (429, 1));
    // The SDK has the file, and may.
    assert_eq!(reply.header("x-should-retry"), Some("true"));
}

#[tokio::test]
async fn an_upload_over_its_limit_is_refused_announced_or_not() {
    let scene = Scene::with_tables("[limits]\nupload = \"1MiB\"\nbody = \"1KiB\"").await;
    scene.upstream.always(Script::json(200, FILE));
    let mut client = begin(&scene, (1 << 20) + 1, 100).await;
    let reply = client.reply().await;
    is_ours(&reply, Code::RequestTooLarge);
    assert!(reply.text().contains("limits.upload"), "{}", reply.text());
    assert_eq!(scene.upstream.accepted(), 0);

    let mut client = scene.gate.connect().await;
    client
        .send(form::head("/v1/files", "transfer-encoding: chunked\r\n"))
        .await;
    let piece = [
        format!("{:x}\r\n", 100_000).as_bytes(),
        &[0; 100_000],
        b"\r\n",
    ]
    .concat();
    for _ in 0..12 {
        if client.try_send(&piece).await.is_err() {
            break;
        }
    }
    is_ours(&client.reply().await, Code::RequestTooLarge);
    assert_eq!(scene.upstream.count(), 0, "it never came whole");
    // Beyond `limits.body`, which is for what is read whole.
    assert_eq!(upload(&scene, &[0; 900_000]).await.status(), 200);
    assert_eq!(scene.gate.until_quiet().await.conserved(), Ok(3));
}

#[tokio::test]
async fn stopping_the_process_ends_an_upload_that_does_not_end() {
    let mut scene = Scene::with_settings(|provider| {
        tidegate_testkit::Settings::with(provider).top("shutdown_timeout = \"300ms\"")
    })
    .await;
    let mut client = begin(&scene, 1_000_000, 1000).await;
    rises(&scene).await;
    scene.gate.terminate();
    is_ours(&client.reply().await, Code::ShuttingDown);
    scene.gate.exit().await;
}

/// 200 MB, with the memory of the process looked at all the time.
#[tokio::test]
async fn a_large_upload_is_never_held() {
    const PIECES: usize = 200;
    let scene = Scene::start().await;
    scene.upstream.always(Script::json(200, FILE));
    upload(&scene, &[0; 100_000]).await;
    let before = scene.gate.usage().rss_kib;
    let mut client = begin(&scene, PIECES << 20, 0).await;
    let start = Stopwatch::start();
    let sending = beside(async move {
        let piece = vec![7; 1 << 20];
        for _ in 0..PIECES {
            client.send(&piece).await;
        }
        client.reply().await.status()
    });
    let mut most = before;
    while !sending.is_over() {
        most = most.max(scene.gate.usage().rss_kib);
        pause(Duration::from_millis(10)).await;
    }
    assert_eq!(sending.result().await, 200);
    let grown = most.saturating_sub(before);
    figure(&format!(
        "an upload of {PIECES} MiB in {:?}: {before} KiB before, {grown} KiB more at its peak",
        start.elapsed()
    ));
    assert!(grown < 32 << 10, "{grown} KiB are held of an upload");
}
