//! The `kind` of a provider: the dialect of its API, or a preset's name.
//!
//! Promise: every kind is one word, which is read, shown, listed in the schema
//! and told by the banner.

use std::sync::LazyLock;

use super::presets::{Preset, presets};
use super::read::Choice;

/// The dialect of an upstream's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// OpenAI's, and whoever speaks like it, at a base URL that is written.
    OpenAi,
    /// Azure's face of it: deployments, and a key of its own header.
    Azure,
    /// OpenAI's, of a provider whose base URL is known.
    Preset(&'static Preset),
}

impl Kind {
    /// The word in the file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::Azure => "azure",
            Self::Preset(preset) => &preset.name,
        }
    }

    /// What is known of it, if it is a preset.
    pub fn preset(self) -> Option<&'static Preset> {
        match self {
            Self::Preset(preset) => Some(preset),
            Self::OpenAi | Self::Azure => None,
        }
    }
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let dialects = [Kind::OpenAi, Kind::Azure].into_iter();
    dialects.chain(presets().iter().map(Kind::Preset)).collect()
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
    fn no_preset_has_the_word_of_a_dialect() {
        let words: HashSet<_> = WORDS.iter().collect();
        assert_eq!(words.len(), KINDS.len(), "{WORDS:?}");
    }
}
