//! How fast permits are granted and come back just now: an honest
//! `retry-after`, and how long a wait will be.
//!
//! 1. A sliding window of ten seconds in two numbers, no history.
//! 2. The advice is between one second and one minute, whatever was measured.
//! 3. A wait is foretold only from enough permits that came back, and by the
//!    faster of both measures: few grants may only mean that few asked.

use std::time::Duration;

use crate::clock::Instant;

const WINDOW: Duration = Duration::from_secs(10);
const LEAST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(60);

/// Permits that must have come back before a wait is foretold.
const ENOUGH: u32 = 16;

/// Grants in the current window and in the one before it.
#[derive(Debug)]
pub(super) struct Pace {
    begun: Instant,
    current: u32,
    /// Nothing before the first window: then only the current one counts.
    previous: Option<u32>,
    /// Permits that came back, up to `ENOUGH`.
    back: u32,
    /// For how long they were held, on the average of the last ones.
    held: Duration,
}

impl Pace {
    /// Nothing measured yet.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            begun: now,
            current: 0,
            previous: None,
            back: 0,
            held: Duration::ZERO,
        }
    }

    /// A permit was granted.
    pub(super) fn mark(&mut self, now: Instant) {
        self.roll(now);
        self.current = self.current.saturating_add(1);
    }

    /// A permit came back after so long.
    pub(super) fn held(&mut self, held: Duration) {
        self.back = (self.back + 1).min(ENOUGH);
        // A running mean, and from `ENOUGH` on one that forgets.
        self.held = (self.held * (self.back - 1) + held) / self.back;
    }

    /// How long until somebody with so many before him gets one of `size`
    /// permits; `None` while too little is known.
    pub(super) fn wait(&mut self, now: Instant, ahead: usize, size: usize) -> Option<Duration> {
        if self.back < ENOUGH || size == 0 {
            return None;
        }
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        let by_work = times(ahead) * self.held.as_secs_f64() / f64::from(size);
        let wait = by_work.min(self.by_grants(now, ahead));
        Duration::try_from_secs_f64(wait).ok()
    }

    /// When somebody with so many before him should come back.
    pub(super) fn retry_after(&mut self, now: Instant, ahead: usize) -> Duration {
        let wait = self.by_grants(now, ahead);
        Duration::from_secs_f64(wait.clamp(LEAST.as_secs_f64(), MOST.as_secs_f64()))
    }

    /// Seconds until the grant after so many others; infinite without grants.
    fn by_grants(&mut self, now: Instant, ahead: usize) -> f64 {
        self.roll(now);
        let into = now.saturating_duration_since(self.begun);
        let (grants, seconds) = match self.previous {
            Some(previous) => {
                let left = 1.0 - into.as_secs_f64() / WINDOW.as_secs_f64();
                (
                    f64::from(previous) * left + f64::from(self.current),
                    WINDOW.as_secs_f64(),
                )
            }
            None => (f64::from(self.current), into.max(LEAST).as_secs_f64()),
        };
        times(ahead) * seconds / grants
    }

    fn roll(&mut self, now: Instant) {
        let into = now.saturating_duration_since(self.begun);
        if into < WINDOW {
            return;
        }
        let just_before = into < WINDOW * 2;
        self.previous = Some(if just_before { self.current } else { 0 });
        self.current = 0;
        self.begun = if just_before {
            self.begun + WINDOW
        } else {
            now
        };
    }
}

/// The own grant and those before it.
fn times(ahead: usize) -> f64 {
    f64::from(u32::try_from(ahead).unwrap_or(u32::MAX)) + 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    const SECOND: Duration = Duration::from_secs(1);

    fn after(pace: &mut Pace, now: Instant, ahead: usize) -> f64 {
        pace.retry_after(now, ahead).as_secs_f64()
    }

    #[test]
    fn the_first_window_counts_what_it_has_seen_so_far() {
        let start = Clock.now();
        let mut pace = Pace::new(start);
        assert_eq!(after(&mut pace, start, 0), 60.0, "nothing was granted yet");
        (0..20).for_each(|_| pace.mark(start + SECOND));
        // 20 in two seconds, then 29 before and the one itself.
        assert_eq!(after(&mut pace, start + 2 * SECOND, 29), 3.0);
        assert_eq!(
            after(&mut pace, start + 2 * SECOND, 0),
            1.0,
            "never less than a second"
        );
    }

    #[test]
    fn the_window_slides_and_forgets() {
        let start = Clock.now();
        let mut pace = Pace::new(start);
        (0..100).for_each(|n| pace.mark(start + SECOND / 10 * n));
        // Half a window later half of them count: five a second.
        assert_eq!(after(&mut pace, start + 15 * SECOND, 24), 5.0);
        let mut hangs = Pace::new(start);
        (0..100).for_each(|_| hangs.mark(start));
        assert_eq!(
            after(&mut hangs, start + 25 * SECOND, 0),
            60.0,
            "two windows ago is long ago"
        );
    }
}
