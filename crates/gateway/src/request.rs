//! The live description of one request, and the ticket that settles it.
//!
//! Promises: 1. a [`Ticket`] settles the ledger exactly once, on every path,
//! also when it is merely dropped; 2. the permit of an attempt comes back no
//! later than that; 3. whoever holds the [`Request`] (debug page, drain,
//! operator) can see its stage and halt it, and never keeps it alive.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use kernel::{ByteShare, Class, Clock, Entry, Halt, Instant, Permit, Why};
use tidegate_kernel as kernel;
use tidegate_types::{CancelledBy, Code, Outcome, RequestId, Usage};

use crate::failure::{Failure, Spent};
use crate::meter::Meter;
use crate::provider::Provider;

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Its body is being read.
    Reading,
    /// It waits for a permit of its provider's pool.
    Queued,
    /// A connection to the upstream is being made.
    Connecting,
    /// It was sent, and the upstream has not begun to answer.
    Waiting,
    /// The answer's head is there, its first content is not.
    Prefill,
    /// Content flows.
    Streaming,
}

impl Stage {
    const ALL: [Self; 6] = [
        Self::Reading,
        Self::Queued,
        Self::Connecting,
        Self::Waiting,
        Self::Prefill,
        Self::Streaming,
    ];

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Waiting => "waiting",
            Self::Prefill => "prefill",
            Self::Streaming => "streaming",
        }
    }

    /// What a request in this stage waits for.
    pub fn waits_for(self) -> &'static str {
        match self {
            Self::Reading => "the caller's body",
            Self::Queued => "a permit of the provider's pool",
            Self::Connecting => "the upstream's connection",
            Self::Waiting => "the upstream's answer",
            Self::Prefill => "the first content",
            Self::Streaming => "the next event, or the caller to read",
        }
    }
}

/// One request in flight, as everybody may see it.
#[derive(Debug)]
pub struct Request {
    /// Our id of it.
    pub id: RequestId,
    /// The endpoint's path.
    pub endpoint: &'static str,
    /// When it was admitted.
    pub started: Instant,
    /// Ends it from outside, in whatever stage.
    pub halt: Halt,
    model: OnceLock<Box<str>>,
    provider: OnceLock<Arc<str>>,
    stage: AtomicU8,
    stage_since_micros: AtomicU64,
}

impl Request {
    pub(crate) fn new(id: RequestId, endpoint: &'static str, started: Instant) -> Self {
        Self {
            id,
            endpoint,
            started,
            halt: Halt::new(),
            model: OnceLock::new(),
            provider: OnceLock::new(),
            stage: AtomicU8::new(Stage::Reading as u8),
            stage_since_micros: AtomicU64::new(0),
        }
    }

    /// The model's name as the caller wrote it, once it is known.
    pub fn model(&self) -> Option<&str> {
        self.model.get().map(AsRef::as_ref)
    }

    /// The provider's name, once it is routed.
    pub fn provider(&self) -> Option<&str> {
        self.provider.get().map(AsRef::as_ref)
    }

    /// The stage it is in.
    pub fn stage(&self) -> Stage {
        let index = usize::from(self.stage.load(Ordering::Relaxed));
        Stage::ALL.get(index).copied().unwrap_or(Stage::Streaming)
    }

    /// How long it has been in that stage.
    pub fn stage_age(&self, now: Instant) -> Duration {
        let since = Duration::from_micros(self.stage_since_micros.load(Ordering::Relaxed));
        now.duration_since(self.started).saturating_sub(since)
    }

    pub(crate) fn enter(&self, stage: Stage, now: Instant) {
        let since = now.duration_since(self.started).as_micros();
        self.stage_since_micros
            .store(u64::try_from(since).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.stage.store(stage as u8, Ordering::Relaxed);
    }

    fn name_model(&self, model: &str) {
        // The first name wins: a request has one model.
        let _ = self.model.set(model.into());
    }

    fn name_provider(&self, provider: &Arc<str>) {
        let _ = self.provider.set(Arc::clone(provider));
    }
}

/// The right, and the duty, to settle one request.
#[derive(Debug)]
pub struct Ticket {
    entry: Option<Entry<Request>>,
    permit: Option<Permit>,
    meter: Option<Arc<Meter>>,
    body: ByteShare,
    clock: Clock,
    /// Tokens, as the upstream told or as estimated.
    pub(crate) usage: Option<Usage>,
    /// When it asked for a permit, and when it got one.
    asked: Option<Instant>,
    permitted: Option<Instant>,
}

impl Ticket {
    pub(crate) fn new(entry: Entry<Request>, body: ByteShare, clock: Clock) -> Self {
        Self {
            entry: Some(entry),
            permit: None,
            meter: None,
            body,
            clock,
            usage: None,
            asked: None,
            permitted: None,
        }
    }

    /// The request that this ticket settles; `None` only after it was settled.
    pub fn request(&self) -> Option<&Request> {
        self.entry.as_deref()
    }

    /// Takes room for `bytes` more of the body.
    ///
    /// # Errors
    /// `overloaded`, if the bodies of others hold it.
    pub fn hold_body(&mut self, bytes: u64) -> Result<(), Failure> {
        self.body.grow(bytes).map_err(|_| {
            let text = "Too many large bodies are held at once (`limits.bodies`); try again.";
            Failure::new(Code::Overloaded, text).with_retry_after(Duration::from_secs(1))
        })
    }

    /// The body is not needed any more.
    pub(crate) fn let_body_go(&mut self) {
        self.body.clear();
    }

    pub(crate) fn halt(&self) -> Option<&Halt> {
        self.request().map(|request| &request.halt)
    }

    /// It is `provider`'s from now on, for the debug page and for the counts.
    pub(crate) fn assign(&mut self, provider: &Provider, model: &str) {
        self.meter = Some(Arc::clone(&provider.meter));
        if let Some(request) = self.request() {
            request.name_model(model);
            request.name_provider(&provider.name);
        }
    }

    pub(crate) fn enter(&self, stage: Stage) {
        if let Some(request) = self.request() {
            request.enter(stage, self.clock.now());
        }
    }

    /// The same, for a stage that may be entered already; it keeps its time.
    pub(crate) fn enter_once(&self, stage: Stage) {
        if self
            .request()
            .is_some_and(|request| request.stage() != stage)
        {
            self.enter(stage);
        }
    }

    /// It asks for a permit now.
    pub(crate) fn ask(&mut self) {
        self.asked = Some(self.clock.now());
        self.enter(Stage::Queued);
    }

    /// Where its time went, up to now.
    pub(crate) fn spent(&self) -> Spent {
        let now = self.clock.now();
        let since = |then: Option<Instant>| then.map_or(Duration::ZERO, |then| now - then);
        let upstream = since(self.permitted);
        Spent {
            queued: since(self.asked).saturating_sub(upstream),
            upstream,
        }
    }

    pub(crate) fn hold(&mut self, permit: Permit) {
        self.permitted = Some(self.clock.now());
        self.permit = Some(permit);
    }

    /// Gives the permit back before the end: the upstream has done its part.
    pub(crate) fn release(&mut self) {
        self.permit = None;
    }

    /// Settles as a failure of an attempt, or as a refusal when none began.
    pub fn fail(&mut self, failure: &Failure) {
        let outcome = match self.halt().and_then(Halt::why) {
            Some(Why::Operator) => Outcome::Cancelled {
                by: CancelledBy::Operator,
            },
            Some(Why::Shutdown) if self.permit.is_some() => Outcome::Cancelled {
                by: CancelledBy::Shutdown,
            },
            _ if self.permit.is_some() => failure.outcome(),
            _ => failure.refusal(),
        };
        self.settle(outcome);
    }

    /// Writes the outcome. The first call counts; later ones find nothing to do.
    pub fn settle(&mut self, outcome: Outcome) {
        self.permit = None;
        let Some(entry) = self.entry.take() else {
            return;
        };
        let now = self.clock.now();
        tracing::debug!(
            id = %entry.id,
            endpoint = entry.endpoint,
            model = entry.model(),
            provider = entry.provider(),
            outcome = outcome.label(),
            total_ms = now.duration_since(entry.started).as_millis() as u64,
            queue_ms = self.spent().queued.as_millis() as u64,
            input_tokens = self.usage.map(|usage| usage.input),
            output_tokens = self.usage.map(|usage| usage.output),
            "request ended"
        );
        if let Some(meter) = &self.meter {
            meter.ended(class(outcome), self.usage);
        }
        entry.settle(class(outcome), outcome.label());
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.entry.is_none() {
            return;
        }
        let outcome = if std::thread::panicking() {
            Outcome::failed(Code::Internal)
        } else {
            let by = match self.halt().and_then(Halt::why) {
                Some(Why::Operator) => CancelledBy::Operator,
                Some(Why::Shutdown | Why::Closed) => CancelledBy::Shutdown,
                _ => CancelledBy::Caller,
            };
            Outcome::Cancelled { by }
        };
        self.settle(outcome);
    }
}

fn class(outcome: Outcome) -> Class {
    match outcome {
        Outcome::Completed => Class::Completed,
        Outcome::Failed { .. } => Class::Failed,
        Outcome::Cancelled { .. } => Class::Cancelled,
        Outcome::Refused { .. } => Class::Refused,
    }
}
