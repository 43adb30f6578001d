//! Signals x permits x time x leaving, with a limit that changes by itself: a
//! permit that time alone frees is found by somebody, whoever leaves.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use shuttle::future::{block_on, spawn};
use shuttle::rand::Rng;
use shuttle::sync::atomic::{AtomicUsize, Ordering};
use shuttle::thread;

use crate::check;
use crate::clock::{Clock, Deadline, Instant, advance};
use crate::limit::{LimitSettings, Signal};
use crate::overflow::Overflow;
use crate::pool::{Acquire, Ask, Pool, PoolSettings};
use crate::sync::Arc;

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);

fn pool(limit: LimitSettings) -> Pool {
    let settings = PoolSettings {
        size: limit.max,
        limit,
        queue: 10,
        queue_bytes: 100,
        overflow: Overflow::Error,
        max_wait: 1000 * SECOND,
    };
    Pool::new(settings, Clock)
}

fn ask() -> Ask {
    Ask::new(Deadline::after(Clock, 1000 * SECOND))
}

fn overload(retry_after: Option<Duration>) -> Signal {
    Signal::Overloaded { retry_after }
}

/// When it was granted. A permit that never comes is a deadlock.
async fn granted(acquire: Acquire) -> Instant {
    let permit = acquire.await.expect("a permit");
    let at = Clock.now();
    drop(permit);
    at
}

/// Asks, looks once, and leaves; or stays.
async fn perhaps(mut acquire: Acquire, stays: bool) -> Option<Instant> {
    if stays {
        return Some(granted(acquire).await);
    }
    let _ = poll_fn(|cx| Poll::Ready(Pin::new(&mut acquire).poll(cx))).await;
    shuttle::future::yield_now().await;
    None
}

fn at_rest(pool: &Pool) {
    let stats = pool.stats();
    assert!(stats.holds(), "{stats:?}");
    assert_eq!((stats.busy, stats.waiting), (0, 0), "{stats:?}");
    let decisions = pool.decisions();
    let chain = decisions.windows(2).all(|two| two[0].to == two[1].from);
    assert!(chain, "{decisions:?}");
}

#[test]
fn inv_permit_a_pause_ends_for_who_waits_whoever_leaves_and_never_before() {
    check(|| {
        let pool = pool(LimitSettings::adaptive(1, 2));
        let start = Clock.now();
        let held = block_on(pool.acquire(ask())).expect("idle");
        // Nothing begins from here on, until 40 ms have passed.
        pool.signal(overload(Some(40 * MS)));
        let stays = shuttle::rand::thread_rng().gen_range(0..3);
        let callers: Vec<_> = (0..3)
            .map(|n| spawn(perhaps(pool.acquire(ask()), n == stays)))
            .collect();
        let release = thread::spawn(move || drop(held));
        let time = thread::spawn(|| {
            for _ in 0..3 {
                advance(20 * MS);
                thread::yield_now();
            }
        });
        for caller in callers {
            if let Some(at) = block_on(caller).expect("a caller failed") {
                assert!(at - start >= 40 * MS, "it began in the pause");
            }
        }
        release.join().expect("the release failed");
        time.join().expect("the time failed");
        at_rest(&pool);
    });
}

#[test]
fn r_d14_growth_that_time_allows_reaches_who_waits() {
    check(|| {
        let pool = pool(LimitSettings::scaled(1, 4));
        // Nobody gives back before all four have one: only growth can do it.
        let leaver = spawn(perhaps(pool.acquire(ask()), false));
        let callers: Vec<_> = (0..4)
            .map(|_| {
                let acquire = pool.acquire(ask());
                spawn(async move { acquire.await.expect("a permit") })
            })
            .collect();
        let time = thread::spawn(|| {
            for _ in 0..3 {
                advance(100 * MS);
                thread::yield_now();
            }
        });
        let permits: Vec<_> = callers
            .into_iter()
            .map(|caller| block_on(caller).expect("a caller failed"))
            .collect();
        assert!(pool.stats().size == 4 && pool.stats().busy >= 4);
        block_on(leaver).expect("the leaver failed");
        time.join().expect("the time failed");
        drop(permits);
        at_rest(&pool);
    });
}

#[test]
fn promise_3_signals_at_once_are_one_decrease_and_permits_come_back() {
    check(|| {
        let (pool, ended) = (
            pool(LimitSettings::adaptive(1, 4)),
            Arc::new(AtomicUsize::new(0)),
        );
        let callers: Vec<_> = (0..5)
            .map(|_| {
                let (pool, ended) = (pool.clone(), Arc::clone(&ended));
                spawn(async move {
                    let permit = pool.acquire(ask()).await.expect("a permit");
                    shuttle::future::yield_now().await;
                    pool.signal(overload(None));
                    drop(permit);
                    ended.fetch_add(1, Ordering::SeqCst);
                })
            })
            .collect();
        // Who is refused after a decrease closes the gate until its window is
        // over, so time must go on as long as anybody waits.
        let time = thread::spawn(move || {
            while ended.load(Ordering::SeqCst) < 5 {
                advance(SECOND / 4);
                thread::yield_now();
            }
        });
        for caller in callers {
            block_on(caller).expect("a caller failed");
        }
        time.join().expect("the time failed");
        let decisions = pool.decisions();
        let mut apart = decisions.windows(2).map(|two| two[1].at - two[0].at);
        let held = !decisions.is_empty() && apart.all(|time| time >= SECOND);
        assert!(held, "{decisions:?}");
        at_rest(&pool);
    });
}
