//! From a model's name to a provider (contracts 6).
//!
//! `provider/model` if the prefix is a provider; else who lists the name, in
//! file order; else the default provider, if it permits it; else the simulated
//! provider for its own names; else 404 with the names that come near.

use std::sync::Arc;

use tidegate_types::Code;

use crate::errand::not_simulated;
use crate::failure::Failure;
use crate::provider::{Link, Provider, SIM};

/// The providers in file order, and who takes unlisted names.
pub(crate) struct Routes {
    providers: Vec<Arc<Provider>>,
    default: Option<Arc<Provider>>,
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
        Self { providers, default }
    }

    pub(crate) fn providers(&self) -> &[Arc<Provider>] {
        &self.providers
    }

    /// The provider of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Provider>> {
        self.providers.iter().find(|known| &*known.name == name)
    }

    pub(crate) fn find<'a>(&'a self, model: &'a str) -> Result<Target<'a>, Failure> {
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
        let mut names: Vec<(String, Arc<str>)> = Vec::new();
        for provider in &self.providers {
            for name in provider.listed() {
                let leads_here = self
                    .find(name)
                    .is_ok_and(|target| Arc::ptr_eq(target.provider, provider));
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
