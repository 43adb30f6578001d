//! What one attempt holds at its target: permits and the breakers' passes.
//!
//! Promises: 1. it ends once, and tells its end to the breaker, the limit, the
//! key and the meter, each in its own words; 2. dropped without an end it is
//! nobody's failure, and everything comes back all the same (INV-PERMIT).

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kernel::{Clock, Instant, Pass, Permit, Signal, Verdict};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Usage};

use crate::asked::Asked;
use crate::consequence::{Consequence, KeyIs};
use crate::errand::{ErrandKind, Subject};
use crate::failure::Failure;
use crate::load::Ended;
use crate::provider::Provider;
use crate::target::Target;
use crate::upstream::Course;

/// See the module's text.
pub(crate) struct Stake {
    provider: Arc<Provider>,
    target: Arc<Target>,
    permit: Permit,
    gate: Option<Permit>,
    /// Taken when the attempt ends.
    passes: Option<Passes>,
    clock: Clock,
    /// When the request went out.
    sent: Option<Instant>,
    /// The upload that it sends, if it sends one.
    course: Option<Arc<Course>>,
    /// From then to the first content, without the time that an upload's caller
    /// took.
    first: Option<Duration>,
    /// What the request weighs, in tokens.
    input: u64,
    /// Whether its first content comes before its last.
    streams: bool,
    /// What its time says of the upstream's.
    takes: Takes,
}

/// Whose the time from the sending to the end of an attempt is: a limit learns
/// from the upstream's only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// The upstream's.
    All,
    /// The upstream's until the first content; then its caller reads.
    First,
    /// Its caller's too, who sends meanwhile.
    Nothing,
}

impl Takes {
    fn of(subject: &Subject) -> Self {
        match subject {
            Subject::Model(_) => Self::All,
            Subject::Errand(errand) if errand.kind == ErrandKind::Upload => Self::Nothing,
            Subject::Errand(_) => Self::First,
        }
    }
}

struct Passes {
    /// Only where the key is being tried again: of a key that is taken there is
    /// nothing to tell until it is refused.
    key: Option<Pass>,
    target: Pass,
}

/// The permits of an attempt, before it is known whether it may begin.
pub(crate) struct Permits {
    pub(crate) pool: Permit,
    pub(crate) gate: Option<Permit>,
    /// When the last of them came.
    pub(crate) since: Instant,
}

impl Stake {
    /// Begins at `target`; gives the permits back if a breaker opened, or the
    /// upstream limited its rate, while they were waited for.
    pub(crate) fn new(
        target: Arc<Target>,
        permits: Permits,
        asked: &Asked,
        clock: Clock,
    ) -> Option<Self> {
        let now = permits.since;
        target.fit(now).ok()?;
        let passes = Passes {
            key: match target.key.breaker.is_closed() {
                true => None,
                false => Some(target.key.breaker.try_pass().ok()?),
            },
            target: target.breaker.try_pass().ok()?,
        };
        target.burden.begin();
        let busy = asked.provider.running.fetch_add(1, Ordering::Relaxed) + 1;
        let gate = permits.gate.as_ref();
        let waited = |permit: &Permit| !permit.waited().is_zero();
        let waited = waited(&permits.pool) || gate.is_some_and(waited);
        asked.provider.load.began(now, waited, busy);
        Some(Self {
            provider: Arc::clone(&asked.provider),
            target,
            permit: permits.pool,
            gate: permits.gate,
            passes: Some(passes),
            clock,
            sent: None,
            course: None,
            first: None,
            input: asked.cost,
            streams: asked.stream,
            takes: Takes::of(&asked.subject),
        })
    }

    /// The request goes out now.
    pub(crate) fn sends(&mut self, now: Instant) {
        self.sent = Some(now);
    }

    /// The upload that goes with it tells how long its caller was waited for.
    pub(crate) fn carries(&mut self, course: &Arc<Course>) {
        self.course = Some(Arc::clone(course));
    }

    /// What the upstream said of its room, or showed.
    pub(crate) fn signal(&self, signal: Signal, now: Instant) {
        // A time to wait is this target's: the others share the pool, and need
        // not wait for it to grow.
        let shared = match signal {
            Signal::Overloaded { .. } => Signal::Overloaded { retry_after: None },
            other => other,
        };
        self.provider.pool.signal_at(shared, now);
        if let Some(gate) = &self.target.gate {
            gate.signal_at(signal, now);
        }
    }

    /// The first content is here: a breaker that was probing has its answer,
    /// however long the rest may take.
    pub(crate) fn first_content(&mut self) {
        if self.first.is_none() {
            self.first_content_at(self.clock.now());
        }
    }

    fn first_content_at(&mut self, now: Instant) {
        let (Some(sent), None) = (self.sent, self.first) else {
            return;
        };
        let course = self.course.as_ref();
        let callers = course.map_or(Duration::ZERO, |course| course.waited(now));
        let took = now.saturating_duration_since(sent).saturating_sub(callers);
        self.first = Some(took);
        self.target.burden.answered(took, now);
        if let Some(passes) = &mut self.passes {
            passes.key.iter_mut().for_each(Pass::progressed);
            passes.target.progressed();
        }
    }

    /// It ended as it should.
    pub(crate) fn succeeded(mut self, usage: Option<Usage>) {
        let now = self.clock.now();
        self.first_content_at(now);
        let took = self.sent.map_or(Duration::ZERO, |sent| now - sent);
        self.settle_permits(usage);
        let seen = match self.takes {
            Takes::All => Some(took),
            Takes::First => self.first,
            Takes::Nothing => None,
        };
        if let Some(took) = seen {
            let succeeded = Signal::Succeeded {
                first_token: self.first.filter(|_| self.streams),
                input_tokens: self.input,
                took,
            };
            self.signal(succeeded, now);
        }
        let first_token = self.first.filter(|_| self.streams);
        self.ended(Ended::Good { took, first_token }, now);
        if let Some(passes) = self.passes.take() {
            taken(passes.key);
            passes.target.settle_at(Verdict::Succeeded, now);
        }
    }

    /// It failed, before its first content or after it.
    pub(crate) fn failed(mut self, failure: &Failure, usage: Option<Usage>) {
        let (is, now) = (Consequence::of(failure), self.clock.now());
        self.settle_permits(usage);
        if let Some(signal) = is.limit {
            self.signal(signal, now);
        }
        self.ended(is.traffic, now);
        let Some(passes) = self.passes.take() else {
            return;
        };
        // Slow is no failure, but no reason to come back either.
        if is.breaker == Verdict::Failed || failure.code == Code::UpstreamSlow {
            self.target.burden.failed(now);
        }
        let key = &self.target.key;
        match is.key {
            KeyIs::Unknown => drop(passes.key),
            KeyIs::Good | KeyIs::Forbidden => taken(passes.key),
            KeyIs::Limited => {
                let after = failure.retry_after.unwrap_or(Duration::from_secs(1));
                self.target.rest(after, now);
                taken(passes.key);
            }
            KeyIs::Spent => {
                key.spent(failure.retry_after);
                drop(passes.key);
            }
            KeyIs::Refused => {
                let pass = passes.key.or_else(|| key.breaker.try_pass().ok());
                pass.into_iter()
                    .for_each(|pass| pass.settle(Verdict::Failed));
            }
        }
        passes.target.settle(is.breaker);
    }

    /// Its caller left, or it was ended from outside: no sample of anything.
    pub(crate) fn left(mut self, usage: Option<Usage>) {
        self.settle_permits(usage);
        self.ended(Ended::Void, self.clock.now());
    }

    fn ended(&self, how: Ended, now: Instant) {
        self.provider.load.ended(now, how);
    }

    /// The estimate of what it costs becomes the truth.
    fn settle_permits(&mut self, usage: Option<Usage>) {
        let Some(usage) = usage else {
            return;
        };
        let cost = usage.input.saturating_add(usage.output);
        self.permit.settle(cost);
        if let Some(gate) = &mut self.gate {
            gate.settle(cost);
        }
    }
}

/// The upstream took the key.
fn taken(key: Option<Pass>) {
    key.into_iter()
        .for_each(|pass| pass.settle(Verdict::Succeeded));
}

impl Drop for Stake {
    fn drop(&mut self) {
        self.target.burden.end();
        self.provider.running.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Stake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stake")
            .field("provider", &self.provider.name)
            .field("model", &self.target.model)
            .field("key", &self.target.key.name)
            .finish()
    }
}
