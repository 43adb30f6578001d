//! A reader of a relay: a cursor and a place to be woken.
//!
//! 1. What it is told is in order: each event once, a gap where some are gone,
//!    the end last, and nothing after it.
//! 2. Dropping it leaves nothing behind, also while it waits.
//!
//! The promises of the whole stand in `relay`.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::relay::{End, Next, Shared};
use crate::ring::Found;
use crate::sync::Arc;
use crate::sync::atomic::Ordering;

/// From where a subscriber reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The first event there ever was.
    Start,
    /// Only what is published from now on.
    Now,
    /// The one after this number, which was seen last; 0 is `Start`.
    After(u64),
}

/// Why there is no subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeRefused {
    /// As many listen as may.
    #[error("{limit} subscribers listen, and no more may")]
    TooMany {
        /// How many may.
        limit: usize,
    },
    /// The number was never given: it is of another stream.
    #[error("the stream has no such number; its last is {last}")]
    Unknown {
        /// The last number that was given.
        last: u64,
    },
    /// There is one required subscriber already.
    #[error("there is a required subscriber already")]
    RequiredTaken,
}

/// What a subscriber is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relayed<E> {
    /// The event under this number.
    Event {
        /// One more than that of the event before.
        number: u64,
        /// Shared with the other subscribers.
        event: Arc<E>,
    },
    /// Some events are not kept any more.
    Gap {
        /// The number of the first that is missed.
        first: u64,
        /// How many are missed; what comes next follows them.
        missed: u64,
    },
    /// The stream has ended; nothing follows.
    End {
        /// One more than that of the last event.
        number: u64,
        /// How.
        end: End,
    },
}

/// One who reads a relay. Reading is its own affair: it delays nobody.
#[derive(Debug)]
pub struct Subscriber<E> {
    shared: Arc<Shared<E>>,
    seat: usize,
    /// The number to be read next.
    next: u64,
    required: bool,
    ended: bool,
}

impl<E> Subscriber<E> {
    pub(crate) fn new(shared: Arc<Shared<E>>, seat: usize, next: u64, required: bool) -> Self {
        let subscribers = &shared.totals.subscribers;
        subscribers.fetch_add(1, Ordering::Relaxed);
        Self {
            shared,
            seat,
            next,
            required,
            ended: false,
        }
    }

    /// The next thing to know; `None` after the end. Cancel safe.
    pub async fn next(&mut self) -> Option<Relayed<E>> {
        poll_fn(|cx| self.poll_relayed(cx)).await
    }

    /// The number of the last that it was told of, or passed over.
    pub fn seen(&self) -> u64 {
        self.next - 1
    }

    /// Goes on with what is published from now on; what it passes over counts
    /// as missed. For who learns the state of things in another way, and would
    /// only be held up by how it came about.
    pub fn skip(&mut self) {
        let required = self.required;
        let next = self.shared.change(|state, woken| {
            let next = state.next();
            if required {
                state.step(next, woken);
            }
            next
        });
        // Behind the end nothing is left to pass over.
        let missed = next.saturating_sub(self.next);
        self.next += missed;
        let totals = &self.shared.totals;
        totals.missed.fetch_add(missed, Ordering::Relaxed);
    }

    /// The same as `next`, for who is polled.
    pub fn poll_relayed(&mut self, cx: &Context<'_>) -> Poll<Option<Relayed<E>>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let (seat, number) = (self.seat, self.next);
        let mut before = None;
        let found = self.shared.change(|state, woken| {
            let found = state.look(number);
            match &found {
                Next::Found(Found::NotYet) => before = state.wait(seat, cx.waker()),
                Next::Found(Found::Event(_)) if self.required => state.step(number + 1, woken),
                Next::Found(Found::Gone(n)) if self.required => state.step(number + n, woken),
                Next::Found(_) | Next::End(_) => {}
            }
            found
        });
        drop(before);
        let totals = &self.shared.totals;
        Poll::Ready(Some(match found {
            Next::Found(Found::NotYet) => return Poll::Pending,
            Next::Found(Found::Event(event)) => {
                totals.delivered.fetch_add(1, Ordering::Relaxed);
                self.next += 1;
                Relayed::Event { number, event }
            }
            Next::Found(Found::Gone(missed)) => {
                totals.missed.fetch_add(missed, Ordering::Relaxed);
                self.next += missed;
                let first = number;
                Relayed::Gap { first, missed }
            }
            Next::End(end) => {
                self.ended = true;
                Relayed::End { number, end }
            }
        }))
    }
}

impl<E> Stream for Subscriber<E> {
    type Item = Relayed<E>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Relayed<E>>> {
        self.poll_relayed(cx)
    }
}

impl<E> Drop for Subscriber<E> {
    fn drop(&mut self) {
        let subscribers = &self.shared.totals.subscribers;
        subscribers.fetch_sub(1, Ordering::Relaxed);
        let (seat, required) = (self.seat, self.required);
        self.shared
            .change(|state, woken| state.leave(seat, required, woken));
    }
}
