//! Who is let in: waits that cannot end in time (INV-DEADLINE), priorities that
//! are shed, the room of control (R-D5), and a limit that moves by signals and
//! by time (R-D13, R-D14, R-D16).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::{
    Ask, Clock, Deadline, LimitSettings, Overflow, Pool, PoolSettings, Priority, Refusal, Signal,
};

use crate::pool::{MS, poll_once, pool, settings};

fn within(time: Duration) -> Ask {
    Ask::new(Deadline::after(Clock, time))
}

fn long() -> Ask {
    within(Duration::from_secs(100))
}

/// A pool of one permit whose requests take 100 ms, which it has learned.
async fn learned(requests: usize) -> Pool {
    let settings = PoolSettings {
        max_wait: Duration::from_secs(100),
        ..settings(1, 100, Overflow::Error)
    };
    let pool = Pool::new(settings, Clock);
    for _ in 0..requests {
        let permit = pool.acquire(long()).await.expect("idle");
        Clock.sleep(100 * MS).await;
        drop(permit);
    }
    pool
}

#[tokio::test(start_paused = true)]
async fn promise_2_who_cannot_be_served_in_time_is_told_at_once() {
    let pool = learned(30).await;
    // An idle permit is given whatever was learned.
    let _busy = pool.acquire(within(MS)).await.expect("idle");
    let waits: Vec<_> = (0..9).map(|_| pool.acquire(long())).collect();
    let late = pool.acquire(within(900 * MS));
    assert!(late.is_ready(), "nine before it take 900 ms");
    let Err(Refusal::WouldWait {
        predicted,
        retry_after,
    }) = late.await
    else {
        panic!("it was let in")
    };
    let (least, most) = (950 * MS, 1000 * MS);
    assert!((least..=most).contains(&predicted), "{predicted:?}");
    assert!(retry_after >= 1000 * MS && retry_after <= 60_000 * MS);
    assert!(!pool.acquire(within(1100 * MS)).is_ready());
    // By its place in the fair order: another tenant waits for one at most.
    let mut other = pool.acquire(within(300 * MS).tenant(7));
    assert!(!poll_once(&mut other).await && other.ahead() <= 1);
    let stats = pool.stats();
    assert_eq!((stats.would_wait, stats.waiting), (1, 10));
    assert!(stats.holds());
    drop(waits);
}

#[tokio::test(start_paused = true)]
async fn promise_2_nobody_is_refused_by_a_pace_that_is_not_known() {
    let pool = learned(15).await;
    let _busy = pool.acquire(long()).await.expect("idle");
    let _waits: Vec<_> = (0..9).map(|_| pool.acquire(long())).collect();
    assert!(!pool.acquire(within(10 * MS)).is_ready(), "15 are too few");
    // Few asked, and each was served in no time: the rate says nothing then.
    let quick = learned(0).await;
    for _ in 0..20 {
        drop(quick.acquire(long()).await.expect("idle"));
        Clock.sleep(1000 * MS).await;
    }
    let _busy = quick.acquire(long()).await.expect("idle");
    let _waits: Vec<_> = (0..9).map(|_| quick.acquire(long())).collect();
    assert!(!quick.acquire(within(10 * MS)).is_ready());
    assert_eq!((pool.stats().would_wait, quick.stats().would_wait), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn less_urgent_newcomers_can_be_shed_and_who_waits_is_served() {
    let pool = pool(1, 10, Overflow::Error);
    let busy = pool.acquire(within(1000 * MS)).await.expect("idle");
    let batch = || within(1000 * MS).priority(Priority::Batch);
    let early = pool.acquire(batch());
    pool.refuse_below(Some(Priority::Interactive));
    assert_eq!(pool.acquire(batch()).await.err(), Some(Refusal::Shed));
    let interactive = pool.acquire(within(1000 * MS));
    assert!(!interactive.is_ready());
    pool.refuse_below(Some(Priority::Control));
    assert_eq!(
        pool.acquire(within(1000 * MS)).await.err(),
        Some(Refusal::Shed)
    );
    let control = pool.acquire(within(1000 * MS).priority(Priority::Control));
    drop(busy);
    drop(control.await.expect("control is never shed"));
    drop(interactive.await.expect("it waited already"));
    drop(early.await.expect("it waited already"));
    pool.refuse_below(None);
    drop(pool.acquire(batch()).await.expect("let in again"));
    let stats = pool.stats();
    assert_eq!((stats.shed, stats.granted), (2, 5));
    assert!(stats.holds());
}

#[tokio::test(start_paused = true)]
async fn r_d5_the_lowest_priority_goes_first_and_control_has_its_own_room() {
    let pool = pool(1, 2, Overflow::DropOldest);
    let _busy = pool.acquire(long()).await.expect("idle");
    let ask = |priority| pool.acquire(long().priority(priority));
    let interactive = ask(Priority::Interactive);
    let batch = ask(Priority::Batch);
    let mut controls: Vec<_> = (0..64).map(|_| ask(Priority::Control)).collect();
    assert!(controls.iter().all(|control| !control.is_ready()));
    let refused = ask(Priority::Control).await;
    assert!(matches!(refused, Err(Refusal::Full { waiting: 66, .. })));
    assert_eq!(pool.stats().waiting_by, [64, 1, 1]);
    let newest = ask(Priority::Interactive);
    assert_eq!(batch.await.err(), Some(Refusal::Dropped));
    assert_eq!(
        ask(Priority::Batch).await.err(),
        Some(Refusal::Dropped),
        "nobody who is more urgent goes for it"
    );
    assert!(!interactive.is_ready() && !newest.is_ready());
    let latest = ask(Priority::Interactive);
    assert_eq!(interactive.await.err(), Some(Refusal::Dropped));
    let mut last = controls.pop().expect("64");
    assert!(!poll_once(&mut last).await && !latest.is_ready());
    let stats = pool.stats();
    assert_eq!((stats.dropped, stats.full), (3, 1));
    assert!(stats.holds());
}

fn moving(limit: LimitSettings) -> Pool {
    let settings = PoolSettings {
        limit,
        max_wait: Duration::from_secs(60),
        ..settings(100, 1000, Overflow::Error)
    };
    Pool::new(settings, Clock)
}

#[tokio::test(start_paused = true)]
async fn r_d14_a_limit_that_grows_by_time_alone_serves_who_waits() {
    let pool = moving(LimitSettings::scaled(10, 100));
    assert_eq!((pool.stats().size, pool.stats().max), (10, 100));
    let told = Arc::new(Mutex::new(Vec::new()));
    let hears = Arc::clone(&told);
    pool.on_decision(move |decision| hears.lock().expect("whole").push(*decision));
    // Nothing comes back and nobody comes: only time passes.
    let scope = tidegate_kernel::Scope::root("test", 200);
    for _ in 0..100 {
        let acquire = pool.acquire(long());
        let work = async move {
            let permit = acquire.await.expect("patient");
            std::future::pending::<()>().await;
            drop(permit);
        };
        drop(scope.spawn("caller", work).expect("room"));
    }
    let start = Clock.now();
    while pool.stats().busy < 100 {
        Clock.sleep(10 * MS).await;
        assert!(Clock.now() - start < 5000 * MS, "{:?}", pool.stats());
    }
    let told = told.lock().expect("whole").clone();
    assert!(!told.is_empty());
    assert_eq!(told, pool.decisions(), "told once, in order, and kept");
    assert!(told.iter().all(|decision| decision.to > decision.from));
    scope.close().await;
    assert!(pool.stats().holds() && pool.stats().busy == 0);
}

#[tokio::test(start_paused = true)]
async fn r_d14_after_retry_after_the_next_one_is_served_although_nothing_comes_back() {
    let pool = moving(LimitSettings::adaptive(1, 100));
    let busy = pool.acquire(long()).await.expect("idle");
    pool.signal(Signal::Overloaded {
        retry_after: Some(Duration::from_secs(3)),
    });
    drop(busy);
    let start = Clock.now();
    let (mut first, second) = (pool.acquire(long()), pool.acquire(long()));
    assert!(!poll_once(&mut first).await);
    // The one that would have looked leaves; the other does it in its place.
    let scope = tidegate_kernel::Scope::root("test", 10);
    let task = scope
        .spawn("second", async move { second.await.is_ok() })
        .expect("room");
    tokio::task::yield_now().await;
    drop(first);
    assert_eq!(task.await.done(), Some(true));
    let waited = Clock.now() - start;
    assert!(
        waited >= Duration::from_secs(3) && waited < Duration::from_secs(5),
        "{waited:?}"
    );
    assert!(pool.stats().holds());
}

#[tokio::test(start_paused = true)]
async fn a_shadow_limit_is_computed_and_not_enforced_and_16_decisions_are_kept() {
    let limit = LimitSettings {
        shadow: true,
        ..LimitSettings::adaptive(1, 100)
    };
    let pool = moving(limit);
    for _ in 0..20 {
        let busy = pool.acquire(long()).await.expect("not enforced");
        pool.signal(Signal::Overloaded { retry_after: None });
        Clock.sleep(Duration::from_secs(2)).await;
        drop(busy);
    }
    let stats = pool.stats();
    assert_eq!((stats.size, stats.max), (100, 100));
    assert!(stats.computed < 20, "{stats:?}");
    let kept = pool.decisions();
    assert!(!kept.is_empty() && kept.len() <= 16, "{}", kept.len());
    assert!(kept.is_sorted_by_key(|decision| decision.at));
}

#[tokio::test(start_paused = true)]
async fn r_d16_wait_and_work_of_the_same_request_are_known() {
    let pool = pool(1, 10, Overflow::Error);
    let first = pool.acquire(within(1000 * MS)).await.expect("idle");
    let second = pool.acquire(within(1000 * MS));
    Clock.sleep(30 * MS).await;
    assert_eq!((first.waited(), first.held()), (Duration::ZERO, 30 * MS));
    drop(first);
    let second = second.await.expect("next");
    Clock.sleep(20 * MS).await;
    assert_eq!((second.waited(), second.held()), (30 * MS, 20 * MS));
    drop(second);
    let stats = pool.stats();
    assert_eq!(
        (stats.wait_total_micros, stats.held_total_micros),
        (30_000, 50_000)
    );
}

/// The one who looks for what time frees was given up, and somebody else does.
#[tokio::test(start_paused = true)]
async fn promise_2_who_takes_the_place_of_the_keeper_looks_in_its_stead() {
    let limit = LimitSettings::adaptive(1, 10);
    let pool = Pool::new(
        PoolSettings {
            limit,
            max_wait: Duration::from_secs(60),
            ..settings(10, 1, Overflow::DropOldest)
        },
        Clock,
    );
    let retry_after = Some(Duration::from_secs(1));
    pool.signal(Signal::Overloaded { retry_after });
    let mut keeper = pool.acquire(long());
    assert!(!poll_once(&mut keeper).await);
    let start = Clock.now();
    let next = pool.acquire(long());
    // Its alarm goes with it.
    assert_eq!(keeper.await.err(), Some(Refusal::Dropped));
    let next = next.await.expect("the pause ends");
    let waited = Clock.now() - start;
    assert!(waited < Duration::from_secs(3), "{waited:?}");
    drop(next);
    assert!(pool.stats().holds());
}

/// INV-PERMIT: what a hook panics with goes nowhere, least of all with a permit.
#[tokio::test(start_paused = true)]
async fn inv_permit_a_hook_that_panics_takes_no_permit_with_it() {
    let pool = moving(LimitSettings::scaled(1, 4));
    pool.on_decision(|_| panic!("in a hook"));
    let permits: Vec<_> = (0..4).map(|_| pool.acquire(long())).collect();
    for permit in permits {
        drop(permit.await.expect("one of four"));
    }
    let stats = pool.stats();
    assert_eq!((stats.busy, stats.granted), (0, 4));
    assert!(stats.holds() && !pool.decisions().is_empty());
}
