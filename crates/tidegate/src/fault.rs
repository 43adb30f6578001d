//! Why a command of the terminal ends without success, and what to do next.
//!
//! Exit codes: 1 failed while running, 2 wrong usage, 130 Ctrl-C. A reader of
//! standard output who is gone, `head` for one, is nobody's failure: that ends
//! quietly.

use std::process::ExitCode;

use crate::check::WRONG;
use crate::interrupt::INTERRUPTED;
use crate::say;

/// The exit code of a failure while running.
pub(crate) const FAILED: u8 = 1;

/// What to say, and whose fault it is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The command line, or a variable that stands for a part of it.
    Usage(Text),
    /// Everything that was asked for correctly and did not work.
    Running(Text),
    /// Nobody reads standard output any more.
    NobodyReads,
    /// Ctrl-C.
    Interrupted,
}

/// What happened, and what to do about it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) what: String,
    pub(crate) help: Option<String>,
}

impl Fault {
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::Usage(Text {
            what: what.into(),
            help: None,
        })
    }

    pub(crate) fn running(what: impl Into<String>) -> Self {
        Self::Running(Text {
            what: what.into(),
            help: None,
        })
    }

    /// The same with what to do next.
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        if let Self::Usage(text) | Self::Running(text) = &mut self {
            text.help = Some(help.into());
        }
        self
    }

    /// What happened, for a form that machines read.
    pub(crate) fn what(&self) -> Option<&str> {
        match self {
            Self::Usage(text) | Self::Running(text) => Some(&text.what),
            Self::NobodyReads | Self::Interrupted => None,
        }
    }

    /// Says it on standard error.
    pub(crate) fn tell(&self) -> ExitCode {
        let (code, text) = match self {
            Self::Usage(text) => (WRONG, text),
            Self::Running(text) => (FAILED, text),
            Self::NobodyReads => return ExitCode::SUCCESS,
            Self::Interrupted => return ExitCode::from(INTERRUPTED),
        };
        say::error(&text.what);
        if let Some(help) = &text.help {
            say::help(help);
        }
        ExitCode::from(code)
    }
}

/// The end of a command.
pub(crate) fn end(result: Result<ExitCode, Fault>) -> ExitCode {
    result.unwrap_or_else(|fault| fault.tell())
}

/// The end of a command whose exit code says something by itself: a reader who
/// left does not change it, a result that is not written is a failure.
pub(crate) fn told(written: std::io::Result<()>, code: ExitCode) -> ExitCode {
    match written.map_err(Fault::from) {
        Ok(()) | Err(Fault::NobodyReads) => code,
        Err(fault) => fault.tell(),
    }
}

/// A failure to write to standard output.
impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            std::io::ErrorKind::BrokenPipe => Self::NobodyReads,
            _ => Self::running(format!("cannot write to standard output: {error}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Error, ErrorKind};

    use super::*;

    #[test]
    fn a_reader_who_left_is_no_failure_and_a_full_disk_is() {
        let gone = Fault::from(Error::from(ErrorKind::BrokenPipe));
        assert_eq!(gone, Fault::NobodyReads);
        let full = Fault::from(Error::from(ErrorKind::StorageFull));
        assert!(
            full.what()
                .is_some_and(|what| what.contains("cannot write"))
        );
    }
}
