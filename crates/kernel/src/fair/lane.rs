//! One priority: its tenants, served by what they have had.
//!
//! 1. Who has most credit is served, of several the one that comes first in the
//!    ring, and goes to its end. What was taken too much, or is told late, is paid.
//! 2. Where nobody has credit all who wait are given the same until one has some:
//!    so two of them are never more than the largest cost apart. After Sheng et
//!    al., "Fairness in serving large language models" (2024): the one with the
//!    smallest counter first.

use crate::circle::Circle;
use crate::fair::{Item, Tenant};
use crate::slots::Slots;

#[derive(Clone, Debug)]
pub(super) struct Lane<T> {
    /// Its part of the whole, beside the other lanes.
    pub(super) weight: i64,
    /// What it may take before the other lanes must have had their part.
    pub(super) credit: i64,
    /// Those who wait in it, whose turn it is first.
    pub(super) tenants: Circle<Tenant<T>>,
    /// What waits in it, the oldest first.
    pub(super) ages: Circle<Item<T>>,
    pub(super) bytes: u64,
    pub(super) cost: i64,
    /// What somebody who always waited was given up to now.
    given: i64,
    /// How often nobody waited any more.
    emptied: u32,
}

/// What a tenant owed when it left, and when that was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Debt {
    given: i64,
    emptied: u32,
}

impl<T> Lane<T> {
    pub(super) fn new(weight: i64) -> Self {
        Self {
            weight,
            credit: weight,
            tenants: Circle::new(|tenant| &tenant.link),
            ages: Circle::new(|item| &item.age),
            bytes: 0,
            cost: 0,
            given: 0,
            emptied: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ages.len() == 0
    }

    /// Whose turn it is.
    pub(super) fn pick(&mut self, tenants: &mut Slots<Tenant<T>>) -> Option<usize> {
        let mut best = self.tenants.front()?;
        for key in self.tenants.keys(tenants) {
            // Of several the first one.
            if tenants[key].credit > tenants[best].credit {
                best = key;
            }
        }
        let credit = tenants[best].credit;
        if credit <= 0 {
            self.give(tenants, 1 - credit);
        }
        Some(best)
    }

    /// All who wait are given the same.
    fn give(&mut self, tenants: &mut Slots<Tenant<T>>, credit: i64) {
        self.given += credit;
        for _ in 0..self.tenants.len() {
            if let Some(key) = self.tenants.front() {
                tenants[key].credit += credit;
            }
            self.tenants.turn(tenants);
        }
    }

    /// One whose turn it is takes `cost`.
    pub(super) fn serve(&mut self, tenants: &mut Slots<Tenant<T>>, key: usize, cost: i64) {
        self.charge(tenants, key, cost);
        self.tenants.remove(tenants, key);
        self.tenants.push(tenants, key);
    }

    /// A tenant that waits pays `cost`, or gets it back if it is negative.
    pub(super) fn charge(&mut self, tenants: &mut Slots<Tenant<T>>, key: usize, cost: i64) {
        let tenant = &mut tenants[key];
        tenant.credit -= cost;
    }

    /// Nobody waits any more.
    pub(super) fn empties(&mut self) {
        self.emptied = self.emptied.wrapping_add(1);
        self.credit = self.credit.min(self.weight);
    }

    /// The mark of this moment for the debt of one who leaves.
    pub(super) fn mark(&self) -> Debt {
        Debt {
            given: self.given,
            emptied: self.emptied,
        }
    }

    /// What is left of a debt: what the others were given since is paid, and
    /// each time that nobody waited halves it.
    pub(super) fn owed(&self, credit: i64, since: Debt) -> i64 {
        let halvings = self.emptied.wrapping_sub(since.emptied).min(62);
        (self.given - since.given - (-credit >> halvings)).min(0)
    }
}
