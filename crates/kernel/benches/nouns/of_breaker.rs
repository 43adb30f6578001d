//! What a call pays for its breaker and its retry budget while all is well.
//! Beside them a mutex around two counters, which decides nothing.

use std::hint::black_box;
use std::sync::Mutex;

use tidegate_kernel::{
    Breaker, BreakerSettings, BudgetSettings, Clock, Dice, RetryBudget, Verdict,
};

#[divan::bench(threads = [1, 2])]
fn breaker_pass_and_settle(bencher: divan::Bencher<'_, '_>) {
    let breaker = Breaker::new(BreakerSettings::default(), Clock);
    bencher.bench(|| breaker.try_pass().unwrap().settle(Verdict::Succeeded));
}

#[divan::bench(threads = [1, 2])]
fn breaker_refuses(bencher: divan::Bencher<'_, '_>) {
    let breaker = Breaker::new(BreakerSettings::default(), Clock);
    breaker.hold_open();
    bencher.bench(|| breaker.try_pass().is_err());
}

#[divan::bench(threads = [1, 2])]
fn budget_deposit(bencher: divan::Bencher<'_, '_>) {
    let budget = RetryBudget::new(BudgetSettings::default(), Clock);
    bencher.bench(|| budget.deposit());
}

#[divan::bench(threads = [1, 2])]
fn budget_deposit_and_withdraw(bencher: divan::Bencher<'_, '_>) {
    let settings = BudgetSettings {
        percent: 100,
        per_second: 0,
    };
    let budget = RetryBudget::new(settings, Clock);
    bencher.bench(|| {
        budget.deposit();
        budget.try_withdraw(1)
    });
}

#[divan::bench]
fn dice_roll(bencher: divan::Bencher<'_, '_>) {
    let dice = Dice::seeded(1);
    bencher.bench(|| dice.roll());
}

#[divan::bench(threads = [1, 2])]
fn plain_mutex_counters(bencher: divan::Bencher<'_, '_>) {
    let counts = Mutex::new((0_u64, 0_u64));
    bencher.bench(|| {
        let mut counts = counts.lock().unwrap();
        counts.0 += black_box(1);
        counts.1 += black_box(1);
    });
}

#[divan::bench]
fn plain_look_at_the_clock(bencher: divan::Bencher<'_, '_>) {
    bencher.bench(|| Clock.now());
}
