//! The script of the simulated model: read from its file, told like a configuration.
//!
//! Promises: (1) no more of a file is read than a script may have; (2) of a line that could hold a
//! credential nothing is shown but its place.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use tidegate_server::config::{Echo, Problem, Problems, Severity};
use tidegate_sim::{MAX_SCRIPT, RuleStats, Rules};

/// Reads a script; all that is wrong with it is told at once.
pub(super) fn read(path: &Path) -> Result<Rules, Problems> {
    let origin = path.display().to_string();
    let bytes = bytes(path).map_err(|error| unread(&origin, format!("cannot be read: {error}")))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        let before = error.as_bytes().get(..at).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        unread(&origin, format!("is not UTF-8 in line {line}"))
    })?;
    Rules::read(&text).map_err(|problems| {
        let told = problems
            .into_iter()
            .map(|found| problem(&origin, &text, found));
        Problems::new(told.collect())
    })
}

/// One byte more than it may have, so that a file that is too large is told as such.
fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = MAX_SCRIPT as u64 + 1;
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unread(origin: &str, what: String) -> Problems {
    Problems::new(vec![Problem {
        severity: Severity::Error,
        origin: origin.to_owned(),
        position: None,
        key: String::new(),
        what: format!("the script {what}"),
        found: None,
        expected: None,
        hint: Some("name another file with `--script`".to_owned()),
        echo: None,
    }])
}

fn problem(origin: &str, text: &str, found: tidegate_sim::Problem) -> Problem {
    let line = text.lines().nth(found.line - 1).unwrap_or_default();
    Problem {
        severity: Severity::Error,
        origin: origin.to_owned(),
        position: Some((found.line, found.column)),
        key: found.key,
        what: found.what,
        found: found.found,
        expected: found.expected,
        hint: found.hint,
        echo: (!may_hold_a_credential(line)).then(|| Echo::plain(text, &found.span)),
    }
}

/// Applications are told apart by their keys, so a condition on a header may name one.
fn may_hold_a_credential(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    ["auth", "key", "cookie", "token", "secret", "bearer", "sk-"]
        .iter()
        .any(|word| line.contains(word))
}

/// How often each rule was met, as lines of a table; none without rules.
pub(super) fn summary(rules: &[RuleStats]) -> Vec<String> {
    if rules.is_empty() {
        return Vec::new();
    }
    let width = rules
        .iter()
        .map(|rule| rule.name.chars().count())
        .max()
        .unwrap_or(0)
        .max(4);
    let head = format!(
        "{:<width$}  {:>5}  {:>8}  {:>8}",
        "rule", "line", "met", "answered"
    );
    let line = |rule: &RuleStats| {
        let RuleStats {
            name,
            line,
            met,
            answered,
        } = rule;
        format!("{name:<width$}  {line:>5}  {met:>8}  {answered:>8}")
    };
    std::iter::once(head)
        .chain(rules.iter().map(line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_is_a_table() {
        let rule = |name: &str, line, met| RuleStats {
            name: name.to_owned(),
            line,
            met,
            answered: 1,
        };
        let lines = summary(&[rule("first of all", 2, 10), rule("b", 14, 1)]);
        assert_eq!(
            lines,
            [
                "rule           line       met  answered",
                "first of all      2        10         1",
                "b                14         1         1",
            ]
        );
        assert!(summary(&[]).is_empty());
    }
}
