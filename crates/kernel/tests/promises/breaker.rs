//! When it opens, who probes, what a verdict counts for (R-D8, R-D13, and the
//! breaker's column of failures.md).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::breaker::{Phase, Reason, Transition};
use tidegate_kernel::{Breaker, BreakerSettings, Clock, Open, Pass, Verdict};

const SECOND: Duration = Duration::from_secs(1);

/// Without jitter, so that times are exact.
fn settings() -> BreakerSettings {
    BreakerSettings {
        jitter_percent: 0,
        ..BreakerSettings::default()
    }
}

fn breaker() -> Breaker {
    Breaker::new(settings(), Clock)
}

fn pass(breaker: &Breaker) -> Pass {
    breaker.try_pass().expect("it lets pass")
}

fn settle(breaker: &Breaker, verdicts: &[Verdict]) {
    for verdict in verdicts {
        pass(breaker).settle(*verdict);
    }
}

fn fail(breaker: &Breaker, times: usize) {
    settle(breaker, &vec![Verdict::Failed; times]);
}

fn open(breaker: &Breaker) -> Open {
    breaker.try_pass().expect_err("it is open")
}

async fn sleep(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn promise_1_and_failures_row_4_five_failures_in_a_row_open_it() {
    let breaker = breaker();
    fail(&breaker, 4);
    settle(&breaker, &[Verdict::Succeeded]);
    fail(&breaker, 4);
    // Neither a 429 nor the caller's own fault makes or breaks a row.
    settle(&breaker, &[Verdict::Degraded, Verdict::Neutral]);
    assert_eq!(breaker.state(), Phase::Closed);
    fail(&breaker, 1);
    let why = Reason::Consecutive;
    let retry_after = SECOND;
    assert_eq!(open(&breaker), Open { retry_after, why });
    assert_eq!(breaker.retry_after(), SECOND);
    assert_eq!((breaker.stats().refused, breaker.state()), (1, Phase::Open));
}

#[tokio::test(start_paused = true)]
async fn promise_1_zero_turns_the_row_off_and_the_ratio_needs_enough_requests() {
    let consecutive = 0;
    let breaker = Breaker::new(
        BreakerSettings {
            consecutive,
            ..settings()
        },
        Clock,
    );
    fail(&breaker, 19);
    assert_eq!(breaker.state(), Phase::Closed);
    fail(&breaker, 1);
    assert_eq!(open(&breaker).why, Reason::Ratio);
}

#[tokio::test(start_paused = true)]
async fn failures_row_1_429s_open_it_by_the_ratio_only() {
    let breaker = breaker();
    settle(&breaker, &[Verdict::Succeeded; 20]);
    settle(&breaker, &[Verdict::Degraded; 20]);
    assert_eq!(breaker.state(), Phase::Closed, "half of them went well");
    settle(&breaker, &[Verdict::Degraded]);
    assert_eq!(open(&breaker).why, Reason::Ratio);
}

/// The verdict out of 12 good and 13 bad ones that opens it, over up to 25 s.
async fn opens_at(spread: Duration, bad_come_last: bool) -> Option<usize> {
    let breaker = breaker();
    for n in 0..25_usize {
        let bad = if bad_come_last {
            n >= 12
        } else {
            n.is_multiple_of(2)
        };
        let verdict = [Verdict::Succeeded, Verdict::Degraded][usize::from(bad)];
        pass(&breaker).settle(verdict);
        if breaker.state() == Phase::Open {
            return Some(n);
        }
        sleep(spread).await;
    }
    None
}

#[tokio::test(start_paused = true)]
async fn promise_1_a_burst_and_a_trickle_of_the_same_verdicts_decide_alike() {
    for (bad_come_last, at) in [(true, 24), (false, 20)] {
        let burst = opens_at(Duration::ZERO, bad_come_last).await;
        let trickle = opens_at(SECOND, bad_come_last).await;
        assert_eq!((burst, trickle), (Some(at), Some(at)));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_1_what_is_older_than_the_window_counts_no_more() {
    let breaker = breaker();
    settle(&breaker, &[Verdict::Degraded; 19]);
    sleep(30 * SECOND).await;
    settle(&breaker, &[Verdict::Degraded; 19]);
    assert_eq!(breaker.state(), Phase::Closed);
    let stats = breaker.stats();
    assert_eq!((stats.window_all, stats.window_succeeded), (19, 0));
}

#[tokio::test(start_paused = true)]
async fn promise_2_and_failures_row_36_one_probe_at_a_time() {
    let breaker = breaker();
    fail(&breaker, 5);
    sleep(SECOND).await;
    let probe = pass(&breaker);
    assert!(probe.is_probe());
    assert_eq!(breaker.state(), Phase::Probing);
    assert_eq!(open(&breaker).retry_after, SECOND);
    probe.settle(Verdict::Succeeded);
    assert_eq!(breaker.state(), Phase::Closed);
    let (one, two) = (pass(&breaker), pass(&breaker));
    assert!(!one.is_probe() && !two.is_probe());
    // The window was cleared, but for the probe itself.
    let stats = breaker.stats();
    assert_eq!(
        (stats.window_all, stats.failed_in_a_row, stats.probes),
        (1, 0, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn promise_2_each_failed_probe_doubles_the_time_up_to_the_cap() {
    let breaker = breaker();
    fail(&breaker, 5);
    for seconds in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(open(&breaker).retry_after, seconds * SECOND);
        sleep(seconds * SECOND - Duration::from_millis(1)).await;
        assert!(breaker.try_pass().is_err());
        sleep(Duration::from_millis(1)).await;
        // A 429 fails a probe too.
        let odd = seconds % 4 == 1;
        let verdict = if odd {
            Verdict::Degraded
        } else {
            Verdict::Failed
        };
        pass(&breaker).settle(verdict);
        assert_eq!(open(&breaker).why, Reason::ProbeFailed);
    }
    sleep(60 * SECOND).await;
    pass(&breaker).settle(Verdict::Succeeded);
    fail(&breaker, 5);
    assert_eq!(
        open(&breaker).retry_after,
        SECOND,
        "it starts anew after a recovery"
    );
}

#[tokio::test(start_paused = true)]
async fn jitter_keeps_breakers_apart_and_within_the_cap() {
    let mut first = Vec::new();
    for seed in 0..50 {
        let settings = BreakerSettings {
            seed,
            ..BreakerSettings::default()
        };
        let breaker = Breaker::new(settings, Clock);
        fail(&breaker, 5);
        first.push(open(&breaker).retry_after);
        for _ in 0..8 {
            sleep(open(&breaker).retry_after).await;
            pass(&breaker).settle(Verdict::Failed);
        }
        let at_cap = open(&breaker).retry_after;
        assert!((40 * SECOND..=60 * SECOND).contains(&at_cap), "{at_cap:?}");
    }
    let within = |time: &Duration| (SECOND..=SECOND * 3 / 2).contains(time);
    assert!(first.iter().all(within), "{first:?}");
    first.sort_unstable();
    first.dedup();
    assert_eq!(first.len(), 50);
}

#[tokio::test(start_paused = true)]
async fn promise_2_the_first_token_decides_a_probe_and_its_end_still_counts() {
    let breaker = breaker();
    fail(&breaker, 5);
    sleep(SECOND).await;
    let mut probe = pass(&breaker);
    probe.progressed();
    assert!(!probe.is_probe());
    assert_eq!(breaker.state(), Phase::Closed);
    // A stream that dies after its headers is a failure (R-D8).
    probe.settle(Verdict::Failed);
    assert_eq!(breaker.stats().failed_in_a_row, 1);
    fail(&breaker, 4);
    assert_eq!(breaker.state(), Phase::Open);
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_probe_that_is_dropped_leaves_its_place() {
    let breaker = breaker();
    fail(&breaker, 5);
    sleep(SECOND).await;
    for _ in 0..3 {
        let probe = pass(&breaker);
        assert!(probe.is_probe() && breaker.try_pass().is_err());
        drop(probe);
    }
    let probes = breaker.stats().probes;
    assert_eq!((probes, breaker.state()), (3, Phase::Probing));
    pass(&breaker).settle(Verdict::Neutral);
    pass(&breaker).settle(Verdict::Succeeded);
    assert_eq!(breaker.state(), Phase::Closed);
}

#[tokio::test(start_paused = true)]
async fn promise_3_verdicts_from_before_a_transition_count_for_nothing() {
    let breaker = breaker();
    let early: Vec<_> = (0..20).map(|_| pass(&breaker)).collect();
    fail(&breaker, 5);
    sleep(SECOND).await;
    let mut early = early.into_iter();
    let probe = pass(&breaker);
    early.next().expect("there are 20").settle(Verdict::Failed);
    early
        .next()
        .expect("there are 20")
        .settle(Verdict::Succeeded);
    assert_eq!(
        breaker.state(),
        Phase::Probing,
        "only the probe decides that"
    );
    probe.settle(Verdict::Succeeded);
    early.for_each(|pass| pass.settle(Verdict::Failed));
    let stats = breaker.stats();
    assert_eq!((stats.phase, stats.failed_in_a_row), (Phase::Closed, 0));
    assert_eq!((stats.stale, stats.window_all), (20, 1));
}

#[tokio::test(start_paused = true)]
async fn failures_rows_2_and_6_a_quota_pauses_and_a_refused_key_holds() {
    let breaker = breaker();
    breaker.open_until(Clock.now());
    assert_eq!(breaker.state(), Phase::Closed, "that time is over");
    breaker.open_until(Clock.now() + 90 * SECOND);
    breaker.open_until(Clock.now() + 10 * SECOND);
    let (why, retry_after) = (Reason::Paused, 90 * SECOND);
    assert_eq!(open(&breaker), Open { retry_after, why });
    sleep(90 * SECOND).await;
    // The probe is refused for good: its own verdict is late then.
    let probe = pass(&breaker);
    breaker.hold_open();
    probe.settle(Verdict::Failed);
    breaker.open_until(Clock.now() + SECOND);
    sleep(100_000 * SECOND).await;
    let (why, retry_after) = (Reason::Held, 60 * SECOND);
    assert_eq!(open(&breaker), Open { retry_after, why });
    breaker.reset();
    assert!(!pass(&breaker).is_probe());
}

#[tokio::test(start_paused = true)]
async fn promise_5_each_transition_is_told_once_outside_the_lock() {
    let breaker = breaker();
    let told = Arc::new(Mutex::new(Vec::<Transition>::new()));
    let own = Arc::new(Mutex::new(Some(breaker.clone())));
    let (log, asked) = (Arc::clone(&told), Arc::clone(&own));
    breaker.on_transition(move |transition| {
        // It would hang here if the lock were held.
        let own = asked.lock().expect("no panic").clone();
        assert_eq!(own.expect("there").state(), transition.to);
        log.lock().expect("no panic").push(*transition);
        panic!("goes nowhere");
    });
    fail(&breaker, 5);
    sleep(SECOND).await;
    pass(&breaker).settle(Verdict::Failed);
    breaker.hold_open();
    breaker.hold_open();
    breaker.reset();
    let told = told.lock().expect("no panic");
    let row: Vec<_> = told
        .iter()
        .map(|t| (t.number, t.from, t.to, t.reason, t.retry_after))
        .collect();
    let (closed, half, open) = (Phase::Closed, Phase::Probing, Phase::Open);
    let expected = [
        (1, closed, open, Reason::Consecutive, SECOND),
        (2, open, half, Reason::Due, SECOND),
        (3, half, open, Reason::ProbeFailed, 2 * SECOND),
        (4, open, open, Reason::Held, 60 * SECOND),
        (5, open, closed, Reason::Reset, Duration::ZERO),
    ];
    assert_eq!(row, expected);
    let counted: u64 = breaker.stats().transitions().map(|(_, n)| n).sum();
    assert_eq!(counted, 5);
    // A hook that keeps its breaker keeps both for ever.
    *own.lock().expect("no panic") = None;
}

/// Also where no time at all passes between two probes.
#[tokio::test(start_paused = true)]
async fn promise_2_one_probe_at_a_time_also_when_it_is_open_for_no_time() {
    let settings = BreakerSettings {
        open_min: Duration::ZERO,
        open_max: Duration::ZERO,
        ..settings()
    };
    let breaker = Breaker::new(settings, Clock);
    fail(&breaker, 5);
    let probe = pass(&breaker);
    assert!(probe.is_probe());
    assert!(breaker.try_pass().is_err(), "a second probe");
    probe.settle(Verdict::Failed);
    pass(&breaker).settle(Verdict::Succeeded);
    assert_eq!(
        (breaker.state(), breaker.stats().probes),
        (Phase::Closed, 2)
    );
}
