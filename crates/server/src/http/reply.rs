//! The body of every response: bytes that are there, or an answer that flows.
//!
//! An enum and not a trait object: the hot path polls it once for every frame.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tidegate_gateway::{Cut, Reply, Request};

use super::debug::Watch;
use crate::listen::{Answer, PollHalt};

/// See the module's text.
pub(crate) enum Out {
    Whole(Bytes),
    /// Boxed: the writer moves a response often before it polls it.
    Reply(Box<Reply>),
    Watch(Box<Watch>),
}

impl Body for Out {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Frame::data(std::mem::take(bytes))))),
            Self::Reply(reply) => Pin::new(reply).poll_frame(cx),
            Self::Watch(watch) => watch.poll_frame(cx).map_err(|never| match never {}),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Reply(reply) => reply.is_end_stream(),
            Self::Watch(watch) => watch.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Reply(reply) => reply.size_hint(),
            Self::Watch(_) => SizeHint::default(),
        }
    }
}

impl Answer for Out {
    fn halt(&self) -> Option<Arc<dyn PollHalt>> {
        match self {
            Self::Whole(_) => None,
            Self::Reply(reply) => Some(reply.request()?),
            Self::Watch(watch) => Some(watch.halt()),
        }
    }
}

impl PollHalt for Request {
    fn poll_halt(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.halt.poll_halted(cx).map(drop)
    }
}

/// A response with a whole body.
pub(crate) fn whole(
    status: StatusCode,
    kind: &'static str,
    body: impl Into<Bytes>,
) -> Response<Out> {
    let mut response = Response::new(Out::Whole(body.into()));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

/// A response with a JSON body.
pub(crate) fn json(status: StatusCode, body: impl Into<Bytes>) -> Response<Out> {
    whole(status, "application/json", body)
}
