//! Cancel x child x wait x drop, and guards x drain.
//! Tasks are not modelled: they are the runtime's; `promises` has them.

use shuttle::future::{block_on, spawn};
use shuttle::thread;
use std::time::Duration;

use crate::check;
use crate::clock::{Clock, Deadline};
use crate::scope::{Scope, Why};

fn far() -> Deadline {
    Deadline::after(Clock, Duration::from_secs(1000))
}

#[test]
fn cancel_reaches_a_child_also_one_that_is_born_meanwhile() {
    check(|| {
        let root = Scope::root("process", 10);
        let early = root.child("early");
        let wait = spawn(early.cancelled());
        let parent = root.clone();
        let birth = thread::spawn(move || parent.child("late"));
        let canceller = root.clone();
        let cancel = thread::spawn(move || canceller.cancel(Why::Operator));
        root.cancel(Why::Shutdown);
        cancel.join().expect("the cancel failed");
        let late = birth.join().expect("the birth failed");
        let why = root.why().expect("it was cancelled");
        // A wait that is not woken is a deadlock, and the checker's to find.
        assert_eq!(
            block_on(wait).expect("the wait failed"),
            early.why().expect("reached")
        );
        assert_eq!(block_on(late.cancelled()), why);
        assert_eq!(early.why(), Some(why));
    });
}

#[test]
fn a_wait_that_is_dropped_while_the_cancel_comes_disturbs_nobody() {
    check(|| {
        let root = Scope::root("process", 10);
        let stays = spawn(root.cancelled());
        let mut leaves = root.cancelled();
        let leave = spawn(async move {
            std::future::poll_fn(|cx| {
                let _ = std::pin::Pin::new(&mut leaves).poll(cx);
                std::task::Poll::Ready(())
            })
            .await;
            drop(leaves);
        });
        // The last handle's drop is a cancel too.
        let handle = thread::spawn(move || drop(root));
        handle.join().expect("the drop failed");
        block_on(leave).expect("the leaver failed");
        assert_eq!(block_on(stays).expect("the wait failed"), Why::Closed);
    });
}

#[test]
fn drain_is_woken_by_the_last_guard_wherever_it_sits() {
    check(|| {
        let root = Scope::root("process", 10);
        let child = root.child("edge");
        let guards = [child.enter(), root.enter(), child.child("request").enter()];
        let drained = spawn({
            let root = root.clone();
            async move { root.drain(far()).await }
        });
        let leaving: Vec<_> = guards
            .into_iter()
            .map(|guard| thread::spawn(move || drop(guard)))
            .collect();
        assert_eq!(block_on(child.drain(far())), []);
        assert_eq!(block_on(drained).expect("the drain failed"), []);
        for thread in leaving {
            thread.join().expect("a guard failed");
        }
        assert_eq!(root.live(), 0);
    });
}

#[test]
fn after_a_cancel_nobody_enters_who_is_not_counted() {
    check(|| {
        let root = Scope::root("process", 10);
        let child = root.child("edge");
        let entering = child.clone();
        let enter = thread::spawn(move || entering.enter());
        root.cancel(Why::Shutdown);
        let live = root.live();
        match enter.join().expect("the entering failed") {
            Ok(guard) => {
                assert_eq!(
                    live, 1,
                    "it is inside, so the count after the cancel has it"
                );
                drop(guard);
            }
            Err(_) => assert_eq!(live, 0),
        }
        assert_eq!(root.live(), 0);
    });
}

#[test]
fn the_first_cause_stays_below_also_when_a_close_walks_faster() {
    check(|| {
        let root = Scope::root("process", 10);
        let child = root.child("edge");
        let canceller = root.clone();
        let cancel = thread::spawn(move || canceller.cancel(Why::Shutdown));
        block_on(root.close());
        cancel.join().expect("the cancel failed");
        assert_eq!(child.why(), root.why());
    });
}
