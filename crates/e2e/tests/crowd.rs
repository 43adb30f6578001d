//! 2,000 slow streams at once through a pool of 2,500: all complete, the
//! conservation law (INV-CONS) holds in every look at them, and the memory
//! that an open stream takes is printed.

use std::time::Duration;

use tidegate_e2e::Scene;
use tidegate_testkit::openai::{chat, content_chunk, finish_chunk, role_chunk};
use tidegate_testkit::{
    RawClient, Script, Signal, beside, crowd, figure, pause, raise_descriptors,
};

const STREAMS: usize = 2_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_thousand_slow_streams_all_complete() {
    raise_descriptors();
    let pool = r#"limit = "fixed", size = 2500, queue = 100, overflow = "error", max_wait = "9s""#;
    let scene = Scene::with(|provider| {
        let timeouts = r#"connect = "9s", first_byte = "60s", first_content = "60s", idle = "60s", total = "120s""#;
        provider.pool(pool).timeouts(timeouts)
    })
    .await;
    let all_open = Signal::new();
    let mut script = Script::sse()
        .event(&role_chunk())
        .event(&content_chunk("a"));
    script = script.until(&all_open);
    for _ in 0..4 {
        script = script
            .wait(Duration::from_millis(250))
            .event(&content_chunk("b"));
    }
    scene.upstream.always(script.event(&finish_chunk()).done());

    let before = scene.gate.usage();
    let address = scene.gate.address();
    let callers = beside(crowd(STREAMS, STREAMS, move |_| async move {
        let mut client = RawClient::connect(address).await;
        client.patience(Duration::from_secs(90));
        client
            .post("/v1/chat/completions", &chat("m-1", true))
            .await;
        let reply = client.reply().await;
        assert_eq!(reply.content(), "abbbb", "{}", reply.text());
        assert!(reply.events().last().is_some_and(|event| event.is_done()));
    }));

    // `/metrics` is asked all the while: the law must hold in every look.
    let mut looks = 0;
    let mut open = 0.0;
    while open < STREAMS as f64 {
        let metrics = scene.gate.metrics().await;
        metrics.conserved().expect("the conservation law");
        assert!(
            !callers.is_over(),
            "a caller ended before the streams were let go on"
        );
        open = metrics.sum("tidegate_requests_in_flight", &[]);
        looks += 1;
        pause(Duration::from_millis(20)).await;
    }
    scene.upstream.request(STREAMS - 1).await;
    let during = scene.gate.usage();
    let per_stream = (during.rss_kib.saturating_sub(before.rss_kib)) as f64 / STREAMS as f64;
    figure(&format!(
        "memory per open stream: {per_stream:.1} KiB (resident {} -> {} KiB, {} threads)",
        before.rss_kib, during.rss_kib, during.threads
    ));
    all_open.fire();
    while !callers.is_over() {
        scene
            .gate
            .metrics()
            .await
            .conserved()
            .expect("the conservation law");
        looks += 1;
        pause(Duration::from_millis(20)).await;
    }
    callers.result().await;
    figure(&format!("INV-CONS held in {looks} looks under load"));

    let metrics = scene.gate.until_quiet().await;
    assert_eq!(metrics.conserved(), Ok(STREAMS as u64));
    let completed = metrics.sum("tidegate_requests_total", &[("class", "completed")]);
    assert_eq!(completed, STREAMS as f64);
}
