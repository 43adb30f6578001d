//! Single flight and the value that is built once: R-G15, R-G34, R-G35.
//! Whoever leaves, stays unpolled or panics, the others get their end.

use std::future::{pending, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::Duration;

use tidegate_kernel::{Clock, Deadline, Observe, Once, OnceCell, OnceError, Scope};

use crate::samples::Page;

const MS: Duration = Duration::from_millis(1);

type Flights = Once<&'static str, u32, &'static str>;

/// Polls it once and says whether it is ready.
async fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> bool {
    let mut future = future;
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx).is_ready())).await
}

/// Work that takes 10 ms, counted when it begins and when it ends.
async fn slow(
    began: Arc<AtomicU32>,
    ended: Arc<AtomicU32>,
    result: Result<u32, &'static str>,
) -> Result<u32, &'static str> {
    began.fetch_add(1, Ordering::SeqCst);
    for _ in 0..10 {
        Clock.sleep(MS).await;
    }
    ended.fetch_add(1, Ordering::SeqCst);
    result
}

#[tokio::test(start_paused = true)]
async fn promise_1_r_g35_a_thousand_callers_share_one_run_and_its_error() {
    let scope = Scope::root("test", 2000);
    let once = Arc::new(Flights::new(1));
    for (round, result) in [Ok(7), Err("no"), Ok(9)].into_iter().enumerate() {
        let (began, ended) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
        let start = Clock.now();
        let tasks: Vec<_> = (0..1000)
            .map(|_| {
                let (once, began, ended) =
                    (Arc::clone(&once), Arc::clone(&began), Arc::clone(&ended));
                let call = async move { once.run("key", move || slow(began, ended, result)).await };
                scope.spawn("caller", call).expect("room")
            })
            .collect();
        for task in tasks {
            let expected = result.map_err(OnceError::Failed);
            assert_eq!(task.await.done(), Some(expected));
        }
        assert_eq!(Clock.now() - start, 10 * MS);
        // The failure of the second round was not kept, nor was any value.
        let runs = (began.load(Ordering::SeqCst), ended.load(Ordering::SeqCst));
        assert_eq!((runs, once.flying()), ((1, 1), 0), "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_r_g34_other_keys_go_on_and_the_number_of_keys_is_bounded() {
    let once = Flights::new(2);
    let mut stuck = pin!(once.run("stuck", pending));
    assert!(!poll_once(stuck.as_mut()).await);
    assert_eq!(once.run("other", || async { Ok(5) }).await, Ok(5));
    let mut second = pin!(once.run("second", pending));
    assert!(!poll_once(second.as_mut()).await);
    let refused = OnceError::TooMany { limit: 2 };
    assert_eq!(once.run("third", || async { Ok(5) }).await, Err(refused));
    // Who joins needs no place of its own.
    let mut joins = pin!(once.run("second", || async { Ok(6) }));
    assert!(!poll_once(joins.as_mut()).await);

    let mut page = Page::default();
    once.observe(&[("cache", "answers")], &mut page);
    let told = |name: &str| page.0[&format!("tidegate_once_{name}{{cache=answers}}")];
    assert_eq!((told("started_total"), told("joined_total")), (3.0, 1.0));
    assert_eq!((told("refused_total"), told("flying")), (1.0, 2.0));
    assert_eq!((told("done_total"), told("failed_total")), (1.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_caller_who_leaves_takes_nothing_from_the_others() {
    let once = Flights::new(1);
    let (began, ended) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let call = || {
        let (began, ended) = (Arc::clone(&began), Arc::clone(&ended));
        once.run("key", move || slow(began, ended, Ok(3)))
    };
    let start = Clock.now();
    // The first begins the work; each drives it for a while and leaves.
    let mut last = pin!(call());
    for _ in 0..4 {
        let mut leaver = Box::pin(call());
        assert!(!poll_once(leaver.as_mut()).await);
        assert!(!poll_once(last.as_mut()).await);
        let patience = Deadline::after(Clock, 2 * MS);
        assert!(patience.bound(leaver).await.is_err());
    }
    assert_eq!(last.await, Ok(3));
    // The work went on in its own time, and was not begun again.
    assert!(Clock.now() - start <= 12 * MS);
    assert_eq!(began.load(Ordering::SeqCst), 1);

    // When all have left, the work is dropped and the next begins anew.
    let gone = Arc::new(());
    let held = Arc::clone(&gone);
    let left = Deadline::after(Clock, 2 * MS).bound(once.run("key", || async move {
        let _held = held;
        pending().await
    }));
    assert!(left.await.is_err());
    assert_eq!((Arc::strong_count(&gone), once.flying()), (1, 0));
    assert_eq!(once.run("key", || async { Ok(4) }).await, Ok(4));
    let mut page = Page::default();
    once.observe(&[], &mut page);
    assert_eq!(page.0["tidegate_once_abandoned_total{}"], 1.0);
    assert_eq!(page.0["tidegate_once_done_total{}"], 2.0);
}

#[tokio::test(start_paused = true)]
async fn promise_4_a_caller_who_is_stuck_elsewhere_stops_nobody() {
    let once = Flights::new(1);
    let (began, ended) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let work = {
        let (began, ended) = (Arc::clone(&began), Arc::clone(&ended));
        move || slow(began, ended, Ok(3))
    };
    // It began the work, is still there, and is never polled again.
    let mut stuck = pin!(once.run("key", work));
    assert!(!poll_once(stuck.as_mut()).await);
    let patience = Deadline::after(Clock, 50 * MS);
    let other = patience.bound(once.run("key", || async { Ok(0) })).await;
    assert_eq!(other, Ok(Ok(3)));
    assert_eq!(
        stuck.await,
        Ok(3),
        "what it waited for is still there for it"
    );
}

#[tokio::test(start_paused = true)]
async fn promise_4_r_d12_a_panic_is_told_to_all_and_not_kept() {
    let scope = Scope::root("test", 10);
    let once = Arc::new(Flights::new(1));
    let tasks: Vec<_> = (0..5)
        .map(|_| {
            let once = Arc::clone(&once);
            let call = async move {
                let work = || async {
                    Clock.sleep(MS).await;
                    panic!("inside")
                };
                once.run("key", work).await
            };
            scope.spawn("caller", call).expect("room")
        })
        .collect();
    for task in tasks {
        let told = Some(Err(OnceError::Panicked("inside".into())));
        assert_eq!(task.await.done(), told);
    }
    let made = once.run("key", || -> std::future::Ready<_> { panic!("at once") });
    assert_eq!(made.await, Err(OnceError::Panicked("at once".into())));
    assert_eq!(once.run("key", || async { Ok(1) }).await, Ok(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_g35_on_threads_with_leavers_each_run_is_alone_and_nobody_is_stranded() {
    let scope = Scope::root("test", 5000);
    let once = Arc::new(Flights::new(4));
    let runs = Arc::new(AtomicU32::new(0));
    let mut tasks = Vec::new();
    for n in 0..4000_u32 {
        let (once, runs) = (Arc::clone(&once), Arc::clone(&runs));
        let call = async move {
            let work = move || async move {
                let run = runs.fetch_add(1, Ordering::SeqCst) + 1;
                for _ in 0..n % 5 {
                    tokio::task::yield_now().await;
                    assert_eq!(runs.load(Ordering::SeqCst), run, "two runs");
                }
                if n % 3 == 0 { Err("no") } else { Ok(n) }
            };
            let mut call = pin!(once.run("key", work));
            if n % 4 == 0 {
                // Leaves while others wait, or drives them and leaves.
                poll_once(call.as_mut()).await;
                return;
            }
            let end = call.await;
            assert!(
                matches!(end, Ok(_) | Err(OnceError::Failed("no"))),
                "{end:?}"
            );
        };
        tasks.push(scope.spawn("caller", call).expect("room"));
    }
    let patience = Deadline::after(Clock, Duration::from_secs(20));
    assert_eq!(scope.drain(patience).await, [], "somebody was never woken");
    for task in tasks {
        assert!(task.await.is_done());
    }
    assert_eq!(once.flying(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_g15_a_shared_value_is_built_once_by_a_thousand_and_a_failure_is_tried_again() {
    let scope = Scope::root("test", 2000);
    let cell = Arc::new(OnceCell::new());
    let (tries, built) = (Arc::<AtomicU32>::default(), Arc::<AtomicU32>::default());
    let tasks: Vec<_> = (0..1000)
        .map(|_| {
            let (cell, tries, built) = (Arc::clone(&cell), Arc::clone(&tries), Arc::clone(&built));
            let call = async move {
                let build = || async {
                    tokio::task::yield_now().await;
                    if tries.fetch_add(1, Ordering::SeqCst) < 3 {
                        return Err("not yet");
                    }
                    Ok(built.fetch_add(1, Ordering::SeqCst) + 41)
                };
                cell.get_or_try_init(build).await.copied()
            };
            scope.spawn("caller", call).expect("room")
        })
        .collect();
    let mut failed = 0;
    for task in tasks {
        match task.await.done().expect("no panic") {
            Ok(value) => assert_eq!(value, 41),
            Err(why) => failed += u32::from(why == "not yet"),
        }
    }
    let tries = tries.load(Ordering::SeqCst);
    assert_eq!((failed, tries, built.load(Ordering::SeqCst)), (3, 4, 1));
    assert_eq!(cell.get(), Some(&41));
}

/// Its first clone panics.
#[derive(Debug)]
struct Fragile(Arc<AtomicU32>);

impl Clone for Fragile {
    fn clone(&self) -> Self {
        assert!(self.0.fetch_add(1, Ordering::SeqCst) > 0, "in a clone");
        Self(Arc::clone(&self.0))
    }
}

#[tokio::test(start_paused = true)]
async fn promise_4_r_d12_a_value_whose_clone_panics_strands_nobody() {
    let scope = Scope::root("test", 10);
    let once = Arc::new(Once::<u32, Fragile, u32>::new(1));
    let clones = Arc::new(AtomicU32::new(0));
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let (once, clones) = (Arc::clone(&once), Arc::clone(&clones));
            let work = || async {
                Clock.sleep(MS).await;
                Ok(Fragile(clones))
            };
            let call = async move { once.run(1, work).await.is_ok() };
            scope.spawn("caller", call).expect("room")
        })
        .collect();
    let (mut good, mut bad) = (0, 0);
    for task in tasks {
        let exit = Deadline::after(Clock, 1000 * MS).bound(task).await;
        match exit.expect("nobody waits for ever").done() {
            Some(true) => good += 1,
            _ => bad += 1,
        }
    }
    assert_eq!((good, bad, once.flying()), (3, 1, 0));
}
