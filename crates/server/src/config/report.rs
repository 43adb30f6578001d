//! What is wrong with a configuration, told like a compiler or as JSON.
//!
//! Promises: 1. problems stand in the order of the file, errors and warnings
//! together; 2. each names its place, its key, what is found and what is
//! expected; 3. what it prints cannot steer a terminal: control characters are
//! replaced. It does not decide what is wrong, nor what must be masked.

use std::fmt::{self, Write as _};
use std::ops::Range;

use serde_json::{Value, json};

use super::text::Text;

/// More problems than this are counted, not printed.
const SHOWN: usize = 100;

/// Whether a problem keeps Tidegate from starting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It does.
    Error,
    /// It does not, but somebody should know.
    Warning,
}

/// One thing that is wrong, or doubtful.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Whether it keeps Tidegate from starting.
    pub severity: Severity,
    /// The file, flag or environment variable.
    pub origin: String,
    /// Line and column in the file, counted from 1, the column in characters.
    pub position: Option<(usize, usize)>,
    /// The path of the key, such as `providers.mock.pool.size`; may be empty.
    pub key: String,
    /// What is the matter, one clause.
    pub what: String,
    /// What stands there, if it may be shown.
    pub found: Option<String>,
    /// What should stand there.
    pub expected: Option<String>,
    /// What to do next.
    pub hint: Option<String>,
    /// The line of the file, masked, with the place of the caret.
    pub echo: Option<Echo>,
}

/// A line of the file as it may be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Echo {
    /// Its text, secrets masked and long ends cut.
    pub line: String,
    /// How many characters stand before the caret.
    pub caret: usize,
    /// How many characters it marks, at least 1.
    pub width: usize,
}

impl Echo {
    /// The line that a span of a text begins in, unmasked: only for texts that hold no secret.
    pub fn plain(text: &str, span: &Range<usize>) -> Self {
        Text::new(text).echo(span, [])
    }
}

/// Everything that was found, all at once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// One that no place of the file shows.
    pub(crate) fn one(origin: &str, key: &str, what: String, hint: &str) -> Self {
        Self(vec![Problem {
            severity: Severity::Error,
            origin: origin.to_owned(),
            position: None,
            key: key.to_owned(),
            what,
            found: None,
            expected: None,
            hint: Some(hint.to_owned()).filter(|hint| !hint.is_empty()),
            echo: None,
        }])
    }

    /// As many as are told at once; where somebody keeps them, a flood is not.
    pub(crate) fn first(&self) -> Self {
        Self(self.0.iter().take(SHOWN).cloned().collect())
    }

    /// In the order of the file.
    pub fn new(mut list: Vec<Problem>) -> Self {
        list.sort_by_key(|problem| problem.position.unwrap_or_default());
        Self(list)
    }

    /// All of them, in the order of the file; what has no line comes first.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// How many keep Tidegate from starting.
    pub fn errors(&self) -> usize {
        self.0
            .iter()
            .filter(|problem| problem.severity == Severity::Error)
            .count()
    }

    /// How many do not.
    pub fn warnings(&self) -> usize {
        self.0.len() - self.errors()
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The form for machines: an array of objects, absent parts as `null`.
    pub fn to_json(&self) -> Value {
        self.0.iter().map(Problem::to_json).collect()
    }
}

impl Problem {
    /// What is the matter with what, as a sentence.
    pub fn subject(&self) -> String {
        match &*self.key {
            "" => self.what.clone(),
            key => format!("`{key}` {}", self.what),
        }
    }

    fn to_json(&self) -> Value {
        json!({
            "severity": self.severity.as_str(),
            "origin": self.origin,
            "line": self.position.map(|(line, _)| line),
            "column": self.position.map(|(_, column)| column),
            "key": self.key,
            "what": self.what,
            "found": self.found,
            "expected": self.expected,
            "hint": self.hint,
        })
    }
}

impl Severity {
    /// `error` or `warning`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = self.severity.as_str();
        if self.key.is_empty() {
            writeln!(f, "{severity}: {}", tame(&self.what))?;
        } else {
            writeln!(f, "{severity}: `{}` {}", tame(&self.key), tame(&self.what))?;
        }
        let number = self
            .position
            .map_or(String::new(), |(line, _)| line.to_string());
        let gutter = " ".repeat(number.len().max(1));
        write!(f, "{gutter}--> {}", tame(&self.origin))?;
        if let Some((line, column)) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        writeln!(f)?;
        if let Some(Echo { line, caret, width }) = &self.echo {
            let marks = format!("{}{}", " ".repeat(*caret), "^".repeat(*width));
            writeln!(
                f,
                "{gutter} |\n{number} | {}\n{gutter} | {marks}",
                tame(line).trim_end()
            )?;
        }
        let parts = [
            ("found", &self.found),
            ("expected", &self.expected),
            ("help", &self.hint),
        ];
        for (word, text) in parts {
            if let Some(text) = text {
                writeln!(f, "{gutter} = {word}: {}", tame(text))?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for problem in self.0.iter().take(SHOWN) {
            writeln!(f, "{problem}")?;
        }
        if let Some(more) = self.0.len().checked_sub(SHOWN + 1) {
            writeln!(f, "and {} more\n", more + 1)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Text that cannot move a cursor or colour a terminal.
fn tame(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        // Infallible: a String takes everything.
        let _ = out.write_char(match c {
            '\t' => ' ',
            c if c.is_control() => char::REPLACEMENT_CHARACTER,
            c => c,
        });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(line: usize, what: &str) -> Problem {
        Problem {
            severity: Severity::Error,
            origin: "tidegate.toml".to_owned(),
            position: Some((line, 3)),
            key: "listen".to_owned(),
            what: what.to_owned(),
            found: Some("an integer".to_owned()),
            expected: None,
            hint: None,
            echo: Some(Echo {
                line: "listen\t= 5".to_owned(),
                caret: 9,
                width: 1,
            }),
        }
    }

    #[test]
    fn p1_p2_a_problem_reads_like_a_compiler_s() {
        let problems = Problems::new(vec![
            problem(12, "is late"),
            problem(2, "has the wrong type"),
        ]);
        let text = problems.to_string();
        assert!(text.find("wrong type").unwrap() < text.find("late").unwrap());
        let expected = "\
error: `listen` has the wrong type
 --> tidegate.toml:2:3
  |
2 | listen = 5
  |          ^
  = found: an integer
";
        assert!(text.starts_with(expected), "{text}");
    }

    #[test]
    fn p3_control_characters_do_not_reach_the_terminal() {
        let text = problem(1, "\u{1b}[31mred\r\n").to_string();
        assert!(!text.contains('\u{1b}') && !text.contains('\r'), "{text:?}");
    }

    #[test]
    fn a_flood_is_counted_instead_of_printed() {
        let many = Problems::new((0..SHOWN + 7).map(|line| problem(line, "is odd")).collect());
        assert!(many.to_string().ends_with("and 7 more\n\n"));
        assert_eq!(many.to_json().as_array().unwrap().len(), SHOWN + 7);
    }
}
