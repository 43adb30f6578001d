//! How a task, or a piece of bounded work, ended.
//!
//! 1. Every task ends with exactly one `Exit`; there is no sixth way.
//! 2. A panic is an exit like the others: it reaches whoever waits, with its
//!    message.
//!
//! A request's outcome is not an `Exit`: that one stands in the ledger.

/// Any error, as it is handed on.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The one end of a task or of bounded work.
#[derive(Debug)]
pub enum Exit<T> {
    /// It ran to its end; what it gave.
    Done(T),
    /// It was cancelled or aborted before its end.
    Cancelled,
    /// It ran to its end and gave an error.
    Failed(BoxError),
    /// It panicked; the message of the panic.
    Panicked(String),
    /// Its deadline passed before its end.
    TimedOut,
}

impl<T> Exit<T> {
    /// What it gave, if it was done.
    pub fn done(self) -> Option<T> {
        match self {
            Self::Done(value) => Some(value),
            _ => None,
        }
    }

    /// Whether it was done.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done(_))
    }

    /// A stable label for metrics and logs.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Done(_) => "done",
            Self::Cancelled => "cancelled",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut => "timed_out",
        }
    }
}

impl<T, E: Into<BoxError>> Exit<Result<T, E>> {
    /// An error that the work gave becomes the exit [`Exit::Failed`].
    pub fn flatten(self) -> Exit<T> {
        match self {
            Self::Done(Ok(value)) => Exit::Done(value),
            Self::Done(Err(error)) => Exit::Failed(error.into()),
            Self::Cancelled => Exit::Cancelled,
            Self::Failed(error) => Exit::Failed(error),
            Self::Panicked(message) => Exit::Panicked(message),
            Self::TimedOut => Exit::TimedOut,
        }
    }
}
