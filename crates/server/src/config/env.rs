//! The environment: `TIDEGATE_*` settings and providers found without a file.
//!
//! Promises: 1. only the listed variables set anything, an unknown
//! `TIDEGATE_*` is a warning, since orchestrators inject such names; 2. with a
//! file only the file names providers (contracts 7 and 8); 3. an empty
//! variable counts as not set.

use std::collections::BTreeMap;

use toml::Spanned;
use toml::de::DeValue;

use super::base_url::BaseUrl;
use super::keys::{Document, Provider, UpstreamKey};
use super::read::Url;
use super::reading::{Origin, Reading, nearest};
use super::report::Severity;
use super::secret::{Secret, SecretSource};
use super::table::{Reader, read_override};

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
fn about<R>(variable: &str, cx: &mut Reading<'_>, read: impl FnOnce(&mut Reading<'_>) -> R) -> R {
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

const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_URL: &str = "OPENAI_BASE_URL";
const OPENAI_DEFAULT: &str = "https://api.openai.com/v1";

/// Without a file: the providers whose keys stand in the environment.
pub(super) fn find_providers(document: &mut Document, cx: &mut Reading<'_>) {
    let Some(key) = cx.env.get(OPENAI_KEY) else {
        if cx.env.get(OPENAI_URL).is_some() {
            about(OPENAI_URL, cx, |cx| {
                cx.warning(0..0, "has no effect without OPENAI_API_KEY")
                    .hint("write a file for an upstream that wants no key");
            });
        }
        document.default_provider = Some(super::SIM.to_owned());
        cx.remember_at("default_provider", Origin::NoFile);
        return;
    };
    let secret = Secret::new(&key, SecretSource::Env(OPENAI_KEY.to_owned()));
    let secret = secret.map_err(|why| {
        about(OPENAI_KEY, cx, |cx| {
            cx.error(0..0, why)
                .hint("export the key alone, or unset it to use `sim`");
        });
    });
    let url = cx.env.get(OPENAI_URL);
    let base_url = about(OPENAI_URL, cx, |cx| {
        let text = url.as_deref().unwrap_or(OPENAI_DEFAULT);
        Reader::<BaseUrl>::read(&Url, &Spanned::new(0..0, DeValue::String(text.into())), cx)
    });
    document.providers.named.push(Provider {
        name: "openai".to_owned(),
        base_url: base_url.unwrap_or_default(),
        keys: vec![UpstreamKey {
            name: "main".to_owned(),
            value: secret.unwrap_or_else(|()| Secret::unset()),
            ..UpstreamKey::default()
        }],
        ..Provider::default()
    });
    document.default_provider = Some("openai".to_owned());
    let key_itself = || Origin::Variable(OPENAI_KEY.to_owned());
    let url_from = match url {
        Some(_) => Origin::Variable(OPENAI_URL.to_owned()),
        None => Origin::With(OPENAI_KEY),
    };
    for (key, origin) in [
        ("default_provider", Origin::With(OPENAI_KEY)),
        ("providers.openai", key_itself()),
        ("providers.openai.kind", Origin::With(OPENAI_KEY)),
        ("providers.openai.base_url", url_from),
        ("providers.openai.keys", key_itself()),
        ("providers.openai.keys[0]", key_itself()),
        ("providers.openai.keys[0].name", Origin::With(OPENAI_KEY)),
        ("providers.openai.keys[0].value", key_itself()),
    ] {
        cx.remember_at(key, origin);
    }
}

/// With a file: a key in the environment that no provider of the file uses is
/// easily taken for one that is used.
pub(super) fn tell_unused(document: &Document, cx: &mut Reading<'_>) {
    if document.providers.named.is_empty() && cx.env.get(OPENAI_KEY).is_some() {
        cx.about(
            Severity::Warning,
            "providers",
            "names no upstream, and OPENAI_API_KEY is not used beside a file".to_owned(),
        )
        .hint("add a [providers.openai] table with value = \"env:OPENAI_API_KEY\"");
    }
}
