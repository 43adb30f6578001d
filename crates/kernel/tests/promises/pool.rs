//! Permits: how many (R-G28), in which order (R-D4), for how long, and back on
//! every path (R-D13, INV-PERMIT).

use std::future::pending;
use std::time::Duration;

use tidegate_kernel::{
    Acquire, Ask, Clock, Deadline, Exit, LimitSettings, Overflow, Pool, PoolSettings, Refusal,
    Scope,
};

pub(crate) const MS: Duration = Duration::from_millis(1);

pub(crate) fn settings(size: usize, queue: usize, overflow: Overflow) -> PoolSettings {
    PoolSettings {
        size,
        limit: LimitSettings::fixed(size),
        queue,
        queue_bytes: 1000,
        overflow,
        max_wait: 100 * MS,
    }
}

pub(crate) fn pool(size: usize, queue: usize, overflow: Overflow) -> Pool {
    Pool::new(settings(size, queue, overflow), Clock)
}

pub(crate) fn ask(pool: &Pool, bytes: u64) -> Acquire {
    pool.acquire(Ask::new(Deadline::after(Clock, 1000 * MS)).bytes(bytes))
}

/// Whether the answer is there, without waiting for time to pass.
pub(crate) async fn poll_once(acquire: &mut Acquire) -> bool {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(std::pin::Pin::new(&mut *acquire).poll(cx).is_ready())
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn r_g28_at_most_size_at_once_and_size_when_there_is_work() {
    let (pool, scope) = (pool(4, 100, Overflow::Error), Scope::root("test", 100));
    let start = Clock.now();
    for _ in 0..20 {
        let pool = pool.clone();
        let work = async move {
            let permit = pool
                .acquire(Ask::new(Deadline::after(Clock, 1000 * MS)).bytes(1))
                .await
                .expect("room");
            assert!(pool.stats().busy <= 4);
            Clock.sleep(10 * MS).await;
            drop(permit);
        };
        drop(scope.spawn("call", work).expect("room"));
    }
    Clock.sleep(5 * MS).await;
    let stats = pool.stats();
    assert_eq!(
        (stats.busy, stats.idle, stats.waiting, stats.waiting_bytes),
        (4, 0, 16, 16)
    );
    assert_eq!(scope.drain(Deadline::after(Clock, 1000 * MS)).await, []);
    // Five rounds of ten milliseconds: the pool was never idle in between.
    assert_eq!((Clock.now() - start).as_millis(), 50);
    let stats = pool.stats();
    assert_eq!(
        (stats.granted, stats.queued, stats.busy, stats.idle),
        (20, 16, 0, 4)
    );
    assert!(stats.holds() && stats.wait_total_micros == 4 * (10 + 20 + 30 + 40) * 1000);
}

#[tokio::test(start_paused = true)]
async fn r_d4_free_capacity_is_given_at_once_and_then_in_order() {
    let pool = pool(1, 10, Overflow::Error);
    let first = ask(&pool, 1);
    assert!(first.is_ready());
    let first = first.await.expect("idle");
    assert_eq!(first.waited(), Duration::ZERO);
    let (mut second, mut third, fourth) = (ask(&pool, 1), ask(&pool, 1), ask(&pool, 1));
    assert_eq!((second.ahead(), third.ahead(), fourth.ahead()), (0, 1, 2));
    assert!(!poll_once(&mut third).await && !poll_once(&mut second).await);
    tokio::time::advance(30 * MS).await;
    drop(first);
    // Nobody overtakes: neither a newcomer nor the one that was polled first.
    let newcomer = ask(&pool, 1);
    assert!(!newcomer.is_ready() && !poll_once(&mut third).await);
    let second = second.await.expect("first in, first out");
    assert_eq!(
        (second.waited(), third.ahead(), fourth.ahead()),
        (30 * MS, 0, 1)
    );
    drop(fourth);
    assert_eq!((newcomer.ahead(), pool.stats().cancelled), (1, 1));
    drop(second);
    assert!(poll_once(&mut third).await);
    assert!(pool.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn nobody_waits_longer_than_max_wait_or_its_own_deadline() {
    let pool = pool(1, 10, Overflow::Block);
    let _busy = ask(&pool, 1).await.expect("idle");
    let start = Clock.now();
    let answer = ask(&pool, 1).await;
    assert_eq!((Clock.now() - start).as_millis(), 100);
    assert!(matches!(answer, Err(Refusal::WaitedTooLong { waited, .. }) if waited == 100 * MS));
    let start = Clock.now();
    let answer = pool
        .acquire(Ask::new(Deadline::after(Clock, 40 * MS)).bytes(1))
        .await;
    assert_eq!((Clock.now() - start).as_millis(), 40);
    assert_eq!(answer.err(), Some(Refusal::DeadlinePassed));
    let stats = pool.stats();
    assert_eq!(
        (stats.timed_out, stats.expired, stats.waiting_bytes),
        (1, 1, 0)
    );
    assert!(stats.holds());
}

/// Also one whose own timer nobody polled: the permit goes on to who can use it.
#[tokio::test(start_paused = true)]
async fn a_permit_passes_by_who_has_waited_too_long() {
    let pool = pool(1, 10, Overflow::Block);
    let busy = ask(&pool, 1).await.expect("idle");
    let mut late = ask(&pool, 1);
    assert!(!poll_once(&mut late).await);
    tokio::time::advance(60 * MS).await;
    let next = ask(&pool, 1);
    tokio::time::advance(60 * MS).await;
    drop(busy);
    let permit = next.await.expect("handed over");
    assert_eq!(permit.waited(), 60 * MS);
    let answer = late.await;
    assert!(matches!(answer, Err(Refusal::WaitedTooLong { waited, .. }) if waited == 120 * MS));
    assert!(pool.stats().holds());
}

/// A.1: a wait that is foretold to be longer than the time that is left is not
/// begun, but only when enough is known to foretell it.
#[tokio::test(start_paused = true)]
async fn a_deadline_that_cannot_be_met_is_refused_at_once() {
    let pool = pool(1, 10, Overflow::Error);
    for _ in 0..15 {
        let _permit = ask(&pool, 1).await.expect("idle");
        Clock.sleep(50 * MS).await;
    }
    let short = || pool.acquire(Ask::new(Deadline::after(Clock, 90 * MS)).bytes(1));
    let busy = ask(&pool, 1).await.expect("idle");
    let behind = [ask(&pool, 1), ask(&pool, 1)];
    assert!(!short().is_ready(), "fifteen are too few to know");
    drop(behind);
    Clock.sleep(50 * MS).await;
    drop(busy);

    let _busy = ask(&pool, 1).await.expect("idle");
    let _behind = ask(&pool, 1);
    let refused = short().await.err();
    let Some(Refusal::WouldWait { predicted, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(predicted, 100 * MS, "the one before it, and its own turn");
    assert!(!ask(&pool, 1).is_ready(), "who has the time may wait");
    let stats = pool.stats();
    assert!(stats.would_wait == 1 && stats.holds(), "{stats:?}");
}

#[tokio::test(start_paused = true)]
async fn inv_deadline_no_permit_is_given_when_nothing_is_left() {
    let pool = pool(1, 10, Overflow::Block);
    // Past before it was asked for, although a permit is idle.
    assert_eq!(
        pool.acquire(Ask::new(Deadline::at(Clock.now())).bytes(1))
            .await
            .err(),
        Some(Refusal::DeadlinePassed)
    );
    // Past before the permit came back: the next one gets it.
    let busy = ask(&pool, 1).await.expect("idle");
    let mut late = pool.acquire(Ask::new(Deadline::after(Clock, 20 * MS)).bytes(1));
    let next = ask(&pool, 1);
    assert!(!poll_once(&mut late).await);
    tokio::time::advance(30 * MS).await;
    drop(busy);
    let next = next.await.expect("handed over");
    assert_eq!(late.await.err(), Some(Refusal::DeadlinePassed));
    // Past between the grant and the look at it: it goes on as well.
    let slow = pool.acquire(Ask::new(Deadline::after(Clock, 20 * MS)).bytes(1));
    let last = ask(&pool, 1);
    drop(next);
    tokio::time::advance(30 * MS).await;
    assert_eq!(slow.await.err(), Some(Refusal::DeadlinePassed));
    assert_eq!(last.await.expect("handed on").waited(), 30 * MS);
    assert!(pool.stats().holds() && pool.stats().expired == 3);
}

#[tokio::test(start_paused = true)]
async fn inv_permit_a_grant_that_raced_with_leaving_goes_to_the_next() {
    let (pool, scope) = (pool(1, 10, Overflow::Block), Scope::root("test", 10));
    let busy = ask(&pool, 1).await.expect("idle");
    let leaver = ask(&pool, 1);
    let (next, waits) = (ask(&pool, 1), scope.enter());
    let task = scope
        .spawn("next", async move { next.await.is_ok() })
        .expect("room");
    tokio::task::yield_now().await;
    drop(busy);
    let stats = pool.stats();
    assert_eq!(
        (stats.busy, stats.waiting),
        (1, 2),
        "granted, and not yet known"
    );
    drop(leaver);
    assert_eq!(task.await.done(), Some(true));
    drop(waits);
    let stats = pool.stats();
    assert_eq!(
        (stats.granted, stats.cancelled, stats.busy, stats.waiting),
        (2, 1, 0, 0)
    );
    assert!(stats.holds());
}

#[tokio::test]
async fn r_d13_a_permit_comes_back_from_a_panic_an_abort_and_a_timeout() {
    let (pool, scope) = (pool(1, 10, Overflow::Block), Scope::root("test", 10));
    let held = |end: &'static str| {
        let permit = ask(&pool, 1);
        async move {
            let _permit = permit.await.expect("idle");
            assert!(end == "stuck", "panics here");
            pending::<()>().await;
        }
    };
    let exit = scope.spawn("panics", held("panic")).expect("room").await;
    assert!(matches!(exit, Exit::Panicked(_)));
    assert_eq!(pool.stats().idle, 1);
    let aborted = scope.spawn("aborted", held("stuck")).expect("room");
    tokio::task::yield_now().await;
    assert_eq!(pool.stats().idle, 0);
    aborted.abort();
    assert!(matches!(aborted.await, Exit::Cancelled));
    assert_eq!(pool.stats().idle, 1);
    assert!(
        Deadline::after(Clock, MS)
            .bound(held("stuck"))
            .await
            .is_err()
    );
    assert_eq!((pool.stats().idle, pool.stats().holds()), (1, true));
}

#[tokio::test(start_paused = true)]
async fn r_g31_close_answers_who_waits_at_once_and_leaves_permits_valid() {
    let (pool, scope) = (pool(1, 10, Overflow::Block), Scope::root("test", 10));
    let busy = ask(&pool, 1).await.expect("idle");
    let waits = ask(&pool, 1);
    let task = scope
        .spawn("waits", async move { waits.await.err() })
        .expect("room");
    tokio::task::yield_now().await;
    let start = Clock.now();
    pool.close();
    assert_eq!(task.await.done(), Some(Some(Refusal::Closed)));
    assert_eq!(Clock.now(), start);
    assert_eq!(ask(&pool, 1).await.err(), Some(Refusal::Closed));
    assert_eq!(pool.stats().busy, 1);
    drop(busy);
    let stats = pool.stats();
    assert_eq!((stats.idle, stats.closed, stats.waiting), (1, 2, 0));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn a_larger_size_serves_who_waits_at_once_and_a_smaller_one_revokes_nothing() {
    let pool = pool(1, 10, Overflow::Error);
    let one = ask(&pool, 1).await.expect("idle");
    let (two, three) = (ask(&pool, 1), ask(&pool, 1));
    let start = Clock.now();
    pool.apply(settings(3, 10, Overflow::Error));
    let (two, three) = (two.await.expect("new"), three.await.expect("new"));
    assert_eq!(Clock.now(), start);
    pool.apply(settings(1, 10, Overflow::Error));
    let mut four = ask(&pool, 1);
    assert_eq!(
        (pool.stats().size, pool.stats().busy, pool.stats().idle),
        (1, 3, 0)
    );
    drop((one, two));
    assert!(!poll_once(&mut four).await, "it shrinks before it gives");
    drop(three);
    assert!(poll_once(&mut four).await);
    assert!(pool.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn whoever_polled_last_is_woken() {
    let (pool, scope) = (pool(1, 10, Overflow::Error), Scope::root("test", 10));
    let busy = ask(&pool, 1).await.expect("idle");
    let mut moved = ask(&pool, 1);
    assert!(!poll_once(&mut moved).await);
    // Another task goes on waiting with it.
    let start = Clock.now();
    let task = scope
        .spawn("goes on", async move { moved.await.is_ok() })
        .expect("room");
    tokio::task::yield_now().await;
    drop(busy);
    assert_eq!(task.await.done(), Some(true));
    assert_eq!(Clock.now(), start, "woken by the grant, not by its timer");
}
