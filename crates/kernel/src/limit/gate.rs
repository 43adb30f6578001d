//! What stands before a limit for a while: nothing begins, then not all at once.
//!
//! 1. While it is closed nothing begins; what is out goes on.
//! 2. Then it opens evenly over one window, so that those who waited do not
//!    run into the upstream in one moment, and a new no costs few calls.

use std::time::Duration;

use crate::clock::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    /// Nothing begins before then.
    Closed(Instant),
    /// It opens since then, for one more than `from` at first; `room` by now.
    Opening {
        since: Instant,
        from: usize,
        room: usize,
    },
}

impl Gate {
    /// Closes it, or leaves it closed for longer.
    pub(super) fn close(&mut self, until: Instant) {
        let until = match *self {
            Self::Closed(known) => known.max(until),
            Self::Open | Self::Opening { .. } => until,
        };
        *self = Self::Closed(until);
    }

    /// What it is by now, with so many out, before so many permits.
    pub(super) fn pass(&mut self, busy: usize, limit: f64, window: Duration, now: Instant) {
        if let Self::Closed(until) = *self
            && until <= now
        {
            *self = Self::Opening {
                since: until,
                from: busy.saturating_add(1),
                room: 0,
            };
        }
        if let Self::Opening { since, from, room } = self {
            let passed = now.saturating_duration_since(*since);
            if passed >= window {
                *self = Self::Open;
            } else {
                let opened = limit * passed.as_secs_f64() / window.as_secs_f64();
                *room = from.saturating_add(opened as usize);
            }
        }
    }

    /// How many of `size` permits it lets be out, with so many that are.
    pub(super) fn room(&self, busy: usize, size: usize) -> usize {
        match *self {
            Self::Open => size,
            Self::Closed(_) => size.min(busy),
            Self::Opening { room, .. } => size.min(room),
        }
    }

    /// When it lets one more through.
    pub(super) fn due(&self, limit: f64, window: Duration) -> Option<Instant> {
        match *self {
            Self::Open => None,
            Self::Closed(until) => Some(until),
            Self::Opening { since, from, room } => {
                let next = (room.saturating_sub(from) + 1) as f64 / limit;
                // A little later, so that rounding cannot make it too early.
                let wait = window.mul_f64(next.min(1.0)) + Duration::from_micros(1);
                Some(since + wait.min(window))
            }
        }
    }
}
