//! The events of one streamed answer: pulled, framed, judged, timed.
//!
//! Promises: 1. only whole events go on, byte for byte, and what is ready
//! together goes together (up to [`MERGE`]); 2. a stream is finished only if
//! the upstream said so: anything else is a failure with a code of its own
//! (failures rows 9 to 19); 3. comments keep nothing alive: the timers count
//! events; 4. while the upstream is silent the caller gets a comment every
//! [`PING_EVERY`]. It does not know who reads it, nor the ledger.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use kernel::{Alarm, ByteShare, Clock, Halt, Instant, Level, LevelCell, Why};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId, Usage};
use tidegate_wire::sse;

use super::oddities::Oddities;
use super::reading::{Reading, Reads, Seen};
use crate::attempt::{ended_failure, too_slow};
use crate::failure::Failure;
use crate::keys::Secrets;
use crate::refused::no_room;
use crate::settings::{Bounds, Timeouts};
use crate::upstream::{Pull, Source};
use crate::wait::Ended;

/// Frames that are ready together are sent together, up to about this.
const MERGE: usize = 16 << 10;

/// Our own comment to the caller while the upstream is silent (row 33).
pub(super) const PING_EVERY: Duration = Duration::from_secs(15);

/// The upstream's comments become ours, at most this often (row 10).
const PING_AT_MOST_EVERY: Duration = Duration::from_secs(10);

/// How long the head is held back for the first content (failures, commit point).
const HOLD: Duration = Duration::from_secs(2);

/// How long the end of the body may follow `[DONE]` for the connection to be
/// used again.
const LINGER: Duration = Duration::from_millis(250);

/// What a flow needs to know.
pub(crate) struct FlowSettings {
    /// Whose it is, for the log.
    pub(crate) id: Option<RequestId>,
    pub(crate) timeouts: Timeouts,
    /// Without content for so long it is left for another target.
    pub(crate) slow_after: Option<Duration>,
    pub(crate) bounds: Bounds,
    pub(crate) prompt_bytes: u64,
    /// When the request was sent.
    pub(crate) sent: Instant,
    /// The request's end.
    pub(crate) total: Instant,
    /// Whether the caller shortened it.
    pub(crate) shortened: bool,
    /// What must never be seen in an error text.
    pub(crate) secrets: Secrets,
    /// How near the process is to its bounds.
    pub(crate) level: Arc<LevelCell>,
    /// What its buffer is taken from.
    pub(crate) room: ByteShare,
}

/// See the module's text.
pub(crate) struct Flow {
    settings: FlowSettings,
    source: Option<Source>,
    reading: Reading,
    alarm: Alarm,
    clock: Clock,
    received: usize,
    /// When the last real event came, or the request was sent.
    last_event: Instant,
    /// When the caller last got anything.
    last_sent: Instant,
    /// The upstream sent a comment since.
    comment: bool,
    done_at: Option<Instant>,
    /// The number of the event that the caller gets next, in a dialect that counts
    /// them.
    next_number: u64,
}

/// One step of the answer.
pub(crate) enum Step {
    /// Bytes to hand on; there will be more.
    Data(Bytes),
    /// The end, as the upstream meant it; [`Flow::rest`] has the last bytes.
    Finished,
    /// The end, as it should not be; [`Flow::rest`] has what came before.
    Failed(Failure),
}

impl Flow {
    pub(crate) fn new(
        settings: FlowSettings,
        reads: Reads,
        source: Source,
        alarm: Alarm,
        clock: Clock,
        oddities: Oddities,
    ) -> Self {
        let now = clock.now();
        Self {
            reading: Reading::new(reads, settings.bounds.event, settings.id, oddities),
            settings,
            source: Some(source),
            alarm,
            clock,
            received: 0,
            last_event: now,
            last_sent: now,
            comment: false,
            done_at: None,
            next_number: 0,
        }
    }

    /// Waits for the first content, for [`HOLD`] at the most: a failure until
    /// then still has a status of its own.
    pub(crate) async fn hold(&mut self, halt: &Halt) -> Result<(), Failure> {
        let until = self.clock.now() + HOLD;
        poll_fn(|cx| {
            match self.fill(cx) {
                Filled::Failed(failure) => return Poll::Ready(Err(failure)),
                Filled::Finished => return Poll::Ready(Ok(())),
                Filled::Open => {}
            }
            if self.reading.content() || self.reading.kept() >= MERGE {
                return Poll::Ready(Ok(()));
            }
            self.poll_timers(cx, halt, Some(until))
                .map(|due| due.map_or(Ok(()), Err))
        })
        .await
    }

    /// The next step; never ready without bytes, an end or a failure.
    pub(crate) fn poll_step(&mut self, cx: &mut Context<'_>, halt: &Halt) -> Poll<Step> {
        let filled = self.fill(cx);
        let hands_out = self.reading.kept() > 0 && self.commits();
        let is_last = match filled {
            Filled::Finished => true,
            _ => hands_out && self.done_at.is_some(),
        };
        if is_last && let Some(failure) = self.closes(halt) {
            return Poll::Ready(Step::Failed(failure));
        }
        match filled {
            Filled::Failed(failure) => return Poll::Ready(Step::Failed(failure)),
            Filled::Finished => return Poll::Ready(Step::Finished),
            Filled::Open => {}
        }
        if hands_out {
            let now = self.clock.now();
            self.last_sent = now;
            // Here as well: a stream that never pauses has no turn at the timers.
            return Poll::Ready(match self.stopped(halt.why(), now) {
                Some(failure) => Step::Failed(failure),
                None => Step::Data(self.rest()),
            });
        }
        match self.poll_timers(cx, halt, None) {
            Poll::Ready(Some(failure)) => Poll::Ready(Step::Failed(failure)),
            Poll::Ready(None) if self.done_at.is_some() => {
                self.source = None;
                Poll::Ready(Step::Finished)
            }
            Poll::Ready(None) => {
                (self.last_sent, self.comment) = (self.clock.now(), false);
                Poll::Ready(Step::Data(Bytes::from_static(sse::PING)))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    /// Whether events may go out. Before the first content they are held back:
    /// another attempt would say them again. But not without a bound.
    fn commits(&self) -> bool {
        self.reading.content() || self.done_at.is_some() || self.reading.kept() >= MERGE
    }

    /// When its caller last got anything.
    pub(crate) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// Its caller got the last thing before it began.
    pub(crate) fn goes_on_from(&mut self, last_sent: Instant) {
        self.last_sent = last_sent;
    }

    /// What was judged good and not handed out yet.
    pub(crate) fn rest(&mut self) -> Bytes {
        let rest = self.reading.drain();
        if !rest.is_empty() {
            self.next_number = self.reading.next_number();
        }
        rest
    }

    /// The number of the event that its caller gets next, where they are counted.
    pub(crate) fn next_number(&self) -> u64 {
        self.next_number
    }

    /// The last that its caller gets, where it failed.
    pub(crate) fn parting(&mut self, failure: &Failure) -> Bytes {
        self.reading.parting(failure, self.next_number)
    }

    /// Whether content has come, or so much else that it goes out: whatever
    /// fails from here on cannot be done again.
    pub(crate) fn has_content(&self) -> bool {
        self.commits()
    }

    /// Whether `[DONE]` and all before it was handed out: what is still waited
    /// for is the connection's, not the caller's.
    pub(crate) fn is_through(&self) -> bool {
        self.done_at.is_some() && self.reading.kept() == 0
    }

    /// Tokens, as told or as estimated.
    pub(crate) fn usage(&self) -> Usage {
        self.reading.usage(self.settings.prompt_bytes)
    }

    /// Pulls what is there, up to [`MERGE`] bytes for the caller.
    fn fill(&mut self, cx: &mut Context<'_>) -> Filled {
        while self.reading.kept() < MERGE {
            let Some(source) = &mut self.source else {
                return Filled::Finished;
            };
            let pulled = match source.poll_pull(cx) {
                Poll::Pending => return Filled::Open,
                Poll::Ready(pulled) => pulled,
            };
            let end = match pulled {
                Pull::Data(bytes) => self.take_in(&bytes).or_else(|| self.take_room()),
                Pull::End => Some(self.upstream_ended()),
                Pull::Cut if self.done_at.is_some() => Some(Filled::Finished),
                Pull::Cut => Some(Filled::Failed(Failure::new(
                    Code::UpstreamDisconnected,
                    "The connection to the provider broke in the middle of its answer.",
                ))),
            };
            if let Some(end) = end {
                // Dropping it closes the connection, unless it has gone home.
                self.source = None;
                return end;
            }
        }
        Filled::Open
    }

    /// Judges what `bytes` complete. `Some` ends the stream.
    fn take_in(&mut self, bytes: &[u8]) -> Option<Filled> {
        if self.done_at.is_some() {
            return self.after_done(bytes);
        }
        self.received += bytes.len();
        if self.received > self.settings.bounds.response {
            let most = self.settings.bounds.response;
            let text = format!("The provider's stream is over {most} bytes.");
            return Some(Filled::Failed(Failure::new(Code::ResponseTooLarge, text)));
        }
        self.reading.push(bytes);
        let now = self.clock.now();
        loop {
            match self.reading.next(&self.settings.secrets)? {
                Seen::Event => self.last_event = now,
                Seen::Comment => self.comment = true,
                Seen::Nothing => {}
                Seen::Done => {
                    self.done_at = Some(now);
                    return self.after_done(&[]);
                }
                Seen::Failed(failure) => return Some(Filled::Failed(failure)),
            }
        }
    }

    /// The end is there; that of the body should follow.
    fn after_done(&mut self, bytes: &[u8]) -> Option<Filled> {
        // Else it keeps the connection from going home.
        let clean = self.reading.after_done(bytes);
        (!clean).then_some(Filled::Finished)
    }

    fn upstream_ended(&mut self) -> Filled {
        if self.done_at.is_some() {
            return Filled::Finished;
        }
        match self.reading.end(&self.settings.secrets) {
            Ok(()) => Filled::Finished,
            Err(failure) => Filled::Failed(failure),
        }
    }

    /// Ready with a failure when a timer or a halt ends the stream, with `None`
    /// when the soft time is over: the hold, the next ping, or the lingering.
    fn poll_timers(
        &mut self,
        cx: &mut Context<'_>,
        halt: &Halt,
        hold: Option<Instant>,
    ) -> Poll<Option<Failure>> {
        if let Poll::Ready(why) = halt.poll_halted(cx)
            && let Some(failure) = self.stopped(Some(why), self.clock.now())
        {
            return Poll::Ready(Some(failure));
        }
        let ping = if self.comment {
            PING_AT_MOST_EVERY
        } else {
            PING_EVERY
        };
        let lingering = self.done_at.map(|done| done + LINGER);
        let soft = lingering.or(hold).unwrap_or(self.last_sent + ping);
        let silence = match self.reading.content() {
            true => self.last_event + self.idle(),
            false => self.settings.sent + self.first_content(),
        };
        self.alarm.set(soft.min(silence).min(self.settings.total));
        std::task::ready!(self.alarm.poll_due(cx));
        let now = self.clock.now();
        if lingering.is_some() {
            return Poll::Ready(None);
        }
        if let Some(failure) = self.stopped(None, now) {
            return Poll::Ready(Some(failure));
        }
        if now >= silence {
            self.source = None;
            return Poll::Ready(Some(self.silent()));
        }
        Poll::Ready(None)
    }

    /// How long the first content may take.
    fn first_content(&self) -> Duration {
        let most = self.settings.timeouts.first_content;
        self.settings.slow_after.map_or(most, |slow| slow.min(most))
    }

    /// How long a stream may stand still: a quarter of it while memory or files
    /// run short, so that those who hold them in vain go first.
    fn idle(&self) -> Duration {
        let idle = self.settings.timeouts.idle;
        match self.settings.level.get() >= Level::High {
            true => idle / 4,
            false => idle,
        }
    }

    /// Bytes in its buffer.
    pub(crate) fn held(&self) -> u64 {
        self.reading.held() as u64
    }

    /// Takes room for what the framer holds beyond what every stream has.
    fn take_room(&mut self) -> Option<Filled> {
        // Behind the end nothing more comes, and nothing fails.
        if self.done_at.is_some() {
            return None;
        }
        let held = self.held().max(MERGE as u64);
        let room = self.settings.room.resize(held);
        let (id, room_of) = (self.settings.id, &self.settings.room);
        room.is_err().then(|| Filled::Failed(no_room(id, room_of)))
    }

    fn silent(&self) -> Failure {
        match self.reading.content() {
            true => Failure::new(
                Code::StreamIdleTimeout,
                "The provider's stream stood still for `timeouts.idle`.",
            ),
            false if self.first_content() < self.settings.timeouts.first_content => too_slow(),
            false => Failure::new(
                Code::UpstreamTimeout,
                "The provider sent no content within `timeouts.first_content`.",
            ),
        }
    }

    /// The last bytes are about to go out: nobody ends it from here on. A failure
    /// if an operator was told before that he does.
    fn closes(&mut self, halt: &Halt) -> Option<Failure> {
        let why = halt.close().filter(|why| *why == Why::Operator)?;
        self.source = None;
        // `[DONE]` is among what is left, and goes out behind no error.
        drop(self.reading.drain());
        Some(ended_failure(Ended::Halted(why), self.settings.shortened))
    }

    /// The end from outside: a halt, or the request's time. Behind `[DONE]`
    /// there is nothing left to end.
    fn stopped(&mut self, halted: Option<Why>, now: Instant) -> Option<Failure> {
        let ended = match halted {
            _ if self.done_at.is_some() => return None,
            Some(why) => Ended::Halted(why),
            None if now >= self.settings.total => Ended::Due,
            None => return None,
        };
        self.source = None;
        Some(ended_failure(ended, self.settings.shortened))
    }
}

/// What one look at the source came to.
enum Filled {
    /// The stream goes on.
    Open,
    Finished,
    Failed(Failure),
}

#[cfg(test)]
mod tests;
