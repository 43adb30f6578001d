//! One look at the configuration: is it another one, can it be used, and then
//! its one swap.
//!
//! Everything here may block on files. Until all that can fail is done nothing
//! has changed, and what a request uses is changed by one store.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Clock;
use tidegate_gateway::{Changes, Gateway};
use tidegate_kernel as kernel;

use super::knocks::Knocks;
use super::record::Record;
use super::watch::Watch;
use super::{Following, Looked, Reason};
use crate::config::{
    self, Checks, Config, File, Loaded, Look, Problem, Problems, ProcessEnv, Seen, Severity,
};
use crate::http::{Configured, Current};
use crate::listen::{Terms, Tls};
use crate::overload::Overload;
use crate::wiring;

/// Problems that get a line of the log each.
const TOLD: usize = 20;

/// What of the server a configuration changes.
pub(crate) struct Parts {
    pub(crate) current: Arc<Current>,
    pub(crate) terms: Arc<Terms>,
    /// None where plain HTTP is spoken.
    pub(crate) tls: Option<Arc<Tls>>,
    pub(crate) overload: Arc<Overload>,
    pub(crate) record: Arc<Record>,
    pub(crate) clock: Clock,
}

/// See the module's text.
pub(crate) struct Follower {
    following: Following,
    parts: Parts,
    /// As it was when the process started.
    started: Config,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    watch: Option<Watch>,
    /// The files that are watched, as they were when they were looked at last,
    /// whether they could be used or not; the configuration's own is the first.
    seen: Vec<Seen>,
    /// Whether it was told that something cannot be watched.
    told: bool,
}

/// A new configuration is in place.
struct Swapped {
    loaded: Loaded,
    changes: Changes,
    needs_restart: Vec<&'static str>,
}

impl Follower {
    /// Follows what was loaded as `loaded`, whose configuration the server was
    /// started with.
    pub(crate) fn new(mut following: Following, loaded: &Loaded, parts: Parts) -> Self {
        let mut state = State::default();
        // What was found stays the one that is followed: if it goes away, that
        // is a mistake to tell and not a reason to look elsewhere.
        if let Some(first) = loaded.seen.first() {
            following.source.file = File::Again(first.path.clone());
            if config::is_odd(&first.path) {
                let file = loaded.file.as_deref();
                tracing::info!(file, "no plain file, so its changes are not followed");
            } else {
                state.seen.clone_from(&loaded.seen);
            }
        }
        Self {
            following,
            parts,
            started: loaded.config.clone(),
            state: Mutex::new(state),
        }
    }

    /// What becomes of a look at each provider.
    pub(super) fn checks(&self) -> Checks {
        self.started.checks
    }

    /// The gateway of this moment.
    pub(super) fn gateway(&self) -> Gateway {
        self.parts.current.get().gateway.clone()
    }

    /// Looks, and takes what is new.
    pub(super) fn look(&self, reason: Reason, knocks: &Arc<Knocks>) -> Looked {
        // One look at a time, so nobody waits for this lock.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        self.watch(state, knocks);
        if reason == Reason::Start {
            // Perhaps somebody is still at it, so it has its time to settle.
            state.knock_if_stale(knocks);
            return Looked::default();
        }
        let news = state.seen.iter_mut().map(Seen::refresh);
        let is_news = news.fold(false, |some, one| some | one);
        match reason {
            _ if is_news => self.reload(state, knocks),
            Reason::Operator => self.reload(state, knocks),
            Reason::Change => {
                self.parts.record.unchanged();
                Looked::default()
            }
            Reason::Start | Reason::Retry => Looked::default(),
        }
    }

    fn reload(&self, state: &mut State, knocks: &Arc<Knocks>) -> Looked {
        let (clock, record) = (self.parts.clock, &self.parts.record);
        let began = clock.now();
        let at = clock.unix_millis();
        let Look { seen, read } = config::look(self.following.source.clone(), &ProcessEnv);
        let swapped = read.and_then(|(loaded, ())| self.swap(loaded));
        // Also of what is refused: a file that is missing may come.
        if !seen.is_empty() {
            state.seen = seen;
            self.watch(state, knocks);
            // What changed before it was watched told nobody.
            state.knock_if_stale(knocks);
        }
        match swapped {
            Ok(Swapped {
                loaded,
                changes,
                needs_restart,
            }) => {
                tell(&loaded.warnings);
                (self.following.taken)(&loaded.config);
                let shown = needs_restart.clone();
                let generation = record.applied(at, loaded.file, loaded.warnings, needs_restart);
                tell_swap(generation, &changes, &shown, began.elapsed());
                Looked {
                    refused: false,
                    added: changes.added,
                }
            }
            Err(problems) => {
                tell(&problems);
                record.refused(at, &problems);
                tracing::error!(
                    errors = problems.errors(),
                    "the configuration cannot be used; the one before it stays"
                );
                Looked {
                    refused: true,
                    added: Vec::new(),
                }
            }
        }
    }

    /// Everything that can fail, then everything that cannot.
    fn swap(&self, mut loaded: Loaded) -> Result<Swapped, Problems> {
        let name = loaded.file.clone().unwrap_or_default();
        (self.following.fit)(&mut loaded.config);
        let needs_restart = config::hold(&self.started, &mut loaded.config);
        let config = &loaded.config;
        exposed(config, &name)?;
        let parts = &self.parts;
        let app = parts.current.get();
        let keys = config.auth.keys.iter().map(|key| key.value.clone());
        let access = app.access.next(keys.collect());
        let settings = wiring::gateway_settings(config, access.tenants());
        let limits = wiring::json_limits(&config.limits);
        let next = parts.tls.as_ref();
        let next = next.map(|tls| tls.prepare(&config.tls, parts.clock));
        let next = next.transpose().map_err(|unfit| {
            let key = format!("tls.{}", unfit.part.as_str());
            Problems::one(&name, &key, unfit.what, unfit.hint.unwrap_or_default())
        })?;
        let (gateway, changes): (Gateway, _) = app
            .gateway
            .apply(settings, limits)
            .map_err(|why| Problems::one(&name, "", why, ""))?;
        let body_limits = wiring::body_limits(config, app.body_limits.shelf.clone());
        parts.current.put(app.next(Configured {
            gateway,
            access,
            body_limits,
            shutdown_timeout: config.shutdown_timeout,
        }));
        parts.current.get().access.take_hold();
        if let Some((tls, next)) = parts.tls.as_ref().zip(next)
            && tls.show(next)
        {
            tracing::info!("callers are shown another certificate");
        }
        parts.terms.set(wiring::listen_settings(config));
        parts.overload.limit_memory(config.limits.memory);
        Ok(Swapped {
            loaded,
            changes,
            needs_restart,
        })
    }

    /// Watches what leads to the files now.
    fn watch(&self, state: &mut State, knocks: &Arc<Knocks>) {
        if state.seen.is_empty() {
            return;
        }
        if state.watch.is_none() {
            match Watch::start(Arc::clone(knocks)) {
                Ok(watch) => state.watch = Some(watch),
                Err(error) => self.unwatched(&mut state.told, "every file", &error.to_string()),
            }
        }
        if let Some(watch) = &mut state.watch {
            let files: Vec<PathBuf> = state.seen.iter().map(|one| one.path.clone()).collect();
            for (folder, error) in watch.look_at(&files) {
                self.unwatched(&mut state.told, &folder.display().to_string(), &error);
            }
        }
    }

    /// Once: it is asked for after each change.
    fn unwatched(&self, told: &mut bool, what: &str, error: &str) {
        if !std::mem::replace(told, true) {
            tracing::warn!(
                what,
                error,
                "changes of the configuration are not noticed here; SIGHUP reloads it"
            );
        }
    }
}

impl State {
    fn knock_if_stale(&self, knocks: &Knocks) {
        if self.seen.iter().any(Seen::is_stale) {
            knocks.changed(false);
        }
    }
}

/// What a process that others reach must never become: one without keys. The
/// file may say so where it asks for another address, which needs a restart.
fn exposed(config: &Config, file: &str) -> Result<(), Problems> {
    let public = !config.listen.ip().is_loopback();
    if !public || !config.auth.keys.is_empty() {
        return Ok(());
    }
    let address = config.listen;
    let what = format!("would be empty while this process listens on {address}");
    let hint = "restart it for another `listen`, or leave the keys";
    Err(Problems::one(file, "auth.keys", what, hint))
}

fn tell(problems: &Problems) {
    for problem in problems.iter().take(TOLD) {
        let Problem {
            severity,
            origin,
            key,
            found,
            expected,
            hint,
            ..
        } = problem;
        let (line, column) = problem.position.unzip();
        let what = problem.subject();
        macro_rules! say {
            ($level:ident) => {
                tracing::$level!(
                    origin,
                    line,
                    column,
                    key,
                    found,
                    expected,
                    hint,
                    "configuration: {what}"
                )
            };
        }
        match severity {
            Severity::Error => say!(error),
            Severity::Warning => say!(warn),
        }
    }
    let all = problems.errors() + problems.warnings();
    if all > TOLD {
        let more = all - TOLD;
        tracing::warn!(
            more,
            "further problems: `tidegate check` and `GET /admin/v1/config` list them"
        );
    }
}

fn tell_swap(generation: u64, changes: &Changes, needs_restart: &[&str], took: Duration) {
    let some = |list: &[String]| (!list.is_empty()).then(|| list.join(", "));
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    tracing::info!(
        generation,
        added = some(&changes.added),
        changed = some(&changes.changed),
        removed = some(&changes.removed),
        took_us = micros,
        "the configuration was reloaded"
    );
    if !needs_restart.is_empty() {
        let keys = needs_restart.join(", ");
        tracing::warn!(keys, "changed in the file, and need a restart");
    }
}
