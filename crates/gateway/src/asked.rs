//! What one request asks of a provider, understood and bounded in time.
//!
//! It outlives each attempt, since the next one asks the same; and it holds what
//! the configuration of its time said, whatever is said by now.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use kernel::{Ask, Deadline, Instant, Priority, RetryBudget};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::attempt::ended_failure;
use crate::endpoint::Manner;
use crate::errand::Subject;
use crate::failure::Failure;
use crate::provider::Provider;
use crate::settings::{Bounds, Timeouts};
use crate::translate::Translation;
use crate::upstream::{Load, Target};
use crate::wait::Ended;

/// See the module's text.
pub(crate) struct Asked {
    pub(crate) provider: Arc<Provider>,
    /// As the upstream knows it.
    pub(crate) model: Box<str>,
    pub(crate) subject: Subject,
    /// As it goes to the upstream.
    pub(crate) load: Load,
    pub(crate) forwarded: HeaderMap,
    pub(crate) stream: bool,
    /// Where caller and provider speak different dialects.
    pub(crate) translation: Option<Translation>,
    /// How the caller is told of failures.
    pub(crate) manner: Manner,
    /// Whether the caller asked for the usage chunk itself.
    pub(crate) wants_usage: bool,
    /// The timers of each attempt.
    pub(crate) timeouts: Timeouts,
    /// The request's end.
    pub(crate) total: Instant,
    /// Whether the caller shortened it.
    pub(crate) shortened: bool,
    /// A target that gave no content for so long is left for another one.
    pub(crate) slow_after: Option<Duration>,
    /// Another target can be asked: this one is not waited for.
    pub(crate) elsewhere: bool,
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
            .bytes(self.load.len() as u64)
    }

    /// Whether another attempt after `failure` could do nothing twice: it was
    /// not begun, or doing it again is as good as doing it once.
    pub(crate) fn repeats_after(&self, failure: &Failure) -> bool {
        let Subject::Errand(errand) = &self.subject else {
            return true;
        };
        let begun = !matches!(
            failure.code,
            Code::UpstreamUnreachable
                | Code::UpstreamRateLimited
                | Code::UpstreamOverloaded
                | Code::InsufficientQuota
                | Code::UpstreamAuth
        );
        !self.load.is_spent() && (errand.kind.repeats() || !begun)
    }

    /// Whether its request may go out on a connection that rested: one that
    /// turns out closed costs a second sending.
    pub(crate) fn may_be_sent_twice(&self) -> bool {
        match &self.subject {
            Subject::Model(_) => true,
            Subject::Errand(errand) => errand.kind.repeats(),
        }
    }

    /// What of the upstream is asked.
    pub(crate) fn target(&self) -> Target<'_> {
        let translation = self.translation.as_ref();
        Target {
            subject: &self.subject,
            model: &self.model,
            stream: self.stream,
            path: translation.and_then(Translation::path),
        }
    }

    pub(crate) fn ended(&self, ended: Ended) -> Failure {
        ended_failure(ended, self.shortened)
    }
}
