//! The order beside a plain model, and its shares beside their bounds:
//! INV-FAIR, INV-STARVE.

use std::collections::{HashMap, VecDeque};

use proptest::prelude::*;

use super::*;

fn unbounded<T>() -> Fair<T> {
    Fair::new(Bounds {
        items: usize::MAX,
        bytes: u64::MAX,
    })
}

fn tag(priority: Priority, tenant: u64, cost: u64) -> Tag {
    Tag {
        priority,
        tenant,
        cost,
        ..Tag::default()
    }
}

fn interactive(tenant: u64, cost: u64) -> Tag {
    tag(Priority::Interactive, tenant, cost)
}

/// The same order, told plainly: vectors that are searched from the front, and
/// credit that is given one by one.
#[derive(Default)]
struct Plain {
    waiting: Vec<(u32, Tag)>,
    lanes: [PlainLane; 3],
}

#[derive(Default)]
struct PlainLane {
    spent: i64,
    ring: VecDeque<u64>,
    /// The turns of the sessions of each tenant.
    sessions: HashMap<u64, VecDeque<u64>>,
    credit: HashMap<u64, i64>,
    left: HashMap<u64, (i64, u32)>,
    given: i64,
    emptied: u32,
}

impl Plain {
    fn new() -> Self {
        let mut plain = Self::default();
        for (lane, weight) in plain.lanes.iter_mut().zip(WEIGHTS) {
            lane.spent = -weight;
        }
        plain
    }

    fn of(&self, lane: usize, tenant: u64) -> usize {
        let is = |tag: &Tag| tag.priority as usize == lane && tag.tenant == tenant;
        self.waiting.iter().filter(|(_, tag)| is(tag)).count()
    }

    fn empty(&self, lane: usize) -> bool {
        !self
            .waiting
            .iter()
            .any(|(_, tag)| tag.priority as usize == lane)
    }

    fn push(&mut self, id: u32, tag: Tag) {
        let at = tag.priority as usize;
        let news = self.of(at, tag.tenant) == 0;
        let lane = &mut self.lanes[at];
        if news {
            lane.ring.push_back(tag.tenant);
            lane.pay_back(tag.tenant);
        }
        let sessions = lane.sessions.entry(tag.tenant).or_default();
        if !sessions.contains(&tag.session) {
            sessions.push_back(tag.session);
        }
        self.waiting.push((id, tag));
    }

    fn pop(&mut self) -> Option<u32> {
        if self.waiting.is_empty() {
            return None;
        }
        let waits: Vec<usize> = (0..3).filter(|lane| !self.empty(*lane)).collect();
        while waits.iter().all(|lane| self.lanes[*lane].spent >= 0) {
            for (at, weight) in WEIGHTS.into_iter().enumerate() {
                self.lanes[at].spent -= weight;
                if !waits.contains(&at) {
                    self.lanes[at].spent = self.lanes[at].spent.max(-weight);
                }
            }
        }
        let at = *waits
            .iter()
            .rev()
            .find(|lane| self.lanes[**lane].spent < 0)?;
        let lane = &mut self.lanes[at];
        let tenant = lane.next();
        let sessions = lane.sessions.get_mut(&tenant)?;
        sessions.rotate_left(1);
        let session = *sessions.back()?;
        let is =
            |tag: &Tag| (tag.priority as usize, tag.tenant, tag.session) == (at, tenant, session);
        let place = self.waiting.iter().position(|(_, tag)| is(tag))?;
        let cost = counted(self.waiting[place].1.cost);
        lane.charge(tenant, cost);
        lane.ring.retain(|other| *other != tenant);
        lane.ring.push_back(tenant);
        self.pay(at, cost);
        self.leave(place)
    }

    fn leave(&mut self, place: usize) -> Option<u32> {
        let (id, tag) = self.waiting.remove(place);
        let at = tag.priority as usize;
        let mine = self.waiting.iter().any(|(_, t)| {
            (t.priority, t.tenant, t.session) == (tag.priority, tag.tenant, tag.session)
        });
        let (over, empty) = (self.of(at, tag.tenant) == 0, self.empty(at));
        let lane = &mut self.lanes[at];
        if !mine {
            let sessions = lane.sessions.get_mut(&tag.tenant)?;
            sessions.retain(|session| *session != tag.session);
        }
        if over {
            lane.ring.retain(|tenant| *tenant != tag.tenant);
            if empty {
                lane.emptied += 1;
                lane.spent = lane.spent.max(-WEIGHTS[at]);
            }
            lane.go(tag.tenant);
        }
        if self.waiting.is_empty() {
            for (lane, weight) in self.lanes.iter_mut().zip(WEIGHTS) {
                lane.spent = -weight;
            }
        }
        Some(id)
    }

    fn pay(&mut self, at: usize, cost: i64) {
        if (0..3).any(|other| other != at && !self.empty(other)) {
            let lane = &mut self.lanes[at];
            lane.spent = (lane.spent + cost).max(-WEIGHTS[at]);
        }
    }

    fn remove(&mut self, id: u32) -> bool {
        let place = self.waiting.iter().position(|(other, _)| *other == id);
        place.is_some_and(|place| self.leave(place).is_some())
    }

    fn give_up(&mut self, most: Priority) -> Option<u32> {
        let most = most.min(Priority::Interactive);
        let lowest = self.waiting.iter().map(|(_, tag)| tag.priority).min()?;
        let lowest = Some(lowest).filter(|lowest| *lowest <= most)?;
        let place = self
            .waiting
            .iter()
            .position(|(_, tag)| tag.priority == lowest)?;
        self.leave(place)
    }

    fn settle(&mut self, tag: &Tag, cost: u64) {
        let (at, more) = (
            tag.priority as usize,
            cost.cast_signed() - counted(tag.cost),
        );
        let waits = self.of(at, tag.tenant) > 0;
        self.pay(at, more);
        let lane = &mut self.lanes[at];
        if waits {
            lane.charge(tag.tenant, more);
        } else {
            lane.pay_back(tag.tenant);
            *lane.credit.entry(tag.tenant).or_default() -= more;
            lane.go(tag.tenant);
        }
    }
}

impl PlainLane {
    fn charge(&mut self, tenant: u64, cost: i64) {
        *self.credit.entry(tenant).or_default() -= cost;
    }

    fn next(&mut self) -> u64 {
        loop {
            let credit = |tenant: &u64| self.credit.get(tenant).copied().unwrap_or(0);
            let most = self.ring.iter().map(credit).max().unwrap_or(0);
            if most > 0 {
                let first = self.ring.iter().find(|tenant| credit(tenant) == most);
                return first.copied().unwrap_or(0);
            }
            self.given += 1;
            for tenant in &self.ring {
                *self.credit.entry(*tenant).or_default() += 1;
            }
        }
    }

    fn go(&mut self, tenant: u64) {
        let credit = self.credit.entry(tenant).or_default();
        *credit = (*credit).min(0);
        self.left.insert(tenant, (self.given, self.emptied));
    }

    fn pay_back(&mut self, tenant: u64) {
        let Some((given, emptied)) = self.left.remove(&tenant) else {
            return;
        };
        let credit = self.credit.entry(tenant).or_default();
        for _ in emptied..self.emptied {
            *credit = -(-*credit / 2);
        }
        *credit = (*credit + self.given - given).min(0);
    }
}

#[derive(Clone, Debug)]
enum Step {
    Push(Tag),
    Pop,
    Remove(prop::sample::Index),
    GiveUp(Priority),
    Settle(prop::sample::Index, u64),
}

fn priorities() -> impl Strategy<Value = Priority> {
    prop::sample::select(&Priority::ALL[..])
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let tags = (priorities(), 0..4_u64, 0..3_u64, 0..300_u64, 0..50_u64);
    let push = tags.prop_map(|(priority, tenant, session, cost, bytes)| {
        Step::Push(Tag {
            priority,
            tenant,
            session,
            cost,
            bytes,
        })
    });
    let which = any::<prop::sample::Index>;
    prop::collection::vec(
        prop_oneof![
            6 => push,
            5 => Just(Step::Pop),
            1 => which().prop_map(Step::Remove),
            1 => priorities().prop_map(Step::GiveUp),
            1 => (which(), 0..2000_u64).prop_map(|(which, cost)| Step::Settle(which, cost)),
        ],
        1..200,
    )
}

/// How far any two came apart in what they got while both waited, and the largest
/// cost; each tenant joins at its time, and always has three that wait.
fn furthest_apart(tenants: &[(usize, Vec<u64>)]) -> (i64, i64) {
    let mut fair = unbounded();
    let costs = tenants.iter().flat_map(|(_, costs)| costs);
    let most = costs.max().copied().unwrap_or(1).cast_signed();
    let mut apart = 0;
    let mut got = vec![0_i64; tenants.len()];
    let mut turns = vec![0_usize; tenants.len()];
    // What a pair had got of the one and the other when both waited first.
    let mut since = HashMap::new();
    for now in 0..400 {
        for (tenant, (joins, costs)) in tenants.iter().enumerate() {
            let id = tenant as u64;
            if *joins == now {
                (0..3).for_each(|n| {
                    fair.push(interactive(id, costs[n % costs.len()]), ());
                });
                let there = tenants
                    .iter()
                    .enumerate()
                    .filter(|(_, other)| other.0 <= now);
                for (other, _) in there {
                    since.insert((tenant, other), got[tenant] - got[other]);
                }
            }
        }
        let Some((_, tag)) = fair.pop() else {
            continue;
        };
        let tenant = tag.tenant as usize;
        got[tenant] += tag.cost.cast_signed();
        for ((one, other), before) in &since {
            apart = apart.max((got[*one] - got[*other] - before).abs());
        }
        turns[tenant] += 1;
        let costs = &tenants[tenant].1;
        let next = costs[(turns[tenant] + 2) % costs.len()];
        fair.push(interactive(tag.tenant, next), ());
    }
    (apart, most)
}

/// A case that rounds of a quantum got wrong by 20: one comes while another one has
/// just taken too much.
#[test]
fn inv_fair_one_who_comes_while_another_is_in_debt_gets_no_more_than_its_part() {
    let (apart, most) = furthest_apart(&[
        (43, vec![219, 396, 885]),
        (48, vec![890, 252, 747]),
        (40, vec![228, 151, 682, 492, 509, 266]),
        (44, vec![225, 899, 250, 500, 165]),
    ]);
    assert!(apart <= 2 * most, "{apart} of {most}");
}

proptest! {
    #[test]
    fn it_does_what_a_plain_model_does(steps in steps()) {
        let (mut fair, mut plain) = (unbounded(), Plain::new());
        let mut keys: Vec<(u32, usize)> = Vec::new();
        let mut served: Vec<Tag> = Vec::new();
        for (id, step) in (0..).zip(steps) {
            let gone = match step {
                Step::Push(tag) => {
                    keys.push((id, fair.push(tag, id)));
                    plain.push(id, tag);
                    None
                }
                Step::Pop => {
                    let popped = fair.pop();
                    prop_assert_eq!(popped.map(|(id, _)| id), plain.pop());
                    served.extend(popped.map(|(_, tag)| tag));
                    popped.map(|(id, _)| id)
                }
                Step::Remove(_) if keys.is_empty() => None,
                Step::Remove(which) => {
                    let (id, key) = *which.get(&keys);
                    prop_assert_eq!(fair.remove(key).map(|(id, _)| id), Some(id));
                    prop_assert!(plain.remove(id));
                    Some(id)
                }
                Step::GiveUp(most) => {
                    let gone = fair.give_up(most).map(|(id, _)| id);
                    prop_assert_eq!(gone, plain.give_up(most));
                    gone
                }
                Step::Settle(..) if served.is_empty() => None,
                Step::Settle(which, cost) => {
                    let tag = served.swap_remove(which.index(served.len()));
                    fair.settle(&tag, cost);
                    plain.settle(&tag, cost);
                    None
                }
            };
            keys.retain(|(id, _)| Some(*id) != gone);
            prop_assert_eq!(fair.len(), plain.waiting.len());
            let bytes: u64 = plain.waiting.iter().map(|(_, tag)| tag.bytes).sum();
            prop_assert_eq!(fair.bytes(), bytes);
            for priority in Priority::ALL {
                let n = plain.waiting.iter().filter(|(_, tag)| tag.priority == priority);
                prop_assert_eq!(fair.waiting(priority), n.count());
            }
        }
        // What is left comes out in the same order, and leaves nothing behind.
        while let Some((id, _)) = fair.pop() {
            prop_assert_eq!(Some(id), plain.pop());
        }
        prop_assert!(plain.waiting.is_empty());
        prop_assert_eq!((fair.items.len(), fair.sessions.len(), fair.bytes()), (0, 0, 0));
        prop_assert_eq!(fair.tenants.len(), fair.debtors.len());
        prop_assert_eq!(fair.session_keys.len(), 0);
    }

    #[test]
    fn inv_fair_two_that_wait_differ_by_at_most_twice_the_largest_cost(
        tenants in prop::collection::vec(
            (0..60_usize, prop::collection::vec(1..1000_u64, 1..8)), 2..6),
    ) {
        let (apart, most) = furthest_apart(&tenants);
        prop_assert!(apart <= 2 * most, "{apart} of {most}");
    }
}

#[test]
fn inv_starve_a_lane_owes_nothing_for_a_time_in_which_no_other_waited() {
    for settled_before in [true, false] {
        let mut fair = unbounded();
        (0..100).for_each(|n| _ = fair.push(interactive(1, 1), n));
        let served: Vec<Tag> = (0..100).filter_map(|_| Some(fair.pop()?.1)).collect();
        let settle = |fair: &mut Fair<i32>| {
            served.iter().for_each(|tag| fair.settle(tag, 100_000));
        };
        if settled_before {
            settle(&mut fair);
        }
        let batch = tag(Priority::Batch, 2, 1000);
        (0..1000).for_each(|n| _ = fair.push(batch, n));
        if !settled_before {
            fair.push(interactive(3, 1000), 0);
            assert_eq!(fair.pop().unwrap().1.priority, Priority::Interactive);
            settle(&mut fair);
        }
        fair.push(interactive(3, 1000), 0);
        let before = (0..).find(|_| fair.pop().unwrap().1.tenant == 3);
        // What is told while others wait is paid, and only that.
        assert_eq!(before, Some(if settled_before { 0 } else { 1000 }));
    }
}

#[test]
fn inv_lim_nobody_gives_way_to_more_bytes_than_can_be_added_up() {
    let mut fair = Fair::new(Bounds {
        items: 3,
        bytes: u64::MAX,
    });
    let sized = |tenant, bytes| Tag {
        bytes,
        ..interactive(tenant, 1)
    };
    for bytes in [u64::MAX - 10, 0, 0] {
        fair.push(sized(1, bytes), ());
    }
    assert_eq!(fair.gives_way(&sized(2, 100)), None);
    let newest = fair.gives_way(&sized(2, 10)).unwrap();
    assert!(fair.remove(newest).is_some());
    fair.push(sized(2, 10), ());
    assert_eq!((fair.len(), fair.bytes()), (3, u64::MAX));
}
