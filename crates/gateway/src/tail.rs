//! How long things took, as a histogram that many write and few read.
//!
//! 1. A quantile is never below the true one, and at most 1/32 (3.1 %) above.
//! 2. Writing is one relaxed addition: no lock, no allocation, no order.
//! 3. Its size is fixed: 8 KiB, from 1 microsecond to 19 hours; what is longer
//!    counts as 19 hours.
//!
//! The buckets are log-linear, as in Gil Tene's HdrHistogram: each doubling is
//! cut into 32 equal parts. A reading while others write may lack their last
//! values; for statistics that is enough.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Parts of one doubling, as a power of two.
const PARTS: u32 = 5;
/// Values from here on are cut off: 2^36 microseconds.
const TOP: u64 = 1 << 36;
const BUCKETS: usize = bucket(TOP - 1) + 1;

/// A histogram of durations.
pub struct Tail(Box<[AtomicU64; BUCKETS]>);

/// What a histogram says: a count and how it is spread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Spread {
    /// How many values.
    pub count: u64,
    /// Their mean, within 1.6 %.
    pub mean: Duration,
    /// Half of them are not above it.
    pub p50: Duration,
    /// 95 in 100 are not above it.
    pub p95: Duration,
    /// 99 in 100 are not above it.
    pub p99: Duration,
    /// 999 in 1,000 are not above it.
    pub p999: Duration,
    /// The largest.
    pub max: Duration,
}

impl Tail {
    /// An empty one.
    pub fn new() -> Self {
        Self(Box::new([const { AtomicU64::new(0) }; BUCKETS]))
    }

    /// Counts one value.
    pub fn record(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(TOP);
        let at = bucket(micros.min(TOP - 1));
        if let Some(count) = self.0.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Forgets everything. Values that are written meanwhile may stay or go.
    pub fn clear(&self) {
        for count in self.0.iter() {
            count.store(0, Ordering::Relaxed);
        }
    }

    /// What it says.
    pub fn spread(&self) -> Spread {
        Self::spread_of(&[self])
    }

    /// What several of them say together.
    pub fn spread_of(tails: &[&Self]) -> Spread {
        let counts: Vec<u64> = (0..BUCKETS)
            .map(|at| {
                let one = |tail: &&Self| tail.0.get(at).map_or(0, |n| n.load(Ordering::Relaxed));
                tails.iter().map(one).sum()
            })
            .collect();
        let count: u64 = counts.iter().sum();
        if count == 0 {
            return Spread::default();
        }
        let value = |thousandths: u64| Duration::from_micros(quantile(&counts, count, thousandths));
        Spread {
            count,
            mean: mean(&counts, count),
            p50: value(500),
            p95: value(950),
            p99: value(990),
            p999: value(999),
            max: value(1000),
        }
    }
}

/// The bucket of a value. Up to 63 each value has its own; beyond, the five
/// bits below the highest one say which part of its doubling it is in.
const fn bucket(micros: u64) -> usize {
    let bits = u64::BITS - micros.leading_zeros();
    let shift = bits.saturating_sub(PARTS + 1);
    ((shift << PARTS) as u64 + (micros >> shift)) as usize
}

/// The smallest and the largest value of a bucket.
fn edges(at: usize) -> (u64, u64) {
    let at = at as u64;
    let shift = (at >> PARTS).saturating_sub(1);
    let low = (at - (shift << PARTS)) << shift;
    (low, low + (1 << shift) - 1)
}

/// The upper edge of the bucket in which the value of that rank lies.
fn quantile(counts: &[u64], count: u64, thousandths: u64) -> u64 {
    let wanted = u128::from(count) * u128::from(thousandths);
    let rank = u64::try_from(wanted.div_ceil(1000)).unwrap_or(count).max(1);
    let mut seen = 0;
    let reaches = |n: &u64| {
        seen += n;
        seen >= rank
    };
    counts.iter().position(reaches).map_or(0, |at| edges(at).1)
}

fn mean(counts: &[u64], count: u64) -> Duration {
    let middle = |at: usize| {
        let (low, high) = edges(at);
        u128::from(low + high) / 2
    };
    let each = counts.iter().enumerate().filter(|(_, n)| **n > 0);
    let sum: u128 = each.map(|(at, n)| middle(at) * u128::from(*n)).sum();
    let micros = u64::try_from(sum / u128::from(count)).unwrap_or(TOP);
    Duration::from_micros(micros)
}

impl Default for Tail {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Tail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.spread().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn micros(n: u64) -> Duration {
        Duration::from_micros(n)
    }

    #[test]
    fn buckets_have_no_gap_and_no_overlap() {
        let mut next = 0;
        for at in 0..BUCKETS {
            let (low, high) = edges(at);
            assert_eq!(low, next, "bucket {at}");
            assert_eq!((bucket(low), bucket(high)), (at, at));
            next = high + 1;
        }
        assert_eq!((next, BUCKETS), (TOP, 1024));
    }

    #[test]
    fn promise_3_the_ends_of_the_range_are_counted() {
        let tail = Tail::new();
        assert_eq!(tail.spread(), Spread::default());
        tail.record(Duration::ZERO);
        assert_eq!(tail.spread().max, Duration::ZERO);
        tail.record(Duration::MAX);
        let spread = tail.spread();
        assert_eq!((spread.count, spread.max), (2, micros(TOP - 1)));
        tail.clear();
        assert_eq!(tail.spread().count, 0);
    }

    #[test]
    fn promise_2_no_value_is_lost_between_threads() {
        let tail = Tail::new();
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let tail = &tail;
                threads.spawn(move || (0..10_000).for_each(|n| tail.record(micros(n * thread))));
            }
        });
        assert_eq!(tail.spread().count, 40_000);
    }

    #[test]
    fn several_are_read_as_one() {
        let (fast, slow) = (Tail::new(), Tail::new());
        (0..99).for_each(|_| fast.record(micros(10)));
        slow.record(micros(1000));
        let both = Tail::spread_of(&[&fast, &slow]);
        assert_eq!((both.count, both.p99), (100, micros(10)));
        assert!(both.max >= micros(1000) && both.max <= micros(1032));
    }

    proptest! {
        #[test]
        fn promise_1_quantiles_are_never_below_and_at_most_3_per_cent_above(
            mut values in prop::collection::vec((0..36_u32, any::<u64>()), 1..300),
        ) {
            let tail = Tail::new();
            let mut values: Vec<u64> = values
                .drain(..)
                .map(|(bits, noise)| (1_u64 << bits) + noise % (1 << bits))
                .collect();
            values.iter().for_each(|n| tail.record(micros(*n)));
            values.sort_unstable();
            let spread = tail.spread();
            let told = [spread.p50, spread.p95, spread.p99, spread.p999, spread.max];
            for (told, thousandths) in told.into_iter().zip([500, 950, 990, 999, 1000]) {
                let rank = (values.len() * thousandths).div_ceil(1000).max(1);
                let true_one = values[rank - 1];
                let told = u64::try_from(told.as_micros()).unwrap();
                prop_assert!(true_one <= told && told - true_one <= true_one / 32, "{true_one} told as {told}");
            }
            let sum: u128 = values.iter().map(|n| u128::from(*n)).sum();
            let mean = sum / values.len() as u128;
            let off = spread.mean.as_micros().abs_diff(mean);
            prop_assert!(off <= mean / 60 + 1, "mean {mean} told as {:?}", spread.mean);
        }
    }
}
