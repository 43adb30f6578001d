//! What a [`Reuse`](crate::Reuse) keeps, and what it counts.
//!
//! 1. Nothing here calls the objects: it is all under one lock.
//! 2. The last that came is the first that goes: it is still in the cache.

use crate::clock::{Clock, Instant};
use crate::reuse::{LowHits, ReuseSettings, ReuseStats};

/// Every so many requests one is timed, with its return: two looks at the
/// clock cost more than what they measure.
pub(crate) const TIMED: u64 = 64;

/// Places that are there from the start, so that few shelves ever grow.
const SET_ASIDE: usize = 1024;

/// What a debug build knows about an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct History {
    /// Unique on its shelf.
    pub id: u64,
    /// Owners so far, this one included.
    pub owners: u64,
    /// When it was made.
    pub made: Instant,
    /// When its owner took it.
    pub taken: Instant,
}

pub(crate) struct Shelf<T> {
    items: Vec<Item<T>>,
    stats: ReuseStats,
    judged: LowHits,
    /// None before the first were judged.
    low: Option<bool>,
}

/// An object, on the shelf or leased.
#[derive(Default)]
pub(crate) struct Item<T> {
    pub(crate) value: T,
    /// What it holds, as it was when it came back.
    pub(crate) bytes: usize,
    #[cfg(debug_assertions)]
    history: Option<History>,
}

const NONE_JUDGED: LowHits = LowHits {
    hits: 0,
    requests: 0,
};

impl<T> Shelf<T> {
    pub(crate) fn new(items: usize) -> Self {
        Self {
            items: Vec::with_capacity(items.min(SET_ASIDE)),
            stats: ReuseStats::default(),
            judged: NONE_JUDGED,
            low: None,
        }
    }

    pub(crate) fn stats(&self) -> ReuseStats {
        ReuseStats {
            kept: self.items.len() as u64,
            ..self.stats
        }
    }

    /// What there is, a warning if one is due, and whether to time this one.
    pub(crate) fn take(
        &mut self,
        settings: &ReuseSettings,
    ) -> (Option<Item<T>>, Option<LowHits>, bool) {
        let timed = self.stats.requests.is_multiple_of(TIMED);
        self.stats.requests += 1;
        self.judged.requests += 1;
        let found = self.items.pop();
        if let Some(item) = &found {
            self.stats.hits += 1;
            self.stats.in_use += 1;
            self.stats.saved_bytes += item.bytes as u64;
            self.stats.kept_bytes -= item.bytes as u64;
            self.judged.hits += 1;
        } else {
            self.stats.misses += 1;
        }
        (found, self.judge(settings), timed)
    }

    fn judge(&mut self, settings: &ReuseSettings) -> Option<LowHits> {
        let LowHits { hits, requests } = self.judged;
        if requests < settings.judged {
            return None;
        }
        self.judged = NONE_JUDGED;
        let low = hits * 100 < requests * u64::from(settings.warn_below_percent);
        let before = self.low.replace(low && self.low.is_some());
        let begins = low && before == Some(false);
        self.stats.low_hits += u64::from(begins);
        begins.then_some(LowHits { hits, requests })
    }

    /// One was made, and is in use; its number.
    pub(crate) fn made(&mut self) -> u64 {
        self.stats.creations += 1;
        self.stats.in_use += 1;
        self.stats.creations
    }

    /// Keeps it, or gives it back to be dropped outside the lock.
    pub(crate) fn bring(
        &mut self,
        item: Item<T>,
        spoiled: bool,
        settings: &ReuseSettings,
    ) -> Option<Item<T>> {
        self.stats.in_use -= 1;
        let count = if spoiled {
            &mut self.stats.spoiled
        } else if item.bytes > settings.item_bytes {
            &mut self.stats.too_large
        } else if self.items.len() >= settings.items {
            &mut self.stats.too_many
        } else {
            self.stats.kept_bytes += item.bytes as u64;
            self.stats.returns += 1;
            self.items.push(item);
            return None;
        };
        *count += 1;
        Some(item)
    }

    pub(crate) fn spent(&mut self, time: std::time::Duration) {
        let all = time.saturating_mul(u32::try_from(TIMED).unwrap_or(u32::MAX));
        self.stats.spent = self.stats.spent.saturating_add(all);
    }
}

#[cfg(debug_assertions)]
impl<T> Item<T> {
    pub(crate) fn new(value: T, id: u64, clock: Clock) -> Self {
        let (owners, now) = (0, clock.now());
        let history = Some(History {
            id,
            owners,
            made: now,
            taken: now,
        });
        let bytes = 0;
        Self {
            value,
            bytes,
            history,
        }
    }

    pub(crate) fn owned_from(mut self, clock: Clock) -> Self {
        if let Some(history) = &mut self.history {
            history.owners += 1;
            history.taken = clock.now();
        }
        self
    }

    pub(crate) fn history(&self) -> Option<History> {
        self.history
    }
}

#[cfg(not(debug_assertions))]
impl<T> Item<T> {
    pub(crate) fn new(value: T, _: u64, _: Clock) -> Self {
        let bytes = 0;
        Self { value, bytes }
    }

    pub(crate) fn owned_from(self, _: Clock) -> Self {
        self
    }

    pub(crate) fn history(&self) -> Option<History> {
        None
    }
}
