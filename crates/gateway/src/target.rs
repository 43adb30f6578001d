//! The targets of one provider: a model with one of its keys.
//!
//! Promises: 1. a target that fails is left alone by its own breaker, and no
//! other target with it (R-D8); 2. with an adaptive pool each target has a
//! limit and a queue of its own, so that a slow model does not take the places
//! of a fast one; 3. callers choose the names of models: what is remembered is
//! bounded, and names beyond it share one set of targets.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kernel::sync::Mutex;
use kernel::{
    Breaker, BreakerSettings, Clock, Dice, Instant, Labels, Observe, Pool, PoolSettings, Visitor,
};
use tidegate_kernel as kernel;

use crate::burden::Burden;
use crate::keys::{Key, Unfit, Until};
use crate::names;
use crate::settings::Pick;
use crate::upstream::RETRY_AFTER_CAP;

/// Models remembered at most, by provider.
const MOST_MODELS: usize = 256;

/// What the models beyond [`MOST_MODELS`] are called together.
pub(crate) const OTHERS: &str = "(others)";

/// A model with one key.
pub(crate) struct Target {
    /// The model as the upstream knows it.
    pub(crate) model: Arc<str>,
    pub(crate) key: Arc<Key>,
    /// The place of the key in its provider's list.
    pub(crate) index: usize,
    pub(crate) breaker: Breaker,
    /// Until when it rests, because the upstream limited its rate.
    rests: Arc<Until>,
    /// Its own limit, where the provider's pool is adaptive.
    pub(crate) gate: Option<Pool>,
    pub(crate) burden: Arc<Burden>,
}

/// See the module's text.
pub(crate) struct Targets {
    keys: Vec<Arc<Key>>,
    pick: Pick,
    breaker: BreakerSettings,
    gate: Option<PoolSettings>,
    models: Mutex<HashMap<Arc<str>, Set>>,
    /// Those that a route holds on to, and that are not forgotten therefore.
    pinned: Mutex<HashSet<Arc<str>>>,
    turn: AtomicUsize,
    dice: Dice,
    clock: Clock,
    /// Told of every target that is made, so that its events can be logged.
    born: Box<dyn Fn(&Target) + Send + Sync>,
}

/// The targets of one model, one a key.
pub(crate) type Set = Arc<[Arc<Target>]>;

/// Where a model that was not known can be remembered.
enum Room {
    Free,
    /// In the place of this one.
    Of(Arc<str>),
    /// Nowhere: it is one of [`OTHERS`].
    None,
}

/// The keys that one request has tried, by their places.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tried {
    /// The last one: another is better, if there is one.
    pub(crate) last: Option<usize>,
    /// Those that do not take this request, whenever it comes; a bit each.
    bars: u64,
}

impl Tried {
    /// The key at `index` does not take this request. Beyond 64 keys nobody is
    /// barred; the bound on attempts then ends it.
    pub(crate) fn bar(&mut self, index: usize) {
        self.bars |= bit(index);
    }

    fn barred(self, index: usize) -> bool {
        self.bars & bit(index) != 0
    }
}

fn bit(index: usize) -> u64 {
    u32::try_from(index)
        .ok()
        .and_then(|index| 1_u64.checked_shl(index))
        .unwrap_or(0)
}

/// Nobody can be asked now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nobody {
    /// Every target is left alone; the next look is taken then.
    Open(Duration),
    /// Every target rests until the upstream takes more.
    Rests(Duration),
    /// Every key that would do is out of use.
    Unfit(Unfit),
}

impl Nobody {
    /// When it is worth asking again.
    pub(crate) fn after(self) -> Duration {
        match self {
            Self::Open(after)
            | Self::Rests(after)
            | Self::Unfit(Unfit::Spent(after) | Unfit::Refused(after)) => after,
        }
    }

    /// Of two, the one to tell: whoever is back sooner, if he is back by
    /// himself; a key that somebody must correct comes last.
    pub(crate) fn sooner(self, other: Self) -> Self {
        let rank = |one: Self| match one {
            Self::Open(_) | Self::Rests(_) => 0,
            Self::Unfit(Unfit::Spent(_)) => 1,
            Self::Unfit(Unfit::Refused(_)) => 2,
        };
        match (rank(self), self.after()) <= (rank(other), other.after()) {
            true => self,
            false => other,
        }
    }
}

/// Whether one of these may be asked now.
///
/// # Errors
/// When the first of them is back.
pub(crate) fn fit_of(targets: &[Arc<Target>], now: Instant) -> Result<(), Nobody> {
    let mut nobody: Option<Nobody> = None;
    for target in targets {
        match target.fit(now) {
            Ok(()) => return Ok(()),
            Err(no) => nobody = Some(nobody.map_or(no, |known| known.sooner(no))),
        }
    }
    Err(nobody.unwrap_or(Nobody::Open(Duration::from_secs(1))))
}

/// What all targets of one provider have in common.
pub(crate) struct TargetSettings {
    pub(crate) keys: Vec<Arc<Key>>,
    pub(crate) pick: Pick,
    pub(crate) breaker: BreakerSettings,
    /// The pool before each target, where there is one.
    pub(crate) gate: Option<PoolSettings>,
    pub(crate) seed: u64,
    pub(crate) born: Box<dyn Fn(&Target) + Send + Sync>,
}

impl Targets {
    pub(crate) fn new(settings: TargetSettings, clock: Clock) -> Self {
        Self {
            keys: settings.keys,
            pick: settings.pick,
            breaker: settings.breaker,
            gate: settings.gate,
            models: Mutex::new(HashMap::new()),
            pinned: Mutex::new(HashSet::new()),
            turn: AtomicUsize::new(0),
            dice: Dice::seeded(settings.seed),
            clock,
            born: settings.born,
        }
    }

    pub(crate) fn keys(&self) -> &[Arc<Key>] {
        &self.keys
    }

    /// The targets of one model, one a key.
    pub(crate) fn of(&self, model: &str) -> Set {
        if let Some(known) = self.models.lock().get(model) {
            return Arc::clone(known);
        }
        let known = self.models.lock().len();
        let room = match known < MOST_MODELS {
            true => Room::Free,
            false => self.idle().map_or(Room::None, Room::Of),
        };
        let made = match room {
            Room::None => self.make(OTHERS),
            Room::Free | Room::Of(_) => self.make(model),
        };
        let (targets, evicted) = self.keep(made, room);
        drop(evicted);
        targets
    }

    /// The same, which stay those of this model from here on: it is not forgotten.
    pub(crate) fn pin(&self, model: &str) -> Set {
        let targets = self.of(model);
        if let Some(target) = targets.first() {
            self.pinned.lock().insert(Arc::clone(&target.model));
        }
        targets
    }

    /// A model that nobody uses just now: rather one that never answered, or
    /// whoever invents names would have those forgotten that others use. Looked
    /// at outside the lock, since a breaker has one of its own.
    fn idle(&self) -> Option<Arc<str>> {
        let now = self.clock.now();
        let known: Vec<_> = self.models.lock().values().cloned().collect();
        let pinned = self.pinned.lock().clone();
        let idle = known.iter().filter(|one| {
            one.iter()
                .all(|target| target.is_idle(now) && !pinned.contains(&target.model))
        });
        let worth = |one: &&Set| one.iter().map(|target| target.burden.worth()).max();
        let least = idle.min_by_key(worth)?;
        Some(Arc::clone(&least.first()?.model))
    }

    /// Remembers what was made, unless another call was quicker.
    fn keep(&self, made: Set, room: Room) -> (Set, Option<Set>) {
        let Some(name) = made.first().map(|one| Arc::clone(&one.model)) else {
            return (made, None);
        };
        let mut models = self.models.lock();
        if let Some(known) = models.get(&name) {
            return (Arc::clone(known), None);
        }
        let evicted = match room {
            Room::Of(idle) => models.remove(&idle),
            Room::Free | Room::None => None,
        };
        models.insert(name, Arc::clone(&made));
        drop(models);
        made.iter().for_each(|target| (self.born)(target));
        (made, evicted)
    }

    fn make(&self, model: &str) -> Set {
        let model: Arc<str> = Arc::from(model);
        let keys = self.keys.iter().enumerate();
        let targets = keys.map(|(index, key)| Arc::new(self.target(&model, index, key)));
        targets.collect()
    }

    fn target(&self, model: &Arc<str>, index: usize, key: &Arc<Key>) -> Target {
        // Two breakers shall not be probed in step.
        let seed = self.dice.roll();
        let breaker = BreakerSettings {
            seed,
            ..self.breaker
        };
        Target {
            model: Arc::clone(model),
            key: Arc::clone(key),
            index,
            breaker: Breaker::new(breaker, self.clock),
            gate: self.gate.map(|gate| Pool::new(gate, self.clock)),
            rests: Arc::new(Until::new(self.clock.now())),
            burden: Arc::new(Burden::new(self.clock.now())),
        }
    }

    /// Takes over what `old` knows of its models, each with the keys that there
    /// still are. Whoever holds one of its targets shares what is learned.
    pub(crate) fn take_over(&self, old: &Self) {
        let known: Vec<_> = old.models.lock().values().cloned().collect();
        let taken = known.iter().filter_map(|set| {
            let model = &set.first()?.model;
            let keys = self.keys.iter().enumerate();
            let next = |(index, key): (usize, &Arc<Key>)| {
                let fresh = self.target(model, index, key);
                let same = set.iter().find(|known| known.key.is(key));
                Arc::new(match same {
                    Some(known) => fresh.taking_over(known, self.breaker == old.breaker, self.gate),
                    None => fresh,
                })
            };
            Some((Arc::clone(model), keys.map(next).collect::<Set>()))
        });
        let taken: Vec<_> = taken.collect();
        let targets = taken.iter().flat_map(|(_, set)| set.iter());
        targets.for_each(|target| (self.born)(target));
        self.models.lock().extend(taken);
    }

    /// Who is asked next: fit, not left alone, and not the last one again if
    /// another will do. It is a look without a promise: the breaker has the last word.
    pub(crate) fn choose(
        &self,
        targets: &[Arc<Target>],
        tried: Tried,
    ) -> Result<Arc<Target>, Nobody> {
        let now = self.clock.now();
        let mut nobody: Option<Nobody> = None;
        let mut avoided = None;
        for index in self.order(targets, now) {
            let Some(target) = targets.get(index) else {
                continue;
            };
            match target.fit(now) {
                _ if tried.barred(index) => {}
                Ok(()) if tried.last == Some(index) => avoided = Some(target),
                Ok(()) => return Ok(Arc::clone(target)),
                Err(no) => nobody = Some(nobody.map_or(no, |known| known.sooner(no))),
            }
        }
        match (avoided, nobody) {
            (Some(target), _) => Ok(Arc::clone(target)),
            (None, Some(no)) => Err(no),
            (None, None) => Err(Nobody::Open(Duration::from_secs(1))),
        }
    }

    /// All of them, the one to try first in front.
    fn order(&self, targets: &[Arc<Target>], now: Instant) -> impl Iterator<Item = usize> + use<> {
        let count = targets.len().max(1);
        let first = match self.pick {
            _ if count == 1 => 0,
            Pick::RoundRobin => self.turn.fetch_add(1, Ordering::Relaxed) % count,
            Pick::Weight => self.by_weight(targets),
            Pick::Load => self.less_loaded(targets, now),
        };
        (0..targets.len()).map(move |step| (first + step) % count)
    }

    fn by_weight(&self, targets: &[Arc<Target>]) -> usize {
        let fits = |target: &Arc<Target>| match target.fit(self.clock.now()) {
            Ok(()) => u64::from(target.key.weight),
            Err(_) => 0,
        };
        let weights: Vec<u64> = targets.iter().map(fits).collect();
        let sum = weights.iter().sum::<u64>().max(1);
        let mut at = self.dice.roll() % sum;
        for (index, weight) in weights.iter().enumerate() {
            if at < *weight {
                return index;
            }
            at -= weight;
        }
        0
    }

    /// Of two that the dice chose among those that are fit, the one with less
    /// to do: the power of two choices (Mitzenmacher 2001). A look at all of
    /// them would send everybody to the same one.
    fn less_loaded(&self, targets: &[Arc<Target>], now: Instant) -> usize {
        let fit: Vec<usize> = (0..targets.len())
            .filter(|index| targets[*index].fit(now).is_ok())
            .collect();
        let count = fit.len() as u64;
        let roll = self.dice.roll();
        match count {
            0 => 0,
            1 => fit[0],
            _ => {
                let one = (roll >> 32) % count;
                let two = (one + 1 + (roll & 0xffff_ffff) % (count - 1)) % count;
                let (one, two) = (fit[one as usize], fit[two as usize]);
                let load = |index: usize| targets[index].burden.weigh(now);
                if load(one) <= load(two) { one } else { two }
            }
        }
    }

    /// Everything that is remembered.
    pub(crate) fn all(&self) -> Vec<Arc<Target>> {
        let models = self.models.lock();
        models
            .values()
            .flat_map(|all| all.iter().cloned())
            .collect()
    }
}

impl Observe for Targets {
    /// Those that are remembered, by model and key, and the keys.
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let now = self.clock.now();
        let usable = |fits| f64::from(u8::from(fits));
        for target in self.all() {
            let own = [("model", &*target.model), ("key", &*target.key.name)];
            let labels = [labels, &own].concat();
            target.breaker.observe(&labels, to);
            if let Some(gate) = &target.gate {
                gate.observe(&labels, to);
            }
            to.gauge(
                names::TARGET_USABLE,
                &labels,
                usable(target.fit(now).is_ok()),
            );
        }
        for key in &self.keys {
            let labels = [labels, &[("key", &*key.name)]].concat();
            to.gauge(names::KEY_USABLE, &labels, usable(key.fit(now).is_ok()));
        }
    }
}

impl Target {
    /// This one with what is known of `old`, the same model with the same key.
    fn taking_over(self, old: &Self, breaker: bool, gate: Option<PoolSettings>) -> Self {
        let known = gate.and_then(|settings| {
            let known = old.gate.clone()?;
            known.apply(settings);
            Some(known)
        });
        Self {
            breaker: match breaker {
                true => old.breaker.clone(),
                false => self.breaker,
            },
            gate: known.or(self.gate),
            rests: Arc::clone(&old.rests),
            burden: Arc::clone(&old.burden),
            ..self
        }
    }

    /// It rests for `after`, or longer if it was told so before (row 1).
    pub(crate) fn rest(&self, after: Duration, now: Instant) {
        self.rests.extend(now + after.min(RETRY_AFTER_CAP));
    }

    /// How long it rests yet.
    pub(crate) fn rests(&self, now: Instant) -> Duration {
        self.rests.left(now)
    }

    /// Whether nothing would be lost by forgetting it but its averages.
    fn is_idle(&self, now: Instant) -> bool {
        &*self.model != OTHERS
            && self.burden.pending() == 0
            && self.breaker.retry_after().is_zero()
            && self.rests(now).is_zero()
            && self
                .gate
                .as_ref()
                .is_none_or(|gate| gate.stats().waiting == 0)
    }

    /// Whether it may be asked now.
    pub(crate) fn fit(&self, now: Instant) -> Result<(), Nobody> {
        self.key.fit(now).map_err(Nobody::Unfit)?;
        let rests = self.rests.left(now);
        if !rests.is_zero() {
            return Err(Nobody::Rests(rests));
        }
        match self.breaker.retry_after() {
            Duration::ZERO => Ok(()),
            after => Err(Nobody::Open(after)),
        }
    }
}

#[cfg(test)]
mod tests;
