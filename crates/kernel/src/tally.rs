//! How many of the last attempts went well: exact counts over a window.
//!
//! 1. Ten buckets span the window; a verdict counts whole until its bucket
//!    leaves, whenever in the window it came.
//!
//! No moving average: one by arrival time gives a tight burst almost no
//! weight, and then a burst and a trickle of the same verdicts decide apart.

use std::time::Duration;

use crate::clock::Instant;

const BUCKETS: usize = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    good: u64,
    all: u64,
}

/// Verdicts over a window.
#[derive(Debug)]
pub(crate) struct Tally {
    width: Duration,
    /// When the current bucket began.
    begun: Instant,
    current: usize,
    buckets: [Count; BUCKETS],
    sum: Count,
}

impl Tally {
    /// An empty one; a window below ten milliseconds is taken as ten.
    pub(crate) fn new(window: Duration, now: Instant) -> Self {
        Self {
            width: (window / 10).max(Duration::from_millis(1)),
            begun: now,
            current: 0,
            buckets: [Count::default(); BUCKETS],
            sum: Count::default(),
        }
    }

    /// One more verdict.
    pub(crate) fn add(&mut self, good: bool, now: Instant) {
        self.roll(now);
        let bucket = &mut self.buckets[self.current];
        for count in [bucket, &mut self.sum] {
            count.good += u64::from(good);
            count.all += 1;
        }
    }

    /// How many went well, and how many there were.
    pub(crate) fn sums(&mut self, now: Instant) -> (u64, u64) {
        self.roll(now);
        (self.sum.good, self.sum.all)
    }

    fn roll(&mut self, now: Instant) {
        let into = now.saturating_duration_since(self.begun);
        if into < self.width {
            return;
        }
        let passed = into.as_nanos() / self.width.as_nanos();
        let empty = usize::try_from(passed).map_or(BUCKETS, |passed| passed.min(BUCKETS));
        for _ in 0..empty {
            self.current = (self.current + 1) % BUCKETS;
            let left = std::mem::take(&mut self.buckets[self.current]);
            self.sum.good -= left.good;
            self.sum.all -= left.all;
        }
        let rest = u64::try_from(into.as_nanos() % self.width.as_nanos());
        self.begun = now - Duration::from_nanos(rest.unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn promise_1_a_verdict_counts_whole_until_its_bucket_leaves() {
        let start = Clock.now();
        let mut tally = Tally::new(30 * SECOND, start);
        tally.add(true, start + SECOND);
        tally.add(false, start + 4 * SECOND);
        assert_eq!(tally.sums(start + 29 * SECOND), (1, 2));
        assert_eq!(tally.sums(start + 30 * SECOND), (0, 1));
        assert_eq!(tally.sums(start + 32 * SECOND), (0, 1));
        assert_eq!(tally.sums(start + 33 * SECOND), (0, 0));
    }

    #[test]
    fn a_long_rest_empties_it_and_keeps_its_grid() {
        let start = Clock.now();
        let mut tally = Tally::new(30 * SECOND, start);
        tally.add(false, start);
        let later = start + 1000 * SECOND;
        assert_eq!(tally.sums(later), (0, 0));
        // 1000 s is 1 s into its bucket, which leaves 29 s later.
        tally.add(true, later);
        assert_eq!(tally.sums(later + 28 * SECOND), (1, 1));
        assert_eq!(tally.sums(later + 29 * SECOND), (0, 0));
    }
}
