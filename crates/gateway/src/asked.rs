//! What one request asks of a provider, understood and bounded in time.
//!
//! It outlives each attempt, since the next one asks the same; and it holds what
//! the configuration of its time said, whatever is said by now.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use kernel::{Ask, Deadline, Instant, Priority, RetryBudget};
use tidegate_kernel as kernel;
use tidegate_wire::openai::Endpoint;

use crate::attempt::ended_failure;
use crate::failure::Failure;
use crate::provider::Provider;
use crate::settings::Bounds;
use crate::wait::Ended;

/// See the module's text.
pub(crate) struct Asked {
    pub(crate) provider: Arc<Provider>,
    /// As the upstream knows it.
    pub(crate) model: Box<str>,
    pub(crate) endpoint: Endpoint,
    /// As it goes to the upstream.
    pub(crate) body: Bytes,
    pub(crate) forwarded: HeaderMap,
    pub(crate) stream: bool,
    /// Whether the caller asked for the usage chunk itself.
    pub(crate) wants_usage: bool,
    /// The request's end.
    pub(crate) total: Instant,
    /// Whether the caller shortened it.
    pub(crate) shortened: bool,
    pub(crate) priority: Priority,
    pub(crate) tenant: u64,
    pub(crate) session: u64,
    /// Tokens, as estimated before.
    pub(crate) cost: u64,
    pub(crate) bounds: Bounds,
    /// What retries may add to the requests of the whole process.
    pub(crate) budget: RetryBudget,
}

impl Asked {
    /// What a pool is asked for.
    pub(crate) fn ask(&self) -> Ask {
        Ask::new(Deadline::at(self.total))
            .priority(self.priority)
            .tenant(self.tenant)
            .session(self.session)
            .cost(self.cost)
            .bytes(self.body.len() as u64)
    }

    pub(crate) fn ended(&self, ended: Ended) -> Failure {
        ended_failure(ended, self.shortened)
    }
}
