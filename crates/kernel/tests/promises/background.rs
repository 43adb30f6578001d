//! A background task and who waits for it, or does not: R-P10, R-P11, R-P12.
//! The error is told once, the waiter wakes, and nothing is done afterwards.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tidegate_kernel::{BoxError, Clock, Deadline, Exit, Scope, Why};

const MS: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn r_p10_a_failing_task_tells_its_error_once_and_needs_no_listener() {
    let scope = Scope::root("test", 100);
    let fail = async |n: u32| -> Result<u32, BoxError> {
        Clock.sleep(n * MS).await;
        Err(format!("task {n}").into())
    };
    // Nobody listens: it ends all the same, and its place is free.
    for n in 0..50 {
        drop(scope.spawn("unheard", fail(n)).expect("room"));
    }
    let heard = scope.spawn("heard", fail(60)).expect("room");
    let soon = Deadline::after(Clock, 100 * MS);
    assert_eq!(scope.drain(soon).await, []);
    // The error waits for who asks late; asking takes the task, so it is told
    // exactly once.
    let Exit::Failed(error) = heard.await.flatten() else {
        panic!("it failed");
    };
    assert_eq!(error.to_string(), "task 60");
}

#[tokio::test(start_paused = true)]
async fn r_p11_a_waiter_wakes_however_the_task_ends() {
    let scope = Scope::root("test", 100);
    let soon = || Deadline::after(Clock, 100 * MS);
    for (way, label) in [
        ("returns", "done"),
        ("panics", "panicked"),
        ("aborted", "cancelled"),
        ("closed", "cancelled"),
    ] {
        let child = scope.child("child");
        let task = child.spawn("task", async move {
            Clock.sleep(10 * MS).await;
            match way {
                "returns" => {}
                "panics" => panic!("it panics"),
                _ => pending().await,
            }
        });
        let task = task.expect("room");
        match way {
            "aborted" => task.abort(),
            "closed" => child.close().await,
            _ => {}
        }
        let exit = soon().bound(task).await.expect("the waiter wakes");
        assert_eq!(exit.label(), label, "{way}");
    }
}

#[tokio::test(start_paused = true)]
async fn r_p12_after_a_reported_error_the_task_does_no_further_work() {
    let scope = Scope::root("test", 100);
    let worked = Arc::new(AtomicU32::new(0));
    let beside = Arc::clone(&worked);
    let failing = async move {
        let step = async |n: u32| -> Result<(), BoxError> {
            Clock.sleep(10 * MS).await;
            beside.fetch_add(1, Ordering::SeqCst);
            if n == 2 { Err("no".into()) } else { Ok(()) }
        };
        for n in 1..=9 {
            step(n).await?;
        }
        Ok::<(), BoxError>(())
    };
    let task = scope.spawn("task", failing).expect("room");
    assert_eq!(task.await.flatten().label(), "failed");
    // Nor does what it had started in its own scope, once that is closed.
    let child = scope.child("child");
    let beside = Arc::clone(&worked);
    let helper = child.spawn("helper", async move {
        Clock.sleep(50 * MS).await;
        beside.fetch_add(100, Ordering::SeqCst);
    });
    child.cancel(Why::Closed);
    child.close().await;
    Clock.sleep(200 * MS).await;
    assert!(matches!(helper.expect("room").await, Exit::Cancelled));
    assert_eq!(worked.load(Ordering::SeqCst), 2);
}
