//! What the gateway is told: providers, their pools, timers and bounds.
//!
//! Plain validated values. Reading and checking a file is the server's work;
//! whoever builds these has already refused nonsense.

mod aws;
mod routes;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kernel::{BreakerSettings, BudgetSettings, PoolSettings};
use secrecy::SecretString;
use tidegate_kernel as kernel;

use crate::catalogue::Facts;
use crate::dialect::Dialect;

pub use self::aws::{AwsKeys, AwsRole, AwsSettings, AwsSource, ServiceToken};
pub use self::routes::{
    FallbackOn, MOST_MEMBERS, RouteSettings, RouteTarget, ShadowSettings, Strategy,
};

/// Everything that a configuration says to the gateway.
#[derive(Debug)]
pub struct Settings {
    /// The providers, in file order (the order decides who lists a name first).
    pub providers: Vec<ProviderSettings>,
    /// Who takes a name that nobody lists, if its globs permit it.
    pub default_provider: Option<String>,
    /// Pool and timers of the built-in simulated provider; `None` turns it off.
    pub sim: Option<SimSettings>,
    /// Names that stand for several targets.
    pub routes: Vec<RouteSettings>,
    /// Answers that are kept; `None` keeps none.
    pub cache: Option<CacheSettings>,
    /// What is known of models, by a model's name or by its provider's and its
    /// own, over what is known of them anyway.
    pub catalogue: BTreeMap<String, Facts>,
    /// Bounds on what an upstream may send.
    pub bounds: Bounds,
    /// The numbers of the tenants; each has retry budgets of its own. One who
    /// stays keeps his number from configuration to configuration.
    pub tenants: Vec<u64>,
    /// Changes whenever a number may be another tenant's than before: what was kept
    /// for the one is not for the other.
    pub era: u64,
    /// What retries may add to the requests of the whole process.
    pub budget: BudgetSettings,
}

/// Answers that are kept for those who ask the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheSettings {
    /// For how long.
    pub ttl: Duration,
    /// Bytes of all of them.
    pub max_bytes: u64,
    /// Bytes of one.
    pub max_entry: usize,
}

/// One upstream that speaks HTTP.
#[derive(Debug)]
pub struct ProviderSettings {
    /// The name in `provider/model` and in every metric.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where it is.
    pub base: BaseUrl,
    /// `api-version` of every request, where the dialect has one.
    pub api_version: Option<String>,
    /// Of models whose name it knows differently: what it calls them.
    pub deployments: BTreeMap<String, String>,
    /// Tidegate's keys for it; none if it wants none.
    pub keys: Vec<KeySettings>,
    /// Which of them comes first.
    pub pick: Pick,
    /// Model names and globs; a name is listed, a glob only permits.
    pub models: Vec<String>,
    /// Permits and queue.
    pub pool: PoolSettings,
    /// When another attempt is made.
    pub retry: RetrySettings,
    /// When a target is left alone.
    pub breaker: BreakerSettings,
    /// The timers of one attempt.
    pub timeouts: Timeouts,
    /// Models that have other ones.
    pub slow: Slow,
    /// Whether to ask for usage in streams (contracts 12).
    pub ask_usage: bool,
    /// It speaks OpenAI's Responses itself, as OpenAI does; else they are
    /// translated. Of other dialects than OpenAI's it says nothing.
    pub responses: bool,
    /// What becomes of a field that its dialect cannot express.
    pub on_unsupported: OnUnsupported,
    /// The most tokens of an answer, for a dialect that must be told them and a
    /// caller who did not say.
    pub max_tokens: u64,
    /// The account that signs its requests, where they are signed.
    pub aws: Option<AwsSettings>,
    /// Certificates to trust beside the platform's.
    pub ca_file: Option<PathBuf>,
}

/// What becomes of a field of a request that the provider's dialect cannot
/// express, and that is more than a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnsupported {
    /// 400, which names it.
    #[default]
    Refuse,
    /// It is left out; `x-tidegate-dropped` of the answer names it.
    Drop,
}

/// One of Tidegate's keys for an upstream.
#[derive(Debug)]
pub struct KeySettings {
    /// Its name in logs and metrics.
    pub name: String,
    /// The key itself.
    pub value: SecretString,
    /// Its share of the calls, where keys are picked by weight.
    pub weight: u32,
}

/// Which key comes first (R-D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Pick {
    /// The less loaded of two, by time to first content and calls in flight.
    #[default]
    Load,
    /// Each in its turn.
    RoundRobin,
    /// By the weights of the keys.
    Weight,
}

/// When another attempt is made (controls A.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetrySettings {
    /// Attempts of one request, the first included.
    pub attempts: u32,
    /// The delay before the second attempt, before jitter.
    pub base: Duration,
    /// The longest delay of our own.
    pub cap: Duration,
    /// The longest `Retry-After` that is waited out.
    pub max_wait: Duration,
    /// What retries may add to a tenant's requests.
    pub budget: BudgetSettings,
}

impl Default for RetrySettings {
    fn default() -> Self {
        Self {
            attempts: 3,
            base: Duration::from_millis(500),
            cap: Duration::from_secs(8),
            max_wait: Duration::from_secs(60),
            budget: BudgetSettings::default(),
        }
    }
}

/// The built-in simulated provider.
#[derive(Debug)]
pub struct SimSettings {
    /// Its rules, as a script of the simulated model; empty for none.
    pub script: Arc<str>,
    /// Permits and queue.
    pub pool: PoolSettings,
    /// When another attempt is made.
    pub retry: RetrySettings,
    /// When a target is left alone.
    pub breaker: BreakerSettings,
    /// The timers of one attempt.
    pub timeouts: Timeouts,
}

/// `http(s)://host:port/path`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    /// Whether to speak TLS.
    pub tls: bool,
    /// Name or address, without brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Path without a slash at its end, `/v1` for instance.
    pub path: String,
}

/// Models that may think for long before they write (failures row 33).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Slow {
    /// Their names and globs, as their upstream knows them.
    pub models: Vec<String>,
    /// How long their head, their first content and the whole answer may take at
    /// least.
    pub time: Duration,
}

/// The timers of one attempt (contracts 13).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// Name look-up, TCP and TLS together.
    pub connect: Duration,
    /// From the request's first byte to the response head; streams only.
    pub first_byte: Duration,
    /// From the request's first byte to the first event with content.
    pub first_content: Duration,
    /// Between two real events; comments do not count.
    pub idle: Duration,
    /// From admission to the end.
    pub total: Duration,
}

/// Bounds on what an upstream may send.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of the callers' bodies that are held at one time, all together.
    pub bodies: u64,
    /// Bytes of one event.
    pub event: usize,
    /// Bytes of one answer, unary or streamed.
    pub response: usize,
    /// How many bytes of JSON may be read in one go on a runtime worker.
    pub inline_json: usize,
    /// How long a request's body may take to arrive, and a caller to take
    /// something of his answer: longer than that, and a defect is likely.
    pub caller: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            bodies: 1 << 30,
            event: 1 << 20,
            response: 64 << 20,
            inline_json: 1 << 20,
            caller: Duration::from_secs(60),
        }
    }
}
