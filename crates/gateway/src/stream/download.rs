//! An answer that is passed down as it comes: bytes, or another dialect's
//! events.
//!
//! Promises: 1. nothing is held: the upstream is asked for more when the caller
//! has taken what was there, and while it is not, it is no load of its target; 2. a cut never looks finished: events end with an
//! error event, if the last one is whole, and any other transfer is broken;
//! 3. `idle` bounds the upstream's silence, `total` the whole.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use kernel::{Alarm, Clock, Halt, Instant};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::attempt::ended_failure;
use crate::burden::{Burden, Paused};
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::upstream::{Pull, Source};
use crate::wait::Ended;

/// What a download needs to know.
pub(crate) struct DownloadSettings {
    pub(crate) idle: Duration,
    /// The request's end.
    pub(crate) total: Instant,
    /// Whether the caller shortened it.
    pub(crate) shortened: bool,
    /// Whether they are server-sent events.
    pub(crate) events: bool,
}

/// See the module's text.
pub(crate) struct Download {
    settings: DownloadSettings,
    source: Option<Source>,
    alarm: Alarm,
    clock: Clock,
    /// Bytes that the upstream announced and that are still to come.
    left: Option<u64>,
    /// The last bytes that went out: an event is whole behind an empty line.
    tail: [u8; 4],
    last: Instant,
    burden: Arc<Burden>,
    /// While the caller has not asked for more.
    paused: Option<Paused>,
}

/// One step of it.
pub(crate) enum Piece {
    /// There will be more.
    Data(Bytes),
    /// Nobody asks again behind these.
    Last(Bytes),
    End,
    Failed(Failure),
}

impl Download {
    pub(crate) fn new(
        settings: DownloadSettings,
        source: Source,
        alarm: Alarm,
        burden: Arc<Burden>,
        clock: Clock,
    ) -> Self {
        Self {
            left: source.size(),
            settings,
            source: Some(source),
            alarm,
            clock,
            tail: *b"\n\n\n\n",
            last: clock.now(),
            burden,
            paused: None,
        }
    }

    /// How much is still to come, if it was told.
    pub(crate) fn left(&self) -> Option<u64> {
        self.left
    }

    /// What its caller is told of a failure in the middle; `None` where that
    /// would be taken for a part of the answer.
    pub(crate) fn parting(&self, failure: &Failure) -> Option<Bytes> {
        let whole = self.tail.ends_with(b"\n\n")
            || self.tail.ends_with(b"\r\r")
            || self.tail == *b"\r\n\r\n";
        let says = self.settings.events && whole && self.left.is_none();
        says.then(|| failure.event(Manner::OpenAi, 0))
    }

    pub(crate) fn poll_piece(&mut self, cx: &mut Context<'_>, halt: &Halt) -> Poll<Piece> {
        self.paused = None;
        // Looked at first: a stream that never pauses has no turn at the timers.
        if let Poll::Ready(why) = halt.poll_halted(cx) {
            return Poll::Ready(self.ended(Ended::Halted(why)));
        }
        let Some(source) = &mut self.source else {
            return Poll::Ready(Piece::End);
        };
        match source.poll_pull(cx) {
            Poll::Ready(pull) => Poll::Ready(self.take(pull)),
            Poll::Pending => self.poll_timers(cx),
        }
    }

    fn take(&mut self, pull: Pull) -> Piece {
        self.last = self.clock.now();
        match pull {
            Pull::Data(_) if self.last >= self.settings.total => self.ended(Ended::Due),
            Pull::Data(bytes) => {
                self.note(&bytes);
                match self.source.as_mut().is_some_and(Source::is_over) {
                    true => Piece::Last(bytes),
                    false => {
                        self.paused = Some(self.burden.pause());
                        Piece::Data(bytes)
                    }
                }
            }
            Pull::End => {
                self.source = None;
                Piece::End
            }
            Pull::Cut => {
                self.source = None;
                let text = "The connection to the provider broke in the middle of its answer.";
                Piece::Failed(Failure::new(Code::UpstreamDisconnected, text))
            }
        }
    }

    fn note(&mut self, bytes: &[u8]) {
        self.left = self
            .left
            .map(|left| left.saturating_sub(bytes.len() as u64));
        let fresh = bytes.len().min(self.tail.len());
        self.tail.rotate_left(fresh);
        let from = self.tail.len() - fresh;
        self.tail[from..].copy_from_slice(&bytes[bytes.len() - fresh..]);
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>) -> Poll<Piece> {
        let idle = self.last + self.settings.idle;
        self.alarm.set(idle.min(self.settings.total));
        std::task::ready!(self.alarm.poll_due(cx));
        Poll::Ready(match self.clock.now() >= self.settings.total {
            true => self.ended(Ended::Due),
            false => {
                self.source = None;
                let text = "The provider's answer stood still for `timeouts.idle`.";
                Piece::Failed(Failure::new(Code::StreamIdleTimeout, text))
            }
        })
    }

    fn ended(&mut self, ended: Ended) -> Piece {
        self.source = None;
        Piece::Failed(ended_failure(ended, self.settings.shortened))
    }
}
