//! The configuration: file, environment and flags become one checked value.
//!
//! Promises: 1. every problem is told at once, with its line, column, key,
//! what is found and what is expected; 2. flags win over the environment, the
//! environment over the file; 3. no secret is shown, neither by a problem nor
//! by `Debug`; 4. any bytes at all give a configuration or problems, never a
//! panic. Nothing is opened here but the files that it names.

mod aws;
mod azure;
mod base_url;
mod bedrock;
mod by_name;
mod cache;
mod check;
mod effective;
mod env;
mod form;
mod found;
mod keys;
mod kind;
mod log;
mod numbers;
mod only;
mod places;
mod presets;
mod providers;
mod read;
mod reading;
mod report;
mod restart;
mod routes;
mod schema;
mod script;
mod secret;
mod source;
mod syntax;
mod table;
mod text;
mod tls;
mod units;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

pub use aws::{Account, Lends, Role, ServiceToken, Source as AccountSource};
pub use base_url::BaseUrl;
pub use cache::{Cache, Exact};
pub use effective::Effective;
pub use env::{Env, ProcessEnv};
pub use keys::{
    Auth, Breaker, Checks, LimitKind, Limits, ModelFacts, OnUnsupported, Overflow, Pick, Pool,
    Provider, Retries, Retry, Sim, Timeouts, Tls, UpstreamKey, UsageMode,
};
pub use kind::{Dialect, Kind};
pub use log::LogFilter;
pub use presets::{Preset, presets};
pub use providers::SIM;
pub use report::{Echo, Problem, Problems, Severity};
pub(crate) use restart::hold;
pub use routes::{FallbackOn, Route, RouteTarget, Strategy};
pub use schema::schema;
pub use secret::{Secret, SecretSource};
pub use source::{File, Source};
pub(crate) use source::{Seen, is_odd};
pub use units::{parse_duration, parse_size, show_duration, show_size};

use keys::Document;
use reading::{Origin, Reading};

/// A checked configuration.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where applications connect; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where metrics, debug and admin pages are while `listen` is not loopback.
    pub admin_listen: SocketAddr,
    /// Who takes a model's name that nobody lists.
    pub default_provider: Option<String>,
    /// How long running requests may take to finish after SIGTERM.
    pub shutdown_timeout: Duration,
    /// What becomes of a look at each provider.
    pub checks: Checks,
    /// What is logged.
    pub log: LogFilter,
    /// Who may call.
    pub auth: Auth,
    /// The certificate that callers are shown, if there is one.
    pub tls: Tls,
    /// Bounds on callers and upstreams.
    pub limits: Limits,
    /// Retries of the whole process.
    pub retry: Retries,
    /// The upstreams, in the order of the file.
    pub providers: Vec<Provider>,
    /// What is known of models, by a model's name or by its provider's and its own.
    pub catalogue: Vec<(String, ModelFacts)>,
    /// Names that stand for several targets, in the order of the file.
    pub routes: Vec<(String, Route)>,
    /// Answers that are kept.
    pub cache: Cache,
    /// The built-in simulated provider; look at `enabled`.
    pub sim: Sim,
}

/// A configuration that can be served, and what is doubtful about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// Warnings only.
    pub warnings: Problems,
    /// The file it was read from, if there was one.
    pub file: Option<String>,
    /// The file and those that it names, each once and as before it was used;
    /// empty where there is no file.
    pub(crate) seen: Vec<Seen>,
}

/// What one look at everything found.
pub(crate) struct Look<T> {
    /// The file and those that it names, also if it cannot be used; empty where
    /// the file itself could not be read.
    pub(crate) seen: Vec<Seen>,
    pub(crate) read: Result<(Loaded, T), Problems>,
}

/// Reads everything; all problems at once, warnings among them.
pub fn load(source: Source, env: &dyn Env) -> Result<Loaded, Problems> {
    look(source, env).read.map(|(loaded, ())| loaded)
}

/// The same, with the files that matter, whatever it came to.
pub(crate) fn look(source: Source, env: &dyn Env) -> Look<()> {
    read_all(source, env, |_, _, _, _| ())
}

/// The same, with every value and where it came from.
pub fn load_effective(source: Source, env: &dyn Env) -> Result<(Loaded, Effective), Problems> {
    read_all(source, env, Effective::new).read
}

/// Reads everything, and looks at it before places and texts are let go.
fn read_all<T>(
    source: Source,
    env: &dyn Env,
    look: impl FnOnce(&Document, &str, &str, &Reading<'_>) -> T,
) -> Look<T> {
    let file = match source::open(source.file, env) {
        Ok(file) => file,
        Err(problems) => {
            return Look {
                seen: Vec::new(),
                read: Err(problems),
            };
        }
    };
    let folder = file
        .as_ref()
        .map_or(PathBuf::new(), |file| file.folder.clone());
    let mut cx = Reading::new(env, &folder);
    let mut document = Document::default();
    let mut scalars = Vec::new();
    if let Some(file) = &file {
        scalars = syntax::read(&file.text, &mut document, &mut cx);
        found::tell_unused(&document, &mut cx);
    } else {
        found::find_providers(&mut document, &mut cx);
    }
    env::apply_settings(&mut document, &mut cx);
    for (flag, key, text) in [
        ("--listen", "listen", source.listen),
        ("--log", "log", source.log),
    ] {
        if let Some(text) = text {
            table::read_override(&mut document, key, Origin::Flag(flag), &text, &mut cx);
        }
    }
    if !cx.is_broken() {
        aws::fill_all(&mut document.providers.named, &mut cx);
        check::check(&document, &mut cx);
    }
    let first = file.as_ref().and_then(|file| file.seen.clone());
    let seen = seen(first, std::mem::take(&mut cx.named));
    let (name, text) = file.map_or_else(Default::default, |file| (file.name, file.text));
    let looked = look(&document, &name, &text, &cx);
    let problems = cx.finish(&name, &text, &scalars);
    if problems.errors() > 0 {
        let read = Err(problems);
        return Look { seen, read };
    }
    let loaded = Loaded {
        config: Config::from(document),
        warnings: problems,
        file: Some(name).filter(|name| !name.is_empty()),
        seen: seen.clone(),
    };
    let read = Ok((loaded, looked));
    Look { seen, read }
}

/// The file and what it names, each as it was met first.
fn seen(file: Option<Seen>, named: Vec<Seen>) -> Vec<Seen> {
    let mut seen: Vec<Seen> = file.into_iter().collect();
    for one in named {
        let known = seen.iter().any(|other| other.path == one.path);
        // Without a file nobody can be asked to read it again.
        if !seen.is_empty() && !known {
            seen.push(one);
        }
    }
    seen
}

impl From<Document> for Config {
    fn from(document: Document) -> Self {
        let Document {
            listen,
            admin_listen,
            default_provider,
            shutdown_timeout,
            ..
        } = document;
        Self {
            listen,
            admin_listen,
            default_provider,
            shutdown_timeout,
            checks: document.checks,
            log: document.log,
            auth: document.auth,
            tls: document.tls,
            limits: document.limits,
            retry: document.retry,
            providers: document.providers.named,
            catalogue: document.catalogue,
            routes: document.routes,
            cache: document.cache,
            sim: document.providers.sim,
        }
    }
}

#[cfg(test)]
mod tests;
