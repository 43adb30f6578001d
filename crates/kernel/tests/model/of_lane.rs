//! INV-MUTEX: cancel x grant x timeout x close on the lanes of one or two keys.
//! Each model ends at rest: nobody inside, nobody waiting, nobody lost, and no
//! key kept. Time stands still unless a model moves it: a lost wake-up is a deadlock.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline, advance};
use crate::lane::Lane;
use crate::lock::{LockRefusal, LockSettings};
use crate::scope::{Scope, Why};
use crate::sync::Arc;

const MS: Duration = Duration::from_millis(1);

fn lane(places: usize) -> Lane<&'static str> {
    let max_wait = 50 * MS;
    Lane::new("session", LockSettings { places, max_wait }, Clock)
}

fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

fn at_rest(lane: &Lane<&'static str>, offered: u64) {
    let stats = lane.stats();
    assert!(stats.holds(), "{stats:?}");
    let left = (stats.keys, stats.held, stats.waiting);
    assert_eq!(left, (0, 0, 0), "{stats:?}");
    assert_eq!(stats.offered, offered);
}

#[test]
fn inv_mutex_whoever_stays_gets_in_alone_whoever_leaves_disturbs_nobody() {
    check(|| {
        let (lane, inside) = (lane(10), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..4)
            .map(|n| {
                let (lane, inside) = (lane.clone(), Arc::clone(&inside));
                spawn(async move {
                    let mut locking = lane.lock("a", far());
                    if shuttle::rand::thread_rng().gen_bool(0.5) {
                        poll_fn(|cx| Poll::Ready(Pin::new(&mut locking).poll(cx).is_ready())).await;
                        yield_now().await;
                        return;
                    }
                    let guard = locking.await.unwrap_or_else(|why| panic!("{n}: {why}"));
                    assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0, "two inside");
                    yield_now().await;
                    inside.fetch_sub(1, Ordering::SeqCst);
                    drop(guard);
                })
            })
            .collect();
        for task in tasks {
            block_on(task).expect("a task failed");
        }
        at_rest(&lane, 4);
    });
}

#[test]
fn inv_mutex_cancel_grant_timeout_and_close_in_any_order() {
    check(|| {
        let lane = lane(2);
        let held = block_on(lane.lock("a", far())).expect("free");
        let waiter = lane.lock("a", far());
        let mut leaver = lane.lock("a", Deadline::after(Clock, 20 * MS));
        assert_eq!((waiter.ahead(), leaver.ahead()), (0, 1));
        let wait = spawn(waiter);
        let leave = spawn(async move {
            poll_fn(|cx| Poll::Ready(Pin::new(&mut leaver).poll(cx).is_ready())).await
        });
        let release = thread::spawn(move || drop(held));
        let time = thread::spawn(|| (0..3).for_each(|_| advance(20 * MS)));
        let closing = lane.clone();
        let close = thread::spawn(move || closing.close());
        for thread in [release, time, close] {
            thread.join().expect("a thread failed");
        }
        block_on(leave).expect("the leaver failed");
        match block_on(wait).expect("the waiter failed") {
            Ok(guard) => drop(guard),
            Err(LockRefusal::WaitedTooLong { .. } | LockRefusal::Closed) => {}
            Err(why) => panic!("{why:?}"),
        }
        at_rest(&lane, 3);
        assert_eq!(
            block_on(lane.lock("a", far())).err(),
            Some(LockRefusal::Closed)
        );
    });
}

#[test]
fn r_g40_several_keys_in_any_order_and_twice_never_deadlock() {
    check(|| {
        let lane = lane(10);
        let tasks: Vec<_> = [["a", "b", "a"], ["b", "a", "b"], ["b", "c", "a"]]
            .into_iter()
            .map(|keys| {
                let lane = lane.clone();
                spawn(async move {
                    let guards = lane.lock_all(keys, far()).await.expect("in turn");
                    yield_now().await;
                    guards.len()
                })
            })
            .collect();
        let sizes: Vec<_> = tasks
            .into_iter()
            .map(|task| block_on(task).expect("a task failed"))
            .collect();
        assert_eq!(sizes, [2, 2, 3]);
        at_rest(&lane, 7);
    });
}

#[test]
fn a_run_that_is_cancelled_while_it_waits_or_works_leaves_the_lane_free() {
    check(|| {
        let (lane, scope) = (lane(10), Scope::root("process", 10));
        let jobs: Vec<_> = (0..2)
            .map(|_| {
                let (lane, scope) = (lane.clone(), scope.clone());
                spawn(async move {
                    let exit = lane.run(&scope, "a", far(), yield_now()).await;
                    exit.expect("done or cancelled").label()
                })
            })
            .collect();
        let canceller = scope.clone();
        let cancel = thread::spawn(move || canceller.cancel(Why::Operator));
        cancel.join().expect("the cancel failed");
        for job in jobs {
            let label = block_on(job).expect("a job failed");
            assert!(matches!(label, "done" | "cancelled"), "{label}");
        }
        // A job that was cancelled before its first step never asked.
        at_rest(&lane, lane.stats().offered);
    });
}
