//! Why a request did not succeed, in the one form that every step returns.
//!
//! A `Failure` carries a code of the table plus what only this case knows: the
//! message, an upstream's own status, code and type, and when to come back.
//! How it looks on the wire is decided in two places only: [`Failure::event`]
//! for a stream that has begun, and the server's `http/errors` before that.

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tidegate_types::{Code, Outcome, RequestId, Retry};
use tidegate_wire::chat::Failed;
use tidegate_wire::openai::error;
use tidegate_wire::{anthropic, responses};

use crate::endpoint::Manner;

/// A failure or refusal on its way to the caller.
#[derive(Debug, Clone)]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// One or two sentences: what happened and what to do.
    pub message: Cow<'static, str>,
    /// The field that is wrong, if one is.
    pub param: Option<String>,
    /// When it is worth coming back.
    pub retry_after: Option<Duration>,
    /// What the upstream said of itself, passed on where it is safe.
    pub upstream: Option<Box<UpstreamSays>>,
    /// Where the time went.
    pub spent: Spent,
    /// Whether Tidegate made further attempts, or would have.
    pub gave_up: bool,
}

/// Where the time of a request went.
#[derive(Debug, Clone, Copy, Default)]
pub struct Spent {
    /// Waiting for a permit.
    pub queued: Duration,
    /// From the permit to the answer's first content, or to its end.
    pub upstream: Duration,
}

/// The parts of an upstream's error that a caller of the same dialect expects.
#[derive(Debug, Clone, Default)]
pub struct UpstreamSays {
    /// Its status, kept for its refusals of the request itself.
    pub status: Option<u16>,
    /// Its `type` field.
    pub kind: Option<String>,
    /// Its `code` field.
    pub code: Option<String>,
    /// What it meant, where another model might not mind.
    pub(crate) meaning: Option<Meaning>,
    /// Its rate-limit headers and request id, already filtered.
    pub headers: HeaderMap,
    /// What it said, or what was seen of it, that is for the operator and not
    /// for the caller; redacted.
    pub aside: Option<String>,
}

/// Why an upstream refused a request that another one may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// It has more tokens than the model reads.
    TooLong,
    /// Its content, or the answer's, was not liked.
    Refused,
}

impl Failure {
    /// A failure with nothing but a code and a message.
    pub fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            message: message.into(),
            param: None,
            retry_after: None,
            upstream: None,
            spent: Spent::default(),
            gave_up: false,
        }
    }

    /// The same, with what is for the log and not for the caller.
    pub fn with_aside(mut self, aside: impl Into<String>) -> Self {
        let says = self.upstream.get_or_insert_default();
        says.aside = Some(aside.into());
        self
    }

    /// What is for the log and not for the caller.
    pub fn aside(&self) -> Option<&str> {
        self.upstream.as_ref()?.aside.as_deref()
    }

    /// The upstream's own status, or the one that an error of its would have had;
    /// none where it has not spoken.
    pub(crate) fn upstream_status(&self) -> Option<u16> {
        self.upstream.as_ref()?.status
    }

    /// Why the upstream refused it, if another one may take it.
    pub(crate) fn meaning(&self) -> Option<Meaning> {
        self.upstream.as_ref()?.meaning
    }

    /// The same, naming the field that is wrong.
    pub fn with_param(mut self, param: impl Into<String>) -> Self {
        self.param = Some(param.into());
        self
    }

    /// The same, saying when to come back.
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.retry_after = Some(after);
        self
    }

    /// The HTTP status while no byte of the answer has gone out.
    pub fn status(&self, manner: Manner) -> u16 {
        let own = match manner {
            Manner::OpenAi | Manner::Responses => self.code.status(),
            Manner::Anthropic => anthropic::status(self.code),
        };
        match (&self.upstream, self.code) {
            (Some(says), Code::UpstreamRejected) => says.status.unwrap_or(own),
            _ => own,
        }
    }

    /// Whether an SDK should try again by itself; `None` leaves it to its own
    /// rules. Only one layer retries: where we gave up, it shall not, unless we
    /// can say when it is of use (controls A.5).
    pub fn should_retry(&self) -> Option<bool> {
        match self.code.retry() {
            Retry::No => Some(false),
            Retry::Later if self.retry_after.is_some() => Some(true),
            Retry::Later => self.gave_up.then_some(false),
        }
    }

    /// The ledger's outcome of a request that an attempt had begun for.
    pub fn outcome(&self) -> Outcome {
        Outcome::failed(self.code)
    }

    /// The ledger's outcome when no attempt had begun.
    pub fn refusal(&self) -> Outcome {
        match self.code {
            // A defect is no decision (contracts 2).
            Code::Internal => self.outcome(),
            code => Outcome::Refused { code },
        }
    }

    /// The same as whoever writes a caller's stream is told it.
    pub(crate) fn failed(&self) -> Failed<'_> {
        let (shown, kind) = self.shown();
        Failed {
            code: self.code,
            shown,
            kind,
            message: &self.message,
            param: self.param.as_deref(),
        }
    }

    /// The fields `code` and `type` of OpenAI's form: an upstream's own where it
    /// refused the request and has them.
    fn shown(&self) -> (&str, &str) {
        let says = self.upstream.as_ref();
        let code = says.and_then(|says| says.code.as_deref());
        let kind = says.and_then(|says| says.kind.as_deref());
        (
            code.unwrap_or(self.code.as_str()),
            kind.unwrap_or(self.code.kind()),
        )
    }

    /// The JSON body; `id` is the request's own.
    pub fn body(&self, manner: Manner, id: Option<RequestId>) -> Bytes {
        let (code, kind) = self.shown();
        match manner {
            Manner::OpenAi | Manner::Responses => {
                error::render(code, kind, &self.message, self.param.as_deref())
            }
            Manner::Anthropic => {
                let id = id.map(|id| id.to_string());
                anthropic::write_error(self.status(manner), &self.message, id.as_deref())
            }
        }
    }

    /// The event that ends a stream; the last thing its caller gets. `number` is its
    /// place among the events of the stream, from 0, which one dialect tells.
    pub fn event(&self, manner: Manner, number: u64) -> Bytes {
        let (code, kind) = self.shown();
        let param = self.param.as_deref();
        match manner {
            Manner::OpenAi => error::render_event(code, kind, &self.message, param),
            Manner::Responses => responses::write_error_event(&self.failed(), number),
            Manner::Anthropic => anthropic::write_error_event(self.status(manner), &self.message),
        }
    }
}
