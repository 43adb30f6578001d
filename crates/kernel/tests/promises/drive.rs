//! Work inside another task's poll: who is woken, and who is not.
//! That no wake is lost between threads is the model's (`model/of_drive.rs`).

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use tidegate_kernel::Drive;

/// Counts how often the task is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Task {
    fn woken(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn task() -> (Arc<Task>, Waker) {
    let task = Arc::new(Task::default());
    (Arc::clone(&task), Waker::from(task))
}

/// Polls pending work that keeps its waker. Returns that, if the work was met.
fn wait(drive: &mut Drive, task: &Waker) -> Option<Waker> {
    let mut kept = None;
    let polled = drive.poll(&mut Context::from_waker(task), |cx| {
        kept = Some(cx.waker().clone());
        Poll::<()>::Pending
    });
    assert!(polled.is_pending());
    kept
}

#[test]
fn promise_1_a_wake_from_inside_polls_again_and_wakes_no_task() {
    let (task, waker) = task();
    let mut drive = Drive::new();
    let met = Cell::new(0);
    let polled = drive.poll(&mut Context::from_waker(&waker), |cx| {
        met.set(met.get() + 1);
        match met.get() {
            1 => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(7),
        }
    });
    assert_eq!((polled, met.get(), task.woken()), (Poll::Ready(7), 2, 0));
}

#[test]
fn promise_1_work_that_always_asks_for_more_lets_others_run() {
    let (task, waker) = task();
    let mut drive = Drive::new();
    let met = Cell::new(0);
    let mut poll = || {
        drive.poll(&mut Context::from_waker(&waker), |cx| {
            met.set(met.get() + 1);
            cx.waker().wake_by_ref();
            Poll::<()>::Pending
        })
    };
    assert!(poll().is_pending());
    assert_eq!((met.get(), task.woken()), (3, 1), "and it comes back");
    assert!(poll().is_pending());
    assert_eq!((met.get(), task.woken()), (6, 1));
}

#[test]
fn promise_2_a_wake_from_outside_reaches_who_polled_last() {
    let ((first, of_first), (second, of_second)) = (task(), task());
    let mut drive = Drive::new();
    let work = wait(&mut drive, &of_first).expect("the first poll meets the work");
    assert!(
        wait(&mut drive, &of_second).is_none(),
        "nothing called for it"
    );
    work.wake_by_ref();
    work.wake_by_ref();
    assert_eq!((first.woken(), second.woken()), (0, 1), "and once");
    let again = wait(&mut drive, &of_second).expect("it was called for");
    again.wake();
    assert_eq!(second.woken(), 1);
}

#[test]
fn promise_2_a_panic_of_the_work_leaves_nobody_asleep() {
    let (task, waker) = task();
    let mut drive = Drive::new();
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        drive.poll(&mut Context::from_waker(&waker), |_| -> Poll<()> {
            panic!("a defect")
        })
    }));
    assert!(panics.is_err());
    let work = wait(&mut drive, &waker).expect("it is met again");
    work.wake();
    assert_eq!(task.woken(), 1);
}

#[test]
fn promise_3_work_is_met_when_it_was_called_for_or_was_ready() {
    let (task, waker) = task();
    let mut drive = Drive::new();
    let work = wait(&mut drive, &waker).expect("the first poll meets the work");
    assert!(wait(&mut drive, &waker).is_none());
    work.wake();
    let met = drive.poll(&mut Context::from_waker(&waker), |_| Poll::Ready(()));
    assert!(met.is_ready());
    assert!(
        wait(&mut drive, &waker).is_some(),
        "ready work may have more"
    );
    assert_eq!(task.woken(), 1);
}

#[test]
fn promise_4_at_rest_it_wakes_nobody_and_holds_nobody() {
    let (task, waker) = task();
    let mut drive = Drive::new();
    let work = wait(&mut drive, &waker).expect("the first poll meets the work");
    drive.rest();
    drop(waker);
    assert_eq!(Arc::strong_count(&task), 1, "no waker of it is kept");
    work.wake();
    assert_eq!(task.woken(), 0);
    let (next, waker) = self::task();
    let work = wait(&mut drive, &waker).expect("who takes it up meets the work");
    work.wake();
    assert_eq!((task.woken(), next.woken()), (0, 1));
}
