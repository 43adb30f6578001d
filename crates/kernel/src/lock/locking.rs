//! Asking for a key of a lane or share, and having it.
//!
//! 1. [`Locking`] may be dropped at any await: it leaves the line at once, and
//!    a grant that came in the meantime goes on to the next.
//! 2. A [`Hold`] lets go when it is dropped, on every path, a panic included
//!    (R-P40).
//! 3. Without contention there is no timer and no task.
//!
//! Who gets in is decided in `line`; here is the waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::clock::Alarm;
use crate::lock::line::{Key, Mode};
use crate::lock::lines::{Admission, Granted, Place};
use crate::lock::{Lock, LockRefusal};
use crate::order::Holding;

/// A request for a key; it gives a [`Hold`], or says why not.
///
/// Drop it, or poll it to its end, before the same task waits for the same
/// key again: one that nobody polls still has its place, and those behind it wait.
#[derive(Debug)]
#[must_use = "dropping it leaves the line"]
pub struct Locking<K: Key, M: Mode> {
    lock: Lock<K, M>,
    stage: Stage<K, M>,
    alarm: Alarm,
}

#[derive(Debug)]
enum Stage<K: Key, M: Mode> {
    Ready(Result<Hold<K, M>, LockRefusal>),
    Waiting(Place),
    Done,
}

impl<K: Key, M: Mode> Unpin for Locking<K, M> {}

impl<K: Key, M: Mode> Locking<K, M> {
    pub(crate) fn new(lock: Lock<K, M>, admission: Admission) -> Self {
        let mut alarm = Alarm::new();
        let stage = match admission {
            Admission::Granted(granted) => Stage::Ready(Ok(Hold::new(&lock, granted))),
            Admission::Refused(why) => Stage::Ready(Err(why)),
            Admission::Waiting(place) => {
                alarm.set(place.due);
                Stage::Waiting(place)
            }
        };
        Self { lock, stage, alarm }
    }

    /// How many wait in front of it; 0 when it does not wait any more.
    pub fn ahead(&self) -> usize {
        match self.stage {
            Stage::Waiting(place) => self.lock.change(|lines, _| lines.ahead(place)),
            Stage::Ready(_) | Stage::Done => 0,
        }
    }

    /// Whether the answer was known when it was asked for.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }
}

impl<K: Key, M: Mode> Future for Locking<K, M> {
    type Output = Result<Hold<K, M>, LockRefusal>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let place = match std::mem::replace(&mut this.stage, Stage::Done) {
            Stage::Ready(answer) => return Poll::Ready(answer),
            Stage::Waiting(place) => place,
            Stage::Done => {
                debug_assert!(false, "polled after its answer");
                return Poll::Pending;
            }
        };
        // The alarm first: then its ring and the answer are of one moment.
        let _ = this.alarm.poll_due(cx);
        let now = this.lock.now();
        let waker = cx.waker();
        let answer = this
            .lock
            .change(|lines, after| lines.answer(place, now, waker, after));
        match answer {
            Some(answer) => Poll::Ready(answer.map(|granted| Hold::new(&this.lock, granted))),
            None => {
                this.stage = Stage::Waiting(place);
                Poll::Pending
            }
        }
    }
}

impl<K: Key, M: Mode> Drop for Locking<K, M> {
    fn drop(&mut self) {
        if let Stage::Waiting(place) = self.stage {
            let now = || self.lock.now();
            self.lock
                .change(|lines, after| lines.leave(place, now, after));
        }
    }
}

/// The right to a key, until it is dropped.
#[derive(Debug)]
#[must_use = "dropped, the key goes to the next"]
pub struct Hold<K: Key, M: Mode> {
    lock: Lock<K, M>,
    line: usize,
    holding: Option<Holding>,
    waited: Duration,
}

impl<K: Key, M: Mode> Hold<K, M> {
    fn new(lock: &Lock<K, M>, granted: Granted) -> Self {
        let Granted {
            line,
            holding,
            waited,
        } = granted;
        Self {
            lock: lock.clone(),
            line,
            holding,
            waited,
        }
    }

    /// How long its owner waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl<K: Key, M: Mode> Drop for Hold<K, M> {
    fn drop(&mut self) {
        let (line, holding) = (self.line, self.holding.take());
        let now = || self.lock.now();
        self.lock
            .change(|lines, after| lines.exit(line, holding, now, after));
    }
}
