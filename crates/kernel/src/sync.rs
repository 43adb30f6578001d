//! Mutex, atomics and `Arc`: the shim on which the kernel's nouns stand.
//!
//! 1. A panic in a holder never poisons: the next one gets the lock.
//! 2. Everything that a noun shares goes through this file, so that the model
//!    checker puts its own in its place (`tests/model`) and the nouns stay as
//!    they are.
//!
//! No async lock: nobody holds one of these across an await.

pub use std::sync::{Arc, Weak, atomic};
use std::sync::{MutexGuard, PoisonError};

/// A mutex that a panic does not poison.
///
/// What it guards must be whole at every point where its holder can panic;
/// in the kernel no foreign code runs under a lock.
#[derive(Debug, Default)]
pub struct Mutex<T>(std::sync::Mutex<T>);

impl<T> Mutex<T> {
    /// A free mutex around `value`.
    pub const fn new(value: T) -> Self {
        Self(std::sync::Mutex::new(value))
    }

    /// Waits for the lock. For short sections only: it blocks the thread.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
