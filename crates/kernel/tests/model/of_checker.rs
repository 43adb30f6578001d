//! The checker itself: what it is there to find, it finds (R-P37, R-P39,
//! R-G42). The kernel forbids `unsafe`, so a race is a wrong order of whole
//! steps, and a hang is a wait that no step ends.

use std::future::{pending, poll_fn};
use std::task::Poll;

use shuttle::future::block_on;
use shuttle::thread;

use crate::check;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};

#[test]
#[should_panic(expected = "one was lost")]
fn r_p37_r_g42_a_check_and_an_act_in_two_steps_are_a_race() {
    check(|| {
        let count = Arc::new(AtomicU64::new(0));
        let other = Arc::clone(&count);
        let step = |count: &AtomicU64| {
            let seen = count.load(Ordering::SeqCst);
            count.store(seen + 1, Ordering::SeqCst);
        };
        let thread = thread::spawn(move || step(&other));
        step(&count);
        thread.join().expect("it ends");
        assert_eq!(count.load(Ordering::SeqCst), 2, "one was lost");
    });
}

#[test]
#[should_panic(expected = "deadlock")]
fn r_p39_a_wait_that_nobody_ends_is_told_as_a_deadlock() {
    check(|| block_on(pending::<()>()));
}

#[test]
#[should_panic(expected = "deadlock")]
fn r_p39_a_wake_that_comes_before_the_waker_is_a_deadlock_in_some_schedule() {
    check(|| {
        let state = Arc::new(Mutex::new((false, None::<std::task::Waker>)));
        let other = Arc::clone(&state);
        let news = thread::spawn(move || {
            other.lock().0 = true;
            let waker = other.lock().1.take();
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        block_on(poll_fn(|cx| {
            if state.lock().0 {
                return Poll::Ready(());
            }
            // Between the look and this, the news may come.
            state.lock().1 = Some(cx.waker().clone());
            Poll::Pending
        }));
        news.join().expect("it ends");
    });
}
