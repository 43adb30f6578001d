//! Many streams in one.
//!
//! 1. It ends exactly when all inputs have ended, and nothing is lost: items
//!    are handed through, none is kept here (R-M9, R-G45).
//! 2. An input that was not woken is not polled: idle costs nothing.
//! 3. Between two items of one input, every other that has one gives one.
//! 4. An input that fails or panics ends alone, and by its number.
//! 5. Inputs are bounded. The order between inputs is that of their news.

use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use futures_core::Stream;

use crate::exit::Exit;
use crate::merges::{Entered, Merges};
use crate::nudges::Nudges;
use crate::slots::Slots;
use crate::task::exit_of;

/// As many inputs as may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} streams are merged, and no more may be")]
pub struct MergeFull {
    /// How many may be.
    pub limit: usize,
}

/// What comes out of a merge. An input that can fail has results as items.
#[derive(Debug)]
pub enum Merged<T> {
    /// An item of an input.
    Item {
        /// The input's number.
        from: usize,
        /// What it gave.
        item: T,
    },
    /// An input has ended; its number may be given to another.
    Ended {
        /// The input's number.
        from: usize,
        /// Done, or panicked.
        exit: Exit<()>,
    },
}

type Source<'a, T> = Pin<Box<dyn Stream<Item = T> + Send + 'a>>;

/// Many streams in one. Dropping it drops them.
pub struct Merge<'a, T> {
    limit: usize,
    inputs: Slots<Input<'a, T>>,
    nudges: Nudges,
    counted: Merges,
}

struct Input<'a, T> {
    source: Source<'a, T>,
    counted: Entered,
    /// Made at the first poll.
    waker: Option<Waker>,
}

impl<'a, T> Merge<'a, T> {
    /// No input yet, and never more at once than `limit`.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            inputs: Slots::default(),
            nudges: Nudges::default(),
            counted: Merges::default(),
        }
    }

    /// Counts its inputs from now on among these.
    #[must_use]
    pub fn counted(mut self, among: &Merges) -> Self {
        self.counted = among.clone();
        self
    }

    /// Adds an input, also while others run; its number.
    ///
    /// # Errors
    /// [`MergeFull`] if there are as many as may be.
    pub fn add(&mut self, source: impl Stream<Item = T> + Send + 'a) -> Result<usize, MergeFull> {
        let limit = self.limit;
        if self.inputs.len() >= limit {
            self.counted.refuse();
            return Err(MergeFull { limit });
        }
        let from = self.inputs.insert(Input {
            source: Box::pin(source),
            counted: self.counted.enter(),
            waker: None,
        });
        self.nudges.queue(from);
        Ok(from)
    }

    /// How many inputs have not ended.
    pub fn inputs(&self) -> usize {
        self.inputs.len()
    }

    /// The next of what the inputs give; `None` when there is none. Cancel
    /// safe.
    pub async fn next(&mut self) -> Option<Merged<T>> {
        poll_fn(|cx| self.poll_merged(cx)).await
    }

    fn poll_merged(&mut self, cx: &Context<'_>) -> Poll<Option<Merged<T>>> {
        self.nudges.listen(cx.waker());
        // One round; who is nudged meanwhile has woken the task.
        for _ in 0..self.nudges.len() {
            let news = self.nudges.next().and_then(|from| self.poll_one(from));
            if news.is_some() {
                return Poll::Ready(news);
            }
        }
        if self.inputs.len() == 0 {
            return Poll::Ready(None);
        }
        Poll::Pending
    }

    /// What this input has. One that ended before may still be nudged.
    fn poll_one(&mut self, from: usize) -> Option<Merged<T>> {
        let Input {
            source,
            counted,
            waker,
        } = self.inputs.get_mut(from)?;
        let waker = waker.get_or_insert_with(|| self.nudges.waker(from));
        let mut cx = Context::from_waker(waker);
        let polled = AssertUnwindSafe(|| source.as_mut().poll_next(&mut cx));
        let exit = match catch_unwind(polled) {
            Ok(Poll::Pending) => return None,
            Ok(Poll::Ready(Some(item))) => {
                counted.item();
                // It may have more, and goes behind the others for it.
                self.nudges.queue(from);
                return Some(Merged::Item { from, item });
            }
            Ok(Poll::Ready(None)) => Exit::Done(()),
            Err(panic) => exit_of(Err(panic)),
        };
        counted.end(exit.is_done());
        release(self.inputs.remove(from));
        Some(Merged::Ended { from, exit })
    }
}

/// A panic in the drop of one is not another's.
fn release<I>(input: I) {
    let _ = catch_unwind(AssertUnwindSafe(|| drop(input)));
}

impl<T> Drop for Merge<'_, T> {
    fn drop(&mut self) {
        let inputs = std::mem::take(&mut self.inputs);
        inputs.into_values().for_each(release);
    }
}

impl<T> Stream for Merge<'_, T> {
    type Item = Merged<T>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Merged<T>>> {
        self.poll_merged(cx)
    }
}

impl<T> fmt::Debug for Merge<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Merge")
            .field("limit", &self.limit)
            .field("inputs", &self.inputs.len())
            .finish_non_exhaustive()
    }
}
