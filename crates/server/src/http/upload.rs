//! A body that is passed on as it comes: bounded, and not too slow.
//!
//! Promises: 1. no more than `limits.upload` passes, whatever `content-length`
//! says or does not say; 2. a caller who trickles or pauses is told so; time
//! that the upstream takes is not his; 3. a caller who left is told from one
//! whose framing is wrong.

use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use kernel::{Alarm, Clock, Instant};
use tidegate_gateway::{Failure, Unsent};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::body::{BodyLimits, GRACE, bad_framing, is_end, length, too_slow};

/// See the module's text.
pub(crate) struct Rising<B> {
    body: B,
    clock: Clock,
    alarm: Alarm,
    /// Bytes.
    most: u64,
    taken: u64,
    /// The longest pause.
    pause: Duration,
    /// Bytes a second; 0 if any rate will do.
    rate: u64,
    /// Since when the caller is waited for, and how long he was before.
    waits: Option<Instant>,
    waited: Duration,
    whole: Arc<AtomicBool>,
}

impl<B> Rising<B> {
    pub(crate) fn new(body: B, limits: &BodyLimits, clock: Clock, whole: Arc<AtomicBool>) -> Self {
        Self {
            body,
            clock,
            alarm: Alarm::new(),
            most: limits.upload,
            taken: 0,
            pause: limits.time,
            rate: limits.rate,
            waits: None,
            waited: Duration::ZERO,
            whole,
        }
    }

    /// Pending until the caller has been waited for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<Unsent> {
        let since = *self.waits.get_or_insert_with(|| self.clock.now());
        let kept_up = match self.rate {
            0 => self.pause,
            rate => GRACE + Duration::from_secs(self.taken / rate),
        };
        let left = kept_up.saturating_sub(self.waited).min(self.pause);
        self.alarm.set(since + left);
        ready!(self.alarm.poll_due(cx));
        Poll::Ready(Unsent::Refused(too_slow()))
    }

    /// Whether what came may pass.
    fn take(&mut self, bytes: u64) -> Result<(), Unsent> {
        if let Some(since) = self.waits.take() {
            self.waited += self.clock.now().saturating_duration_since(since);
        }
        self.taken += bytes;
        match self.taken > self.most {
            true => Err(Unsent::Refused(too_large(self.most))),
            false => Ok(()),
        }
    }
}

impl<B> Body for Rising<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
{
    type Data = Bytes;
    type Error = Unsent;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Unsent>>> {
        let this = self.get_mut();
        loop {
            let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) else {
                return this.poll_patience(cx).map(|slow| Some(Err(slow)));
            };
            return Poll::Ready(match frame {
                None => {
                    this.whole.store(true, Ordering::Relaxed);
                    None
                }
                Some(Err(error)) if is_end(&error) => Some(Err(Unsent::Gone)),
                Some(Err(_)) => Some(Err(Unsent::Refused(bad_framing()))),
                Some(Ok(frame)) => {
                    let Ok(data) = frame.into_data() else {
                        continue;
                    };
                    let taken = this.take(data.len() as u64);
                    if this.body.is_end_stream() {
                        this.whole.store(true, Ordering::Relaxed);
                    }
                    Some(taken.map(|()| Frame::data(data)))
                }
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// What a caller is told who announces more than may pass.
pub(crate) fn announced_too_large(headers: &HeaderMap, limits: &BodyLimits) -> Option<Failure> {
    let length = length(headers)?;
    (length > limits.upload).then(|| too_large(limits.upload))
}

fn too_large(most: u64) -> Failure {
    let text = format!("The body is over the limit of {most} bytes (`limits.upload`).");
    Failure::new(Code::RequestTooLarge, text)
}

#[cfg(test)]
mod tests;
