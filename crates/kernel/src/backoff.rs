//! How long to wait before the next attempt.
//!
//! 1. A delay lies between `min` and the doubled `base`, even over that range
//!    (full jitter), and never above `cap`.
//! 2. A wait is never longer than a minute, and leaves time for the attempt.
//! 3. An upstream cannot take a key out for more than five minutes.
//!
//! It does not sleep and draws no numbers: the caller has the clock and the
//! dice. Whether a retry is allowed at all is the budget's to say.

use std::time::Duration;

use crate::dice::scale;

/// The longest `retry-after` that is waited out; beyond it another target is
/// the better answer (failures.md row 1).
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// The longest pause of a key that an upstream can ask for (row 34).
pub const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A growing delay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// No delay is shorter.
    pub min: Duration,
    /// The longest delay before the first retry; it doubles with each.
    pub base: Duration,
    /// No delay is longer.
    pub cap: Duration,
}

/// What to do about a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wait {
    /// Nothing to wait for.
    Now,
    /// Wait so long, then try again.
    After(Duration),
    /// Too long, or no time would be left: another target, or the end.
    GiveUp,
}

impl Default for Backoff {
    /// 200 ms, 500 ms, 8 s: what the official SDKs do, with a floor.
    fn default() -> Self {
        Self {
            min: Duration::from_millis(200),
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
        }
    }
}

impl Backoff {
    /// The delay before retry `attempt`, counted from 0, for a number that is
    /// even over all of `u64` (see [`Dice::roll`](crate::Dice::roll)).
    pub fn delay(&self, attempt: u32, random: u64) -> Duration {
        let doubled = 2_u32.checked_pow(attempt).unwrap_or(u32::MAX);
        let longest = self.base.saturating_mul(doubled).min(self.cap);
        let min = self.min.min(self.cap);
        let range = micros(longest.saturating_sub(min));
        min + Duration::from_micros(scale(random, range.saturating_add(1)))
    }
}

/// Whether to wait `wait` (an upstream's `retry-after`, or a delay) when
/// `remaining` is left of the request's time. A wait that uses up all that is
/// left would leave none for the attempt, so it is no wait.
pub fn wait_for(wait: Duration, remaining: Duration) -> Wait {
    if wait >= remaining || wait > LONGEST_WAIT {
        Wait::GiveUp
    } else if wait.is_zero() {
        Wait::Now
    } else {
        Wait::After(wait)
    }
}

/// How long a key rests when its upstream asks for `retry_after`.
pub fn pause_for(retry_after: Duration) -> Duration {
    retry_after.min(LONGEST_PAUSE)
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn promise_1_the_range_doubles_up_to_the_cap() {
        let backoff = Backoff::default();
        let range = |attempt| (backoff.delay(attempt, 0), backoff.delay(attempt, u64::MAX));
        assert_eq!(range(0), (200 * MS, 500 * MS));
        assert_eq!(range(1), (200 * MS, 1000 * MS));
        assert_eq!(range(4), (200 * MS, 8000 * MS));
        assert_eq!(range(5), (200 * MS, 8000 * MS));
        assert_eq!(range(u32::MAX), (200 * MS, 8000 * MS));
        assert_eq!(backoff.delay(0, u64::MAX / 2), 350 * MS);
    }

    proptest! {
        #[test]
        fn promise_1_a_delay_stays_within_its_bounds(
            min in 0..20_000_u64, base in 0..20_000_u64, cap in 0..20_000_u64,
            attempt: u32, random: u64,
        ) {
            let [min, base, cap] = [min, base, cap].map(Duration::from_millis);
            let delay = Backoff { min, base, cap }.delay(attempt, random);
            prop_assert!(delay <= cap && delay >= min.min(cap));
        }
    }

    #[test]
    fn failures_row_1_a_retry_after_is_waited_out_only_within_its_bounds() {
        let long = 600 * SECOND;
        assert_eq!(wait_for(Duration::ZERO, long), Wait::Now);
        assert_eq!(wait_for(SECOND, long), Wait::After(SECOND));
        assert_eq!(wait_for(60 * SECOND, long), Wait::After(60 * SECOND));
        assert_eq!(wait_for(60 * SECOND + MS, long), Wait::GiveUp);
        assert_eq!(wait_for(5 * SECOND, 5 * SECOND), Wait::GiveUp);
        assert_eq!(
            wait_for(5 * SECOND - MS, 5 * SECOND),
            Wait::After(4999 * MS)
        );
        assert_eq!(wait_for(Duration::ZERO, Duration::ZERO), Wait::GiveUp);
    }

    #[test]
    fn failures_row_34_an_absurd_retry_after_is_capped() {
        assert_eq!(pause_for(Duration::MAX), 300 * SECOND);
        assert_eq!(pause_for(20 * SECOND), 20 * SECOND);
        assert_eq!(wait_for(Duration::MAX, Duration::MAX), Wait::GiveUp);
    }
}
