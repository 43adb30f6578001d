//! Keyed serial execution: a lane for each key, such as a session.
//!
//! 1. Of one key at most one is inside, in order of arrival (R-S3, INV-MUTEX);
//!    other keys never wait.
//! 2. A wait has its place at once, a bounded line, a deadline, and ends when
//!    its future is dropped; a guard lets go on every path (R-D13, R-P40).
//! 3. A lane exists only while somebody uses it.
//!
//! No task per key: work runs with its caller. Reads that may run together
//! are `share`'s.

use std::future::Future;

use crate::clock::Clock;
use crate::exit::Exit;
use crate::lock::{Hold, Key, Lock, LockRefusal, LockSettings, LockStats, Locking, Mode};
use crate::observe::{Labels, Observe, Visitor};
use crate::order::Until;
use crate::scope::Scope;

/// Nobody else is inside.
#[derive(Clone, Copy, Debug)]
pub struct Alone;

impl Mode for Alone {
    fn joins(&self, _: &Self) -> bool {
        false
    }
}

/// The right to a lane, until it is dropped.
pub type LaneGuard<K> = Hold<K, Alone>;

/// Lanes by key; a handle, cheap to clone.
#[derive(Debug)]
pub struct Lane<K: Key>(Lock<K, Alone>);

impl<K: Key> Clone for Lane<K> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<K: Key> Lane<K> {
    /// Free lanes. The name stands in metrics and
    /// deadlocks; no other lane or share of the process has it.
    pub fn new(name: &'static str, settings: LockSettings, clock: Clock) -> Self {
        Self(Lock::new(name, settings, clock))
    }

    /// Asks for the lane of `key`. The place is taken by this call, not by the
    /// first poll; dropping the answer leaves the line, or lets go.
    pub fn lock(&self, key: K, until: impl Into<Until>) -> Locking<K, Alone> {
        self.0.enter(key, Alone, until.into())
    }

    /// Asks for the lanes of several keys, one after the other in sorted
    /// order, so that two who want the same keys never wait for each other; a
    /// key that is named twice counts once. The guards come in sorted order.
    ///
    /// # Errors
    /// The first refusal; what was locked before is free again then.
    pub async fn lock_all(
        &self,
        keys: impl IntoIterator<Item = K>,
        until: impl Into<Until>,
    ) -> Result<Vec<LaneGuard<K>>, LockRefusal>
    where
        K: Ord,
    {
        let (mut keys, until) = (Vec::from_iter(keys), until.into());
        keys.sort_unstable();
        keys.dedup();
        let mut guards = Vec::with_capacity(keys.len());
        for key in keys {
            guards.push(self.lock(key, until.clone()).await?);
        }
        Ok(guards)
    }

    /// Runs `job` in `scope` once the lane of `key` is its own, until the first
    /// of: done, cancelled, deadline passed, panicked. What the job holds is
    /// dropped before the lane goes on.
    ///
    /// # Errors
    /// It never got the lane, and the job was not begun.
    pub async fn run<J: Future>(
        &self,
        scope: &Scope,
        key: K,
        until: impl Into<Until>,
        job: J,
    ) -> Result<Exit<J::Output>, LockRefusal> {
        self.0.run(scope, (key, Alone, until.into()), job).await
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

/// The numbers of all keys, with the lane's name as a label.
impl<K: Key> Observe for Lane<K> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.0.observe(labels, to);
    }
}
