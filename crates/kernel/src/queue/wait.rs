//! Waiting for room in a queue, and for what is in it.
//!
//! 1. Both may be dropped at any await, and nothing that was in is lost.
//! 2. Who is woken for news and leaves passes it on.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::state::Entry;
use super::{Offered, Queue};
use crate::clock::{Alarm, Deadline};

/// One that is being put in.
#[must_use = "dropping it takes the item back"]
pub struct Submit<T> {
    queue: Queue<T>,
    stage: Stage<T>,
    alarm: Alarm,
}

enum Stage<T> {
    Known(Offered<T>),
    Waits(usize),
    Done,
}

impl<T> Submit<T> {
    pub(super) fn new(queue: Queue<T>, entry: Entry<T>, deadline: Deadline) -> Self {
        let mut alarm = Alarm::new();
        let stage = match entry {
            Entry::Known(offered) => Stage::Known(offered),
            Entry::Waits(key) => {
                alarm.set(deadline.instant());
                Stage::Waits(key)
            }
        };
        Self {
            queue,
            stage,
            alarm,
        }
    }

    /// Whether the answer was known when it was asked for.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Known(_))
    }
}

// Nothing in it is pinned; items are only moved.
impl<T> Unpin for Submit<T> {}

impl<T> Future for Submit<T> {
    type Output = Offered<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Offered<T>> {
        let this = &mut *self;
        let key = match std::mem::replace(&mut this.stage, Stage::Done) {
            Stage::Known(offered) => return Poll::Ready(offered),
            Stage::Waits(key) => key,
            Stage::Done => {
                debug_assert!(false, "polled after its answer");
                return Poll::Pending;
            }
        };
        let queue = &this.queue;
        let answer = queue.change(|state, after| state.answer(key, cx.waker(), after));
        if answer.is_ready() {
            return answer;
        }
        if this.alarm.poll_due(cx).is_ready() {
            return Poll::Ready(queue.change(|state, after| state.too_late(key, after)));
        }
        this.stage = Stage::Waits(key);
        Poll::Pending
    }
}

impl<T> Drop for Submit<T> {
    fn drop(&mut self) {
        if let Stage::Waits(key) = self.stage {
            // The item is dropped here, after the lock.
            drop(self.queue.change(|state, after| state.leave(key, after)));
        }
    }
}

impl<T> fmt::Debug for Submit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Submit").finish_non_exhaustive()
    }
}

/// The wait for the next one.
#[must_use = "futures do nothing unless polled"]
pub struct Take<T> {
    queue: Queue<T>,
    seat: Option<usize>,
}

impl<T> Take<T> {
    pub(super) fn new(queue: Queue<T>) -> Self {
        Self { queue, seat: None }
    }
}

impl<T> Future for Take<T> {
    type Output = Option<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let Self { queue, seat } = &mut *self;
        queue.change(|state, after| state.take(seat, cx.waker(), after))
    }
}

impl<T> Drop for Take<T> {
    fn drop(&mut self) {
        if let Some(key) = self.seat {
            self.queue
                .change(|state, after| state.leave_seat(key, after));
        }
    }
}

impl<T> fmt::Debug for Take<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Take").finish_non_exhaustive()
    }
}
