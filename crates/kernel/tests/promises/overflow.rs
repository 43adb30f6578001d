//! What a full queue does with a newcomer: four meanings, four counters (R-D5),
//! the bounds in items and bytes (R-D2, INV-LIM), and the advice to come back.

use tidegate_kernel::{Ask, Clock, Deadline, Overflow, Permit, Pool, PoolSettings, Refusal};

use crate::pool::{MS, ask, poll_once, pool, settings};

/// A pool of one permit that is out, with `queue` places.
async fn busy(queue: usize, overflow: Overflow) -> (Pool, Permit) {
    let pool = pool(1, queue, overflow);
    let permit = ask(&pool, 1).await.expect("idle");
    (pool, permit)
}

#[tokio::test(start_paused = true)]
async fn r_d5_error_refuses_at_once_with_the_length_and_a_time_to_come_back() {
    let (pool, _permit) = busy(2, Overflow::Error).await;
    let (one, two) = (ask(&pool, 1), ask(&pool, 1));
    let three = ask(&pool, 1);
    assert!(three.is_ready() && !one.is_ready() && !two.is_ready());
    let Err(Refusal::Full {
        waiting,
        retry_after,
    }) = three.await
    else {
        panic!("not full")
    };
    assert_eq!(waiting, 2);
    assert!(retry_after >= 1000 * MS && retry_after <= 60_000 * MS);
    assert_eq!((pool.stats().full, pool.stats().waiting), (1, 2));
    assert!(pool.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn r_d5_block_waits_before_the_door_up_to_max_wait_and_the_door_is_bounded() {
    let (pool, permit) = busy(2, Overflow::Block).await;
    let mut waiting: Vec<_> = (0..4).map(|_| ask(&pool, 1)).collect();
    assert!(
        waiting.iter().all(|one| !one.is_ready()),
        "two in the queue, two at the door"
    );
    assert!(matches!(
        ask(&pool, 1).await,
        Err(Refusal::Full { waiting: 4, .. })
    ));
    tokio::time::advance(60 * MS).await;
    let at_door = waiting.pop().expect("four");
    drop(permit);
    let _first = waiting.remove(0).await.expect("the oldest first");
    let start = Clock.now();
    let answer = at_door.await;
    assert!(matches!(answer, Err(Refusal::WaitedTooLong { waited, .. }) if waited == 100 * MS));
    assert_eq!(
        Clock.now() - start,
        40 * MS,
        "door and queue count together"
    );
    drop(waiting);
    let stats = pool.stats();
    assert_eq!(
        (stats.full, stats.timed_out, stats.cancelled, stats.waiting),
        (1, 1, 2, 0)
    );
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn r_d5_drop_gives_the_newcomer_up() {
    let (pool, permit) = busy(1, Overflow::Drop).await;
    let oldest = ask(&pool, 1);
    assert_eq!(ask(&pool, 1).await.err(), Some(Refusal::Dropped));
    drop(permit);
    assert!(oldest.await.is_ok());
    assert!(pool.stats().holds() && pool.stats().dropped == 1);
}

#[tokio::test(start_paused = true)]
async fn r_d5_drop_oldest_lets_the_newcomer_in_and_gives_the_oldest_up() {
    let (pool, permit) = busy(2, Overflow::DropOldest).await;
    let (mut oldest, second) = (ask(&pool, 1), ask(&pool, 1));
    assert!(!poll_once(&mut oldest).await);
    let newest = ask(&pool, 1);
    let start = Clock.now();
    assert_eq!(oldest.await.err(), Some(Refusal::Dropped));
    assert_eq!((Clock.now(), second.ahead(), newest.ahead()), (start, 0, 1));
    drop(permit);
    drop(second.await.expect("in order"));
    assert!(newest.await.is_ok());
    assert!(pool.stats().holds() && pool.stats().dropped == 1);
}

#[tokio::test(start_paused = true)]
async fn inv_lim_bytes_bound_the_queue_under_each_policy() {
    for overflow in [
        Overflow::Error,
        Overflow::Block,
        Overflow::Drop,
        Overflow::DropOldest,
    ] {
        let (pool, _permit) = busy(100, overflow).await;
        let mut kept = Vec::new();
        for _ in 0..30 {
            kept.push(ask(&pool, 300));
            assert!(pool.stats().waiting_bytes <= 1000, "{overflow:?}");
        }
        // One that needs the whole queue gives as many up as it takes.
        let whole = ask(&pool, 1000);
        let stats = pool.stats();
        assert!(stats.holds() && stats.waiting_bytes <= 1000);
        let (waiting, dropped) = if overflow == Overflow::DropOldest {
            (1, 30)
        } else {
            (3, 0)
        };
        assert_eq!(
            (stats.waiting, whole.is_ready()),
            (waiting, waiting == 3),
            "{overflow:?}"
        );
        let refused = if overflow == Overflow::Drop {
            stats.dropped
        } else {
            stats.full
        };
        assert_eq!(
            (dropped, refused),
            if waiting == 1 { (30, 0) } else { (0, 28) }
        );
    }
}

#[tokio::test(start_paused = true)]
async fn r_d2_one_larger_than_the_queue_still_takes_an_idle_permit() {
    for (overflow, waits) in [
        (Overflow::Error, "full"),
        (Overflow::Block, "full"),
        (Overflow::Drop, "dropped"),
        (Overflow::DropOldest, "dropped"),
    ] {
        let pool = pool(1, 10, overflow);
        let large = ask(&pool, 5000).await.expect("idle");
        let small = ask(&pool, 1);
        let why = match ask(&pool, 5000).await {
            Err(Refusal::Full { .. }) => "full",
            Err(Refusal::Dropped) => "dropped",
            other => panic!("{other:?}"),
        };
        assert_eq!(why, waits);
        assert!(!small.is_ready(), "and nobody was given up for it");
        drop(large);
        assert!(small.await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_queue_the_policies_still_differ() {
    for (overflow, dropped) in [
        (Overflow::Error, false),
        (Overflow::Block, false),
        (Overflow::Drop, true),
        (Overflow::DropOldest, true),
    ] {
        let (pool, _permit) = busy(0, overflow).await;
        let answer = ask(&pool, 1).await.err();
        assert_eq!(
            answer == Some(Refusal::Dropped),
            dropped,
            "{overflow:?} {answer:?}"
        );
        assert!(pool.stats().holds());
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_follows_the_recent_rate_of_grants() {
    let pool = Pool::new(
        PoolSettings {
            queue: 20,
            max_wait: 60_000 * MS,
            ..settings(1, 20, Overflow::Error)
        },
        Clock,
    );
    let patient = |pool: &Pool| pool.acquire(Ask::new(Deadline::after(Clock, 90_000 * MS)));
    // Two a second, for longer than the window.
    for _ in 0..60 {
        let permit = patient(&pool).await.expect("idle");
        Clock.sleep(500 * MS).await;
        drop(permit);
    }
    let _busy = patient(&pool).await.expect("idle");
    let queue: Vec<_> = (0..20).map(|_| patient(&pool)).collect();
    let advice = |answer| match answer {
        Err(Refusal::Full { retry_after, .. }) => retry_after.as_secs_f64(),
        other => panic!("{other:?}"),
    };
    let steady = advice(patient(&pool).await);
    assert!(
        (9.0..=12.0).contains(&steady),
        "21 at 2/s, and not {steady} s"
    );
    // The provider hangs: nothing is granted, and the advice grows to its most.
    tokio::time::advance(25_000 * MS).await;
    assert_eq!(advice(patient(&pool).await), 60.0);
    drop(queue);
}
