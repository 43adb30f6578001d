//! One worker: it takes jobs and runs them, one after the other.
//!
//! 1. It goes when there are too many, when it was idle for long enough and is
//!    not needed, when the queue has ended, or when its scope is cancelled.
//! 2. With the last one that goes against its will, or could not be started,
//!    goes what is queued, so that no owner waits for ever; with a cancelled
//!    scope the queue itself.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use super::crew::Crew;
use super::job::Work;
use crate::clock::{Alarm, Clock};
use crate::queue::{Take, Taken};
use crate::scope::Cancelled;
use crate::sync::Arc;
use crate::task::caught;

/// How soon one who may not rest yet asks again, whatever its patience.
const AGAIN: Duration = Duration::from_millis(1);

pub(crate) struct Worker {
    crew: Arc<Crew>,
    /// Its seat among the idle ones.
    seat: Option<usize>,
    busy: bool,
    left: bool,
}

impl Worker {
    pub(super) fn new(crew: Arc<Crew>) -> Self {
        Self {
            crew,
            seat: None,
            busy: false,
            left: false,
        }
    }

    /// Works until it goes.
    pub(crate) async fn run(mut self, mut cancelled: Cancelled) {
        while let Some(job) = self.next(&mut cancelled).await {
            self.busy = true;
            self.crew.busy(true);
            // A panic in a drop of the work is caught here, not in the job.
            drop(caught(until(&mut cancelled, job)).await);
            self.busy = false;
            self.crew.busy(false);
        }
    }

    /// The next job; `None` when it is to go.
    async fn next(&mut self, cancelled: &mut Cancelled) -> Option<Work> {
        let patience = self.crew.patience();
        let mut take = self.crew.queue.take();
        let mut alarm = Alarm::new();
        alarm.set(Clock.after(patience));
        poll_fn(|cx| self.poll_next(&mut take, &mut alarm, patience, cancelled, cx)).await
    }

    fn poll_next(
        &mut self,
        take: &mut Take<Work>,
        alarm: &mut Alarm,
        patience: Duration,
        cancelled: &mut Cancelled,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Work>> {
        if Pin::new(cancelled).poll(cx).is_ready() {
            return Poll::Ready(None);
        }
        if !self.crew.stays(&mut self.seat, cx.waker()) {
            self.left = true;
        } else if let Poll::Ready(job) = Pin::new(take).poll(cx) {
            self.crew.rises(&mut self.seat);
            return Poll::Ready(job);
        } else if alarm.poll_due(cx).is_ready() {
            self.left = self.crew.rests();
            alarm.set(Clock.after(patience.max(AGAIN)));
            let _ = alarm.poll_due(cx);
        }
        if self.left {
            Poll::Ready(None)
        } else {
            Poll::Pending
        }
    }
}

/// Runs `job` to its end, or drops it when the scope is cancelled.
async fn until(cancelled: &mut Cancelled, mut job: Work) {
    poll_fn(|cx| {
        if Pin::new(&mut *cancelled).poll(cx).is_ready() {
            return Poll::Ready(());
        }
        job.as_mut().poll(cx)
    })
    .await;
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.crew.rises(&mut self.seat);
        if self.left {
            return;
        }
        if self.crew.gone(self.busy) {
            if self.crew.reporter.is_cancelled() {
                self.crew.queue.close();
            }
            while let Taken::Item(job) = self.crew.queue.try_take() {
                // A panic in the drop of one is not another's.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(job)));
            }
        }
    }
}
