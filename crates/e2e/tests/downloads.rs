//! Answers that are passed down as they come: speech, files, events of another
//! dialect. Whole they are what the upstream sent, byte for byte; cut they
//! never look finished (INV-TRUNC).

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::client::Ended;
use tidegate_testkit::{RawClient, Reply, Script, Signal, Stopwatch, pause, until};

const SPEECH: &str = r#"{"model":"tts-1","input":"hello","voice":"alloy"}"#;
const AUDIO: (&str, &str) = ("content-type", "audio/mpeg");
const EVENTS: (&str, &str) = ("content-type", "text/event-stream");

/// The promise is 200 ms; the tests allow five times that.
const SOON: Duration = Duration::from_secs(1);

fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * 7 % 251) as u8).collect()
}

/// What a caller of speech gets from this script.
async fn speaks(scene: &Scene, script: Script) -> Reply {
    scene.upstream.next(script);
    scene.gate.post("/v1/audio/speech", SPEECH).await
}

fn is_cut(reply: &Reply) {
    assert!(
        matches!(reply.ended(), Ended::Cut(_)),
        "{:?}",
        reply.ended()
    );
}

#[tokio::test]
async fn bytes_come_as_they_are_and_the_connection_is_used_again() {
    let scene = Scene::start().await;
    let sound = noise(300_000);
    let headers = [
        AUDIO,
        ("content-disposition", "attachment; filename=\"a.mp3\""),
        ("set-cookie", "no=1"),
        ("x-secret", "no"),
    ];
    let chunked = Script::chunked(200, &headers).split(&sound, 50_000);
    let declared = Script::whole(200, &headers, &sound);
    for (number, script) in [declared, chunked].into_iter().enumerate() {
        let reply = speaks(&scene, script).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        assert_eq!(
            (reply.ended(), reply.body().len()),
            (&Ended::Whole, sound.len())
        );
        assert!(reply.body() == sound);
        assert_eq!(reply.header("content-type"), Some("audio/mpeg"));
        assert_eq!(reply.header("content-disposition"), Some(headers[1].1));
        assert_eq!(reply.header("cache-control"), Some("private, no-store"));
        assert_eq!(reply.header("content-security-policy"), Some("sandbox"));
        assert_eq!(
            (reply.header("set-cookie"), reply.header("x-secret")),
            (None, None)
        );
        let announced = (number == 0).then_some("300000");
        assert_eq!(reply.header("content-length"), announced);
    }
    let metrics = scene.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(2), "{metrics:?}");
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!((completed, scene.upstream.accepted()), (2.0, 1));
}

#[tokio::test]
async fn an_empty_file_is_an_answer() {
    let scene = Scene::start().await;
    scene
        .upstream
        .next(Script::whole(200, &[("content-type", "text/plain")], b""));
    let reply = scene.gate.get("/v1/files/file-1/content").await;
    assert_eq!((reply.status(), reply.body()), (200, &b""[..]));
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn inv_trunc_a_download_that_is_cut_is_a_broken_transfer() {
    type Ends = fn(Script) -> Script;
    let sound = noise(20_000);
    for ends in [Script::fin as Ends, Script::rst] {
        for begun in [
            Script::chunked(200, &[AUDIO]),
            Script::declared(200, &[AUDIO], 40_000),
        ] {
            let scene = Scene::start().await;
            let read = Signal::new();
            let script = begun.bytes(sound.clone()).until(&read);
            scene.upstream.next(ends(script));
            let mut client = scene.gate.connect().await;
            client.post("/v1/audio/speech", SPEECH).await;
            let head = client.head().await;
            client.piece().await.unwrap();
            read.fire();
            let reply = client.rest(head).await;
            is_cut(&reply);
            assert!(sound.starts_with(reply.body()));
            scene.settled("failed", "upstream_disconnected").await;
            scene.upstream_let_go().await;
        }
    }
}

#[tokio::test]
async fn row_11_a_download_that_stands_still_is_broken_after_the_idle_time() {
    let timeouts = r#"connect = "1s", idle = "500ms", total = "20s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let start = Stopwatch::start();
    let begun = Script::chunked(200, &[AUDIO]).bytes(noise(100));
    let reply = speaks(&scene, begun.stall()).await;
    let took = start.elapsed();
    is_cut(&reply);
    let bounds = Duration::from_millis(500)..Duration::from_secs(5);
    assert!(bounds.contains(&took), "{took:?}");
    scene.settled("failed", "stream_idle_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn the_total_time_ends_a_download_that_never_ends() {
    let timeouts =
        r#"connect = "1s", first_byte = "1s", first_content = "1s", idle = "1s", total = "1s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let mut script = Script::chunked(200, &[AUDIO]);
    for _ in 0..200 {
        script = script.bytes(noise(10)).wait(Duration::from_millis(50));
    }
    is_cut(&speaks(&scene, script).await);
    scene.settled("failed", "upstream_timeout").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn inv_permit_a_caller_who_leaves_a_download_stops_the_upstream_and_frees_its_permit() {
    let scene = Scene::start().await;
    let begun = Script::chunked(200, &[AUDIO]).bytes(noise(1000));
    scene.upstream.next(begun.stall());
    let mut client = scene.gate.connect().await;
    client.post("/v1/audio/speech", SPEECH).await;
    client.head().await;
    client.piece().await.unwrap();
    assert_eq!(
        scene.gate.metric("tidegate_pool_permits_busy", &[]).await,
        1.0
    );
    let start = Stopwatch::start();
    drop(client);
    scene.upstream_stops_within(SOON, start).await;
    scene.settled("cancelled", "caller").await;
}

#[tokio::test]
async fn row_30_a_caller_who_does_not_read_holds_the_upstream_back_and_then_both_end() {
    let scene = Scene::with_tables("[limits]\nwrite_stall = \"1s\"").await;
    // More than all buffers on the way hold.
    let file = noise(64 << 20);
    scene.upstream.next(Script::whole(200, &[AUDIO], &file));
    let mut client = RawClient::connect_narrow(scene.gate.address(), 4096).await;
    let before = scene.gate.usage().rss_kib;
    client.get("/v1/files/file-1/content").await;
    client.head().await;
    pause(Duration::from_millis(500)).await;
    let grown = scene.gate.usage().rss_kib.saturating_sub(before);
    assert!(
        grown < 16 << 10,
        "{grown} KiB are held for who does not read"
    );
    scene.settled("cancelled", "caller").await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn an_operator_ends_a_download_whether_or_not_its_caller_reads() {
    for narrow in [false, true] {
        let scene = Scene::start().await;
        let file = noise(64 << 20);
        let begun = Script::declared(200, &[AUDIO], file.len() + 1).bytes(file);
        scene.upstream.next(begun.stall());
        let mut client = match narrow {
            false => scene.gate.connect().await,
            true => RawClient::connect_narrow(scene.gate.address(), 4096).await,
        };
        client.get("/v1/files/file-1/content").await;
        let head = client.head().await;
        let mut read = 0;
        while !narrow && read < 64 << 20 {
            read += client.piece().await.unwrap().unwrap().len();
        }
        let request = scene.gate.debug_requests().await.remove(0);
        let id = request["id"].as_str().unwrap();
        let start = Stopwatch::start();
        let told = scene.gate.delete(&format!("/debug/requests/{id}")).await;
        assert_eq!(told.status(), 200, "{}", told.text());
        scene.settled("cancelled", "operator").await;
        scene.upstream_let_go().await;
        let took = start.elapsed();
        assert!(took < 2 * SOON, "{took:?}");
        is_cut(&client.rest(head).await);
    }
}

/// Events of image generation: no `[DONE]`, and names of their own.
const FIRST: &str = "event: image_generation.partial_image\ndata: {\"b64_json\":\"AA\"}\n\n";
const LAST: &str = "event: image_generation.completed\ndata: {\"b64_json\":\"BB\"}\n\n";

async fn draws(scene: &Scene, script: Script) -> Reply {
    scene.upstream.next(script);
    let ask = r#"{"model":"gpt-image-1","prompt":"x","stream":true,"partial_images":1}"#;
    scene.gate.post("/v1/images/generations", ask).await
}

#[tokio::test]
async fn another_dialect_s_events_come_as_they_are_and_need_no_done() {
    let scene = Scene::start().await;
    let script = Script::chunked(200, &[EVENTS]).bytes(FIRST).bytes(LAST);
    let reply = draws(&scene, script).await;
    assert_eq!(
        (reply.ended(), reply.text()),
        (&Ended::Whole, [FIRST, LAST].concat())
    );
    assert_eq!(reply.header("content-type"), Some(EVENTS.1));
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn inv_trunc_events_that_are_cut_end_with_an_error_event_or_a_broken_transfer() {
    let scene = Scene::start().await;
    let begun = || {
        Script::chunked(200, &[EVENTS])
            .bytes(FIRST)
            .wait(Duration::from_millis(300))
    };
    let reply = draws(&scene, begun().rst()).await;
    assert_eq!(reply.ended(), &Ended::Whole);
    assert!(reply.text().starts_with(FIRST), "{}", reply.text());
    assert_eq!(reply.last_error().code, "upstream_disconnected");
    scene.settled("failed", "upstream_disconnected").await;

    let scene = Scene::start().await;
    let within = begun().bytes(&LAST[..40]).wait(Duration::from_millis(300));
    let reply = draws(&scene, within.rst()).await;
    is_cut(&reply);
    assert_eq!(reply.text(), [FIRST, &LAST[..40]].concat());
    scene.settled("failed", "upstream_disconnected").await;
}

#[tokio::test]
async fn stopping_the_process_breaks_a_download_that_does_not_end() {
    let mut scene = Scene::with_settings(|provider| {
        tidegate_testkit::Settings::with(provider).top("shutdown_timeout = \"300ms\"")
    })
    .await;
    let begun = Script::chunked(200, &[AUDIO]).bytes(noise(1000));
    scene.upstream.next(begun.stall());
    let mut client = scene.gate.connect().await;
    client.post("/v1/audio/speech", SPEECH).await;
    let head = client.head().await;
    client.piece().await.unwrap();
    scene.gate.terminate();
    is_cut(&client.rest(head).await);
    scene.gate.exit().await;
    until("the upstream is let go", || {
        (scene.upstream.open() == 0).then_some(())
    })
    .await;
}
