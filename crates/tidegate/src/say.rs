//! Standard output and error as places to write to.
//!
//! A reader who is gone is not our failure: what cannot be written is let go.

use std::fmt::Display;
use std::io::Write as _;

/// Writes a result to standard output, at once.
pub(crate) fn out(text: impl Display) {
    let mut stdout = std::io::stdout().lock();
    let _ = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes something about a result to standard error.
pub(crate) fn err(text: impl Display) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
