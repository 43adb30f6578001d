//! Providers that the environment makes, where there is no file.
//!
//! Promises: 1. with a file only the file names providers (contracts 7), and a
//! key that it leaves unused is told; 2. a variable makes a provider only if it
//! holds the key of that API and of nothing else, or its own SDK takes it for one
//! (`found` and `also` in `presets.toml`); 3. only OpenAI's key decides who is asked
//! for names that nobody lists.

use toml::Spanned;
use toml::de::DeValue;

use super::base_url::BaseUrl;
use super::env::about;
use super::keys::{Document, Provider, UpstreamKey};
use super::kind::Kind;
use super::presets::{Preset, presets};
use super::read::Url;
use super::reading::{Origin, Reading};
use super::report::Severity;
use super::secret::{Secret, SecretSource};
use super::table::Reader;

const OPENAI: &str = "openai";
pub(super) const OPENAI_KEY: &str = "OPENAI_API_KEY";
const OPENAI_URL: &str = "OPENAI_BASE_URL";
const OPENAI_DEFAULT: &str = "https://api.openai.com/v1";

/// Without a file: the providers whose keys stand in the environment.
pub(super) fn find_providers(document: &mut Document, cx: &mut Reading<'_>) {
    find_openai(document, cx);
    for preset in presets().iter().filter(|preset| preset.found) {
        let mut variables = preset.variables();
        let set = variables.find_map(|name| Some((name, cx.env.get(name)?)));
        if let Some((variable, key)) = set {
            find_preset(preset, variable, &key, document, cx);
        }
    }
}

fn find_openai(document: &mut Document, cx: &mut Reading<'_>) {
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
        name: OPENAI.to_owned(),
        base_url: base_url.unwrap_or_default(),
        keys: vec![UpstreamKey {
            value: secret.unwrap_or_else(|()| Secret::unset()),
            ..UpstreamKey::default()
        }],
        ..Provider::default()
    });
    document.default_provider = Some(OPENAI.to_owned());
    cx.remember_at("default_provider", Origin::With(OPENAI_KEY));
    remember(OPENAI, OPENAI_KEY, cx);
    let url_from = match url {
        Some(_) => Origin::Variable(OPENAI_URL.to_owned()),
        None => Origin::With(OPENAI_KEY),
    };
    cx.remember_at("providers.openai.base_url", url_from);
}

fn find_preset(
    preset: &'static Preset,
    variable: &'static str,
    key: &str,
    document: &mut Document,
    cx: &mut Reading<'_>,
) {
    match Secret::new(key, SecretSource::Env(variable.to_owned())) {
        Ok(value) => {
            document.providers.named.push(Provider {
                name: preset.name.clone(),
                kind: Kind::Preset(preset),
                base_url: preset.base_url.clone(),
                usage: preset.usage,
                responses: preset.responses,
                keys: vec![UpstreamKey {
                    value,
                    ..UpstreamKey::default()
                }],
                ..Provider::default()
            });
            remember(&preset.name, variable, cx);
        }
        // It may be there for another program: no reason not to start.
        Err(why) => about(variable, cx, |cx| {
            cx.warning(0..0, why)
                .hint(format!("`{}` is left out without a key", preset.name));
        }),
    }
}

/// What of a provider comes with its key's variable.
fn remember(name: &str, variable: &'static str, cx: &mut Reading<'_>) {
    let path = format!("providers.{name}");
    cx.remember_at(&path, Origin::Variable(variable.to_owned()));
    cx.remember_at(&format!("{path}.kind"), Origin::With(variable));
    remember_key(&path, variable, cx);
}

/// That the one key of the provider at this path comes from a variable.
pub(super) fn remember_key(path: &str, variable: &'static str, cx: &mut Reading<'_>) {
    let itself = || Origin::Variable(variable.to_owned());
    for (key, origin) in [
        ("keys", itself()),
        ("keys[0]", itself()),
        ("keys[0].name", Origin::With(variable)),
        ("keys[0].value", itself()),
    ] {
        cx.remember_at(&format!("{path}.{key}"), origin);
    }
}

/// With a file: a key in the environment that no provider of the file uses is
/// easily taken for one that is used.
pub(super) fn tell_unused(document: &Document, cx: &mut Reading<'_>) {
    if !document.providers.named.is_empty() {
        return;
    }
    let found = presets().iter().filter(|preset| preset.found);
    let found = found.flat_map(|one| one.variables().map(|variable| (&*one.name, variable)));
    let all = [(OPENAI, OPENAI_KEY)].into_iter().chain(found);
    let mut unused = all.filter(|(_, variable)| cx.env.get(variable).is_some());
    if let Some((name, variable)) = unused.next() {
        let what = format!("names no upstream, and {variable} is not used beside a file");
        let hint = format!("add a [providers.{name}] table with value = \"env:{variable}\"");
        cx.about(Severity::Warning, "providers", what).hint(hint);
    }
}
