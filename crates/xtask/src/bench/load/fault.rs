//! What can be wrong with an answer.
//!
//! Faults are counted by kind and printed beside the figures, so that a gateway
//! that answers wrongly cannot look fast.

use std::fmt;

/// Why a call did not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// Another status than 200.
    Status(u16),
    /// Framing that is not HTTP/1.1, or bytes behind the answer.
    Malformed,
    /// The connection ended inside the answer.
    Cut,
    /// The body is not the kind, or not the size, that the upstream sends.
    Body,
    /// A stream with another number of events than the upstream sends.
    Events,
    /// A stream without `[DONE]` as its last event.
    NotDone,
    /// A stream with an error event.
    ErrorEvent,
    /// Still open when the grace was over.
    Late,
    /// An open loop could not start the call before the grace was over.
    NeverStarted,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Status(status) => return write!(f, "status {status}"),
            Self::Malformed => "malformed answer",
            Self::Cut => "connection cut",
            Self::Body => "wrong body",
            Self::Events => "wrong number of events",
            Self::NotDone => "no [DONE]",
            Self::ErrorEvent => "error event",
            Self::Late => "never ended",
            Self::NeverStarted => "never started",
        };
        f.write_str(text)
    }
}
