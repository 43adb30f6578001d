//! What the upstream says it would still take (`x-ratelimit-remaining-requests`).
//!
//! 1. Until its reset, a number told bounds what is in flight: never more than
//!    what was, and so many.
//! 2. Told again and again, the least of a window says whether there is room,
//!    whatever is on its way just then.
//!
//! A number that goes beyond our own maximum bounds nothing and says nothing.

use std::time::Duration;

use super::signal::pause;
use crate::clock::Instant;

#[derive(Debug, Default)]
pub(super) struct Hints {
    bound: Option<Bound>,
    window: Option<Window>,
}

/// So many at once, until then.
#[derive(Clone, Copy, Debug)]
struct Bound {
    permits: usize,
    until: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Window {
    least: Room,
    ends: Instant,
}

/// Room at the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    /// So many more than there were.
    pub(super) free: usize,
    /// So many in all.
    pub(super) permits: usize,
}

impl Hints {
    /// An answer said so. With the first of a new window: the least of the last.
    pub(super) fn note(
        &mut self,
        room: Room,
        reset: Option<Duration>,
        window: Duration,
        now: Instant,
    ) -> Option<Room> {
        let Room { permits, .. } = room;
        self.bound = reset.map(|reset| Bound {
            permits,
            until: now + pause(Some(reset)),
        });
        let fresh = Window {
            least: room,
            ends: now + window,
        };
        let known = self.window.get_or_insert(fresh);
        if known.ends <= now {
            return Some(std::mem::replace(known, fresh).least);
        }
        known.least.free = known.least.free.min(room.free);
        known.least.permits = known.least.permits.min(permits);
        None
    }

    /// Forgets what is over.
    pub(super) fn pass(&mut self, window: Duration, now: Instant) {
        if self.bound.is_some_and(|bound| bound.until <= now) {
            self.bound = None;
        }
        if self.window.is_some_and(|known| known.ends + window <= now) {
            self.window = None;
        }
    }

    /// At most so many, of `limit`. One is always worth a try.
    pub(super) fn bound(&self, limit: usize) -> usize {
        self.bound
            .map_or(limit, |bound| limit.min(bound.permits.max(1)))
    }

    /// When the bound is over.
    pub(super) fn due(&self) -> Option<Instant> {
        self.bound.map(|bound| bound.until)
    }

    /// Whether answers say how much is free.
    pub(super) fn speak(&self) -> bool {
        self.window.is_some()
    }
}
