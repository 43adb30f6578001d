//! Who waits, in order: a queue bounded in items and in bytes.
//!
//! 1. Items and bytes stay within the bounds at every moment (INV-LIM).
//! 2. First in, first out; leaving from the middle keeps the others' order.
//! 3. A full queue is answered by its overflow policy, never by growing.
//!
//! A plain value without lock, waker or clock; the pool has those.

use std::collections::VecDeque;

/// What a full queue does with a newcomer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Overflow {
    /// The newcomer is refused at once, with the queue's length and a time to come back.
    Error,
    /// The newcomer waits before the door, up to `max_wait` in all. The door is
    /// as long as the queue again; beyond it, and beyond `queue_bytes`, which
    /// is memory and bounds queue and door together, the newcomer is refused
    /// as with `Error`.
    Block,
    /// The newcomer is given up; it is not wanted back.
    Drop,
    /// The newcomer gets in, and the oldest that waits is given up, or as many
    /// of the oldest as the newcomer's bytes need.
    DropOldest,
}

/// How much may wait, and what happens beyond it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// Items, without the door of `Block`.
    pub(crate) items: usize,
    /// Bytes, the door of `Block` included.
    pub(crate) bytes: u64,
    pub(crate) overflow: Overflow,
}

impl Bounds {
    fn places(&self) -> usize {
        match self.overflow {
            Overflow::Block => self.items.saturating_mul(2),
            _ => self.items,
        }
    }
}

/// The answer to a newcomer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is a place.
    Yes,
    /// There is a place if the oldest leaves; ask again afterwards.
    AfterOldest,
    /// There is none: refuse it.
    Full,
    /// There is none: give it up.
    Dropped,
}

/// The place of a waiting item; a later one is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Item<W> {
    ticket: Ticket,
    bytes: u64,
    waiter: W,
}

/// Items in order of arrival.
#[derive(Debug)]
pub(crate) struct Queue<W> {
    bounds: Bounds,
    items: VecDeque<Item<W>>,
    bytes: u64,
    next: u64,
}

impl<W> Queue<W> {
    /// An empty queue; it allocates when the first one waits.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            items: VecDeque::new(),
            bytes: 0,
            next: 0,
        }
    }

    /// New bounds for newcomers; who waits keeps the place.
    pub(crate) fn rebound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// Whether a newcomer with so many bytes gets a place.
    pub(crate) fn room(&self, bytes: u64) -> Room {
        let fits_alone = self.bounds.items > 0 && bytes <= self.bounds.bytes;
        let fits = self.items.len() < self.bounds.places()
            && self.bytes.saturating_add(bytes) <= self.bounds.bytes;
        match self.bounds.overflow {
            _ if fits => Room::Yes,
            Overflow::Error | Overflow::Block => Room::Full,
            Overflow::DropOldest if fits_alone => Room::AfterOldest,
            Overflow::Drop | Overflow::DropOldest => Room::Dropped,
        }
    }

    /// Puts a waiter at the end. Only after `room` said yes.
    pub(crate) fn push(&mut self, bytes: u64, waiter: W) -> Ticket {
        debug_assert_eq!(self.room(bytes), Room::Yes);
        let ticket = Ticket(self.next);
        self.next += 1;
        self.bytes += bytes;
        self.items.push_back(Item {
            ticket,
            bytes,
            waiter,
        });
        ticket
    }

    /// Takes the one that waits longest.
    pub(crate) fn pop(&mut self) -> Option<W> {
        let item = self.items.pop_front()?;
        self.bytes -= item.bytes;
        Some(item.waiter)
    }

    /// Takes the one with this ticket, if it still waits.
    pub(crate) fn remove(&mut self, ticket: Ticket) -> Option<W> {
        let at = self.find(ticket)?;
        let item = self.items.remove(at)?;
        self.bytes -= item.bytes;
        Some(item.waiter)
    }

    /// How many wait before this ticket; `None` if it does not wait.
    pub(crate) fn ahead(&self, ticket: Ticket) -> Option<usize> {
        self.find(ticket)
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// The bytes of those that wait.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Tickets grow from front to back, so a place is found by halving.
    fn find(&self, ticket: Ticket) -> Option<usize> {
        self.items
            .binary_search_by_key(&ticket, |item| item.ticket)
            .ok()
    }
}
