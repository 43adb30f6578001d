//! About how many go before one that waits, or that would wait.
//!
//! 1. Exact while one session of one tenant waits; else an estimate from the
//!    mean costs, as if nobody came, left or settled any more.
//! 2. It costs a look at each tenant of the lane and each session of the
//!    asker's tenant, and changes nothing.
//! 3. The order of all is exact under the same assumption: it is what a copy
//!    does when it is emptied.

use crate::fair::{Fair, Lane, Tenant};
use crate::tag::{Priority, Tag};

impl<T> Fair<T> {
    /// How many go before this one; 0 if it does not wait.
    pub(crate) fn ahead(&self, key: usize) -> usize {
        let Some(item) = self.items.get(key) else {
            return 0;
        };
        let session = &self.sessions[item.session];
        let before = session.items.keys(&self.items).position(|k| k == key);
        let tenant = Some(&self.tenants[session.tenant]);
        let at = (item.session, before.unwrap_or(0));
        self.before(item.tag.priority, tenant, Some(at))
    }

    /// How many would go before a newcomer.
    pub(crate) fn behind(&self, tag: &Tag) -> usize {
        let key = self.tenant_keys.get(&(tag.priority, tag.tenant));
        let at = key.and_then(|key| {
            let session = *self.session_keys.get(&(*key, tag.session))?;
            Some((session, self.sessions[session].items.len()))
        });
        self.before(tag.priority, key.map(|key| &self.tenants[*key]), at)
    }

    /// All that wait, who is served next first. It takes a copy, so that nobody
    /// else waits while it is emptied.
    pub(crate) fn into_order(mut self) -> Vec<T> {
        std::iter::from_fn(|| self.pop().map(|(value, _)| value)).collect()
    }

    /// `at` is a session and how many wait before the asker in it.
    fn before(
        &self,
        priority: Priority,
        tenant: Option<&Tenant<T>>,
        at: Option<(usize, usize)>,
    ) -> usize {
        let lane = &self.lanes[priority as usize];
        let own = tenant.map_or(0, |tenant| self.before_in_tenant(tenant, at));
        let mean = tenant.map_or(1, |tenant| each(tenant.cost, tenant.items));
        let credit = tenant.map_or(0, |tenant| match tenant.items {
            0 => lane.owed(tenant.credit, tenant.away),
            _ => tenant.credit,
        });
        let mut cost = whole(own).saturating_mul(mean);
        let mut ahead = own;
        // Each other tenant is served until it has had as much as the own one must
        // have had before its turn for this, its debt included; of two that have
        // had the same the other may be first.
        let level = cost - credit + 1;
        for key in lane.tenants.keys(&self.tenants) {
            let other = &self.tenants[key];
            if tenant.is_some_and(|tenant| std::ptr::eq(tenant, other)) {
                continue;
            }
            let mean = each(other.cost, other.items);
            let n = ahead_of(level + other.credit, mean, other.items);
            ahead += n;
            cost = cost.saturating_add(whole(n).saturating_mul(mean));
        }
        let parts = (cost - lane.credit) / lane.weight + 1;
        let other = |other: &Lane<T>| {
            let part = parts.saturating_mul(other.weight) + other.credit;
            ahead_of(part, mean_of(other), other.ages.len())
        };
        let others = self.lanes.iter().filter(|l| !std::ptr::eq(*l, lane));
        ahead + others.map(other).sum::<usize>()
    }

    /// The sessions take turns; those that are as long give one more.
    fn before_in_tenant(&self, tenant: &Tenant<T>, at: Option<(usize, usize)>) -> usize {
        let (own, before) = at.unwrap_or((usize::MAX, 0));
        let sessions = tenant.sessions.keys(&self.sessions);
        let others = sessions.filter(|key| *key != own);
        let theirs = others.map(|key| self.sessions[key].items.len().min(before + 1));
        before + theirs.sum::<usize>()
    }
}

fn mean_of<T>(lane: &Lane<T>) -> i64 {
    each(lane.cost, lane.ages.len())
}

fn each(cost: i64, items: usize) -> i64 {
    (cost / whole(items).max(1)).max(1)
}

/// How many of `items` are served out of `credit`: as long as there is some.
fn ahead_of(credit: i64, mean: i64, items: usize) -> usize {
    let n = (credit.max(0) + mean - 1) / mean;
    usize::try_from(n).unwrap_or(usize::MAX).min(items)
}

fn whole(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}
