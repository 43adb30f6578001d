//! From a model's name to who answers it (contracts 6).
//!
//! `provider/model` if the prefix is a provider; else a configured route; else who
//! lists the name, in file order; else the default provider, if it permits it; else
//! the simulated provider for its own names; else 404 with the names that come near.
//! A route is steps of targets (`step`), over which each request has its own way
//! (`course`).

mod course;
mod step;

use std::sync::Arc;

use kernel::{Clock, Dice};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::catalogue::Facts;
use crate::errand::not_simulated;
use crate::failure::Failure;
use crate::provider::{Link, Provider, SIM};
use crate::settings::{MOST_MEMBERS, RouteSettings, RouteTarget, Strategy};

pub(crate) use course::{Course, Exhausted, Policy};
use step::{Member, Step};
pub(crate) use step::{Wish, fnv};

/// What a route's name is listed under, in place of a provider's.
const LISTED_AS: &str = "route";

/// The providers in file order, who takes unlisted names, and the routes.
pub(crate) struct Routes {
    providers: Vec<Arc<Provider>>,
    default: Option<Arc<Provider>>,
    routes: Vec<Arc<Route>>,
}

/// A name that stands for several targets.
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) policy: Policy,
    steps: Vec<Arc<Step>>,
    pub(crate) shadow: Option<Shadow>,
}

/// Who is asked beside a route's targets.
pub(crate) struct Shadow {
    /// As a caller would ask for it.
    pub(crate) target: Arc<str>,
    percent: u64,
    dice: Dice,
}

impl Shadow {
    /// Whether this call has one.
    pub(crate) fn falls(&self) -> bool {
        self.dice.below(100) < self.percent
    }
}

/// Who a name stands for.
pub(crate) enum Found<'a> {
    Target(Target<'a>),
    Route(&'a Arc<Route>),
}

/// Whom to ask, and for which model.
pub(crate) struct Target<'a> {
    pub(crate) provider: &'a Arc<Provider>,
    pub(crate) model: &'a str,
}

impl Routes {
    pub(crate) fn new(providers: Vec<Arc<Provider>>, default: Option<&str>) -> Self {
        let default = providers
            .iter()
            .find(|known| Some(&*known.name) == default)
            .cloned();
        Self {
            providers,
            default,
            routes: Vec::new(),
        }
    }

    /// Whether these routes can be made; `takes` says of a provider, if there is
    /// one of that name, whether it can be asked for a model.
    ///
    /// # Errors
    /// A target that there is not, or a step that is empty or too large.
    pub(crate) fn check(
        routes: &[RouteSettings],
        takes: impl Fn(&str, &str) -> Option<bool>,
    ) -> Result<(), String> {
        for RouteSettings {
            name,
            steps,
            shadow,
            ..
        } in routes
        {
            let shadow = shadow.iter().map(|shadow| &shadow.target);
            for target in steps.iter().flatten().chain(shadow) {
                let (provider, model) = (&target.provider, &target.model);
                let what = match takes(provider, model) {
                    Some(true) => continue,
                    Some(false) => "cannot have a model of this name",
                    None => "is no provider",
                };
                return Err(format!(
                    "routes.{name}: {provider}/{model}: `{provider}` {what}"
                ));
            }
            let fits = |step: &Vec<RouteTarget>| (1..=MOST_MEMBERS).contains(&step.len());
            if steps.is_empty() || !steps.iter().all(fits) {
                return Err(format!(
                    "routes.{name}: a step has 1 to {MOST_MEMBERS} targets"
                ));
            }
        }
        Ok(())
    }

    /// The same with these routes, which were checked; `facts` are of a provider's
    /// model.
    pub(crate) fn with(
        mut self,
        routes: &[RouteSettings],
        facts: impl Fn(&Provider, &str) -> Facts,
        seed: u64,
    ) -> Self {
        let built = routes.iter().map(|one| self.route(one, &facts, seed));
        self.routes = built.collect();
        self
    }

    fn route(
        &self,
        settings: &RouteSettings,
        facts: &impl Fn(&Provider, &str) -> Facts,
        seed: u64,
    ) -> Arc<Route> {
        let member = |target: &RouteTarget| {
            let known = self.named(&target.provider)?;
            let facts = facts(known, &target.model);
            let member = Member::lasting(Arc::clone(known), &target.model, target.weight, facts);
            Some(member)
        };
        let steps = settings.steps.iter().enumerate().map(|(at, targets)| {
            let members = targets.iter().filter_map(member).collect();
            let seed = seed ^ fnv(settings.name.bytes()).wrapping_add(at as u64);
            Arc::new(Step::new(settings.strategy, members, seed))
        });
        Arc::new(Route {
            name: settings.name.as_str().into(),
            policy: Policy::of(settings),
            steps: steps.collect(),
            shadow: settings.shadow.as_ref().map(|shadow| Shadow {
                target: format!("{}/{}", shadow.target.provider, shadow.target.model).into(),
                percent: u64::from(shadow.percent),
                dice: Dice::seeded(seed),
            }),
        })
    }

    pub(crate) fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }

    /// The provider of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|known| &*known.name == name)
    }

    /// Who a name stands for.
    pub(crate) fn find<'a>(&'a self, model: &'a str) -> Result<Found<'a>, Failure> {
        let route = || self.routes.iter().find(|route| &*route.name == model);
        let prefix = model.split_once('/').map(|(prefix, _)| prefix);
        let prefixed = prefix.is_some_and(|prefix| self.named(prefix).is_some());
        match route().filter(|_| !prefixed) {
            Some(route) => Ok(Found::Route(route)),
            None => self.target(model).map(Found::Target),
        }
    }

    /// The way of a request for `model`, and for each of `fallbacks` behind it; none
    /// where there is one target only, and no more to be said of it.
    ///
    /// # Errors
    /// A name that nobody answers.
    pub(crate) fn course(
        &self,
        model: &str,
        fallbacks: &[String],
        facts: impl Fn(&Provider, &str) -> Facts,
    ) -> Result<(Vec<Arc<Step>>, Policy), Failure> {
        let mut steps = Vec::new();
        let mut policy = None;
        for name in [model]
            .into_iter()
            .chain(fallbacks.iter().map(String::as_str))
        {
            match self.find(name)? {
                Found::Route(route) => {
                    policy.get_or_insert(route.policy);
                    steps.extend(route.steps.iter().cloned());
                }
                Found::Target(Target { provider, model }) => {
                    let facts = facts(provider, model);
                    let member = Member::passing(Arc::clone(provider), model, facts);
                    let step = Step::new(Strategy::Weighted, vec![member], 0);
                    policy.get_or_insert_default();
                    steps.push(Arc::new(step));
                }
            }
        }
        Ok((steps, policy.unwrap_or_default()))
    }

    /// The one target that answers what cannot be asked of another one.
    ///
    /// # Errors
    /// A name that nobody answers.
    pub(crate) fn one(&self, model: &str) -> Result<(Arc<Provider>, Box<str>), Failure> {
        let route = match self.find(model)? {
            Found::Target(Target { provider, model }) => {
                return Ok((Arc::clone(provider), model.into()));
            }
            Found::Route(route) => route,
        };
        let steps = route.steps.iter().cloned();
        let mut course = Course::new(steps, route.policy, Wish::default());
        if let Ok(member) = course.next(Clock.now()) {
            return Ok((Arc::clone(&member.provider), member.model.clone()));
        }
        // They all rest: whoever is asked says so.
        let first = route.steps.first().and_then(|step| step.members().first());
        let first = first.map(|one| (Arc::clone(&one.provider), one.model.clone()));
        first.ok_or_else(|| self.unknown(model))
    }

    fn target<'a>(&'a self, model: &'a str) -> Result<Target<'a>, Failure> {
        if let Some((prefix, rest)) = model.split_once('/')
            && let Some(provider) = self.named(prefix)
        {
            return match provider.permits(rest) {
                true => Ok(Target {
                    provider,
                    model: rest,
                }),
                false => Err(self.unknown(model)),
            };
        }
        let lists = |provider: &&Arc<Provider>| provider.listed().any(|name| name == model);
        let sim = |provider: &&Arc<Provider>| &*provider.name == SIM;
        let real = || self.providers.iter().filter(|provider| !sim(provider));
        let provider = real()
            .find(lists)
            .or_else(|| {
                self.default
                    .as_ref()
                    .filter(|provider| provider.permits(model))
            })
            .or_else(|| {
                self.providers
                    .iter()
                    .find(sim)
                    .filter(|sim| sim.permits(model))
            });
        provider
            .map(|provider| Target { provider, model })
            .ok_or_else(|| self.unknown(model))
    }

    /// Who answers what names no model: the provider that its caller asks for,
    /// else the default one, else the first that has an upstream.
    pub(crate) fn unnamed(&self, asked: Option<&str>) -> Result<&Arc<Provider>, Failure> {
        let real = |provider: &&Arc<Provider>| {
            matches!(provider.link, Link::Http(_)) && provider.speaks().is_openai()
        };
        let Some(name) = asked else {
            let default = self.default.as_ref().filter(real);
            return default
                .or_else(|| self.providers.iter().find(real))
                .ok_or_else(not_simulated);
        };
        let found = self.providers.iter().find(|known| &*known.name == name);
        found.ok_or_else(|| {
            let names = self
                .providers
                .iter()
                .map(|known| format!("`{}`", known.name));
            let names = names.collect::<Vec<_>>().join(", ");
            let text = format!("`x-tidegate-provider` names no provider; there are {names}.");
            Failure::new(Code::InvalidHeader, text)
        })
    }

    /// Every name that can be asked for as it stands, with who answers it.
    pub(crate) fn listed(&self) -> Vec<(String, Arc<str>)> {
        let routes = self.routes.iter();
        let mut names: Vec<(String, Arc<str>)> = routes
            .map(|route| (route.name.to_string(), Arc::from(LISTED_AS)))
            .collect();
        for provider in &self.providers {
            for name in provider.listed() {
                let leads_here = matches!(
                    self.find(name),
                    Ok(Found::Target(target)) if Arc::ptr_eq(target.provider, provider)
                );
                let name = match leads_here {
                    true => name.to_owned(),
                    false => format!("{}/{name}", provider.name),
                };
                names.push((name, Arc::clone(&provider.name)));
            }
        }
        names
    }

    fn unknown(&self, model: &str) -> Failure {
        let listed = self.listed();
        let plain = model.rsplit('/').next().unwrap_or(model);
        let mut near: Vec<(f64, &str)> = listed
            .iter()
            .map(|(name, _)| (strsim::jaro_winkler(plain, name), name.as_str()))
            .filter(|(likeness, _)| *likeness > 0.75)
            .collect();
        near.sort_by(|a, b| b.0.total_cmp(&a.0));
        let near: Vec<_> = near
            .iter()
            .take(3)
            .map(|(_, name)| format!("`{name}`"))
            .collect();
        let alone = self.providers.iter().all(|provider| &*provider.name == SIM);
        let advice = match near.is_empty() {
            true if alone => "Only the simulated provider is there: set OPENAI_API_KEY, or name \
                              a provider in tidegate.toml."
                .to_owned(),
            true => "`GET /v1/models` lists the names.".to_owned(),
            false => format!("Did you mean {}?", near.join(", ")),
        };
        let shown: String = model.chars().take(100).collect();
        let message = format!("The model `{shown}` is not known. {advice}");
        Failure::new(Code::ModelNotFound, message).with_param("model")
    }
}
