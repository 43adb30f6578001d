//! How a request ended: every request has exactly one outcome, written once.
//!
//! The labels are stable: metrics and logs are read by programs.

use crate::{Code, Fault};

/// The terminal outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The last upstream byte was handed to the HTTP writer.
    Completed,
    /// It was attempted and did not succeed.
    Failed {
        /// Whose fault it was.
        fault: Fault,
        /// What the caller was told.
        code: Code,
    },
    /// Somebody asked for it to stop.
    Cancelled {
        /// Who asked.
        by: CancelledBy,
    },
    /// Our "no", said before any attempt.
    Refused {
        /// What the caller was told.
        code: Code,
    },
}

/// Who asked for a request to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CancelledBy {
    /// The caller closed its side, or stopped reading for too long.
    Caller,
    /// An operator named the request's id.
    Operator,
    /// The process is draining and its deadline passed.
    Shutdown,
}

impl Outcome {
    /// A failure with the fault that its code usually has.
    pub fn failed(code: Code) -> Self {
        Self::Failed {
            fault: code.fault(),
            code,
        }
    }

    /// The stable label that metrics and logs use for the detail.
    pub fn label(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Failed { code, .. } | Self::Refused { code } => code.as_str(),
            Self::Cancelled {
                by: CancelledBy::Caller,
            } => "caller",
            Self::Cancelled {
                by: CancelledBy::Operator,
            } => "operator",
            Self::Cancelled {
                by: CancelledBy::Shutdown,
            } => "shutdown",
        }
    }
}
