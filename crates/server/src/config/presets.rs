//! Presets: providers that are known, each with where it is, how it speaks and
//! how it is called, from `presets.toml`.
//!
//! Promises: 1. adding one is one entry of that file; 2. what a configuration
//! says itself always wins over a preset; 3. a key is only ever sent where its
//! preset, or the configuration, says that it belongs.

use std::sync::LazyLock;

use serde::Deserialize;

use super::base_url::BaseUrl;
use super::keys::{Provider, UsageMode};
use super::kind::Dialect;
use super::reading::Reading;

/// One provider that is known.
#[derive(Debug, PartialEq, Eq)]
pub struct Preset {
    /// The word in `kind`.
    pub name: String,
    /// What it speaks.
    pub dialect: Dialect,
    /// Where its API is, unless the configuration says otherwise.
    pub base_url: BaseUrl,
    /// The environment variable that usually holds its key.
    pub variable: Option<String>,
    /// Another variable that its users have for the same key.
    pub also: Option<String>,
    /// Whether it refuses calls without a key.
    pub needs_key: bool,
    /// Whether its variable makes a provider where there is no file.
    pub found: bool,
    /// Whether it is asked for token counts in streams.
    pub usage: UsageMode,
    /// Whether it has OpenAI's Responses itself.
    pub responses: bool,
}

/// An entry as the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    #[serde(default)]
    dialect: Option<String>,
    base_url: String,
    variable: Option<String>,
    also: Option<String>,
    needs_key: bool,
    found: bool,
    usage: String,
    #[serde(default)]
    responses: bool,
    /// For whoever changes the file; a test looks at these.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    source: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    preset: Vec<Entry>,
}

const FILE: &str = include_str!("presets.toml");

static ALL: LazyLock<Vec<Preset>> = LazyLock::new(|| {
    // A test holds that the file is read to its last entry.
    let file: Option<File> = toml::from_str(FILE).ok();
    let entries = file.map_or_else(Vec::new, |file| file.preset);
    entries.into_iter().filter_map(Entry::read).collect()
});

/// All presets, in the order of their names.
pub fn presets() -> &'static [Preset] {
    &ALL
}

impl Preset {
    /// The variables that may hold its key, the usual one first.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.variable.iter().chain(&self.also).map(String::as_str)
    }
}

impl Entry {
    fn read(self) -> Option<Preset> {
        Some(Preset {
            dialect: match &self.dialect {
                Some(word) => Dialect::of(word)?,
                None => Dialect::OpenAi,
            },
            name: self.name,
            base_url: BaseUrl::parse(&self.base_url).ok()?,
            variable: self.variable,
            also: self.also,
            needs_key: self.needs_key,
            found: self.found,
            usage: match self.usage.as_str() {
                "ask" => UsageMode::Ask,
                "never" => UsageMode::Never,
                _ => return None,
            },
            responses: self.responses,
        })
    }
}

/// Gives a provider at the current path what its preset knows and its table
/// does not say.
pub(super) fn fill(provider: &mut Provider, cx: &Reading<'_>) {
    let Some(preset) = provider.kind.preset() else {
        return;
    };
    let unsaid = |key: &str| cx.place(&format!("{}.{key}", cx.path())).is_none();
    if unsaid("base_url") {
        provider.base_url = preset.base_url.clone();
    }
    if unsaid("usage") {
        provider.usage = preset.usage;
    }
    if unsaid("responses") {
        provider.responses = preset.responses;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::read::is_name;
    use super::*;

    #[test]
    fn every_entry_is_well_formed() {
        let file: File = toml::from_str(FILE).unwrap();
        assert_eq!(file.preset.len(), presets().len(), "each of them is read");
        let mut variables = HashSet::new();
        for (entry, preset) in file.preset.iter().zip(presets()) {
            let name = &entry.name;
            assert!(is_name(name) && name.to_lowercase() == *name, "{name}");
            let base = &preset.base_url;
            assert_eq!(base.to_string(), entry.base_url, "{name}: as it is shown");
            assert!(base.tls || base.is_loopback(), "{name} is not encrypted");
            assert_eq!(
                entry.needs_key,
                !base.is_loopback(),
                "{name}: who is elsewhere wants a key"
            );
            assert!(entry.source.starts_with("https://"), "{name}");
            let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
            let date: Vec<_> = entry.date.split('-').collect();
            let lengths: Vec<_> = date.iter().map(|part| part.len()).collect();
            assert!(
                lengths == [4, 2, 2] && date.into_iter().all(digits),
                "{name}"
            );
            assert!(entry.variable.is_some() || !entry.needs_key, "{name}");
            assert!(entry.needs_key || !entry.found, "{name} has no key to find");
            assert!(entry.variable.is_some() || entry.also.is_none(), "{name}");
            assert!(
                preset.dialect.is_openai() || (!preset.responses && entry.usage == "never"),
                "{name}: only OpenAI's dialect has these"
            );
            for variable in preset.variables() {
                let fits = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
                assert!(variable.chars().all(fits), "{name}: {variable}");
                assert!(
                    !preset.found || variables.insert(variable),
                    "{variable} finds two providers"
                );
            }
        }
        let names: Vec<_> = presets().iter().map(|preset| &preset.name).collect();
        assert!(
            names.windows(2).all(|two| two[0] < two[1]),
            "each name once, in order: {names:?}"
        );
    }
}
