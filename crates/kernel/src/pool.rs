//! Permits of one provider, and the bounded FIFO before them. A worker is a
//! permit that is there from the start (idle), is taken (busy), comes back.
//!
//! 1. At most `size` are out, and as many as there is work for (R-G28, INV-LIM).
//! 2. Nobody overtakes, or waits beyond `max_wait` or its deadline.
//! 3. A permit, or a grant that raced with a leaver, always goes on (INV-PERMIT).
//! 4. `offered` = granted + refusals + cancelled + waiting, at all times.
//!
//! No fair shares and no priorities yet: one queue, one order.

use std::task::Waker;
use std::time::Duration;

use crate::acquire::Acquire;
use crate::admission::State;
use crate::ask::Ask;
use crate::clock::{Clock, Instant};
use crate::names::{self, Metric};
use crate::observe::{Labels, Visitor, gauge};
pub use crate::queue::Overflow;
use crate::sync::{Arc, Mutex};

/// The size of a pool and of the queue before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Permits: how many may run at once.
    pub size: usize,
    /// Places in the queue.
    pub queue: usize,
    /// Bytes of all requests that wait, together.
    pub queue_bytes: u64,
    /// What a full queue does with a newcomer.
    pub overflow: Overflow,
    /// How long one may wait.
    pub max_wait: Duration,
}

/// Why there is no permit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Permits and queue are full.
    #[error("the pool is full and {waiting} wait before it")]
    Full {
        /// How many wait.
        waiting: usize,
        /// When a place is likely, between 1 s and 60 s.
        retry_after: Duration,
    },
    /// No permit came within `max_wait`.
    #[error("no permit came free in {} ms", .waited.as_millis())]
    WaitedTooLong {
        /// How long it waited.
        waited: Duration,
        /// When a permit is likely, between 1 s and 60 s.
        retry_after: Duration,
    },
    /// The overflow policy gave it up.
    #[error("the overflow policy gave this request up")]
    Dropped,
    /// The pool takes no more work.
    #[error("the pool is closed")]
    Closed,
    /// The request's own deadline passed first.
    #[error("the deadline passed before a permit came free")]
    DeadlinePassed,
    /// Its deadline would pass before its turn: it need not wait for that.
    #[error("a permit would come free in about {} ms, too late", .predicted.as_millis())]
    WouldWait {
        /// How long it would have waited.
        predicted: Duration,
        /// When a permit is likely, between 1 s and 60 s.
        retry_after: Duration,
    },
    /// Less urgent than what is let in just now.
    #[error("work of this priority is not let in just now")]
    Shed,
}

/// The numbers of a pool at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Permits there are.
    pub size: u64,
    /// Permits that are out.
    pub busy: u64,
    /// Permits that are idle.
    pub idle: u64,
    /// Requests that wait, those included whose grant is on its way.
    pub waiting: u64,
    /// Bytes of those in the queue.
    pub waiting_bytes: u64,
    /// Requests that asked, ever.
    pub offered: u64,
    /// Requests that got a permit.
    pub granted: u64,
    /// Requests that had to wait for a permit, whatever came of it.
    pub queued: u64,
    /// Refused: full.
    pub full: u64,
    /// Refused: waited for `max_wait`.
    pub timed_out: u64,
    /// Refused: given up by the overflow policy.
    pub dropped: u64,
    /// Left by themselves.
    pub cancelled: u64,
    /// Refused: the pool was closed.
    pub closed: u64,
    /// Refused: their own deadline passed.
    pub expired: u64,
    /// Refused: their deadline would have passed before their turn.
    pub would_wait: u64,
    /// Refused: less urgent than what was let in.
    pub shed: u64,
    /// Microseconds waited by those that got a permit.
    pub wait_total_micros: u64,
}

impl PoolStats {
    /// Whether nobody was lost (promise 4).
    pub fn holds(&self) -> bool {
        // The reasons, and those who left.
        let gone: u64 = self.refused().iter().map(|(_, n)| n).sum();
        self.offered == self.granted + gone + self.waiting
    }
}

impl PoolStats {
    /// Refusals by reason, in the words of the error codes where one exists.
    pub fn refused(&self) -> [(&'static str, u64); 8] {
        [
            ("queue_full", self.full),
            ("queue_timeout", self.timed_out),
            ("dropped", self.dropped),
            ("closed", self.closed),
            ("deadline_exceeded", self.expired),
            ("would_wait", self.would_wait),
            ("shed", self.shed),
            ("cancelled", self.cancelled),
        ]
    }
}

/// The permits of one provider; a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
}

impl Pool {
    /// A pool with all permits idle.
    pub fn new(settings: PoolSettings, clock: Clock) -> Self {
        let state = Mutex::new(State::new(&settings, clock.now()));
        Self(Arc::new(Shared { clock, state }))
    }

    /// Changes the settings in place. New permits go to who waits, at once;
    /// fewer permits revoke none; who waits keeps its place and its time.
    pub fn apply(&self, settings: PoolSettings) {
        let now = self.now();
        self.change(|state| ((), state.apply(&settings, now)));
    }

    /// Asks for a permit, now: a place in the queue is taken by this call, not
    /// by the first poll. A request that is larger than the whole queue can
    /// still take an idle permit.
    ///
    /// Dropping the answer leaves the queue, or gives the permit back.
    pub fn acquire(&self, ask: Ask) -> Acquire {
        let now = self.now();
        let admission = self.change(|state| state.admit(&ask, now));
        Acquire::new(self.clone(), admission)
    }

    /// Ends admission for good: who waits gets [`Refusal::Closed`] at once,
    /// permits that are out stay valid and come back.
    pub fn close(&self) {
        self.change(|state| ((), state.close()));
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> PoolStats {
        self.0.state.lock().stats()
    }

    /// Tells the numbers under these labels, such as the provider's name.
    pub fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let mut up = |metric: Metric, value| to.counter(metric.name, metric.help, labels, value);
        up(names::POOL_OFFERED, stats.offered);
        up(names::POOL_GRANTED, stats.granted);
        up(names::POOL_QUEUED, stats.queued);
        up(
            names::POOL_WAIT_SECONDS,
            stats.wait_total_micros / 1_000_000,
        );
        let mut level = |metric: Metric, n| to.gauge(metric.name, metric.help, labels, gauge(n));
        level(names::POOL_PERMITS, stats.size);
        level(names::POOL_BUSY, stats.busy);
        level(names::POOL_WAITING, stats.waiting);
        level(names::POOL_WAITING_BYTES, stats.waiting_bytes);
        for (reason, n) in stats.refused() {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(
                names::POOL_REFUSED.name,
                names::POOL_REFUSED.help,
                &labels,
                n,
            );
        }
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// One step of the state under the lock; wakes after it, since what a
    /// waker does is not our code.
    pub(crate) fn change<R>(&self, step: impl FnOnce(&mut State) -> (R, Vec<Waker>)) -> R {
        let (result, woken) = step(&mut self.0.state.lock());
        for waker in woken {
            waker.wake();
        }
        result
    }
}
