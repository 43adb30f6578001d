//! What one configuration says: one value, never changed, swapped whole.
//!
//! Promises: 1. a setup that cannot be built has changed nothing; 2. built after
//! another one it takes over what goes on (see `draft`), and the call that
//! began under the other one ends under it.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{ByteBudget, RetryBudget};
use tidegate_kernel as kernel;
use tidegate_wire::json::Limits;

use crate::cache::Cache;
use crate::catalogue::{Catalogue, Facts};
use crate::draft::{Context, Draft};
use crate::house::House;
use crate::provider::{Provider, SIM};
use crate::route::Routes;
use crate::settings::{Bounds, CacheSettings, RouteSettings, Settings};
use crate::upstream::Trust;

/// See the module's text.
pub(crate) struct Setup {
    pub(crate) routes: Routes,
    pub(crate) catalogue: Catalogue,
    /// Answers that are kept, and what they are good for.
    pub(crate) cache: Option<Arc<Cache>>,
    basis: Basis,
    pub(crate) limits: Limits,
    pub(crate) bounds: Bounds,
    /// What retries may add to the requests of the whole process.
    pub(crate) budget: RetryBudget,
    /// The part of the bodies that each tenant may hold, by its number; none
    /// where there is one tenant only.
    pub(crate) parts: Box<[ByteBudget]>,
}

/// What of a configuration decides answers, and whose they are, beside the
/// providers themselves.
#[derive(PartialEq)]
struct Basis {
    cache: Option<CacheSettings>,
    era: u64,
    routes: Vec<RouteSettings>,
    default_provider: Option<String>,
    catalogue: BTreeMap<String, Facts>,
}

/// What a new configuration changed, by the names of the providers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Those that were not there.
    pub added: Vec<String>,
    /// Those of which something else is said now.
    pub changed: Vec<String>,
    /// Those that are gone for new calls.
    pub removed: Vec<String>,
}

impl Changes {
    /// What these change, but for who is gone.
    fn by(drafts: &[Draft], old: Option<&Setup>) -> Self {
        let listed = |name: &str| old.is_some_and(|old| old.routes.named(name).is_some());
        let mut changes = Self::default();
        for draft in drafts {
            match listed(draft.name()) {
                false => changes.added.push(draft.name().to_owned()),
                true if !draft.is_unchanged() => changes.changed.push(draft.name().to_owned()),
                true => {}
            }
        }
        changes
    }
}

impl Setup {
    /// What is known of a model that this provider lists under this name.
    pub(crate) fn facts(&self, provider: &str, id: &str) -> Facts {
        let prefixed = id.strip_prefix(provider);
        let model = prefixed
            .and_then(|rest| rest.strip_prefix('/'))
            .unwrap_or(id);
        let Some(known) = self.routes.named(provider) else {
            return Facts::default();
        };
        self.facts_of(known, model)
    }

    /// What is known of this provider's model.
    pub(crate) fn facts_of(&self, provider: &Provider, model: &str) -> Facts {
        facts_of(&self.catalogue, provider, model)
    }

    /// The setup for `settings`, after `old` if there is one.
    ///
    /// # Errors
    /// What cannot be used, with the provider's name.
    pub(crate) fn build(
        settings: Settings,
        limits: Limits,
        old: Option<&Self>,
        house: &House,
    ) -> Result<(Self, Changes), String> {
        let (numbers, basis) = (numbers(&settings.tenants), Basis::of(&settings));
        let context = Context {
            clock: house.clock,
            tenants: numbers.max(1),
            seed: house.seed,
            trust: Trust::default(),
            scope: house.scope.clone(),
        };
        // One that is gone for new calls may still have some: it comes back.
        let known = |name: &str| match old.and_then(|old| old.routes.named(name)) {
            Some(known) => Some(Arc::clone(known)),
            None => house.roster.named(name),
        };
        let catalogue = Catalogue::new(settings.catalogue);
        let mut drafts = Vec::with_capacity(settings.providers.len() + 1);
        for one in settings.providers {
            let (name, old) = (one.name.clone(), known(&one.name));
            let draft = Draft::http(one, old, &context);
            drafts.push(draft.map_err(|why| format!("providers.{name}: {why}"))?);
        }
        if let Some(sim) = settings.sim {
            drafts.push(Draft::sim(sim, known(SIM), &context)?);
        }
        let named = |name: &str| drafts.iter().find(|draft| draft.name() == name);
        Routes::check(&settings.routes, |name, model| {
            Some(named(name)?.takes(model))
        })?;
        // From here on nothing can fail.
        let mut changes = Changes::by(&drafts, old);
        let providers: Vec<_> = drafts
            .into_iter()
            .map(|draft| draft.finish(&context))
            .collect();
        house.join(&providers);
        let routes = Routes::new(providers, settings.default_provider.as_deref());
        let facts = |provider: &Provider, model: &str| facts_of(&catalogue, provider, model);
        let routes = routes.with(&settings.routes, facts, house.seed);
        let gone = old.map_or(&[][..], |old| old.routes.providers());
        let gone = gone.iter().filter(|one| routes.named(&one.name).is_none());
        changes.removed = gone.map(|one| one.name.to_string()).collect();
        house.bodies.set_limit(settings.bounds.bodies);
        let setup = Self {
            routes,
            catalogue,
            cache: basis.cache(&changes, old, (house, settings.bounds.event)),
            basis,
            limits,
            bounds: settings.bounds,
            budget: match old {
                Some(old) => old.budget.reshaped(settings.budget),
                None => RetryBudget::new(settings.budget, house.clock),
            },
            parts: match settings.tenants.len() > 1 {
                false => Box::default(),
                true => parts(numbers, settings.bounds.bodies, old),
            },
        };
        Ok((setup, changes))
    }
}

/// So many numbers tenants have, from 0.
fn numbers(tenants: &[u64]) -> usize {
    let most = tenants.iter().copied().max();
    most.map_or(0, |most| usize::try_from(most).map_or(0, |n| n + 1))
}

impl Basis {
    fn of(settings: &Settings) -> Self {
        Self {
            cache: settings.cache,
            era: settings.era,
            routes: settings.routes.clone(),
            default_provider: settings.default_provider.clone(),
            catalogue: settings.catalogue.clone(),
        }
    }

    /// The cache goes on where nothing that it depends on has changed.
    fn cache(
        &self,
        changes: &Changes,
        old: Option<&Setup>,
        (house, event): (&House, usize),
    ) -> Option<Arc<Cache>> {
        let wanted = self.cache?;
        let same = |old: &&Setup| *changes == Changes::default() && old.basis == *self;
        let known = old.filter(same).and_then(|old| old.cache.clone());
        Some(known.unwrap_or_else(|| Arc::new(Cache::new(wanted, event, house.clock))))
    }
}

fn facts_of(catalogue: &Catalogue, provider: &Provider, model: &str) -> Facts {
    let upstream_name = provider.upstream_name(model);
    catalogue.facts(&provider.name, provider.host(), model, upstream_name)
}

/// Half of all for each: one alone fills it neither for the others nor in vain.
fn parts(tenants: usize, bodies: u64, old: Option<&Setup>) -> Box<[ByteBudget]> {
    let known = old.map_or(&[][..], |old| &old.parts);
    let part = |number: usize| match known.get(number) {
        Some(known) => {
            known.set_limit(bodies / 2);
            known.clone()
        }
        None => ByteBudget::new(bodies / 2),
    };
    (0..tenants).map(part).collect()
}
