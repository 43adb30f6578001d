//! Workers: at most `n` jobs of a queue run at once.
//!
//! 1. At most `n` run, and `n` when there is work for them; `n` can be changed
//!    at any time and revokes nothing (R-G28, R-M7). 2. Every job has one exit,
//!    also when it panics or is dropped; nobody has to read it (R-G30).
//! 3. `stop` refuses new jobs and ends when the queued ones have (R-G31).
//! 4. A worker that is idle for long ends, and comes back on demand (R-D11).

pub(crate) mod crew;
pub(crate) mod job;
mod worker;

use std::fmt;
use std::future::Future;
use std::time::Duration;

use self::crew::Crew;
pub use self::job::Job;
use self::job::Work;
use crate::clock::Deadline;
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::overflow::Overflow;
use crate::queue::{Offered, QueueSettings, QueueStats};
use crate::scope::{Running, Scope, SpawnRefused};
use crate::sync::Arc;
use crate::tag::Tag;

/// How many work, and how much may wait for them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkersSettings {
    /// Jobs that run at once; at least 1 is taken.
    pub workers: usize,
    /// The queue before them.
    pub queue: QueueSettings,
    /// How long a worker stays when there is nothing to do.
    pub idle: Duration,
}

impl WorkersSettings {
    /// So many workers, twice as many places, and a minute of idleness. Who
    /// submits more waits. Bytes are not bounded: set `queue.bytes` where jobs
    /// hold much, and say it in their tags.
    pub const fn new(workers: usize) -> Self {
        Self {
            workers,
            queue: QueueSettings {
                items: workers.saturating_mul(2),
                bytes: u64::MAX,
                overflow: Overflow::Block,
            },
            idle: Duration::from_secs(60),
        }
    }
}

/// Why a job was not taken; its work was dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsubmitted {
    /// There was no room, or none in time.
    #[error("the queue of the workers is full")]
    Full,
    /// They were stopped.
    #[error("the workers were stopped")]
    Stopped,
    /// There is no worker, and none could be started.
    #[error("no worker could be started: {0}")]
    NoWorker(#[from] SpawnRefused),
}

/// The numbers of a crew at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WorkersStats {
    /// Workers there may be.
    pub size: u64,
    /// Workers there are.
    pub active: u64,
    /// Those that run a job.
    pub busy: u64,
    /// Those that wait for one.
    pub idle: u64,
    /// Jobs that have no exit yet.
    pub open: u64,
    /// Jobs that were offered, ever.
    pub offered: u64,
    /// Jobs that ran to their end.
    pub done: u64,
    /// Jobs that panicked.
    pub panicked: u64,
    /// Jobs that were dropped before their end.
    pub cancelled: u64,
    /// Jobs that were not taken.
    pub refused: u64,
    /// The queue.
    pub queue: QueueStats,
}

impl WorkersStats {
    /// Whether every job has one end (promise 2).
    pub fn holds(&self) -> bool {
        let ended = self.done + self.panicked + self.cancelled + self.refused;
        self.offered == ended + self.open && self.queue.holds()
    }
}

/// The workers; a handle, cheap to clone. With the last one they end.
#[derive(Clone)]
pub struct Workers {
    name: &'static str,
    scope: Scope,
    crew: Arc<Crew>,
}

impl Workers {
    /// Workers in a scope of this name below `scope`; they come on demand.
    pub fn new(name: &'static str, settings: WorkersSettings, scope: &Scope) -> Self {
        let scope = scope.child(name);
        Self {
            name,
            crew: Crew::new(&settings, scope.reporter(name)),
            scope,
        }
    }

    /// Changes number and queue in place. New workers begin at once; of too
    /// many the idle ones end, and the busy ones after their job.
    pub fn apply(&self, settings: WorkersSettings) {
        self.crew.apply(&settings);
        // Without a worker more the others do it; without any a job that was
        // taken found one before.
        let _ = self.staff();
    }

    /// Hands `work` in, waits for room until the deadline as the queue's policy
    /// says, and gives the handle of the job. Dropping this before takes the
    /// work back and drops it.
    ///
    /// # Errors
    /// [`Unsubmitted`]; the work was dropped then, and did not begin.
    pub async fn submit<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        tag: Tag,
        deadline: Deadline,
    ) -> Result<Job<T>, Unsubmitted> {
        self.crew.opened();
        let (job, work) = Job::new(&self.crew, work);
        self.staffed(&job)?;
        let offered = self.crew.queue.submit(work, tag, deadline).await;
        self.answered(job, offered)
    }

    /// Hands `work` in if there is room now.
    ///
    /// # Errors
    /// [`Unsubmitted`]; the work was dropped then, and did not begin.
    pub fn offer<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
        tag: Tag,
    ) -> Result<Job<T>, Unsubmitted> {
        self.crew.opened();
        let (job, work) = Job::new(&self.crew, work);
        self.staffed(&job)?;
        self.answered(job, self.crew.queue.offer(work, tag))
    }

    /// Takes no more jobs, lets those that were taken end, and returns when all
    /// workers have gone, or at the deadline with those that have not. Nobody
    /// has to read a result for that.
    pub async fn stop(&self, deadline: Deadline) -> Vec<Running> {
        self.crew.queue.close();
        self.scope.drain(deadline).await
    }

    /// The numbers of this moment.
    pub fn stats(&self) -> WorkersStats {
        self.crew.stats()
    }

    /// Starts the workers that are needed and allowed.
    fn staff(&self) -> Result<(), SpawnRefused> {
        while let Some(worker) = self.crew.hire() {
            let work = worker.run(self.scope.cancelled());
            drop(self.scope.spawn(self.name, work)?);
        }
        Ok(())
    }

    /// Sees to it that somebody is there for a job, or refuses it.
    fn staffed<T: Send + 'static>(&self, job: &Job<T>) -> Result<(), Unsubmitted> {
        if self.crew.queue.is_closed() {
            // It will be refused; nobody comes for that.
            return Ok(());
        }
        match self.staff() {
            // The others will come to it.
            Err(_) if !self.crew.is_deserted() => Ok(()),
            Err(why) => {
                job.refuse();
                Err(why.into())
            }
            Ok(()) => Ok(()),
        }
    }

    /// The handle for what was taken; what was not is dropped here.
    fn answered<T: Send + 'static>(
        &self,
        job: Job<T>,
        offered: Offered<Work>,
    ) -> Result<Job<T>, Unsubmitted> {
        let (why, work) = match offered {
            Offered::Submitted => {
                // The worker that was counted on may not have started. Without
                // any now, the queue goes with the next that cannot.
                if self.crew.is_deserted() {
                    let _ = self.staff();
                }
                return Ok(job);
            }
            Offered::Full(work) => (Unsubmitted::Full, work),
            Offered::Closed(work) => (Unsubmitted::Stopped, work),
        };
        job.refuse();
        drop(work);
        Err(why)
    }
}

/// The numbers of the workers, and of the queue before them.
impl Observe for Workers {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let levels = [
            (names::WORKERS_LIMIT, stats.size),
            (names::WORKERS_ACTIVE, stats.active),
            (names::WORKERS_BUSY, stats.busy),
            (names::WORKERS_IDLE, stats.idle),
        ];
        for (metric, n) in levels {
            to.gauge(metric, labels, gauge(n));
        }
        let ends = [
            ("done", stats.done),
            ("panicked", stats.panicked),
            ("cancelled", stats.cancelled),
            ("refused", stats.refused),
        ];
        for (end, n) in ends {
            let labels = [labels, &[("exit", end)]].concat();
            to.counter(names::WORKERS_JOBS, &labels, n);
        }
        self.crew.queue.observe(labels, to);
    }
}

impl fmt::Debug for Workers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Workers")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
