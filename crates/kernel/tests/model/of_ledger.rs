//! INV-CONS and INV-ONE: open x settle x drop x snapshot.
//! A snapshot may fall between any two steps of any worker.

use shuttle::thread;

use crate::check;
use crate::ledger::{Class, Ledger};

#[test]
fn inv_cons_the_law_holds_in_every_snapshot_of_every_schedule() {
    check(|| {
        let ledger = Ledger::new();
        let workers: Vec<_> = (0..3)
            .map(|n| {
                let ledger = ledger.clone();
                thread::spawn(move || {
                    let (one, two) = (ledger.open(n), ledger.open(n));
                    one.settle(Class::Completed, "ok");
                    if n == 0 {
                        two.settle(Class::Refused, "queue_full");
                    } else {
                        drop(two);
                    }
                })
            })
            .collect();
        for _ in 0..3 {
            let now = ledger.snapshot();
            assert!(now.holds(), "{now:?}");
            assert!(ledger.live().len() <= 6);
        }
        for worker in workers {
            worker.join().expect("a worker failed");
        }
        let end = ledger.snapshot();
        let outcomes = (end.completed, end.failed, end.cancelled, end.refused);
        assert_eq!(
            (end.received, end.in_flight, outcomes),
            (6, 0, (3, 0, 2, 1))
        );
    });
}

/// As many as the ledger has shards: so many entries later it is the same one.
const SHARDS: u64 = 16;

#[test]
fn inv_one_an_entry_settles_nobody_else_where_its_place_is_used_again() {
    check(|| {
        let ledger = Ledger::new();
        let first = ledger.open(1);
        for _ in 1..SHARDS {
            ledger.open(1).settle(Class::Completed, "ok");
        }
        let again = ledger.clone();
        let second = thread::spawn(move || {
            let entry = again.open(2);
            assert!(again.find(|n| *n == 2).is_some(), "settled by another");
            entry.settle(Class::Refused, "queue_full");
        });
        first.settle(Class::Completed, "ok");
        second.join().expect("the second failed");
        let end = ledger.snapshot();
        assert!(end.holds(), "{end:?}");
        assert_eq!((end.completed, end.refused), (SHARDS, 1));
    });
}
