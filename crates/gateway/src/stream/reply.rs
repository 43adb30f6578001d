//! The body of an answer, as the HTTP writer polls it.
//!
//! Promises: 1. the ticket is settled with the last bytes that are handed out
//! (the writer does not ask again after them), or by `Drop` when the caller
//! left, with the tokens until then; 2. a stream that fails ends with one error
//! event and no `[DONE]`; 3. a panic below fails this answer and nothing else
//! (R-D12).

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tidegate_types::{Code, Outcome};

use super::flow::{Flow, Step};
use crate::failure::Failure;
use crate::request::{Stage, Ticket};

/// See the module's text.
pub struct Reply {
    state: State,
}

enum State {
    /// Everything is there.
    Whole(Bytes, Ticket),
    /// Events flow.
    Flowing(Box<Flow>, Ticket),
    /// Everything was handed out.
    Done,
}

impl Reply {
    pub(crate) fn whole(bytes: Bytes, ticket: Ticket) -> Self {
        Self {
            state: State::Whole(bytes, ticket),
        }
    }

    pub(crate) fn stream(flow: Box<Flow>, ticket: Ticket) -> Self {
        show_content(&flow, &ticket);
        Self {
            state: State::Flowing(flow, ticket),
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        match std::mem::replace(&mut this.state, State::Done) {
            State::Done => Poll::Ready(None),
            State::Whole(bytes, mut ticket) => {
                ticket.settle(Outcome::Completed);
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            State::Flowing(mut flow, mut ticket) => {
                let polled = catch_unwind(AssertUnwindSafe(|| match ticket.halt() {
                    Some(halt) => flow.poll_step(cx, halt),
                    None => Poll::Ready(Step::Failed(unsettled())),
                }));
                let step = polled.unwrap_or_else(|_| Poll::Ready(Step::Failed(panicked())));
                match step {
                    Poll::Pending => {
                        this.state = State::Flowing(flow, ticket);
                        Poll::Pending
                    }
                    Poll::Ready(Step::Data(bytes)) => {
                        show_content(&flow, &ticket);
                        this.state = State::Flowing(flow, ticket);
                        Poll::Ready(Some(Ok(Frame::data(bytes))))
                    }
                    Poll::Ready(Step::Finished) => {
                        ticket.usage = Some(flow.usage());
                        ticket.settle(Outcome::Completed);
                        last(flow.rest())
                    }
                    Poll::Ready(Step::Failed(failure)) => {
                        ticket.usage = Some(flow.usage());
                        ticket.fail(&failure);
                        let mut end = BytesMut::from(&flow.rest()[..]);
                        end.extend_from_slice(&failure.event());
                        last(end.freeze())
                    }
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
            State::Flowing(..) => SizeHint::default(),
            State::Done => SizeHint::with_exact(0),
        }
    }
}

/// A caller who leaves has used tokens all the same; and one who leaves behind
/// `[DONE]` has got everything.
impl Drop for Reply {
    fn drop(&mut self) {
        if let State::Flowing(flow, ticket) = &mut self.state {
            ticket.usage = Some(flow.usage());
            if flow.is_through() {
                ticket.settle(Outcome::Completed);
            }
        }
    }
}

/// The head may have gone out before the first content.
fn show_content(flow: &Flow, ticket: &Ticket) {
    if flow.has_content() {
        ticket.enter_once(Stage::Streaming);
    }
}

fn last(bytes: Bytes) -> Poll<Option<Result<Frame<Bytes>, std::convert::Infallible>>> {
    Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
}

fn panicked() -> Failure {
    Failure::new(Code::Internal, "A defect of Tidegate ended this answer.")
}

fn unsettled() -> Failure {
    Failure::new(Code::Internal, "The answer was settled before its end.")
}
