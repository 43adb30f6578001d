//! Chance from a seed, for jitter and choices.
//!
//! 1. One seed gives one row of numbers: a run with its seed can be repeated.
//! 2. Threads share one without a lock; each number is drawn once.
//!
//! Not for secrets: whoever sees a number can compute the next.

use crate::sync::atomic::{AtomicU64, Ordering};

/// The step of the counter: 2^64 divided by the golden ratio, odd.
const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

/// A source of numbers: the `SplitMix64` generator (Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014) on an atomic.
#[derive(Debug)]
pub struct Dice(AtomicU64);

impl Dice {
    /// The row of numbers of this seed.
    pub fn seeded(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number, even over all of `u64`.
    pub fn roll(&self) -> u64 {
        let before = self.0.fetch_add(STEP, Ordering::Relaxed);
        mix(before.wrapping_add(STEP))
    }

    /// The next number below `bound`; 0 for a bound of 0.
    pub fn below(&self, bound: u64) -> u64 {
        scale(self.roll(), bound)
    }
}

/// Brings `random`, even over all of `u64`, below `bound`.
pub(crate) fn scale(random: u64, bound: u64) -> u64 {
    let wide = u128::from(random) * u128::from(bound);
    u64::try_from(wide >> 64).unwrap_or(bound)
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}
