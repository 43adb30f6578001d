//! Buffers and other objects that are used again: one shelf a kind (R-D10).
//!
//! 1. One owner at a time, by construction: a lease owns the object itself.
//! 2. It is empty before the next one gets it (R-G21).
//! 3. It comes back when the lease is dropped, on every path (R-D13).
//! 4. Kept are so many at most, and none that grew too large.
//!    Nobody waits: what the shelf has not is made. A kind of shelf has a
//!    right to be only while a bench shows that it gains.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::names;
use crate::observe::{Counter, Gauge, Labels, Observe, Visitor, gauge};
pub use crate::shelf::History;
use crate::shelf::{Item, Shelf};
use crate::sync::{Arc, Mutex};

/// What can be used again. The default value is what stays behind in a lease
/// whose object went back: it should cost nothing.
pub trait Reusable: Default + Send + 'static {
    /// Empties it: the next owner must see nothing of this one.
    fn reset(&mut self);

    /// Bytes of memory that it holds.
    fn bytes(&self) -> usize;
}

impl Reusable for Vec<u8> {
    fn reset(&mut self) {
        self.clear();
    }

    fn bytes(&self) -> usize {
        self.capacity()
    }
}

impl Reusable for String {
    fn reset(&mut self) {
        self.clear();
    }

    fn bytes(&self) -> usize {
        self.capacity()
    }
}

/// The bounds of a shelf, and when it is not worth its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReuseSettings {
    /// Objects that are kept, at most.
    pub items: usize,
    /// A larger object is not kept.
    pub item_bytes: usize,
    /// Fewer hits of a hundred requests are worth a warning.
    pub warn_below_percent: u32,
    /// So many requests are judged together; the first so many are not.
    pub judged: u64,
}

/// The numbers of a shelf at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReuseStats {
    /// Leases that were asked for, ever.
    pub requests: u64,
    /// Of them, those that found an object.
    pub hits: u64,
    /// Of them, those that found none.
    pub misses: u64,
    /// Objects that were made: one for each miss, unless making it panicked.
    pub creations: u64,
    /// Objects that came back and were kept.
    pub returns: u64,
    /// Objects that came back and were not: too large.
    pub too_large: u64,
    /// Objects that came back and were not: enough were there.
    pub too_many: u64,
    /// Objects that were not to come back.
    pub spoiled: u64,
    /// Objects that are leased now.
    pub in_use: u64,
    /// Objects that are kept now.
    pub kept: u64,
    /// Bytes that they hold.
    pub kept_bytes: u64,
    /// Bytes that hits did not have to allocate, ever.
    pub saved_bytes: u64,
    /// Time for taking and bringing back, estimated from each 64th.
    pub spent: Duration,
    /// Times that the hits fell below their threshold.
    pub low_hits: u64,
}

impl ReuseStats {
    /// Whether every object is where the counts say.
    pub fn holds(&self) -> bool {
        let gone = self.too_large + self.too_many + self.spoiled;
        self.requests == self.hits + self.misses
            && self.hits + self.creations == self.in_use + self.returns + gone
            && self.kept == self.returns - self.hits
    }
}

/// The hits fell below their threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LowHits {
    /// Hits among the judged requests.
    pub hits: u64,
    /// Requests that were judged.
    pub requests: u64,
}

/// The shelf of one kind of object; a handle, cheap to clone.
///
/// What it gains depends on the size (`benches/nouns/of_reuse.rs`, glibc): one
/// small buffer costs twice what the allocator takes, up to 128 KiB nothing is
/// gained, and from 256 KiB on, where many live at once, it saves fetching pages
/// from the system, which costs 40 times as much as the copy of the bytes.
pub struct Reuse<T: Reusable>(Arc<Inner<T>>);

struct Inner<T> {
    settings: ReuseSettings,
    clock: Clock,
    make: Box<dyn Fn() -> T + Send + Sync>,
    shelf: Mutex<Shelf<T>>,
    hook: OnceLock<Hook>,
}

type Hook = Box<dyn Fn(&LowHits) + Send + Sync>;

impl<T: Reusable> Clone for Reuse<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T: Reusable> fmt::Debug for Reuse<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reuse").field(&self.stats()).finish()
    }
}

impl<T: Reusable> Reuse<T> {
    /// An empty shelf; `make` makes what it has not.
    pub fn new(
        settings: ReuseSettings,
        clock: Clock,
        make: impl Fn() -> T + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            settings,
            clock,
            make: Box::new(make),
            shelf: Mutex::new(Shelf::new(settings.items)),
            hook: OnceLock::new(),
        }))
    }

    /// Calls `hook` when the hits fall below their threshold, once until they
    /// are above it again. The first hook stays; one that keeps the shelf
    /// itself keeps both for ever.
    pub fn on_low_hits(&self, hook: impl Fn(&LowHits) + Send + Sync + 'static) {
        let _ = self.0.hook.set(Box::new(hook));
    }

    /// An empty object: one from the shelf, or a new one.
    pub fn take(&self) -> Lease<T> {
        let inner = &*self.0;
        let (found, low, timed) = inner.shelf.lock().take(&inner.settings);
        let begun = timed.then(|| inner.clock.now());
        if let (Some(low), Some(hook)) = (low, inner.hook.get()) {
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&low)));
        }
        let item = found.unwrap_or_else(|| inner.made());
        let lease = Lease {
            item: item.owned_from(inner.clock),
            spoiled: false,
            timed,
            of: self.clone(),
        };
        inner.spent(begun);
        lease
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> ReuseStats {
        self.0.shelf.lock().stats()
    }
}

impl<T: Reusable> Observe for Reuse<T> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let mut up = |metric: Counter, n| to.counter(metric, labels, n);
        up(names::REUSE_REQUESTS, stats.requests);
        up(names::REUSE_HITS, stats.hits);
        up(names::REUSE_MISSES, stats.misses);
        up(names::REUSE_CREATIONS, stats.creations);
        up(names::REUSE_RETURNS, stats.returns);
        up(names::REUSE_SAVED_BYTES, stats.saved_bytes);
        up(names::REUSE_LOW_HITS, stats.low_hits);
        let micros = u64::try_from(stats.spent.as_micros()).unwrap_or(u64::MAX);
        up(names::REUSE_SPENT_MICROS, micros);
        let mut level = |metric: Gauge, n| to.gauge(metric, labels, gauge(n));
        level(names::REUSE_IN_USE, stats.in_use);
        level(names::REUSE_KEPT, stats.kept);
        level(names::REUSE_KEPT_BYTES, stats.kept_bytes);
        let discarded = [
            ("too_large", stats.too_large),
            ("too_many", stats.too_many),
            ("spoiled", stats.spoiled),
        ];
        for (reason, n) in discarded {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(names::REUSE_DISCARDED, &labels, n);
        }
    }
}

impl<T: Reusable> Inner<T> {
    /// A new object, made outside the lock: what makes it is not our code.
    fn made(&self) -> Item<T> {
        let value = (self.make)();
        let id = self.shelf.lock().made();
        Item::new(value, id, self.clock)
    }

    fn spent(&self, begun: Option<Instant>) {
        if let Some(begun) = begun {
            let time = self.clock.now().saturating_duration_since(begun);
            self.shelf.lock().spent(time);
        }
    }
}

/// An object of a shelf, owned until it is dropped; then it goes back, empty.
///
/// As `AsRef<[u8]>` it can be the owner of shared bytes, and goes back when
/// the last of them is dropped.
pub struct Lease<T: Reusable> {
    item: Item<T>,
    spoiled: bool,
    timed: bool,
    of: Reuse<T>,
}

impl<T: Reusable> Lease<T> {
    /// It shall not be used again: it is dropped in place of going back.
    pub fn spoil(&mut self) {
        self.spoiled = true;
    }

    /// What is known about the object; in debug builds only.
    pub fn history(&self) -> Option<History> {
        self.item.history()
    }
}

impl<T: Reusable> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.item.value
    }
}

impl<T: Reusable> DerefMut for Lease<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.item.value
    }
}

impl<T: Reusable + AsRef<[u8]>> AsRef<[u8]> for Lease<T> {
    fn as_ref(&self) -> &[u8] {
        self.item.value.as_ref()
    }
}

impl<T: Reusable + fmt::Debug> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.item.value).finish()
    }
}

impl<T: Reusable> Drop for Lease<T> {
    fn drop(&mut self) {
        let inner = &*self.of.0;
        let begun = self.timed.then(|| inner.clock.now());
        let mut item = std::mem::take(&mut self.item);
        // One that cannot be emptied is not for the next.
        let emptied = catch_unwind(AssertUnwindSafe(|| {
            item.value.reset();
            item.value.bytes()
        }));
        let spoiled = self.spoiled || emptied.is_err();
        item.bytes = emptied.unwrap_or_default();
        let left = inner.shelf.lock().bring(item, spoiled, &inner.settings);
        drop(left);
        inner.spent(begun);
    }
}
