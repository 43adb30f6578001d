//! The environment: `TIDEGATE_*` settings. Providers are `found`'s.
//!
//! Promises: 1. only the listed variables set anything, an unknown
//! `TIDEGATE_*` is a warning, since orchestrators inject such names
//! (contracts 8); 2. an empty variable counts as not set.

use std::collections::BTreeMap;

use super::keys::Document;
use super::reading::{Origin, Reading, nearest};
use super::table::read_override;

/// Where variables are looked up; tests bring their own.
pub trait Env {
    /// The value of a variable, `None` when it is not set or empty.
    fn get(&self, name: &str) -> Option<String>;
    /// The names of all variables.
    fn names(&self) -> Vec<String>;
}

/// The environment of this process.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProcessEnv;

impl Env for ProcessEnv {
    fn get(&self, name: &str) -> Option<String> {
        let value = std::env::var_os(name)?;
        // What is not UTF-8 becomes a character that every reader refuses.
        Some(value.to_string_lossy().into_owned()).filter(|value| !value.is_empty())
    }

    fn names(&self) -> Vec<String> {
        std::env::vars_os()
            .map(|(name, _)| name.to_string_lossy().into_owned())
            .collect()
    }
}

impl Env for BTreeMap<String, String> {
    fn get(&self, name: &str) -> Option<String> {
        BTreeMap::get(self, name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    fn names(&self) -> Vec<String> {
        self.keys().cloned().collect()
    }
}

/// The variable with the path of the file.
pub(super) const CONFIG: &str = "TIDEGATE_CONFIG";
/// The variable of the data folder, which nothing uses yet.
const DATA: &str = "TIDEGATE_DATA";
/// The variable of the commands that talk to a server; a shell that has it may
/// start one as well.
const URL: &str = "TIDEGATE_URL";
const PREFIX: &str = "TIDEGATE_";

/// Variables that set a top key.
const SETTINGS: [(&str, &str); 3] = [
    ("TIDEGATE_LISTEN", "listen"),
    ("TIDEGATE_ADMIN_LISTEN", "admin_listen"),
    ("TIDEGATE_LOG", "log"),
];

/// Lets `TIDEGATE_*` set what it may, and names what it may not.
pub(super) fn apply_settings(document: &mut Document, cx: &mut Reading<'_>) {
    for (variable, key) in SETTINGS {
        if let Some(text) = cx.env.get(variable) {
            read_override(
                document,
                key,
                Origin::Variable(variable.to_owned()),
                &text,
                cx,
            );
        }
    }
    let known = SETTINGS
        .iter()
        .map(|(variable, _)| *variable)
        .chain([CONFIG, DATA, URL]);
    let known: Vec<_> = known.collect();
    let mut names = cx.env.names();
    names.retain(|name| name.starts_with(PREFIX));
    names.sort();
    for name in names {
        about(&name, cx, |cx| {
            if name == DATA {
                cx.warning(0..0, "has no effect: this version stores nothing");
            } else if !known.contains(&name.as_str()) {
                cx.warning(0..0, "is not a variable that Tidegate knows")
                    .expected(format!("one of {}", known.join(", ")))
                    .near(near(&name, &known));
            }
        });
    }
}

/// Reads something that a variable holds; what is wrong is told under its name.
pub(super) fn about<R>(
    variable: &str,
    cx: &mut Reading<'_>,
    read: impl FnOnce(&mut Reading<'_>) -> R,
) -> R {
    let origin = Origin::Variable(variable.to_owned());
    cx.from(origin, |cx| cx.within(variable, read))
}

/// The known variable that is meant, perhaps. All begin alike, which says
/// nothing: `TIDEGATE_SERVICE_HOST`, say, comes from an orchestrator.
fn near<'n>(name: &str, known: &[&'n str]) -> Option<&'n str> {
    let rest = |name: &'n str| name.strip_prefix(PREFIX);
    let meant = nearest(
        name.strip_prefix(PREFIX)?,
        known.iter().copied().filter_map(rest),
    )?;
    known
        .iter()
        .copied()
        .find(|known| rest(known) == Some(meant))
}
