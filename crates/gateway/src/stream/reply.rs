//! The body of an answer, as the HTTP writer polls it.
//!
//! Promises: 1. the ticket is settled with the last bytes that are handed out
//! (the writer does not ask again after them), or by `Drop` when the caller
//! left, with the tokens until then; 2. a stream that fails ends with one error
//! event and no `[DONE]`, unless another attempt can follow: before the first
//! content nothing but comments has gone out (contracts, hyper 4); 3. a panic
//! below fails this answer and nothing else (R-D12).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use kernel::{Alarm, Clock, Halt, Instant};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Outcome};
use tidegate_wire::sse;

use super::download::{Download, Piece};
use super::flow::{Flow, PING_EVERY, Step};
use super::follow::{Follow, Followed, events};
use crate::attempt::{Good, GoodBody, ended_failure};
use crate::cache::Known;
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::legs::Legs;
use crate::request::{Request, Ticket};
use crate::wait::Ended;

/// The answer broke in the middle, and only a broken transfer says so.
#[derive(Debug)]
pub struct Cut;

impl std::fmt::Display for Cut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the answer was cut")
    }
}

impl std::error::Error for Cut {}

/// See the module's text.
pub struct Reply {
    state: State,
    /// How its caller is told of failures.
    manner: Manner,
}

enum State {
    /// Everything is there.
    Whole(Bytes, Ticket),
    /// The head went out, the content did not come, and another attempt runs.
    Attempting(Box<Attempting>),
    /// Events flow.
    Flowing(Flowing),
    /// Bytes flow.
    Carrying(Box<Download>, Ticket),
    /// Events flow, for several at once.
    Following(Box<Follow>),
    /// Events that flowed before, from this one on.
    Replaying(Arc<Known>, usize, Ticket),
    /// Everything was handed out.
    Done,
}

impl Reply {
    pub(crate) fn whole(bytes: Bytes, mut ticket: Ticket) -> Self {
        if bytes.is_empty() {
            // Nobody polls for nothing.
            ticket.let_body_go();
            ticket.settle(Outcome::Completed);
            return Self::in_state(State::Done);
        }
        Self::in_state(State::Whole(bytes, ticket))
    }

    pub(crate) fn download(download: Box<Download>, mut ticket: Ticket) -> Self {
        ticket.let_body_go();
        Self::in_state(State::Carrying(download, ticket))
    }

    fn in_state(state: State) -> Self {
        Self {
            state,
            manner: Manner::default(),
        }
    }

    /// Until its first content `legs`, where there are some, go on where it fails.
    pub(crate) fn stream(
        flow: Box<Flow>,
        ticket: Ticket,
        legs: Option<Box<Legs>>,
        manner: Manner,
    ) -> Self {
        let mut reply = Self {
            state: State::Done,
            manner,
        };
        reply.flows(flow, ticket, legs);
        reply
    }

    /// A stream that others read too.
    pub(crate) fn follows(follow: Follow, manner: Manner) -> Self {
        Self {
            manner,
            state: State::Following(Box::new(follow)),
        }
    }

    /// A stream that was known.
    pub(crate) fn replays(known: Arc<Known>, ticket: Ticket, manner: Manner) -> Self {
        Self {
            manner,
            state: State::Replaying(known, 0, ticket),
        }
    }

    /// A stream whose first leg is yet to come.
    pub(crate) fn later(ticket: Ticket, legs: Box<Legs>) -> Self {
        let silent = legs.clock().now();
        Self {
            manner: legs.manner(),
            state: State::Attempting(Attempting::new(legs, ticket, None, silent)),
        }
    }

    /// The request that a stream answers; none of an answer that is whole, since
    /// nothing of it is left to be ended.
    pub fn request(&self) -> Option<Arc<Request>> {
        match &self.state {
            State::Flowing(Flowing { ticket, .. })
            | State::Carrying(_, ticket)
            | State::Replaying(.., ticket) => ticket.shared(),
            State::Following(follow) => follow.ticket().shared(),
            State::Whole(..) | State::Attempting(_) | State::Done => None,
        }
    }

    /// Events flow from here on.
    fn flows(&mut self, flow: Box<Flow>, ticket: Ticket, back: Option<Box<Legs>>) {
        let mut flowing = Flowing {
            flow,
            ticket,
            back,
            begun: false,
        };
        flowing.note();
        self.state = State::Flowing(flowing);
    }

    fn poll_flow(&mut self, cx: &mut Context<'_>) -> Polled {
        let State::Flowing(flowing) = &mut self.state else {
            return Polled::Again;
        };
        let Flowing { flow, ticket, .. } = flowing;
        let polled = catch_unwind(AssertUnwindSafe(|| match ticket.halt() {
            Some(halt) => flow.poll_step(cx, halt),
            None => Poll::Ready(Step::Failed(unsettled())),
        }));
        let failure = match polled.unwrap_or_else(|_| Poll::Ready(Step::Failed(panicked()))) {
            Poll::Pending => {
                flowing.note();
                return Polled::Pending;
            }
            Poll::Ready(Step::Data(bytes)) => {
                flowing.ticket.beat();
                flowing.note();
                return Polled::Data(bytes);
            }
            Poll::Ready(Step::Finished) => {
                let rest = flowing.finish();
                self.state = State::Done;
                return Polled::Data(rest);
            }
            Poll::Ready(Step::Failed(failure)) => failure,
        };
        let State::Flowing(flowing) = std::mem::replace(&mut self.state, State::Done) else {
            return Polled::Again;
        };
        match flowing.fail(failure, self.manner) {
            Ok(attempting) => {
                self.state = State::Attempting(attempting);
                Polled::Again
            }
            Err(end) => Polled::Data(end),
        }
    }

    fn poll_download(&mut self, cx: &mut Context<'_>) -> Polled {
        let State::Carrying(download, ticket) = &mut self.state else {
            return Polled::Again;
        };
        let polled = catch_unwind(AssertUnwindSafe(|| match ticket.halt() {
            Some(halt) => download.poll_piece(cx, halt),
            None => Poll::Ready(Piece::Failed(unsettled())),
        }));
        let polled = polled.unwrap_or_else(|_| Poll::Ready(Piece::Failed(panicked())));
        if let Poll::Ready(Piece::Last(_) | Piece::End) = polled
            && let Err(failure) = ticket.close()
        {
            ticket.fail(&failure);
            self.state = State::Done;
            return Polled::Cut;
        }
        let end = match polled {
            Poll::Pending => return Polled::Pending,
            Poll::Ready(Piece::Data(bytes)) => {
                ticket.beat();
                ticket.first_content();
                return Polled::Data(bytes);
            }
            Poll::Ready(Piece::Last(bytes)) => {
                ticket.settle(Outcome::Completed);
                Polled::Data(bytes)
            }
            Poll::Ready(Piece::End) => {
                ticket.settle(Outcome::Completed);
                Polled::Data(Bytes::new())
            }
            Poll::Ready(Piece::Failed(failure)) => {
                ticket.fail(&failure);
                match download.parting(&failure) {
                    Some(event) => Polled::Data(event),
                    None => Polled::Cut,
                }
            }
        };
        self.state = State::Done;
        end
    }

    fn poll_follow(&mut self, cx: &mut Context<'_>) -> Polled {
        let State::Following(follow) = &mut self.state else {
            return Polled::Again;
        };
        let manner = self.manner;
        let polled = catch_unwind(AssertUnwindSafe(|| follow.poll(cx, manner)));
        let last = match polled {
            Ok(Poll::Pending) => return Polled::Pending,
            Ok(Poll::Ready(Followed::Data(bytes))) => return Polled::Data(bytes),
            Ok(Poll::Ready(Followed::Last(bytes))) => bytes,
            Err(_) => panicked().event(manner, 0),
        };
        self.state = State::Done;
        Polled::Data(last)
    }

    fn replay(&mut self) -> Polled {
        let State::Replaying(known, next, ticket) = &mut self.state else {
            return Polled::Again;
        };
        if let Some(why) = ticket.halt().and_then(Halt::why) {
            let failure = ended_failure(Ended::Halted(why), false);
            ticket.fail(&failure);
            let before = known.pieces.iter().take(*next);
            let number = before.map(|piece| events(piece, self.manner)).sum();
            let event = failure.event(self.manner, number);
            self.state = State::Done;
            return Polled::Data(event);
        }
        let piece = known.pieces.get(*next).cloned().unwrap_or_default();
        *next += 1;
        if *next >= known.pieces.len() {
            ticket.settle(Outcome::Completed);
            self.state = State::Done;
        } else {
            ticket.beat();
            ticket.first_content();
        }
        Polled::Data(piece)
    }

    fn poll_attempts(&mut self, cx: &mut Context<'_>) -> Polled {
        let State::Attempting(attempting) = &mut self.state else {
            return Polled::Again;
        };
        let (attempted, silent) = match attempting.poll(cx) {
            Poll::Pending => return Polled::Pending,
            Poll::Ready(None) => return Polled::Data(Bytes::from_static(sse::PING)),
            Poll::Ready(Some(attempted)) => (attempted, attempting.silent),
        };
        self.state = State::Done;
        let manner = self.manner;
        match attempted {
            Err(Panicked) => Polled::Data(panicked().event(manner, 0)),
            Ok((legs, mut ticket, result)) => match result {
                Ok(good) => match good.body {
                    GoodBody::Stream(mut flow) => {
                        flow.goes_on_from(silent);
                        self.flows(flow, ticket, Some(legs));
                        Polled::Again
                    }
                    GoodBody::Whole(bytes) => match ticket.close() {
                        Ok(()) => {
                            ticket.settle(Outcome::Completed);
                            Polled::Data(bytes)
                        }
                        Err(failure) => {
                            ticket.fail(&failure);
                            Polled::Data(failure.event(manner, 0))
                        }
                    },
                    GoodBody::Download(download) => {
                        *self = Self::download(download, ticket);
                        Polled::Again
                    }
                    GoodBody::Later => {
                        *self = Self::later(ticket, legs);
                        Polled::Again
                    }
                },
                Err(failure) => {
                    ticket.fail(&failure);
                    Polled::Data(failure.event(manner, 0))
                }
            },
        }
    }
}

/// What one poll came to.
enum Polled {
    Pending,
    /// Hand these out; empty is the end.
    Data(Bytes),
    /// The transfer breaks here.
    Cut,
    /// The state changed: poll it.
    Again,
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        loop {
            // In place: a state is large, and polled for each event.
            let polled = match &mut this.state {
                State::Done => return Poll::Ready(None),
                State::Whole(bytes, ticket) => {
                    ticket.let_body_go();
                    ticket.settle(Outcome::Completed);
                    let bytes = std::mem::take(bytes);
                    this.state = State::Done;
                    Polled::Data(bytes)
                }
                State::Flowing(_) => this.poll_flow(cx),
                State::Attempting(_) => this.poll_attempts(cx),
                State::Carrying(..) => this.poll_download(cx),
                State::Following(_) => this.poll_follow(cx),
                State::Replaying(..) => this.replay(),
            };
            match polled {
                Polled::Pending => return Poll::Pending,
                Polled::Again => {}
                Polled::Cut => return Poll::Ready(Some(Err(Cut))),
                Polled::Data(bytes) => {
                    return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Done)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.state {
            State::Whole(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            State::Flowing(_)
            | State::Attempting(_)
            | State::Following(_)
            | State::Replaying(..) => SizeHint::default(),
            State::Carrying(download, _) => {
                let left = download.left();
                left.map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            State::Done => SizeHint::with_exact(0),
        }
    }
}

/// A caller who leaves has used tokens all the same; and one who leaves behind
/// `[DONE]` has got everything.
impl Drop for Reply {
    fn drop(&mut self) {
        if let State::Flowing(Flowing { flow, ticket, .. }) = &mut self.state {
            ticket.uses(Some(flow.usage()));
            if flow.is_through() {
                ticket.settle(Outcome::Completed);
            }
        }
    }
}

/// Events that flow.
struct Flowing {
    flow: Box<Flow>,
    ticket: Ticket,
    /// Until the first content: what another attempt needs.
    back: Option<Box<Legs>>,
    /// Content has come, and the ticket knows it.
    begun: bool,
}

impl Flowing {
    /// Tells the ticket how the flow stands; with the first content the way back
    /// is shut, and what it needed is let go.
    fn note(&mut self) {
        if !self.begun && self.flow.has_content() {
            self.begun = true;
            if self.back.take().is_some() {
                self.ticket.let_body_go();
            }
            self.ticket.first_content();
        }
        self.ticket.holds(self.flow.held());
    }

    /// The end as it should be, with the last bytes.
    fn finish(&mut self) -> Bytes {
        if self.flow.has_content() {
            self.ticket.first_content();
        }
        self.ticket.uses(Some(self.flow.usage()));
        self.ticket.settle(Outcome::Completed);
        self.flow.rest()
    }

    /// Another attempt, where one may be made; else the last bytes, with what
    /// the caller is told. Who writes that may have a defect as well, or be what
    /// panicked before: then the plain event tells it.
    fn fail(self, failure: Failure, manner: Manner) -> Result<Box<Attempting>, Bytes> {
        let Self {
            mut flow,
            mut ticket,
            back,
            ..
        } = self;
        ticket.uses(Some(flow.usage()));
        match back {
            Some(legs) if !flow.has_content() => {
                let silent = flow.last_sent();
                drop(flow);
                Ok(Attempting::new(legs, ticket, Some(failure), silent))
            }
            _ => {
                ticket.fail(&failure);
                let told = catch_unwind(AssertUnwindSafe(|| {
                    let mut end = BytesMut::from(&flow.rest()[..]);
                    end.extend_from_slice(&flow.parting(&failure));
                    end.freeze()
                }));
                Err(told.unwrap_or_else(|_| failure.event(manner, flow.next_number())))
            }
        }
    }
}

/// The attempts that follow one that failed after the head had gone out.
struct Attempting {
    work: Pin<Box<dyn Future<Output = Attempted> + Send>>,
    alarm: Alarm,
    clock: Clock,
    /// Since when the caller got nothing.
    silent: Instant,
}

/// A defect below the attempts.
struct Panicked;

type Attempted = (Box<Legs>, Ticket, Result<Good, Failure>);

impl Attempting {
    fn new(
        mut legs: Box<Legs>,
        mut ticket: Ticket,
        failed: Option<Failure>,
        silent: Instant,
    ) -> Box<Self> {
        let clock = legs.clock();
        let work = Box::pin(async move {
            let result = legs.run(&mut ticket, failed).await;
            (legs, ticket, result)
        });
        Box::new(Self {
            work,
            alarm: Alarm::new(),
            clock,
            silent,
        })
    }

    /// Ready with nothing when the caller should hear that somebody is there.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Attempted, Panicked>>> {
        match catch_unwind(AssertUnwindSafe(|| self.work.as_mut().poll(cx))) {
            Ok(Poll::Pending) => {}
            Ok(Poll::Ready(attempted)) => return Poll::Ready(Some(Ok(attempted))),
            // Its ticket went with it, and has said what it was.
            Err(_) => return Poll::Ready(Some(Err(Panicked))),
        }
        self.alarm.set(self.silent + PING_EVERY);
        std::task::ready!(self.alarm.poll_due(cx));
        self.silent = self.clock.now();
        Poll::Ready(None)
    }
}

fn panicked() -> Failure {
    Failure::new(Code::Internal, "A defect of Tidegate ended this answer.")
}

fn unsettled() -> Failure {
    Failure::new(Code::Internal, "The answer was settled before its end.")
}
