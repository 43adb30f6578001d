//! The keyed lock under `lane` and `share`: its settings, its refusals, its
//! numbers, and the handle that both are made of.
//!
//! 1. A key exists while it is used, and its line is bounded: a full one
//!    refuses, typed, and nobody waits beyond `max_wait` or its deadline.
//! 2. `close` refuses who waits and who comes; who is inside stays.
//! 3. `offered` = granted + refused + cancelled + waiting, at all times.
//!
//! Who may be inside together, `line` asks of the mode. Locks in the database
//! are leases, and not here.

mod line;
mod lines;
mod locking;

use std::future::Future;
use std::time::Duration;

use crate::after::After;
use crate::clock::{Clock, Instant};
use crate::exit::Exit;
pub(crate) use crate::lock::line::{Key, Mode};
use crate::lock::lines::{Asking, Lines};
pub use crate::lock::locking::{Hold, Locking};
use crate::names;
use crate::observe::{Counter, Gauge, Labels, Observe, Visitor, gauge};
use crate::order::{DeadlockVictim, Resource, Until};
use crate::rank::Rank;
use crate::scope::Scope;
use crate::sync::{Arc, Mutex};

/// The bounds of the line before each key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockSettings {
    /// Places in the line of one key; with 0 nobody waits.
    pub places: usize,
    /// The upper bound of every wait, whatever its deadline.
    pub max_wait: Duration,
}

/// Why one does not get a key.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LockRefusal {
    /// The line of this key has no place.
    #[error("the key is in use and {waiting} wait for it, as many as may")]
    Full {
        /// How many wait.
        waiting: usize,
    },
    /// It was not this one's turn within `max_wait`.
    #[error("the key did not come free in {} ms", .waited.as_millis())]
    WaitedTooLong {
        /// How long it waited.
        waited: Duration,
    },
    /// Its own deadline passed first.
    #[error("the deadline passed before the key came free")]
    DeadlinePassed,
    /// Nobody gets in any more.
    #[error("the lock is closed")]
    Closed,
    /// It gave way in a deadlock; try again.
    #[error(transparent)]
    Deadlock(#[from] DeadlockVictim),
}

/// The numbers of a lane or share at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LockStats {
    /// Keys in use: somebody is inside or waits.
    pub keys: u64,
    /// How many are inside.
    pub held: u64,
    /// How many wait, those included whose answer is on its way.
    pub waiting: u64,
    /// How many asked, ever.
    pub offered: u64,
    /// How many got in.
    pub granted: u64,
    /// How many had to wait, whatever came of it.
    pub queued: u64,
    /// Refused: no place in the line.
    pub full: u64,
    /// Refused: waited for `max_wait`.
    pub timed_out: u64,
    /// Refused: their own deadline passed.
    pub expired: u64,
    /// Refused: closed.
    pub closed: u64,
    /// Refused: gave way in a deadlock.
    pub victims: u64,
    /// Left by themselves.
    pub cancelled: u64,
    /// Microseconds waited by those that got in.
    pub wait_total_micros: u64,
}

impl LockStats {
    /// Whether nobody was lost (promise 3).
    pub fn holds(&self) -> bool {
        let refused: u64 = self.refused().iter().map(|(_, n)| n).sum();
        self.offered == self.granted + refused + self.waiting
    }

    /// Who asked and did not get in, by reason.
    pub fn refused(&self) -> [(&'static str, u64); 6] {
        [
            ("queue_full", self.full),
            ("queue_timeout", self.timed_out),
            ("deadline_exceeded", self.expired),
            ("closed", self.closed),
            ("deadlock_victim", self.victims),
            ("cancelled", self.cancelled),
        ]
    }

    pub(crate) fn count(&mut self, why: &LockRefusal) {
        let counter = match why {
            LockRefusal::Full { .. } => &mut self.full,
            LockRefusal::WaitedTooLong { .. } => &mut self.timed_out,
            LockRefusal::DeadlinePassed => &mut self.expired,
            LockRefusal::Closed => &mut self.closed,
            LockRefusal::Deadlock(_) => &mut self.victims,
        };
        *counter += 1;
    }
}

/// A keyed lock; a handle, cheap to clone.
#[derive(Debug)]
pub(crate) struct Lock<K: Key, M: Mode>(Arc<Shared<K, M>>);

#[derive(Debug)]
struct Shared<K: Key, M: Mode> {
    name: &'static str,
    clock: Clock,
    lines: Mutex<Lines<K, M>>,
}

impl<K: Key, M: Mode> Clone for Lock<K, M> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Key, M: Mode> Lock<K, M> {
    pub(crate) fn new(name: &'static str, settings: LockSettings, clock: Clock) -> Self {
        let lines = Mutex::ranked(Rank::LINES, Lines::new(settings));
        Self(Arc::new(Shared { name, clock, lines }))
    }

    /// Gets in, or takes a place in the line, by this call.
    pub(crate) fn enter(&self, key: K, mode: M, until: Until) -> Locking<K, M> {
        let now = self.now();
        let named = |owner| (owner, Resource::new(self.0.name, format!("{key:?}")));
        let owner = until.owner.map(named);
        let asking = Asking {
            key,
            mode,
            deadline: until.deadline,
            owner,
        };
        let admission = self.change(|lines, after| lines.admit(asking, now, after));
        Locking::new(self.clone(), admission)
    }

    /// Runs `job` in `scope` while inside. `Err`: the job was never begun.
    pub(crate) async fn run<J: Future>(
        &self,
        scope: &Scope,
        (key, mode, until): (K, M, Until),
        job: J,
    ) -> Result<Exit<J::Output>, LockRefusal> {
        let deadline = until.deadline;
        let locking = async { self.enter(key, mode, until).await };
        let _inside = match scope.run(deadline, locking).await {
            Exit::Done(inside) => inside?,
            Exit::TimedOut => return Err(LockRefusal::DeadlinePassed),
            Exit::Cancelled => return Ok(Exit::Cancelled),
            Exit::Failed(error) => return Ok(Exit::Failed(error)),
            Exit::Panicked(message) => return Ok(Exit::Panicked(message)),
        };
        // What the job holds is dropped in here, before the next one gets in.
        Ok(scope.run(deadline, job).await)
    }

    pub(crate) fn close(&self) {
        self.change(|lines, after| lines.close(after));
    }

    pub(crate) fn waiting(&self, key: &K) -> usize {
        self.0.lines.lock().waiting(key)
    }

    pub(crate) fn stats(&self) -> LockStats {
        self.0.lines.lock().stats()
    }

    pub(crate) fn now(&self) -> Instant {
        self.0.clock.now()
    }

    /// One step under the lock; wakes after it, since what a waker does is
    /// not our code.
    pub(crate) fn change<R>(&self, step: impl FnOnce(&mut Lines<K, M>, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = step(&mut self.0.lines.lock(), &mut after);
        after.run();
        result
    }
}

impl<K: Key, M: Mode> Observe for Lock<K, M> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let labels = [labels, &[("lock", self.0.name)]].concat();
        let mut up = |metric: Counter, n| to.counter(metric, &labels, n);
        up(names::LOCK_OFFERED, stats.offered);
        up(names::LOCK_GRANTED, stats.granted);
        up(names::LOCK_QUEUED, stats.queued);
        up(
            names::LOCK_WAIT_SECONDS,
            stats.wait_total_micros / 1_000_000,
        );
        let mut level = |metric: Gauge, n| to.gauge(metric, &labels, gauge(n));
        level(names::LOCK_KEYS, stats.keys);
        level(names::LOCK_HELD, stats.held);
        level(names::LOCK_WAITING, stats.waiting);
        for (reason, n) in stats.refused() {
            let labels = [&labels[..], &[("reason", reason)]].concat();
            to.counter(names::LOCK_REFUSED, &labels, n);
        }
    }
}
