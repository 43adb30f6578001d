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

use super::admission::{Admission, Grant, Heard, Place};
use super::{Pool, Refusal};
use crate::clock::{Alarm, Instant};
use crate::tag::Tag;

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
    pub(super) fn new(pool: Pool, admission: Admission, now: Instant) -> Self {
        let stage = match admission {
            Admission::Granted => {
                let grant = Grant {
                    since: now,
                    waited: Duration::ZERO,
                    charged: None,
                };
                Stage::Ready(Ok(Permit::new(pool.clone(), grant)))
            }
            Admission::Refused(why) => Stage::Ready(Err(why)),
            Admission::Waiting(place) => Stage::Waiting(place),
        };
        let alarm = Alarm::new();
        Self { pool, stage, alarm }
    }

    /// About how many will be granted before this one, if nobody else comes;
    /// 0 when it does not wait. Exact while only one session waits.
    pub fn ahead(&self) -> usize {
        match self.stage {
            Stage::Waiting(place) => self.pool.0.state.lock().ahead(place),
            Stage::Ready(_) | Stage::Done => 0,
        }
    }

    /// Its number in [`Pool::line`], never another's; none when it does not
    /// wait.
    pub fn number(&self) -> Option<u64> {
        match self.stage {
            Stage::Waiting(place) => Some(place.number),
            Stage::Ready(_) | Stage::Done => None,
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
        loop {
            let now = this.pool.now();
            let heard = this
                .pool
                .change(|state, after| state.answer(place, now, cx.waker(), after));
            let look = match heard {
                Heard::Granted(grant) => {
                    return Poll::Ready(Ok(Permit::new(this.pool.clone(), grant)));
                }
                Heard::Refused(why) => return Poll::Ready(Err(why)),
                Heard::Nothing { look } => look,
            };
            if this.alarm.due() != Some(look) {
                this.alarm.set(look);
            }
            // When it rings, the state is asked again at a later moment.
            if this.alarm.poll_due(cx).is_pending() {
                this.stage = Stage::Waiting(place);
                return Poll::Pending;
            }
        }
    }
}

impl Drop for Acquire {
    fn drop(&mut self) {
        if let Stage::Waiting(place) = self.stage {
            let now = self.pool.now();
            self.pool
                .change(|state, after| state.leave(place, now, after));
        }
    }
}

/// The right to one place at a provider, until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped permit is free again"]
pub struct Permit {
    pool: Pool,
    since: Instant,
    waited: Duration,
    /// What its tenant was charged for, until it is settled.
    charged: Option<Box<Tag>>,
}

impl Permit {
    fn new(pool: Pool, grant: Grant) -> Self {
        Self {
            pool,
            since: grant.since,
            waited: grant.waited,
            charged: grant.charged,
        }
    }

    /// How long its owner waited for it.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    /// How long its owner has it.
    pub fn held(&self) -> Duration {
        self.pool.now().saturating_duration_since(self.since)
    }

    /// The true cost of the request in tokens, once: the difference to the
    /// estimate is charged to its tenant, or given back. Without it the
    /// estimate stays. A permit that nobody had to wait for was not charged,
    /// and is not settled: it took nothing from anybody.
    pub fn settle(&mut self, cost: u64) {
        if let Some(tag) = self.charged.take() {
            self.pool.0.state.lock().settle(&tag, cost);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let now = self.pool.now();
        let held = now.saturating_duration_since(self.since);
        self.pool
            .change(|state, after| state.give_back(now, held, after));
    }
}
