//! The retry budgets of one provider: one a tenant, so that nobody's failures
//! spend what another's need (controls A.5: per tenant and provider).
//!
//! Promise: a retry is paid by its tenant and by the process. Where only the
//! process refuses, the tenant has paid in vain: there are then too many
//! retries already, and the bounds hold all the same.

use kernel::{BudgetSettings, Clock, Instant, Labels, Observe, RetryBudget, Visitor};
use tidegate_kernel as kernel;

/// See the module's text.
pub(crate) struct Budgets(Vec<RetryBudget>);

impl Budgets {
    /// For so many tenants, whose numbers begin at 0.
    pub(crate) fn new(settings: BudgetSettings, tenants: usize, clock: Clock) -> Self {
        let one = |_| RetryBudget::new(settings, clock);
        Self((0..tenants.max(1)).map(one).collect())
    }

    /// The same tenants' budgets under new settings, and those of so many.
    pub(crate) fn reshaped(&self, settings: BudgetSettings, tenants: usize, clock: Clock) -> Self {
        let known = self.0.iter().take(tenants.max(1));
        let mut all: Vec<_> = known.map(|one| one.reshaped(settings)).collect();
        all.resize_with(tenants.max(1), || RetryBudget::new(settings, clock));
        Self(all)
    }

    /// How many tenants have one.
    pub(crate) fn tenants(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn deposit(&self, tenant: u64, now: Instant) {
        if let Some(budget) = self.of(tenant) {
            budget.deposit_at(now);
        }
    }

    pub(crate) fn withdraw(&self, tenant: u64, cost: u32, all: &RetryBudget) -> bool {
        let Some(own) = self.of(tenant) else {
            return false;
        };
        own.try_withdraw(cost) && all.try_withdraw(cost)
    }

    /// Whoever is not known shares the last one's.
    fn of(&self, tenant: u64) -> Option<&RetryBudget> {
        let index = usize::try_from(tenant).unwrap_or(usize::MAX);
        self.0.get(index.min(self.0.len() - 1))
    }
}

/// Each tenant's, by its number.
impl Observe for Budgets {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        for (tenant, budget) in self.0.iter().enumerate() {
            let tenant = tenant.to_string();
            budget.observe(&[labels, &[("tenant", &*tenant)]].concat(), to);
        }
    }
}
