//! Overload (issue of the kernel): three times what the upstream can take, for
//! five minutes, and back. What is answered in time stays at least 90 % of the
//! peak, the others are told at once, and ten seconds later all is as before.
//!
//! `--nocapture` prints the figures.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::{
    Ask, Clock, Deadline, Dice, Instant, LimitSettings, Overflow, Pool, PoolSettings, Scope,
};

use crate::upstream::{Hint, Upstream};

const SECOND: Duration = Duration::from_secs(1);

/// What the upstream takes at once, for a second each.
const CAPACITY: usize = 20;

/// An answer after that is of no use to the caller.
const PATIENCE: Duration = Duration::from_secs(5);

/// When the overload begins and ends, and the end, in seconds.
const LOUD: std::ops::Range<usize> = 60..360;
const END: usize = 420;

/// What came of the requests, by the second of their arrival; answers by that
/// of their end.
#[derive(Default)]
struct Second {
    offered: u32,
    in_time: u32,
    too_late: u32,
    refused: u32,
    refused_later: u32,
    by_upstream: u32,
    waited: Duration,
}

struct Simulation {
    pool: Pool,
    upstream: Upstream,
    start: Instant,
    seconds: Mutex<Vec<Second>>,
}

impl Simulation {
    fn note(&self, at: Instant, what: impl FnOnce(&mut Second)) {
        let second = (at - self.start).as_secs() as usize;
        let mut seconds = self.seconds.lock().expect("nobody panics with it");
        seconds.get_mut(second).map(what);
    }

    async fn request(&self) {
        let began = Clock.now();
        let deadline = Deadline::after(Clock, PATIENCE);
        self.note(began, |second| second.offered += 1);
        let acquire = self.pool.acquire(Ask::new(deadline));
        let at_once = acquire.is_ready();
        let Ok(permit) = acquire.await else {
            return self.note(began, |second| {
                second.refused += u32::from(at_once);
                second.refused_later += u32::from(!at_once);
            });
        };
        let waited = permit.waited();
        self.note(began, |second| second.waited = second.waited.max(waited));
        let answered = self.upstream.call(&self.pool, permit).await;
        self.note(Clock.now(), |second| match answered {
            true if deadline.is_past(Clock) => second.too_late += 1,
            true => second.in_time += 1,
            false => second.by_upstream += 1,
        });
    }
}

/// Requests at random times: in the loud time at three times the capacity,
/// else at `calm` per cent of it.
async fn run(limit: LimitSettings, calm: u64, seed: u64) -> Vec<Second> {
    let settings = PoolSettings {
        size: limit.max,
        limit,
        // What the upstream answers in two seconds: more would wait in vain.
        queue: 2 * CAPACITY,
        queue_bytes: 1 << 20,
        overflow: Overflow::Error,
        max_wait: 4 * SECOND,
    };
    let simulation = Arc::new(Simulation {
        pool: Pool::new(settings, Clock),
        upstream: Upstream::new(|_| CAPACITY, SECOND, Hint::None, seed),
        start: Clock.now(),
        seconds: Mutex::new((0..END).map(|_| Second::default()).collect()),
    });
    let (dice, scope) = (Dice::seeded(seed), Scope::root("simulation", 1000));
    let mut due = simulation.start;
    loop {
        let second = (due - simulation.start).as_secs() as usize;
        if second >= END {
            break;
        }
        let load = if LOUD.contains(&second) { 300 } else { calm };
        let mean = 100.0 / (CAPACITY as u64 * load) as f64;
        let even = (dice.below(1 << 32) + 1) as f64 / (1u64 << 32) as f64;
        due += Duration::from_secs_f64(-even.ln() * mean);
        Clock.sleep_until(due).await;
        let one = Arc::clone(&simulation);
        let request = async move { one.request().await };
        drop(scope.spawn("request", request).expect("room"));
    }
    assert_eq!(scope.drain(Deadline::after(Clock, 60 * SECOND)).await, []);
    let stats = simulation.pool.stats();
    assert!(stats.holds() && stats.busy == 0 && stats.waiting == 0);
    let mut seconds = simulation.seconds.lock().expect("nobody panics with it");
    std::mem::take(&mut *seconds)
}

fn sum(seconds: &[Second], of: impl Fn(&Second) -> u32) -> f64 {
    f64::from(seconds.iter().map(of).sum::<u32>())
}

/// Answers in time a second, in the best ten seconds.
fn peak(seconds: &[Second]) -> f64 {
    let tens = seconds
        .windows(10)
        .map(|ten| sum(ten, |second| second.in_time) / 10.0);
    tens.fold(0.0, f64::max)
}

async fn holds(name: &str, limit: LimitSettings, calm: u64, seed: u64) {
    let seconds = run(limit, calm, seed).await;
    let (loud, after) = (&seconds[LOUD], &seconds[LOUD.end + 10..]);
    let best = peak(&seconds);
    let goodput = sum(loud, |second| second.in_time) / LOUD.len() as f64;
    let too_late = sum(&seconds, |second| second.too_late);
    let later = sum(&seconds, |second| second.refused_later);
    let by_upstream = sum(&seconds, |second| second.by_upstream);
    let answered = sum(&seconds, |second| second.in_time);
    let refused_after = sum(after, |second| second.refused);
    let back = sum(after, |second| second.in_time) / sum(after, |second| second.offered);
    let waited = after.iter().map(|second| second.waited).max();
    println!(
        "{name}, {calm} % and 300 %, seed {seed}: {goodput:.1} in time a second in the overload, \
         {best:.1} in the best ten seconds ({:.1} %); {too_late} too late, {:.0} refused at once, \
         {later} later, {by_upstream} by the upstream; ten seconds after it {refused_after} \
         refused, {:.1} % in time, longest wait {waited:?}",
        100.0 * goodput / best,
        sum(loud, |second| second.refused),
        100.0 * back,
    );
    assert!(goodput >= 0.9 * best, "{goodput:.1} of {best:.1}");
    assert!(
        by_upstream < 0.01 * answered,
        "{by_upstream} refused by the upstream"
    );
    assert_eq!((too_late, later), (0.0, 0.0), "in time, or told at once");
    // Calls that were in flight at the edges make it differ from 1.
    assert!(back >= 0.9, "{back:.2} of what was offered");
    if calm < 100 {
        assert!(refused_after == 0.0 && waited < Some(SECOND), "as before");
    }
}

/// Measured: 91.8 to 94.5 % of the best ten seconds.
#[tokio::test(start_paused = true)]
async fn overload_of_a_fixed_limit_costs_those_who_are_too_many_and_nobody_else() {
    for (calm, seed) in [(80, 1), (80, 2), (100, 3)] {
        holds("fixed", LimitSettings::fixed(CAPACITY), calm, seed).await;
    }
}

/// Measured: 92.5 to 94.7 % of the best ten seconds, 0.7 % refused upstream.
#[tokio::test(start_paused = true)]
async fn overload_of_an_adaptive_limit_that_has_to_find_the_capacity() {
    for (calm, seed) in [(80, 1), (80, 2), (100, 3)] {
        holds("adaptive", LimitSettings::adaptive(1, 100), calm, seed).await;
    }
}
