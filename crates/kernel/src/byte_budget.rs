//! Bytes that many may hold together: one bound over bodies of all callers.
//!
//! Promises: 1. no share grows beyond the limit of all; 2. a share that cannot
//! grow stays as it is, and the refusal is counted; 3. what a share holds comes
//! back when it is dropped, on every path; 4. a smaller limit takes nothing
//! from anybody. Nobody waits here: who finds no room says so at once.

use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// The bytes there are; a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct ByteBudget(Arc<Bytes>);

#[derive(Debug)]
struct Bytes {
    limit: AtomicU64,
    used: AtomicU64,
    refused: AtomicU64,
}

/// There is no room for that many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no room for {wanted} more bytes of {limit}")]
pub struct Exhausted {
    /// How many were wanted.
    pub wanted: u64,
    /// How many there are in all.
    pub limit: u64,
}

impl ByteBudget {
    /// A budget of `limit` bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Bytes {
            limit: AtomicU64::new(limit),
            used: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }))
    }

    /// A share that holds nothing yet.
    pub fn share(&self) -> ByteShare {
        ByteShare {
            budget: self.clone(),
            held: 0,
        }
    }

    /// Bytes that there are.
    pub fn limit(&self) -> u64 {
        self.0.limit.load(Ordering::Relaxed)
    }

    /// There are `limit` bytes from here on. What is held beyond it comes back
    /// as it would have.
    pub fn set_limit(&self, limit: u64) {
        self.0.limit.store(limit, Ordering::Relaxed);
    }

    /// Bytes that are held.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Relaxed)
    }

    /// How often there was no room.
    pub fn refused(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

impl Observe for ByteBudget {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        to.gauge(names::BODY_BYTES, labels, gauge(self.used()));
        to.gauge(names::BODY_BYTES_LIMIT, labels, gauge(self.limit()));
        to.counter(names::BODY_BYTES_REFUSED, labels, self.refused());
    }
}

/// What one holder has of a budget.
#[derive(Debug)]
pub struct ByteShare {
    budget: ByteBudget,
    held: u64,
}

impl ByteShare {
    /// What it is a share of.
    pub fn budget(&self) -> &ByteBudget {
        &self.budget
    }

    /// Takes `bytes` more.
    ///
    /// # Errors
    /// [`Exhausted`] if the budget has no room for them.
    pub fn grow(&mut self, bytes: u64) -> Result<(), Exhausted> {
        let Bytes {
            limit,
            used,
            refused,
        } = &*self.budget.0;
        let limit = limit.load(Ordering::Relaxed);
        let fits = |used: u64| used.checked_add(bytes).filter(|sum| *sum <= limit);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits) {
            Ok(_) => {
                self.held += bytes;
                Ok(())
            }
            Err(_) => {
                refused.fetch_add(1, Ordering::Relaxed);
                Err(Exhausted {
                    wanted: bytes,
                    limit,
                })
            }
        }
    }

    /// Holds `bytes` from here on, more or fewer than before.
    ///
    /// # Errors
    /// [`Exhausted`] if the budget has no room for more; then nothing changes.
    pub fn resize(&mut self, bytes: u64) -> Result<(), Exhausted> {
        match bytes.checked_sub(self.held) {
            // Told often, and the counter is everybody's.
            Some(0) => Ok(()),
            Some(more) => self.grow(more),
            None => {
                let fewer = self.held - bytes;
                self.held = bytes;
                self.budget.0.used.fetch_sub(fewer, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Gives everything back.
    pub fn clear(&mut self) {
        let held = std::mem::take(&mut self.held);
        if held > 0 {
            self.budget.0.used.fetch_sub(held, Ordering::Relaxed);
        }
    }
}

impl Drop for ByteShare {
    fn drop(&mut self) {
        self.clear();
    }
}
