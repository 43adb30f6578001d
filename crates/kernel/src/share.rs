//! Keyed reads that run in batches and writes that run alone: a plan is a key,
//! and a read is of one of its branches.
//!
//! 1. A write runs alone (R-P17, R-P27), a root read too (R-P19); adjacent reads
//!    of one branch run together (R-P18, R-P26), of two never (R-P20).
//! 2. Nobody passes anybody (R-P23); a write waits for at most the batch ahead.
//! 3. Who leaves is out at once; whom it stood between, they come together.
//!
//! A read that comes while its batch runs, and behind nobody, joins it.

use std::fmt::Debug;
use std::future::Future;

use crate::clock::Clock;
use crate::exit::Exit;
use crate::lock::{Hold, Key, Lock, LockRefusal, LockSettings, LockStats, Locking, Mode};
use crate::observe::{Labels, Observe, Visitor};
use crate::order::Until;
use crate::scope::Scope;

/// What names a branch of a plan.
pub trait Branch: Clone + Eq + Debug {
    /// Whether it is the root: the plan itself, on no branch.
    fn is_root(&self) -> bool;
}

/// Text that names a branch; the empty one is the root.
impl<B: AsRef<str> + Clone + Eq + Debug> Branch for B {
    fn is_root(&self) -> bool {
        self.as_ref().is_empty()
    }
}

/// How somebody uses a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access<B> {
    /// It reads this branch.
    Read(B),
    /// It changes the plan, on whatever branch.
    Write,
}

impl<B: Branch> Mode for Access<B> {
    fn joins(&self, inside: &Self) -> bool {
        match (self, inside) {
            (Self::Read(one), Self::Read(other)) => one == other && !one.is_root(),
            _ => false,
        }
    }
}

/// The right to read or write, until it is dropped.
pub type ShareGuard<K, B> = Hold<K, Access<B>>;

/// Shared and exclusive access by key; a handle, cheap to clone.
#[derive(Debug)]
pub struct Share<K: Key, B: Branch>(Lock<K, Access<B>>);

impl<K: Key, B: Branch> Clone for Share<K, B> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key, B: Branch> Share<K, B> {
    /// Nobody is inside. The name stands in metrics and
    /// deadlocks; no other lane or share of the process has it.
    pub fn new(name: &'static str, settings: LockSettings, clock: Clock) -> Self {
        Self(Lock::new(name, settings, clock))
    }

    /// Asks to read or write the plan `key`. The place is taken by this call,
    /// not by the first poll; dropping the answer leaves the line, or lets go.
    pub fn lock(
        &self,
        key: K,
        access: Access<B>,
        until: impl Into<Until>,
    ) -> Locking<K, Access<B>> {
        self.0.enter(key, access, until.into())
    }

    /// Runs `job` in `scope` once it may read or write the plan `key`, until
    /// the first of: done, cancelled, deadline passed, panicked. What the job
    /// holds is dropped before the next one gets in.
    ///
    /// # Errors
    /// It never got in, and the job was not begun.
    pub async fn run<J: Future>(
        &self,
        scope: &Scope,
        (key, access): (K, Access<B>),
        until: impl Into<Until>,
        job: J,
    ) -> Result<Exit<J::Output>, LockRefusal> {
        self.0.run(scope, (key, access, until.into()), job).await
    }

    /// Refuses who waits and who comes; who is inside stays.
    pub fn close(&self) {
        self.0.close();
    }

    /// How many wait for this key.
    pub fn waiting(&self, key: &K) -> usize {
        self.0.waiting(key)
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> LockStats {
        self.0.stats()
    }
}

/// The numbers of all keys, with the share's name as a label.
impl<K: Key, B: Branch> Observe for Share<K, B> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.0.observe(labels, to);
    }
}
