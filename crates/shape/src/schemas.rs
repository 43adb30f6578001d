//! Compiled schemas by their text, so that each is compiled once.
//!
//! 1. One text is compiled once, however many ask for it at the same time; who asks
//!    for another waits for nobody (R-G7).
//! 2. Bounded in number and in bytes, but for those that are being compiled; the one
//!    that was asked for the longest time ago leaves first. Who has one keeps it.
//! 3. What cannot be compiled is not kept.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use parking_lot::Mutex;

use crate::schema::{BadSchema, Schema};

/// Schemas that were asked for lately.
#[derive(Debug)]
pub struct Schemas {
    entries: usize,
    bytes: usize,
    shelf: Mutex<Shelf>,
}

/// What happened, since the beginning, and what is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Asked for, and there.
    pub hits: u64,
    /// Asked for, and not there.
    pub misses: u64,
    /// Left to make room.
    pub evicted: u64,
    /// There now.
    pub held: usize,
    /// Bytes that these take, as is estimated.
    pub held_bytes: usize,
}

/// The end of one compilation, which several may wait for.
type Slot = Arc<OnceLock<Result<Arc<Schema>, BadSchema>>>;

#[derive(Debug, Default)]
struct Shelf {
    by_text: HashMap<Arc<str>, Entry>,
    /// The oldest first.
    by_age: BTreeMap<u64, Arc<str>>,
    clock: u64,
    counts: Counts,
}

#[derive(Debug)]
struct Entry {
    slot: Slot,
    age: u64,
    bytes: usize,
}

impl Schemas {
    /// Holds at most `entries` schemas that take `bytes` together, as is estimated.
    pub fn new(entries: usize, bytes: usize) -> Self {
        Self {
            entries,
            bytes,
            shelf: Mutex::default(),
        }
    }

    /// The schema of this text, compiled now or before.
    ///
    /// It may take milliseconds, and waits while another thread compiles the same.
    ///
    /// # Errors
    ///
    /// As [`Schema::compile`].
    pub fn compile(&self, text: &str) -> Result<Arc<Schema>, BadSchema> {
        let slot = self.slot(text);
        let mut first = false;
        let compiled = slot.get_or_init(|| {
            first = true;
            Schema::compile(text).map(Arc::new)
        });
        match compiled {
            _ if !first => {}
            Ok(schema) => self.weigh(text, &slot, schema.weight()),
            Err(_) => self.shelf.lock().forget(text, &slot),
        }
        compiled.clone()
    }

    /// What happened so far.
    pub fn counts(&self) -> Counts {
        let shelf = self.shelf.lock();
        Counts {
            held: shelf.by_text.len(),
            ..shelf.counts
        }
    }

    fn slot(&self, text: &str) -> Slot {
        let mut shelf = self.shelf.lock();
        shelf.clock += 1;
        let now = shelf.clock;
        if let Some((text, entry)) = shelf.take(text) {
            shelf.counts.hits += 1;
            let slot = Arc::clone(&entry.slot);
            shelf.put(text, Entry { age: now, ..entry });
            return slot;
        }
        shelf.counts.misses += 1;
        let slot = Slot::default();
        let entry = Entry {
            slot: Arc::clone(&slot),
            age: now,
            bytes: 0,
        };
        shelf.put(Arc::from(text), entry);
        slot
    }

    /// After a compilation, so that what is no schema pushes nothing out.
    fn weigh(&self, text: &str, slot: &Slot, bytes: usize) {
        let mut shelf = self.shelf.lock();
        if bytes > self.bytes {
            return shelf.forget(text, slot);
        }
        if let Some((text, entry)) = shelf.take(text) {
            let is_it = Arc::ptr_eq(&entry.slot, slot);
            let bytes = if is_it { bytes } else { entry.bytes };
            shelf.put(text, Entry { bytes, ..entry });
        }
        while shelf.by_text.len() > self.entries || shelf.counts.held_bytes > self.bytes {
            shelf.evict();
        }
    }
}

impl Shelf {
    fn put(&mut self, text: Arc<str>, entry: Entry) {
        self.counts.held_bytes += entry.bytes;
        self.by_age.insert(entry.age, Arc::clone(&text));
        self.by_text.insert(text, entry);
    }

    fn take(&mut self, text: &str) -> Option<(Arc<str>, Entry)> {
        let (text, entry) = self.by_text.remove_entry(text)?;
        self.by_age.remove(&entry.age);
        self.counts.held_bytes -= entry.bytes;
        Some((text, entry))
    }

    fn evict(&mut self) {
        if let Some((_, oldest)) = self.by_age.pop_first() {
            self.take(&oldest);
            self.counts.evicted += 1;
        }
    }

    /// Unless another has begun it again.
    fn forget(&mut self, text: &str, slot: &Slot) {
        let is_it = |entry: &Entry| Arc::ptr_eq(&entry.slot, slot);
        if self.by_text.get(text).is_some_and(is_it) {
            self.take(text);
        }
    }
}
