//! A task: work with an id, a name and exactly one exit.
//!
//! 1. A panic of the work is caught at its own poll: the exit says so, the
//!    tree counts it, the hook reports it, and what the work held is dropped.
//! 2. The work is dropped before the task leaves its scope.
//! 3. Dropping a `Task` aborts nothing: the scope owns the work.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinHandle};

use crate::exit::Exit;
use crate::scope::{Kind, SpawnRefused};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::tree::{Node, Seat};

/// A panic of a task, with its context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PanicReport {
    /// The task's id.
    pub id: u64,
    /// The task's name.
    pub name: &'static str,
    /// The scope it was in.
    pub scope: &'static str,
    /// What the panic said.
    pub message: String,
}

/// The handle of a task; awaiting it gives its exit.
#[derive(Debug)]
pub struct Task<T> {
    id: u64,
    name: &'static str,
    handle: JoinHandle<Exit<T>>,
}

impl<T: Send + 'static> Task<T> {
    pub(crate) fn spawn(
        node: &Arc<Node>,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<Self, SpawnRefused> {
        let runtime = Handle::try_current().map_err(|_| SpawnRefused::NoRuntime)?;
        let job = Job {
            work,
            seat: Node::sit(node, name, Kind::Task)?,
        };
        let (id, place) = (job.seat.id, job.seat.place());
        let handle = runtime.spawn(async move {
            let Job { work, seat } = job;
            let exit = caught(work).await;
            report(&exit, name, &seat);
            exit
        });
        place.runs(handle.abort_handle());
        Ok(Self { id, name, handle })
    }

    pub(crate) fn spawn_blocking(
        node: &Arc<Node>,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Self, SpawnRefused> {
        let runtime = Handle::try_current().map_err(|_| SpawnRefused::NoRuntime)?;
        let job = Job {
            work,
            seat: Node::sit(node, name, Kind::Task)?,
        };
        let (id, place) = (job.seat.id, job.seat.place());
        let handle = runtime.spawn_blocking(move || {
            let Job { work, seat } = job;
            let exit = exit_of(catch_unwind(AssertUnwindSafe(work)));
            report(&exit, name, &seat);
            exit
        });
        place.runs(handle.abort_handle());
        Ok(Self { id, name, handle })
    }
}

impl<T> Task<T> {
    /// Unique in the tree of the root scope.
    pub fn id(&self) -> u64 {
        self.id
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Ends it by force at its next await.
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// Whether it has ended.
    pub fn is_finished(&self) -> bool {
        self.handle.is_finished()
    }
}

impl<T> Future for Task<T> {
    type Output = Exit<T>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Exit<T>> {
        Pin::new(&mut self.handle).poll(cx).map(|end| match end {
            Ok(exit) => exit,
            Err(error) => aborted(error),
        })
    }
}

/// The work and its seat, in the order in which they must be dropped.
struct Job<W> {
    work: W,
    seat: Seat,
}

/// Only an abort ends the wrapper before its exit; a panic can still come
/// from the drop of what the aborted work held.
fn aborted<T>(error: JoinError) -> Exit<T> {
    match error.try_into_panic() {
        Ok(panic) => Exit::Panicked(message(&*panic)),
        Err(_) => Exit::Cancelled,
    }
}

/// Runs `work` to its end; a panic of it becomes its exit.
pub(crate) async fn caught<F: Future>(work: F) -> Exit<F::Output> {
    let mut work = pin!(work);
    std::future::poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(value)) => Poll::Ready(Exit::Done(value)),
            Err(panic) => Poll::Ready(Exit::Panicked(message(&*panic))),
        },
    )
    .await
}

pub(crate) fn exit_of<T>(end: std::thread::Result<T>) -> Exit<T> {
    match end {
        Ok(value) => Exit::Done(value),
        Err(panic) => Exit::Panicked(message(&*panic)),
    }
}

fn report<T>(exit: &Exit<T>, name: &'static str, seat: &Seat) {
    if let Exit::Panicked(message) = exit {
        Reporter::new(&seat.node, name).panicked(seat.id, message);
    }
}

/// Where panics of a scope are counted and reported: those of its tasks, and
/// of jobs that are not tasks of their own.
pub(crate) struct Reporter {
    node: Arc<Node>,
    name: &'static str,
}

impl Reporter {
    pub(crate) fn new(node: &Arc<Node>, name: &'static str) -> Self {
        let node = Arc::clone(node);
        Self { node, name }
    }

    /// An id, unique in the tree.
    pub(crate) fn new_id(&self) -> u64 {
        self.node.house.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Whether the scope was cancelled.
    pub(crate) fn is_cancelled(&self) -> bool {
        self.node.why().is_some()
    }

    pub(crate) fn panicked(&self, id: u64, message: &str) {
        let house = &self.node.house;
        house.panicked.fetch_add(1, Ordering::Relaxed);
        if let Some(hook) = house.on_panic.get() {
            let report = PanicReport {
                id,
                name: self.name,
                scope: self.node.name,
                message: message.to_owned(),
            };
            // A hook that panics must not take the exit with it.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&report)));
        }
    }
}

/// What a panic said.
fn message(panic: &(dyn Any + Send)) -> String {
    if let Some(text) = panic.downcast_ref::<&str>() {
        (*text).to_owned()
    } else if let Some(text) = panic.downcast_ref::<String>() {
        text.clone()
    } else {
        "a panic without a message".to_owned()
    }
}
