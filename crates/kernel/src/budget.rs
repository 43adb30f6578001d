//! How many retries the requests have earned.
//!
//! 1. Never more than `percent` of the requests, and the reserve (INV-BUDGET).
//! 2. Exact for every per cent: a request earns hundredths of a retry.
//! 3. Earnings but the last two expire after 5 to 10 s: calm pays for no storm.
//! 4. The reserve fills with time and holds ten seconds at most.
//! 5. Reshaped, it keeps its counts and its balance, and earns anew.
//!
//! Nothing is given back: a retry that was allowed counts.

// One word each for earnings and reserve, changed by compare-and-swap: there is
// no moment between the check and the act. A withdrawal comes from one of the
// two whole.

use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::names;
use crate::observe::{Counter, Labels, Observe, Visitor, gauge};
use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Hundredths of a retry, the unit of what requests earn.
const RETRY: u64 = 100;
/// A generation of earnings; they live for the rest of theirs and one more.
const GENERATION: Duration = Duration::from_secs(5);
/// Earnings that do not expire.
const KEPT: u64 = 2 * RETRY;
/// How much of the reserve can be saved up.
const RESERVE_SECONDS: u64 = 10;
/// A retry in the unit of the reserve, so that a microsecond times
/// `per_second` is a whole number of them.
const MICRO: u64 = 1_000_000;

/// The shape of a budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BudgetSettings {
    /// Retries per hundred requests.
    pub percent: u32,
    /// Retries a second that need no requests.
    pub per_second: u32,
}

impl Default for BudgetSettings {
    /// 10 % and one a second (controls.md A.5).
    fn default() -> Self {
        Self {
            percent: 10,
            per_second: 1,
        }
    }
}

/// The numbers of a budget at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BudgetStats {
    /// Requests that were paid in, ever.
    pub deposits: u64,
    /// Cost of all withdrawals, in retries.
    pub withdrawn: u64,
    /// Withdrawals that were refused.
    pub refused: u64,
    /// Whole retries that could be withdrawn now.
    pub balance: u64,
}

/// A retry budget; a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct RetryBudget(Arc<Account>);

#[derive(Debug)]
struct Account {
    settings: BudgetSettings,
    clock: Clock,
    opened: Instant,
    /// [`Earned`], packed.
    earned: AtomicU64,
    /// What of the reserve was ever used, or lost because it was full.
    reserve_gone: AtomicU64,
    /// The same for all shapes that it had.
    counts: Arc<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    deposits: AtomicU64,
    withdrawn: AtomicU64,
    refused: AtomicU64,
}

impl RetryBudget {
    /// A budget with a full reserve and nothing earned.
    pub fn new(settings: BudgetSettings, clock: Clock) -> Self {
        Self(Arc::new(Account {
            settings,
            clock,
            opened: clock.now(),
            earned: AtomicU64::new(0),
            reserve_gone: AtomicU64::new(0),
            counts: Arc::default(),
        }))
    }

    /// The budget with other settings: itself if they are the same. Else one
    /// that has what this has now, its reserve cut to the new bound; who holds
    /// this one goes on with it and what is left in it, for as long as he does.
    #[must_use]
    pub fn reshaped(&self, settings: BudgetSettings) -> Self {
        let account = &*self.0;
        if account.settings == settings {
            return self.clone();
        }
        let age = account.age();
        let (made, gone) = account.reserve(age, account.reserve_gone.load(Ordering::Relaxed));
        let left = made.saturating_sub(gone);
        let earned = account.earned.load(Ordering::Relaxed);
        let shaped = Account {
            settings,
            clock: account.clock,
            opened: account.opened,
            earned: AtomicU64::new(earned),
            reserve_gone: AtomicU64::new(0),
            counts: Arc::clone(&account.counts),
        };
        let (made, gone) = shaped.reserve(age, 0);
        let gone = gone.max(made.saturating_sub(left));
        shaped.reserve_gone.store(gone, Ordering::Relaxed);
        Self(Arc::new(shaped))
    }

    /// A request came. Once for each request, not for its retries.
    pub fn deposit(&self) {
        self.deposit_at(self.0.clock.now());
    }

    /// The same, for who has looked at the clock already.
    pub fn deposit_at(&self, now: Instant) {
        let account = &*self.0;
        let generation = generation(now.saturating_duration_since(account.opened));
        let more = u64::from(account.settings.percent);
        update(&account.earned, |word| {
            Some(Earned::at(word, generation).add(more).pack())
        });
        account.counts.deposits.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes `cost` retries if there are so many, and says whether it did: 1
    /// for a plain retry, 2 where the failed attempt may be billed.
    #[must_use]
    pub fn try_withdraw(&self, cost: u32) -> bool {
        let account = &*self.0;
        let (age, cost) = (account.age(), u64::from(cost));
        let given = account.spend_earned(age, cost) || account.spend_reserve(age, cost);
        if given {
            account.counts.withdrawn.fetch_add(cost, Ordering::Relaxed);
        } else {
            account.counts.refused.fetch_add(1, Ordering::Relaxed);
        }
        given
    }

    /// The numbers of this moment.
    pub fn stats(&self) -> BudgetStats {
        let account = &*self.0;
        let age = account.age();
        let word = account.earned.load(Ordering::Relaxed);
        let earned = Earned::at(word, generation(age)).sum() / RETRY;
        let gone = account.reserve_gone.load(Ordering::Relaxed);
        let (made, gone) = account.reserve(age, gone);
        BudgetStats {
            deposits: account.counts.deposits.load(Ordering::Relaxed),
            withdrawn: account.counts.withdrawn.load(Ordering::Relaxed),
            refused: account.counts.refused.load(Ordering::Relaxed),
            balance: earned + made.saturating_sub(gone) / MICRO,
        }
    }
}

impl Observe for RetryBudget {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let mut up = |metric: Counter, n| to.counter(metric, labels, n);
        up(names::BUDGET_DEPOSITS, stats.deposits);
        up(names::BUDGET_WITHDRAWN, stats.withdrawn);
        up(names::BUDGET_REFUSED, stats.refused);
        to.gauge(names::BUDGET_BALANCE, labels, gauge(stats.balance));
    }
}

impl Account {
    fn age(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.opened)
    }

    fn spend_earned(&self, age: Duration, cost: u64) -> bool {
        let generation = generation(age);
        let cost = cost.saturating_mul(RETRY);
        update(&self.earned, |word| {
            Some(Earned::at(word, generation).take(cost)?.pack())
        })
    }

    fn spend_reserve(&self, age: Duration, cost: u64) -> bool {
        let cost = cost.saturating_mul(MICRO);
        update(&self.reserve_gone, |gone| {
            let (made, gone) = self.reserve(age, gone);
            gone.checked_add(cost).filter(|gone| *gone <= made)
        })
    }

    /// What the reserve ever made, the first ten seconds' worth included, and
    /// what is gone of it: used, or made while it was full.
    fn reserve(&self, age: Duration, gone: u64) -> (u64, u64) {
        let rate = u64::from(self.settings.per_second);
        let age = u64::try_from(age.as_micros()).unwrap_or(u64::MAX);
        let since = age.saturating_mul(rate);
        let full = (RESERVE_SECONDS * MICRO).saturating_mul(rate);
        (since.saturating_add(full), gone.max(since))
    }
}

/// By how many generations a thread's look at the clock may be older than the
/// word it changes: a minute. Beyond it a word is old, not from the future.
const SKEW: u16 = 12;

/// The number of the generation; it wraps after four days, so a word that old
/// can look fresh, for a minute at most.
#[expect(
    clippy::cast_possible_truncation,
    reason = "wrapping is meant, see `Earned::at`"
)]
fn generation(age: Duration) -> u16 {
    (age.as_secs() / GENERATION.as_secs()) as u16
}

/// What was earned in this generation and before it.
#[derive(Clone, Copy)]
struct Earned {
    generation: u16,
    before: u64,
    fresh: u64,
}

/// The most that fits into the 24 bits of one part: 167,772 retries. More is
/// not earned, which only refuses a retry.
const PART: u64 = (1 << 24) - 1;

impl Earned {
    /// The earnings of `word` as they stand in this generation.
    fn at(word: u64, now: u16) -> Self {
        let old = Self {
            generation: u16::try_from(word >> 48).unwrap_or_default(),
            before: (word >> 24) & PART,
            fresh: word & PART,
        };
        let before = match now.wrapping_sub(old.generation) {
            0 => return old,
            1 => (old.fresh + old.before.min(KEPT)).min(PART),
            // Another thread read the clock later and was here first.
            passed if passed > u16::MAX - SKEW => return old,
            _ => old.sum().min(KEPT),
        };
        Self {
            generation: now,
            before,
            fresh: 0,
        }
    }

    fn pack(self) -> u64 {
        u64::from(self.generation) << 48 | self.before << 24 | self.fresh
    }

    fn sum(self) -> u64 {
        self.before + self.fresh
    }

    fn add(self, more: u64) -> Self {
        let fresh = (self.fresh + more).min(PART);
        Self { fresh, ..self }
    }

    /// The oldest go first.
    fn take(self, cost: u64) -> Option<Self> {
        let left = self.sum().checked_sub(cost)?;
        let before = self.before.saturating_sub(cost);
        Some(Self {
            before,
            fresh: left - before,
            ..self
        })
    }
}

/// One atomic step; false if `step` wants none.
fn update(word: &AtomicU64, step: impl Fn(u64) -> Option<u64>) -> bool {
    word.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step)
        .is_ok()
}
