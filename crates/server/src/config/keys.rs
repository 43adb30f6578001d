//! The list of all keys of the configuration file, one line each.
//!
//! A line is the field, its default and its reader with its range; errors,
//! hints, the schema and docs/configuration.md come from here. Adding a key is adding a line.
//! Ranges called `advised` are the recommended ones of R-D2 and R-D6: outside
//! of them a value is taken, with a warning.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use super::aws::{Account, LENDS, Lends, PROFILE, ROLE};
use super::azure::{API_VERSION, DEPLOYMENTS};
use super::base_url::BaseUrl;
use super::bedrock::REGION;
use super::by_name::ByName;
use super::cache::Cache;
use super::kind::{Kind, kinds};
use super::log::{LOG_FILTER, LogFilter};
use super::providers::{ProviderTables, Providers};
use super::read::{
    ADDRESS, ADMIN_ADDRESS, Choice, ExistingFile, Flag, List, MODEL, NAME, OffAtZero,
    PROVIDER_NAME, Perhaps, Price, Ratio, Required, Section, Url, count, size, time,
};
use super::routes::{ROUTES, Route};
use super::script::{Script, ScriptFile};
use super::secret::{Secret, SecretText};
use super::table::table;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const MS: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);

const fn seconds(number: u64) -> Duration {
    Duration::from_secs(number)
}

const fn local(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

table! {
    /// The whole file, before defaults that depend on the environment.
    pub(super) struct Document {
        /// Where applications connect.
        listen: SocketAddr = local(7070), ADDRESS;
        /// Where metrics, debug and admin pages are while `listen` is not loopback.
        admin_listen: SocketAddr = local(7071), ADMIN_ADDRESS;
        /// Who takes a model's name that nobody lists.
        default_provider: Option<String> = None, PROVIDER_NAME;
        /// How long running requests may take to finish after SIGTERM.
        shutdown_timeout: Duration = seconds(30), time(MS, HOUR).advised(seconds(5), seconds(30));
        /// A look at each provider after the start: told (`warn`), not taken (`off`), or a condition of being ready (`require`).
        checks: Checks = Checks::Warn, Choice { words: &["warn", "off", "require"], values: &[Checks::Warn, Checks::Off, Checks::Require] };
        /// What is logged: a level, or a list of `target=level`.
        log: LogFilter = LogFilter::default(), LOG_FILTER;
        /// Who may call.
        auth: Auth = Auth::default(), Section;
        /// The certificate that callers are shown.
        tls: Tls = Tls::default(), Section;
        /// Bounds on what callers and upstreams may send and hold.
        limits: Limits = Limits::default(), Section;
        /// Retries of the whole process.
        retry: Retries = Retries::default(), Section;
        /// The upstreams, by name.
        providers: Providers = Providers::default(), ProviderTables;
        /// What is known of models, over what Tidegate knows of them by itself: `tidegate models` tells it; it is no limit.
        catalogue: Vec<(String, ModelFacts)> = Vec::new(), CATALOGUE;
        /// Names that stand for several targets: who is asked first, and who when that fails.
        routes: Vec<(String, Route)> = Vec::new(), ROUTES;
        /// Answers that are kept for those who ask the same.
        cache: Cache = Cache::default(), Section;
    }
}

/// By a model's name, or by its provider's and its own.
const CATALOGUE: ByName = ByName {
    name: DEPLOYMENTS.name,
    is_name: DEPLOYMENTS.is_name,
    names: "is a model's name such as `\"gpt-4.1\"`, or with its provider's before it, \
            `\"mine/gpt-4.1\"`",
    expected: DEPLOYMENTS.names,
};

table! {
    /// What is known of one model; what is not written is as Tidegate knows it.
    pub struct ModelFacts {
        /// Tokens that it reads and writes together, at most.
        context_window: Option<u64> = None, Perhaps(count(1, 1_000_000_000));
        /// Tokens that it writes, at most.
        max_output_tokens: Option<u64> = None, Perhaps(count(1, 1_000_000_000));
        /// Whether it sees images.
        vision: Option<bool> = None, Perhaps(Flag);
        /// Whether it calls tools.
        tools: Option<bool> = None, Perhaps(Flag);
        /// Whether it keeps to a JSON Schema.
        structured_output: Option<bool> = None, Perhaps(Flag);
        /// Whether it thinks before it answers.
        reasoning: Option<bool> = None, Perhaps(Flag);
        /// Whether it makes vectors of texts.
        embeddings: Option<bool> = None, Perhaps(Flag);
        /// What it costs to read.
        input_price: Option<f64> = None, Perhaps(Price);
        /// What it costs to write.
        output_price: Option<f64> = None, Perhaps(Price);
        /// What it costs to read from its cache.
        cached_price: Option<f64> = None, Perhaps(Price);
    }
}

table! {
    /// Who may call.
    pub struct Auth {
        /// Keys that callers send as `authorization: Bearer`; without any, only loopback is served.
        keys: Vec<Secret> = Vec::new(), List(SecretText("env:GATE_KEY"));
    }
}

table! {
    /// The certificate that callers are shown.
    pub struct Tls {
        /// The server's certificate, then those that signed it (PEM); with it `listen` speaks TLS.
        cert: Option<PathBuf> = None, ExistingFile { examples: &["tls.pem"] };
        /// The key of the certificate (PEM, not encrypted).
        key: Option<PathBuf> = None, ExistingFile { examples: &["tls.key"] };
        /// From the connection to the end of the handshake.
        handshake_timeout: Duration = seconds(10), time(MS, HOUR);
    }
}

table! {
    /// Bounds on what callers and upstreams may send and hold.
    pub struct Limits {
        /// Bytes of a request's body.
        body: usize = 32 << 20, size(KIB, GIB);
        /// Bytes of a body that is passed on as it comes: files and their parts.
        upload: u64 = 512 * MIB, size(KIB, 1024 * GIB);
        /// Bytes of all bodies that are held at one time.
        bodies: u64 = GIB, size(MIB, 1024 * GIB);
        /// Bytes that the process may use before it sheds load; 0 takes what its control group allows.
        memory: Option<u64> = None, OffAtZero(size(MIB, 1 << 50));
        /// Levels of nesting in a request's JSON.
        json_depth: usize = 64, count(1, 128);
        /// Elements of one JSON array.
        json_array: usize = 100_000, count(1, 10_000_000);
        /// Members of one JSON object.
        json_keys: usize = 10_000, count(1, 10_000_000);
        /// Bytes of one JSON string.
        json_string: usize = 16 << 20, size(KIB, GIB);
        /// How many headers a request may have.
        headers: usize = 100, count(8, 1_000);
        /// Bytes of a request's head.
        header_bytes: usize = 64 << 10, size(8 * KIB, MIB);
        /// From the first byte of a head to its end.
        header_timeout: Duration = seconds(10), time(MS, HOUR);
        /// From the end of the head to the end of the body.
        body_timeout: Duration = seconds(60), time(MS, HOUR);
        /// Bytes a second that a body must bring after its first 5 seconds; 0 turns it off.
        body_rate: u64 = KIB, size(0, GIB);
        /// Open connections; 0 takes half of the files that the system leaves for them.
        connections: usize = 0, count(0, 10_000_000);
        /// Open connections of one address; loopback is exempt.
        connections_per_ip: usize = 256, count(1, 10_000_000);
        /// How long a caller may take nothing of an answer; a reader below some KiB a second seems to take nothing.
        write_stall: Duration = seconds(30), time(MS, HOUR);
        /// Bytes of one answer that may wait for a caller who reads slowly; the buffer of heads is a part of it.
        stream_buffer: usize = 256 << 10, size(128 * KIB, GIB);
        /// Bytes of one event of an upstream's stream.
        event: usize = 1 << 20, size(KIB, GIB);
        /// Bytes of one answer of an upstream.
        response: usize = 64 << 20, size(KIB, 16 * GIB);
        /// How long an idle connection of a caller stays open.
        keep_alive: Duration = seconds(75), time(MS, DAY);
    }
}

table! {
    /// Retries of the whole process.
    pub struct Retries {
        /// Per cent of all requests that may be retries, whoever asks for them.
        budget: u32 = 20, count(0, 100);
    }
}

table! {
    /// One upstream that speaks HTTP.
    pub struct Provider {
        /// The dialect of its API, or the preset that it is.
        kind: Kind = Kind::OpenAi, Required(kinds());
        /// Where its API is; required with `openai` and `azure` (there without `/openai`), while a preset, or `bedrock` by its region, knows.
        base_url: BaseUrl = BaseUrl::default(), Url;
        /// `azure` only: the date of its paths with deployments; without one, or with a word such as "preview", `/openai/v1` is called.
        api_version: Option<String> = None, API_VERSION;
        /// `azure` only: the deployment that a model is, where it has another name than the model.
        deployments: BTreeMap<String, String> = BTreeMap::new(), DEPLOYMENTS;
        /// `bedrock` only: the region that it is asked in; without it `AWS_REGION`, else `AWS_DEFAULT_REGION`.
        region: Option<String> = None, REGION;
        /// `bedrock` only: the id of the access key that signs; without any of the three `AWS_ACCESS_KEY_ID` and its like.
        access_key: Option<Secret> = None, Perhaps(SecretText("env:AWS_ACCESS_KEY_ID"));
        /// `bedrock` only: its secret.
        secret_key: Option<Secret> = None, Perhaps(SecretText("env:AWS_SECRET_ACCESS_KEY"));
        /// `bedrock` only: the token of an access key that is lent.
        session_token: Option<Secret> = None, Perhaps(SecretText("env:AWS_SESSION_TOKEN"));
        /// `bedrock` only: who lends its credential, where the first that is found is not meant; only `machine` is never looked for.
        credentials: Option<Lends> = None, LENDS;
        /// `bedrock` only: the profile of the shared files (`~/.aws`) that its credential is of; without it `AWS_PROFILE`, else `default`.
        profile: Option<String> = None, PROFILE;
        /// `bedrock` only: a role that is taken with its credential.
        role: Option<String> = None, ROLE;
        /// Tidegate's own keys for it.
        keys: Vec<UpstreamKey> = Vec::new(), List(Section);
        /// Which of the keys comes first: the less loaded (`load`), each in its turn, or by `weight`.
        pick: Pick = Pick::Load, PICK;
        /// Names that it lists, and patterns that it permits.
        models: Vec<String> = vec!["*".to_owned()], List(MODEL);
        /// Permits and queue.
        pool: Pool = Pool::default(), Section;
        /// The timers of one attempt.
        timeouts: Timeouts = Timeouts::default(), Section;
        /// Models that may think for long before they write: names and patterns, as its upstream knows them.
        slow_models: Vec<String> = Vec::new(), List(MODEL);
        /// Of `slow_models`: `first_byte`, `first_content` and `total`, where those of `timeouts` are shorter.
        slow_timeout: Duration = seconds(600), time(MS, DAY);
        /// Further attempts after a failure.
        retry: Retry = Retry::default(), Section;
        /// When it is left alone because it fails.
        breaker: Breaker = Breaker::default(), Section;
        /// Whether to ask the upstream for token counts in streams.
        usage: UsageMode = UsageMode::Ask, USAGE;
        /// What becomes of a call that asks for what its API cannot express: it is refused, or made without it, and told in `x-tidegate-dropped`.
        on_unsupported: OnUnsupported = OnUnsupported::Refuse, ON_UNSUPPORTED;
        /// Whether it has `/v1/responses` itself, which is else asked for as a chat completion; a preset knows.
        responses: bool = true, Flag;
        /// `anthropic` only: the most tokens of an answer where its caller says nothing, since its API must be told.
        default_max_tokens: u64 = 4096, count(1, 1_000_000);
        /// Certificates (PEM) to trust beside the platform's.
        ca_file: Option<PathBuf> = None, ExistingFile { examples: &["ca.pem"] };
        beside {
            /// Its name: before the `/` in a model's name, and in every metric.
            name: String;
            /// Who signs what is sent to it, where that is signed.
            account: Option<Account>;
        }
    }
}

table! {
    /// The built-in simulated provider.
    pub struct Sim {
        /// Whether it is there.
        enabled: bool = true, Flag;
        /// Rules that say who gets what (docs/sim.md), read anew when they change.
        script: Option<Script> = None, ScriptFile;
        /// Permits and queue.
        pool: Pool = Pool::default(), Section;
        /// The timers of one attempt.
        timeouts: Timeouts = Timeouts::default(), Section;
        /// Further attempts after a failure.
        retry: Retry = Retry::default(), Section;
        /// When it is left alone because it fails.
        breaker: Breaker = Breaker::default(), Section;
    }
}

table! {
    /// One of Tidegate's keys for an upstream.
    pub struct UpstreamKey {
        /// Its name in logs and metrics.
        name: String = "main".to_owned(), NAME;
        /// The key itself.
        value: Secret = Secret::unset(), Required(SecretText("env:OPENAI_API_KEY"));
        /// Its share of the calls where keys are picked by weight.
        weight: u32 = 1, count(1, 1_000);
    }
}

table! {
    /// Permits and queue of one provider.
    pub struct Pool {
        /// Requests at the upstream at one time, at most.
        size: usize = 100, count(1, 1_000_000).advised(10, 100);
        /// What moves the number of permits: how many are used (`scaled`), nothing (`fixed`), or what the upstream says (`adaptive`).
        limit: LimitKind = LimitKind::Scaled, LIMIT;
        /// The fewest permits that a moving limit leaves; `size` where that is less.
        min: usize = 10, count(1, 1_000_000);
        /// Show what the limit would be, and leave it at `size`.
        shadow: bool = false, Flag;
        /// An answer that takes longer never raises the limit; 0s turns it off.
        slow: Option<Duration> = None, OffAtZero(time(MS, DAY));
        /// Requests that may wait for a permit.
        queue: usize = 500, count(0, 1_000_000).advised(100, 1_000);
        /// Bytes of the bodies that wait.
        queue_bytes: u64 = 256 * MIB, size(1, 1024 * GIB);
        /// What happens to a request that finds the queue full.
        overflow: Overflow = Overflow::Block, OVERFLOW;
        /// The longest wait for a permit.
        max_wait: Duration = seconds(10), time(MS, HOUR).advised(seconds(1), seconds(10));
    }
}

table! {
    /// The timers of one attempt.
    pub struct Timeouts {
        /// Name look-up, TCP and TLS together.
        connect: Duration = seconds(5), time(MS, HOUR);
        /// From the request's last byte to the response's head; streams only.
        first_byte: Duration = seconds(60), time(MS, DAY);
        /// From the request's last byte to the first event with content; streams only.
        first_content: Duration = seconds(120), time(MS, DAY);
        /// Between two events; comments do not count.
        idle: Duration = seconds(60), time(MS, DAY);
        /// From admission to the end.
        total: Duration = seconds(300), time(MS, DAY).advised(MS, seconds(300));
    }
}

table! {
    /// Further attempts after a failure, before anything of an answer went out.
    pub struct Retry {
        /// Attempts of one request in all; 1 turns retries off.
        attempts: u32 = 3, count(1, 10);
        /// The wait before the second attempt, doubled for each that follows, less a random part.
        base: Duration = 500 * MS, time(MS, HOUR);
        /// The longest such wait.
        cap: Duration = seconds(8), time(MS, HOUR);
        /// The longest `retry-after` of an upstream that is waited out.
        max_wait: Duration = seconds(60), time(Duration::ZERO, HOUR);
        /// Per cent of one tenant's requests to this provider that may be retries.
        budget: u32 = 10, count(0, 100);
        /// Retries a second that are allowed beside them, so that a quiet tenant has some.
        per_second: u32 = 1, count(0, 1_000_000);
    }
}

table! {
    /// When a failing upstream is left alone, and for how long.
    pub struct Breaker {
        /// Failures in a row that open it; 0 turns it off.
        failures: u32 = 5, count(0, 1_000_000);
        /// How far back the ratio looks.
        window: Duration = seconds(30), time(seconds(1), HOUR);
        /// The least part of answers in the window that must be good, from 0 to 1.
        ratio: f64 = 0.5, Ratio;
        /// Answers in the window before the ratio says anything.
        min_requests: u32 = 20, count(1, 1_000_000);
        /// How long it stays open at first, doubled after each probe that fails.
        open: Duration = seconds(1), time(MS, HOUR);
        /// The longest that it stays open.
        open_max: Duration = seconds(60), time(MS, DAY);
    }
}

const USAGE: Choice<UsageMode> = Choice {
    words: &["ask", "never"],
    values: &[UsageMode::Ask, UsageMode::Never],
};

/// What becomes of a look at each provider (R-D3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Checks {
    /// It is taken once requests are served, and told in the log.
    Warn,
    /// It is not taken.
    Off,
    /// It is taken first, and the start fails with it.
    Require,
}

/// Whether to ask an upstream for token counts in streams (contracts 12).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsageMode {
    /// Add `stream_options.include_usage` to streams.
    Ask,
    /// Leave requests as they are.
    Never,
}

impl UsageMode {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ask => "ask",
            Self::Never => "never",
        }
    }
}

const ON_UNSUPPORTED: Choice<OnUnsupported> = Choice {
    words: &["refuse", "drop"],
    values: &[OnUnsupported::Refuse, OnUnsupported::Drop],
};

/// What becomes of a call that asks for what its provider's API cannot express.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnUnsupported {
    /// It gets 400, which names the field.
    Refuse,
    /// It is made without it, and the answer says so.
    Drop,
}

const OVERFLOW: Choice<Overflow> = Choice {
    words: &["error", "block", "drop", "drop_oldest"],
    values: &[
        Overflow::Error,
        Overflow::Block,
        Overflow::Drop,
        Overflow::DropOldest,
    ],
};

/// What happens to a request that finds the queue full (R-D5).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overflow {
    /// It gets 503 `queue_full` at once.
    Error,
    /// It waits up to `max_wait`, then gets 503 `queue_timeout`.
    Block,
    /// It gets 503 `dropped`, and is not wanted back.
    Drop,
    /// It gets in, and the oldest that waits gets 503 `dropped`.
    DropOldest,
}

const LIMIT: Choice<LimitKind> = Choice {
    words: &["scaled", "fixed", "adaptive"],
    values: &[LimitKind::Scaled, LimitKind::Fixed, LimitKind::Adaptive],
};

/// What moves the number of permits of a pool (R-D14).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitKind {
    /// How many of them are used.
    Scaled,
    /// Nothing.
    Fixed,
    /// What the upstream says of its load.
    Adaptive,
}

impl LimitKind {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Scaled => "scaled",
            Self::Fixed => "fixed",
            Self::Adaptive => "adaptive",
        }
    }
}

const PICK: Choice<Pick> = Choice {
    words: &["load", "round_robin", "weight"],
    values: &[Pick::Load, Pick::RoundRobin, Pick::Weight],
};

/// Which of a provider's keys comes first (R-D4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pick {
    /// The less loaded of two.
    Load,
    /// Each in its turn.
    RoundRobin,
    /// By their weights.
    Weight,
}
