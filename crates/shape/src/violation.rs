//! What is wrong with a document, in words that a person and a model understand.
//!
//! 1. Sorted by place, keyword and message, and the same each time.
//! 2. Bounded: so many violations, so long each, whatever the document says.
//! 3. One line each: what a document says begins no line of its own.

use std::fmt;

/// The most violations that are told of one document.
pub const MOST: usize = 32;
/// The most that is shown of one message, in characters.
const MESSAGE: usize = 300;
/// The most that is shown of all messages, in bytes.
const SHOWN: usize = 4096;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    /// Where, as a JSON pointer into the document.
    pub pointer: String,
    /// Which keyword of the schema says so; `json` for what is no schema's matter.
    pub keyword: &'static str,
    /// What should be, in plain words: `age must be at most 65`.
    pub message: String,
}

impl Violation {
    pub(crate) fn new(pointer: impl Into<String>, keyword: &'static str, message: &str) -> Self {
        Self {
            pointer: pointer.into(),
            keyword,
            message: short(message, MESSAGE),
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

/// All that is wrong with one document: at least one, and at most [`MOST`] of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violations {
    list: Vec<Violation>,
    more: usize,
}

impl Violations {
    pub(crate) fn new(mut list: Vec<Violation>) -> Self {
        list.sort();
        list.dedup();
        let more = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        Self { list, more }
    }

    /// In order of their places.
    pub fn list(&self) -> &[Violation] {
        &self.list
    }

    /// How many were found besides, and are not told.
    pub fn more(&self) -> usize {
        self.more
    }
}

impl From<Violation> for Violations {
    fn from(one: Violation) -> Self {
        Self::new(vec![one])
    }
}

/// One line each, and at most 4 KiB: fit to be sent to a model.
impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut shown, mut told) = (0, 0);
        for one in &self.list {
            shown += one.message.len() + 3;
            if shown > SHOWN {
                break;
            }
            writeln!(f, "- {}", one.message)?;
            told += 1;
        }
        match self.list.len() - told + self.more {
            0 => Ok(()),
            more => writeln!(f, "- and {more} more"),
        }
    }
}

impl std::error::Error for Violations {}

/// `text` in one line of at most `most` characters.
pub(crate) fn short(text: &str, most: usize) -> String {
    let mut short = String::new();
    for (n, c) in text.chars().enumerate() {
        if n == most {
            short.push('…');
            break;
        }
        short.push(if breaks(c) { ' ' } else { c });
    }
    short
}

/// Whether it breaks a line, or turns the writing's direction.
fn breaks(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
