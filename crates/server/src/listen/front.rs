//! The service as a connection sees it: the given handler, made safe to call.
//!
//! 1. Every request comes with its [`Peer`] and an id. 2. The answer to a request with
//!    `transfer-encoding` closes the connection. 3. A panic of the handler is this
//!    request's only: its caller gets a 500, the connection ends with it. 4. An
//!    answer that can be ended from outside is watched by its connection too. 5. Every
//!    answer says how long its connection may rest: a client that heeds it never
//!    sends a request into our close.
//!
//! It does not look into the request, and polls the answer's body as it is.

use std::any::Any;
use std::convert::Infallible;
use std::error::Error;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use bytes::Bytes;
use http::header::{CONNECTION, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::{Request, Response, Version};
use http_body::Body;
use http_body_util::{BodyExt, Either};
use hyper::body::Incoming;
use hyper::service::{Service, service_fn};
use tidegate_types::RequestId;

use super::connection::House;
use super::link::Link;
use super::{Answer, refusal};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");

/// What a request is told apart by. Beside the request and not among its
/// extensions, which are a map on the heap for every call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Who is at the other end of its connection.
    pub address: SocketAddr,
    /// Its id: the one that a panic of its handler is told with.
    pub id: RequestId,
}

type BoxError = Box<dyn Error + Send + Sync>;

/// Stands before `handler` on the connection of `link`.
pub(super) fn front<H, F, B>(
    handler: H,
    link: Arc<Link>,
    address: SocketAddr,
    house: Arc<House>,
) -> impl Service<
    Request<Incoming>,
    Response = Response<impl Body<Data = Bytes, Error = BoxError> + Send + 'static>,
    Error = Infallible,
    Future: Send,
>
where
    H: Fn(Peer, Request<Incoming>) -> F + Send + 'static,
    F: Future<Output = Result<Response<B>, Infallible>> + Send,
    B: Answer + Send + 'static,
    B::Error: Into<BoxError>,
{
    service_fn(move |request: Request<Incoming>| {
        let old = request.version() == Version::HTTP_10;
        let mut in_flight = link.begin(old, !request.body().is_end_stream());
        let encoded = request.headers().contains_key(TRANSFER_ENCODING);
        let id = house.next_id();
        let peer = Peer { address, id };
        let called = catch_unwind(AssertUnwindSafe(|| handler(peer, request)));
        let house = Arc::clone(&house);
        async move {
            let answered = match called {
                Ok(handler) => caught(handler).await,
                Err(panic) => Err(panic),
            };
            let mut answer = match answered {
                Ok(answer) => answer.map(Either::Left),
                Err(panic) => {
                    house.stats.panics.add();
                    tracing::error!(%id, panic = message(&*panic), "a handler panicked");
                    refusal::broken(id).map(Either::Right)
                }
            };
            if let Either::Left(body) = answer.body()
                && let Some(halt) = body.halt()
            {
                in_flight.halts(halt);
            }
            if !encoded {
                answer.headers_mut().insert(KEEP_ALIVE, house.rests.clone());
            } else {
                // hyper takes the encoding and hides a `content-length` beside it:
                // the two cannot be told from one any more (RFC 9112, 6.1).
                answer
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok(answer.map(|body| {
                body.map_err(move |error| {
                    // The guard ends with the body, which owns this closure.
                    let _until_the_last_byte = &in_flight;
                    error
                })
            }))
        }
    })
}

/// Runs a handler; a panic of one of its polls is its outcome.
async fn caught<A>(
    handler: impl Future<Output = Result<A, Infallible>>,
) -> Result<A, Box<dyn Any + Send>> {
    let mut handler = pin!(handler);
    poll_fn(
        |cx| match catch_unwind(AssertUnwindSafe(|| handler.as_mut().poll(cx))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(Ok(answer))) => Poll::Ready(Ok(answer)),
            Err(panic) => Poll::Ready(Err(panic)),
        },
    )
    .await
}

fn message(panic: &(dyn Any + Send)) -> &str {
    let owned = panic.downcast_ref::<String>().map(String::as_str);
    let text = panic.downcast_ref::<&str>().copied().or(owned);
    text.unwrap_or("a panic without a message")
}
