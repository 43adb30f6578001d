//! What a step under a lock leaves to be done after it.
//!
//! 1. Wakers are woken, and dropped, only after the lock: neither is our code.
//! 2. Waking nobody or one, and dropping one, allocates nothing.

use std::task::Waker;

/// Wakers on their way out of a lock.
#[derive(Debug, Default)]
#[must_use = "who is not woken sleeps on"]
pub(crate) struct After {
    first: Option<Waker>,
    more: Vec<Waker>,
    let_go: Option<Waker>,
    others: Vec<Waker>,
}

impl After {
    /// This one is to be woken.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        if self.first.is_none() {
            self.first = waker;
        } else {
            self.more.extend(waker);
        }
    }

    /// This one is not needed any more.
    pub(crate) fn let_go(&mut self, waker: Option<Waker>) {
        if self.let_go.is_none() {
            self.let_go = waker;
        } else {
            self.others.extend(waker);
        }
    }

    /// `place` holds `waker` from here on.
    pub(crate) fn keep(&mut self, place: &mut Option<Waker>, waker: &Waker) {
        let known = place.as_ref().is_some_and(|known| known.will_wake(waker));
        if !known {
            let before = place.replace(waker.clone());
            self.let_go(before);
        }
    }

    /// The lock is free.
    pub(crate) fn run(self) {
        let all = self.first.into_iter().chain(self.more);
        all.for_each(Waker::wake);
    }
}
