//! What a request says when it asks a pool for a permit.
//!
//! 1. Whatever is not said has a plain meaning, that of [`Tag`].
//! 2. A deadline must be said: nobody waits without one.

use crate::clock::Deadline;
use crate::tag::{Priority, Tag};

/// A request for a permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// How urgent it is.
    pub priority: Priority,
    /// Who pays; tenants share the permits of a priority evenly by cost.
    pub tenant: u64,
    /// The conversation it belongs to; the sessions of a tenant take turns.
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
        let Tag {
            priority,
            tenant,
            session,
            cost,
            bytes,
        } = Tag::default();
        Self {
            priority,
            tenant,
            session,
            cost,
            bytes,
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

    pub(super) fn tag(&self) -> Tag {
        Tag {
            priority: self.priority,
            tenant: self.tenant,
            session: self.session,
            cost: self.cost,
            bytes: self.bytes,
        }
    }
}
