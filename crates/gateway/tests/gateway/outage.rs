//! Whole minutes of trouble on a paused clock: an upstream that is gone, a
//! process near its bounds, a limit that learns.

use std::time::Duration;

use kernel::{BudgetSettings, Clock, Finding, Level, LimitSettings, Overflow, Priority, Why};
use tidegate_gateway::Manner;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::house::{House, Plan, frame, pool, text};

const SECOND: Duration = Duration::from_secs(1);

/// INV-BUDGET, row 36: sixty seconds without an upstream, ten requests a
/// second. Few of them become attempts, never more than 1.2 a request; who is
/// refused knows it at once, and when to come back.
#[tokio::test(start_paused = true)]
async fn inv_budget_row_36_a_total_outage_is_not_amplified() {
    let pool = pool(100, 100, Overflow::Error);
    let plan = Plan {
        pool,
        ..Plan::default()
    };
    let house = House::new(plan, None);
    let began = Clock.now();
    let (mut asked, mut at_once) = (0_u32, 0_u32);
    while Clock.now() - began < 60 * SECOND {
        let before = Clock.now();
        let failure = house.ask("fault-500", asked % 2 == 0).await.err().unwrap();
        asked += 1;
        match failure.code {
            Code::UpstreamUnavailable => {
                assert!(Clock.now() - before < Duration::from_millis(10));
                assert_eq!(failure.status(Manner::OpenAi), 503);
                assert_eq!(failure.should_retry(), Some(true));
                let after = failure.retry_after.unwrap();
                assert!(after <= 90 * SECOND, "{after:?}");
                at_once += 1;
            }
            code => assert_eq!(code, Code::UpstreamError),
        }
        Clock.sleep(SECOND / 10).await;
    }
    let attempts = house.samples().sum("tidegate_attempts_total", &["sim"]);
    println!("outage of 60 s: {asked} requests, {attempts} attempts, {at_once} refused at once");
    assert!(attempts <= 1.2 * f64::from(asked), "{attempts} of {asked}");
    assert!(
        attempts < 30.0,
        "the breaker lets only probes through: {attempts}"
    );
    house.scope.close().await;
}

/// The same with the breakers off: the budget alone holds the bound.
#[tokio::test(start_paused = true)]
async fn inv_budget_the_budget_alone_bounds_what_retries_add() {
    let pool = pool(100, 100, Overflow::Error);
    let mut plan = Plan {
        pool,
        ..Plan::default()
    };
    plan.breaker.consecutive = 0;
    plan.breaker.min_requests = u32::MAX;
    let house = House::new(plan, None);
    let began = Clock.now();
    let mut asked = 0_u32;
    while Clock.now() - began < 60 * SECOND {
        house.ask("fault-500", false).await.err().unwrap();
        asked += 1;
        Clock.sleep(SECOND / 20).await;
    }
    let attempts = house.samples().sum("tidegate_attempts_total", &["sim"]);
    println!("without breakers: {asked} requests, {attempts} attempts");
    // 10 %, the reserve of one a second, and what ten seconds had saved.
    let bound = f64::from(asked) * 1.1 + 70.0;
    assert!(attempts <= bound, "{attempts} of {asked}");
    assert!(attempts > f64::from(asked) * 1.05, "and there are retries");
    house.scope.close().await;
}

/// Controls A.15: each level refuses what it must, and calm takes all again.
#[tokio::test(start_paused = true)]
async fn the_overload_levels_refuse_batch_first_then_all() {
    let house = House::usual();
    let send = |priority| {
        let mut call = House::call("echo", false);
        call.priority = priority;
        house.send(call)
    };
    for (level, batch, interactive) in [
        (Level::Calm, true, true),
        (Level::Busy, false, true),
        (Level::High, false, true),
        (Level::Critical, false, false),
        (Level::Calm, true, true),
    ] {
        house.gateway.steward().set_level(level);
        for (priority, taken) in [
            (Priority::Batch, batch),
            (Priority::Interactive, interactive),
        ] {
            match send(priority).await {
                Ok(reply) => {
                    assert!(taken, "{level:?} {priority:?}");
                    text(reply).await;
                }
                Err(failure) => {
                    assert!(!taken, "{level:?} {priority:?}");
                    assert_eq!(
                        (failure.code, failure.status(Manner::OpenAi)),
                        (Code::Overloaded, 503)
                    );
                    assert_eq!(failure.should_retry(), Some(true));
                }
            }
        }
    }
}

/// Controls A.15: at the last level the one that holds most is ended, and only
/// that one; while it is high a stream may stand still for less long.
#[tokio::test(start_paused = true)]
async fn the_last_levels_end_who_holds_most_and_who_stands_still() {
    let house = House::usual();
    let mut large = House::call("sim-10-5-1000-100", true);
    let body = String::from_utf8(large.body.to_vec()).unwrap();
    large.body = body.replace("one two", &"x".repeat(100_000)).into();
    let mut ticket = house.admit();
    ticket.hold_body(100_000).unwrap();
    // Before its first content, while the body is still held for a retry.
    let asked = house.gateway.ask(ticket, large);
    let mut small = house.ask("sim-10-50-1000-100", true).await.unwrap();
    let level = async {
        Clock.sleep(Duration::from_millis(5)).await;
        house.gateway.steward().set_level(Level::Extreme);
    };
    let (ended, ()) = tokio::join!(asked, level);
    assert_eq!(ended.err().unwrap().code, Code::Overloaded);
    assert!(frame(&mut small).await.is_some());
    drop(small);

    house.gateway.steward().set_level(Level::High);
    let began = Clock.now();
    let answer = text(house.ask("fault-stall", true).await.unwrap()).await;
    assert!(answer.contains("stream_idle_timeout"), "{answer}");
    let took = Clock.now() - began;
    assert!((15..=17).contains(&took.as_secs()), "{took:?}");
}

/// R-D14, A.2: with `adaptive` each model has a limit of its own: one that
/// answers 429 shrinks, and its neighbour does not.
#[tokio::test(start_paused = true)]
async fn an_adaptive_limit_belongs_to_one_target() {
    let pool = pool(40, 100, Overflow::Error);
    let mut plan = Plan {
        pool,
        ..Plan::default()
    };
    plan.pool.limit = LimitSettings::adaptive(1, 40);
    plan.retry.attempts = 1;
    let house = House::new(plan, None);
    for _ in 0..10 {
        let _ = house.ask("fault-429", false).await;
        text(house.ask("echo", false).await.unwrap()).await;
        // The key rests after each 429.
        Clock.sleep(30 * SECOND).await;
    }
    let view = house.gateway.pools().remove(0);
    let gate = |model: &str| {
        let target = view
            .targets
            .iter()
            .find(|one| &*one.model == model)
            .unwrap();
        target.gate.clone().unwrap()
    };
    let ((limited, decisions), (well, _)) = (gate("fault-429"), gate("echo"));
    assert!(limited.size < well.size, "{} {}", limited.size, well.size);
    assert!(
        !decisions.is_empty(),
        "each decision is kept with its reason"
    );
    let shrank = house.samples().sum("tidegate_pool_permits", &["fault-429"]);
    assert_eq!(shrank, limited.size as f64);
}

/// INV-NODEAD: what should have gone on by itself is named, once; whoever goes
/// on, or ends, is not.
#[tokio::test(start_paused = true)]
async fn inv_nodead_a_request_that_does_not_go_on_is_named() {
    let house = House::usual();
    let mut reply = house.ask("sim-10-50-1000-4", true).await.unwrap();
    let id = house.gateway.requests()[0].id;
    frame(&mut reply).await.unwrap();
    assert_eq!(house.watchdog.look(), []);
    // Idle and the caller's patience, a minute each.
    Clock.sleep(120 * SECOND).await;
    assert_eq!(house.watchdog.look(), []);
    Clock.sleep(11 * SECOND).await;
    let found = house.watchdog.look();
    let [Finding::Stalled(stall)] = found[..] else {
        panic!("{found:?}");
    };
    assert_eq!((stall.name, stall.stage), ("request", "streaming"));
    assert_eq!(stall.id, id.low());
    assert_eq!(house.watchdog.look(), [], "told once");
    frame(&mut reply).await.unwrap();
    let found = house.watchdog.look();
    assert!(matches!(found[..], [Finding::Recovered(_)]), "{found:?}");
    drop(reply);
    assert_eq!(house.watchdog.stats().watched, 0);
    house.scope.close().await;
}

/// INV-PERMIT: halted in every stage of an attempt, everything comes back.
#[tokio::test(start_paused = true)]
async fn inv_permit_a_halt_while_it_pauses_gives_everything_back() {
    let mut plan = Plan::default();
    plan.retry.base = 10 * SECOND;
    plan.retry.cap = 10 * SECOND;
    let house = House::new(plan, None);
    let asked = house.ask("fault-500", false);
    let halt = async {
        Clock.sleep(SECOND / 10).await;
        let live = house.gateway.requests();
        assert_eq!(live[0].stage().as_str(), "pausing");
        assert_eq!(house.samples().sum("tidegate_pool_permits_busy", &[]), 0.0);
        house.gateway.halt(Why::Operator);
    };
    let (failed, ()) = tokio::join!(asked, halt);
    assert_eq!(failed.err().unwrap().code, Code::CancelledByOperator);
    let retried = house.samples().sum("tidegate_retries_total", &[]);
    assert_eq!(retried, 0.0, "no attempt followed");
    assert_eq!(
        house.outcome().await,
        ("cancelled".into(), "operator".into())
    );
}

/// Whoever waits for its next attempt has one of so many places; who finds none
/// is told what its upstream said, at once.
#[tokio::test(start_paused = true)]
async fn only_so_many_wait_for_their_next_attempt() {
    let mut plan = Plan {
        pool: pool(2, 2, Overflow::Error),
        ..Plan::default()
    };
    plan.retry.base = 10 * SECOND;
    plan.retry.cap = 10 * SECOND;
    plan.retry.budget = BudgetSettings {
        percent: 100,
        per_second: 100,
    };
    plan.budget = plan.retry.budget;
    plan.breaker.consecutive = 0;
    let house = House::new(plan, None);
    let waits = async |house: &House| {
        Clock.sleep(SECOND / 10).await;
        let live = house.gateway.requests();
        let stages: Vec<_> = live.iter().map(|one| one.stage().as_str()).collect();
        assert_eq!(stages, ["pausing"; 2]);
        house.gateway.halt(Why::Operator);
    };
    let ask = || house.ask("fault-500", false);
    let all = async { tokio::join!(ask(), ask(), ask(), ask(), ask(), ask()) };
    let (ended, ()) = tokio::join!(all, waits(&house));
    let (a, b, c, d, e, f) = ended;
    let codes = [a, b, c, d, e, f].map(|one| one.err().unwrap().code);
    let of = |wanted| codes.iter().filter(|code| **code == wanted).count();
    assert_eq!(of(Code::CancelledByOperator), 2);
    assert_eq!(of(Code::UpstreamError), 4);
    house.scope.close().await;
}
