//! Asking for a permit, and the permit.
//!
//! 1. `Acquire` may be dropped at any await: it leaves the queue, and a grant
//!    that came in the meantime goes to the next.
//! 2. A `Permit` comes back when it is dropped, on every path.
//! 3. Without contention there is no timer and no allocation.
//!
//! Who is granted is decided in `admission`; here is the waiting.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::admission::{Admission, Place};
use crate::clock::Alarm;
use crate::pool::{Pool, Refusal};

/// A request for a permit; it gives one, or says why not.
#[derive(Debug)]
#[must_use = "dropping it leaves the queue"]
pub struct Acquire {
    pool: Pool,
    stage: Stage,
    alarm: Alarm,
}

#[derive(Debug)]
enum Stage {
    Ready(Result<Permit, Refusal>),
    Waiting(Place),
    Done,
}

impl Acquire {
    pub(crate) fn new(pool: Pool, admission: Admission) -> Self {
        let mut alarm = Alarm::new();
        let stage = match admission {
            Admission::Granted => Stage::Ready(Ok(Permit {
                pool: pool.clone(),
                waited: Duration::ZERO,
                settled: None,
            })),
            Admission::Refused(why) => Stage::Ready(Err(why)),
            Admission::Waiting(place) => {
                alarm.set(place.due);
                Stage::Waiting(place)
            }
        };
        Self { pool, stage, alarm }
    }

    /// How many will be granted before this one; 0 when it does not wait.
    pub fn ahead(&self) -> usize {
        match self.stage {
            Stage::Waiting(place) => self.pool.change(|state| (state.ahead(place), Vec::new())),
            Stage::Ready(_) | Stage::Done => 0,
        }
    }

    /// Whether the answer was known when it was asked for.
    pub fn is_ready(&self) -> bool {
        matches!(self.stage, Stage::Ready(_))
    }
}

impl Future for Acquire {
    type Output = Result<Permit, Refusal>;

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
        let now = this.pool.now();
        let answer = this
            .pool
            .change(|state| match state.answer(place, now, cx.waker()) {
                Some((answer, woken)) => (Some(answer), woken),
                None => (None, Vec::new()),
            });
        match answer {
            Some(Ok(waited)) => Poll::Ready(Ok(Permit {
                pool: this.pool.clone(),
                waited,
                settled: None,
            })),
            Some(Err(why)) => Poll::Ready(Err(why)),
            None => {
                this.stage = Stage::Waiting(place);
                Poll::Pending
            }
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Stage::Waiting(place) = self.stage {
            let now = self.pool.now();
            self.pool.change(|state| ((), state.leave(place, now)));
        }
    }
}

/// The right to one place at a provider, until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped permit is free again"]
pub struct Permit {
    pool: Pool,
    waited: Duration,
    /// The true cost, once it is known.
    settled: Option<u64>,
}

impl Permit {
    /// The true cost of the request in tokens. The first word counts; without
    /// one the estimate of its [`Ask`](crate::Ask) stays.
    pub fn settle(&mut self, cost: u64) {
        self.settled.get_or_insert(cost);
    }

    /// How long its owner waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.pool.now();
        self.pool.change(|state| ((), state.give_back(now)));
    }
}
