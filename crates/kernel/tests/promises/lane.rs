//! Lanes: one inside a key, in order (R-S3), other keys free (R-P15), every
//! wait bounded (R-D13, R-D17), every end lets go (R-P40).

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use tidegate_kernel::{
    Clock, Deadline, Exit, Lane, LockRefusal, LockSettings, Scope, SpawnRefused, Why,
};

pub(crate) const MS: Duration = Duration::from_millis(1);

pub(crate) fn settings(places: usize) -> LockSettings {
    let max_wait = 100 * MS;
    LockSettings { places, max_wait }
}

fn lane(places: usize) -> Lane<String> {
    Lane::new("session", settings(places), Clock)
}

pub(crate) fn far() -> Deadline {
    Deadline::after(Clock, 1000 * MS)
}

fn key(name: &str) -> String {
    name.to_owned()
}

/// Whether the answer is there, without waiting for time to pass.
pub(crate) async fn poll_once<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    poll_fn(|cx| match Pin::new(&mut *future).poll(cx) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => Poll::Ready(None),
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn r_s3_one_key_runs_in_order_and_r_p15_other_keys_never_wait() {
    let (lane, scope) = (lane(10), Scope::root("test", 100));
    let (start, ends) = (Clock.now(), Arc::new(Mutex::new(Vec::new())));
    for name in ["a", "a", "b", "a", "c"] {
        let (lane, inner, ends) = (lane.clone(), scope.clone(), Arc::clone(&ends));
        let turn = async move {
            let job = Clock.sleep(10 * MS);
            let exit = lane.run(&inner, key(name), far(), job).await;
            assert!(exit.expect("a place").is_done());
            let passed = (Clock.now() - start).as_millis();
            ends.lock().unwrap().push((passed, name));
        };
        drop(scope.spawn("turn", turn).expect("room"));
    }
    assert_eq!(scope.drain(far()).await, []);
    let mut ends = ends.lock().unwrap().clone();
    ends.sort_unstable();
    let expected = [(10, "a"), (10, "b"), (10, "c"), (20, "a"), (30, "a")];
    assert_eq!(ends, expected);
    assert!(lane.stats().holds() && lane.stats().keys == 0);
}

#[tokio::test(start_paused = true)]
async fn promise_2_the_place_is_visible_and_a_full_line_refuses_with_its_length() {
    let lane = lane(2);
    let first = lane.lock(key("a"), far()).await.expect("free");
    assert_eq!(first.waited(), Duration::ZERO);
    let (second, third) = (lane.lock(key("a"), far()), lane.lock(key("a"), far()));
    assert_eq!((second.ahead(), third.ahead()), (0, 1));
    let full = lane.lock(key("a"), far()).await;
    assert_eq!(full.err(), Some(LockRefusal::Full { waiting: 2 }));
    assert!(lane.lock(key("b"), far()).is_ready(), "it has its own line");
    assert_eq!((lane.waiting(&key("a")), lane.waiting(&key("b"))), (2, 0));
    // Who leaves makes room at once, and those behind come nearer.
    drop(second);
    assert_eq!((third.ahead(), lane.waiting(&key("a"))), (0, 1));
    tokio::time::advance(30 * MS).await;
    drop(first);
    let third = third.await.expect("its turn");
    assert_eq!(third.waited(), 30 * MS);
    drop(third);
    let stats = lane.stats();
    assert_eq!((stats.full, stats.cancelled, stats.queued), (1, 1, 2));
    assert!(stats.holds() && stats.keys == 0 && stats.wait_total_micros == 30_000);
}

#[tokio::test(start_paused = true)]
async fn a_line_without_places_is_a_busy_sign() {
    let lane = lane(0);
    let _turn = lane.lock(key("a"), far()).await.expect("free");
    let busy = lane.lock(key("a"), far()).await;
    assert_eq!(busy.err(), Some(LockRefusal::Full { waiting: 0 }));
}

#[tokio::test(start_paused = true)]
async fn r_g41_a_wait_ends_at_its_deadline_or_at_the_upper_bound() {
    let lane = lane(10);
    let held = lane.lock(key("a"), far()).await.expect("free");
    let start = Clock.now();
    let late = lane.lock(key("a"), Deadline::after(Clock, 40 * MS)).await;
    assert_eq!((Clock.now() - start).as_millis(), 40);
    assert_eq!(late.err(), Some(LockRefusal::DeadlinePassed));
    let start = Clock.now();
    let late = lane.lock(key("a"), far()).await;
    assert_eq!((Clock.now() - start).as_millis(), 100);
    let waited = 100 * MS;
    assert_eq!(late.err(), Some(LockRefusal::WaitedTooLong { waited }));
    // Nothing begins after its deadline, also where it is free.
    let past = lane.lock(key("b"), Deadline::at(Clock.now())).await;
    assert_eq!(past.err(), Some(LockRefusal::DeadlinePassed));
    // One whose time is over stands in nobody's way, though nobody polls it.
    let overdue = lane.lock(key("a"), Deadline::after(Clock, 10 * MS));
    let next = lane.lock(key("a"), far());
    tokio::time::advance(20 * MS).await;
    drop(held);
    drop(next.await.expect("its turn"));
    assert_eq!(overdue.await.err(), Some(LockRefusal::DeadlinePassed));
    assert!(lane.stats().holds() && lane.stats().keys == 0);
}

#[tokio::test(start_paused = true)]
async fn a_grant_that_comes_too_late_or_to_a_leaver_goes_on_to_the_next() {
    let lane = lane(10);
    let held = lane.lock(key("a"), far()).await.expect("free");
    let leaver = lane.lock(key("a"), far());
    let late = lane.lock(key("a"), Deadline::after(Clock, 10 * MS));
    let mut last = lane.lock(key("a"), far());
    drop(held);
    // The leaver has the lane and does not know it.
    assert!(poll_once(&mut last).await.is_none());
    drop(leaver);
    tokio::time::advance(20 * MS).await;
    assert!(poll_once(&mut last).await.is_none(), "the late one has it");
    assert_eq!(late.await.err(), Some(LockRefusal::DeadlinePassed));
    drop(last.await.expect("its turn"));
    let stats = lane.stats();
    assert_eq!((stats.cancelled, stats.expired, stats.granted), (1, 1, 2));
    assert!(stats.holds() && stats.keys == 0);
}

#[tokio::test(start_paused = true)]
async fn r_p40_a_panic_a_timeout_and_a_cancel_inside_let_go() {
    let (lane, scope) = (lane(10), Scope::root("test", 10));
    let run = |job| lane.run(&scope, key("a"), Deadline::after(Clock, 10 * MS), job);
    let bad: Pin<Box<dyn Future<Output = ()>>> = Box::pin(async { panic!("in the lane") });
    let exit = run(bad).await.expect("free");
    assert!(matches!(exit, Exit::Panicked(why) if why == "in the lane"));
    assert!(matches!(run(Box::pin(pending())).await, Ok(Exit::TimedOut)));
    let guarded = lane.clone();
    let task = scope.spawn("holder", async move {
        let _guard = guarded.lock(key("a"), far()).await.expect("free");
        panic!("with a guard");
    });
    assert!(matches!(task.expect("room").await, Exit::Panicked(_)));
    let inner = scope.child("turn");
    let mut job = Box::pin(lane.run(&inner, key("a"), far(), pending::<()>()));
    assert!(poll_once(&mut job).await.is_none());
    let mut behind = Box::pin(lane.run(&inner, key("a"), far(), async {}));
    assert!(poll_once(&mut behind).await.is_none());
    inner.cancel(Why::Operator);
    assert!(matches!(behind.await, Ok(Exit::Cancelled)), "it waited");
    assert!(matches!(job.await, Ok(Exit::Cancelled)), "it worked");
    assert!(lane.stats().holds() && lane.stats().keys == 0);
}

#[tokio::test(start_paused = true)]
async fn a_job_is_begun_and_dropped_inside_only() {
    struct Inside(Lane<String>);
    impl Drop for Inside {
        fn drop(&mut self) {
            assert_eq!(self.0.stats().held, 1, "dropped after the lane went on");
        }
    }
    let (lane, scope) = (lane(10), Scope::root("test", 10));
    let held = lane.lock(key("a"), far()).await.expect("free");
    let work = async { panic!("begun without the lane") };
    let never = lane.run(&scope, key("a"), Deadline::after(Clock, 10 * MS), work);
    let refused: Result<Exit<()>, _> = never.await;
    assert_eq!(refused.err(), Some(LockRefusal::DeadlinePassed));
    drop(held);
    let inside = Inside(lane.clone());
    let job = async move {
        let _inside = inside;
        pending::<()>().await;
    };
    let exit = lane
        .run(&scope, key("a"), Deadline::after(Clock, 10 * MS), job)
        .await;
    assert!(matches!(exit, Ok(Exit::TimedOut)));
}

#[tokio::test(start_paused = true)]
async fn close_refuses_who_waits_and_who_comes_and_lets_the_holder_end() {
    let lane = lane(10);
    let held = lane.lock(key("a"), far()).await.expect("free");
    let waiter = lane.lock(key("a"), far());
    lane.close();
    assert_eq!(waiter.await.err(), Some(LockRefusal::Closed));
    let newcomer = lane.lock(key("b"), far()).await;
    assert_eq!(newcomer.err(), Some(LockRefusal::Closed));
    assert_eq!(lane.stats().held, 1);
    drop(held);
    let stats = lane.stats();
    assert!(stats.holds() && stats.keys == 0 && stats.closed == 2);
}

#[tokio::test(start_paused = true)]
async fn r_d17_several_keys_come_sorted_once_each_and_all_or_none() {
    let lane = lane(10);
    let all = lane.lock_all(["b", "a", "b"].map(key), far()).await;
    let all = all.expect("free");
    assert_eq!((all.len(), lane.stats().keys), (2, 2));
    let mut blocked = Box::pin(lane.lock_all(["c", "a", "0"].map(key), far()));
    assert!(poll_once(&mut blocked).await.is_none());
    // In sorted order: the first is taken, the last is not asked for yet.
    assert!(!lane.lock(key("0"), far()).is_ready());
    assert!(lane.lock(key("c"), far()).is_ready());
    let refused = blocked.await;
    assert!(matches!(refused, Err(LockRefusal::WaitedTooLong { .. })));
    assert!(lane.lock(key("0"), far()).is_ready(), "given back");
    drop(all);
    assert!(lane.stats().holds() && lane.stats().keys == 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_p38_a_hundred_callers_over_ten_keys_use_exactly_ten_lanes() {
    let generous = LockSettings {
        places: 100,
        max_wait: Duration::from_secs(10),
    };
    let lane: Lane<usize> = Lane::new("plan", generous, Clock);
    let deadline = || Deadline::after(Clock, Duration::from_secs(10));
    let scope = Scope::root("test", 100);
    let held: Vec<_> = (0..10).map(|n| lane.lock(n, deadline())).collect();
    let callers: Result<Vec<_>, SpawnRefused> = (0..90)
        .map(|n| scope.spawn("caller", lane.lock(n % 10, deadline())))
        .collect();
    let stats = lane.stats();
    assert_eq!((stats.keys, stats.held, stats.waiting), (10, 10, 90));
    drop(held);
    for caller in callers.expect("room") {
        drop(caller.await.done().expect("it ended").expect("its turn"));
    }
    let stats = lane.stats();
    assert!(stats.holds() && stats.keys == 0 && stats.granted == 100);
}

/// Refused while nobody looked: its line is gone, and another's is in its place.
#[tokio::test(start_paused = true)]
async fn promise_2_who_is_refused_waits_behind_nobody() {
    let lane = lane(10);
    let soon = || Deadline::after(Clock, 10 * MS);
    let held = lane.lock(key("one"), far()).await.expect("free");
    let late: Vec<_> = (0..2).map(|_| lane.lock(key("one"), soon())).collect();
    assert_eq!(late[1].ahead(), 1);
    tokio::time::advance(20 * MS).await;
    drop(held);
    let _held = lane.lock(key("other"), far()).await.expect("free");
    let _waiting: Vec<_> = (0..2).map(|_| lane.lock(key("other"), far())).collect();
    assert_eq!((late[0].ahead(), late[1].ahead()), (0, 0));
    assert_eq!(lane.stats().expired, 2);
}
