//! Who waits, in a fair order; a plain value without lock, waker or clock.
//!
//! 1. While all wait, priorities get 8:4:1 of the cost; none starves (INV-STARVE).
//! 2. Two tenants that both wait differ by at most twice the largest cost
//!    (INV-FAIR). A tenant's sessions take turns; each is first in, first out.
//! 3. A cost is an estimate until it is settled. A tenant's debt outlives a short
//!    idle time, credit does not; a priority owes only for what it took while
//!    another waited. 4. Items and bytes stay within bounds (INV-LIM).

mod forecast;
mod lane;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use self::lane::{Debt, Lane};
use crate::circle::{Circle, Link};
use crate::slots::Slots;
use crate::tag::{Priority, Tag};

/// The parts of batch, interactive and control.
const WEIGHTS: [i64; 3] = [1, 4, 8];

/// Places of the control lane, beside those of `Bounds`.
pub(crate) const CONTROL_ITEMS: usize = 64;

/// Bytes of the control lane, beside those of `Bounds`.
pub(crate) const CONTROL_BYTES: u64 = 1024 * 1024;

/// Tenants that do not wait and whose debt is remembered. Beyond it the one
/// that has been away longest is forgiven.
const DEBTORS: usize = 1024;

/// More than any request costs; it keeps sums far from an overflow.
const MOST: u64 = 1 << 32;

/// How much may wait, without the control lane.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) items: usize,
    pub(crate) bytes: u64,
}

/// Whether there is a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// There is.
    Yes,
    /// There is if the oldest, who is not more urgent, leaves; ask again then.
    AfterOldest,
    /// There is none, whoever leaves.
    No,
}

/// Things in a fair order; each is known by its key until it leaves.
#[derive(Clone, Debug)]
pub(crate) struct Fair<T> {
    bounds: Bounds,
    /// By `Priority`.
    lanes: [Lane<T>; 3],
    items: Slots<Item<T>>,
    tenants: Slots<Tenant<T>>,
    sessions: Slots<Session<T>>,
    tenant_keys: HashMap<(Priority, u64), usize>,
    session_keys: HashMap<(usize, u64), usize>,
    /// Tenants that do not wait and owe something, the longest away first.
    debtors: Circle<Tenant<T>>,
}

#[derive(Clone, Debug)]
struct Item<T> {
    tag: Tag,
    session: usize,
    fifo: Link,
    age: Link,
    value: T,
}

/// A tenant within one priority.
#[derive(Clone, Debug)]
struct Tenant<T> {
    priority: Priority,
    id: u64,
    /// In its lane, or among the debtors.
    link: Link,
    sessions: Circle<Session<T>>,
    items: usize,
    cost: i64,
    credit: i64,
    away: Debt,
}

#[derive(Clone, Debug)]
struct Session<T> {
    tenant: usize,
    link: Link,
    items: Circle<Item<T>>,
}

/// A cost as it is counted.
fn counted(cost: u64) -> i64 {
    cost.clamp(1, MOST).cast_signed()
}

impl<T> Fair<T> {
    /// Nobody waits; it allocates when the first one does.
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            lanes: WEIGHTS.map(Lane::new),
            items: Slots::default(),
            tenants: Slots::default(),
            sessions: Slots::default(),
            tenant_keys: HashMap::new(),
            session_keys: HashMap::new(),
            debtors: Circle::new(|tenant| &tenant.link),
        }
    }

    /// New bounds for newcomers; who waits stays.
    pub(crate) fn rebound(&mut self, bounds: Bounds) {
        self.bounds = bounds;
    }

    /// How many wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    /// How many of this priority wait.
    pub(crate) fn waiting(&self, priority: Priority) -> usize {
        self.lanes[priority as usize].ages.len()
    }

    /// The bytes of all that wait.
    pub(crate) fn bytes(&self) -> u64 {
        let sum = |sum: u64, lane: &Lane<T>| sum.saturating_add(lane.bytes);
        self.lanes.iter().fold(0, sum)
    }

    /// Whether there is a place for one with this tag.
    pub(crate) fn room(&self, tag: &Tag) -> Room {
        let [batch, interactive, control] = self.lanes.each_ref();
        let within = |lanes: &[&Lane<T>], items: usize, bytes: u64| {
            let used: usize = lanes.iter().map(|lane| lane.ages.len()).sum();
            let add = |sum: u64, lane: &&Lane<T>| sum.checked_add(lane.bytes);
            let sum = lanes.iter().try_fold(tag.bytes, add);
            used < items && sum.is_some_and(|sum| sum <= bytes)
        };
        let Bounds { items, bytes } = self.bounds;
        // The lanes that stay when all others give way to it.
        let stays: &[_] = match tag.priority {
            Priority::Control if within(&[control], CONTROL_ITEMS, CONTROL_BYTES) => {
                return Room::Yes;
            }
            Priority::Control => return Room::No,
            Priority::Interactive => &[],
            Priority::Batch => &[interactive],
        };
        if within(&[batch, interactive], items, bytes) {
            Room::Yes
        } else if within(stays, items, bytes) {
            Room::AfterOldest
        } else {
            Room::No
        }
    }

    /// Lets one wait and tells its key. Only after `room` said yes.
    pub(crate) fn push(&mut self, tag: Tag, value: T) -> usize {
        debug_assert_eq!(self.room(&tag), Room::Yes);
        let tenant = self.tenant(&tag);
        let session = self.session(tenant, tag.session);
        let (fifo, age) = (Link::default(), Link::default());
        let key = self.items.insert(Item {
            tag,
            session,
            fifo,
            age,
            value,
        });
        self.sessions[session].items.push(&self.items, key);
        let tenant = &mut self.tenants[tenant];
        tenant.items += 1;
        tenant.cost += counted(tag.cost);
        let lane = &mut self.lanes[tag.priority as usize];
        lane.ages.push(&self.items, key);
        lane.bytes += tag.bytes;
        lane.cost += counted(tag.cost);
        key
    }

    /// Takes the one whose turn it is, and charges its tenant for it.
    pub(crate) fn pop(&mut self) -> Option<(T, Tag)> {
        let at = self.next_lane()?;
        let lane = &mut self.lanes[at];
        let tenant = lane.pick(&mut self.tenants)?;
        let sessions = &mut self.tenants[tenant].sessions;
        let session = sessions.front()?;
        sessions.turn(&self.sessions);
        let key = self.sessions[session].items.front()?;
        let cost = counted(self.items[key].tag.cost);
        lane.serve(&mut self.tenants, tenant, cost);
        self.charge_lane(at, cost);
        self.unlink(key)
    }

    /// Takes this one out of the order; nothing is charged.
    pub(crate) fn remove(&mut self, key: usize) -> Option<(T, Tag)> {
        self.items.get(key)?;
        self.unlink(key)
    }

    /// Takes the one that waits longest in the lowest priority there is, none
    /// above `most`, and never control.
    pub(crate) fn give_up(&mut self, most: Priority) -> Option<(T, Tag)> {
        let most = most.min(Priority::Interactive) as usize;
        let key = self.lanes[..=most].iter().find_map(|l| l.ages.front())?;
        self.unlink(key)
    }

    /// Who gives way to one with this tag where there is no room: the newest of
    /// the tenant that has most waiting, if that is more than this one's tenant
    /// would have, and if that makes room. The least urgent first, never
    /// control. After McKenney's "Stochastic fairness queueing" (1990), which
    /// drops from the longest queue.
    pub(crate) fn gives_way(&self, tag: &Tag) -> Option<usize> {
        if tag.priority == Priority::Control {
            return None;
        }
        let own = self.tenant_keys.get(&(tag.priority, tag.tenant));
        let own = own.map_or(0, |key| self.tenants[*key].items);
        let most = |lane: &Lane<T>| {
            let tenants = lane.tenants.keys(&self.tenants);
            let tenant = tenants.max_by_key(|key| self.tenants[*key].items)?;
            let heavier = self.tenants[tenant].items > own + 1;
            let of = |key: &usize| self.sessions[self.items[*key].session].tenant == tenant;
            let all = lane.ages.keys(&self.items).filter(of);
            heavier.then(|| all.last()).flatten()
        };
        let lanes = &self.lanes[..=tag.priority as usize];
        let newest = lanes.iter().find_map(most)?;
        let [batch, interactive, _] = &self.lanes;
        let left = batch.ages.len() + interactive.ages.len() - 1;
        let bytes = (batch.bytes.saturating_add(interactive.bytes))
            .saturating_sub(self.items[newest].tag.bytes)
            .checked_add(tag.bytes);
        let fits = bytes.is_some_and(|bytes| bytes <= self.bounds.bytes);
        (left < self.bounds.items && fits).then_some(newest)
    }

    /// What a popped one really cost; 0 if nothing came of it. The difference
    /// to its estimate is its tenant's, whether that one waits or not.
    pub(crate) fn settle(&mut self, tag: &Tag, cost: u64) {
        let cost = cost.min(MOST).cast_signed();
        let more = cost - counted(tag.cost);
        self.charge_lane(tag.priority as usize, more);
        let lane = &mut self.lanes[tag.priority as usize];
        match self.tenant_keys.get(&(tag.priority, tag.tenant)) {
            Some(&key) if self.tenants[key].items > 0 => {
                lane.charge(&mut self.tenants, key, more);
            }
            Some(&key) => {
                self.debtors.remove(&self.tenants, key);
                let tenant = &mut self.tenants[key];
                tenant.credit = lane.owed(tenant.credit, tenant.away) - more;
                self.retire(key);
            }
            None if more > 0 => {
                let key = self.register(tag.priority, tag.tenant);
                self.tenants[key].credit = -more;
                self.retire(key);
            }
            None => {}
        }
    }

    /// A lane pays `cost`, or gets it back, if another one waits beside it: what
    /// it took while nobody else wanted it is no debt.
    fn charge_lane(&mut self, at: usize, cost: i64) {
        let mut others = self.lanes.iter().enumerate();
        if others.any(|(other, lane)| other != at && !lane.is_empty()) {
            let lane = &mut self.lanes[at];
            lane.credit = (lane.credit - cost).min(lane.weight);
        }
    }

    /// The lane whose turn it is: the most urgent that has credit. When none
    /// has, all are given credit by their weights until one has.
    fn next_lane(&mut self) -> Option<usize> {
        let waits = |lane: &&Lane<T>| !lane.is_empty();
        let needs = |lane: &Lane<T>| -lane.credit / lane.weight + 1;
        if !self.lanes.iter().filter(waits).any(|lane| lane.credit > 0) {
            let parts = self.lanes.iter().filter(waits).map(needs).min()?;
            for lane in &mut self.lanes {
                lane.credit += parts * lane.weight;
                if lane.is_empty() {
                    lane.credit = lane.credit.min(lane.weight);
                }
            }
        }
        let ready = |lane: &Lane<T>| !lane.is_empty() && lane.credit > 0;
        self.lanes.iter().rposition(ready)
    }

    fn unlink(&mut self, key: usize) -> Option<(T, Tag)> {
        let Item { tag, session, .. } = self.items[key];
        let lane = &mut self.lanes[tag.priority as usize];
        lane.ages.remove(&self.items, key);
        lane.bytes -= tag.bytes;
        lane.cost -= counted(tag.cost);
        let at = &mut self.sessions[session];
        at.items.remove(&self.items, key);
        let (of, over) = (at.tenant, at.items.len() == 0);
        let tenant = &mut self.tenants[of];
        tenant.items -= 1;
        tenant.cost -= counted(tag.cost);
        if over {
            tenant.sessions.remove(&self.sessions, session);
            self.session_keys.remove(&(of, tag.session));
            self.sessions.remove(session);
        }
        if self.tenants[of].items == 0 {
            lane.tenants.remove(&self.tenants, of);
            if lane.is_empty() {
                lane.empties();
            }
            self.retire(of);
        }
        let gone = self.items.remove(key)?;
        if self.items.len() == 0 {
            // Nobody waits any more: the lanes are even.
            self.lanes
                .iter_mut()
                .for_each(|lane| lane.credit = lane.weight);
        }
        Some((gone.value, tag))
    }

    /// One that does not wait is remembered for as long as it owes something.
    fn retire(&mut self, key: usize) {
        let Tenant {
            priority, credit, ..
        } = self.tenants[key];
        if credit >= 0 {
            self.forget(key);
            return;
        }
        self.tenants[key].away = self.lanes[priority as usize].mark();
        self.debtors.push(&self.tenants, key);
        if self.debtors.len() > DEBTORS
            && let Some(longest) = self.debtors.front()
        {
            self.debtors.remove(&self.tenants, longest);
            self.forget(longest);
        }
    }

    fn forget(&mut self, key: usize) {
        if let Some(gone) = self.tenants.remove(key) {
            self.tenant_keys.remove(&(gone.priority, gone.id));
        }
    }

    /// The tenant of a newcomer, in the ring of its lane.
    fn tenant(&mut self, tag: &Tag) -> usize {
        let lane = tag.priority as usize;
        let known = self.tenant_keys.get(&(tag.priority, tag.tenant));
        let key = match known.copied() {
            Some(key) if self.tenants[key].items > 0 => return key,
            Some(key) => {
                self.debtors.remove(&self.tenants, key);
                let tenant = &mut self.tenants[key];
                tenant.credit = self.lanes[lane].owed(tenant.credit, tenant.away);
                key
            }
            None => self.register(tag.priority, tag.tenant),
        };
        self.lanes[lane].tenants.push(&self.tenants, key);
        key
    }

    fn register(&mut self, priority: Priority, id: u64) -> usize {
        let key = self.tenants.insert(Tenant {
            priority,
            id,
            link: Link::default(),
            sessions: Circle::new(|session| &session.link),
            items: 0,
            cost: 0,
            credit: 0,
            away: Debt::default(),
        });
        self.tenant_keys.insert((priority, id), key);
        key
    }

    /// The session of a newcomer, in the ring of its tenant.
    fn session(&mut self, tenant: usize, id: u64) -> usize {
        *self.session_keys.entry((tenant, id)).or_insert_with(|| {
            let key = self.sessions.insert(Session {
                tenant,
                link: Link::default(),
                items: Circle::new(|item| &item.fifo),
            });
            self.tenants[tenant].sessions.push(&self.sessions, key);
            key
        })
    }
}
