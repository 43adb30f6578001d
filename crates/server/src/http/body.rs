//! The request's body: read whole, within its limits, and not too slowly.
//!
//! Promises: 1. no more than the limit is ever held, whatever `content-length`
//! says or does not say; 2. a body that trickles ends with 408; 3. what is not
//! taken is still read for a moment and thrown away, so that a caller who is
//! busy writing gets to see the answer; 4. a caller who left is told from one
//! whose framing is wrong; 5. all bodies together stay within `limits.bodies`;
//! 6. whoever ends the request from outside ends the reading too.

use std::error::Error;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http_body::Body;
use kernel::{Alarm, Clock, Instant, Reuse};
use tidegate_gateway::{Failure, Ticket};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::gathered::Gathered;

/// What a body may be.
#[derive(Debug, Clone)]
pub(crate) struct BodyLimits {
    /// Bytes of one that is read whole.
    pub(crate) size: u64,
    /// Bytes of one that is passed on as it comes.
    pub(crate) upload: u64,
    /// For the whole of it.
    pub(crate) time: Duration,
    /// Bytes a second that it must keep up after [`GRACE`].
    pub(crate) rate: u64,
    /// Where large ones are gathered.
    pub(crate) shelf: Reuse<Vec<u8>>,
}

/// What a body has to be declared as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Takes {
    Json,
    JsonOrNothing,
    Form,
}

/// Why there is no body.
#[derive(Debug)]
pub(crate) enum Unread {
    /// It is not taken as it is.
    Refused(Failure),
    /// Its caller left in the middle of it.
    Gone,
}

impl From<Failure> for Unread {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// A slow start is forgiven this long.
pub(super) const GRACE: Duration = Duration::from_secs(5);

/// What is too large is read on for this long, and for this many times its limit.
const DISCARD: Duration = Duration::from_secs(2);
const DISCARD_TIMES: u64 = 4;

/// Reads `body` whole.
pub(crate) async fn read<B>(
    headers: &HeaderMap,
    takes: Takes,
    mut body: B,
    limits: &BodyLimits,
    clock: Clock,
    ticket: &mut Ticket,
) -> Result<Bytes, Unread>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    check_head(headers, takes, &body)?;
    let length = length(headers);
    let mut reading = Reading::new(limits, clock);
    let result = match length {
        Some(length) if length > limits.size => Err(too_large(limits).into()),
        _ => reading.whole(&mut body, length, ticket).await,
    };
    if matches!(&result, Err(Unread::Refused(failure)) if failure.code == Code::RequestTooLarge) {
        reading.discard(&mut body, ticket).await?;
    }
    result
}

/// Reads what is not wanted, for a moment, and keeps nothing of it.
///
/// # Errors
/// What its caller is told if the request was ended from outside meanwhile.
pub(crate) async fn discard<B>(
    mut body: B,
    limits: &BodyLimits,
    clock: Clock,
    ticket: &Ticket,
) -> Result<(), Failure>
where
    B: Body<Data = Bytes> + Unpin,
{
    let mut reading = Reading::new(limits, clock);
    reading.discard(&mut body, ticket).await
}

/// What a body is announced as, in bytes.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    let length = headers.get(CONTENT_LENGTH)?;
    length.to_str().ok()?.parse().ok()
}

pub(super) fn check_head(
    headers: &HeaderMap,
    takes: Takes,
    body: &impl Body,
) -> Result<(), Failure> {
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|value| value != "identity")
    {
        let text = "Compressed request bodies are not taken; send it as it is.";
        return Err(Failure::new(Code::UnsupportedEncoding, text));
    }
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    let kind = kind.split(';').next().unwrap_or_default().trim();
    let (fits, text) = match takes {
        Takes::Form => (
            kind.eq_ignore_ascii_case("multipart/form-data"),
            "The body must be a form: send `Content-Type: multipart/form-data`.",
        ),
        Takes::Json | Takes::JsonOrNothing => (
            kind.eq_ignore_ascii_case("application/json")
                || (takes == Takes::JsonOrNothing && body.is_end_stream()),
            "The body must be JSON: send `Content-Type: application/json`.",
        ),
    };
    match fits {
        true => Ok(()),
        false => Err(Failure::new(Code::UnsupportedMediaType, text)),
    }
}

struct Reading<'a> {
    limits: &'a BodyLimits,
    clock: Clock,
    alarm: Alarm,
    started: Option<Instant>,
}

impl<'a> Reading<'a> {
    fn new(limits: &'a BodyLimits, clock: Clock) -> Self {
        Self {
            limits,
            clock,
            alarm: Alarm::new(),
            started: None,
        }
    }

    async fn whole<B>(
        &mut self,
        body: &mut B,
        length: Option<u64>,
        ticket: &mut Ticket,
    ) -> Result<Bytes, Unread>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Error + 'static,
    {
        let mut gathered = Gathered::Nothing;
        loop {
            let held = gathered.len() as u64;
            let Some(data) = self.next(body, held, ticket).await? else {
                break;
            };
            if held + data.len() as u64 > self.limits.size {
                return Err(too_large(self.limits).into());
            }
            ticket.hold_body(data.len() as u64)?;
            gathered.add(data, length, &self.limits.shelf);
        }
        Ok(gathered.freeze())
    }

    /// The next piece; a body that is there already costs no timer.
    async fn next<B>(
        &mut self,
        body: &mut B,
        held: u64,
        ticket: &Ticket,
    ) -> Result<Option<Bytes>, Unread>
    where
        B: Body<Data = Bytes> + Unpin,
        B::Error: Error + 'static,
    {
        loop {
            let frame = poll_fn(|cx| {
                if let Poll::Ready(frame) = Pin::new(&mut *body).poll_frame(cx) {
                    return Poll::Ready(Ok(frame));
                }
                if let Poll::Ready(failure) = ticket.poll_halted(cx) {
                    return Poll::Ready(Err(failure));
                }
                let started = *self.started.get_or_insert_with(|| self.clock.now());
                let kept_up = GRACE + Duration::from_secs(held / self.limits.rate.max(1));
                self.alarm.set(started + kept_up.min(self.limits.time));
                self.alarm.poll_due(cx).map(|()| Err(too_slow()))
            })
            .await?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) if is_end(&error) => return Err(Unread::Gone),
                Some(Err(_)) => return Err(bad_framing().into()),
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
            }
        }
    }

    async fn discard<B>(&mut self, body: &mut B, ticket: &Ticket) -> Result<(), Failure>
    where
        B: Body<Data = Bytes> + Unpin,
    {
        let until = self.clock.now() + DISCARD;
        let mut left = self.limits.size.saturating_mul(DISCARD_TIMES);
        poll_fn(|cx| {
            loop {
                match Pin::new(&mut *body).poll_frame(cx) {
                    Poll::Ready(Some(Ok(frame))) => {
                        let size = frame.data_ref().map_or(0, Bytes::len) as u64;
                        left = left.saturating_sub(size);
                        if left == 0 {
                            return Poll::Ready(Ok(()));
                        }
                    }
                    Poll::Ready(_) => return Poll::Ready(Ok(())),
                    Poll::Pending => break,
                }
            }
            if let Poll::Ready(failure) = ticket.poll_halted(cx) {
                return Poll::Ready(Err(failure));
            }
            self.alarm.set(until);
            self.alarm.poll_due(cx).map(Ok)
        })
        .await
    }
}

/// Whether the connection ended, rather than said something wrong.
pub(super) fn is_end(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, TimedOut, UnexpectedEof};
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            let ends = [
                BrokenPipe,
                ConnectionAborted,
                ConnectionReset,
                TimedOut,
                UnexpectedEof,
            ];
            return ends.contains(&error.kind());
        }
        cause = error.source();
    }
    false
}

fn too_large(limits: &BodyLimits) -> Failure {
    let text = format!(
        "The body is over the limit of {} bytes (`limits.body`).",
        limits.size
    );
    Failure::new(Code::RequestTooLarge, text)
}

pub(super) fn bad_framing() -> Failure {
    Failure::new(Code::BadFraming, "The request's body is framed wrong.")
}

pub(super) fn too_slow() -> Failure {
    Failure::new(Code::RequestTimeout, "The body arrived too slowly.")
}
