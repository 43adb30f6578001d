//! The byte budget under threads, and what a refusal and a drop leave behind;
//! its race is under the model checker too.

use tidegate_kernel::{ByteBudget, Exhausted};

#[test]
fn promise_1_shares_together_stay_within_the_limit_under_threads() {
    let budget = ByteBudget::new(1000);
    let threads: Vec<_> = (0..4)
        .map(|step| {
            let budget = budget.clone();
            std::thread::spawn(move || {
                for _ in 0..10_000 {
                    let mut share = budget.share();
                    while share.grow(97 + step).is_ok() {
                        assert!(budget.used() <= 1000);
                    }
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(budget.used(), 0);
}

#[test]
fn promises_2_and_3_a_refusal_changes_nothing_and_a_drop_gives_back() {
    let budget = ByteBudget::new(10);
    let mut first = budget.share();
    first.grow(9).unwrap();
    first.resize(7).unwrap();
    let mut second = budget.share();
    let no = Exhausted {
        wanted: 4,
        limit: 10,
    };
    assert_eq!(second.grow(4), Err(no));
    assert_eq!(second.grow(u64::MAX).map_err(|no| no.limit), Err(10));
    assert_eq!(budget.used(), 7);
    drop(first);
    second.grow(10).unwrap();
    second.clear();
    assert_eq!(budget.used(), 0);
}

#[test]
fn promise_4_a_smaller_limit_takes_nothing_and_lets_nothing_more_in() {
    let budget = ByteBudget::new(10);
    let mut share = budget.share();
    share.grow(8).unwrap();
    budget.set_limit(4);
    assert_eq!((budget.used(), budget.limit()), (8, 4));
    assert!(share.grow(1).is_err());
    share.resize(3).unwrap();
    assert_eq!(
        share.grow(2),
        Err(Exhausted {
            wanted: 2,
            limit: 4
        })
    );
    budget.set_limit(5);
    share.grow(2).unwrap();
}
