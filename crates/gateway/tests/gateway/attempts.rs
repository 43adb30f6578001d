//! Further attempts, row by row of the failures: when one is made, with which
//! key, what its caller sees, and when there is none.
//!
//! Over real sockets, with short times; whoever counts seconds stands in
//! `outage`, on a paused clock.

use std::time::Duration;

use kernel::{BudgetSettings, Clock};
use tidegate_gateway::Manner;
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream, openai};
use tidegate_types::Code;

use crate::house::{House, Plan, frame, text};

const MS: Duration = Duration::from_millis(1);

/// So many keys, quick retries, and a budget that is not what is tested.
fn plan(keys: usize) -> Plan {
    let mut plan = Plan {
        keys,
        ..Plan::default()
    };
    plan.retry.base = MS;
    plan.retry.cap = 10 * MS;
    plan.retry.budget = BudgetSettings {
        percent: 100,
        per_second: 100,
    };
    plan.budget = plan.retry.budget;
    plan
}

fn good() -> Script {
    Script::json(200, &openai::completion("tide"))
}

pub(crate) fn error(status: u16, code: &str) -> Script {
    Script::json(status, &openai::error("some_error", code, "no"))
}

pub(crate) fn limited(seconds: &str) -> Script {
    let body = openai::error("rate_limit_error", "rate_limit_exceeded", "slow down");
    let headers = [
        ("content-type", "application/json"),
        ("retry-after", seconds),
    ];
    Script::whole(429, &headers, body.as_bytes())
}

/// The keys of the requests that the upstream saw, in their order.
fn keys(upstream: &Upstream) -> Vec<String> {
    let requests = upstream.requests().into_iter();
    let key = |value: Option<String>| value.unwrap().replace("Bearer sk-canary-", "k");
    requests
        .map(|request| key(request.header("authorization")))
        .collect()
}

/// Row 1: another key is asked at once, and the limited one rests.
#[tokio::test]
async fn row_1_a_limited_key_rests_and_another_is_asked_at_once() {
    let upstream = Upstream::start().await;
    upstream.next(limited("30"));
    upstream.always(good());
    let house = House::new(plan(2), Some(&upstream));
    for _ in 0..3 {
        let answer = text(house.ask("up/m", false).await.unwrap()).await;
        assert!(answer.contains("tide"), "{answer}");
    }
    assert_eq!(keys(&upstream), ["k0", "k1", "k1", "k1"]);
    let samples = house.samples();
    let usable = |key| samples.sum("tidegate_target_usable", &["m", key]);
    assert_eq!((usable("k0"), usable("k1")), (0.0, 1.0));
    assert_eq!(samples.sum("tidegate_attempts_total", &["up"]), 4.0);
    let retried = samples.sum("tidegate_retries_total", &["up", "rate_limit_exceeded"]);
    assert_eq!(retried, 1.0);
    let outcomes = house.outcomes().await;
    assert_eq!(outcomes, [("completed".into(), "completed".into(), 3)]);
}

/// Row 1: with one key a short pause is waited out.
#[tokio::test]
async fn row_1_a_short_pause_is_waited_out() {
    let upstream = Upstream::start().await;
    upstream.next(limited("1"));
    upstream.always(good());
    let house = House::new(plan(1), Some(&upstream));
    let began = Clock.now();
    text(house.ask("up/m", false).await.unwrap()).await;
    assert!(Clock.now() - began >= Duration::from_secs(1));
    assert_eq!(upstream.count(), 2);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Row 1: all exhausted is a 429 with the time of the first key that is back,
/// and the SDK is told that coming back then is of use.
#[tokio::test]
async fn row_1_all_keys_limited_for_long_is_told_with_the_first_ones_time() {
    let upstream = Upstream::start().await;
    for seconds in ["200", "100", "150"] {
        upstream.next(limited(seconds));
    }
    let house = House::new(plan(3), Some(&upstream));
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(
        (failure.code, failure.status(Manner::OpenAi)),
        (Code::UpstreamRateLimited, 429)
    );
    let after = failure.retry_after.unwrap().as_secs();
    assert!((99..=100).contains(&after), "{after}");
    assert_eq!(failure.should_retry(), Some(true));
    // The next one is refused without an attempt.
    let again = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(again.code, Code::UpstreamRateLimited);
    assert_eq!(upstream.count(), 3);
    let outcomes = house.outcomes().await;
    let label = "rate_limit_exceeded".to_owned();
    assert!(
        outcomes.contains(&("failed".into(), label.clone(), 1)),
        "{outcomes:?}"
    );
    assert!(
        outcomes.contains(&("refused".into(), label, 1)),
        "{outcomes:?}"
    );
}

/// Row 2: no retry on that key; without another the SDK shall not try either.
#[tokio::test]
async fn row_2_a_key_without_credit_leaves_the_rotation() {
    let upstream = Upstream::start().await;
    upstream.next(error(429, "insufficient_quota"));
    upstream.next(good());
    upstream.next(error(429, "insufficient_quota"));
    let house = House::new(plan(2), Some(&upstream));
    text(house.ask("up/m", false).await.unwrap()).await;
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(failure.code, Code::InsufficientQuota);
    assert_eq!(failure.should_retry(), Some(false));
    assert_eq!(keys(&upstream), ["k0", "k1", "k1"]);
    let refused = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(refused.code, Code::InsufficientQuota);
    assert_eq!(
        upstream.count(),
        3,
        "no key with credit is left to ask with"
    );
}

/// Row 3: one retry; then the overload is told with a time to come back.
#[tokio::test]
async fn row_3_an_overload_is_tried_once_more() {
    for status in [503, 529] {
        let upstream = Upstream::start().await;
        upstream.always(error(status, "overloaded"));
        let house = House::new(plan(1), Some(&upstream));
        let failure = house.ask("up/m", true).await.err().unwrap();
        assert_eq!(
            (failure.code, failure.status(Manner::OpenAi)),
            (Code::UpstreamOverloaded, 503)
        );
        assert_eq!(failure.should_retry(), Some(true));
        assert_eq!(upstream.count(), 2, "{status}");
    }
}

/// Row 4: two attempts at the most, and then the SDK shall not go on.
#[tokio::test]
async fn row_4_a_server_error_is_tried_once_more_and_then_told() {
    for status in [500, 502, 504] {
        let upstream = Upstream::start().await;
        upstream.next(error(status, "x"));
        upstream.next(good());
        upstream.always(error(status, "x"));
        let house = House::new(plan(1), Some(&upstream));
        text(house.ask("up/m", false).await.unwrap()).await;
        let failure = house.ask("up/m", false).await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamError, "{status}");
        assert_eq!(failure.should_retry(), Some(false));
        assert_eq!(upstream.count(), 4, "{status}");
    }
}

/// Row 4: the breaker opens at five in a row, and answers at once from then on.
#[tokio::test]
async fn row_4_the_breaker_opens_at_five() {
    let upstream = Upstream::start().await;
    upstream.always(error(500, "x"));
    let house = House::new(plan(1), Some(&upstream));
    let mut codes = Vec::new();
    for _ in 0..5 {
        codes.push(house.ask("up/m", false).await.err().unwrap().code);
    }
    assert_eq!(upstream.count(), 5, "{codes:?}");
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(
        (failure.code, failure.status(Manner::OpenAi)),
        (Code::UpstreamUnavailable, 503)
    );
    assert_eq!(failure.should_retry(), Some(true));
    // Another model of the same provider has a breaker of its own.
    house.ask("up/other", false).await.err().unwrap();
    assert_eq!(upstream.count(), 7);
}

/// Row 5: never a retry, and never the breaker's matter.
#[tokio::test]
async fn row_5_a_refusal_of_the_request_itself_is_told_at_once() {
    let upstream = Upstream::start().await;
    let house = House::new(plan(2), Some(&upstream));
    for status in [400, 404, 413, 422] {
        upstream.always(error(status, "x"));
        for _ in 0..5 {
            let failure = house.ask("up/m", false).await.err().unwrap();
            assert_eq!(
                (failure.code, failure.status(Manner::OpenAi)),
                (Code::UpstreamRejected, status)
            );
            assert_eq!(failure.should_retry(), Some(false));
        }
    }
    assert_eq!(upstream.count(), 20);
}

/// Row 6: the next key; the refused one is out. A caller never sees a 401 that
/// is not about his own key.
#[tokio::test]
async fn row_6_a_refused_key_is_out_and_the_next_is_asked() {
    let upstream = Upstream::start().await;
    upstream.next(error(401, "invalid_api_key"));
    upstream.next(good());
    upstream.next(error(401, "invalid_api_key"));
    let house = House::new(plan(2), Some(&upstream));
    text(house.ask("up/m", false).await.unwrap()).await;
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(
        (failure.code, failure.status(Manner::OpenAi)),
        (Code::UpstreamAuth, 502)
    );
    assert_eq!(failure.should_retry(), Some(false));
    assert_eq!(keys(&upstream), ["k0", "k1", "k1"]);
    let refused = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(refused.code, Code::UpstreamAuth);
    assert_eq!(upstream.count(), 3);
}

/// Row 6, and who asks for a model that a key may not have: the key stays, or
/// one caller could end it for all.
#[tokio::test]
async fn row_6_a_forbidden_model_does_not_take_the_key_from_others() {
    let upstream = Upstream::start().await;
    upstream.on_model("secret", error(403, "model_not_allowed"));
    upstream.on_model("m", good());
    let house = House::new(plan(2), Some(&upstream));
    for _ in 0..3 {
        let failure = house.ask("up/secret", false).await.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamAuth);
        text(house.ask("up/m", false).await.unwrap()).await;
    }
    assert_eq!(upstream.count(), 9, "both keys for each forbidden call");
}

/// Row 7: nothing was sent, so another attempt is always safe; a connection
/// that cannot be made is told when it was tried.
#[tokio::test]
async fn row_7_an_unreachable_upstream_is_tried_again() {
    let upstream = Upstream::start().await;
    let house = House::new(plan(1), Some(&upstream));
    drop(upstream);
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamUnreachable);
    assert_eq!(failure.should_retry(), Some(false));
    let samples = house.samples();
    assert_eq!(samples.sum("tidegate_attempts_total", &["up"]), 2.0);
    assert_eq!(house.outcome().await.1, "upstream_unreachable");
}

/// Rows 13, 15, 16: a stream that broke before its first content is asked for
/// again, and its caller sees one stream from one answer.
#[tokio::test]
async fn a_stream_that_breaks_before_its_content_is_asked_for_again() {
    let breaks = [
        Script::sse().event(&openai::role_chunk()).rst(),
        Script::sse().event(&openai::role_chunk()).fin(),
        Script::sse().event("{\"delta\"").done(),
        Script::sse().event(r#"{"error":{"type":"server_error","message":"x"}}"#),
    ];
    for broken in breaks {
        let upstream = Upstream::start().await;
        upstream.next(broken);
        let whole = Script::sse()
            .event(&openai::role_chunk())
            .event(&openai::content_chunk("tide"))
            .event(&openai::finish_chunk())
            .done();
        upstream.next(whole);
        let house = House::new(plan(1), Some(&upstream));
        let answer = text(house.ask("up/m", true).await.unwrap()).await;
        assert_eq!(answer.matches("\"role\"").count(), 1, "{answer}");
        assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");
        assert_eq!(house.outcome().await.0, "completed");
    }
}

/// Contracts, hyper 4: the head is out (2 s), and the content fails: another
/// attempt all the same, since only comments have gone out.
#[tokio::test]
async fn an_attempt_can_follow_after_the_head_went_out() {
    let upstream = Upstream::start().await;
    let role = openai::role_chunk();
    let late = Duration::from_millis(2300);
    upstream.next(Script::sse().event(&role).wait(late).rst());
    let whole = Script::sse()
        .event(&role)
        .event(&openai::content_chunk("tide"))
        .event(&openai::finish_chunk())
        .done();
    upstream.next(whole);
    let house = House::new(plan(1), Some(&upstream));
    let began = Clock.now();
    let reply = house.ask("up/m", true).await.unwrap();
    let head = Clock.now() - began;
    assert!(
        head < late,
        "the head waited for the second attempt: {head:?}"
    );
    let answer = text(reply).await;
    assert_eq!(answer.matches("\"role\"").count(), 1, "{answer}");
    assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");
    assert_eq!(upstream.count(), 2);
    assert_eq!(house.outcome().await.0, "completed");
}

/// After the head has gone out a last failure is an error event; and a caller
/// who leaves meanwhile is one cancelled request.
#[tokio::test]
async fn attempts_behind_the_head_end_in_one_event_or_with_their_caller() {
    for leaves in [false, true] {
        let upstream = Upstream::start().await;
        let late = Duration::from_millis(2100);
        upstream.next(Script::sse().wait(late).rst());
        upstream.next(match leaves {
            false => error(500, "x"),
            true => Script::silent(),
        });
        let house = House::new(plan(1), Some(&upstream));
        let mut reply = house.ask("up/m", true).await.unwrap();
        if leaves {
            let second = upstream.request(1);
            tokio::select! {
                _ = second => {}
                more = frame(&mut reply) => panic!("{more:?}"),
            }
            drop(reply);
            assert_eq!(house.outcome().await, ("cancelled".into(), "caller".into()));
        } else {
            let answer = text(reply).await;
            assert_eq!(answer.matches("\"error\"").count(), 1, "{answer}");
            assert!(!answer.contains("[DONE]"));
            assert_eq!(house.outcome().await.1, "upstream_error");
        }
    }
}

/// After the first content there is never another attempt.
#[tokio::test]
async fn a_stream_that_breaks_after_its_content_is_not_asked_for_again() {
    let content = openai::content_chunk("ti");
    let begun = || Script::sse().event(&content).wait(50 * MS);
    // Cut, and ended as if all were well.
    let breaks = [
        (begun().rst(), "upstream_disconnected"),
        (begun(), "stream_truncated"),
    ];
    for (broken, code) in breaks {
        let upstream = Upstream::start().await;
        upstream.always(broken);
        let house = House::new(plan(3), Some(&upstream));
        let answer = text(house.ask("up/m", true).await.unwrap()).await;
        assert!(
            answer.contains(code) && !answer.contains("[DONE]"),
            "{answer}"
        );
        assert_eq!(upstream.count(), 1);
        assert_eq!(house.outcome().await.1, code);
    }
}

/// The budget is the tenant's own, and bounds what retries add.
#[tokio::test]
async fn inv_budget_a_spent_budget_allows_no_further_attempt_but_to_others() {
    let upstream = Upstream::start().await;
    upstream.always(error(500, "x"));
    let mut plan = plan(1);
    plan.tenants = 2;
    plan.breaker.consecutive = 0;
    plan.breaker.min_requests = u32::MAX;
    plan.retry.budget = BudgetSettings {
        percent: 10,
        per_second: 0,
    };
    let house = House::new(plan, Some(&upstream));
    for _ in 0..45 {
        house.ask("up/m", false).await.err().unwrap();
    }
    assert_eq!(
        upstream.count(),
        45 + 4,
        "ten per cent, and half a retry left"
    );
    let samples = house.samples();
    let over = samples.sum("tidegate_retries_over_budget_total", &["up"]);
    assert_eq!(over, 41.0);
    let budget = |name: &str, tenant| samples.sum(name, &["up", tenant]);
    for (number, first) in [("deposits", 45.0), ("withdrawn", 4.0), ("refused", 41.0)] {
        let name = format!("tidegate_retry_budget_{number}_total");
        assert_eq!(
            (budget(&name, "0"), budget(&name, "1")),
            (first, 0.0),
            "{number}"
        );
    }
    // The other tenant has its own, and nothing of that half.
    for n in 1..=10 {
        let mut call = House::call("up/m", false);
        call.tenant = 1;
        house.send(call).await.err().unwrap();
        assert_eq!(upstream.count(), 49 + n + n / 10);
    }
}

/// Over all tenants the process has a budget too: many with a little each are
/// one storm.
#[tokio::test]
async fn inv_budget_the_process_has_a_budget_over_all_tenants() {
    let upstream = Upstream::start().await;
    upstream.always(error(500, "x"));
    let mut plan = plan(1);
    plan.tenants = 4;
    plan.breaker.consecutive = 0;
    plan.breaker.min_requests = u32::MAX;
    plan.budget = BudgetSettings {
        percent: 10,
        per_second: 0,
    };
    let house = House::new(plan, Some(&upstream));
    for n in 0..40 {
        let mut call = House::call("up/m", false);
        call.tenant = n % 4;
        house.send(call).await.err().unwrap();
    }
    assert_eq!(upstream.count(), 44, "ten per cent of forty");
}

/// Row 35: one of three keys is dead, and its share of the calls is not lost.
#[tokio::test]
async fn row_35_one_dead_key_of_three_costs_no_caller_anything() {
    let upstream = Upstream::start().await;
    upstream.always(good());
    let house = House::new(plan(3), Some(&upstream));
    for n in 0..60 {
        if n % 20 == 0 {
            upstream.next(error(401, "invalid_api_key"));
        }
        if let Err(failure) = house.ask("up/m", false).await {
            assert_eq!(n, 40, "only when no key is left: {failure:?}");
            break;
        }
    }
}

/// x-should-retry stays unsaid where we do not retry ourselves.
#[tokio::test]
async fn without_retries_of_ours_the_sdk_follows_its_own_rules() {
    let upstream = Upstream::start().await;
    upstream.always(error(500, "x"));
    let mut plan = plan(1);
    plan.retry.attempts = 1;
    let house = House::new(plan, Some(&upstream));
    let failure = house.ask("up/m", false).await.err().unwrap();
    assert_eq!(failure.should_retry(), None);
    assert_eq!(upstream.count(), 1);
}
