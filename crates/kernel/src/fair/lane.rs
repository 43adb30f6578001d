//! One priority: its tenants in a ring, by deficit round robin.
//!
//! 1. A turn brings a quantum of credit, and serves while there is credit. What
//!    was taken too much, or is told late, is paid in the next turns.
//! 2. The quantum is what one request costs lately, so that most turns serve
//!    one; it is the same for all within a round, which bounds how far two are
//!    apart. After Shreedhar and Varghese, "Efficient fair queueing using
//!    deficit round robin" (1996), with a credit that may go below zero.

use std::cmp::Ordering;

use crate::circle::Circle;
use crate::fair::{Item, Tenant};
use crate::slots::Slots;

/// How much of the past the mean cost remembers, in requests.
const REMEMBERED: i64 = 8;

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
    /// Mean cost times `REMEMBERED`.
    costs: i64,
    /// Rounds are numbered from 1.
    round: u64,
    pub(super) quantum: i64,
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
            costs: 0,
            round: 1,
            quantum: 1,
            given: 0,
            emptied: 0,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.ages.len() == 0
    }

    /// Whose turn it is.
    pub(super) fn pick(&mut self, tenants: &mut Slots<Tenant<T>>) -> Option<usize> {
        let mut visits = 0;
        loop {
            let key = self.tenants.front()?;
            let tenant = &mut tenants[key];
            if tenant.round == self.round && tenant.credit <= 0 {
                // The ring came round.
                self.round += 1;
                self.quantum = (self.costs / REMEMBERED).max(1);
                self.given += self.quantum;
            }
            if tenant.round != self.round {
                tenant.round = self.round;
                tenant.credit += self.quantum;
            }
            if tenant.credit > 0 {
                return Some(key);
            }
            self.tenants.turn(tenants);
            visits += 1;
            if visits > self.tenants.len() {
                self.leap(tenants);
                visits = 0;
            }
        }
    }

    /// Everybody is in debt: the rounds pass at once that would only pay.
    fn leap(&mut self, tenants: &mut Slots<Tenant<T>>) {
        let rounds = |key: usize| -tenants[key].credit / self.quantum;
        let Some(rounds) = self.tenants.keys(tenants).map(rounds).min() else {
            return;
        };
        let paid = rounds * self.quantum;
        self.given += paid;
        for _ in 0..self.tenants.len() {
            if let Some(key) = self.tenants.front() {
                tenants[key].credit += paid;
            }
            self.tenants.turn(tenants);
        }
    }

    /// A tenant that waits pays `cost`, or gets it back if it is negative.
    pub(super) fn charge(&mut self, tenants: &mut Slots<Tenant<T>>, key: usize, cost: i64) {
        let tenant = &mut tenants[key];
        tenant.credit -= cost;
        let ends = tenant.credit <= 0 && tenant.round == self.round;
        if ends && self.tenants.front() == Some(key) {
            self.tenants.turn(tenants);
        }
    }

    /// What one request costs is learned from each that was charged.
    pub(super) fn learn(&mut self, cost: i64) {
        match self.costs.cmp(&0) {
            Ordering::Greater => self.costs += cost - self.costs / REMEMBERED,
            _ => self.costs = cost * REMEMBERED,
        }
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
