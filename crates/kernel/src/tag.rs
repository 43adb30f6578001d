//! What a queue knows of a thing that waits in it: how urgent it is, whose it
//! is, and how much of the shared good it takes.
//!
//! 1. Whatever is not said has a plain meaning: interactive, the tenant and
//!    the session 0, a cost of one token, no bytes.
//!
//! A value; who goes first is decided in `fair`.

/// How urgent work is. A higher one gets more of the service, never all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Work that nobody waits for.
    Batch,
    /// Work that somebody waits for.
    #[default]
    Interactive,
    /// What keeps the gateway itself in order, such as a cancel or a probe;
    /// rare and small. It has room of its own that no policy drops.
    Control,
}

impl Priority {
    /// All, the most urgent first.
    pub const ALL: [Self; 3] = [Self::Control, Self::Interactive, Self::Batch];

    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Control => "control",
            Self::Interactive => "interactive",
            Self::Batch => "batch",
        }
    }
}

/// Whose a thing is, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// How urgent it is.
    pub priority: Priority,
    /// Who pays; tenants share a priority evenly by cost.
    pub tenant: u64,
    /// The conversation it belongs to; the sessions of a tenant take turns.
    pub session: u64,
    /// Tokens it will cost, as far as is known before; at least 1 is counted.
    pub cost: u64,
    /// Bytes it holds while it waits.
    pub bytes: u64,
}

impl Default for Tag {
    fn default() -> Self {
        Self {
            priority: Priority::default(),
            tenant: 0,
            session: 0,
            cost: 1,
            bytes: 0,
        }
    }
}
