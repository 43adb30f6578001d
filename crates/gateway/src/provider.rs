//! One provider: its pool, its timers, and the link to its upstream.
//!
//! Invariant: nothing is shared between two providers, so that one that hangs
//! or floods has only its own permits, queue and connections to spend.

use std::sync::Arc;

use kernel::{Clock, Pool};
use secrecy::{ExposeSecret, SecretString};
use tidegate_kernel as kernel;
use tidegate_sim::Sim;

use crate::meter::Meter;
use crate::settings::{ProviderSettings, SimSettings, Timeouts};
use crate::upstream::{self, HttpUpstream};

/// The name of the built-in provider.
pub const SIM: &str = "sim";

/// See the module's text.
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) pool: Pool,
    pub(crate) timeouts: Timeouts,
    pub(crate) ask_usage: bool,
    pub(crate) models: Vec<String>,
    pub(crate) link: Link,
    pub(crate) meter: Arc<Meter>,
    key: Option<Arc<SecretString>>,
}

/// How a provider is reached.
pub(crate) enum Link {
    Http(Box<HttpUpstream>),
    Sim(Sim),
}

impl Provider {
    pub(crate) fn http(settings: ProviderSettings, clock: Clock) -> Result<Self, String> {
        let tls = match settings.base.tls {
            true => Some(upstream::client_config(settings.ca_file.as_deref())?),
            false => None,
        };
        let name: Arc<str> = Arc::from(settings.name.as_str());
        let upstream = HttpUpstream::new(Arc::clone(&name), &settings, tls, clock)?;
        Ok(Self {
            link: Link::Http(Box::new(upstream)),
            name,
            pool: Pool::new(settings.pool, clock),
            timeouts: settings.timeouts,
            ask_usage: settings.ask_usage,
            models: settings.models,
            key: settings.key.map(Arc::new),
            meter: Arc::default(),
        })
    }

    pub(crate) fn sim(settings: SimSettings, clock: Clock) -> Self {
        Self {
            name: Arc::from(SIM),
            pool: Pool::new(settings.pool, clock),
            timeouts: settings.timeouts,
            ask_usage: true,
            models: Sim::models()
                .iter()
                .map(|name| (*name).to_owned())
                .collect(),
            link: Link::Sim(Sim::new(clock)),
            key: None,
            meter: Arc::default(),
        }
    }

    /// Whether a model of this name may be asked of it.
    pub(crate) fn permits(&self, model: &str) -> bool {
        match &self.link {
            Link::Sim(_) => Sim::is_sim_name(model),
            Link::Http(_) => self.models.iter().any(|pattern| matches(pattern, model)),
        }
    }

    /// The names it lists: patterns permit, they never list (contracts 6).
    pub(crate) fn listed(&self) -> impl Iterator<Item = &str> {
        self.models
            .iter()
            .map(String::as_str)
            .filter(|name| !name.contains('*'))
    }

    /// The key itself, for whoever must keep it out of a text later.
    pub(crate) fn key(&self) -> Option<Arc<SecretString>> {
        self.key.clone()
    }

    /// What must never be seen in an answer of this provider.
    pub(crate) fn secret(&self) -> Option<&str> {
        self.key.as_ref().map(|key| key.expose_secret())
    }
}

/// Whether `text` fits `pattern`, where `*` stands for any run of characters.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else {
        return false;
    };
    let mut last = None;
    for part in parts {
        // Every part but the last takes its earliest place: that leaves most.
        if let Some(part) = last.replace(part) {
            let Some((_, after)) = rest.split_once(part) else {
                return false;
            };
            rest = after;
        }
    }
    last.map_or(rest.is_empty(), |part| rest.ends_with(part))
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_permit() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("*", "gpt-4o", true),
            ("gpt-4o", "gpt-4o", true),
            ("gpt-4o", "gpt-4o-mini", false),
            ("gpt-*", "gpt-4o", true),
            ("gpt-*", "xgpt-4o", false),
            ("*-mini", "gpt-4o-mini", true),
            ("*-mini", "gpt-4o-mini-x", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, text), fits, "{pattern} {text}");
        }
    }
}
