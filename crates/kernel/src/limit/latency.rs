//! How long calls take, and how long until they begin to answer.
//!
//! 1. Averages over calls, not over time: no call, no news.
//! 2. First tokens are compared with earlier ones of like prompts only, since
//!    a long prompt is late without any overload. Total time goes by the length
//!    of the answer, and is compared with a configured ceiling only.

use std::time::Duration;

/// Weight of the newest call in the average of response times: ten calls or so.
const NEWEST: f64 = 0.1;

/// Calls before an average counts: fewer are anecdotes (Netflix's `Gradient2`
/// warms up with as many).
const ENOUGH: u32 = 10;

/// The average response time against its ceiling.
#[derive(Debug, Default)]
pub(super) struct ResponseTime {
    seconds: f64,
    calls: u32,
    slow: bool,
}

impl ResponseTime {
    /// One more call. The average, if with this call it has become too slow.
    pub(super) fn note(&mut self, took: Duration, ceiling: Option<Duration>) -> Option<Duration> {
        self.calls = self.calls.saturating_add(1);
        let weight = NEWEST.max(1.0 / f64::from(self.calls));
        self.seconds += weight * (took.as_secs_f64() - self.seconds);
        let was = self.slow;
        self.slow = self.calls >= ENOUGH && ceiling.is_some_and(|most| self.average() > most);
        (self.slow && !was).then(|| self.average())
    }

    /// Whether it is too slow.
    pub(super) fn is_slow(&self) -> bool {
        self.slow
    }

    /// What calls take.
    pub(super) fn average(&self) -> Duration {
        Duration::try_from_secs_f64(self.seconds).unwrap_or(Duration::MAX)
    }
}

/// Late is more than so many times the usual (`Gradient2`: 1.5).
const TOLERATED: f64 = 1.5;

/// Weight of the newest call in what is now (`Gradient2`: 0.2).
const NOW: f64 = 0.2;

/// Weight of the newest call in what is usual. `Gradient2` looks at 600 calls;
/// here each size of prompt has a row of its own, which fills more slowly.
const USUAL: f64 = 0.01;

/// Below this part of the usual, what was usual was the overload: forget faster.
const RELIEF: f64 = 0.5;

/// Prompts of like size: below 256 tokens, then by doubling, and from 16 Ki on.
const SIZES: usize = 8;
const SMALLEST: u64 = 256;

/// First tokens, each in relation to what is usual for its size of prompt.
#[derive(Debug, Default)]
pub(super) struct FirstToken {
    usual: [Usual; SIZES],
    above: f64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Usual {
    seconds: f64,
    calls: u32,
}

impl FirstToken {
    /// One more call. How late first tokens are now, in times the usual, if
    /// that is too late.
    pub(super) fn note(&mut self, took: Duration, input_tokens: u64) -> Option<f64> {
        let doublings = (input_tokens / SMALLEST).checked_ilog2();
        let size = doublings.map_or(0, |n| n as usize + 1).min(SIZES - 1);
        let times = self.usual[size].note(took.as_secs_f64());
        self.above += NOW * (times - 1.0 - self.above);
        let now = self.above + 1.0;
        (now > TOLERATED).then_some(now)
    }
}

impl Usual {
    /// One more call; how many times the usual it took.
    fn note(&mut self, seconds: f64) -> f64 {
        let known = self.calls >= ENOUGH && self.seconds > 0.0;
        let times = if known { seconds / self.seconds } else { 1.0 };
        self.calls = self.calls.saturating_add(1);
        let weight = if times < RELIEF { NEWEST } else { USUAL };
        let weight = weight.max(1.0 / f64::from(self.calls));
        self.seconds += weight * (seconds - self.seconds);
        times
    }
}
