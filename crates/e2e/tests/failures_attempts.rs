//! Rows 3, 4, 7, 27 and 36 of the failure matrix, INV-BUDGET: an upstream that
//! fails, and how often it is asked again.
//!
//! A further attempt is made once, within the retry budget; the breaker ends
//! what does not end by itself, answers at once, and finds out when the
//! upstream is back. Each test holds what the caller was advised, what the
//! upstream saw, the counters and the outcomes.

use std::time::Duration;

use tidegate_e2e::tries::{BUDGET, QUICK, attempts, failing, good, ledger, trying};
use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::gate::Folder;
use tidegate_testkit::openai::chat;
use tidegate_testkit::{
    Certificate, Gate, Provider, RawClient, Reply, Script, Settings, Signal, Stopwatch, Upstream,
    beside, crowd, figure, port, until,
};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

async fn ask(scene: &Scene) -> Reply {
    scene.gate.post(CHAT, &chat("m-1", false)).await
}

/// The headers that an SDK acts upon.
fn advice(reply: &Reply) -> (Option<&str>, Option<&str>) {
    (reply.header("retry-after"), reply.header("x-should-retry"))
}

#[tokio::test]
async fn row_03_an_overload_is_tried_once_more_and_the_limit_goes_down() {
    for (status, stream) in [(503, false), (529, true)] {
        let pool = r#"limit = "adaptive", min = 1, size = 40, max_wait = "5s""#;
        let slow = r#"attempts = 3, base = "250ms", budget = 100, per_second = 1000"#;
        let scene = trying(|provider| provider.pool(pool).retry(slow)).await;
        scene.upstream.next(failing(status, "overloaded"));
        scene.upstream.next(match stream {
            true => Script::stream_of(&["tide"]),
            false => good(),
        });
        scene.upstream.always(failing(status, "overloaded"));
        let start = Stopwatch::start();
        let reply = scene.gate.post(CHAT, &chat("m-1", stream)).await;
        assert_eq!(reply.status(), 200, "{}", reply.text());
        let seen = |number| scene.upstream.request(number);
        let delay = seen(1).await.arrived_after(start) - seen(0).await.arrived_after(start);
        assert!(delay >= Duration::from_millis(190), "{status}: {delay:?}");
        let permits = [("provider", "mock"), ("model", "m-1")];
        let limit = scene.gate.metric("tidegate_pool_permits", &permits).await;
        assert!(limit < 40.0, "{status}: the limit is {limit}");

        let reply = scene.gate.post(CHAT, &chat("m-1", stream)).await;
        is_ours(&reply, Code::UpstreamOverloaded);
        assert_eq!(advice(&reply), (Some("1"), Some("true")));
        assert_eq!(scene.upstream.count(), 4, "{status}: two attempts each");
        let code = Code::UpstreamOverloaded.as_str();
        let outcomes = [("completed", "completed", 1), ("failed", code, 1)];
        let metrics = ledger(&scene, &outcomes).await;
        assert_eq!(attempts(&metrics, code), (4.0, 2.0));
        let verdict = [("verdict", "failed")];
        let failed = metrics.sum("tidegate_breaker_verdicts_total", &verdict);
        assert_eq!(failed, 3.0, "{status}");
    }
}

#[tokio::test]
async fn row_04_a_server_error_is_two_attempts_at_most_and_then_the_sdk_shall_not_go_on() {
    for status in [500, 502, 504] {
        let scene = trying(|provider| provider).await;
        scene.upstream.next(failing(status, "x"));
        scene.upstream.next(good());
        scene.upstream.always(failing(status, "x"));
        assert_eq!(ask(&scene).await.status(), 200, "repaired unseen");
        let reply = ask(&scene).await;
        is_ours(&reply, Code::UpstreamError);
        assert_eq!(advice(&reply), (None, Some("false")), "{status}");
        assert_eq!(scene.upstream.count(), 4, "{status}");
        let code = Code::UpstreamError.as_str();
        let outcomes = [("completed", "completed", 1), ("failed", code, 1)];
        let metrics = ledger(&scene, &outcomes).await;
        assert_eq!(attempts(&metrics, code), (4.0, 2.0), "{status}");
    }
}

#[tokio::test]
async fn row_04_r_d8_a_burst_opens_the_breaker_at_five_for_this_model_only() {
    let scene = trying(|provider| provider.retry("attempts = 1")).await;
    scene.upstream.on_model("other", good());
    scene.upstream.always(failing(500, "x"));
    for _ in 0..5 {
        is_ours(&ask(&scene).await, Code::UpstreamError);
    }
    let reply = ask(&scene).await;
    is_ours(&reply, Code::UpstreamUnavailable);
    assert_eq!(reply.header("x-should-retry"), Some("true"));
    assert_eq!(scene.upstream.count(), 5);
    let other = scene.gate.post(CHAT, &chat("other", false)).await;
    assert_eq!(other.status(), 200);
    let outcomes = [
        ("failed", Code::UpstreamError.as_str(), 5),
        ("refused", Code::UpstreamUnavailable.as_str(), 1),
        ("completed", "completed", 1),
    ];
    let metrics = ledger(&scene, &outcomes).await;
    let opened = [
        ("to", "open"),
        ("reason", "consecutive_failures"),
        ("model", "m-1"),
    ];
    assert_eq!(
        metrics.sum("tidegate_breaker_transitions_total", &opened),
        1.0
    );
    let state = |model| metrics.sum("tidegate_breaker_state", &[("model", model)]);
    assert_eq!((state("m-1"), state("other")), (2.0, 0.0));
    assert!(
        scene.gate.stderr().contains("the breaker opened")
            || scene.gate.stdout().contains("the breaker opened")
    );
}

#[tokio::test]
async fn row_04_an_attempt_that_finds_no_room_is_the_end_and_the_sdk_shall_not_go_on() {
    // While the first one waits for its second attempt, another takes the permit.
    let pool = r#"limit = "fixed", size = 1, queue = 0, overflow = "error", max_wait = "5s""#;
    let slow = r#"attempts = 3, base = "900ms", budget = 100, per_second = 1000"#;
    let scene = trying(|provider| provider.pool(pool).retry(slow)).await;
    scene.upstream.next(failing(500, "x"));
    scene.upstream.always(Script::silent());
    let address = scene.gate.address();
    let first = beside(async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", false)).await;
        client.reply().await
    });
    scene.upstream.request(0).await;
    let free = [("provider", "mock")];
    scene
        .gate
        .until_metric("tidegate_pool_permits_busy", &free, 0.0)
        .await;
    let mut second = scene.gate.connect().await;
    second.post(CHAT, &chat("m-2", false)).await;
    scene.upstream.request(1).await;
    let reply = first.result().await;
    is_ours(&reply, Code::UpstreamError);
    assert_eq!(reply.header("x-should-retry"), Some("false"));
    drop(second);
    let outcomes = [
        ("failed", Code::UpstreamError.as_str(), 1),
        ("cancelled", "caller", 1),
    ];
    ledger(&scene, &outcomes).await;
    assert_eq!(scene.upstream.count(), 2);
}

#[tokio::test]
async fn row_07_an_unreachable_upstream_is_tried_again_and_told() {
    let base_url = format!("http://{}/v1", port::refused());
    let provider = Provider::new("mock", &base_url).retry(QUICK);
    let scene = Scene::with_settings(|_| Settings::with(provider).tables(BUDGET)).await;
    for stream in [false, true] {
        let reply = scene.gate.post(CHAT, &chat("m-1", stream)).await;
        is_ours(&reply, Code::UpstreamUnreachable);
        assert_eq!(advice(&reply), (None, Some("false")));
    }
    let code = Code::UpstreamUnreachable.as_str();
    let metrics = ledger(&scene, &[("failed", code, 2)]).await;
    assert_eq!(attempts(&metrics, code), (4.0, 2.0));
    let failed = metrics.sum("tidegate_breaker_verdicts_total", &[("verdict", "failed")]);
    assert_eq!(failed, 4.0, "it counts");
}

#[tokio::test]
async fn row_07_a_wrong_certificate_is_never_tried_again() {
    let certificate = Certificate::wrong_name();
    let upstream = Upstream::start_tls(&certificate).await;
    let folder = Folder::new();
    let trusted = folder.file("authority.pem", certificate.authority_pem());
    let provider = Provider::new("mock", &upstream.base_url()).retry(QUICK);
    let provider = provider.line(&format!("ca_file = \"{}\"", trusted.display()));
    let gate = Gate::start(&Settings::with(provider).tables(BUDGET)).await;
    let reply = gate.post(CHAT, &chat("m-1", false)).await;
    is_ours(&reply, Code::UpstreamTls);
    let metrics = gate.until_quiet().await;
    assert_eq!(attempts(&metrics, Code::UpstreamTls.as_str()), (1.0, 0.0));
    until("one handshake", || {
        (upstream.broken_handshakes() == 1).then_some(())
    })
    .await;
    assert_eq!((upstream.accepted(), upstream.count()), (1, 0));
}

#[tokio::test]
async fn row_27_a_rested_connection_that_is_gone_costs_no_attempt() {
    let none = r#"attempts = 3, base = "1ms", cap = "10ms", budget = 0, per_second = 0"#;
    let scene = trying(|provider| provider.retry(none)).await;
    scene.upstream.next(good());
    assert_eq!(ask(&scene).await.status(), 200);
    scene.gate.until_quiet().await;
    // The race: it is closed just as it is used again; there is no budget.
    scene.upstream.next(Script::raw("").rst());
    scene.upstream.next(good());
    assert_eq!(ask(&scene).await.status(), 200);
    let metrics = ledger(&scene, &[("completed", "completed", 2)]).await;
    assert_eq!(
        attempts(&metrics, Code::UpstreamDisconnected.as_str()),
        (2.0, 0.0)
    );
    assert_eq!(metrics.sum("tidegate_retries_over_budget_total", &[]), 0.0);
    let failed = metrics.sum("tidegate_breaker_verdicts_total", &[("verdict", "failed")]);
    assert_eq!(failed, 0.0, "nobody is blamed");
    assert_eq!((scene.upstream.count(), scene.upstream.accepted()), (3, 2));
}

#[tokio::test]
async fn row_27_a_fresh_connection_that_breaks_is_an_attempt() {
    let scene = trying(|provider| provider).await;
    scene.upstream.next(Script::raw("").rst());
    scene.upstream.next(good());
    assert_eq!(ask(&scene).await.status(), 200);
    let metrics = ledger(&scene, &[("completed", "completed", 1)]).await;
    assert_eq!(
        attempts(&metrics, Code::UpstreamDisconnected.as_str()),
        (2.0, 1.0)
    );
}

#[tokio::test]
async fn inv_budget_a_spent_budget_is_the_end_of_retries() {
    const ASKED: usize = 100;
    let scene = trying(|provider| {
        let retry = r#"attempts = 3, base = "1ms", cap = "1ms", budget = 10, per_second = 0"#;
        provider
            .retry(retry)
            .line("breaker = { failures = 0, ratio = 0.0 }")
    })
    .await;
    scene.upstream.always(failing(500, "x"));
    let address = scene.gate.address();
    let advised = crowd(ASKED, 4, |_| async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", false)).await;
        let reply = client.reply().await;
        is_ours(&reply, Code::UpstreamError);
        reply.header("x-should-retry").map(str::to_owned)
    })
    .await;
    let not_again = |one: &Option<String>| one.as_deref() == Some("false");
    assert!(
        advised.iter().all(not_again),
        "also without a retry of ours"
    );
    let code = Code::UpstreamError.as_str();
    let metrics = ledger(&scene, &[("failed", code, ASKED as u32)]).await;
    let (made, again) = attempts(&metrics, code);
    let over = metrics.sum("tidegate_retries_over_budget_total", &[]);
    figure(&format!(
        "INV-BUDGET: {made} attempts of {ASKED} requests, {over} more were not allowed"
    ));
    assert_eq!(scene.upstream.count() as f64, made);
    assert!(again <= ASKED as f64 * 0.1, "{again} of {ASKED}");
    assert_eq!(made, ASKED as f64 + again);
    assert_eq!(again + over, ASKED as f64, "each wanted one more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_36_r_d8_a_total_outage_is_answered_at_once_and_probed_one_at_a_time() {
    let breaker = r#"breaker = { failures = 5, open = "1s", open_max = "2s" }"#;
    let scene = trying(|provider| provider.retry("attempts = 1").line(breaker)).await;
    scene.upstream.always(failing(500, "x"));
    for _ in 0..5 {
        is_ours(&ask(&scene).await, Code::UpstreamError);
    }
    // The next call that gets through would hang: that is the probe.
    let go_on = Signal::new();
    scene.upstream.always(good().held(&go_on));
    let opened = Stopwatch::start();
    let mut refused = 0;
    let mut slowest = Duration::ZERO;
    let address = scene.gate.address();
    let probe = loop {
        assert!(opened.elapsed() < Duration::from_secs(15), "never probed");
        let call = beside(async move {
            let mut client = RawClient::connect(address).await;
            let start = Stopwatch::start();
            client.post(CHAT, &chat("m-1", false)).await;
            (client.reply().await, start.elapsed())
        });
        until("it is refused, or it is the probe", || {
            (call.is_over() || scene.upstream.count() == 6).then_some(())
        })
        .await;
        if !call.is_over() {
            break call;
        }
        let (reply, took) = call.result().await;
        is_ours(&reply, Code::UpstreamUnavailable);
        let (seconds, should_retry) = advice(&reply);
        assert_eq!(should_retry, Some("true"));
        assert!(matches!(seconds, Some("1" | "2")), "{seconds:?}");
        refused += 1;
        slowest = slowest.max(took);
    };
    assert!(
        opened.elapsed() >= Duration::from_millis(900),
        "probed too soon"
    );
    figure(&format!(
        "row 36: {refused} refused at once, the slowest in {slowest:?}"
    ));
    assert!(
        refused > 0 && slowest < Duration::from_secs(1),
        "{slowest:?}"
    );
    // While the probe is out nobody else gets through.
    let crowded = crowd(20, 20, |_| async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", false)).await;
        client.reply().await.status()
    })
    .await;
    assert_eq!(crowded, [503; 20]);
    assert_eq!(scene.upstream.count(), 6);
    go_on.fire();
    assert_eq!(probe.result().await.0.status(), 200);
    assert_eq!(ask(&scene).await.status(), 200, "it is back for all");
    let outcomes = [
        ("failed", Code::UpstreamError.as_str(), 5),
        ("refused", Code::UpstreamUnavailable.as_str(), refused + 20),
        ("completed", "completed", 2),
    ];
    let metrics = ledger(&scene, &outcomes).await;
    assert_eq!(metrics.sum("tidegate_breaker_probes_total", &[]), 1.0);
    assert_eq!(metrics.sum("tidegate_breaker_state", &[]), 0.0);
}
