//! What the simulated model saw, and how each call ended.
//!
//! Promises: (1) seen = completed + aborted + open, in total and for each model, in every
//! snapshot; (2) a call ends exactly once, when it is completed or dropped; (3) the table of
//! models is bounded: names beyond [`MAX_MODELS`] are counted together as `other`, calls that
//! name no model of ours as `none`. One short lock at a call's beginning and one at its end.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use parking_lot::Mutex;
use serde::Serialize;
use tidegate_kernel::{Clock, Instant};

/// The most model names that are counted by name.
const MAX_MODELS: usize = 256;
/// The counter of all names after those.
const OTHER: &str = "other";
/// The counter of calls that name no model of ours.
pub(crate) const NONE: &str = "none";

/// Everything that was counted, at one instant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Stats {
    /// Calls that arrived whole, whatever they asked for.
    pub seen: u64,
    /// Calls whose answer was handed over to its end, or to its own cut.
    pub completed: u64,
    /// Calls whose caller left before that.
    pub aborted: u64,
    /// Calls that are being answered.
    pub open: u64,
    /// Bytes of request bodies.
    pub bytes_received: u64,
    /// How long the call that was aborted last had lived, in milliseconds.
    pub last_aborted_ms: Option<u64>,
    /// Connections that the stand-alone server took.
    pub connections_seen: u64,
    /// Connections that it has open.
    pub connections_open: u64,
    /// The calls of each model: at most 256 names, the others together as `other`; calls that
    /// name no model of ours as `none`.
    pub by_model: BTreeMap<String, ModelStats>,
}

/// The calls of one model.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ModelStats {
    /// Calls that named it.
    pub seen: u64,
    /// Of these, answered to the end.
    pub completed: u64,
    /// Of these, left by the caller.
    pub aborted: u64,
    /// Of these, being answered.
    pub open: u64,
}

/// The counters behind [`Stats`].
#[derive(Debug)]
pub(crate) struct Tally {
    clock: Clock,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Totals; `by_model` stays empty here.
    total: Stats,
    models: Vec<(String, ModelStats)>,
    index: HashMap<String, usize>,
}

impl Counts {
    fn slot(&mut self, model: &str) -> usize {
        if let Some(&slot) = self.index.get(model) {
            return slot;
        }
        let room = self.models.len() < MAX_MODELS || model == NONE;
        let name = if room { model } else { OTHER };
        if let Some(&slot) = self.index.get(name) {
            return slot;
        }
        let slot = self.models.len();
        self.models.push((name.to_owned(), ModelStats::default()));
        self.index.insert(name.to_owned(), slot);
        slot
    }
}

impl Tally {
    pub(crate) fn new(clock: Clock) -> Self {
        Self {
            clock,
            counts: Mutex::default(),
        }
    }

    /// Counts a call in.
    pub(crate) fn begin(self: &Arc<Self>, model: &str, bytes: usize) -> Call {
        let start = self.clock.now();
        let mut counts = self.counts.lock();
        let slot = counts.slot(model);
        counts.models[slot].1.seen += 1;
        counts.models[slot].1.open += 1;
        counts.total.seen += 1;
        counts.total.open += 1;
        counts.total.bytes_received += bytes as u64;
        let number = counts.total.seen;
        drop(counts);
        Call {
            tally: Arc::clone(self),
            slot,
            number,
            start,
            open: true,
        }
    }

    /// Counts a connection in and, when the guard drops, out.
    pub(crate) fn connect(self: &Arc<Self>) -> Connection {
        let mut counts = self.counts.lock();
        counts.total.connections_seen += 1;
        counts.total.connections_open += 1;
        drop(counts);
        Connection(Arc::clone(self))
    }

    pub(crate) fn snapshot(&self) -> Stats {
        let counts = self.counts.lock();
        let by_model = counts.models.iter().cloned().collect();
        Stats {
            by_model,
            ..counts.total.clone()
        }
    }
}

/// One call, from its arrival to its end. Dropped while open, it was aborted.
#[derive(Debug)]
pub(crate) struct Call {
    tally: Arc<Tally>,
    slot: usize,
    number: u64,
    start: Instant,
    open: bool,
}

impl Call {
    /// Which call it is, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// When it arrived.
    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// The answer was handed over whole.
    pub(crate) fn complete(mut self) {
        self.open = false;
        let mut counts = self.tally.counts.lock();
        let model = &mut counts.models[self.slot].1;
        model.open -= 1;
        model.completed += 1;
        counts.total.open -= 1;
        counts.total.completed += 1;
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.open {
            return;
        }
        let lived = self.tally.clock.now().saturating_duration_since(self.start);
        let mut counts = self.tally.counts.lock();
        let model = &mut counts.models[self.slot].1;
        model.open -= 1;
        model.aborted += 1;
        counts.total.open -= 1;
        counts.total.aborted += 1;
        counts.total.last_aborted_ms = Some(u64::try_from(lived.as_millis()).unwrap_or(u64::MAX));
    }
}

/// One open connection.
#[derive(Debug)]
pub(crate) struct Connection(Arc<Tally>);

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.counts.lock().total.connections_open -= 1;
    }
}
