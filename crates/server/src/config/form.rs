//! What the value of a key may be, as data: the source of the words in errors,
//! of the JSON Schema and of the page about all keys.
//!
//! Promise: a form says what its reader takes, neither more nor less; where a
//! pattern cannot say it, the form is the wider one (`is_wide`). Nothing is
//! read here.

use super::table::Key;
use super::units::{show_duration, show_size};

/// A choice of more words is not told word by word.
const MOST_WORDS: usize = 8;

/// What a value may be.
pub(super) enum Form {
    /// `true` or `false`.
    Flag,
    /// A whole number, a size or a duration between two others.
    Range(Range),
    /// A part of a whole, from 0 to 1.
    Ratio,
    /// US dollars a million tokens.
    Price,
    /// A text.
    Text(Text),
    /// A text that is never shown, with an example of it.
    Secret(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A list of at least one such value.
    List(Box<Form>),
    /// A table with these keys.
    Table(Vec<Key>),
    /// A table of free names, each with one text.
    Pairs {
        /// What a name must match, and what it is.
        name: &'static str,
        names: &'static str,
        value: Text,
        example: (&'static str, &'static str),
    },
    /// A table of tables whose names are free, but for one.
    Named(Named),
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Measure {
    /// Things.
    Count,
    /// Bytes.
    Size,
    /// Milliseconds.
    Time,
}

/// A number between two others, both of them included.
pub(super) struct Range {
    pub(super) measure: Measure,
    pub(super) min: u64,
    pub(super) max: u64,
    /// Outside of it a value is taken with a warning.
    pub(super) advised: Option<(u64, u64)>,
    /// Zero is taken too, and means that there is none.
    pub(super) or_zero: bool,
}

/// A text of a form.
#[derive(Clone, Copy)]
pub(super) struct Text {
    /// What it is, as the end of the sentence "expected ...".
    pub(super) expected: &'static str,
    /// What it matches: a regular expression that is understood everywhere.
    pub(super) pattern: &'static str,
    pub(super) examples: &'static [&'static str],
    /// Whether texts match that the reader refuses.
    pub(super) is_wide: bool,
}

/// Tables by name.
pub(super) struct Named {
    /// Where names are free.
    pub(super) keys: Vec<Key>,
    /// What a name must match.
    pub(super) name: &'static str,
    /// What a name is, for people.
    pub(super) names: &'static str,
    /// The one name that has other keys.
    pub(super) fixed: Option<(&'static str, Vec<Key>)>,
}

impl Form {
    /// What is expected, as the end of the sentence "expected ...".
    pub(super) fn expected(&self) -> String {
        match self {
            Self::Flag => "true or false".to_owned(),
            Self::Range(range) => range.expected(),
            Self::Ratio => "a number from 0 to 1".to_owned(),
            Self::Price => "US dollars a million tokens, from 0 to 1000000".to_owned(),
            Self::Text(text) => text.expected.to_owned(),
            Self::Secret(_) => super::secret::EXPECTED.to_owned(),
            // A line of errors is not a list of thirty words.
            Self::Choice([first, more @ ..]) if more.len() > MOST_WORDS => {
                format!("\"{first}\", or another of the words in docs/configuration.md")
            }
            Self::Choice(words) => {
                let quoted: Vec<_> = words.iter().map(|word| format!("\"{word}\"")).collect();
                quoted.join(" or ")
            }
            Self::List(inner) => format!("a list, each of it {}", inner.expected()),
            Self::Table(keys) => format!("a table with {}", names(keys)),
            Self::Pairs { names, value, .. } => {
                format!("a table from {names} to {}", value.expected)
            }
            Self::Named(_) => "a table of named tables".to_owned(),
        }
    }
}

impl Range {
    fn expected(&self) -> String {
        let what = match self.measure {
            Measure::Count => "a whole number",
            Measure::Size => "a size such as \"64KiB\" or a number of bytes",
            Measure::Time => "a duration such as \"10s\" or \"500ms\"",
        };
        let (min, max) = (self.show(self.min), self.show(self.max));
        let or_zero = if self.or_zero { ", or 0 for none" } else { "" };
        format!("{what} from {min} to {max}{or_zero}")
    }

    /// A value of it as people write it.
    pub(super) fn show(&self, value: u64) -> String {
        self.measure.show(value)
    }
}

impl Measure {
    /// A value as people write it.
    pub(super) fn show(self, value: u64) -> String {
        match self {
            Self::Count => value.to_string(),
            Self::Size => show_size(value),
            Self::Time => show_duration(std::time::Duration::from_millis(value)),
        }
    }
}

/// Key names as a list for people.
pub(super) fn names(keys: &[Key]) -> String {
    let quoted: Vec<_> = keys.iter().map(|key| format!("`{}`", key.name)).collect();
    quoted.join(", ")
}
