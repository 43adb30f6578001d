//! Permits of one provider, and the bounded queue before them. A worker is a
//! permit that is there from the start (idle), is taken (busy), comes back.
//!
//! 1. At most as many are out as the limit allows, and as many as there is
//!    work for (R-G28, INV-LIM). It grows and shrinks without revoking any.
//! 2. Who waits is served in the order of `fair`, in time, or told at once. A
//!    queue that one tenant filled is not full for the others (INV-FAIR).
//! 3. A permit, or a grant that raced with a leaver, always goes on (INV-PERMIT).
//! 4. `offered` = granted + refusals + cancelled + waiting, at all times.

mod acquire;
mod admission;
mod ask;
mod pace;
mod stats;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

pub use self::acquire::{Acquire, Permit};
use self::admission::State;
pub use self::ask::Ask;
pub use self::stats::PoolStats;
use crate::after::After;
use crate::clock::{Clock, Instant};
use crate::limit::{Decision, LimitSettings, Signal};
use crate::names::POOL_DECISIONS;
use crate::observe::{Labels, Observe, Visitor};
use crate::overflow::Overflow;
use crate::sync::{Arc, Mutex};
use crate::tag::Priority;

/// The size of a pool and of the queue before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolSettings {
    /// Permits there can be: how many may run at once. It is the `max` of
    /// `limit`, whatever stands there.
    pub size: usize,
    /// How many of them there are at a time, and by what that goes.
    pub limit: LimitSettings,
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

type Hook = Box<dyn Fn(&Decision) + Send + Sync>;

/// The permits of one provider; a handle, cheap to clone.
#[derive(Clone)]
pub struct Pool(Arc<Shared>);

struct Shared {
    clock: Clock,
    state: Mutex<State>,
    on_decision: OnceLock<Hook>,
}

impl Pool {
    /// A pool with all permits idle.
    pub fn new(settings: PoolSettings, clock: Clock) -> Self {
        let state = Mutex::new(State::new(&settings, clock.now()));
        Self(Arc::new(Shared {
            clock,
            state,
            on_decision: OnceLock::new(),
        }))
    }

    /// Changes the settings in place. New permits go to who waits, at once;
    /// fewer permits revoke none; who waits keeps its place and its time.
    pub fn apply(&self, settings: PoolSettings) {
        let now = self.now();
        self.change(|state, after| state.apply(&settings, now, after));
    }

    /// Asks for a permit, now: a place in the queue is taken by this call, not
    /// by the first poll. A request that is larger than the whole queue can
    /// still take an idle permit.
    ///
    /// Dropping the answer leaves the queue, or gives the permit back.
    pub fn acquire(&self, ask: Ask) -> Acquire {
        let now = self.now();
        let admission = self.change(|state, after| state.admit(&ask, now, after));
        Acquire::new(self.clone(), admission, now)
    }

    /// Refuses newcomers of a lower priority than this, until it is called
    /// again; `None` refuses nobody. Who waits already is served.
    pub fn refuse_below(&self, least: Option<Priority>) {
        self.0.state.lock().refuse_below(least);
    }

    /// Tells the limit what a call learned about its upstream. Best before
    /// that call's permit goes back.
    pub fn signal(&self, signal: Signal) {
        self.signal_at(signal, self.now());
    }

    /// The same, for who has looked at the clock already.
    pub fn signal_at(&self, signal: Signal, now: Instant) {
        self.change(|state, after| state.signal(signal, now, after));
    }

    /// Calls `hook` for every decision of the limit, in order for each caller
    /// and without a lock. The first hook stays; what it panics with goes
    /// nowhere.
    pub fn on_decision(&self, hook: impl Fn(&Decision) + Send + Sync + 'static) {
        let _ = self.0.on_decision.set(Box::new(hook));
    }

    /// The last decisions of the limit, at most 16, the oldest first.
    pub fn decisions(&self) -> Vec<Decision> {
        self.0.state.lock().decisions()
    }

    /// The numbers of all who wait, who would be granted next first, if nobody
    /// else came, left or cost something else than was estimated.
    ///
    /// For who looks, not for the way of a request: the queue is copied under
    /// the lock, and put in order after it.
    pub fn line(&self) -> Vec<u64> {
        let (fair, numbers) = self.0.state.lock().line();
        let number = |key: usize| {
            let at = numbers.binary_search_by_key(&key, |(key, _)| *key);
            at.ok().map(|at| numbers[at].1)
        };
        fair.into_order().into_iter().filter_map(number).collect()
    }

    /// The same for all handles of a pool, and another's for no two pools at
    /// one time.
    pub fn identity(&self) -> usize {
        Arc::as_ptr(&self.0).addr()
    }

    /// Ends admission for good: who waits gets [`Refusal::Closed`] at once,
    /// permits that are out stay valid and come back.
    pub fn close(&self) {
        self.change(State::close);
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> PoolStats {
        self.0.state.lock().stats()
    }

    fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// One step of the state under the lock; wakes and tells after it, since
    /// what a waker or a hook does is not our code.
    fn change<R>(&self, step: impl FnOnce(&mut State, &mut After) -> R) -> R {
        let mut after = After::default();
        let (result, decided) = {
            let mut state = self.0.state.lock();
            (step(&mut state, &mut after), state.decided())
        };
        after.run();
        if let Some(hook) = self.0.on_decision.get() {
            for decision in &decided {
                // A hook that panics must not take the permit with it.
                let _ = catch_unwind(AssertUnwindSafe(|| hook(decision)));
            }
        }
        result
    }
}

impl Observe for Pool {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let (stats, reasons) = {
            let state = self.0.state.lock();
            (state.stats(), state.reasons())
        };
        stats.observe(labels, to);
        for (reason, n) in reasons {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(POOL_DECISIONS, &labels, n);
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").finish_non_exhaustive()
    }
}
