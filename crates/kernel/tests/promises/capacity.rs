//! A hidden, moving upstream capacity: how near the adaptive limit comes to an
//! oracle, and how many refusals (429) it makes on the way.
//!
//! The oracle is the same pool with a fixed size that is always the capacity.
//! The goal: 90 % of its goodput with a hint, 85 % without, under 1 % refused.
//! It is held for `moving`, on which the constants were chosen, with answers of
//! 1 s and 2 s. It is not held by `retry-after` alone, with answers of 4 s and
//! more, or by a capacity that moves within a minute: see the last test.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tidegate_kernel::{Ask, Clock, Deadline, LimitSettings, Overflow, Pool, PoolSettings, Scope};

use crate::upstream::{Capacity, Hint, Upstream};

const SECOND: Duration = Duration::from_secs(1);

/// More callers than any capacity here: there is always work.
const CALLERS: usize = 120;

/// Steps of two minutes, then one wave of four.
const MOVING: u64 = 720;

fn moving(seconds: f64) -> usize {
    match seconds {
        ..120.0 => 20,
        ..240.0 => 60,
        ..360.0 => 8,
        ..480.0 => 40,
        _ => {
            let angle = (seconds - 480.0) / 240.0 * std::f64::consts::TAU;
            (30.0 + 20.0 * angle.sin()).round() as usize
        }
    }
}

/// Jagged steps; nothing was tuned on them.
fn jagged(seconds: f64) -> usize {
    [35, 12, 70, 25, 5, 50, 15, 90][(seconds / 75.0) as usize % 8]
}

/// Two waves, of 90 s and of 37 s, down to two permits; nothing was tuned on it.
fn restless(seconds: f64) -> usize {
    let wave = |period: f64| (seconds / period * std::f64::consts::TAU).sin();
    (25.0 + 15.0 * wave(90.0) + 8.0 * wave(37.0)).round() as usize
}

fn settings(limit: LimitSettings) -> PoolSettings {
    PoolSettings {
        size: limit.max,
        limit,
        queue: 2 * CALLERS,
        queue_bytes: 1 << 20,
        overflow: Overflow::Error,
        max_wait: 3600 * SECOND,
    }
}

/// What came of all calls: answers, and refusals.
struct Calls {
    answered: u64,
    refused: u64,
}

/// Everybody calls for `seconds`; `oracle` keeps the pool at the capacity.
async fn run(upstream: Upstream, limit: LimitSettings, seconds: u64, oracle: bool) -> Calls {
    let (upstream, scope) = (Arc::new(upstream), Scope::root("simulation", 200));
    let pool = Pool::new(settings(limit), Clock);
    for _ in 0..CALLERS {
        let (pool, upstream) = (pool.clone(), Arc::clone(&upstream));
        let calls = async move {
            let forever = Deadline::after(Clock, 7200 * SECOND);
            while let Ok(permit) = pool.acquire(Ask::new(forever)).await {
                upstream.call(&pool, permit).await;
            }
        };
        drop(scope.spawn("caller", calls).expect("room"));
    }
    let end = Clock.now() + seconds as u32 * SECOND;
    let mut known = 0;
    while Clock.now() < end {
        if oracle && known != upstream.capacity() {
            known = upstream.capacity();
            pool.apply(settings(LimitSettings::fixed(known)));
        }
        Clock.sleep(SECOND / 20).await;
    }
    assert!(pool.stats().holds());
    let answered = upstream.answered.load(Ordering::Relaxed);
    let refused = upstream.refused.load(Ordering::Relaxed);
    scope.close().await;
    assert_eq!(pool.stats().busy, 0, "every permit came back");
    Calls { answered, refused }
}

/// Per cent of an oracle's answers, and per cent of calls that were refused.
struct Figures {
    goodput: f64,
    refused: f64,
}

async fn measure(
    capacity: Capacity,
    hint: Hint,
    mean: Duration,
    seconds: u64,
    seed: u64,
) -> Figures {
    let upstream = |hint| Upstream::new(capacity, mean, hint, seed);
    let ours = run(
        upstream(hint),
        LimitSettings::adaptive(1, 100),
        seconds,
        false,
    )
    .await;
    let best = run(
        upstream(Hint::None),
        LimitSettings::fixed(100),
        seconds,
        true,
    )
    .await;
    let figures = Figures {
        goodput: 100.0 * ours.answered as f64 / best.answered as f64,
        refused: 100.0 * ours.refused as f64 / (ours.answered + ours.refused) as f64,
    };
    println!(
        "{hint:?}, answers of {mean:?}, seed {seed}: {:.1} % of the oracle's {} answers, \
         {:.2} % of the calls refused",
        figures.goodput, best.answered, figures.refused
    );
    figures
}

async fn holds(hint: Hint, mean: Duration, least: f64) {
    for seed in 1..=2 {
        let Figures { goodput, refused } = measure(moving, hint, mean, MOVING, seed).await;
        assert!(goodput >= least, "{goodput:.1} % goodput of {least} %");
        assert!(refused < 1.0, "{refused:.2} % refused");
    }
}

/// Measured: 91.3 to 92.2 % of the oracle's goodput, 0.65 % refused.
#[tokio::test(start_paused = true)]
async fn capacity_that_nobody_tells_is_found_to_85_per_cent_of_an_oracle() {
    holds(Hint::None, SECOND, 85.0).await;
}

/// Slower answers tell less in the same time: 93.1 to 93.9 %, 0.83 %.
#[tokio::test(start_paused = true)]
async fn capacity_that_nobody_tells_is_found_with_slow_answers_too() {
    holds(Hint::None, 2 * SECOND, 85.0).await;
}

/// Measured: 95.4 to 95.6 %, 0.11 % refused.
#[tokio::test(start_paused = true)]
async fn capacity_that_answers_tell_is_used_to_90_per_cent_of_an_oracle() {
    holds(Hint::Remaining, SECOND, 90.0).await;
}

/// Measured: 94.7 to 94.9 %, 0.10 % refused.
#[tokio::test(start_paused = true)]
async fn capacity_that_answers_tell_is_used_also_with_pauses() {
    holds(Hint::Both, SECOND, 90.0).await;
}

/// Only a `retry-after`: each look that fails stops everything for a second.
/// Measured: 89.0 %, 0.52 % refused, which is below the goal for a hint.
#[tokio::test(start_paused = true)]
async fn capacity_under_retry_after_alone_is_worth_its_pauses() {
    let Figures { goodput, refused } =
        measure(moving, Hint::RetryAfter, 2 * SECOND, MOVING, 1).await;
    assert!(goodput >= 80.0 && refused < 1.0);
}

/// Measured: of 20 permits 98.2 % (0.6 % refused), of 3 and of 1 all of them;
/// what is refused there is the beginning with ten, and a look every 40 s.
#[tokio::test(start_paused = true)]
async fn capacity_that_rests_is_used_and_a_tiny_one_reached() {
    let resting: [(Capacity, f64, f64); 3] =
        [(|_| 20, 95.0, 1.0), (|_| 3, 95.0, 4.0), (|_| 1, 95.0, 7.0)];
    for (capacity, least, most) in resting {
        for hint in [Hint::None, Hint::Remaining] {
            let Figures { goodput, refused } = measure(capacity, hint, SECOND, 300, 1).await;
            assert!(goodput >= least && refused < most);
        }
    }
}

/// Where the goal ends. Measured on traces that nothing was tuned on: jagged
/// steps are held with answers of 1 s; a restless capacity is lost, since a look
/// is earned in up to 40 s; and slow answers bring more refusals than 1 %,
/// since fewer calls pay for those of each fall. The floors only keep it from
/// becoming worse.
#[tokio::test(start_paused = true)]
async fn capacity_that_moves_too_fast_or_is_told_too_slowly_is_followed_worse() {
    let (none, told) = (Hint::None, Hint::Remaining);
    let traces: [(Capacity, Hint, u32, f64, f64); 5] = [
        (jagged, none, 1, 85.0, 1.0),
        (jagged, told, 1, 90.0, 1.0),
        (moving, none, 4, 80.0, 2.0),
        (restless, none, 1, 40.0, 3.0),
        (restless, told, 1, 65.0, 2.0),
    ];
    for (capacity, hint, mean, least, most) in traces {
        let Figures { goodput, refused } = measure(capacity, hint, mean * SECOND, MOVING, 7).await;
        assert!(goodput >= least, "{goodput:.1} % goodput of {least} %");
        assert!(refused < most, "{refused:.2} % refused of {most} %");
    }
}
