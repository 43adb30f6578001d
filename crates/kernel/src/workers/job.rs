//! A job: work that is handed to workers, and its one exit.
//!
//! 1. Whatever becomes of the work, its owner hears exactly one `Exit`: also
//!    when it panics, and when it is dropped unfinished or unbegun (R-G30).
//! 2. Nobody has to listen: the exit waits for its owner, or is dropped.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use crate::after::After;
use crate::exit::Exit;
use crate::sync::{Arc, Mutex};
use crate::task::caught;
use crate::workers::crew::Crew;

/// Work without its type, as the queue holds it.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How a job ended, for the crew's counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Done,
    Panicked,
    Cancelled,
    Refused,
}

/// The handle of a job; awaiting it gives its exit. Dropping it ends nothing.
#[must_use = "a job that nobody listens to still runs"]
pub struct Job<T> {
    id: u64,
    slot: Arc<Mutex<Slot<T>>>,
}

struct Slot<T> {
    exit: Option<Exit<T>>,
    waker: Option<Waker>,
    /// It never got in.
    refused: bool,
}

impl<T: Send + 'static> Job<T> {
    /// Splits work into the handle of its owner and the part that is run.
    pub(crate) fn new(
        crew: &Arc<Crew>,
        work: impl Future<Output = T> + Send + 'static,
    ) -> (Self, Work) {
        let slot = Arc::new(Mutex::new(Slot {
            exit: None,
            waker: None,
            refused: false,
        }));
        let id = crew.reporter.new_id();
        let reply = Reply {
            id,
            crew: Arc::clone(crew),
            slot: Arc::clone(&slot),
            said: false,
        };
        // Dropped in this order, begun or not: the owner hears of the end when
        // all that the work held is gone.
        let held = Held { work, reply };
        let work = Box::pin(async move {
            let Held { work, mut reply } = { held };
            let exit = caught(work).await;
            reply.say(exit);
        });
        (Self { id, slot }, work)
    }
}

impl<T> Job<T> {
    /// Unique in the tree of the scope, like a task's.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.slot.lock().exit.is_some()
    }

    /// It did not get in: its work is counted as refused when it is dropped.
    pub(crate) fn refuse(&self) {
        self.slot.lock().refused = true;
    }
}

impl<T> Future for Job<T> {
    type Output = Exit<T>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<T>> {
        let mut after = After::default();
        let answer = {
            let mut slot = self.slot.lock();
            match slot.exit.take() {
                Some(exit) => Poll::Ready(exit),
                None => {
                    after.keep(&mut slot.waker, cx.waker());
                    Poll::Pending
                }
            }
        };
        after.run();
        answer
    }
}

impl<T> fmt::Debug for Job<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job").field("id", &self.id).finish()
    }
}

struct Held<W, T> {
    work: W,
    reply: Reply<T>,
}

/// The duty to say how the work ended.
struct Reply<T> {
    id: u64,
    crew: Arc<Crew>,
    slot: Arc<Mutex<Slot<T>>>,
    said: bool,
}

impl<T> Reply<T> {
    fn say(&mut self, exit: Exit<T>) {
        self.said = true;
        let end = match &exit {
            Exit::Panicked(message) => {
                self.crew.reporter.panicked(self.id, message);
                End::Panicked
            }
            Exit::Done(_) => End::Done,
            _ if self.slot.lock().refused => End::Refused,
            _ => End::Cancelled,
        };
        self.crew.ended(end);
        let waker = {
            let mut slot = self.slot.lock();
            slot.exit = Some(exit);
            slot.waker.take()
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if self.said {
            return;
        }
        self.say(if std::thread::panicking() {
            Exit::Panicked("a panic while the work was dropped".to_owned())
        } else {
            Exit::Cancelled
        });
    }
}
