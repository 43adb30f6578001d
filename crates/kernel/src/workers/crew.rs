//! The books of a crew: how many workers there may be, are, and are needed.
//!
//! 1. A job is open from before it is offered until its end. As long as there
//!    are more open jobs than workers, and room for one, a worker is hired.
//! 2. A worker rests only while the others are enough for all open jobs, so
//!    that no job is left behind; it goes when there are too many.

use std::task::Waker;
use std::time::Duration;

use super::job::{End, Work};
use super::worker::Worker;
use super::{WorkersSettings, WorkersStats};
use crate::after::After;
use crate::bell::Bell;
use crate::queue::Queue;
use crate::sync::{Arc, Mutex};
use crate::task::Reporter;

pub(crate) struct Crew {
    pub(crate) queue: Queue<Work>,
    pub(super) reporter: Reporter,
    books: Mutex<Books>,
}

#[derive(Default)]
struct Books {
    size: u64,
    patience: Duration,
    active: u64,
    busy: u64,
    open: u64,
    offered: u64,
    done: u64,
    panicked: u64,
    cancelled: u64,
    refused: u64,
    /// Idle workers, rung when there may be too many.
    idle: Bell,
}

impl Crew {
    pub(crate) fn new(settings: &WorkersSettings, reporter: Reporter) -> Arc<Self> {
        let books = Books {
            size: whole(settings.workers),
            patience: settings.idle,
            ..Books::default()
        };
        Arc::new(Self {
            queue: Queue::new(settings.queue),
            reporter,
            books: Mutex::new(books),
        })
    }

    /// Who is idle and too much goes; who is busy and too much goes after it.
    pub(crate) fn apply(&self, settings: &WorkersSettings) {
        self.queue.apply(settings.queue);
        let mut woken = Vec::new();
        {
            let mut books = self.books.lock();
            books.size = whole(settings.workers);
            books.patience = settings.idle;
            if books.active > books.size {
                books.idle.ring(&mut woken);
            }
        }
        woken.into_iter().for_each(Waker::wake);
    }

    /// How long an idle worker stays that is not needed.
    pub(super) fn patience(&self) -> Duration {
        self.books.lock().patience
    }

    /// A job comes.
    pub(crate) fn opened(&self) {
        let mut books = self.books.lock();
        books.offered += 1;
        books.open += 1;
    }

    /// A job had its end.
    pub(super) fn ended(&self, end: End) {
        let mut books = self.books.lock();
        books.open -= 1;
        let count = match end {
            End::Done => &mut books.done,
            End::Panicked => &mut books.panicked,
            End::Cancelled => &mut books.cancelled,
            End::Refused => &mut books.refused,
        };
        *count += 1;
    }

    /// Hires a worker if one is needed; it must be run.
    pub(crate) fn hire(self: &Arc<Self>) -> Option<Worker> {
        let mut books = self.books.lock();
        let needed = books.open > books.active && books.active < books.size;
        if needed {
            books.active += 1;
            drop(books);
            return Some(Worker::new(Arc::clone(self)));
        }
        None
    }

    /// Whether nobody is there who would ever take a job.
    pub(crate) fn is_deserted(&self) -> bool {
        self.books.lock().active == 0
    }

    /// Whether an idle worker stays. It is rung when that may have changed.
    pub(super) fn stays(&self, seat: &mut Option<usize>, waker: &Waker) -> bool {
        let mut after = After::default();
        let stays = {
            let mut books = self.books.lock();
            let stays = books.active <= books.size;
            if stays {
                let seat = *seat.get_or_insert_with(|| books.idle.sit());
                after.let_go(books.idle.wait(seat, waker));
            } else {
                books.active -= 1;
            }
            stays
        };
        after.run();
        stays
    }

    /// Whether an idle worker may rest: the others are enough without it.
    pub(super) fn rests(&self) -> bool {
        let mut books = self.books.lock();
        let rests = books.open < books.active;
        books.active -= u64::from(rests);
        rests
    }

    /// A worker is not idle any more.
    pub(super) fn rises(&self, seat: &mut Option<usize>) {
        if let Some(seat) = seat.take() {
            let waker = self.books.lock().idle.leave(seat);
            drop(waker);
        }
    }

    /// A worker begins a job, or has ended it.
    pub(super) fn busy(&self, busy: bool) {
        let mut books = self.books.lock();
        books.busy = if busy { books.busy + 1 } else { books.busy - 1 };
    }

    /// A worker goes without having asked; whether it was the last.
    pub(super) fn gone(&self, busy: bool) -> bool {
        let mut books = self.books.lock();
        books.busy -= u64::from(busy);
        books.active -= 1;
        books.active == 0
    }

    pub(crate) fn stats(&self) -> WorkersStats {
        let queue = self.queue.stats();
        let books = self.books.lock();
        WorkersStats {
            size: books.size,
            active: books.active,
            busy: books.busy,
            idle: books.active - books.busy,
            open: books.open,
            offered: books.offered,
            done: books.done,
            panicked: books.panicked,
            cancelled: books.cancelled,
            refused: books.refused,
            queue,
        }
    }
}

/// At least one, or nothing would ever be done.
fn whole(size: usize) -> u64 {
    size.max(1) as u64
}
