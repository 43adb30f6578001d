//! The wait-for graph: who holds what, who waits for what, and who of a circle
//! gives way. `order` is its face.
//!
//! 1. After each step nobody is stuck: a wait that closes a cycle ends with
//!    the youngest on it as the victim, and so on until the cycles are gone.
//! 2. No false victims: who can still be helped by somebody free is not stuck.
//! 3. What is kept is bounded by what is held and awaited, and by [`PAIRS`].
//!
//! A plain value without a lock. Edges go to holders only, never to those who
//! wait in front: these wait for the same holders, and to end them helps nobody.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::task::Waker;

use crate::after::After;
use crate::order::{DeadlockVictim, Recurring, Resource, Step};
use crate::slots::Slots;

/// How many pairs of kinds are told apart; more are counted as others.
const PAIRS: usize = 64;

/// An owner's place in the order of births.
pub(crate) type Birth = u64;

#[derive(Debug, Default)]
pub(crate) struct Graph {
    things: HashMap<Resource, Thing>,
    /// The waits of each owner that waits.
    waiting: HashMap<Birth, Vec<usize>>,
    waits: Slots<Wait>,
    /// Cycles that were found, each with one victim.
    pub(crate) deadlocks: u64,
    pub(crate) pairs: Vec<Recurring>,
    /// Pairs that were found when the list was full.
    pub(crate) other_pairs: u64,
}

/// A resource that somebody holds or awaits.
#[derive(Debug, Default)]
struct Thing {
    /// `None`: who waits needs all holders to go. Otherwise how many may hold
    /// it, and one who goes is enough.
    places: Option<usize>,
    /// Once for each hold.
    holders: Vec<Birth>,
    waits: usize,
}

#[derive(Debug)]
pub(crate) struct Wait {
    owner: Birth,
    name: &'static str,
    resource: Resource,
    pub(crate) waker: Option<Waker>,
    /// Written once; from then on it counts as gone.
    pub(crate) victim: Option<DeadlockVictim>,
}

impl Graph {
    pub(crate) fn hold(&mut self, owner: Birth, resource: &Resource) {
        self.thing(resource).holders.push(owner);
    }

    pub(crate) fn release(&mut self, owner: Birth, resource: &Resource) {
        let Some(thing) = self.things.get_mut(resource) else {
            return;
        };
        if let Some(at) = thing.holders.iter().position(|holder| *holder == owner) {
            thing.holders.swap_remove(at);
        }
        self.tidy(resource);
    }

    /// Notes a wait, and ends the cycles that it closes. Gives its key, and
    /// the wakers of those who have to give way.
    pub(crate) fn wait(
        &mut self,
        owner: Birth,
        name: &'static str,
        resource: &Resource,
    ) -> (usize, Vec<Waker>) {
        self.thing(resource).waits += 1;
        let key = self.waits.insert(Wait {
            owner,
            name,
            resource: resource.clone(),
            waker: None,
            victim: None,
        });
        self.waiting.entry(owner).or_default().push(key);
        let mut woken = Vec::new();
        while let Some(cycle) = self.cycle(owner, resource) {
            woken.extend(self.give_way(&cycle));
        }
        (key, woken)
    }

    /// Whether this wait has to give way; if not, `waker` is told when it has.
    pub(crate) fn victim(
        &mut self,
        key: usize,
        waker: &Waker,
        after: &mut After,
    ) -> Option<DeadlockVictim> {
        let wait = self.waits.get_mut(key)?;
        if wait.victim.is_none() {
            after.keep(&mut wait.waker, waker);
        }
        wait.victim.clone()
    }

    /// The wait is over; gives what was known of it, to be dropped without
    /// the lock.
    pub(crate) fn end(&mut self, key: usize) -> Option<Wait> {
        let wait = self.waits.remove(key)?;
        if let Some(thing) = self.things.get_mut(&wait.resource) {
            thing.waits -= 1;
        }
        self.tidy(&wait.resource);
        if wait.victim.is_none() {
            self.leave(wait.owner, key);
        }
        Some(wait)
    }

    /// Holds, and waits that have not given way.
    pub(crate) fn size(&self) -> (usize, usize) {
        let holds = self.things.values().map(|thing| thing.holders.len()).sum();
        (holds, self.waiting.values().map(Vec::len).sum())
    }

    fn thing(&mut self, resource: &Resource) -> &mut Thing {
        let thing = self.things.entry(resource.clone()).or_default();
        // The number of places is what was said last.
        thing.places = resource.places();
        thing
    }

    fn tidy(&mut self, resource: &Resource) {
        if let Some(thing) = self.things.get(resource)
            && thing.holders.is_empty()
            && thing.waits == 0
        {
            self.things.remove(resource);
        }
    }

    fn leave(&mut self, owner: Birth, key: usize) {
        if let Some(waits) = self.waiting.get_mut(&owner) {
            waits.retain(|other| *other != key);
            if waits.is_empty() {
                self.waiting.remove(&owner);
            }
        }
    }

    /// What this owner waits for: the wait and the resource's state.
    fn awaited(&self, owner: Birth) -> impl Iterator<Item = (usize, &Thing)> {
        let waits = self.waiting.get(&owner).map_or(&[][..], Vec::as_slice);
        waits.iter().filter_map(|key| {
            let wait = self.waits.get(*key)?;
            Some((*key, self.things.get(&wait.resource)?))
        })
    }

    /// Everybody whom `start` waits for, directly or through others, itself
    /// included, of whom nobody can go on.
    fn stuck(&self, start: Birth) -> BTreeSet<Birth> {
        let mut stuck = BTreeSet::from([start]);
        let mut next = vec![start];
        while let Some(owner) = next.pop() {
            let holders = self.awaited(owner).flat_map(|(_, thing)| &thing.holders);
            next.extend(holders.filter(|holder| stuck.insert(**holder)));
        }
        // Who can go on lets others go on, until nothing changes any more.
        loop {
            let before = stuck.len();
            let free = |owner: &Birth| self.awaited(*owner).all(|(_, t)| t.comes_free(&stuck));
            let free: Vec<Birth> = stuck.iter().copied().filter(free).collect();
            stuck.retain(|owner| !free.contains(owner));
            if stuck.len() == before {
                return stuck;
            }
        }
    }

    /// The shortest way from `start`, which wants `resource`, back to itself
    /// over those who are stuck, as the waits on it; `None` if it can go on.
    fn cycle(&self, start: Birth, resource: &Resource) -> Option<Vec<usize>> {
        let holders = &self.things.get(resource)?.holders;
        if !holders.iter().any(|who| self.waiting.contains_key(who)) {
            // The usual case: they work.
            return None;
        }
        let stuck = self.stuck(start);
        let mut came_by: HashMap<Birth, (Birth, usize)> = HashMap::new();
        let mut next = VecDeque::from([start]);
        while let Some(owner) = next.pop_front() {
            for (key, thing) in self.awaited(owner) {
                for holder in thing.holders.iter().filter(|who| stuck.contains(who)) {
                    if !came_by.contains_key(holder) {
                        came_by.insert(*holder, (owner, key));
                        next.push_back(*holder);
                    }
                }
            }
        }
        let mut cycle = Vec::new();
        let mut at = start;
        loop {
            let (before, key) = *came_by.get(&at)?;
            cycle.push(key);
            at = before;
            if at == start {
                cycle.reverse();
                return Some(cycle);
            }
        }
    }

    /// Makes the youngest on the cycle its victim; gives its waker.
    fn give_way(&mut self, cycle: &[usize]) -> Option<Waker> {
        let on_it = cycle.iter().filter_map(|key| self.waits.get(*key));
        let steps: Vec<Step> = on_it.map(Wait::step).collect();
        let error = DeadlockVictim::new(steps);
        self.deadlocks += 1;
        self.count_pairs(&error);
        let age = |key: &&usize| self.waits.get(**key).map(|wait| wait.owner);
        let youngest = *cycle.iter().max_by_key(age)?;
        let wait = self.waits.get_mut(youngest)?;
        wait.victim = Some(error);
        let (owner, waker) = (wait.owner, wait.waker.take());
        self.leave(owner, youngest);
        waker
    }

    /// Which kinds of resources stood side by side on the cycle.
    fn count_pairs(&mut self, cycle: &DeadlockVictim) {
        for kinds in cycle.pairs() {
            match self.pairs.iter().position(|pair| pair.kinds == kinds) {
                Some(at) => {
                    self.pairs[at].times += 1;
                    self.pairs[at].last = cycle.clone();
                }
                None if self.pairs.len() < PAIRS => self.pairs.push(Recurring {
                    kinds,
                    times: 1,
                    last: cycle.clone(),
                }),
                None => self.other_pairs += 1,
            }
        }
    }
}

impl Thing {
    /// Whether it comes free although `stuck` never let go.
    fn comes_free(&self, stuck: &BTreeSet<Birth>) -> bool {
        let mut stuck_ones = self.holders.iter().filter(|who| stuck.contains(who));
        match self.places {
            None => stuck_ones.next().is_none(),
            Some(places) => stuck_ones.count() < places.max(1),
        }
    }
}

impl Wait {
    fn step(&self) -> Step {
        Step {
            owner: self.owner,
            name: self.name,
            wants: self.resource.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Step {
        Hold(Birth, usize),
        Release(Birth, usize),
        Wait(Birth, usize),
        End(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let who = || (0..5_u64, 0..5_usize);
        prop_oneof![
            3 => who().prop_map(|(owner, thing)| Step::Hold(owner, thing)),
            1 => who().prop_map(|(owner, thing)| Step::Release(owner, thing)),
            4 => who().prop_map(|(owner, thing)| Step::Wait(owner, thing)),
            1 => (0..8_usize).prop_map(Step::End),
        ]
    }

    /// Three locks, and two kinds of permits: one and two of them.
    fn things() -> Vec<Resource> {
        let locks = (0..3).map(|n| Resource::new("lock", n.to_string()));
        let permits = (1..3).map(|n| Resource::any_of(n, "permit", n.to_string()));
        locks.chain(permits).collect()
    }

    /// Plays the work to its end: whoever waits for nothing lets go of all.
    /// Who is left then will wait for ever.
    fn waits_for_ever(holds: &[(Birth, usize)], waits: &[(Birth, usize)]) -> bool {
        let (mut holds, mut waits) = (holds.to_vec(), waits.to_vec());
        loop {
            let before = (holds.len(), waits.len());
            holds.retain(|(owner, _)| waits.iter().any(|(waiter, _)| waiter == owner));
            waits.retain(|(_, thing)| {
                let holders = holds.iter().filter(|(_, held)| held == thing).count();
                holders >= [1, 1, 1, 1, 2][*thing]
            });
            if (holds.len(), waits.len()) == before {
                return !waits.is_empty();
            }
        }
    }

    proptest! {
        #[test]
        fn inv_nodead_a_wait_has_victims_if_and_only_if_it_would_last_for_ever(
            steps in prop::collection::vec(step(), 1..40)
        ) {
            let (mut graph, things) = (Graph::default(), things());
            let mut holds: Vec<(Birth, usize)> = Vec::new();
            // Keys of the graph, and what the wait is.
            let mut waits: Vec<(usize, (Birth, usize))> = Vec::new();
            for step in steps {
                match step {
                    // Who waits does nothing else.
                    Step::Hold(owner, _) | Step::Release(owner, _) | Step::Wait(owner, _)
                        if waits.iter().any(|(_, wait)| wait.0 == owner) => {}
                    Step::Hold(owner, thing) => {
                        graph.hold(owner, &things[thing]);
                        holds.push((owner, thing));
                    }
                    Step::Release(owner, thing) => {
                        graph.release(owner, &things[thing]);
                        let at = holds.iter().position(|hold| *hold == (owner, thing));
                        at.map(|at| holds.swap_remove(at));
                    }
                    Step::Wait(owner, thing) => {
                        let before = graph.deadlocks;
                        let (key, _) = graph.wait(owner, "test", &things[thing]);
                        waits.push((key, (owner, thing)));
                        let all: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
                        prop_assert_eq!(graph.deadlocks > before, waits_for_ever(&holds, &all));
                        let mut gave_way = 0;
                        waits.retain(|(key, _)| {
                            let mut after = After::default();
                            let victim = graph.victim(*key, Waker::noop(), &mut after).is_some();
                            gave_way += u64::from(victim);
                            !victim || graph.end(*key).is_none()
                        });
                        prop_assert_eq!(graph.deadlocks - before, gave_way, "one a cycle");
                    }
                    Step::End(at) if at < waits.len() => {
                        graph.end(waits.swap_remove(at).0);
                    }
                    Step::End(_) => {}
                }
                let all: Vec<_> = waits.iter().map(|(_, wait)| *wait).collect();
                prop_assert!(!waits_for_ever(&holds, &all), "somebody is stuck");
                prop_assert_eq!(graph.size(), (holds.len(), waits.len()));
            }
        }
    }
}
