//! How late the runtime wakes a timer: the measure of too little CPU.
//!
//! 1. The p99 is exact over the last samples, and the window is one of time.
//! 2. A stop counts for all the timers that it swallowed, not for the one that
//!    woke after it.

use std::time::Duration;

/// The lateness of the last timers, in microseconds.
#[derive(Debug)]
pub(crate) struct Lag {
    every: Duration,
    samples: Vec<u32>,
    next: usize,
    most: usize,
}

impl Lag {
    /// For a timer each `every`, over `window`.
    pub(crate) fn new(every: Duration, window: Duration) -> Self {
        let every = every.max(Duration::from_millis(1));
        let most = window.as_nanos() / every.as_nanos();
        Self {
            every,
            samples: Vec::new(),
            next: 0,
            most: usize::try_from(most).unwrap_or(usize::MAX).clamp(1, 10_000),
        }
    }

    pub(crate) fn every(&self) -> Duration {
        self.every
    }

    /// A timer came so late. The timers that would have been due meanwhile
    /// were late too, each by one period less: without them a stop of a second
    /// would be one sample of a thousand.
    pub(crate) fn record(&mut self, late: Duration) {
        let mut late = late;
        for _ in 0..self.most {
            self.push(u32::try_from(late.as_micros()).unwrap_or(u32::MAX));
            match late.checked_sub(self.every) {
                Some(less) => late = less,
                None => break,
            }
        }
    }

    fn push(&mut self, micros: u32) {
        if self.samples.len() < self.most {
            self.samples.push(micros);
        } else {
            self.samples[self.next] = micros;
        }
        self.next = (self.next + 1) % self.most;
    }

    /// The lateness that 99 of 100 stay within; zero without a sample.
    pub(crate) fn p99(&self) -> Duration {
        let mut sorted = self.samples.clone();
        let rank = (sorted.len() * 99).div_ceil(100).saturating_sub(1);
        if sorted.is_empty() {
            return Duration::ZERO;
        }
        let (_, p99, _) = sorted.select_nth_unstable(rank);
        Duration::from_micros(u64::from(*p99))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn promise_1_the_p99_is_of_the_window_and_forgets() {
        let mut lag = Lag::new(10 * MS, 1000 * MS);
        assert_eq!(lag.p99(), Duration::ZERO);
        (0..100_u32).for_each(|n| lag.record(n * MS / 20));
        assert_eq!(lag.p99(), 98 * MS / 20);
        (0..100).for_each(|_| lag.record(MS));
        assert_eq!(lag.p99(), MS);
    }

    #[test]
    fn promise_2_a_stop_counts_for_the_timers_it_swallowed() {
        let mut lag = Lag::new(10 * MS, 10_000 * MS);
        (0..900).for_each(|_| lag.record(Duration::ZERO));
        lag.record(500 * MS);
        // 951 samples, 51 of them of the stop: the tenth largest.
        assert_eq!(lag.p99(), 410 * MS);
        lag.record(Duration::MAX);
        assert_eq!(lag.samples.len(), 1000, "bounded, however long it was");
    }
}
