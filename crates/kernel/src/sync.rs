//! Mutex, atomics and `Arc`: the shim on which the kernel's nouns stand.
//!
//! 1. A panic in a holder never poisons: the next one gets the lock.
//! 2. Everything that a noun shares goes through this file, so that the model
//!    checker puts its own in its place (`tests/model`) and the nouns stay as
//!    they are.
//! 3. In debug builds each lock is held to the order that `rank` states.
//!
//! No async lock: nobody holds one of these across an await.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::PoisonError;
pub use std::sync::{Arc, Weak, atomic};

use crate::rank::{Rank, Taken};

/// A mutex that a panic does not poison.
///
/// What it guards must be whole at every point where its holder can panic;
/// in the kernel no foreign code runs under a lock.
pub struct Mutex<T> {
    rank: Rank,
    inner: std::sync::Mutex<T>,
}

impl<T> Mutex<T> {
    /// A free mutex around `value`, under which no other is taken.
    pub const fn new(value: T) -> Self {
        Self::ranked(Rank::LEAF, value)
    }

    /// A free mutex around `value`, with its place in the order of locks.
    pub const fn ranked(rank: Rank, value: T) -> Self {
        let inner = std::sync::Mutex::new(value);
        Self { rank, inner }
    }

    /// Waits for the lock. For short sections only: it blocks the thread.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        // Before the wait: the check shall speak where a deadlock would be silent.
        let taken = Taken::check(self.rank);
        MutexGuard {
            inner: self.inner.lock().unwrap_or_else(PoisonError::into_inner),
            _taken: taken,
        }
    }
}

impl<T: Default> Default for Mutex<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

/// The right to what a [`Mutex`] guards, until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped guard has given the lock back"]
pub struct MutexGuard<'a, T> {
    inner: std::sync::MutexGuard<'a, T>,
    _taken: Taken,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}
