//! What one provider's traffic came to lately: how much, how long, how well.
//!
//! 1. It covers the last 10 to 20 minutes, in a fixed room, without a lock.
//! 2. How long is told of good answers only: what was cancelled or failed says
//!    nothing about how long an answer takes.
//!
//! Two periods take turns. Whoever first writes into a new one clears what
//! stood there; values of that very moment may be lost, which is why accounts
//! are kept elsewhere and this is for statistics.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use kernel::Instant;
use tidegate_kernel as kernel;

use crate::tail::{Spread, Tail};

/// How long one period is.
const PERIOD: Duration = Duration::from_secs(600);
/// How long one of its cells is: a busiest moment shorter than this is the
/// queue's to absorb.
const CELL: Duration = Duration::from_secs(10);
const CELLS: usize = 60;

/// How one attempt at the provider ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Its answer came whole.
    Good {
        /// From the request's first byte to the answer's last.
        took: Duration,
        /// From the request's first byte to the first content; streams only.
        first_token: Option<Duration>,
    },
    /// The provider said that it has too much to do: 429, 503, 529.
    Overloaded,
    /// A timer of ours ended it.
    TimedOut,
    /// It failed in another way that is not the caller's fault.
    Failed,
    /// The caller left, or the fault was the caller's.
    Void,
}

/// The traffic of one provider.
#[derive(Debug)]
pub struct Load {
    since: Instant,
    periods: [Period; 2],
}

#[derive(Debug)]
struct Period {
    /// Which it is, counted from 1; 0 was never used.
    number: AtomicU64,
    asked: [AtomicU32; CELLS],
    waited: AtomicU64,
    peak: AtomicU64,
    overloaded: AtomicU64,
    timed_out: AtomicU64,
    failed: AtomicU64,
    void: AtomicU64,
    total: Tail,
    first_token: Tail,
}

/// What the last minutes came to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Traffic {
    /// How far back it reaches.
    pub over: Duration,
    /// Requests that came.
    pub requests: u64,
    /// Requests a second, in the ten busiest seconds.
    pub busiest: f64,
    /// Requests that had to wait for a permit.
    pub waited: u64,
    /// The most at the provider at one time.
    pub peak: u64,
    /// Attempts that it answered with too much to do.
    pub overloaded: u64,
    /// Attempts that a timer of ours ended.
    pub timed_out: u64,
    /// Attempts that failed in another way.
    pub failed: u64,
    /// Attempts that say nothing about it.
    pub void: u64,
    /// How long good answers took.
    pub total: Spread,
    /// How long their first content took; streams only.
    pub first_token: Spread,
}

impl Load {
    /// Nothing yet.
    pub fn new(now: Instant) -> Self {
        Self {
            since: now,
            periods: [Period::new(), Period::new()],
        }
    }

    /// A request came; retries of it do not count again.
    pub fn asked(&self, now: Instant) {
        let into =
            (now.saturating_duration_since(self.since).as_secs() % PERIOD.as_secs()) as usize;
        let cell = into / CELL.as_secs() as usize;
        if let Some(cell) = self.period(now).asked.get(cell) {
            cell.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A permit was had, after a wait or at once; `busy` permits are out now.
    pub fn began(&self, now: Instant, waited: bool, busy: usize) {
        let period = self.period(now);
        period.peak.fetch_max(busy as u64, Ordering::Relaxed);
        if waited {
            period.waited.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// An attempt ended.
    pub fn ended(&self, now: Instant, end: Ended) {
        let period = self.period(now);
        let count = match end {
            Ended::Good { took, first_token } => {
                period.total.record(took);
                first_token
                    .into_iter()
                    .for_each(|first| period.first_token.record(first));
                return;
            }
            Ended::Overloaded => &period.overloaded,
            Ended::TimedOut => &period.timed_out,
            Ended::Failed => &period.failed,
            Ended::Void => &period.void,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }

    /// What the last minutes came to.
    pub fn traffic(&self, now: Instant) -> Traffic {
        let age = now.saturating_duration_since(self.since);
        let current = age.as_secs() / PERIOD.as_secs();
        let recent: Vec<&Period> = self
            .periods
            .iter()
            .filter(|period| {
                let number = period.number.load(Ordering::Acquire);
                number > 0 && number + 1 > current
            })
            .collect();
        let start = PERIOD * u32::try_from(current.saturating_sub(1)).unwrap_or(u32::MAX);
        let sum = |count: fn(&Period) -> &AtomicU64| -> u64 {
            let read = |period: &&Period| count(period).load(Ordering::Relaxed);
            recent.iter().map(read).sum()
        };
        let cells = || recent.iter().flat_map(|period| &period.asked);
        let asked = |cell: &AtomicU32| cell.load(Ordering::Relaxed);
        let busiest = f64::from(cells().map(asked).max().unwrap_or(0));
        let tails = |tail: fn(&Period) -> &Tail| {
            let tails: Vec<&Tail> = recent.iter().map(|period| tail(period)).collect();
            Tail::spread_of(&tails)
        };
        let peaks = recent
            .iter()
            .map(|period| period.peak.load(Ordering::Relaxed));
        Traffic {
            over: age.saturating_sub(start),
            requests: cells().map(asked).map(u64::from).sum(),
            busiest: busiest / CELL.as_secs_f64(),
            waited: sum(|period| &period.waited),
            peak: peaks.max().unwrap_or(0),
            overloaded: sum(|period| &period.overloaded),
            timed_out: sum(|period| &period.timed_out),
            failed: sum(|period| &period.failed),
            void: sum(|period| &period.void),
            total: tails(|period| &period.total),
            first_token: tails(|period| &period.first_token),
        }
    }

    /// The period of this moment, cleared if it is new.
    fn period(&self, now: Instant) -> &Period {
        let age = now.saturating_duration_since(self.since);
        let number = age.as_secs() / PERIOD.as_secs() + 1;
        let [odd, even] = &self.periods;
        let period = if number % 2 == 1 { odd } else { even };
        let seen = period.number.load(Ordering::Acquire);
        // A writer that is late by a whole period writes into its successor.
        let won = seen < number
            && period
                .number
                .compare_exchange(seen, number, Ordering::AcqRel, Ordering::Acquire)
                .is_ok();
        if won && seen > 0 {
            period.clear();
        }
        period
    }
}

impl Period {
    fn new() -> Self {
        Self {
            number: AtomicU64::new(0),
            asked: [const { AtomicU32::new(0) }; CELLS],
            waited: AtomicU64::new(0),
            peak: AtomicU64::new(0),
            overloaded: AtomicU64::new(0),
            timed_out: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            void: AtomicU64::new(0),
            total: Tail::new(),
            first_token: Tail::new(),
        }
    }

    fn clear(&self) {
        for cell in &self.asked {
            cell.store(0, Ordering::Relaxed);
        }
        let counts = [
            &self.waited,
            &self.peak,
            &self.overloaded,
            &self.timed_out,
            &self.failed,
            &self.void,
        ];
        for count in counts {
            count.store(0, Ordering::Relaxed);
        }
        self.total.clear();
        self.first_token.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(since: Instant, seconds: u64) -> Instant {
        since + Duration::from_secs(seconds)
    }

    fn good(millis: u64) -> Ended {
        Ended::Good {
            took: Duration::from_millis(millis),
            first_token: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn promise_1_it_covers_ten_to_twenty_minutes() {
        let since = kernel::Clock.now();
        let load = Load::new(since);
        for second in 0..3600 {
            load.asked(at(since, second));
            load.ended(at(since, second), good(1000));
            let traffic = load.traffic(at(since, second));
            let covered = if second < 1200 {
                second
            } else {
                600 + second % 600
            };
            assert_eq!(traffic.over, Duration::from_secs(covered), "at {second} s");
            assert_eq!(traffic.requests, covered + 1, "at {second} s");
            assert_eq!(traffic.total.count, covered + 1);
        }
        let silent = load.traffic(at(since, 3600 + 1200));
        assert_eq!((silent.requests, silent.total.count), (0, 0));
    }

    #[tokio::test(start_paused = true)]
    async fn the_busiest_ten_seconds_are_found() {
        let since = kernel::Clock.now();
        let load = Load::new(since);
        (0..100).for_each(|second| load.asked(at(since, second)));
        (0..500).for_each(|n| load.asked(at(since, 30 + n / 100)));
        let traffic = load.traffic(at(since, 100));
        assert_eq!((traffic.requests, traffic.busiest), (600, 51.0));
    }

    #[tokio::test(start_paused = true)]
    async fn promise_2_only_good_answers_say_how_long() {
        let since = kernel::Clock.now();
        let load = Load::new(since);
        load.began(since, false, 3);
        load.began(since, true, 7);
        load.began(since, true, 5);
        for end in [
            Ended::Overloaded,
            Ended::TimedOut,
            Ended::TimedOut,
            Ended::Failed,
            Ended::Void,
            Ended::Good {
                took: Duration::from_secs(2),
                first_token: Some(Duration::from_millis(100)),
            },
            good(2000),
        ] {
            load.ended(since, end);
        }
        let traffic = load.traffic(since);
        assert_eq!((traffic.peak, traffic.waited), (7, 2));
        assert_eq!((traffic.overloaded, traffic.timed_out), (1, 2));
        assert_eq!((traffic.failed, traffic.void), (1, 1));
        assert_eq!((traffic.total.count, traffic.first_token.count), (2, 1));
        assert!(traffic.total.p50 >= Duration::from_secs(2));
    }
}
