//! INV-LIM: shares that grow, shrink and go at once, on one bound.
//! Whoever looks sees no more than the limit, and at rest nothing is held.

use shuttle::thread;

use crate::byte_budget::ByteBudget;
use crate::check;

#[test]
fn inv_lim_shares_that_grow_at_once_stay_within_the_limit() {
    check(|| {
        let budget = ByteBudget::new(10);
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let budget = budget.clone();
                thread::spawn(move || {
                    let mut share = budget.share();
                    for bytes in [4, 3] {
                        // Room or none: what is held together stays within.
                        let _ = share.grow(bytes);
                        assert!(budget.used() <= 10, "{} of 10", budget.used());
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a thread failed");
        }
        assert_eq!(budget.used(), 0);
    });
}
