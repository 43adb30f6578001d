//! Colours: on a terminal only, and never where `NO_COLOR` is set.
//!
//! `CLICOLOR_FORCE` asks for them elsewhere; `NO_COLOR` wins, and an empty
//! variable counts as not set. It is what clap does with its own texts.

use anstream::{AutoStream, ColorChoice};
use clap::builder::styling::{AnsiColor, Style};

/// How words on one stream are set apart.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Paint {
    coloured: bool,
}

impl Paint {
    pub(crate) fn stdout() -> Self {
        Self {
            coloured: AutoStream::choice(&std::io::stdout()) != ColorChoice::Never,
        }
    }

    pub(crate) fn stderr() -> Self {
        Self {
            coloured: AutoStream::choice(&std::io::stderr()) != ColorChoice::Never,
        }
    }

    /// For texts that nobody looks at.
    #[cfg(test)]
    pub(crate) fn never() -> Self {
        Self { coloured: false }
    }

    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    pub(crate) fn strong(self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(crate) fn faint(self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(crate) fn bad(self, text: &str) -> String {
        self.with(AnsiColor::Red.on_default().bold(), text)
    }

    pub(crate) fn good(self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default().bold(), text)
    }

    fn with(self, style: Style, text: &str) -> String {
        match self.coloured {
            true => format!("{style}{text}{style:#}"),
            false => text.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_set_apart_or_left_as_they_are() {
        let plain = Paint { coloured: false };
        let coloured = Paint { coloured: true };
        assert_eq!(plain.bad("error:"), "error:");
        assert_eq!(coloured.strong("ID"), "\u{1b}[1mID\u{1b}[0m");
    }
}
