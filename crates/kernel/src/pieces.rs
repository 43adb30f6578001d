//! The pieces of a gathering while they run: a set that one task polls.
//!
//! 1. Only who was woken is polled, and no more run than may at once.
//! 2. The verdict is looked at after each end, so that what was decided at one
//!    poll is not undone by a piece behind it.
//! 3. Whatever a piece's drop does, the others go on.
//!
//! Deadline, cancel and the scopes are the gathering's.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::exit::Exit;
use crate::gather::{PieceExit, Stop};
use crate::gatherings::Counted;
use crate::nudges::Nudges;

pub(crate) type Work<'a, T, E> = Pin<Box<dyn Future<Output = Exit<Result<T, E>>> + Send + 'a>>;

pub(crate) struct Pieces<'a, T, E> {
    all: Vec<Running<'a, T, E>>,
    counted: Counted,
    nudges: Nudges,
    /// Those before this one have begun.
    begun: usize,
    ended: usize,
    good: usize,
    /// How many good ones are enough; all must end if it is not said.
    wanted: Option<usize>,
    first_error: Option<usize>,
}

struct Running<'a, T, E> {
    work: Contained<Work<'a, T, E>>,
    waker: Option<Waker>,
    exit: PieceExit<T, E>,
}

impl<'a, T, E> Pieces<'a, T, E> {
    pub(crate) fn new(
        works: Vec<Work<'a, T, E>>,
        at_once: usize,
        wanted: Option<usize>,
        counted: Counted,
    ) -> Self {
        let all = works.into_iter().map(|work| Running {
            work: Contained(Some(work)),
            waker: None,
            exit: PieceExit::Unfinished,
        });
        let mut pieces = Self {
            all: all.collect(),
            counted,
            nudges: Nudges::default(),
            begun: 0,
            ended: 0,
            good: 0,
            wanted,
            first_error: None,
        };
        for _ in 0..at_once.min(pieces.all.len()) {
            pieces.begin();
        }
        pieces
    }

    /// Lets the next one have its turn, if there is one.
    fn begin(&mut self) {
        if self.begun < self.all.len() {
            self.nudges.queue(self.begun);
            self.begun += 1;
        }
    }

    pub(crate) fn poll(&mut self, cx: &Context<'_>) -> Poll<Stop> {
        if let Some(stop) = self.verdict() {
            return Poll::Ready(stop);
        }
        self.nudges.listen(cx.waker());
        // One round; who is nudged meanwhile has its turn in the next.
        for _ in 0..self.nudges.len() {
            let ended = self.nudges.next().is_some_and(|n| self.poll_one(n));
            if ended && let Some(stop) = self.verdict() {
                return Poll::Ready(stop);
            }
        }
        if self.nudges.len() > 0 {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }

    /// Whether it ended now. One that ended before may still be nudged.
    fn poll_one(&mut self, n: usize) -> bool {
        let piece = &mut self.all[n];
        let Some(work) = &mut piece.work.0 else {
            return false;
        };
        let waker = piece.waker.get_or_insert_with(|| self.nudges.waker(n));
        let Poll::Ready(exit) = work.as_mut().poll(&mut Context::from_waker(waker)) else {
            return false;
        };
        piece.exit = match exit {
            Exit::Done(Ok(value)) => PieceExit::Good(value),
            Exit::Done(Err(error)) => PieceExit::Failed(error),
            Exit::Panicked(message) => PieceExit::Panicked(message),
            // Caught work ends in no third way; what it says is told.
            other => PieceExit::Panicked(other.label().to_owned()),
        };
        self.counted.piece(&piece.exit);
        let good = matches!(piece.exit, PieceExit::Good(_));
        piece.work.release();
        self.ended += 1;
        self.good += usize::from(good);
        if !good {
            self.first_error.get_or_insert(n);
        }
        self.begin();
        true
    }

    fn verdict(&self) -> Option<Stop> {
        let left = self.all.len() - self.ended;
        match self.wanted {
            None => (left == 0).then_some(Stop::Reached),
            Some(wanted) if self.good >= wanted => Some(Stop::Reached),
            Some(wanted) => (self.good + left < wanted).then_some(Stop::OutOfReach),
        }
    }

    /// Drops who still runs, since the gathering ends for this reason.
    pub(crate) fn end(mut self, stop: Stop) -> Ended<T, E> {
        for piece in &mut self.all {
            piece.work.release();
        }
        self.counted.end(stop);
        Ended {
            exits: self.all.into_iter().map(|piece| piece.exit).collect(),
            first_error: self.first_error,
            counted: self.counted,
        }
    }
}

/// What is left when all have ended.
pub(crate) struct Ended<T, E> {
    /// In the order of the pieces.
    pub(crate) exits: Vec<PieceExit<T, E>>,
    /// The first in time.
    pub(crate) first_error: Option<usize>,
    pub(crate) counted: Counted,
}

/// A piece that is gone once it has ended. A panic in its drop is not another's,
/// also when all are dropped together.
struct Contained<W>(Option<W>);

impl<W> Contained<W> {
    fn release(&mut self) {
        let gone = self.0.take();
        let _ = catch_unwind(AssertUnwindSafe(|| drop(gone)));
    }
}

impl<W> Drop for Contained<W> {
    fn drop(&mut self) {
        self.release();
    }
}
