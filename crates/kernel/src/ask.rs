//! What a request says when it asks a pool for a permit.
//!
//! 1. Whatever is not said has a plain meaning: interactive, the tenant and
//!    the session 0, a cost of one token, no bytes.
//! 2. A deadline must be said: nobody waits without one.
//!
//! A value; who is served when is decided in `fair`.

use crate::clock::Deadline;

/// How urgent work is. A higher one gets more of the permits, never all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Work that nobody waits for.
    Batch,
    /// Work that somebody waits for.
    Interactive,
    /// What keeps the gateway itself in order, such as a probe; rare and small.
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

/// A request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How urgent it is.
    pub priority: Priority,
    /// Who pays; tenants share the permits of a priority evenly by cost.
    pub tenant: u64,
    /// The conversation it belongs to; sessions of a tenant share its part.
    pub session: u64,
    /// Tokens it will cost, as far as is known before.
    pub cost: u64,
    /// Bytes it holds while it waits.
    pub bytes: u64,
    /// When its answer is of no use any more.
    pub deadline: Deadline,
}

impl Ask {
    /// An interactive request of tenant 0 and session 0 that costs one token.
    pub fn new(deadline: Deadline) -> Self {
        Self {
            priority: Priority::Interactive,
            tenant: 0,
            session: 0,
            cost: 1,
            bytes: 0,
            deadline,
        }
    }

    /// The same with this urgency.
    #[must_use]
    pub fn priority(self, priority: Priority) -> Self {
        Self { priority, ..self }
    }

    /// The same for this tenant.
    #[must_use]
    pub fn tenant(self, tenant: u64) -> Self {
        Self { tenant, ..self }
    }

    /// The same for this session of its tenant.
    #[must_use]
    pub fn session(self, session: u64) -> Self {
        Self { session, ..self }
    }

    /// The same with this estimate, in tokens.
    #[must_use]
    pub fn cost(self, cost: u64) -> Self {
        Self { cost, ..self }
    }

    /// The same with so many bytes.
    #[must_use]
    pub fn bytes(self, bytes: u64) -> Self {
        Self { bytes, ..self }
    }
}
