//! The numbers of all merges of one kind.
//!
//! 1. An input that was taken is open or has left, and is counted by how: its
//!    stream was done, it panicked, or it was dropped with its merge.
//!
//! What came out is counted as it is handed over; nothing is kept here.

use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What the merges of one kind count into; a clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Merges(Arc<Totals>);

#[derive(Debug, Default)]
struct Totals {
    open: AtomicU64,
    items: AtomicU64,
    refused: AtomicU64,
    done: AtomicU64,
    panicked: AtomicU64,
    dropped: AtomicU64,
}

impl Merges {
    /// An input is taken.
    pub(crate) fn enter(&self) -> Entered {
        add(&self.0.open);
        Entered {
            of: self.clone(),
            is_done: None,
        }
    }

    /// An input is refused.
    pub(crate) fn refuse(&self) {
        add(&self.0.refused);
    }
}

impl Observe for Merges {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let totals = &*self.0;
        to.gauge(names::MERGE_INPUTS, labels, gauge(read(&totals.open)));
        to.counter(names::MERGE_ITEMS, labels, read(&totals.items));
        to.counter(names::MERGE_REFUSED, labels, read(&totals.refused));
        for (exit, number) in [
            ("done", &totals.done),
            ("panicked", &totals.panicked),
            ("dropped", &totals.dropped),
        ] {
            let labels = [labels, &[("exit", exit)]].concat();
            to.counter(names::MERGE_ENDED, &labels, read(number));
        }
    }
}

/// One input, until it is dropped.
#[derive(Debug)]
pub(crate) struct Entered {
    of: Merges,
    /// Whether its stream ended well, once it has ended.
    is_done: Option<bool>,
}

impl Entered {
    /// It gave an item.
    pub(crate) fn item(&self) {
        add(&self.of.0.items);
    }

    /// Its stream has ended, well or with a panic.
    pub(crate) fn end(&mut self, is_done: bool) {
        self.is_done = Some(is_done);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let totals = &*self.of.0;
        add(match self.is_done {
            Some(true) => &totals.done,
            Some(false) => &totals.panicked,
            None => &totals.dropped,
        });
        totals.open.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(number: &AtomicU64) {
    number.fetch_add(1, Ordering::Relaxed);
}
