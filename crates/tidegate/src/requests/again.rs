//! When a watch that was lost is tried again, and when no more.
//!
//! Promises: 1. only a watch that was there is tried again: a wrong address is
//! told at once; 2. the pauses grow, from half a second up to [`LONGEST`];
//! 3. after [`MOST`] without a watch that held, it is given up.

use std::time::Duration;

use tidegate_kernel::{Backoff, Dice, Instant};

/// How long a server may be away.
pub(super) const MOST: Duration = Duration::from_secs(60);
/// The longest pause; a watch that lasts longer has held.
const LONGEST: Duration = Duration::from_secs(5);

/// What is known of the watches so far.
#[derive(Debug)]
pub(super) struct Again {
    dice: Dice,
    /// When the last one began.
    opened: Option<Instant>,
    /// When the last one that held was lost, and the tries since.
    lost: Option<(Instant, u32)>,
}

impl Again {
    pub(super) fn new(dice: Dice) -> Self {
        Self {
            dice,
            opened: None,
            lost: None,
        }
    }

    /// A watch begins.
    pub(super) fn opened(&mut self, now: Instant) {
        self.opened = Some(now);
    }

    /// Whether a watch was lost and none has held since.
    pub(super) fn is_lost(&self) -> bool {
        self.lost.is_some()
    }

    /// A watch, or the try at one, has failed; how long to wait for the next,
    /// `None` for no more.
    pub(super) fn pause(&mut self, now: Instant) -> Option<Duration> {
        let began = self.opened.take();
        let held = began.is_some_and(|began| now.saturating_duration_since(began) > LONGEST);
        let (since, tries) = match (self.lost, began) {
            // Nobody was there yet.
            (None, None) => return None,
            (Some(lost), _) if !held => lost,
            _ => (now, 0),
        };
        self.lost = Some((since, tries.saturating_add(1)));
        let away = now.saturating_duration_since(since);
        let backoff = Backoff {
            cap: LONGEST,
            ..Backoff::default()
        };
        (away < MOST).then(|| backoff.delay(tries, self.dice.roll()))
    }
}

#[cfg(test)]
mod tests {
    use tidegate_kernel::Clock;

    use super::*;

    fn again() -> (Again, Instant) {
        (Again::new(Dice::seeded(7)), Clock.now())
    }

    #[test]
    fn who_was_never_there_is_not_waited_for() {
        let (mut again, now) = again();
        assert_eq!(again.pause(now), None);
    }

    #[test]
    fn a_server_that_stays_away_is_given_up_after_a_minute() {
        let (mut again, mut now) = again();
        again.opened(now);
        let (lost, mut pauses) = (now, Vec::new());
        while let Some(pause) = again.pause(now) {
            pauses.push(pause);
            now += pause;
        }
        assert!(now >= lost + MOST && now <= lost + MOST + LONGEST);
        assert!(pauses[0] <= Duration::from_secs(1), "{pauses:?}");
        assert!(pauses.iter().all(|pause| *pause <= LONGEST), "{pauses:?}");
        assert!(pauses.len() < 60, "they grow: {pauses:?}");
    }

    #[test]
    fn a_watch_that_does_not_hold_is_not_one_that_is_back() {
        let (mut again, mut now) = again();
        let lost = now;
        again.opened(now);
        while let Some(pause) = again.pause(now) {
            now += pause;
            again.opened(now);
            now += Duration::from_millis(10);
        }
        assert!(now >= lost + MOST, "it flaps, and is given up all the same");
        assert!(again.is_lost());
    }

    #[test]
    fn a_watch_that_held_begins_anew() {
        let (mut again, mut now) = again();
        for _ in 0..3 {
            again.opened(now);
            now += MOST;
            let pause = again.pause(now).expect("it was there");
            assert!(pause <= Duration::from_secs(1), "{pause:?}");
        }
    }
}
