//! What the trouble of one target must not do to others, and what a request
//! holds, costs and waits over several attempts.

use std::time::Duration;

use kernel::{BudgetSettings, Clock, Level, LimitSettings, Overflow};
use tidegate_gateway::{Manner, Reply};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream, openai};
use tidegate_types::Code;

use crate::house::{House, Plan, frame, pool, text};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

/// Quick retries, and as many as the attempts allow.
fn plan(attempts: u32) -> Plan {
    let mut plan = Plan::default();
    plan.retry.attempts = attempts;
    plan.retry.base = MS;
    plan.retry.cap = 10 * MS;
    plan.retry.budget = BudgetSettings {
        percent: 100,
        per_second: 100,
    };
    plan.budget = plan.retry.budget;
    plan
}

fn whole() -> Script {
    Script::sse()
        .event(&openai::role_chunk())
        .event(&openai::content_chunk("tide"))
        .event(&openai::finish_chunk())
        .event(&openai::usage_chunk())
        .done()
}

fn limited(seconds: &str) -> Script {
    let body = openai::error("rate_limit_error", "rate_limit_exceeded", "slow down");
    let headers = [
        ("content-type", "application/json"),
        ("retry-after", seconds),
    ];
    Script::whole(429, &headers, body.as_bytes())
}

/// R-D14: a model that is limited for minutes keeps the pool of all models from
/// growing for a moment only.
#[tokio::test]
async fn r_d14_one_model_s_retry_after_does_not_hold_the_pool_of_all() {
    let upstream = Upstream::start().await;
    upstream.on_model("limited", limited("200"));
    let good = Script::json(200, &openai::completion("tide"));
    upstream.on_model("m", good.late(100 * MS));
    let mut plan = plan(1);
    plan.pool = pool(8, 20, Overflow::Block);
    plan.pool.limit = LimitSettings::scaled(1, 8);
    let house = House::new(plan, Some(&upstream));
    let failure = house.ask("up/limited", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamRateLimited);
    Clock.sleep(SECOND + 100 * MS).await;
    let call = || async { text(house.ask("up/m", false).await.unwrap()).await };
    tokio::join!(call(), call(), call(), call(), call(), call());
    // The first request alone has doubled it.
    let size = house.gateway.pools()[0].stats.size;
    assert!(size > 2, "it did not grow: {size}");
}

/// Row 1: who waited in the queue while its target was limited does not go there
/// all the same; it waits with the others, and holds nothing.
#[tokio::test]
async fn row_1_who_was_queued_when_the_rate_was_limited_is_not_sent() {
    let upstream = Upstream::start().await;
    upstream.always(limited("100").late(100 * MS));
    let mut plan = plan(1);
    plan.pool = pool(1, 10, Overflow::Block);
    let house = House::new(plan, Some(&upstream));
    let call = || house.ask("up/m", false);
    let (one, two, three) = tokio::join!(call(), call(), call());
    for answer in [one, two, three] {
        let failure = answer.err().unwrap();
        assert_eq!(failure.code, Code::UpstreamRateLimited);
        assert_eq!(failure.should_retry(), Some(true));
    }
    assert_eq!(upstream.count(), 1);
    let label = "rate_limit_exceeded".to_owned();
    let outcomes = house.outcomes().await;
    let refused = ("refused".to_owned(), label, 2);
    assert!(outcomes.contains(&refused), "{outcomes:?}");
}

/// Row 6: also inside an answer, a model that a key may not have is no reason to
/// take the key from others.
#[tokio::test]
async fn row_6_a_permission_error_inside_an_answer_does_not_take_the_key() {
    let upstream = Upstream::start().await;
    let forbidden = openai::error("permission_error", "model_not_allowed", "no");
    upstream.on_model("secret", Script::json(200, &forbidden));
    upstream.on_model("m", Script::json(200, &openai::completion("tide")));
    let house = House::new(plan(1), Some(&upstream));
    let failure = house.ask("up/secret", false).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamAuth);
    text(house.ask("up/m", false).await.unwrap()).await;
}

/// Failures, column of accounts: all attempts of a request sum up.
#[tokio::test]
async fn the_tokens_of_an_attempt_that_failed_are_counted_too() {
    let mut input = Vec::new();
    for breaks in [false, true] {
        let upstream = Upstream::start().await;
        if breaks {
            upstream.next(Script::sse().event(&openai::role_chunk()).rst());
        }
        upstream.next(whole());
        let house = House::new(plan(2), Some(&upstream));
        text(house.ask("up/m", true).await.unwrap()).await;
        let samples = house.samples();
        input.push(samples.sum("tidegate_tokens_total", &["up", "input"]));
        let estimated = samples.sum("tidegate_usage_estimated_total", &["up"]);
        assert_eq!(estimated > 0.0, breaks);
    }
    assert!(input[0] > 0.0 && input[1] > input[0], "{input:?}");
}

/// INV-MEM: what was read of an answer that failed is not held any longer.
#[tokio::test]
async fn the_bytes_of_a_failed_answer_come_back_before_the_next_attempt() {
    let upstream = Upstream::start().await;
    let long = openai::error("server_error", "x", &"why ".repeat(5000));
    upstream.next(Script::json(500, &long));
    upstream.next(Script::silent());
    let house = House::new(plan(2), Some(&upstream));
    let look = async {
        upstream.request(1).await;
        assert_eq!(house.gateway.steward().bodies().0, 0);
        assert_eq!(house.gateway.requests()[0].held(), 0);
    };
    tokio::select! {
        _ = house.ask("up/m", false) => panic!("the upstream is silent"),
        () = look => {}
    }
    assert_eq!(house.outcome().await.0, "cancelled");
}

/// What comes of a stream in a short while.
async fn soon(reply: &mut Reply) -> Option<String> {
    tokio::select! {
        more = frame(reply) => more,
        () = Clock.sleep(200 * MS) => None,
    }
}

/// Controls A.15: what a stream holds counts as well; who holds nothing is not
/// ended in vain.
#[tokio::test]
async fn the_last_level_ends_the_stream_that_holds_most_and_nobody_in_vain() {
    let upstream = Upstream::start().await;
    let begun = || Script::sse().event(&openai::content_chunk("tide"));
    upstream.on_model("small", begun().stall());
    let part = format!("data: {{\"x\":\"{}", "x".repeat(100_000));
    upstream.on_model("large", begun().bytes(part).stall());
    upstream.on_model("silent", Script::silent());
    let house = House::new(plan(1), Some(&upstream));
    let silent = house.ask("up/silent", true);
    let look = async {
        upstream.request(0).await;
        house.gateway.steward().set_level(Level::Extreme);
        house.gateway.steward().set_level(Level::Calm);
        let live = house.gateway.requests();
        assert_eq!(live[0].halt.why(), None, "it holds nothing");
    };
    tokio::select! {
        _ = silent => panic!("the upstream is silent"),
        () = look => {}
    }
    let mut large = house.ask("up/large", true).await.unwrap();
    let mut small = house.ask("up/small", true).await.unwrap();
    frame(&mut large).await.unwrap();
    frame(&mut small).await.unwrap();
    // The part of an event is read when the stream is polled.
    assert_eq!(soon(&mut large).await, None);
    house.gateway.steward().set_level(Level::Extreme);
    let more = frame(&mut large).await.unwrap();
    assert!(more.contains("overloaded"), "{more}");
    assert_eq!(soon(&mut small).await, None);
}

/// Controls A.15: one tenant's bodies leave room for those of another.
#[tokio::test]
async fn a_tenant_holds_at_most_half_of_all_bodies() {
    let mut plan = plan(1);
    plan.tenants = 2;
    let house = House::new(plan, None);
    let (_, limit) = house.gateway.steward().bodies();
    let take = |tenant, bytes| {
        let mut ticket = house.admit();
        house.gateway.charge(&mut ticket, tenant);
        ticket.hold_body(bytes).map(|()| ticket)
    };
    let most = take(0, limit / 2).unwrap();
    let failure = take(0, 1).err().unwrap();
    assert_eq!(
        (failure.code, failure.status(Manner::OpenAi)),
        (Code::Overloaded, 503)
    );
    drop(take(1, limit / 2).unwrap());
    drop(most);
    drop(take(0, limit / 2).unwrap());
    house.outcomes().await;
}

/// Retries do not depend on a queue: who waits for one had a permit.
#[tokio::test]
async fn without_a_queue_there_are_retries_all_the_same() {
    let upstream = Upstream::start().await;
    upstream.next(Script::json(500, &openai::error("server_error", "x", "no")));
    upstream.next(Script::json(200, &openai::completion("tide")));
    let mut plan = plan(2);
    plan.pool.queue = 0;
    let house = House::new(plan, Some(&upstream));
    text(house.ask("up/m", false).await.unwrap()).await;
    assert_eq!(upstream.count(), 2);
    assert_eq!(house.outcome().await.0, "completed");
}

/// Contracts 11: the headers tell of a wait before the first attempt too.
#[tokio::test(start_paused = true)]
async fn a_wait_before_the_first_attempt_is_told() {
    let house = House::new(plan(1), None);
    house.ask("fault-429", false).await.err().unwrap();
    let failure = house.ask("fault-429", false).await.err().unwrap();
    let upstream = failure.spent.upstream;
    assert!(upstream >= SECOND, "{upstream:?}");
}

/// Row 3: those who were refused in one moment do not come back in one.
#[tokio::test(start_paused = true)]
async fn row_3_requests_that_failed_together_are_not_retried_together() {
    let house = House::new(plan(2), None);
    let began = Clock.now();
    let ask = || async {
        house.ask("fault-529", false).await.err().unwrap();
        Clock.now() - began
    };
    let (one, two, three) = tokio::join!(ask(), ask(), ask());
    assert!(one >= SECOND, "{one:?}");
    assert!(one != two && two != three, "{one:?} {two:?} {three:?}");
}

/// Row 33: a caller hears something every fifteen seconds, however many attempts
/// are made in silence.
#[tokio::test(start_paused = true)]
async fn row_33_pings_go_on_from_one_attempt_to_the_next() {
    let mut plan = plan(2);
    plan.timeouts.first_content = 14 * SECOND;
    let house = House::new(plan, None);
    let began = Clock.now();
    let mut reply = house.ask("sim-60000-5-0-4", true).await.unwrap();
    assert_eq!(frame(&mut reply).await.unwrap(), ": ping\n\n");
    let first = Clock.now() - began;
    assert!(first <= 16 * SECOND, "{first:?}");
    let answer = text(reply).await;
    assert!(answer.contains("upstream_timeout"), "{answer}");
}
