//! The truth about requests: each has exactly one outcome, written once.
//!
//! 1. `received = in_flight + completed + failed + cancelled + refused` in
//!    every snapshot, not only at rest (INV-CONS).
//! 2. An entry is settled once: by `settle`, or by its drop, which says that
//!    the code panicked or that the caller is gone (INV-ONE).
//! 3. The live list names exactly the entries that are not settled.
//! 4. A pair of `open` and `settle` costs two short locks of one shard.
//!
//! It knows neither HTTP nor codes: what a request is, is the `T`.

use std::ops::Deref;

use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::slots::Slots;
use crate::sync::atomic::{AtomicUsize, Ordering};
use crate::sync::{Arc, Mutex};

/// Enough that two cores seldom meet at one lock, few enough to walk.
const SHARDS: usize = 16;

/// The four ways in which a request ends.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Class {
    /// The last byte was handed over.
    Completed,
    /// Somebody's fault; the label says whose or what.
    Failed,
    /// Somebody asked for the end; the label says who.
    Cancelled,
    /// Our no, before any attempt.
    Refused,
}

impl Class {
    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }
}

/// All requests: those in flight by what they are, the others by how they ended.
#[derive(Debug)]
pub struct Ledger<T>(Arc<Book<T>>);

#[derive(Debug)]
struct Book<T> {
    next: AtomicUsize,
    shards: [Padded<Mutex<Shard<T>>>; SHARDS],
}

/// Keeps shards on cache lines of their own.
#[derive(Debug)]
#[repr(align(128))]
struct Padded<L>(L);

#[derive(Debug)]
struct Shard<T> {
    live: Slots<Arc<T>>,
    received: u64,
    outcomes: Vec<(Class, &'static str, u64)>,
}

impl<T> Shard<T> {
    fn new() -> Self {
        Self {
            live: Slots::default(),
            received: 0,
            outcomes: Vec::new(),
        }
    }

    /// Takes a live entry out and counts its outcome, both under one lock.
    fn settle(&mut self, key: usize, class: Class, label: &'static str) -> Option<Arc<T>> {
        let info = self.live.remove(key)?;
        count(&mut self.outcomes, class, label, 1);
        Some(info)
    }
}

fn count(
    outcomes: &mut Vec<(Class, &'static str, u64)>,
    class: Class,
    label: &'static str,
    by: u64,
) {
    match outcomes
        .iter_mut()
        .find(|(c, l, _)| *c == class && *l == label)
    {
        Some((_, _, total)) => *total += by,
        None => outcomes.push((class, label, by)),
    }
}

impl<T> Clone for Ledger<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Ledger<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Ledger<T> {
    /// An empty ledger.
    pub fn new() -> Self {
        Self(Arc::new(Book {
            next: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Padded(Mutex::new(Shard::new()))),
        }))
    }

    /// Writes a request in: received and in flight from here on.
    pub fn open(&self, info: T) -> Entry<T> {
        let info = Arc::new(info);
        let shard = self.0.next.fetch_add(1, Ordering::Relaxed) % SHARDS;
        let mut page = self.0.shards[shard].0.lock();
        page.received += 1;
        let key = page.live.insert(Arc::clone(&info));
        drop(page);
        Entry {
            ledger: self.clone(),
            info,
            shard,
            key,
            outcome: None,
        }
    }

    /// The numbers, shard by shard; the law of promise 1 holds in each shard
    /// and therefore in their sum.
    pub fn snapshot(&self) -> Snapshot {
        let mut sum = Snapshot::default();
        for shard in &self.0.shards {
            let page = shard.0.lock();
            sum.received += page.received;
            sum.in_flight += page.live.len() as u64;
            for &(class, label, n) in &page.outcomes {
                count(&mut sum.by_label, class, label, n);
            }
        }
        for &(class, _, n) in &sum.by_label {
            match class {
                Class::Completed => sum.completed += n,
                Class::Failed => sum.failed += n,
                Class::Cancelled => sum.cancelled += n,
                Class::Refused => sum.refused += n,
            }
        }
        sum
    }

    /// Every request in flight, in no promised order.
    pub fn live(&self) -> Vec<Arc<T>> {
        let mut all = Vec::new();
        for shard in &self.0.shards {
            all.extend(shard.0.lock().live.iter().cloned());
        }
        all
    }

    /// The first request in flight that `wanted` says yes to. It is called
    /// without a lock, so it may use the ledger.
    pub fn find(&self, wanted: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        self.0.shards.iter().find_map(|shard| {
            let page: Vec<Arc<T>> = shard.0.lock().live.iter().cloned().collect();
            page.into_iter().find(|info| wanted(info))
        })
    }
}

impl<T> Observe for Ledger<T> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let now = self.snapshot();
        to.counter(names::REQUESTS_RECEIVED, labels, now.received);
        to.gauge(names::REQUESTS_IN_FLIGHT, labels, gauge(now.in_flight));
        for (class, label, n) in now.by_label {
            let labels = [labels, &[("class", class.as_str()), ("label", label)]].concat();
            to.counter(names::REQUESTS, &labels, n);
        }
    }
}

/// The numbers of a ledger at one time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Entries opened since the start.
    pub received: u64,
    /// Entries that have no outcome yet.
    pub in_flight: u64,
    /// Entries that completed.
    pub completed: u64,
    /// Entries that failed.
    pub failed: u64,
    /// Entries that were cancelled.
    pub cancelled: u64,
    /// Entries that were refused.
    pub refused: u64,
    /// The four classes by label.
    pub by_label: Vec<(Class, &'static str, u64)>,
}

impl Snapshot {
    /// Whether the law of conservation holds (INV-CONS).
    pub fn holds(&self) -> bool {
        let ended = self.completed + self.failed + self.cancelled + self.refused;
        self.received == self.in_flight + ended
    }
}

/// One request in flight, owned by whoever will know its end.
#[derive(Debug)]
#[must_use = "a dropped entry is settled as cancelled by its caller"]
pub struct Entry<T> {
    ledger: Ledger<T>,
    info: Arc<T>,
    shard: usize,
    key: usize,
    outcome: Option<(Class, &'static str)>,
}

impl<T> Entry<T> {
    /// What the live list shows of this request.
    pub fn info(&self) -> &Arc<T> {
        &self.info
    }

    /// Writes the outcome, once and for ever.
    pub fn settle(mut self, class: Class, label: &'static str) {
        self.outcome = Some((class, label));
    }
}

impl<T> Deref for Entry<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.info
    }
}

/// The one place where an outcome is written: an entry is dropped exactly once.
impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        let unsaid = || match std::thread::panicking() {
            true => (Class::Failed, "panic"),
            false => (Class::Cancelled, "caller"),
        };
        let (class, label) = self.outcome.unwrap_or_else(unsaid);
        let gone = self.ledger.0.shards[self.shard]
            .0
            .lock()
            .settle(self.key, class, label);
        // The lock is free again: the drop of a `T` is not our code.
        drop(gone);
    }
}
