//! INV-MUTEX and INV-ORD: reads in batches, writes alone, in order, whoever
//! leaves meanwhile. Each model ends at rest, and a lost wake-up is a deadlock.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline};
use crate::lock::LockSettings;
use crate::share::{Access, Share};
use crate::sync::{Arc, Mutex};

const MS: Duration = Duration::from_millis(1);

type Plans = Share<u32, &'static str>;

fn plans() -> Plans {
    let settings = LockSettings {
        places: 10,
        max_wait: 1000 * MS,
    };
    Share::new("plan", settings, Clock)
}

fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

fn at_rest(plans: &Plans, offered: u64) {
    let stats = plans.stats();
    assert!(stats.holds(), "{stats:?}");
    let left = (stats.keys, stats.held, stats.waiting);
    assert_eq!(left, (0, 0, 0), "{stats:?}");
    assert_eq!(stats.offered, offered);
}

/// Who is inside: the rule table, said once more in other words.
fn may_be_together(inside: &[Access<&'static str>]) -> bool {
    inside.len() < 2
        || inside.iter().all(|one| {
            matches!(one, Access::Read(branch) if !branch.is_empty()) && *one == inside[0]
        })
}

#[test]
fn r_p17_to_20_whoever_is_inside_together_may_be() {
    check(|| {
        let plans = plans();
        let inside = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..5)
            .map(|_| {
                let (plans, inside) = (plans.clone(), Arc::clone(&inside));
                let mut dice = shuttle::rand::thread_rng();
                let access = match dice.gen_range(0..5) {
                    0 => Access::Write,
                    1 => Access::Read(""),
                    2 => Access::Read("other"),
                    _ => Access::Read("main"),
                };
                let leaves = dice.gen_bool(0.3);
                spawn(async move {
                    let mut locking = plans.lock(7, access.clone(), far());
                    if leaves {
                        poll_fn(|cx| Poll::Ready(Pin::new(&mut locking).poll(cx).is_ready())).await;
                        yield_now().await;
                        return;
                    }
                    let guard = locking.await.expect("in turn");
                    let all = {
                        let mut inside = inside.lock();
                        inside.push(access.clone());
                        inside.clone()
                    };
                    assert!(may_be_together(&all), "{all:?}");
                    yield_now().await;
                    let mut inside = inside.lock();
                    let at = inside.iter().position(|one| *one == access);
                    inside.remove(at.expect("it is inside"));
                    drop(inside);
                    drop(guard);
                })
            })
            .collect();
        for task in tasks {
            block_on(task).expect("a task failed");
        }
        at_rest(&plans, 5);
    });
}

#[test]
fn promise_3_reads_come_together_when_the_write_between_them_leaves() {
    check(|| {
        let plans = plans();
        let first = block_on(plans.lock(7, Access::Read("main"), far())).expect("free");
        let write = plans.lock(7, Access::Write, far());
        let second = plans.lock(7, Access::Read("main"), far());
        assert!(!write.is_ready() && !second.is_ready());
        let wait = spawn(second);
        let leave = thread::spawn(move || drop(write));
        // The first is still inside: only the leaving lets the second in.
        let second = block_on(wait)
            .expect("the reader failed")
            .expect("together");
        assert_eq!(plans.stats().held, 2);
        leave.join().expect("the leaver failed");
        drop((first, second));
        at_rest(&plans, 3);
    });
}

#[test]
fn a_batch_that_loses_its_first_reader_and_a_write_behind_it_all_end() {
    check(|| {
        let plans = plans();
        let write = block_on(plans.lock(7, Access::Write, far())).expect("free");
        let leaver = plans.lock(7, Access::Read("main"), far());
        let reader = plans.lock(7, Access::Read("main"), far());
        let last = plans.lock(7, Access::Write, far());
        let release = thread::spawn(move || drop(write));
        let leave = thread::spawn(move || drop(leaver));
        let last = spawn(async move { last.await.map(drop) });
        drop(block_on(reader).expect("it does not depend on the first"));
        block_on(last).expect("the writer failed").expect("in turn");
        release.join().expect("the release failed");
        leave.join().expect("the leaver failed");
        at_rest(&plans, 4);
    });
}
