//! Drain, close and the drop of the last handle: R-D9, R-P36, R-G43.
//! Whatever a task ignores, nothing of it is left afterwards.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidegate_kernel::{Clock, Deadline, Exit, Kind, Scope, SpawnRefused, Why};

const MS: Duration = Duration::from_millis(1);

/// Counts how many of its kind are alive.
struct Alive(Arc<AtomicU32>);

impl Alive {
    fn new(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self(Arc::clone(count))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn r_d9_drain_waits_for_tasks_and_guards_and_names_who_did_not_end() {
    let root = Scope::root("process", 10);
    let edge = root.child("edge");
    let quick = edge.spawn("quick", Clock.sleep(10 * MS));
    let _stuck = edge.spawn("stuck", pending::<()>());
    let guard = edge.child("request").enter();
    // The request's scope has lost its handle, and is still seen.
    let start = Clock.now();
    let left = root.drain(Deadline::after(Clock, 100 * MS)).await;
    assert_eq!((Clock.now() - start).as_millis(), 100);
    let mut names: Vec<_> = left
        .iter()
        .map(|r| (r.scope, r.name, r.kind, r.age))
        .collect();
    names.sort_by_key(|it| it.1);
    assert_eq!(
        names,
        [
            ("request", "request", Kind::Guard, 100 * MS),
            ("edge", "stuck", Kind::Task, 100 * MS)
        ]
    );
    assert!(quick.expect("room").await.is_done());
    drop(guard);
    edge.close().await;
    assert_eq!(root.drain(Deadline::after(Clock, MS)).await, []);
}

#[tokio::test(start_paused = true)]
async fn r_d9_drain_ends_as_soon_as_the_last_one_has_ended() {
    let root = Scope::root("process", 10);
    let child = root.child("edge");
    let guard = child.enter().expect("open");
    let _task = child
        .spawn("leaves last", async move {
            Clock.sleep(5 * MS).await;
            drop(guard);
            Clock.sleep(25 * MS).await;
        })
        .expect("room");
    let start = Clock.now();
    let (one, two) = (child.clone(), root.clone());
    let watch = Scope::root("watch", 1);
    let first = watch
        .spawn("drain too", async move {
            one.drain(Deadline::after(Clock, 1000 * MS)).await
        })
        .expect("room");
    assert_eq!(two.drain(Deadline::after(Clock, 1000 * MS)).await, []);
    assert_eq!((Clock.now() - start).as_millis(), 30);
    assert_eq!(first.await.done(), Some(Vec::new()));
}

#[tokio::test(start_paused = true)]
async fn no_task_outlives_close_not_even_one_that_ignores_its_cancel() {
    let root = Scope::root("process", 100);
    let alive = Arc::new(AtomicU32::new(0));
    let mut tasks = Vec::new();
    for n in 0..20 {
        let child = root.child("child");
        let held = Alive::new(&alive);
        let handle = child.clone();
        tasks.push(child.spawn("task", async move {
            let _held = held;
            if n % 2 == 0 {
                // One half ends by itself when it is asked to.
                let _ = handle
                    .run(Deadline::after(Clock, 9999 * MS), pending::<()>())
                    .await;
            } else {
                pending::<()>().await;
            }
        }));
    }
    tokio::task::yield_now().await;
    assert_eq!((root.tasks(), alive.load(Ordering::SeqCst)), (20, 20));
    root.close().await;
    assert_eq!((root.live(), alive.load(Ordering::SeqCst)), (0, 0));
    assert_eq!(root.why(), Some(Why::Closed));
    assert_eq!(
        root.spawn("late", async {}).err(),
        Some(SpawnRefused::Cancelled(Why::Closed))
    );
    // A second close has nothing to do.
    root.close().await;
    for task in tasks {
        assert!(!matches!(task.expect("room").await, Exit::Panicked(_)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_blocking_work_outlives_close() {
    let root = Scope::root("process", 10);
    let alive = Arc::new(AtomicU32::new(0));
    let (held, scope) = (Alive::new(&alive), root.clone());
    let work = root.spawn_blocking("blocking", move || {
        let _held = held;
        while !scope.is_cancelled() {
            std::thread::yield_now();
        }
    });
    root.close().await;
    assert_eq!((root.live(), alive.load(Ordering::SeqCst)), (0, 0));
    drop(work);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r_p36_r_g43_after_failures_panics_and_aborts_no_task_is_left() {
    let root = Scope::root("process", 1000);
    let alive = Arc::new(AtomicU32::new(0));
    for round in 0..20 {
        let scope = root.child("round");
        let tasks: Vec<_> = (0..20)
            .map(|n| {
                let (held, wait) = (Alive::new(&alive), scope.cancelled());
                scope
                    .spawn("worker", async move {
                        let _held = held;
                        match (round + n) % 4 {
                            0 => panic!("worker {n}"),
                            1 => return Err("failed"),
                            2 => drop(wait.await),
                            _ => pending().await,
                        }
                        Ok(())
                    })
                    .expect("room")
            })
            .collect();
        if round % 2 == 0 {
            scope.close().await;
            assert_eq!(scope.live(), 0);
        }
        drop(tasks);
        // In the other rounds the last handle's drop must do it.
        drop(scope);
    }
    let left = root
        .drain(Deadline::after(Clock, Duration::from_secs(5)))
        .await;
    assert_eq!((left, alive.load(Ordering::SeqCst)), (Vec::new(), 0));
}

#[tokio::test(start_paused = true)]
async fn the_drop_of_the_last_handle_cancels_and_aborts() {
    let root = Scope::root("process", 10);
    let child = root.child("session");
    let second = child.clone();
    let seen = child.cancelled();
    let task = child.spawn("stuck", pending::<()>()).expect("room");
    drop(child);
    tokio::task::yield_now().await;
    assert!(!task.is_finished() && !second.is_cancelled());
    drop(second);
    assert_eq!(seen.await, Why::Closed);
    assert!(matches!(task.await, Exit::Cancelled));
    assert_eq!(root.drain(Deadline::after(Clock, MS)).await, []);
    assert!(!root.is_cancelled());
}

#[tokio::test]
async fn a_dropped_task_handle_aborts_nothing() {
    let root = Scope::root("process", 10);
    let done = Arc::new(AtomicU32::new(0));
    let mark = Arc::clone(&done);
    drop(root.spawn("work", async move { mark.store(1, Ordering::SeqCst) }));
    assert_eq!(
        root.drain(Deadline::after(Clock, Duration::from_secs(5)))
            .await,
        []
    );
    assert_eq!(done.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn close_also_ends_a_task_that_is_being_started_just_now() {
    let watch = Scope::root("watch", 10);
    for _ in 0..300 {
        let root = Scope::root("process", 1000);
        let starting = root.clone();
        let starter = watch
            .spawn("starter", async move {
                while starting.spawn("stuck", pending::<()>()).is_ok() {}
            })
            .expect("room");
        while root.live() == 0 {
            tokio::task::yield_now().await;
        }
        let closed = Deadline::after(Clock, Duration::from_secs(5))
            .bound(root.close())
            .await;
        assert_eq!((closed, root.live()), (Ok(()), 0));
        assert!(starter.await.is_done());
    }
}

struct Idle;

impl std::task::Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

/// A scope that is never empty is drained again and again, by deadline.
#[tokio::test(start_paused = true)]
async fn a_drain_that_is_given_up_leaves_nothing_behind() {
    let scope = Scope::root("test", 10);
    let _guard = scope.enter().expect("room");
    let idle = Arc::new(Idle);
    {
        let waker = std::task::Waker::from(Arc::clone(&idle));
        let mut cx = std::task::Context::from_waker(&waker);
        let mut drain = Box::pin(scope.drain(Deadline::after(Clock, 1000 * MS)));
        assert!(drain.as_mut().poll(&mut cx).is_pending());
    }
    assert_eq!(Arc::strong_count(&idle), 1, "its waker stayed");
}
