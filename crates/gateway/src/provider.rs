//! One provider: its pool, its timers, and the link to its upstream.
//!
//! Invariant: nothing is shared between two providers, so that one that hangs
//! or floods has only its own permits, queue and connections to spend.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use kernel::{
    Backoff, BreakerSettings, Clock, Labels, LimitKind, LimitSettings, Observe, Pool, PoolSettings,
    Visitor,
};
use tidegate_kernel as kernel;
use tidegate_sim::Sim;

use crate::budgets::Budgets;
use crate::events;
use crate::keys::{Key, Secrets};
use crate::load::Load;
use crate::meter::Meter;
use crate::names;
use crate::request::Stage;
use crate::settings::{KeySettings, Pick, ProviderSettings, RetrySettings, SimSettings, Timeouts};
use crate::target::{TargetSettings, Targets};
use crate::upstream::{self, HttpUpstream};

/// The name of the built-in provider.
pub const SIM: &str = "sim";

/// What a provider is told of the house it is in.
pub(crate) struct Context {
    pub(crate) clock: Clock,
    pub(crate) tenants: usize,
    pub(crate) seed: u64,
}

/// See the module's text.
pub(crate) struct Provider {
    pub(crate) name: Arc<str>,
    pub(crate) pool: Pool,
    pub(crate) targets: Targets,
    pub(crate) retry: RetrySettings,
    pub(crate) budgets: Budgets,
    /// How many wait for their next attempt, and how many may.
    pub(crate) pausing: AtomicUsize,
    pub(crate) places: usize,
    /// How long one may wait for a permit.
    pub(crate) max_wait: Duration,
    /// Requests a minute that the upstream says it takes; 0 if it never did.
    pub(crate) rate_limit: AtomicU64,
    /// Attempts that run.
    pub(crate) running: AtomicUsize,
    /// Whether its limit cares for what the upstream says of its room.
    pub(crate) heeds: bool,
    pub(crate) timeouts: Timeouts,
    pub(crate) ask_usage: bool,
    pub(crate) models: Vec<String>,
    pub(crate) link: Link,
    pub(crate) meter: Arc<Meter>,
    pub(crate) load: Load,
    /// What must never be seen in its answers.
    pub(crate) secrets: Secrets,
}

/// How a provider is reached.
pub(crate) enum Link {
    Http(Box<HttpUpstream>),
    Sim(Sim),
}

/// What every provider has, however it is reached.
struct Shape {
    name: Arc<str>,
    pool: PoolSettings,
    retry: RetrySettings,
    breaker: BreakerSettings,
    timeouts: Timeouts,
    keys: Vec<KeySettings>,
    pick: Pick,
}

impl Provider {
    pub(crate) fn http(settings: ProviderSettings, context: &Context) -> Result<Self, String> {
        let tls = match settings.base.tls {
            true => Some(upstream::client_config(settings.ca_file.as_deref())?),
            false => None,
        };
        let name: Arc<str> = Arc::from(settings.name.as_str());
        let upstream = HttpUpstream::new(Arc::clone(&name), &settings, tls, context.clock)?;
        let shape = Shape {
            name,
            pool: settings.pool,
            retry: settings.retry,
            breaker: settings.breaker,
            timeouts: settings.timeouts,
            keys: settings.keys,
            pick: settings.pick,
        };
        let link = Link::Http(Box::new(upstream));
        Self::new(shape, link, settings.models, settings.ask_usage, context)
    }

    pub(crate) fn sim(settings: SimSettings, context: &Context) -> Result<Self, String> {
        let shape = Shape {
            name: Arc::from(SIM),
            pool: settings.pool,
            retry: settings.retry,
            breaker: settings.breaker,
            timeouts: settings.timeouts,
            keys: Vec::new(),
            pick: Pick::default(),
        };
        let models = Sim::models().iter().map(|name| (*name).to_owned());
        let link = Link::Sim(Sim::new(context.clock));
        Self::new(shape, link, models.collect(), true, context)
    }

    fn new(
        shape: Shape,
        link: Link,
        models: Vec<String>,
        ask_usage: bool,
        context: &Context,
    ) -> Result<Self, String> {
        let clock = context.clock;
        let secrets = Secrets::of(&shape.keys);
        let keys = match shape.keys.is_empty() {
            true => vec![Arc::new(Key::new(None, clock)?)],
            false => {
                let key = |key| Key::new(Some(key), clock).map(Arc::new);
                shape.keys.into_iter().map(key).collect::<Result<_, _>>()?
            }
        };
        for key in &keys {
            events::of_key(&shape.name, key);
        }
        // An adaptive limit belongs to each target: the provider's own then
        // only bounds their sum.
        let moves = shape.pool.limit.kind == LimitKind::Adaptive;
        let sum = PoolSettings {
            limit: LimitSettings::fixed(shape.pool.limit.max),
            ..shape.pool
        };
        let pool = Pool::new(if moves { sum } else { shape.pool }, clock);
        events::of_pool(&shape.name, &pool);
        let targets = TargetSettings {
            keys,
            pick: shape.pick,
            breaker: shape.breaker,
            gate: moves.then_some(shape.pool),
            seed: context.seed,
            born: events::of_targets(&shape.name),
        };
        Ok(Self {
            targets: Targets::new(targets, clock),
            budgets: Budgets::new(shape.retry.budget, context.tenants, clock),
            pausing: AtomicUsize::new(0),
            // Also where nobody may queue: each of them had a permit before.
            places: shape.pool.queue.max(shape.pool.size),
            max_wait: shape.pool.max_wait,
            rate_limit: AtomicU64::new(0),
            running: AtomicUsize::new(0),
            heeds: moves,
            name: shape.name,
            pool,
            retry: shape.retry,
            timeouts: shape.timeouts,
            ask_usage,
            models,
            link,
            meter: Arc::default(),
            load: Load::new(clock.now()),
            secrets,
        })
    }

    /// How long a request of its own may rightly show no sign of life; `caller`
    /// is how long whoever asked may stand still.
    pub(crate) fn longest(&self, stage: Stage, caller: Duration) -> Duration {
        match stage {
            Stage::Reading => caller,
            Stage::Queued => self.max_wait,
            Stage::Pausing => self.retry.max_wait.max(self.retry.cap),
            Stage::Connecting => self.timeouts.connect,
            // A unary call waits for its whole answer here.
            Stage::Waiting => self.timeouts.total,
            Stage::Prefill => self.timeouts.first_content,
            // Either side may.
            Stage::Streaming => self.timeouts.idle + caller,
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
