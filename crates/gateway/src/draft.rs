//! A provider in the making: first all that can fail, then what cannot.
//!
//! Promises: 1. until [`Draft::finish`] nothing that is in use has changed, so
//! that a configuration is taken whole or not at all; 2. a provider is known by
//! its name: its permits, queue, counts and budgets go on under new settings;
//! 3. what was learned of an upstream (connections, targets, breakers, keys)
//! goes on where it is the same upstream; 4. one whose settings stayed as they
//! were is the same provider still.

use std::collections::BTreeMap;
use std::sync::Arc;

use kernel::{BreakerSettings, Clock, LimitKind, LimitSettings, Pool, PoolSettings, Scope};
use tidegate_kernel as kernel;
use tidegate_sim::{Problem, Rules, Sim};

use crate::budgets::Budgets;
use crate::dialect::{Dialect, Ways};
use crate::events;
use crate::keys::{Key, Secrets};
use crate::load::Load;
use crate::provider::{Link, Provider, SIM, Terms};
use crate::settings::{
    KeySettings, OnUnsupported, Pick, ProviderSettings, RetrySettings, SimSettings, Slow, Timeouts,
};
use crate::target::{TargetSettings, Targets};
use crate::upstream::{self, Address, HttpUpstream, Trust};

/// What all providers of one configuration are told.
pub(crate) struct Context {
    pub(crate) clock: Clock,
    /// Tenants have numbers below this.
    pub(crate) tenants: usize,
    pub(crate) seed: u64,
    pub(crate) trust: Trust,
    /// Whose tasks fetch credentials.
    pub(crate) scope: Scope,
}

/// What every provider has, however it is reached.
struct Shape {
    dialect: Dialect,
    pool: PoolSettings,
    retry: RetrySettings,
    breaker: BreakerSettings,
    timeouts: Timeouts,
    slow: Slow,
    pick: Pick,
    models: Vec<String>,
    deployments: BTreeMap<String, String>,
    ways: Ways,
}

/// See the module's text.
pub(crate) struct Draft {
    name: Arc<str>,
    shape: Shape,
    link: Link,
    keys: Vec<Arc<Key>>,
    secrets: Secrets,
    /// Who has the name until now.
    old: Option<Arc<Provider>>,
    /// Whether `link` is the old one's.
    kept: bool,
    /// Other rules for the simulated model.
    rules: Option<Rules>,
}

impl Draft {
    /// # Errors
    /// What cannot be used, such as a file of certificates.
    pub(crate) fn http(
        settings: ProviderSettings,
        old: Option<Arc<Provider>>,
        context: &Context,
    ) -> Result<Self, String> {
        let name: Arc<str> = match &old {
            Some(old) => Arc::clone(&old.name),
            None => Arc::from(settings.name.as_str()),
        };
        let roots = match &settings.ca_file {
            // The services that lend a credential are reached by TLS too.
            Some(file) if settings.base.tls || settings.aws.is_some() => upstream::roots(file)?,
            _ => Vec::new(),
        };
        let address = Address {
            dialect: settings.dialect,
            base: settings.base,
            api_version: settings.api_version,
            account: settings.aws,
        };
        let known = old.as_deref().and_then(|old| match &old.link {
            Link::Http(http) if http.is(&address, &roots) => Some(Arc::clone(http)),
            _ => None,
        });
        let kept = known.is_some();
        let http = match known {
            Some(known) => known,
            None => {
                let (trust, scope) = (&context.trust, &context.scope);
                let clock = context.clock;
                Arc::new(HttpUpstream::new(address, roots, trust, clock, scope)?)
            }
        };
        let secrets = Secrets::of(&settings.keys, http.settings(), http.lender());
        let keys = keys(
            settings.keys,
            settings.dialect,
            old.as_deref().filter(|_| kept),
            context,
        )?;
        let shape = Shape {
            dialect: settings.dialect,
            pool: settings.pool,
            retry: settings.retry,
            breaker: settings.breaker,
            timeouts: settings.timeouts,
            slow: settings.slow,
            pick: settings.pick,
            models: settings.models,
            deployments: settings.deployments,
            ways: Ways {
                ask_usage: settings.ask_usage,
                on_unsupported: settings.on_unsupported,
                responses: settings.responses,
                max_tokens: settings.max_tokens,
            },
        };
        Ok(Self {
            name,
            shape,
            link: Link::Http(http),
            keys,
            secrets,
            old,
            kept,
            rules: None,
        })
    }

    /// The built-in one.
    ///
    /// # Errors
    /// What is wrong with its script.
    pub(crate) fn sim(
        settings: SimSettings,
        old: Option<Arc<Provider>>,
        context: &Context,
    ) -> Result<Self, String> {
        let known = old.as_deref().and_then(|old| match &old.link {
            Link::Sim(sim) => Some(sim.clone()),
            Link::Http(_) => None,
        });
        let kept = known.is_some();
        let sim = known.unwrap_or_else(|| Sim::new(context.clock));
        let rules = Rules::read(&settings.script).map_err(|problems| {
            let first = problems.first();
            let of = |first: &Problem| format!("{}:{} {}", first.line, first.column, first.what);
            format!(
                "providers.sim.script: {}",
                first.map(of).unwrap_or_default()
            )
        })?;
        let listed = rules.models().into_iter().map(str::to_owned);
        let models = Sim::models().iter().map(|name| (*name).to_owned());
        let models = models.chain(listed).collect();
        // The same ones go on counting.
        let rules = Some(rules).filter(|rules| !sim.follows(rules));
        let link = Link::Sim(sim);
        let keys = keys(
            Vec::new(),
            Dialect::OpenAi,
            old.as_deref().filter(|_| kept),
            context,
        )?;
        let shape = Shape {
            pool: settings.pool,
            retry: settings.retry,
            breaker: settings.breaker,
            timeouts: settings.timeouts,
            // Its models take as long as their names say.
            slow: Slow::default(),
            dialect: Dialect::OpenAi,
            pick: Pick::default(),
            models,
            deployments: BTreeMap::new(),
            // The simulated model speaks what all who follow OpenAI speak.
            ways: Ways {
                ask_usage: true,
                on_unsupported: OnUnsupported::default(),
                responses: false,
                max_tokens: 0,
            },
        };
        Ok(Self {
            name: Arc::from(SIM),
            shape,
            link,
            keys,
            secrets: Secrets::default(),
            old,
            kept,
            rules,
        })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Whether the configuration says of it what it said before.
    pub(crate) fn is_unchanged(&self) -> bool {
        let Some(old) = self.old.as_deref().filter(|_| self.kept) else {
            return false;
        };
        let Shape {
            dialect: _,
            pool,
            retry,
            breaker,
            timeouts,
            slow,
            pick,
            models,
            deployments,
            ways,
        } = &self.shape;
        let (known, terms) = (old.targets.keys(), old.terms);
        self.rules.is_none()
            && known.len() == self.keys.len()
            && known.iter().zip(&self.keys).all(|(a, b)| Arc::ptr_eq(a, b))
            && (terms.pool, terms.breaker, terms.pick) == (*pool, *breaker, *pick)
            && (old.retry, old.timeouts) == (*retry, *timeouts)
            && (&old.models, &old.deployments, &old.slow) == (models, deployments, slow)
            && old.ways == *ways
    }

    /// Whether its upstream can be asked for a model of this name.
    pub(crate) fn takes(&self, model: &str) -> bool {
        match &self.link {
            Link::Http(http) => {
                let known = self.shape.deployments.get(model);
                http.fits(known.map_or(model, String::as_str))
            }
            // Its script may have other rules by then.
            Link::Sim(_) => true,
        }
    }

    /// The provider; what it shares with the one before it is changed in place.
    pub(crate) fn finish(self, context: &Context) -> Arc<Provider> {
        match &self.old {
            Some(old) if self.is_unchanged() && old.budgets.tenants() == context.tenants => {
                Arc::clone(old)
            }
            _ => Arc::new(self.build(context)),
        }
    }

    fn build(mut self, context: &Context) -> Provider {
        if let (Link::Sim(sim), Some(rules)) = (&self.link, self.rules.take()) {
            sim.replace_script(rules);
        }
        self.made(context)
    }

    fn made(self, context: &Context) -> Provider {
        let clock = context.clock;
        let Self {
            name,
            shape,
            link,
            keys,
            secrets,
            old,
            kept,
            rules: _,
        } = self;
        let old = old.as_deref();
        keys.iter().for_each(|key| events::of_key(&name, key));
        // An adaptive limit belongs to each target: the provider's own then
        // only bounds their sum.
        let moves = shape.pool.limit.kind == LimitKind::Adaptive;
        let gate = moves.then_some(shape.pool);
        let targets = TargetSettings {
            keys,
            pick: shape.pick,
            breaker: shape.breaker,
            gate,
            seed: context.seed,
            born: events::of_targets(&name),
        };
        let targets = Targets::new(targets, clock);
        let learned = old.filter(|_| kept);
        if let Some(old) = learned {
            targets.take_over(&old.targets);
        }
        if let Link::Http(http) = &link {
            http.idle().resize(shape.pool.size);
        }
        let budget = shape.retry.budget;
        Provider {
            pool: pool(&name, &shape.pool, old, clock),
            targets,
            budgets: match old {
                Some(old) => old.budgets.reshaped(budget, context.tenants, clock),
                None => Budgets::new(budget, context.tenants, clock),
            },
            pausing: old.map_or_else(Arc::default, |old| Arc::clone(&old.pausing)),
            // Also where nobody may queue: each of them had a permit before.
            places: shape.pool.queue.max(shape.pool.size),
            max_wait: shape.pool.max_wait,
            rate_limit: learned.map_or_else(Arc::default, |old| Arc::clone(&old.rate_limit)),
            running: old.map_or_else(Arc::default, |old| Arc::clone(&old.running)),
            heeds: moves,
            retry: shape.retry,
            timeouts: shape.timeouts,
            slow: shape.slow,
            dialect: shape.dialect,
            ways: shape.ways,
            models: shape.models,
            deployments: shape.deployments,
            terms: Terms {
                pool: shape.pool,
                breaker: shape.breaker,
                pick: shape.pick,
            },
            link,
            meter: old.map_or_else(Arc::default, |old| Arc::clone(&old.meter)),
            load: match learned {
                Some(old) => Arc::clone(&old.load),
                None => Arc::new(Load::new(clock.now())),
            },
            secrets,
            name,
        }
    }
}

/// The keys, those among them that `old` has as they were. An upstream that
/// wants none has one that says nothing.
fn keys(
    wanted: Vec<KeySettings>,
    dialect: Dialect,
    old: Option<&Provider>,
    context: &Context,
) -> Result<Vec<Arc<Key>>, String> {
    let known = old.map_or(&[][..], |old| old.targets.keys());
    if !wanted.is_empty() {
        let next = |key| Key::next(key, known, dialect, context.clock);
        return wanted.into_iter().map(next).collect();
    }
    match known {
        [none] if none.credential.is_none() => Ok(vec![Arc::clone(none)]),
        _ => Ok(vec![Arc::new(Key::new(None, dialect, context.clock)?)]),
    }
}

/// The permits of a name, resized in place where there are some.
fn pool(name: &Arc<str>, settings: &PoolSettings, old: Option<&Provider>, clock: Clock) -> Pool {
    let sum = PoolSettings {
        limit: LimitSettings::fixed(settings.limit.max),
        ..*settings
    };
    let settings = match settings.limit.kind {
        LimitKind::Adaptive => sum,
        LimitKind::Fixed | LimitKind::Scaled => *settings,
    };
    match old {
        Some(old) => {
            old.pool.apply(settings);
            old.pool.clone()
        }
        None => {
            let pool = Pool::new(settings, clock);
            events::of_pool(name, &pool);
            pool
        }
    }
}
