//! A part of the terminal that is drawn anew, below what stands there already.
//!
//! Nothing to restore: the cursor stands below the last drawing, always.

use std::fmt::Write as _;
use std::io;

use rustix::termios::tcgetwinsize;

use crate::say;

/// What was drawn last.
#[derive(Debug, Default)]
pub(super) struct Screen {
    lines: usize,
}

/// Whether the terminal can move its cursor.
pub(super) fn can_draw() -> bool {
    std::env::var_os("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// Columns and lines of the terminal now; a usual one where it does not say.
pub(super) fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stdout()).ok();
    let (columns, lines) = size.map_or((0, 0), |size| (size.ws_col, size.ws_row));
    let or = |value: u16, usual: usize| if value == 0 { usual } else { value.into() };
    (or(columns, 80), or(lines, 24))
}

impl Screen {
    /// Draws these lines over those of the last time, in one write.
    pub(super) fn draw(&mut self, lines: &[String]) -> io::Result<()> {
        let mut text = String::new();
        if self.lines > 0 {
            let _ = write!(text, "\x1b[{}A", self.lines);
        }
        for line in lines {
            // What the last drawing had to the right of it goes.
            let _ = writeln!(text, "{line}\x1b[K");
        }
        // And so does what it had below.
        text.push_str("\x1b[J");
        self.lines = lines.len();
        say::bytes(text.as_bytes())
    }
}
