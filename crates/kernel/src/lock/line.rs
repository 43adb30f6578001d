//! The line before one key: who is inside, who waits.
//!
//! 1. First in, first out (INV-ORD): the front gets in when its mode gets along
//!    with all who are inside, and nobody passes it. So those who get along
//!    and stand side by side are inside together (R-P18).
//! 2. Leaving from the middle keeps the others' order.
//!
//! A plain value: no lock, no timer, no waker; those are with `lines`.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::hash::Hash;

/// What a key must be: plain data, since its `Eq`, `Hash` and `Drop` run under
/// a lock. Its `Debug` form names it in a deadlock.
pub trait Key: Clone + Eq + Hash + Debug {}

impl<K: Clone + Eq + Hash + Debug> Key for K {}

/// How somebody uses a key; plain data, as a [`Key`].
pub trait Mode: Clone + Debug {
    /// Whether it can be inside together with one of that mode.
    fn joins(&self, inside: &Self) -> bool;
}

#[derive(Debug)]
pub(crate) struct Line<M> {
    /// The mode of one who is inside; the others there get along with it.
    inside: Option<M>,
    held: usize,
    queue: VecDeque<Queued<M>>,
    next: u64,
}

#[derive(Debug)]
pub(crate) struct Queued<M> {
    /// Grows from front to back.
    pub(crate) ticket: u64,
    pub(crate) mode: M,
    /// Who this is, to `lines`.
    pub(crate) waiter: usize,
}

impl<M> Default for Line<M> {
    fn default() -> Self {
        Self {
            inside: None,
            held: 0,
            queue: VecDeque::new(),
            next: 0,
        }
    }
}

impl<M: Mode> Line<M> {
    /// Whether a newcomer gets in at once: nobody is passed, all get along.
    pub(crate) fn is_open_to(&self, mode: &M) -> bool {
        self.queue.is_empty() && self.fits(mode)
    }

    /// Whether it gets along with all who are inside.
    pub(crate) fn fits(&self, mode: &M) -> bool {
        self.inside.as_ref().is_none_or(|inside| mode.joins(inside))
    }

    /// One more is inside. Only if it fits.
    pub(crate) fn enter(&mut self, mode: M) {
        debug_assert!(self.fits(&mode));
        self.inside = Some(mode);
        self.held += 1;
    }

    /// One who was inside is gone.
    pub(crate) fn exit(&mut self) {
        debug_assert!(self.held > 0);
        self.held -= 1;
        if self.held == 0 {
            self.inside = None;
        }
    }

    /// Takes a place at the end; gives its ticket.
    pub(crate) fn push(&mut self, mode: M, waiter: usize) -> u64 {
        let ticket = self.next;
        self.next += 1;
        self.queue.push_back(Queued {
            ticket,
            mode,
            waiter,
        });
        ticket
    }

    /// The one who waits longest.
    pub(crate) fn front(&self) -> Option<&Queued<M>> {
        self.queue.front()
    }

    /// Takes the one with this ticket out, if it still waits.
    pub(crate) fn remove(&mut self, ticket: u64) -> Option<Queued<M>> {
        self.queue.remove(self.ahead(ticket)?)
    }

    /// How many wait before this ticket; `None` if it does not wait.
    pub(crate) fn ahead(&self, ticket: u64) -> Option<usize> {
        self.queue
            .binary_search_by_key(&ticket, |queued| queued.ticket)
            .ok()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Whether nobody is inside and nobody waits.
    pub(crate) fn is_unused(&self) -> bool {
        self.held == 0 && self.queue.is_empty()
    }
}
