//! The shim of the kernel, filled with the model checker's own.
//! It must show the same face as `src/sync.rs`, or the nouns do not compile.

pub use std::sync::{Arc, Weak};

use shuttle::sync::MutexGuard;
pub use shuttle::sync::atomic;

use crate::rank::Rank;

/// The face of the kernel's mutex.
#[derive(Debug, Default)]
pub struct Mutex<T>(shuttle::sync::Mutex<T>);

impl<T> Mutex<T> {
    pub fn new(value: T) -> Self {
        Self(shuttle::sync::Mutex::new(value))
    }

    /// The order is the debug builds' to check; here a circle is a deadlock.
    pub fn ranked(_: Rank, value: T) -> Self {
        Self::new(value)
    }

    pub fn lock(&self) -> MutexGuard<'_, T> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
