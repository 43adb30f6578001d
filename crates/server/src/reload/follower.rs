//! One look at the configuration: is it another one, can it be used, and then
//! its one swap.
//!
//! Everything here may block on files. Until all that can fail is done nothing
//! has changed, and what a request uses is changed by one store.

use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Clock;
use tidegate_gateway::{Changes, Gateway};
use tidegate_kernel as kernel;

use super::Following;
use super::knocks::Knocks;
use super::record::Record;
use super::watch::Watch;
use crate::config::{self, Config, File, Loaded, Problem, Problems, ProcessEnv, Severity};
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
    /// The files that are watched, by whose content it is known what is new.
    files: Vec<PathBuf>,
    /// Of what was looked at last, whether it could be used or not.
    print: u64,
    /// Whether it was told that something cannot be watched.
    told: bool,
}

/// A new configuration is in place.
struct Swapped {
    loaded: Loaded,
    files: Vec<PathBuf>,
    /// Of those files, from before they were used.
    print: u64,
    changes: Changes,
    needs_restart: Vec<&'static str>,
}

impl Follower {
    /// Follows what was loaded as `loaded`, whose configuration the server was
    /// started with.
    pub(crate) fn new(mut following: Following, loaded: &Loaded, parts: Parts) -> Self {
        let mut state = State::default();
        let mut text = 0;
        // What was found stays the one that is followed: if it goes away, that
        // is a mistake to tell and not a reason to look elsewhere.
        if let Some(file) = &loaded.path {
            following.source.file = File::Again(file.clone());
            if config::is_odd(file) {
                let file = loaded.file.as_deref();
                tracing::info!(file, "no plain file, so its changes are not followed");
            } else {
                state.files = files(file, &loaded.config);
                text = loaded.print;
            }
        }
        state.print = print(&state.files, text);
        Self {
            following,
            parts,
            started: loaded.config.clone(),
            state: Mutex::new(state),
        }
    }

    /// Looks; `asked` says whether an operator wants it, `None` is the first
    /// look, which only finds what changed before it was watched.
    pub(super) fn look(&self, asked: Option<bool>, knocks: &Arc<Knocks>) {
        // One look at a time, so nobody waits for this lock.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = &mut *state;
        self.watch(state, knocks);
        let now = print(&state.files, text_print(state.files.first()));
        let is_news = now != state.print;
        state.print = now;
        match (is_news, asked) {
            (true, _) | (_, Some(true)) => self.reload(state, knocks),
            (false, Some(false)) => self.parts.record.unchanged(),
            (false, None) => {}
        }
    }

    fn reload(&self, state: &mut State, knocks: &Arc<Knocks>) {
        let (clock, record) = (self.parts.clock, &self.parts.record);
        let began = clock.now();
        let at = clock.unix_millis();
        match self.swap() {
            Ok(Swapped {
                loaded,
                files,
                print,
                changes,
                needs_restart,
            }) => {
                tell(&loaded.warnings);
                if loaded.path.is_some() {
                    (state.files, state.print) = (files, print);
                    self.watch(state, knocks);
                    // What changed before it was watched told nobody.
                    if self::print(&state.files, text_print(state.files.first())) != print {
                        knocks.changed(false);
                    }
                }
                (self.following.taken)(&loaded.config);
                let shown = needs_restart.clone();
                let generation = record.applied(at, loaded.file, loaded.warnings, needs_restart);
                tell_swap(generation, &changes, &shown, began.elapsed());
            }
            Err(problems) => {
                tell(&problems);
                record.refused(at, &problems);
                tracing::error!(
                    errors = problems.errors(),
                    "the configuration cannot be used; the one before it stays"
                );
            }
        }
    }

    /// Everything that can fail, then everything that cannot.
    fn swap(&self) -> Result<Swapped, Problems> {
        let mut loaded = config::load(self.following.source.clone(), &ProcessEnv)?;
        let name = loaded.file.clone().unwrap_or_default();
        (self.following.fit)(&mut loaded.config);
        let needs_restart = config::hold(&self.started, &mut loaded.config);
        // Before any of them is used: what changes meanwhile is news afterwards.
        let path = loaded.path.as_deref();
        let files = path.map_or_else(Vec::new, |file| files(file, &loaded.config));
        let print = print(&files, loaded.print);
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
            files,
            print,
            changes,
            needs_restart,
        })
    }

    /// Watches what leads to the files now.
    fn watch(&self, state: &mut State, knocks: &Arc<Knocks>) {
        if state.files.is_empty() {
            return;
        }
        if state.watch.is_none() {
            match Watch::start(Arc::clone(knocks)) {
                Ok(watch) => state.watch = Some(watch),
                Err(error) => self.unwatched(&mut state.told, "every file", &error.to_string()),
            }
        }
        if let Some(watch) = &mut state.watch {
            for (folder, error) in watch.look_at(&state.files) {
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

/// The file and those that it names: what is watched, and read anew.
fn files(file: &Path, config: &Config) -> Vec<PathBuf> {
    let named = config.providers.iter();
    let named = named.filter_map(|provider| provider.ca_file.clone());
    let shown = config.tls.files().into_iter();
    let shown = shown.flat_map(|(cert, key)| [cert.to_path_buf(), key.to_path_buf()]);
    let first = std::iter::once(file.to_path_buf());
    let mut files: Vec<_> = first.chain(shown).chain(named).collect();
    let mut seen = std::collections::HashSet::new();
    files.retain(|file| seen.insert(file.clone()));
    files
}

/// Of what is read as the configuration itself.
fn text_print(file: Option<&PathBuf>) -> u64 {
    file.map_or(0, |file| config::print(file))
}

/// Of all files: the first one's, which is `text`, and of what stands in the
/// others.
fn print(files: &[PathBuf], text: u64) -> u64 {
    let mut print = DefaultHasher::new();
    print.write_u64(text);
    for file in files.iter().skip(1) {
        print.write_u64(config::print(file));
    }
    print.finish()
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
        match severity {
            Severity::Error => {
                tracing::error!(
                    origin,
                    line,
                    column,
                    key,
                    found,
                    expected,
                    hint,
                    "configuration: {what}"
                );
            }
            Severity::Warning => {
                tracing::warn!(
                    origin,
                    line,
                    column,
                    key,
                    found,
                    expected,
                    hint,
                    "configuration: {what}"
                );
            }
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
