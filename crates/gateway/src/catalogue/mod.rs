//! What is known of models: how much they read and write, what they can do,
//! what a token costs.
//!
//! Promises: 1. what is not known is absent, never guessed; 2. the
//! configuration wins, field by field; 3. a price is told only where it was
//! said for: at the maker's own API, or by the configuration. It is advice for
//! people: no request depends on it.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use serde::Deserialize;

const FILE: &str = include_str!("models.toml");

/// What is known of a model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// Tokens that it reads and writes together, at most.
    pub context_window: Option<u64>,
    /// Tokens that it writes, at most.
    pub max_output_tokens: Option<u64>,
    /// It sees images.
    pub vision: Option<bool>,
    /// It calls tools.
    pub tools: Option<bool>,
    /// It keeps to a JSON Schema.
    pub structured_output: Option<bool>,
    /// It thinks before it answers.
    pub reasoning: Option<bool>,
    /// It makes vectors of texts.
    pub embeddings: Option<bool>,
    /// US dollars a million tokens that it reads.
    pub input_price: Option<f64>,
    /// US dollars a million tokens that it writes.
    pub output_price: Option<f64>,
    /// US dollars a million tokens that it reads from its cache.
    pub cached_price: Option<f64>,
}

impl Facts {
    /// The words of what it is known to be able to do.
    pub fn capabilities(&self) -> impl Iterator<Item = &'static str> {
        let all = [
            (self.vision, "vision"),
            (self.tools, "tools"),
            (self.structured_output, "structured_output"),
            (self.reasoning, "reasoning"),
            (self.embeddings, "embeddings"),
        ];
        let known = all.into_iter().filter(|(has, _)| *has == Some(true));
        known.map(|(_, word)| word)
    }

    /// These, and the others where these say nothing.
    fn or(self, other: Self) -> Self {
        Self {
            context_window: self.context_window.or(other.context_window),
            max_output_tokens: self.max_output_tokens.or(other.max_output_tokens),
            vision: self.vision.or(other.vision),
            tools: self.tools.or(other.tools),
            structured_output: self.structured_output.or(other.structured_output),
            reasoning: self.reasoning.or(other.reasoning),
            embeddings: self.embeddings.or(other.embeddings),
            input_price: self.input_price.or(other.input_price),
            output_price: self.output_price.or(other.output_price),
            cached_price: self.cached_price.or(other.cached_price),
        }
    }
}

/// The data, and what the configuration says over it.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    own: BTreeMap<String, Facts>,
}

impl Catalogue {
    /// `own` is by a model's name, or by its provider's and its own.
    pub(crate) fn new(own: BTreeMap<String, Facts>) -> Self {
        Self { own }
    }

    /// What is known of a model at a provider, which is at `host` and calls it
    /// `upstream_name`.
    pub(crate) fn facts(
        &self,
        provider: &str,
        host: Option<&str>,
        model: &str,
        upstream_name: &str,
    ) -> Facts {
        let known = known(model).or_else(|| known(upstream_name));
        let mut facts = known.map_or_else(Facts::default, |known| known.facts.clone());
        let is_makers = known.is_some_and(|known| known.host.as_deref() == host && host.is_some());
        if !is_makers {
            facts.input_price = None;
            facts.output_price = None;
            facts.cached_price = None;
        }
        // The nearer name last, so that it wins.
        for name in [model, &format!("{provider}/{model}")] {
            if let Some(own) = self.own.get(name) {
                facts = own.clone().or(facts);
            }
        }
        facts
    }
}

/// A model of the data, and where its maker's API is.
struct Known {
    facts: Facts,
    host: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    makers: BTreeMap<String, String>,
    model: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: String,
    maker: String,
    #[serde(default)]
    also: Vec<String>,
    context_window: Option<u64>,
    max_output_tokens: Option<u64>,
    capabilities: Vec<Capability>,
    input_price: Option<f64>,
    output_price: Option<f64>,
    cached_price: Option<f64>,
    /// For whoever changes the file; a test looks at these.
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    source: String,
    #[cfg_attr(not(test), expect(dead_code, reason = "for readers of the file"))]
    date: String,
}

#[derive(Deserialize, PartialEq, Clone, Copy)]
#[serde(rename_all = "snake_case")]
enum Capability {
    Vision,
    Tools,
    StructuredOutput,
    Reasoning,
    Embeddings,
}

impl Entry {
    fn facts(&self) -> Facts {
        // What is not listed is not known, which is not the same as no.
        let has = |one| self.capabilities.contains(&one).then_some(true);
        Facts {
            context_window: self.context_window,
            max_output_tokens: self.max_output_tokens,
            vision: has(Capability::Vision),
            tools: has(Capability::Tools),
            structured_output: has(Capability::StructuredOutput),
            reasoning: has(Capability::Reasoning),
            embeddings: has(Capability::Embeddings),
            input_price: self.input_price,
            output_price: self.output_price,
            cached_price: self.cached_price,
        }
    }
}

static KNOWN: LazyLock<HashMap<String, Known>> = LazyLock::new(|| {
    // A test holds that the file is read.
    let Ok(file) = toml::from_str::<File>(FILE) else {
        return HashMap::new();
    };
    let makers = &file.makers;
    let names = file.model.iter().flat_map(|entry| {
        let names = std::iter::once(&entry.name).chain(&entry.also);
        names.map(move |name| {
            let known = Known {
                facts: entry.facts(),
                host: makers.get(&entry.maker).cloned(),
            };
            (name.clone(), known)
        })
    });
    names.collect()
});

/// A model by its name as it stands, or as those who host it write it.
fn known(model: &str) -> Option<&'static Known> {
    let name = model.to_ascii_lowercase();
    let name = plain(&name);
    KNOWN.get(name).or_else(|| KNOWN.get(undated(name)?))
}

/// The name without who made it before it (`openai/`, `eu.anthropic.`), and
/// without Amazon's version (`-v1:0`) or Google's (`@20250929`) behind it.
fn plain(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    let name = name
        .rsplit_once("anthropic.")
        .map_or(name, |(_, name)| name);
    if let Some((name, _)) = name.split_once('@') {
        return name;
    }
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once("-v") {
        Some((rest, version)) if version.split(':').all(digits) => rest,
        _ => name,
    }
}

/// The name before a date, `-2024-08-06` or `-20240806`.
fn undated(name: &str) -> Option<&str> {
    for date in ["-0000-00-00", "-00000000"] {
        let Some(at) = name.len().checked_sub(date.len()) else {
            continue;
        };
        let (Some(rest), Some(end)) = (name.get(..at), name.get(at..)) else {
            continue;
        };
        let alike = |(one, form): (u8, u8)| match form {
            b'0' => one.is_ascii_digit(),
            other => one == other,
        };
        if end.bytes().zip(date.bytes()).all(alike) {
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests;
