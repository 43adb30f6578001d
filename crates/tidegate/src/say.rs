//! Standard output and error as places to write to.
//!
//! A reader who is gone is not our failure: what cannot be written about a
//! result is let go. Texts of others cannot command the terminal.

use std::borrow::Cow;
use std::fmt::Display;
use std::io::{self, Write as _};

use serde::Serialize;

use crate::paint::Paint;

/// Writes a result to standard output, at once.
pub(crate) fn out(text: impl Display) {
    let _ = result(text);
}

/// The same, and says whether it could be written.
pub(crate) fn result(text: impl Display) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{text}").and_then(|()| stdout.flush())
}

/// Writes an object to standard output, on one line in the order of its fields.
pub(crate) fn json(object: &impl Serialize) -> io::Result<()> {
    result(serde_json::to_string(object)?)
}

/// Writes bytes of a result to standard output as they are, at once.
pub(crate) fn bytes(bytes: &[u8]) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush())
}

/// Writes something about a result to standard error.
pub(crate) fn err(text: impl Display) {
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes why there is no result.
pub(crate) fn error(text: impl Display) {
    err(format_args!("{} {text}", Paint::stderr().bad("error:")));
}

/// Writes what to do next.
pub(crate) fn help(text: impl Display) {
    err(format_args!("  {} {text}", Paint::stderr().good("help:")));
}

/// Writes something that is good to know.
pub(crate) fn note(text: impl Display) {
    err(format_args!("{} {text}", Paint::stderr().strong("note:")));
}

/// A text of somebody else for a terminal: without the characters that move its
/// cursor, change its title or colours, or delete what stands there.
pub(crate) fn harmless(text: &str) -> Cow<'_, str> {
    let keeps = |c: char| !c.is_control() || matches!(c, '\n' | '\t');
    if text.chars().all(keeps) {
        return Cow::Borrowed(text);
    }
    let text = text.replace("\r\n", "\n");
    let shown = |c| {
        if keeps(c) {
            c
        } else {
            char::REPLACEMENT_CHARACTER
        }
    };
    Cow::Owned(text.chars().map(shown).collect())
}

/// The same on one line.
pub(crate) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_others_cannot_command_a_terminal() {
        assert_eq!(harmless("# a\n\t`b` é\n"), "# a\n\t`b` é\n");
        assert_eq!(harmless("a\r\nb"), "a\nb");
        assert_eq!(
            harmless("\u{1b}[2Jx\u{9b}1m\u{7}"),
            "\u{fffd}[2Jx\u{fffd}1m\u{fffd}"
        );
        assert_eq!(one_line("a\nb\u{1b}c"), "a b c");
    }
}
