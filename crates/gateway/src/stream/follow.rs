//! An answer that several read, as one of them reads it.
//!
//! Promises: 1. its own pace, its own time, its own end: nothing of it delays the
//! others; 2. it ends as the answer does, and what is cut says so.

use std::task::{Context, Poll};

use bytes::Bytes;
use kernel::{Alarm, Clock, Instant};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Outcome};
use tidegate_wire::sse;

use super::flow::PING_EVERY;
use crate::attempt::ended_failure;
use crate::cache::{Next, Seat};
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::request::Ticket;
use crate::wait::Ended;

/// See the module's text.
pub(crate) struct Follow {
    seat: Seat,
    ticket: Ticket,
    /// The end of this reader's own time, if it has said one.
    due: Option<Instant>,
    alarm: Alarm,
    clock: Clock,
    /// Since when it got nothing.
    silent: Instant,
    /// The events that it got.
    events: u64,
    /// What was seen behind a piece, to know whether that was the last.
    ahead: Option<Next>,
}

/// What comes next.
pub(super) enum Followed {
    Data(Bytes),
    /// Nothing follows these.
    Last(Bytes),
}

impl Follow {
    pub(crate) fn new(seat: Seat, ticket: Ticket, due: Option<Instant>, clock: Clock) -> Self {
        Self {
            seat,
            ticket,
            due,
            alarm: Alarm::new(),
            clock,
            silent: clock.now(),
            events: 0,
            ahead: None,
        }
    }

    pub(super) fn ticket(&self) -> &Ticket {
        &self.ticket
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, manner: Manner) -> Poll<Followed> {
        if let Poll::Ready(failure) = self.ticket.poll_halted(cx) {
            return Poll::Ready(self.fails(&failure, manner));
        }
        match self.poll_next(cx) {
            Poll::Pending => self.poll_timers(cx, manner),
            Poll::Ready(Next::Piece(piece)) => Poll::Ready(self.hands_on(piece, cx, manner)),
            Poll::Ready(Next::Finished) => Poll::Ready(self.ends(Bytes::new(), manner)),
            // It was told as the last piece.
            Poll::Ready(Next::Broken(Some(code))) => {
                self.ticket.settle(Outcome::failed(code));
                Poll::Ready(Followed::Last(Bytes::new()))
            }
            Poll::Ready(Next::Broken(None)) => {
                let text = "A defect of Tidegate ended this answer.";
                let failure = Failure::new(Code::Internal, text);
                Poll::Ready(self.fails(&failure, manner))
            }
            Poll::Ready(Next::Behind) => {
                let text = "This answer was shared with others, and read so much slower than by \
                            them that a part of it is gone; send the request again.";
                let failure = Failure::new(Code::Overloaded, text);
                Poll::Ready(self.fails(&failure, manner))
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        match self.ahead.take() {
            Some(next) => Poll::Ready(next),
            None => self.seat.poll_next(cx),
        }
    }

    /// With the last piece the request is settled: a reader who has it may be gone
    /// before anybody asks for more.
    fn hands_on(&mut self, piece: Bytes, cx: &mut Context<'_>, manner: Manner) -> Followed {
        self.silent = self.clock.now();
        match self.seat.poll_next(cx) {
            Poll::Ready(Next::Finished) => return self.ends(piece, manner),
            Poll::Ready(next) => self.ahead = Some(next),
            Poll::Pending => {}
        }
        self.ticket.beat();
        self.ticket.first_content();
        self.events += events(&piece, manner);
        Followed::Data(piece)
    }

    /// The end as it should be; unless an operator was told before that he ends it.
    fn ends(&mut self, last: Bytes, manner: Manner) -> Followed {
        if let Err(failure) = self.ticket.close() {
            return self.fails(&failure, manner);
        }
        self.ticket.first_content();
        self.ticket.settle(Outcome::Completed);
        Followed::Last(last)
    }

    fn poll_timers(&mut self, cx: &mut Context<'_>, manner: Manner) -> Poll<Followed> {
        let ping = self.silent + PING_EVERY;
        self.alarm.set(self.due.map_or(ping, |due| due.min(ping)));
        std::task::ready!(self.alarm.poll_due(cx));
        let now = self.clock.now();
        if self.due.is_some_and(|due| now >= due) {
            let failure = ended_failure(Ended::Due, true);
            return Poll::Ready(self.fails(&failure, manner));
        }
        self.silent = now;
        Poll::Ready(Followed::Data(Bytes::from_static(sse::PING)))
    }

    fn fails(&mut self, failure: &Failure, manner: Manner) -> Followed {
        self.ticket.fail(failure);
        Followed::Last(failure.event(manner, self.events))
    }
}

/// How many events these bytes are, where events are numbered.
pub(super) fn events(piece: &[u8], manner: Manner) -> u64 {
    match manner {
        Manner::Responses => memchr::memmem::find_iter(piece, b"\ndata:").count() as u64,
        Manner::OpenAi | Manner::Anthropic => 0,
    }
}
