//! The `kind` of a provider: the dialect of its API, or a preset's name.
//!
//! Promises: 1. every kind is one word, which is read, shown, listed in the
//! schema and told by the banner; 2. each dialect has a kind of its own word.

use std::sync::LazyLock;

use super::presets::{Preset, presets};
use super::read::Choice;

/// What an upstream's API speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, and that of all who are compatible with it.
    OpenAi,
    /// OpenAI's at Azure.
    Azure,
    /// Anthropic's Messages.
    Anthropic,
    /// Google's Gemini.
    Gemini,
    /// Amazon Bedrock's Converse.
    Bedrock,
    /// Ollama's own.
    Ollama,
}

impl Dialect {
    /// All of them, in the order in which they are told.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Ollama,
    ];

    /// Its word, which is a kind too.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Anthropic => "anthropic",
            Self::Gemini => "gemini",
            Self::Bedrock => "bedrock",
            Self::Ollama => "ollama",
        }
    }

    /// The dialect of this word.
    pub(super) fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == word)
    }

    /// Whether its bodies are OpenAI's.
    pub fn is_openai(self) -> bool {
        matches!(self, Self::OpenAi | Self::Azure)
    }
}

/// What a provider is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI's, and whoever speaks like it, at a base URL that is written.
    OpenAi,
    /// Azure's face of it: deployments, and a key of its own header.
    Azure,
    /// Amazon's, in a region, by signed requests or an API key.
    Bedrock,
    /// A provider whose base URL is known.
    Preset(&'static Preset),
}

impl Kind {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi | Self::Azure | Self::Bedrock => self.dialect().as_str(),
            Self::Preset(preset) => &preset.name,
        }
    }

    /// What it speaks.
    pub fn dialect(self) -> Dialect {
        match self {
            Self::OpenAi => Dialect::OpenAi,
            Self::Azure => Dialect::Azure,
            Self::Bedrock => Dialect::Bedrock,
            Self::Preset(preset) => preset.dialect,
        }
    }

    /// What is known of it, if it is a preset.
    pub fn preset(self) -> Option<&'static Preset> {
        match self {
            Self::Preset(preset) => Some(preset),
            Self::OpenAi | Self::Azure | Self::Bedrock => None,
        }
    }
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let written = [Kind::OpenAi, Kind::Azure, Kind::Bedrock].into_iter();
    written.chain(presets().iter().map(Kind::Preset)).collect()
});

static WORDS: LazyLock<Vec<&'static str>> =
    LazyLock::new(|| KINDS.iter().map(|kind| kind.as_str()).collect());

/// Reads one.
pub(super) fn kinds() -> Choice<Kind> {
    Choice {
        words: &WORDS,
        values: &KINDS,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn p1_each_word_is_one_kind() {
        let words: HashSet<_> = WORDS.iter().collect();
        assert_eq!(words.len(), KINDS.len(), "{WORDS:?}");
    }

    #[test]
    fn p2_each_dialect_has_a_kind_of_its_word() {
        for dialect in Dialect::ALL {
            let mut kinds = KINDS.iter();
            let kind = kinds.find(|kind| kind.as_str() == dialect.as_str());
            assert_eq!(kind.map(|kind| kind.dialect()), Some(dialect));
            assert_eq!(Dialect::of(dialect.as_str()), Some(dialect));
        }
    }
}
