//! INV-BUDGET and failures.md rows 35 and 36: a total outage of a minute, with
//! breaker, budget and backoff together as a gateway would use them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_kernel::backoff::wait_for;
use tidegate_kernel::breaker::Phase;
use tidegate_kernel::{
    Backoff, Breaker, BreakerSettings, BudgetSettings, Clock, Deadline, Dice, RetryBudget, Scope,
    Verdict, Wait,
};

const SECOND: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

struct House {
    breakers: Vec<Breaker>,
    budget: RetryBudget,
    dice: Dice,
    attempts: AtomicU64,
    answered: AtomicU64,
    good: AtomicU64,
}

impl House {
    fn new(targets: u64) -> Self {
        let breaker = |seed| {
            let settings = BreakerSettings {
                seed,
                ..BreakerSettings::default()
            };
            Breaker::new(settings, Clock)
        };
        Self {
            breakers: (0..targets).map(breaker).collect(),
            budget: RetryBudget::new(BudgetSettings::default(), Clock),
            dice: Dice::seeded(1),
            attempts: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            good: AtomicU64::new(0),
        }
    }

    /// Up to three attempts, each at the first target that lets pass; a target
    /// takes 20 ms and does what `works` says.
    async fn ask(&self, works: impl Fn(usize) -> bool) {
        let deadline = Deadline::after(Clock, 10 * SECOND);
        self.budget.deposit();
        for attempt in 0..3 {
            let mut targets = self.breakers.iter().enumerate();
            let pass = targets.find_map(|(n, breaker)| Some((n, breaker.try_pass().ok()?)));
            let Some((target, pass)) = pass else { break };
            self.attempts.fetch_add(1, Ordering::Relaxed);
            Clock.sleep(20 * MS).await;
            if works(target) {
                pass.settle(Verdict::Succeeded);
                self.good.fetch_add(1, Ordering::Relaxed);
                break;
            }
            pass.settle(Verdict::Failed);
            let delay = Backoff::default().delay(attempt, self.dice.roll());
            let Wait::After(delay) = wait_for(delay, deadline.remaining(Clock)) else {
                break;
            };
            if !self.budget.try_withdraw(1) {
                break;
            }
            Clock.sleep(delay).await;
        }
        self.answered.fetch_add(1, Ordering::Relaxed);
    }
}

/// So many requests, 20 a second.
async fn traffic(house: &Arc<House>, requests: u64, works: fn(usize) -> bool) {
    let scope = Scope::root("callers", 10_000);
    for _ in 0..requests {
        let house = Arc::clone(house);
        let call = async move { house.ask(works).await };
        drop(scope.spawn("call", call).expect("room"));
        Clock.sleep(50 * MS).await;
    }
    let left = scope.drain(Deadline::after(Clock, 60 * SECOND)).await;
    assert_eq!(left, []);
}

#[tokio::test(start_paused = true)]
async fn failures_row_36_a_total_outage_is_probed_and_not_stormed() {
    let house = Arc::new(House::new(1));
    traffic(&house, 200, |_| true).await;
    let before = house.attempts.load(Ordering::Relaxed);
    assert_eq!(before, 200, "while all is well there are no retries");
    traffic(&house, 1200, |_| false).await;
    let attempts = house.attempts.load(Ordering::Relaxed) - before;
    assert!(attempts <= 1200 * 12 / 10, "{attempts}");
    // The breaker saves much more: five failures, those under way, and probes.
    assert!(attempts < 60, "{attempts}");
    assert_eq!(house.answered.load(Ordering::Relaxed), 1400);
    assert_ne!(house.breakers[0].state(), Phase::Closed);
    // It comes back by itself, within the longest time it is open.
    Clock.sleep(house.breakers[0].retry_after()).await;
    let good = house.good.load(Ordering::Relaxed);
    traffic(&house, 100, |_| true).await;
    assert_eq!(house.breakers[0].state(), Phase::Closed);
    assert!(house.good.load(Ordering::Relaxed) - good >= 98);
}

#[tokio::test(start_paused = true)]
async fn failures_row_35_one_of_three_dead_costs_nobody_an_answer() {
    let house = Arc::new(House::new(3));
    traffic(&house, 1200, |target| target != 0).await;
    let good = house.good.load(Ordering::Relaxed);
    assert!(
        good > 1188,
        "{good} of 1200: less than one of a hundred fails"
    );
    let attempts = house.attempts.load(Ordering::Relaxed);
    assert!(attempts < 1200 + 30, "{attempts}");
}

#[tokio::test(start_paused = true)]
async fn inv_budget_without_a_breaker_the_budget_alone_holds_the_bound() {
    let mut house = House::new(0);
    let settings = BreakerSettings {
        consecutive: 0,
        success_percent: 0,
        ..BreakerSettings::default()
    };
    house.breakers.push(Breaker::new(settings, Clock));
    let house = Arc::new(house);
    traffic(&house, 1200, |_| false).await;
    let attempts = house.attempts.load(Ordering::Relaxed);
    assert!((1200..=1200 * 12 / 10).contains(&attempts), "{attempts}");
}
