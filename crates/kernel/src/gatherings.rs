//! The numbers of all gatherings of one kind.
//!
//! 1. A gathering that began runs or has ended, for one reason; one whose
//!    caller left was dropped.
//! 2. A piece of one that has ended has one exit, also if its caller left.
//!
//! What was gathered is the caller's, and not kept here.

use crate::gather::{PieceExit, Stop};
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// What the gatherings of one kind count into; a clone is the same.
#[derive(Clone, Debug, Default)]
pub struct Gatherings(Arc<Totals>);

#[derive(Debug, Default)]
struct Totals {
    running: AtomicU64,
    /// By [`Stop`], and the last is for those that were dropped.
    ended: [AtomicU64; 5],
    /// By [`PieceExit`].
    pieces: [AtomicU64; 4],
    left: AtomicU64,
}

const ENDS: [&str; 5] = [
    "reached",
    "out_of_reach",
    "deadline",
    "cancelled",
    "dropped",
];
const DROPPED: usize = ENDS.len() - 1;
const EXITS: [&str; 4] = ["good", "failed", "panicked", "unfinished"];
const UNFINISHED: usize = EXITS.len() - 1;

impl Gatherings {
    /// One of so many pieces begins.
    pub(crate) fn begin(&self, pieces: usize) -> Counted {
        self.0.running.fetch_add(1, Ordering::Relaxed);
        Counted {
            of: self.clone(),
            open: pieces as u64,
            end: DROPPED,
        }
    }
}

impl Observe for Gatherings {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let totals = &*self.0;
        to.gauge(names::GATHER_RUNNING, labels, gauge(read(&totals.running)));
        for (end, number) in ENDS.iter().zip(&totals.ended) {
            let labels = [labels, &[("stop", end)]].concat();
            to.counter(names::GATHER_ENDED, &labels, read(number));
        }
        for (exit, number) in EXITS.iter().zip(&totals.pieces) {
            let labels = [labels, &[("exit", exit)]].concat();
            to.counter(names::GATHER_PIECES, &labels, read(number));
        }
        to.counter(names::GATHER_LEFT, labels, read(&totals.left));
    }
}

/// One gathering, until it is dropped.
#[derive(Debug)]
pub(crate) struct Counted {
    of: Gatherings,
    /// Pieces without an exit.
    open: u64,
    end: usize,
}

impl Counted {
    /// A piece has ended.
    pub(crate) fn piece<T, E>(&mut self, exit: &PieceExit<T, E>) {
        let exit = match exit {
            PieceExit::Good(_) => 0,
            PieceExit::Failed(_) => 1,
            PieceExit::Panicked(_) => 2,
            PieceExit::Unfinished => UNFINISHED,
        };
        self.open = self.open.saturating_sub(1);
        add(&self.of.0.pieces[exit], 1);
    }

    /// It ends for this reason.
    pub(crate) fn end(&mut self, stop: Stop) {
        self.end = match stop {
            Stop::Reached => 0,
            Stop::OutOfReach => 1,
            Stop::Deadline => 2,
            Stop::Cancelled(_) => 3,
        };
    }

    /// So many tasks of its pieces did not end in time.
    pub(crate) fn left(&self, tasks: usize) {
        add(&self.of.0.left, tasks as u64);
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let totals = &*self.of.0;
        add(&totals.pieces[UNFINISHED], self.open);
        add(&totals.ended[self.end], 1);
        totals.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn add(number: &AtomicU64, by: u64) {
    number.fetch_add(by, Ordering::Relaxed);
}
