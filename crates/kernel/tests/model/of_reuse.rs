//! Take x fill x spoil x drop: one owner, an empty object, no count astray.
//! A stats look may fall between any two steps.

use shuttle::rand::Rng;
use shuttle::thread;

use crate::check;
use crate::clock::Clock;
use crate::reuse::{Reuse, ReuseSettings};

#[test]
fn promises_1_to_4_owners_never_share_and_every_object_is_counted() {
    check(|| {
        let settings = ReuseSettings {
            items: 1,
            item_bytes: 64,
            warn_below_percent: 85,
            judged: 2,
        };
        let shelf: Reuse<Vec<u8>> = Reuse::new(settings, Clock, Vec::new);
        let threads: Vec<_> = (0..3_u8)
            .map(|n| {
                let shelf = shelf.clone();
                thread::spawn(move || {
                    for _ in 0..2 {
                        let mut lease = shelf.take();
                        assert!(lease.is_empty(), "of another owner");
                        lease.push(n);
                        thread::yield_now();
                        assert_eq!(lease[..], [n], "two owners");
                        if shuttle::rand::thread_rng().gen_bool(0.2) {
                            lease.spoil();
                        }
                    }
                })
            })
            .collect();
        for _ in 0..2 {
            let stats = shelf.stats();
            assert!(stats.holds() && stats.kept <= 1, "{stats:?}");
        }
        for thread in threads {
            thread.join().expect("a thread failed");
        }
        let stats = shelf.stats();
        assert!(stats.holds() && stats.in_use == 0, "{stats:?}");
        assert_eq!(stats.requests, 6);
    });
}
