//! The live description of one request, and the ticket that settles it.
//!
//! Promises: 1. a [`Ticket`] settles the ledger exactly once, on every path,
//! also when it is merely dropped; 2. what an attempt holds comes back no
//! later than that; 3. whoever holds the [`Request`] (debug page, drain,
//! operator) can see its stage and halt it, and never keeps it alive.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use kernel::sync::Mutex;
use kernel::{Acquire, ByteShare, Class, Clock, Entry, Halt, Instant, Pool, Pulse, Why};
use tidegate_kernel as kernel;
use tidegate_types::{CancelledBy, Code, Outcome, RequestId, Usage};

use crate::attempt::ended_failure;
use crate::failure::{Failure, Spent};
use crate::feed::Feed;
use crate::provider::Provider;
use crate::refused;
use crate::stage::Stage;
use crate::stake::Stake;
use crate::upstream::Course;
use crate::wait::Ended;

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
    /// The one that is asked now.
    provider: Mutex<Option<Arc<str>>>,
    stage: AtomicU8,
    stage_since_micros: AtomicU64,
    held: AtomicU64,
    /// Where it last had to wait for a permit, and its number there.
    line: Mutex<Option<(Pool, u64)>>,
    /// Stage and place in the queue, as those who watch were told last.
    told: AtomicU64,
    ended: AtomicBool,
    outcome: OnceLock<Outcome>,
}

/// Told to nobody yet.
const UNTOLD: u64 = u64::MAX;

impl Request {
    pub(crate) fn new(id: RequestId, endpoint: &'static str, started: Instant) -> Self {
        Self {
            id,
            endpoint,
            started,
            halt: Halt::new(),
            model: OnceLock::new(),
            provider: Mutex::new(None),
            stage: AtomicU8::new(Stage::Reading as u8),
            stage_since_micros: AtomicU64::new(0),
            held: AtomicU64::new(0),
            line: Mutex::new(None),
            told: AtomicU64::new(UNTOLD),
            ended: AtomicBool::new(false),
            outcome: OnceLock::new(),
        }
    }

    /// The model's name as the caller wrote it, once it is known.
    pub fn model(&self) -> Option<&str> {
        self.model.get().map(AsRef::as_ref)
    }

    /// The provider's name, once it is routed: the one that is asked now.
    pub fn provider(&self) -> Option<Arc<str>> {
        self.provider.lock().clone()
    }

    /// The stage it is in.
    pub fn stage(&self) -> Stage {
        Stage::of(self.stage.load(Ordering::Relaxed))
    }

    /// How long it has been in that stage.
    pub fn stage_age(&self, now: Instant) -> Duration {
        let since = Duration::from_micros(self.stage_since_micros.load(Ordering::Relaxed));
        now.duration_since(self.started).saturating_sub(since)
    }

    /// Bytes of bodies and buffers that are held for it.
    pub fn held(&self) -> u64 {
        self.held.load(Ordering::Relaxed)
    }

    /// The queue in which it waits, and its number there; see [`Pool::line`].
    pub(crate) fn line(&self) -> Option<(Pool, u64)> {
        let queued = self.stage() == Stage::Queued;
        queued.then(|| self.line.lock().clone()).flatten()
    }

    /// What those who watch were told last, in the form of `RequestView::told`.
    pub(crate) fn told(&self) -> Option<u64> {
        Some(self.told.load(Ordering::Relaxed)).filter(|told| *told != UNTOLD)
    }

    pub(crate) fn is_told(&self, what: u64) {
        self.told.store(what, Ordering::Relaxed);
    }

    /// Whether it has left the ledger, or is about to.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Relaxed)
    }

    /// Why its answer is not whole and good, once it has ended; none where it is.
    pub(crate) fn broke(&self) -> Option<Code> {
        match self.outcome.get() {
            Some(Outcome::Completed) => None,
            Some(Outcome::Failed { code, .. } | Outcome::Refused { code }) => Some(*code),
            Some(Outcome::Cancelled { .. }) => Some(Code::ShuttingDown),
            None => Some(Code::Internal),
        }
    }

    /// Whether it ended before anybody was asked.
    pub(crate) fn was_refused(&self) -> bool {
        matches!(self.outcome.get(), Some(Outcome::Refused { .. }))
    }

    /// More of an answer that is gathered is here: the request goes on, and
    /// holds it.
    pub(crate) fn gathers(&self, more: u64) {
        self.held.fetch_add(more, Ordering::Relaxed);
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
        *self.provider.lock() = Some(Arc::clone(provider));
    }
}

/// A stage is over by its own timer; this much later somebody should know that
/// it is not.
pub(crate) const SLACK: Duration = Duration::from_secs(10);

/// The right, and the duty, to settle one request.
///
/// A box, since it is moved often: from step to step, and into the answer.
#[derive(Debug)]
pub struct Ticket(Box<Inside>);

#[derive(Debug)]
struct Inside {
    entry: Option<Entry<Request>>,
    /// What the attempt that runs holds.
    stake: Option<Stake>,
    /// Whether an attempt was ever begun.
    attempted: bool,
    /// Known once it is routed.
    provider: Option<Arc<Provider>>,
    /// Its body's bytes, and those of an answer that is gathered.
    body: ByteShare,
    /// The body's alone.
    kept: u64,
    /// The same in its tenant's part, where tenants have one.
    part: Option<ByteShare>,
    pulse: Pulse,
    /// How long a caller may take nothing, or send nothing.
    caller: Duration,
    clock: Clock,
    feed: Arc<Feed>,
    /// Tokens, as the upstream told or as estimated.
    usage: Option<Usage>,
    /// Tokens of the attempts that failed: they may be billed as well.
    lost: Option<Usage>,
    /// When it first asked for a permit.
    began: Option<Instant>,
    /// Since when it waits for one.
    asked: Option<Instant>,
    /// How long it waited for those that it got.
    queued: Duration,
}

impl Ticket {
    pub(crate) fn new(
        entry: Entry<Request>,
        body: ByteShare,
        (pulse, caller): (Pulse, Duration),
        clock: Clock,
        feed: Arc<Feed>,
    ) -> Self {
        feed.changed(entry.info(), || None);
        Self(Box::new(Inside {
            entry: Some(entry),
            stake: None,
            attempted: false,
            provider: None,
            body,
            kept: 0,
            part: None,
            pulse,
            caller,
            clock,
            feed,
            usage: None,
            lost: None,
            began: None,
            asked: None,
            queued: Duration::ZERO,
        }))
    }

    /// The request that this ticket settles; `None` only after it was settled.
    pub fn request(&self) -> Option<&Request> {
        self.0.entry.as_deref()
    }

    /// Its id, for the log.
    pub(crate) fn id(&self) -> Option<RequestId> {
        self.request().map(|request| request.id)
    }

    /// The same, for who must see its end without the ticket.
    pub(crate) fn shared(&self) -> Option<Arc<Request>> {
        self.0.entry.as_ref().map(|entry| Arc::clone(entry.info()))
    }

    pub(crate) fn charge(&mut self, part: ByteShare) {
        self.0.part = Some(part);
    }

    /// Takes room for `bytes` more of the body.
    ///
    /// # Errors
    /// `overloaded`, if other bodies hold it.
    pub fn hold_body(&mut self, bytes: u64) -> Result<(), Failure> {
        let id = self.id();
        if let Some(part) = &mut self.0.part {
            part.grow(bytes).map_err(|_| refused::no_part(id, part))?;
        }
        let body = &mut self.0.body;
        body.grow(bytes).map_err(|_| refused::no_room(id, body))?;
        self.0.kept += bytes;
        self.holds(0);
        Ok(())
    }

    /// The body is not needed any more.
    pub(crate) fn let_body_go(&mut self) {
        self.0.body.clear();
        self.0.part = None;
        self.0.kept = 0;
        self.holds(0);
    }

    /// So many bytes of an answer are held beside the body.
    pub(crate) fn holds(&self, answer: u64) {
        if let Some(request) = self.request() {
            let held = self.0.kept.saturating_add(answer);
            request.held.store(held, Ordering::Relaxed);
        }
    }

    /// What reading an answer whole needs: whose it is, what its bytes are taken
    /// from, and who sees that it goes on.
    pub(crate) fn reading(&mut self) -> Option<(&Request, &mut ByteShare, &Pulse)> {
        let request = self.0.entry.as_deref()?;
        Some((request, &mut self.0.body, &self.0.pulse))
    }

    pub(crate) fn halt(&self) -> Option<&Halt> {
        self.request().map(|request| &request.halt)
    }

    /// Ready once somebody has ended it from outside, with what its caller is
    /// told; else the task is woken when that happens.
    pub fn poll_halted(&self, cx: &mut Context<'_>) -> Poll<Failure> {
        let Some(halt) = self.halt() else {
            return Poll::Pending;
        };
        let why = ready!(halt.poll_halted(cx));
        Poll::Ready(ended_failure(Ended::Halted(why), false))
    }

    /// Its answer is whole: nobody ends it from outside any more.
    ///
    /// # Errors
    /// What its caller is told if an operator was told before that it ends. Other
    /// reasons were told to nobody, and a whole answer is worth more than they.
    pub(crate) fn close(&self) -> Result<(), Failure> {
        match self.halt().and_then(Halt::close) {
            Some(why @ Why::Operator) => Err(ended_failure(Ended::Halted(why), false)),
            _ => Ok(()),
        }
    }

    /// It is `provider`'s from now on, for the debug page and for the counts.
    pub(crate) fn assign(&mut self, provider: &Arc<Provider>, model: &str) {
        self.0.provider = Some(Arc::clone(provider));
        if let Some(request) = self.request() {
            request.name_model(model);
            request.name_provider(&provider.name);
        }
    }

    /// It is `provider`'s from now on; what it cost the one before is his.
    pub(crate) fn moves_to(&mut self, provider: &Arc<Provider>) {
        if let Some(left) = self.0.provider.replace(Arc::clone(provider)) {
            left.meter.ended(Class::Failed, self.0.lost.take());
        }
        if let Some(request) = self.request() {
            request.name_provider(&provider.name);
        }
    }

    /// Its answer is made for several, and comes within so long.
    pub(crate) fn follows(&mut self, longest: Duration) {
        self.0.began.get_or_insert_with(|| self.0.clock.now());
        self.enter(Stage::Waiting);
        let pulse = &self.0.pulse;
        pulse.enter(Stage::Waiting.as_str(), longest + SLACK);
    }

    /// An upstream was asked for it, by whomever.
    pub(crate) fn begins(&mut self) {
        self.0.attempted = true;
    }

    pub(crate) fn enter(&self, stage: Stage) {
        self.enter_at(stage, self.0.clock.now());
    }

    fn enter_at(&self, stage: Stage, now: Instant) {
        if let Some(request) = self.request() {
            request.enter(stage, now);
        }
        if let Some(provider) = &self.0.provider {
            let longest = provider.longest(stage, self.0.caller);
            self.0.pulse.enter(stage.as_str(), longest + SLACK);
        }
        if let Some(entry) = &self.0.entry {
            self.0.feed.changed(entry.info(), || None);
        }
    }

    /// It asks `pool`, and perhaps has to wait there. Who need not wait pays
    /// nothing for those who look.
    pub(crate) fn lines_up(&self, pool: &Pool, acquire: &Acquire) {
        if let (Some(entry), Some(number)) = (&self.0.entry, acquire.number()) {
            *entry.line.lock() = Some((pool.clone(), number));
            self.0.feed.changed(entry.info(), || Some(acquire.ahead()));
        }
    }

    /// The upstream sent something, or the caller took something.
    pub(crate) fn beat(&self) {
        self.0.pulse.beat();
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
        let now = self.0.clock.now();
        self.0.asked = Some(now);
        self.0.began.get_or_insert(now);
        self.enter_at(Stage::Queued, now);
    }

    /// Nobody can be asked for a while.
    pub(crate) fn pauses(&mut self) {
        self.0.began.get_or_insert_with(|| self.0.clock.now());
        self.enter(Stage::Pausing);
    }

    /// It got all the permits that it asked for.
    pub(crate) fn permitted(&mut self) -> Instant {
        let now = self.0.clock.now();
        if let Some(since) = self.0.asked.take() {
            self.0.queued += now - since;
        }
        now
    }

    fn waits(&self) -> Duration {
        self.0
            .asked
            .map_or(Duration::ZERO, |since| self.0.clock.now() - since)
    }

    /// Where its time went, up to now; the pauses between attempts count as
    /// the upstream's.
    pub(crate) fn spent(&self) -> Spent {
        let queued = self.0.queued + self.waits();
        let all = self
            .0
            .began
            .map_or(Duration::ZERO, |since| self.0.clock.now() - since);
        Spent {
            queued,
            upstream: all.saturating_sub(queued),
        }
    }

    /// An attempt begins.
    pub(crate) fn hold(&mut self, stake: Stake) {
        self.0.attempted = true;
        self.0.stake = Some(stake);
    }

    pub(crate) fn stake(&self) -> Option<&Stake> {
        self.0.stake.as_ref()
    }

    /// The request of this attempt goes out.
    pub(crate) fn sends(&mut self) -> Instant {
        let now = self.0.clock.now();
        self.enter_at(Stage::Waiting, now);
        if let Some(stake) = &mut self.0.stake {
            stake.sends(now);
        }
        now
    }

    /// What this attempt sends is an upload with this course.
    pub(crate) fn carries(&mut self, course: &Arc<Course>) {
        if let Some(stake) = &mut self.0.stake {
            stake.carries(course);
        }
    }

    /// The first content of this attempt is here.
    pub(crate) fn first_content(&mut self) {
        if let Some(stake) = &mut self.0.stake {
            stake.first_content();
        }
        self.enter_once(Stage::Streaming);
    }

    /// Tokens of this attempt, as the upstream told or as estimated.
    pub(crate) fn uses(&mut self, usage: Option<Usage>) {
        self.0.usage = usage;
    }

    /// The attempt failed; another may follow. What was gathered of its answer
    /// is gone, what it cost is not.
    pub(crate) fn end_attempt(&mut self, failure: &Failure) {
        if let Some(stake) = self.0.stake.take() {
            stake.failed(failure, self.0.usage);
        }
        self.0.lost = sum(self.0.lost, self.0.usage.take());
        // It never grows by this.
        let _ = self.0.body.resize(self.0.kept);
        self.holds(0);
    }

    /// The upstream has done its part before the caller has everything.
    pub(crate) fn release(&mut self) {
        if let Some(stake) = self.0.stake.take() {
            stake.succeeded(self.0.usage);
        }
    }

    /// Settles as a failure of an attempt, or as a refusal when none began.
    pub fn fail(&mut self, failure: &Failure) {
        let outcome = match self.halt().and_then(Halt::close) {
            Some(Why::Operator) => Outcome::Cancelled {
                by: CancelledBy::Operator,
            },
            Some(Why::Caller) => Outcome::Cancelled {
                by: CancelledBy::Caller,
            },
            Some(Why::Shutdown) if self.0.attempted => Outcome::Cancelled {
                by: CancelledBy::Shutdown,
            },
            _ if self.0.attempted => failure.outcome(),
            _ => failure.refusal(),
        };
        self.end_attempt(failure);
        self.settle(outcome);
    }

    /// Writes the outcome. The first call counts; later ones find nothing to do.
    pub fn settle(&mut self, outcome: Outcome) {
        if let Some(stake) = self.0.stake.take() {
            match outcome {
                Outcome::Completed => stake.succeeded(self.0.usage),
                _ => stake.left(self.0.usage),
            }
        }
        let usage = sum(self.0.lost.take(), self.0.usage.take());
        let Some(entry) = self.0.entry.take() else {
            return;
        };
        tracing::debug!(
            id = %entry.id,
            endpoint = entry.endpoint,
            model = entry.model(),
            provider = entry.provider().as_deref(),
            outcome = outcome.label(),
            total_ms = self.0.clock.now().duration_since(entry.started).as_millis() as u64,
            queue_ms = self.spent().queued.as_millis() as u64,
            input_tokens = usage.map(|usage| usage.input),
            output_tokens = usage.map(|usage| usage.output),
            "request ended"
        );
        if let Some(provider) = &self.0.provider {
            provider.meter.ended(class(outcome), usage);
        }
        if outcome == Outcome::failed(Code::Internal) {
            // Its caller was told to ask with this id.
            tracing::error!(id = %entry.id, "a defect of Tidegate ended this request");
        }
        let (class, label) = (class(outcome), outcome.label());
        let ended = (entry.id, entry.started);
        let _ = entry.outcome.set(outcome);
        entry.ended.store(true, Ordering::Relaxed);
        entry.settle(class, label);
        // After the ledger: who looks there from now on does not find it.
        self.0.feed.ended(ended, class, label);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.0.entry.is_none() {
            return;
        }
        let outcome = if std::thread::panicking() {
            Outcome::failed(Code::Internal)
        } else {
            let by = match self.halt().and_then(Halt::close) {
                Some(Why::Operator) => CancelledBy::Operator,
                Some(Why::Shutdown | Why::Closed) => CancelledBy::Shutdown,
                _ => CancelledBy::Caller,
            };
            Outcome::Cancelled { by }
        };
        self.settle(outcome);
    }
}

fn sum(one: Option<Usage>, other: Option<Usage>) -> Option<Usage> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.plus(other)),
        (one, other) => one.or(other),
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
