//! Tasks, their limit, their panics; cancel on its way down: R-D11, R-D12,
//! R-P12, R-P13.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::{
    Ask, BoxError, Census, Clock, Deadline, Exit, Kind, LimitSettings, Overflow, Pool,
    PoolSettings, Scope, SpawnRefused, Why,
};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn r_d11_a_task_has_an_id_a_name_a_start_a_scope_and_is_counted() {
    let root = Scope::root("process", 10);
    let child = root.child("provider");
    let task = child
        .spawn("probe", pending::<()>())
        .expect("there is room");
    tokio::time::advance(70 * MS).await;
    let running = root.running();
    assert_eq!(running.len(), 1);
    let it = &running[0];
    assert_eq!((it.id, it.name, it.scope), (task.id(), "probe", "provider"));
    assert_eq!((it.kind, it.age), (Kind::Task, 70 * MS));
    assert_eq!((root.tasks(), child.tasks(), task.name()), (1, 1, "probe"));
    assert_eq!(
        it.to_string(),
        format!("provider/probe #{} (0.1 s)", task.id())
    );
    root.close().await;
    assert_eq!((root.live(), child.live()), (0, 0));
    assert!(matches!(task.await, Exit::Cancelled));
}

#[tokio::test]
async fn r_d11_the_limit_of_the_tree_refuses_with_a_typed_error() {
    let root = Scope::root("process", 3);
    let children = [root.child("a"), root.child("b")];
    let tasks: Vec<_> = (0..3)
        .map(|n| {
            children[n % 2]
                .spawn("stuck", pending::<()>())
                .expect("room")
        })
        .collect();
    let refused = children[1].spawn("one more", async {}).err();
    assert_eq!(refused, Some(SpawnRefused::TooMany { limit: 3 }));
    // A guard is no task.
    let _guard = root.enter().expect("guards have no limit here");
    tasks[0].abort();
    let mut tasks = tasks.into_iter();
    assert!(matches!(
        tasks.next().expect("three").await,
        Exit::Cancelled
    ));
    assert!(
        root.spawn("one more", async { 5 })
            .expect("room again")
            .await
            .is_done()
    );
    let counted = Census {
        tasks: 2,
        guards: 1,
        limit: 3,
        spawned: 4,
        refused: 1,
        panicked: 0,
    };
    assert_eq!(root.census(), counted);
    root.close().await;
    assert_eq!((root.census().tasks, root.census().spawned), (0, 4));
}

#[tokio::test]
async fn r_d12_a_panic_ends_its_own_task_is_reported_and_returns_what_it_held() {
    let root = Scope::root("process", 10);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let hook = Arc::clone(&seen);
    root.on_panic(move |report| hook.lock().expect("whole").push(report.clone()));
    let pool = Pool::new(
        PoolSettings {
            size: 1,
            limit: LimitSettings::fixed(1),
            queue: 1,
            queue_bytes: 1,
            overflow: Overflow::Error,
            max_wait: 10 * MS,
        },
        Clock,
    );
    let permit = pool
        .acquire(Ask::new(Deadline::after(Clock, 100 * MS)))
        .await
        .expect("idle");
    let neighbour = root.spawn("neighbour", async { 7 }).expect("room");
    let hooks = root.child("hooks");
    let bad = hooks
        .spawn("bad", async move {
            let _held = permit;
            tokio::task::yield_now().await;
            panic!("number {}", 3);
        })
        .expect("room");
    let id = bad.id();
    let exit: Exit<()> = bad.await;
    assert!(
        matches!(&exit, Exit::Panicked(message) if message == "number 3"),
        "{exit:?}"
    );
    assert_eq!(exit.label(), "panicked");
    assert_eq!(neighbour.await.done(), Some(7));
    let seen = seen.lock().expect("whole");
    let last = seen.last().expect("reported");
    assert_eq!((last.id, last.name, last.scope), (id, "bad", "hooks"));
    assert_eq!(last.message, "number 3");
    assert_eq!((pool.stats().busy, root.live()), (0, 0));
}

#[tokio::test]
async fn r_d12_blocking_work_and_a_panicking_hook_are_held_too() {
    let root = Scope::root("process", 10);
    root.on_panic(|_| panic!("a hook panics as well"));
    let bad = root
        .spawn_blocking("bad", || panic!("no await here"))
        .expect("room");
    let exit: Exit<()> = bad.await;
    assert!(matches!(&exit, Exit::Panicked(message) if message == "no await here"));
    let good = root.spawn_blocking("good", || 6 * 7).expect("room");
    assert_eq!(good.await.done(), Some(42));
    assert_eq!(root.live(), 0);
}

#[tokio::test(start_paused = true)]
async fn r_p13_a_run_ends_on_the_first_of_done_cancel_timeout_and_says_which() {
    let scope = Scope::root("process", 10);
    let soon = || Deadline::after(Clock, 50 * MS);
    assert_eq!(scope.run(soon(), async { 3 }).await.done(), Some(3));
    assert!(matches!(
        scope.run(soon(), pending::<()>()).await,
        Exit::TimedOut
    ));
    let exit = scope.run(soon(), async { panic!("inside") }).await;
    assert!(matches!(exit, Exit::<()>::Panicked(_)));
    let canceller = scope.clone();
    let task = scope.spawn("canceller", async move {
        Clock.sleep(20 * MS).await;
        canceller.cancel(Why::Operator);
    });
    let start = Clock.now();
    assert!(matches!(
        scope.run(soon(), pending::<()>()).await,
        Exit::Cancelled
    ));
    assert_eq!(
        (Clock.now() - start, scope.why()),
        (20 * MS, Some(Why::Operator))
    );
    assert!(task.expect("room").await.is_done());
}

#[tokio::test]
async fn r_p12_after_a_cancel_no_further_work_is_done() {
    let scope = Scope::root("process", 10);
    let touched = AtomicBool::new(false);
    scope.cancel(Why::Caller);
    let work = async { touched.store(true, Ordering::Relaxed) };
    assert!(matches!(
        scope.run(Deadline::after(Clock, MS), work).await,
        Exit::Cancelled
    ));
    assert!(!touched.load(Ordering::Relaxed));
    assert_eq!(
        scope.spawn("late", async {}).err(),
        Some(SpawnRefused::Cancelled(Why::Caller))
    );
    assert_eq!(
        scope.enter().err(),
        Some(SpawnRefused::Cancelled(Why::Caller))
    );
}

#[tokio::test(start_paused = true)]
async fn cancel_reaches_every_child_and_the_first_cause_stays() {
    let root = Scope::root("process", 100);
    let tenants: Vec<_> = (0..5).map(|_| root.child("tenant")).collect();
    let requests: Vec<_> = tenants
        .iter()
        .map(|tenant| tenant.child("request"))
        .collect();
    let waits: Vec<_> = requests
        .iter()
        .map(|request| request.spawn("wait", request.cancelled()).expect("room"))
        .collect();
    requests[0].cancel(Why::Caller);
    assert!(!tenants[0].is_cancelled() && !requests[1].is_cancelled());
    root.cancel(Why::Shutdown);
    root.cancel(Why::Operator);
    for (n, wait) in waits.into_iter().enumerate() {
        let expected = if n == 0 { Why::Caller } else { Why::Shutdown };
        assert_eq!(wait.await.done(), Some(expected));
        assert_eq!(requests[n].why(), Some(expected));
    }
    assert_eq!(root.child("late").why(), Some(Why::Shutdown));
}

#[tokio::test]
async fn a_wait_for_cancel_may_be_dropped_kept_and_moved() {
    let scope = Scope::root("process", 10);
    for _ in 0..1000 {
        let mut dropped = scope.cancelled();
        assert_eq!(futures_poll(&mut dropped).await, None);
    }
    let mut kept = scope.cancelled();
    assert_eq!(futures_poll(&mut kept).await, None);
    // It is polled by another task from now on, and that one must be woken.
    let moved = scope.spawn("moved", kept).expect("room");
    tokio::task::yield_now().await;
    scope.cancel(Why::Operator);
    assert_eq!(moved.await.done(), Some(Why::Operator));
}

async fn futures_poll<F: Future + Unpin>(future: &mut F) -> Option<F::Output> {
    std::future::poll_fn(|cx| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut *future).poll(cx) {
            std::task::Poll::Ready(value) => Some(value),
            std::task::Poll::Pending => None,
        })
    })
    .await
}

#[test]
fn without_a_runtime_a_task_is_refused_and_nothing_is_counted() {
    let scope = Scope::root("process", 10);
    assert_eq!(
        scope.spawn("task", async {}).err(),
        Some(SpawnRefused::NoRuntime)
    );
    assert_eq!(scope.live(), 0);
}

#[test]
fn an_error_of_the_work_becomes_its_exit() {
    let exit: Exit<Result<i32, BoxError>> = Exit::Done(Err("no".into()));
    assert!(matches!(exit.flatten(), Exit::Failed(error) if error.to_string() == "no"));
    let exit: Exit<Result<i32, BoxError>> = Exit::Done(Ok(4));
    assert_eq!(exit.flatten().done(), Some(4));
    let exit: Exit<Result<i32, BoxError>> = Exit::TimedOut;
    assert_eq!(exit.flatten().label(), "timed_out");
}
