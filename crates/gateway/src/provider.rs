//! One provider: its pool, its timers, and the link to its upstream.
//!
//! Invariant: nothing is shared between two providers, so that one that hangs
//! or floods has only its own permits, queue and connections to spend. What
//! stands in an `Arc` here is shared with the same provider as an earlier
//! configuration described it, which calls of that time still use.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kernel::{Backoff, BreakerSettings, Labels, Observe, Pool, PoolSettings, Priority, Visitor};
use tidegate_kernel as kernel;
use tidegate_sim::Sim;

use crate::budgets::Budgets;
use crate::dialect::{Dialect, Speaks, Ways};
use crate::keys::Secrets;
use crate::load::Load;
use crate::meter::Meter;
use crate::names;
use crate::settings::{Pick, RetrySettings, Slow, Timeouts};
use crate::stage::Stage;
use crate::target::Targets;
use crate::upstream::HttpUpstream;

/// The name of the built-in provider.
pub const SIM: &str = "sim";

/// See the module's text.
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) dialect: Dialect,
    pub(crate) pool: Pool,
    pub(crate) targets: Targets,
    pub(crate) retry: RetrySettings,
    pub(crate) budgets: Budgets,
    /// How many wait for their next attempt, and how many may.
    pub(crate) pausing: Arc<AtomicUsize>,
    pub(crate) places: usize,
    /// How long one may wait for a permit.
    pub(crate) max_wait: Duration,
    /// Requests a minute that the upstream says it takes; 0 if it never did.
    pub(crate) rate_limit: Arc<AtomicU64>,
    /// Attempts that run.
    pub(crate) running: Arc<AtomicUsize>,
    /// Whether its limit cares for what the upstream says of its room.
    pub(crate) heeds: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) slow: Slow,
    pub(crate) ways: Ways,
    pub(crate) models: Vec<String>,
    /// What its upstream calls a model, where that is another name.
    pub(crate) deployments: BTreeMap<String, String>,
    /// What else was said of it.
    pub(crate) terms: Terms,
    pub(crate) link: Link,
    pub(crate) meter: Arc<Meter>,
    pub(crate) load: Arc<Load>,
    /// What must never be seen in its answers.
    pub(crate) secrets: Secrets,
}

/// The settings that only making another one of them needs.
#[derive(Clone, Copy)]
pub(crate) struct Terms {
    pub(crate) pool: PoolSettings,
    pub(crate) breaker: BreakerSettings,
    pub(crate) pick: Pick,
}

/// How a provider is reached.
pub(crate) enum Link {
    Http(Arc<HttpUpstream>),
    Sim(Sim),
}

impl Provider {
    /// How long a request of its own may rightly show no sign of life; `caller`
    /// is how long whoever asked may stand still.
    pub(crate) fn longest(&self, stage: Stage, caller: Duration) -> Duration {
        let slow = match self.slow.models.is_empty() {
            true => Duration::ZERO,
            false => self.slow.time,
        };
        match stage {
            Stage::Reading => caller,
            Stage::Queued => self.max_wait,
            Stage::Pausing => self.retry.max_wait.max(self.retry.cap),
            Stage::Connecting => self.timeouts.connect,
            // A unary call waits for its whole answer here.
            Stage::Waiting => self.timeouts.total.max(slow),
            Stage::Prefill => self.timeouts.first_content.max(slow),
            // Either side may.
            Stage::Sending | Stage::Streaming => self.timeouts.idle + caller,
        }
    }

    /// The timers of an attempt with this model, by the name that its upstream knows.
    pub(crate) fn timeouts_of(&self, model: &str) -> Timeouts {
        let Timeouts {
            first_byte,
            first_content,
            total,
            ..
        } = self.timeouts;
        let slow = &self.slow;
        match slow.models.iter().any(|pattern| matches(pattern, model)) {
            true => Timeouts {
                first_byte: first_byte.max(slow.time),
                first_content: first_content.max(slow.time),
                total: total.max(slow.time),
                ..self.timeouts
            },
            false => self.timeouts,
        }
    }

    /// How it is spoken to.
    pub(crate) fn speaks(&self) -> &'static dyn Speaks {
        self.dialect.speaks()
    }

    /// Newcomers of a lower priority are refused.
    pub(crate) fn refuse_below(&self, floor: Option<Priority>) {
        self.pool.refuse_below(floor);
    }

    /// Takes no new call, and gives up those that wait for a permit.
    pub(crate) fn close(&self) {
        self.pool.close();
        for target in self.targets.all() {
            target.gate.iter().for_each(Pool::close);
        }
    }

    /// The wait before a further attempt.
    pub(crate) fn backoff(&self) -> Backoff {
        Backoff {
            base: self.retry.base,
            cap: self.retry.cap,
            ..Backoff::default()
        }
    }

    /// Whether a model of this name may be asked of it.
    pub(crate) fn permits(&self, model: &str) -> bool {
        match &self.link {
            Link::Sim(sim) => sim.knows(model),
            Link::Http(http) => {
                http.fits(self.upstream_name(model))
                    && (self.deployments.contains_key(model)
                        || self.models.iter().any(|pattern| matches(pattern, model)))
            }
        }
    }

    /// Where its upstream is; the simulated one is nowhere.
    pub(crate) fn host(&self) -> Option<&str> {
        match &self.link {
            Link::Http(http) => Some(http.host()),
            Link::Sim(_) => None,
        }
    }

    /// What its upstream calls a model.
    pub(crate) fn upstream_name<'a>(&'a self, model: &'a str) -> &'a str {
        self.deployments.get(model).map_or(model, String::as_str)
    }

    /// The names it lists: patterns permit, they never list (contracts 6).
    pub(crate) fn listed(&self) -> impl Iterator<Item = &str> {
        let models = self.models.iter().map(String::as_str);
        let models = models.filter(|name| !name.contains('*'));
        let mapped = self.deployments.keys().map(String::as_str);
        let mapped = mapped.filter(|name| !self.models.iter().any(|known| known == name));
        models.chain(mapped)
    }
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Observe for Provider {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.pool.observe(labels, to);
        self.targets.observe(labels, to);
        self.budgets.observe(labels, to);
        self.meter.observe(labels, to);
        let pausing = self.pausing.load(Ordering::Relaxed) as f64;
        to.gauge(names::REQUESTS_PAUSING, labels, pausing);
        if let Link::Http(http) = &self.link {
            let resting = http.idle().len() as f64;
            to.gauge(names::UPSTREAM_CONNECTIONS_IDLE, labels, resting);
            if let Some(lender) = http.lender() {
                lender.observe(labels, to);
            }
        }
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
