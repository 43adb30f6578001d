//! INV-PERMIT and INV-LIM: cancel x grant x timeout x close x resize.
//! Each model ends at rest: no permit out, nobody waiting, nobody lost.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline, advance};
use crate::limit::LimitSettings;
use crate::overflow::Overflow;
use crate::pool::{Acquire, Ask, Pool, PoolSettings, Refusal};
use crate::sync::Arc;

const MS: Duration = Duration::from_millis(1);

fn settings(size: usize, queue: usize, overflow: Overflow) -> PoolSettings {
    PoolSettings {
        size,
        limit: LimitSettings::fixed(size),
        queue,
        queue_bytes: 100,
        overflow,
        max_wait: 50 * MS,
    }
}

fn pool(size: usize, queue: usize, overflow: Overflow) -> Pool {
    Pool::new(settings(size, queue, overflow), Clock)
}

fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

async fn poll_once(acquire: &mut Acquire) -> bool {
    poll_fn(|cx| Poll::Ready(Pin::new(&mut *acquire).poll(cx).is_ready())).await
}

fn at_rest(pool: &Pool, offered: u64) {
    let stats = pool.stats();
    assert!(stats.holds(), "{stats:?}");
    assert_eq!(
        (stats.busy, stats.waiting, stats.waiting_bytes),
        (0, 0, 0),
        "{stats:?}"
    );
    assert_eq!(stats.offered, offered);
}

#[test]
fn inv_permit_whoever_stays_gets_a_permit_whoever_leaves_loses_none() {
    check(|| {
        let (pool, at_work) = (pool(1, 10, Overflow::Error), Arc::new(AtomicUsize::new(0)));
        let tasks: Vec<_> = (0..4)
            .map(|_| {
                let (pool, at_work) = (pool.clone(), Arc::clone(&at_work));
                spawn(async move {
                    let mut acquire = pool.acquire(Ask::new(far()).bytes(1));
                    if shuttle::rand::thread_rng().gen_bool(0.5) {
                        let _ = poll_once(&mut acquire).await;
                        shuttle::future::yield_now().await;
                        return;
                    }
                    // Time stands still: anything but a permit is a defect, and
                    // a lost wake-up a deadlock.
                    let permit = acquire.await.expect("a permit");
                    assert_eq!(at_work.fetch_add(1, Ordering::SeqCst), 0, "two at work");
                    shuttle::future::yield_now().await;
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                })
            })
            .collect();
        for task in tasks {
            block_on(task).expect("a task failed");
        }
        at_rest(&pool, 4);
    });
}

#[test]
fn inv_permit_cancel_grant_timeout_and_close_in_any_order() {
    check(|| {
        let pool = pool(1, 2, Overflow::Error);
        let held = block_on(pool.acquire(Ask::new(far()).bytes(1))).expect("idle");
        let waiter = pool.acquire(Ask::new(far()).bytes(1));
        let mut leaver = pool.acquire(Ask::new(Deadline::after(Clock, 20 * MS)).bytes(1));
        let wait = spawn(waiter);
        let leave = spawn(async move { poll_once(&mut leaver).await });
        let release = thread::spawn(move || drop(held));
        let time = thread::spawn(|| (0..3).for_each(|_| advance(20 * MS)));
        let closing = pool.clone();
        let close = thread::spawn(move || closing.close());
        for thread in [release, time, close] {
            thread.join().expect("a thread failed");
        }
        block_on(leave).expect("the leaver failed");
        match block_on(wait).expect("the waiter failed") {
            Ok(permit) => drop(permit),
            Err(why) => {
                let expected = matches!(why, Refusal::WaitedTooLong { .. } | Refusal::Closed);
                assert!(expected, "{why:?}");
            }
        }
        at_rest(&pool, 3);
        assert_eq!(
            block_on(pool.acquire(Ask::new(far()).bytes(1))).err(),
            Some(Refusal::Closed)
        );
    });
}

#[test]
fn inv_lim_resize_release_and_overflow_in_any_order() {
    check(|| {
        let overflow = match shuttle::rand::thread_rng().gen_range(0..4) {
            0 => Overflow::Error,
            1 => Overflow::Block,
            2 => Overflow::Drop,
            _ => Overflow::DropOldest,
        };
        let pool = pool(1, 1, overflow);
        let at_work = Arc::new(AtomicUsize::new(0));
        let callers: Vec<_> = (0..4)
            .map(|n| {
                let (pool, at_work) = (pool.clone(), Arc::clone(&at_work));
                spawn(async move {
                    let Ok(permit) = pool.acquire(Ask::new(far()).bytes(n * 30)).await else {
                        return;
                    };
                    assert!(at_work.fetch_add(1, Ordering::SeqCst) < 2, "three at work");
                    let stats = pool.stats();
                    assert!(stats.holds() && stats.waiting_bytes <= 100, "{stats:?}");
                    at_work.fetch_sub(1, Ordering::SeqCst);
                    drop(permit);
                })
            })
            .collect();
        let resized = pool.clone();
        let resize = thread::spawn(move || {
            resized.apply(settings(2, 3, overflow));
            resized.apply(settings(1, 1, overflow));
        });
        resize.join().expect("the resizing failed");
        for caller in callers {
            block_on(caller).expect("a caller failed");
        }
        at_rest(&pool, 4);
    });
}

#[test]
fn a_permit_grown_while_somebody_waits_is_his() {
    check(|| {
        let pool = pool(0, 2, Overflow::Error);
        let waiter = spawn(pool.acquire(Ask::new(far()).bytes(1)));
        let grown = pool.clone();
        let grow = thread::spawn(move || grown.apply(settings(1, 2, Overflow::Error)));
        drop(
            block_on(waiter)
                .expect("the waiter failed")
                .expect("a permit"),
        );
        grow.join().expect("the resizing failed");
        at_rest(&pool, 1);
    });
}
