//! Many who wait for the same news, again and again.
//!
//! 1. A ring reaches everybody whose waker is there; who was rung keeps the
//!    seat and waits anew, so that a key stays valid from `sit` to `leave`.
//! 2. No waker is woken or dropped in here: who is to be woken, or let go of, is
//!    handed out, for the time after the lock.
//!
//! A plain value; the noun that owns it has the lock and bounds the seats.

use std::task::Waker;

use crate::slots::Slots;

#[derive(Debug, Default)]
pub(crate) struct Bell {
    seats: Slots<Option<Waker>>,
    /// Seats with a waker; without one a ring costs nothing.
    asleep: usize,
}

impl Bell {
    /// Takes a seat.
    pub(crate) fn sit(&mut self) -> usize {
        self.seats.insert(None)
    }

    /// The next ring wakes `waker`. The one that was there before is given
    /// back, to be dropped after the lock.
    #[must_use = "a waker is dropped after the lock"]
    pub(crate) fn wait(&mut self, seat: usize, waker: &Waker) -> Option<Waker> {
        let place = self.seats.get_mut(seat)?;
        if place.as_ref().is_some_and(|known| known.will_wake(waker)) {
            return None;
        }
        let before = place.replace(waker.clone());
        self.asleep += usize::from(before.is_none());
        before
    }

    /// Gives the seat up, and its waker back.
    #[must_use = "a waker is dropped after the lock"]
    pub(crate) fn leave(&mut self, seat: usize) -> Option<Waker> {
        let waker = self.seats.remove(seat).flatten();
        self.asleep -= usize::from(waker.is_some());
        waker
    }

    /// Adds everybody who waits to `woken`, to be woken after the lock.
    pub(crate) fn ring(&mut self, woken: &mut Vec<Waker>) {
        if self.asleep > 0 {
            self.asleep = 0;
            woken.extend(self.seats.iter_mut().filter_map(Option::take));
        }
    }

    /// How many have a seat.
    pub(crate) fn len(&self) -> usize {
        self.seats.len()
    }
}
