//! One step of a route: its targets, and which of them is asked first.
//!
//! Promises: 1. a target that rests, or is left alone, is asked only if no other
//! of its step will do; 2. a choice looks at what it needs: two targets for
//! `latency`, however many there are; 3. with `sticky` a target that comes or goes
//! moves only its own sessions (rendezvous hashing: Thaler and Ravishankar 1998;
//! the weights after Schindelhauer and Schomaker 2005).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kernel::{Dice, Instant};
use tidegate_kernel as kernel;

use crate::catalogue::Facts;
use crate::provider::Provider;
use crate::settings::{MOST_MEMBERS, Strategy};
use crate::target::{Nobody, Set, fit_of};

/// See the module's text.
pub(crate) struct Step {
    strategy: Strategy,
    members: Box<[Member]>,
    /// Whose turn it is, as indices of members, over and over.
    turns: Box<[u8]>,
    turn: AtomicUsize,
    dice: Dice,
}

/// A target of a step: a model of a provider, with whichever of its keys.
pub(crate) struct Member {
    pub(crate) provider: Arc<Provider>,
    /// As the provider is asked for it.
    pub(crate) model: Box<str>,
    pub(crate) weight: u32,
    pub(crate) facts: Facts,
    targets: Set,
    /// Its own part of what decides who answers a session.
    salt: u64,
}

/// What a choice depends on, beside the targets.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Wish {
    /// Whose conversation it is; 0 if nobody said.
    pub(crate) session: u64,
    /// Tokens that are read, about.
    pub(crate) input: u64,
    /// Tokens that are written, about.
    pub(crate) output: u64,
    /// Only models that read more than so many tokens will do.
    pub(crate) above: Option<u64>,
}

impl Member {
    /// One of a configured route: what is learned of it lasts as long as that.
    pub(crate) fn lasting(provider: Arc<Provider>, model: &str, weight: u32, facts: Facts) -> Self {
        let targets = provider.targets.pin(provider.upstream_name(model));
        Self::with(targets, provider, model, weight, facts)
    }

    /// One that a single request names.
    pub(crate) fn passing(provider: Arc<Provider>, model: &str, facts: Facts) -> Self {
        let targets = provider.targets.of(provider.upstream_name(model));
        Self::with(targets, provider, model, 1, facts)
    }

    fn with(targets: Set, provider: Arc<Provider>, model: &str, weight: u32, facts: Facts) -> Self {
        Self {
            salt: salt(&provider.name, model),
            targets,
            model: model.into(),
            weight: weight.max(1),
            facts,
            provider,
        }
    }

    /// As a caller would ask for it.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.provider.name, self.model)
    }

    fn fit(&self, now: Instant) -> Result<(), Nobody> {
        fit_of(&self.targets, now)
    }

    /// Whether the model is known to read more than `above` tokens. Where
    /// nothing is known of the others either, anybody may.
    fn reads(&self, above: Option<u64>) -> bool {
        match (above, self.facts.context_window) {
            (None, _) => true,
            (Some(above), Some(window)) => window > above,
            (Some(above), None) => above == 0,
        }
    }

    /// What it would cost, in millionths of a dollar.
    fn price(&self, wish: &Wish) -> Option<f64> {
        let input = self.facts.input_price? * wish.input as f64;
        Some(input + self.facts.output_price? * wish.output as f64)
    }

    /// How much there is to do before a newcomer: that of its best key. One of
    /// which nothing is known is tried, by one call at a time.
    fn weighs(&self, now: Instant) -> f64 {
        let fit = self.targets.iter().filter(|one| one.fit(now).is_ok());
        let loads = fit.map(|one| match one.burden.is_new() {
            true => 0.0,
            false => one.burden.weigh(now),
        });
        loads.min_by(f64::total_cmp).unwrap_or(f64::INFINITY)
    }

    fn in_flight(&self) -> u32 {
        self.targets.iter().map(|one| one.burden.pending()).sum()
    }
}

/// Some of a step's members, marked; a bit each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Marks(u64);

impl Marks {
    pub(crate) fn add(&mut self, index: usize) {
        self.0 |= bit(index);
    }

    pub(crate) fn remove(&mut self, index: usize) {
        self.0 &= !bit(index);
    }

    fn has(self, index: usize) -> bool {
        self.0 & bit(index) != 0
    }
}

fn bit(index: usize) -> u64 {
    debug_assert!(index < MOST_MEMBERS);
    1 << (index % MOST_MEMBERS)
}

impl Step {
    /// `members` are one to [`MOST_MEMBERS`].
    pub(crate) fn new(strategy: Strategy, members: Vec<Member>, seed: u64) -> Self {
        let weights: Vec<u32> = members.iter().map(|one| one.weight).collect();
        Self {
            strategy,
            turns: turns(&weights),
            members: members.into(),
            turn: AtomicUsize::new(0),
            dice: Dice::seeded(seed),
        }
    }

    pub(crate) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Who is asked next of those that were not asked yet.
    ///
    /// # Errors
    /// When the first of those that rest is back; nothing where all were asked.
    pub(crate) fn choose(
        &self,
        asked: Marks,
        wish: &Wish,
        now: Instant,
    ) -> Result<usize, Option<Nobody>> {
        let mut left = Marks(0);
        for (index, member) in self.members.iter().enumerate() {
            if !asked.has(index) && member.reads(wish.above) {
                left.add(index);
            }
        }
        let mut nobody: Option<Nobody> = None;
        let mut first = true;
        while left != Marks(0) {
            let index = self.candidate(left, wish, now, first);
            first = false;
            let Some(member) = self.members.get(index) else {
                break;
            };
            match member.fit(now) {
                Ok(()) => return Ok(index),
                Err(no) => nobody = Some(nobody.map_or(no, |known| known.sooner(no))),
            }
            left.remove(index);
        }
        Err(nobody)
    }

    /// Whether one of those that were not asked yet could be asked at once.
    pub(crate) fn is_open(&self, asked: Marks, wish: &Wish, now: Instant) -> bool {
        let mut members = self.members.iter().enumerate();
        members.any(|(index, member)| {
            !asked.has(index) && member.reads(wish.above) && member.fit(now).is_ok()
        })
    }

    /// The first that was not asked yet.
    pub(crate) fn first(&self, asked: Marks) -> Option<usize> {
        (0..self.members.len()).find(|index| !asked.has(*index))
    }

    /// One of `left`, which are not none.
    fn candidate(&self, left: Marks, wish: &Wish, now: Instant, first: bool) -> usize {
        match self.strategy {
            Strategy::RoundRobin => self.in_turn(left, first),
            Strategy::Weighted => self.by_weight(left),
            Strategy::LeastLoaded => {
                let share = |one: &Member| f64::from(one.in_flight()) / f64::from(one.weight);
                self.least(left, share)
            }
            Strategy::Latency => self.quicker(left, now),
            Strategy::Cost => self.least(left, |one| one.price(wish).unwrap_or(f64::INFINITY)),
            // Nobody's session sticks to nothing.
            Strategy::Sticky if wish.session == 0 => self.by_weight(left),
            Strategy::Sticky => self.least(left, |one| {
                let drawn = even(mix(wish.session ^ one.salt));
                -drawn.ln() / f64::from(one.weight)
            }),
        }
    }

    fn of(&self, left: Marks) -> impl Iterator<Item = (usize, &Member)> {
        let all = self.members.iter().enumerate();
        all.filter(move |(index, _)| left.has(*index))
    }

    /// The one with the least; of several the first after whose turn it is, or
    /// the same one would have all the calls while nobody is loaded.
    fn least(&self, left: Marks, of: impl Fn(&Member) -> f64) -> usize {
        let count = self.members.len();
        let turn = match self.strategy {
            Strategy::LeastLoaded => self.turn.fetch_add(1, Ordering::Relaxed) % count,
            _ => 0,
        };
        let order = (0..count).map(|step| (turn + step) % count);
        let known = order.filter(|index| left.has(*index));
        let with = known.filter_map(|index| Some((index, of(self.members.get(index)?))));
        let least = with.min_by(|one, other| one.1.total_cmp(&other.1));
        least.map_or(0, |(index, _)| index)
    }

    /// A request moves the turn on once, however many it has to pass over.
    fn in_turn(&self, left: Marks, first: bool) -> usize {
        let turn = match first {
            true => self.turn.fetch_add(1, Ordering::Relaxed),
            false => self.turn.load(Ordering::Relaxed),
        };
        let count = self.turns.len();
        let turns = (0..count).filter_map(|step| self.turns.get((turn + step) % count));
        let mut turns = turns.map(|index| usize::from(*index));
        let next = turns.find(|index| left.has(*index));
        next.or_else(|| self.of(left).next().map(|(index, _)| index))
            .unwrap_or(0)
    }

    fn by_weight(&self, left: Marks) -> usize {
        let sum: u64 = self.of(left).map(|(_, one)| u64::from(one.weight)).sum();
        let mut at = self.dice.below(sum);
        for (index, member) in self.of(left) {
            let weight = u64::from(member.weight);
            if at < weight {
                return index;
            }
            at -= weight;
        }
        0
    }

    /// The power of two choices (Mitzenmacher 2001), by peak EWMA.
    fn quicker(&self, left: Marks, now: Instant) -> usize {
        let one = self.by_weight(left);
        let mut others = left;
        others.remove(one);
        if others == Marks(0) {
            return one;
        }
        let two = self.by_weight(others);
        let load = |index: usize| {
            let member = self.members.get(index);
            member.map_or(f64::INFINITY, |member| member.weighs(now))
        };
        match load(one) <= load(two) {
            true => one,
            false => two,
        }
    }
}

/// Each index as often as its weight says, spread evenly: the smooth weighted
/// round robin of nginx, over at most 1,024 turns.
fn turns(weights: &[u32]) -> Box<[u8]> {
    let divisor = weights.iter().copied().fold(0, gcd).max(1);
    let most = weights.iter().map(|one| one / divisor).max().unwrap_or(1);
    // Beyond that the shares are near, and no target is without a turn.
    let scale = (most * u32::try_from(weights.len()).unwrap_or(1))
        .div_ceil(1024)
        .max(1);
    let weights: Vec<i64> = weights
        .iter()
        .map(|one| i64::from((one / divisor / scale).max(1)))
        .collect();
    let sum: i64 = weights.iter().sum();
    let mut owed = vec![0_i64; weights.len()];
    let next = |_| {
        owed.iter_mut()
            .zip(&weights)
            .for_each(|(owed, weight)| *owed += weight);
        let best = (0..owed.len()).max_by_key(|index| (owed[*index], std::cmp::Reverse(*index)));
        let best = best.unwrap_or(0);
        owed[best] -= sum;
        u8::try_from(best).unwrap_or(0)
    };
    (0..sum).map(next).collect()
}

fn gcd(one: u32, other: u32) -> u32 {
    match other {
        0 => one,
        _ => gcd(other, one % other),
    }
}

/// The same in every process, so that several of them agree.
fn salt(provider: &str, model: &str) -> u64 {
    let bytes = provider.bytes().chain([b'/']).chain(model.bytes());
    mix(fnv(bytes))
}

/// FNV-1a, 64 bits.
pub(crate) fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// Bits that have nothing to see of these.
fn mix(bits: u64) -> u64 {
    Dice::seeded(bits).roll()
}

/// A number above 0 and below 1.
fn even(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests;
