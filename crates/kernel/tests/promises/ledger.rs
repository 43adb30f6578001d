//! One outcome each, and a law that holds at every moment: INV-ONE, INV-CONS.
//! Threads here; every schedule of a small case is in the model.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};

use tidegate_kernel::{Class, Ledger};

#[test]
fn inv_one_each_entry_is_settled_once_by_settle_or_by_its_drop() {
    let ledger = Ledger::new();
    ledger.open(1).settle(Class::Completed, "ok");
    ledger.open(2).settle(Class::Failed, "upstream_timeout");
    ledger.open(3).settle(Class::Refused, "queue_full");
    ledger.open(4).settle(Class::Cancelled, "operator");
    drop(ledger.open(5));
    let now = ledger.snapshot();
    assert!(now.holds());
    let ends = (now.completed, now.failed, now.refused, now.cancelled);
    assert_eq!((now.received, now.in_flight, ends), (5, 0, (1, 1, 1, 2)));
    assert!(now.by_label.contains(&(Class::Cancelled, "caller", 1)));
    assert!(now.by_label.contains(&(Class::Cancelled, "operator", 1)));
}

#[test]
fn inv_one_a_panic_settles_as_failed_and_leaves_the_ledger_usable() {
    let ledger = Ledger::new();
    let inside = ledger.clone();
    let end = catch_unwind(AssertUnwindSafe(move || {
        let _entry = inside.open("request");
        panic!("a defect");
    }));
    assert!(end.is_err());
    let now = ledger.snapshot();
    assert_eq!(now.by_label, [(Class::Failed, "panic", 1)]);
    assert!(now.holds() && ledger.live().is_empty());
}

#[test]
fn the_live_list_names_exactly_the_open_ones() {
    let ledger = Ledger::new();
    let mut open: Vec<_> = (0..100).map(|n| ledger.open(n)).collect();
    for entry in open.drain(..50) {
        entry.settle(Class::Completed, "ok");
    }
    let mut live: Vec<i32> = ledger.live().iter().map(|n| **n).collect();
    live.sort_unstable();
    assert_eq!(live, (50..100).collect::<Vec<_>>());
    assert_eq!(ledger.find(|n| *n == 70).as_deref(), Some(&70));
    assert_eq!(ledger.find(|n| *n == 7), None);
    assert_eq!((*open[0], **open[0].info()), (50, 50));
}

#[test]
fn a_search_may_use_the_ledger_itself() {
    let ledger = Ledger::new();
    let _open = ledger.open(1);
    assert!(
        ledger
            .find(|_| ledger.snapshot().in_flight == 1 && ledger.live().len() == 1)
            .is_some()
    );
}

#[test]
fn what_a_request_is_is_dropped_outside_the_lock() {
    struct Looks(Ledger<Option<Looks>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            assert!(self.0.snapshot().holds());
        }
    }
    let ledger = Ledger::new();
    ledger
        .open(Some(Looks(ledger.clone())))
        .settle(Class::Completed, "ok");
    assert_eq!(ledger.snapshot().completed, 1);
}

#[test]
fn inv_cons_the_law_holds_in_every_snapshot_under_load() {
    const EACH: u64 = 20_000;
    let ledger = Ledger::new();
    let busy = AtomicBool::new(true);
    let seen = std::thread::scope(|threads| {
        let watch = threads.spawn(|| {
            let mut seen = 0_u64;
            while busy.load(Ordering::Relaxed) {
                let now = ledger.snapshot();
                assert!(now.holds(), "{now:?}");
                seen += 1;
            }
            seen
        });
        let workers: Vec<_> = (0..3)
            .map(|_| threads.spawn(|| load(&ledger, EACH)))
            .collect();
        for worker in workers {
            worker.join().expect("a worker panicked");
        }
        busy.store(false, Ordering::Relaxed);
        watch.join().expect("the law was broken")
    });
    let end = ledger.snapshot();
    assert!(seen > 0 && end.holds());
    assert_eq!((end.received, end.in_flight), (3 * EACH, 0));
    assert_eq!(
        end.completed + end.failed + end.cancelled + end.refused,
        3 * EACH
    );
}

fn load(ledger: &Ledger<u64>, each: u64) {
    let mut kept = Vec::new();
    for n in 0..each {
        let entry = ledger.open(n);
        match n % 5 {
            0 => entry.settle(Class::Completed, "ok"),
            1 => entry.settle(Class::Failed, "upstream_error"),
            2 => entry.settle(Class::Refused, "queue_full"),
            3 => drop(entry),
            _ => kept.push(entry),
        }
    }
}
