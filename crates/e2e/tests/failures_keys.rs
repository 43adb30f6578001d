//! Rows 1, 2, 6 and 35 of the failure matrix, R-D4, R-D7: Tidegate's own keys.
//!
//! A key that is limited, without credit or refused leaves the rotation, the
//! next one is asked, and it comes back by itself. Each test holds the status
//! and the advice that the caller got, the keys that the upstream saw and when,
//! the counters, and the one outcome of each request.

use std::time::Duration;

use tidegate_e2e::tries::{attempts, failing, good, keys, ledger, limited, trying, with_keys};
use tidegate_e2e::{Scene, is_ours};
use tidegate_testkit::openai::chat;
use tidegate_testkit::{RawClient, Reply, Stopwatch, beside, crowd, figure, pause};
use tidegate_types::Code;

const CHAT: &str = "/v1/chat/completions";

async fn ask(scene: &Scene) -> Reply {
    scene.gate.post(CHAT, &chat("m-1", false)).await
}

/// What the SDKs act upon: status, `retry-after`, `x-should-retry`.
fn advice(reply: &Reply) -> (u16, Option<u64>, Option<&str>) {
    let seconds = reply.header("retry-after");
    // What is no number would be none, which no test here takes for it.
    let seconds = seconds.and_then(|value| value.parse().ok());
    (reply.status(), seconds, reply.header("x-should-retry"))
}

async fn usable(scene: &Scene, key: &str) -> f64 {
    let labels = [("provider", "mock"), ("model", "m-1"), ("key", key)];
    scene.gate.metric("tidegate_target_usable", &labels).await
}

#[tokio::test]
async fn row_01_r_d7_a_limited_key_rests_and_the_next_is_asked_at_once() {
    let scene = with_keys(2).await;
    scene.upstream.next(limited("30"));
    scene.upstream.always(good());
    let start = Stopwatch::start();
    for _ in 0..3 {
        let reply = ask(&scene).await;
        assert_eq!(advice(&reply), (200, None, None), "{}", reply.text());
    }
    assert!(start.elapsed() < Duration::from_secs(5), "nobody waited");
    assert_eq!(keys(&scene.upstream), [0, 1, 1, 1]);
    assert_eq!(usable(&scene, "main").await, 0.0);
    assert_eq!(usable(&scene, "key-1").await, 1.0);
    let metrics = ledger(&scene, &[("completed", "completed", 3)]).await;
    assert_eq!(attempts(&metrics, "rate_limit_exceeded"), (4.0, 1.0));
    // The ratio sees it, the failures in a row do not: nothing opened.
    let verdicts = |verdict| {
        let labels = [("key", "main"), ("verdict", verdict)];
        metrics.sum("tidegate_breaker_verdicts_total", &labels)
    };
    assert_eq!((verdicts("degraded"), verdicts("failed")), (1.0, 0.0));
    assert_eq!(metrics.sum("tidegate_breaker_state", &[]), 0.0);
}

#[tokio::test]
async fn row_01_a_short_rest_of_the_only_key_is_waited_out_without_a_permit() {
    let scene = with_keys(1).await;
    scene.upstream.next(limited("1"));
    scene.upstream.always(good());
    let start = Stopwatch::start();
    let address = scene.gate.address();
    let waits = beside(async move {
        let mut client = RawClient::connect(address).await;
        client.post(CHAT, &chat("m-1", false)).await;
        client.reply().await
    });
    scene.upstream.request(0).await;
    let pausing = || async {
        let requests = scene.gate.debug_requests().await;
        let stage = requests.first().and_then(|one| one["stage"].as_str());
        (stage == Some("pausing")).then_some(())
    };
    tidegate_testkit::wait::until_async("it pauses", pausing).await;
    let metrics = scene.gate.metrics().await;
    assert_eq!(metrics.sum("tidegate_pool_permits_busy", &[]), 0.0);
    assert_eq!(metrics.sum("tidegate_requests_in_flight", &[]), 1.0);
    assert_eq!(usable(&scene, "main").await, 0.0);
    let reply = waits.result().await;
    assert_eq!(advice(&reply), (200, None, None), "{}", reply.text());
    let between = scene.upstream.request(1).await.arrived_after(start)
        - scene.upstream.request(0).await.arrived_after(start);
    assert!(
        between >= Duration::from_millis(950) && between < Duration::from_secs(8),
        "asked again after {between:?}"
    );
    figure(&format!(
        "row 1: a rest of 1 s was waited out in {between:?}"
    ));
    let metrics = ledger(&scene, &[("completed", "completed", 1)]).await;
    assert_eq!(attempts(&metrics, "rate_limit_exceeded"), (2.0, 1.0));
}

#[tokio::test]
async fn row_01_inv_deadline_a_rest_that_outlasts_the_request_is_not_begun() {
    let scene = with_keys(1).await;
    scene.upstream.always(limited("3"));
    let headers = [("x-request-timeout-ms", "2500")];
    let start = Stopwatch::start();
    for _ in 0..2 {
        let body = chat("m-1", false);
        let reply = scene.gate.post_with(CHAT, &headers, &body).await;
        is_ours(&reply, Code::UpstreamRateLimited);
        let (_, seconds, should_retry) = advice(&reply);
        assert_eq!(should_retry, Some("true"));
        assert!(matches!(seconds, Some(1..=3)), "{seconds:?}");
    }
    assert!(start.elapsed() < Duration::from_millis(2_400), "it waited");
    assert_eq!(keys(&scene.upstream), [0]);
    let code = Code::UpstreamRateLimited.as_str();
    ledger(&scene, &[("failed", code, 1), ("refused", code, 1)]).await;
}

#[tokio::test]
async fn row_01_r_d7_all_keys_limited_is_told_with_the_first_ones_time() {
    let scene = with_keys(3).await;
    for seconds in ["200", "100", "150"] {
        scene.upstream.next(limited(seconds));
    }
    let reply = ask(&scene).await;
    is_ours(&reply, Code::UpstreamRateLimited);
    let (status, seconds, should_retry) = advice(&reply);
    assert_eq!((status, should_retry), (429, Some("true")));
    assert!(
        seconds.is_some_and(|seconds| (90..=100).contains(&seconds)),
        "{seconds:?}"
    );
    // Nobody is asked for the next one, and it is told at once.
    let start = Stopwatch::start();
    let again = ask(&scene).await;
    figure(&format!("row 1: refused in {:?}", start.elapsed()));
    is_ours(&again, Code::UpstreamRateLimited);
    assert_eq!(again.header("x-should-retry"), Some("true"));
    let mut asked = keys(&scene.upstream);
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 2], "each key once");
    let code = Code::UpstreamRateLimited.as_str();
    let metrics = ledger(&scene, &[("failed", code, 1), ("refused", code, 1)]).await;
    assert_eq!(attempts(&metrics, code), (3.0, 2.0));
}

#[tokio::test]
async fn row_02_r_d7_a_key_without_credit_is_out_and_the_last_one_is_told() {
    let scene = with_keys(2).await;
    scene.upstream.next(failing(429, "insufficient_quota"));
    scene.upstream.next(good());
    scene.upstream.next(failing(402, "billing"));
    assert_eq!(ask(&scene).await.status(), 200);
    for _ in 0..2 {
        let reply = ask(&scene).await;
        is_ours(&reply, Code::InsufficientQuota);
        assert_eq!(advice(&reply), (429, None, Some("false")));
    }
    assert_eq!(keys(&scene.upstream), [0, 1, 1], "never twice after its no");
    assert_eq!(usable(&scene, "main").await, 0.0);
    assert_eq!(usable(&scene, "key-1").await, 0.0);
    let code = Code::InsufficientQuota.as_str();
    let outcomes = [
        ("completed", "completed", 1),
        ("failed", code, 1),
        ("refused", code, 1),
    ];
    let metrics = ledger(&scene, &outcomes).await;
    assert_eq!(attempts(&metrics, code), (3.0, 1.0));
}

#[tokio::test]
async fn row_06_r_d7_a_refused_key_is_out_and_no_caller_is_blamed() {
    let scene = with_keys(2).await;
    scene.upstream.next(failing(401, "invalid_api_key"));
    scene.upstream.next(good());
    scene.upstream.next(failing(401, "invalid_api_key"));
    assert_eq!(ask(&scene).await.status(), 200);
    for _ in 0..2 {
        let reply = ask(&scene).await;
        is_ours(&reply, Code::UpstreamAuth);
        assert_eq!(advice(&reply), (502, None, Some("false")));
    }
    assert_eq!(keys(&scene.upstream), [0, 1, 1]);
    let code = Code::UpstreamAuth.as_str();
    let outcomes = [
        ("completed", "completed", 1),
        ("failed", code, 1),
        ("refused", code, 1),
    ];
    let metrics = ledger(&scene, &outcomes).await;
    assert_eq!(attempts(&metrics, code), (3.0, 1.0));
    // The operator is told which key, and not what it is.
    let log = scene.gate.stderr() + &scene.gate.stdout();
    assert!(log.contains("the upstream refused our key"), "{log}");
    assert!(
        log.contains("key-1") && !log.contains("sk-upstream"),
        "{log}"
    );
}

#[tokio::test]
async fn row_06_a_forbidden_model_leaves_the_keys_to_others() {
    let scene = with_keys(2).await;
    scene
        .upstream
        .on_model("secret", failing(403, "model_not_allowed"));
    scene.upstream.always(good());
    for _ in 0..3 {
        let reply = scene.gate.post(CHAT, &chat("secret", false)).await;
        is_ours(&reply, Code::UpstreamAuth);
        assert_eq!(ask(&scene).await.status(), 200);
    }
    assert_eq!(usable(&scene, "main").await, 1.0);
    assert_eq!(usable(&scene, "key-1").await, 1.0);
    assert_eq!(
        scene.upstream.count(),
        9,
        "both keys for each that was forbidden"
    );
}

#[tokio::test]
async fn r_d7_keys_that_rest_or_have_no_credit_come_back_by_themselves() {
    // Who has to wait is told at once instead, so that the return is seen.
    let quick = r#"attempts = 3, base = "1ms", cap = "10ms", max_wait = "0s", budget = 100, per_second = 1000"#;
    let scene = trying(|provider| {
        let keys = ["sk-upstream-0", "sk-upstream-1"];
        let provider = provider.keys(&keys).retry(quick);
        provider.line("pick = \"round_robin\"")
    })
    .await;
    let spent = tidegate_testkit::openai::error("insufficient_quota", "insufficient_quota", "no");
    let headers = [("content-type", "application/json"), ("retry-after", "2")];
    scene.upstream.next(limited("1"));
    scene.upstream.next(tidegate_testkit::Script::whole(
        429,
        &headers,
        spent.as_bytes(),
    ));
    scene.upstream.always(good());
    let start = Stopwatch::start();
    let told = ask(&scene).await;
    let (status, seconds, should_retry) = advice(&told);
    assert_eq!((status, should_retry), (429, Some("true")));
    assert!(seconds.is_some_and(|seconds| seconds <= 2), "{seconds:?}");
    while usable(&scene, "main").await + usable(&scene, "key-1").await < 2.0 {
        assert!(start.elapsed() < Duration::from_secs(15), "never back");
        pause(Duration::from_millis(20)).await;
    }
    assert!(start.elapsed() >= Duration::from_millis(1_900));
    for _ in 0..4 {
        assert_eq!(ask(&scene).await.status(), 200);
    }
    let seen = keys(&scene.upstream);
    assert_eq!(seen[..2], [0, 1]);
    for key in [0, 1] {
        assert!(seen[2..].contains(&key), "key {key} is not asked: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn row_35_one_dead_key_of_three_costs_no_caller_anything() {
    const CALLS: usize = 300;
    // Dead in three ways; each key has its own fate, whatever the order.
    for (name, dead) in [
        ("refused", failing(401, "invalid_api_key")),
        ("failing", failing(500, "server_error")),
        ("limited", limited("120")),
    ] {
        let names = ["sk-upstream-0", "sk-upstream-1", "sk-upstream-2"];
        let scene = trying(|provider| provider.keys(&names)).await;
        let sick = dead.clone();
        scene.upstream.by(move |seen| {
            let of_it = seen.header("authorization")?.ends_with("upstream-1");
            of_it.then(|| sick.clone())
        });
        scene.upstream.always(good());
        let address = scene.gate.address();
        let statuses = crowd(CALLS, 8, |_| async move {
            let mut client = RawClient::connect(address).await;
            client.post(CHAT, &chat("m-1", false)).await;
            client.reply().await.status()
        })
        .await;
        let errors = statuses.iter().filter(|status| **status != 200).count();
        let asked = keys(&scene.upstream);
        let in_vain = asked.iter().filter(|key| **key == 1).count();
        figure(&format!(
            "row 35, one key of three {name}: {errors} of {CALLS} callers saw it, asked {in_vain} times"
        ));
        assert_eq!(errors, 0, "{name}: under 1 % is promised");
        assert!(in_vain <= 30, "{name}: asked {in_vain} times in vain");
        let metrics = ledger(&scene, &[("completed", "completed", CALLS as u32)]).await;
        let attempts = metrics.sum("tidegate_attempts_total", &[]);
        assert_eq!(attempts, (CALLS + in_vain) as f64);
    }
}
