//! INV-BUDGET: exact in per cent, never overdrawn, no hoard of a long calm.
//! Time stands still unless a test moves it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::{BudgetSettings, Clock, RetryBudget};

const SECOND: Duration = Duration::from_secs(1);

fn budget(percent: u32, per_second: u32) -> RetryBudget {
    let settings = BudgetSettings {
        percent,
        per_second,
    };
    RetryBudget::new(settings, Clock)
}

fn drain(budget: &RetryBudget) -> u64 {
    (0..).take_while(|_| budget.try_withdraw(1)).count() as u64
}

fn deposit(budget: &RetryBudget, times: u64) {
    (0..times).for_each(|_| budget.deposit());
}

async fn sleep(time: Duration) {
    tokio::time::advance(time).await;
}

#[tokio::test(start_paused = true)]
async fn promise_2_every_per_cent_is_exact() {
    for percent in 1..=100 {
        let budget = budget(percent, 0);
        for n in 1..=1000 {
            budget.deposit();
            let _ = budget.try_withdraw(1);
            let due = n * u64::from(percent) / 100;
            assert_eq!(budget.stats().withdrawn, due, "{percent} % of {n}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_few_requests_get_their_per_cent_however_slow() {
    let budget = budget(10, 0);
    for n in 1..=100_u64 {
        budget.deposit();
        sleep(60 * SECOND).await;
        let _ = budget.try_withdraw(1);
        assert_eq!(budget.stats().withdrawn, n / 10);
    }
}

#[tokio::test(start_paused = true)]
async fn promise_3_a_long_calm_does_not_pay_for_a_storm() {
    let budget = budget(10, 0);
    // An hour at ten a second, then everything fails.
    for _ in 0..3600 {
        deposit(&budget, 10);
        sleep(SECOND).await;
    }
    let storm = drain(&budget);
    assert!(
        (5..=12).contains(&storm),
        "{storm}: not more than ten seconds earned, and two"
    );
    deposit(&budget, 1000);
    sleep(4 * SECOND).await;
    assert_eq!(budget.stats().balance, 100, "younger than five seconds");
    sleep(6 * SECOND).await;
    assert_eq!(budget.stats().balance, 2, "the last two do not expire");
    assert_eq!(drain(&budget), 2);
}

#[tokio::test(start_paused = true)]
async fn promise_4_the_reserve_fills_with_time_to_ten_seconds() {
    let budget = budget(10, 3);
    assert_eq!(drain(&budget), 30);
    sleep(SECOND / 3).await;
    assert_eq!(drain(&budget), 0);
    sleep(SECOND / 300).await;
    assert_eq!(drain(&budget), 1);
    sleep(7 * SECOND).await;
    assert_eq!((budget.stats().balance, drain(&budget)), (21, 21));
    sleep(3600 * SECOND).await;
    assert_eq!((budget.stats().balance, drain(&budget)), (30, 30));
}

#[tokio::test(start_paused = true)]
async fn a_costly_retry_takes_two_or_nothing() {
    let budget = budget(10, 1);
    deposit(&budget, 10);
    for _ in 0..5 {
        assert!(budget.try_withdraw(2), "of the reserve");
    }
    assert!(!budget.try_withdraw(2), "one is left");
    assert!(budget.try_withdraw(1));
    assert!(!budget.try_withdraw(1));
    let stats = budget.stats();
    assert_eq!(
        (
            stats.deposits,
            stats.withdrawn,
            stats.refused,
            stats.balance
        ),
        (10, 11, 2, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn inv_budget_a_total_outage_of_a_minute_costs_ten_per_cent_and_the_reserve() {
    let budget = budget(10, 1);
    let mut attempts = 0_u64;
    for _ in 0..60 * 20 {
        budget.deposit();
        attempts += 1 + u64::from(budget.try_withdraw(1));
        sleep(SECOND / 20).await;
    }
    let (requests, reserve) = (1200, 10 + 60);
    assert!(attempts <= requests + requests / 10 + reserve, "{attempts}");
    assert!(attempts * 10 <= requests * 12, "{attempts}");
    assert!(attempts >= requests + requests / 10, "{attempts}");
}

#[test]
fn promise_1_threads_never_overdraw_and_lose_nothing() {
    let budget = budget(30, 0);
    let withdrawn = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    budget.deposit();
                    withdrawn.fetch_add(u64::from(budget.try_withdraw(1)), Ordering::Relaxed);
                }
            });
        }
    });
    let withdrawn = withdrawn.into_inner() + drain(&budget);
    // Within one generation nothing expires; a slow machine may begin another.
    assert!(withdrawn <= 24_000, "{withdrawn}");
    assert_eq!(budget.stats().withdrawn, withdrawn);
    assert!(!budget.try_withdraw(1));
}

fn paused() -> tokio::runtime::Runtime {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap()
}

proptest! {
    #[test]
    fn promises_1_and_3_whatever_comes_in_whatever_order(
        percent in 0..=100_u32,
        per_second in 0..4_u32,
        steps in prop::collection::vec((0..20_u64, 0..4_u32, 0..4000_u64), 1..80),
    ) {
        paused().block_on(async {
            let (budget, start) = (budget(percent, per_second), Clock.now());
            let (mut paid_in, mut withdrawn) = (0, 0);
            for (deposits, cost, millis) in steps {
                deposit(&budget, deposits);
                paid_in += deposits;
                withdrawn += u64::from(cost) * u64::from(budget.try_withdraw(cost));
                let age = (Clock.now() - start).as_millis() as u64;
                // In units of a hundred thousandth of a retry.
                let earned = paid_in * u64::from(percent) * 1000;
                let reserve = (10_000 + age) * u64::from(per_second) * 100;
                prop_assert!(withdrawn * 100_000 <= earned + reserve);
                if age < 5000 {
                    let all = earned + 10_000 * u64::from(per_second) * 100;
                    // Less than a retry of each kind is what may be left over,
                    // and the reserve does not grow while it is full.
                    let balance = budget.stats().balance + withdrawn;
                    prop_assert!((balance + 2) * 100_000 > all);
                }
                tokio::time::advance(Duration::from_millis(millis)).await;
            }
            Ok(())
        })?;
    }
}

/// However long nobody asked: after two days the count of generations is more
/// than half round, and after four it comes by the same number again.
#[tokio::test(start_paused = true)]
async fn promise_3_after_days_of_calm_earnings_expire_as_ever() {
    for hours in [1, 50, 80, 91, 92, 1000] {
        let budget = budget(10, 0);
        deposit(&budget, 1000);
        sleep(3600 * SECOND * hours).await;
        deposit(&budget, 1000);
        sleep(SECOND * 90).await;
        deposit(&budget, 10);
        sleep(SECOND * 11).await;
        assert_eq!(drain(&budget), 2, "{hours} h");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_reshaped_it_has_what_it_had_within_its_new_bound() {
    // Whether it had spent its reserve, and which is left under the new rate.
    for (spent, per_second, left) in [(0, 1, 10), (0, 5, 20), (15, 5, 5), (20, 9, 0), (4, 0, 0)] {
        let old = budget(10, 2);
        sleep(100 * SECOND).await;
        deposit(&old, 50);
        (0..spent + 5).for_each(|_| assert!(old.try_withdraw(1)));
        let new = old.reshaped(BudgetSettings {
            percent: 50,
            per_second,
        });
        assert_eq!(drain(&new), left, "{spent} spent, {per_second} a second");
        // The counts are one count, whoever still has the old one.
        old.deposit();
        assert_eq!(new.stats().deposits, 51);
        assert_eq!(new.stats().withdrawn, spent + 5 + left);
        // It earns by its own settings from here on.
        deposit(&new, 10);
        assert_eq!(drain(&new), 5);
        sleep(SECOND).await;
        assert_eq!(drain(&new), u64::from(per_second));
    }
}

#[tokio::test(start_paused = true)]
async fn promise_5_the_same_settings_are_the_same_budget() {
    let old = budget(10, 1);
    let same = old.reshaped(BudgetSettings::default());
    assert_eq!(drain(&same), 10);
    assert!(!old.try_withdraw(1));
}
