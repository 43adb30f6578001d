//! Workers stop x submit x rest x cancel: every job has one end, and nobody
//! who waits for one waits for ever. Starting tasks is the runtime's; here the
//! model starts what the crew hires.

use std::time::Duration;

use shuttle::future::{JoinHandle, block_on, spawn};
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline, advance};
use crate::exit::Exit;
use crate::queue::Offered;
use crate::scope::{Scope, Why};
use crate::sync::{Arc, Mutex};
use crate::tag::Tag;
use crate::workers::WorkersSettings;
use crate::workers::crew::Crew;
use crate::workers::job::Job;

const SECOND: Duration = Duration::from_secs(1);

/// What `Workers` is to the crew, with the checker's tasks.
#[derive(Clone)]
struct House {
    crew: Arc<Crew>,
    scope: Scope,
    workers: Arc<Mutex<Vec<JoinHandle<()>>>>,
    /// Whether there is room for a task.
    room: bool,
}

impl House {
    fn new(size: usize) -> Self {
        let scope = Scope::root("test", 10);
        let crew = Crew::new(&settings(size), scope.reporter("workers"));
        let workers = Arc::default();
        Self {
            crew,
            scope,
            workers,
            room: true,
        }
    }

    fn staff(&self) -> bool {
        while let Some(worker) = self.crew.hire() {
            if !self.room {
                drop(worker);
                return false;
            }
            let worker = spawn(worker.run(self.scope.cancelled()));
            self.workers.lock().push(worker);
        }
        true
    }

    async fn submit(&self, n: usize) -> Option<Exit<usize>> {
        self.crew.opened();
        let (job, work) = Job::new(&self.crew, async move {
            shuttle::future::yield_now().await;
            n
        });
        if !self.staff() && self.crew.is_deserted() {
            job.refuse();
            return None;
        }
        let deadline = Deadline::after(Clock, 1000 * SECOND);
        match self.crew.queue.submit(work, Tag::default(), deadline).await {
            Offered::Submitted => {
                if self.crew.is_deserted() {
                    self.staff();
                }
                Some(job.await)
            }
            Offered::Full(work) | Offered::Closed(work) => {
                job.refuse();
                drop(work);
                None
            }
        }
    }

    /// All workers go by themselves, and the books are even.
    fn at_rest(&self, offered: u64) {
        loop {
            let worker = self.workers.lock().pop();
            match worker {
                Some(worker) => block_on(worker).expect("a worker failed"),
                None => break,
            }
        }
        let stats = self.crew.stats();
        assert!(stats.holds(), "{stats:?}");
        assert_eq!((stats.open, stats.active, stats.busy), (0, 0, 0));
        assert_eq!((stats.offered, stats.queue.queued), (offered, 0));
    }
}

fn settings(workers: usize) -> WorkersSettings {
    WorkersSettings {
        idle: SECOND,
        ..WorkersSettings::new(workers)
    }
}

#[test]
fn r_g31_a_job_is_done_or_refused_whenever_the_stop_comes() {
    check(|| {
        let house = House::new(2);
        let owners: Vec<_> = (0..2)
            .map(|n| {
                let house = house.clone();
                spawn(async move {
                    let exit = house.submit(n).await;
                    let fine = matches!(exit, None | Some(Exit::Done(_)));
                    assert!(fine, "{n}: {exit:?}");
                })
            })
            .collect();
        let stopped = house.clone();
        let stop = thread::spawn(move || stopped.crew.queue.close());
        for owner in owners {
            block_on(owner).expect("an owner failed");
        }
        stop.join().expect("the stop failed");
        house.at_rest(2);
    });
}

#[test]
fn r_p16_a_job_that_meets_a_worker_at_rest_or_too_many_is_done() {
    check(|| {
        let house = House::new(1);
        let owners: Vec<_> = (0..2)
            .map(|n| {
                let house = house.clone();
                spawn(async move {
                    // Nobody stops them: all must be done.
                    let exit = house.submit(n).await;
                    assert!(matches!(exit, Some(Exit::Done(m)) if m == n), "{exit:?}");
                })
            })
            .collect();
        let time = thread::spawn(|| (0..2).for_each(|_| advance(SECOND)));
        let resized = house.clone();
        let resize = thread::spawn(move || {
            for size in [2, 1] {
                resized.crew.apply(&settings(size));
                resized.staff();
            }
        });
        for thread in [time, resize] {
            thread.join().expect("a thread failed");
        }
        for owner in owners {
            block_on(owner).expect("an owner failed");
        }
        house.crew.queue.close();
        house.at_rest(2);
    });
}

/// Nothing but this one moment: the last worker rings, the job comes.
#[test]
fn r_p16_a_job_that_meets_the_last_worker_on_its_way_is_done() {
    check(|| {
        let house = House::new(1);
        let first = block_on(house.submit(0));
        assert!(matches!(first, Some(Exit::Done(0))), "{first:?}");
        let time = thread::spawn(|| advance(SECOND));
        let second = block_on(house.submit(1));
        assert!(matches!(second, Some(Exit::Done(1))), "{second:?}");
        time.join().expect("the time failed");
        house.crew.queue.close();
        house.at_rest(2);
    });
}

#[test]
fn r_g30_a_job_that_counted_on_a_worker_who_could_not_start_has_its_end() {
    check(|| {
        let mut house = House::new(1);
        house.room = false;
        let owners: Vec<_> = (0..3)
            .map(|n| {
                let house = house.clone();
                spawn(async move {
                    let exit = house.submit(n).await;
                    assert!(matches!(exit, None | Some(Exit::Cancelled)), "{exit:?}");
                })
            })
            .collect();
        for owner in owners {
            block_on(owner).expect("an owner failed");
        }
        house.at_rest(3);
    });
}

#[test]
fn r_p11_every_owner_wakes_when_a_cancel_comes() {
    check(|| {
        let house = House::new(1 + usize::from(shuttle::rand::thread_rng().gen_bool(0.5)));
        let owners: Vec<_> = (0..2)
            .map(|n| {
                let house = house.clone();
                spawn(async move {
                    let exit = house.submit(n).await;
                    let fine = matches!(exit, None | Some(Exit::Done(_) | Exit::Cancelled));
                    assert!(fine, "{exit:?}");
                })
            })
            .collect();
        let scope = house.scope.clone();
        let cancel = thread::spawn(move || scope.cancel(Why::Operator));
        for owner in owners {
            block_on(owner).expect("an owner failed");
        }
        cancel.join().expect("the cancel failed");
        house.at_rest(2);
    });
}
