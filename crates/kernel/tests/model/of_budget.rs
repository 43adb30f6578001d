//! INV-BUDGET: deposit x withdraw x time, in any order.
//! Nobody overdraws, and nothing that was earned gets lost.

use std::time::Duration;

use shuttle::thread;

use crate::budget::{BudgetSettings, RetryBudget};
use crate::check;
use crate::clock::{Clock, advance};

fn budget(percent: u32, per_second: u32) -> RetryBudget {
    let settings = BudgetSettings {
        percent,
        per_second,
    };
    RetryBudget::new(settings, Clock)
}

fn withdraw(budget: &RetryBudget, costs: &'static [u32]) -> thread::JoinHandle<u64> {
    let budget = budget.clone();
    thread::spawn(move || {
        let paid = costs.iter().filter(|cost| budget.try_withdraw(**cost));
        paid.map(|cost| u64::from(*cost)).sum()
    })
}

fn sum(threads: Vec<thread::JoinHandle<u64>>) -> u64 {
    let sums = threads.into_iter().map(|thread| thread.join());
    sums.map(|sum| sum.expect("a thread failed")).sum()
}

#[test]
fn inv_budget_concurrent_withdrawers_never_overdraw_and_nothing_gets_lost() {
    check(|| {
        let budget = budget(50, 0);
        let paying = {
            let budget = budget.clone();
            thread::spawn(move || (0..6).for_each(|_| budget.deposit()))
        };
        let threads = vec![withdraw(&budget, &[1, 2]), withdraw(&budget, &[2, 1, 1])];
        let withdrawn = sum(threads);
        paying.join().expect("the payer failed");
        assert!(withdrawn <= 3, "{withdrawn} of 3");
        let stats = budget.stats();
        let sums = (stats.deposits, stats.withdrawn, stats.balance);
        assert_eq!(sums, (6, withdrawn, 3 - withdrawn));
        let left = (0..9).filter(|_| budget.try_withdraw(1)).count() as u64;
        assert_eq!(withdrawn + left, 3);
    });
}

#[test]
fn inv_budget_the_reserve_is_paid_out_once_also_while_time_passes() {
    check(|| {
        let budget = budget(10, 1);
        let time = thread::spawn(|| (0..2).for_each(|_| advance(Duration::from_secs(1))));
        let threads = vec![
            withdraw(&budget, &[2, 2, 2]),
            withdraw(&budget, &[2, 2, 2]),
            withdraw(&budget, &[1, 1]),
        ];
        let withdrawn = sum(threads);
        time.join().expect("the time failed");
        // Ten from the start; what comes while it is full is not kept.
        assert!((8..=12).contains(&withdrawn), "{withdrawn}");
        let left = (0..20).filter(|_| budget.try_withdraw(1)).count() as u64;
        assert!(
            (10..=12).contains(&(withdrawn + left)),
            "{withdrawn} + {left}"
        );
    });
}

#[test]
fn inv_budget_a_generation_that_begins_under_way_loses_nothing() {
    check(|| {
        let budget = budget(100, 0);
        (0..4).for_each(|_| budget.deposit());
        let time = thread::spawn(|| advance(Duration::from_secs(5)));
        let paying = {
            let budget = budget.clone();
            thread::spawn(move || (0..3).for_each(|_| budget.deposit()))
        };
        let withdrawn = sum(vec![withdraw(&budget, &[1]), withdraw(&budget, &[1])]);
        time.join().expect("the time failed");
        paying.join().expect("the payer failed");
        // Also for one who read the clock before it turned, and came after.
        let left = (0..9).filter(|_| budget.try_withdraw(1)).count() as u64;
        assert_eq!((withdrawn, left), (2, 5));
    });
}
