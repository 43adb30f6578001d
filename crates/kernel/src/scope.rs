//! The life of work: a name, a cancel that reaches every child, an end. Cancel
//! is asked for, abort is forced: a task watches `cancelled` or works in `run`.
//!
//! 1. A task has id, name, start and scope; a limit refuses, typed (R-D11).
//! 2. `cancel` reaches every scope below, once; the first cause stays.
//! 3. `drain` waits for tasks and guards and names who did not end (R-D9).
//! 4. No task outlives `close`, or for long the last handle (R-P36, R-G43).
//! 5. A panic ends its own task only, is counted and reported (R-D12).

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use crate::clock::{Clock, Deadline};
use crate::exit::Exit;
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::task::{PanicReport, Reporter, Task, caught};
use crate::tree::Node;

/// Why a scope was cancelled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Why {
    /// The caller left or asked for it.
    Caller,
    /// An operator asked for it.
    Operator,
    /// The process stops.
    Shutdown,
    /// The time was over.
    Deadline,
    /// The process is near its bounds.
    Overload,
    /// The scope ended, or its last handle was dropped.
    Closed,
}

impl Why {
    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::Operator => "operator",
            Self::Shutdown => "shutdown",
            Self::Deadline => "deadline",
            Self::Overload => "overload",
            Self::Closed => "closed",
        }
    }
}

/// Why a scope did not take a task or a guard.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SpawnRefused {
    /// The scope has ended.
    #[error("the scope was cancelled: {}", .0.as_str())]
    Cancelled(Why),
    /// The whole tree may have no more tasks.
    #[error("{limit} tasks are running, and no more are allowed")]
    TooMany {
        /// The limit that is reached.
        limit: usize,
    },
    /// There is no runtime on this thread.
    #[error("no runtime here to run a task")]
    NoRuntime,
}

/// What is inside a scope.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// A task, or blocking work.
    Task,
    /// A guard of a request or connection.
    Guard,
}

/// One that has not ended.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Running {
    /// Unique in the tree of the root scope.
    pub id: u64,
    /// The task's name; a guard has the name of its scope.
    pub name: &'static str,
    /// The scope it is in.
    pub scope: &'static str,
    /// Whether it is a task or a guard.
    pub kind: Kind,
    /// How long ago it began.
    pub age: Duration,
}

/// How many there are in a scope, and what became of all of its tree.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Census {
    /// Tasks that have not ended.
    pub tasks: usize,
    /// Guards of requests and connections.
    pub guards: usize,
    /// Tasks that may live at once in the whole tree.
    pub limit: usize,
    /// Tasks that were started.
    pub spawned: u64,
    /// Tasks and guards that were refused.
    pub refused: u64,
    /// Tasks that ended with a panic.
    pub panicked: u64,
}

impl fmt::Display for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            id,
            name,
            scope,
            age,
            ..
        } = self;
        write!(f, "{scope}/{name} #{id} ({:.1} s)", age.as_secs_f64())
    }
}

/// A handle of a scope. Its tasks hold none: the last handle's drop ends them.
pub struct Scope(Arc<Node>);

impl Scope {
    /// A scope under no other; `max_tasks` is for it and all below together.
    pub fn root(name: &'static str, max_tasks: usize) -> Self {
        Self(Node::root(name, max_tasks))
    }

    /// A scope below this one. Below a cancelled one it is born cancelled.
    pub fn child(&self, name: &'static str) -> Self {
        Self(Node::child(&self.0, name))
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Calls `hook` for every panic of a task in the whole tree, so that it
    /// can be logged. The first hook stays.
    pub fn on_panic(&self, hook: impl Fn(&PanicReport) + Send + Sync + 'static) {
        let _ = self.0.house.on_panic.set(Box::new(hook));
    }

    /// Asks everything here and below to end. The first cause stays.
    pub fn cancel(&self, why: Why) {
        self.0.cancel(why);
    }

    /// Why it was cancelled, if it was.
    pub fn why(&self) -> Option<Why> {
        self.0.why()
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.why().is_some()
    }

    /// Waits for the cancel. It owns what it needs, so it can be kept in a
    /// struct; polling it again without news is one atomic load.
    pub fn cancelled(&self) -> Cancelled {
        Cancelled {
            node: Arc::clone(&self.0),
            waiting: None,
        }
    }

    /// Runs `work` here, in the caller's own task, until the first of: done,
    /// cancelled, deadline passed, panicked; the exit says which (R-P13). If
    /// two are true at one poll: a cancel stops work before it goes on, work
    /// that is done beats the deadline.
    pub async fn run<F: Future>(&self, deadline: Deadline, work: F) -> Exit<F::Output> {
        let mut cancelled = self.cancelled();
        let mut bounded = std::pin::pin!(deadline.bound(caught(work)));
        std::future::poll_fn(|cx| {
            if Pin::new(&mut cancelled).poll(cx).is_ready() {
                return Poll::Ready(Exit::Cancelled);
            }
            bounded.as_mut().poll(cx).map(|end| match end {
                Ok(exit) => exit,
                Err(_) => Exit::TimedOut,
            })
        })
        .await
    }

    /// Starts a task that this scope owns. The work itself must watch
    /// [`Scope::cancelled`] (or stand under [`Scope::run`]) to end by itself;
    /// otherwise `close` aborts it at its next await.
    pub fn spawn<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Result<Task<T>, SpawnRefused> {
        Task::spawn(&self.0, name, work)
    }

    /// Runs `work` on a thread for blocking work. It counts as a task; once it
    /// has begun it cannot be aborted, and `close` waits for it.
    pub fn spawn_blocking<T: Send + 'static>(
        &self,
        name: &'static str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<Task<T>, SpawnRefused> {
        Task::spawn_blocking(&self.0, name, work)
    }

    /// For work inside this scope's tasks that has panics of its own.
    pub(crate) fn reporter(&self, name: &'static str) -> Reporter {
        Reporter::new(&self.0, name)
    }

    /// Registers a request or connection that is not a task. `drain` waits
    /// until its guard is dropped.
    pub fn enter(&self) -> Result<Guard, SpawnRefused> {
        let seat = Node::sit(&self.0, self.name(), Kind::Guard)?;
        Ok(Guard { _seat: seat })
    }

    /// Waits until no task and no guard is left here and below, or until the
    /// deadline; who has not ended by then is named. It cancels nothing and
    /// refuses nothing: whoever drains has stopped new work before.
    pub async fn drain(&self, deadline: Deadline) -> Vec<Running> {
        match deadline.bound(self.0.empty(|count| count.all() == 0)).await {
            Ok(()) => Vec::new(),
            Err(_) => self.running(),
        }
    }

    /// Cancels if nobody did, aborts the tasks here and below, and waits until
    /// none is left. Blocking work cannot be aborted and is waited for; guards
    /// are not waited for. Not to be called by a task of this scope.
    pub async fn close(&self) {
        self.0.end(Why::Closed);
        self.0.empty(|count| count.tasks() == 0).await;
    }

    /// Everybody here and below who has not ended.
    pub fn running(&self) -> Vec<Running> {
        let mut all = Vec::new();
        self.0.running(Clock.now(), &mut all);
        all
    }

    /// How many are here and below, and what became of all of the whole tree.
    pub fn census(&self) -> Census {
        let (count, house) = (self.0.count.load(), &self.0.house);
        Census {
            tasks: count.tasks(),
            guards: count.guards(),
            limit: house.max_tasks,
            spawned: house.spawned.load(Ordering::Relaxed),
            refused: house.refused.load(Ordering::Relaxed),
            panicked: house.panicked.load(Ordering::Relaxed),
        }
    }

    /// How many tasks and guards are here and below.
    pub fn live(&self) -> usize {
        self.0.count.load().all()
    }

    /// How many tasks are here and below.
    pub fn tasks(&self) -> usize {
        self.0.count.load().tasks()
    }
}

impl Clone for Scope {
    fn clone(&self) -> Self {
        self.0.handles.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        if self.0.handles.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.0.end(Why::Closed);
        }
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope")
            .field("name", &self.name())
            .field("why", &self.why())
            .field("live", &self.live())
            .finish()
    }
}

impl Observe for Scope {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let census = self.census();
        let levels = [
            (names::TASKS_LIVE, census.tasks),
            (names::TASKS_ENTERED, census.guards),
            (names::TASKS_LIMIT, census.limit),
        ];
        for (metric, n) in levels {
            to.gauge(metric, labels, gauge(n as u64));
        }
        let totals = [
            (names::TASKS_SPAWNED, census.spawned),
            (names::TASKS_REFUSED, census.refused),
            (names::TASKS_PANICKED, census.panicked),
        ];
        for (metric, total) in totals {
            to.counter(metric, labels, total);
        }
    }
}

/// Keeps a request or connection in its scope until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped guard has left the scope"]
pub struct Guard {
    _seat: crate::tree::Seat,
}

/// The wait for a scope's cancel; cancel safe, and ready for ever after.
#[must_use = "futures do nothing unless polled"]
pub struct Cancelled {
    node: Arc<Node>,
    /// The key of the waker that waits in the node, and the waker itself.
    waiting: Option<(usize, Waker)>,
}

impl Future for Cancelled {
    type Output = Why;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Why> {
        let this = &mut *self;
        if let Some(why) = this.node.why() {
            return Poll::Ready(why);
        }
        match &this.waiting {
            Some((_, waker)) if waker.will_wake(cx.waker()) => return Poll::Pending,
            Some((key, _)) => this.node.forget(*key),
            None => {}
        }
        match this.node.watch(cx.waker()) {
            Ok(key) => {
                this.waiting = Some((key, cx.waker().clone()));
                Poll::Pending
            }
            Err(why) => {
                this.waiting = None;
                Poll::Ready(why)
            }
        }
    }
}

impl Drop for Cancelled {
    fn drop(&mut self) {
        if let Some((key, _)) = self.waiting.take() {
            self.node.forget(key);
        }
    }
}

impl fmt::Debug for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cancelled")
            .field("scope", &self.node.name)
            .finish()
    }
}
