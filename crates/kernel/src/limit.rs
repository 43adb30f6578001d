//! How many at once: a fixed limit that can be resized in place.
//!
//! 1. `busy` never grows beyond `size` (INV-LIM).
//! 2. Making it smaller revokes nothing: what is out comes back first.
//!
//! A plain value without lock or waker; the pool has those.

/// A count of permits.
#[derive(Debug)]
pub(crate) struct Limit {
    size: usize,
    busy: usize,
}

impl Limit {
    /// All permits idle.
    pub(crate) fn new(size: usize) -> Self {
        Self { size, busy: 0 }
    }

    /// Takes a permit if one is idle.
    pub(crate) fn try_take(&mut self) -> bool {
        let idle = self.busy < self.size;
        if idle {
            self.busy += 1;
        }
        idle
    }

    /// Brings a permit back.
    pub(crate) fn give_back(&mut self) {
        debug_assert!(self.busy > 0, "a permit came back twice");
        self.busy = self.busy.saturating_sub(1);
    }

    /// Changes the size from here on.
    pub(crate) fn resize(&mut self, size: usize) {
        self.size = size;
    }

    /// How many there are.
    pub(crate) fn size(&self) -> usize {
        self.size
    }

    /// How many are out; above `size` only while it shrinks.
    pub(crate) fn busy(&self) -> usize {
        self.busy
    }
}
