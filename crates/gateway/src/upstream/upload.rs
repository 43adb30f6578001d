//! A request's body on its way up: whole, or as it comes from its caller.
//!
//! Promises: 1. a body that flows is not held: the next piece is asked for when
//! the upstream has taken the one before, and while it waits for its turn no
//! more than [`AHEAD`] is read, to learn whether its caller is still there; 2. [`Course`] tells who keeps
//! it waiting, the caller or the upstream, and why it ended early; while it is
//! the caller it is no load of its target; 3. an upload can be had once: what
//! was begun to be sent cannot be sent again.

use std::error::Error;
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use kernel::{ByteBudget, ByteShare, Clock, Instant, Why};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::burden::{Burden, Paused};
use crate::failure::Failure;
use crate::request::Ticket;

/// Bytes that are read of an upload before its turn: an end of its caller's
/// side shows only behind what was sent before it.
const AHEAD: usize = 256 << 10;

/// A caller's body that is passed on as it comes.
pub struct Upload {
    body: Pin<Box<dyn Body<Data = Bytes, Error = Unsent> + Send>>,
    /// Whether a part of it may be read before its turn.
    comes: bool,
    /// That part, together: a caller could send a byte at a time.
    ahead: BytesMut,
    /// What it is taken from, once it is read.
    room: Option<ByteShare>,
    ended: bool,
}

impl Upload {
    /// Whoever makes it bounds its size and the patience with its caller.
    pub fn new(body: impl Body<Data = Bytes, Error = Unsent> + Send + 'static) -> Self {
        Self {
            body: Box::pin(body),
            comes: true,
            ahead: BytesMut::new(),
            room: None,
            ended: false,
        }
    }

    /// Its caller sends nothing before he is asked to, which is when its turn
    /// has come.
    #[must_use]
    pub fn on_leave(self) -> Self {
        Self {
            comes: false,
            ..self
        }
    }

    /// Reads a part of it before its turn; ready if there is no use in waiting.
    fn poll_ahead(&mut self, cx: &mut Context<'_>, bodies: &ByteBudget) -> Poll<Unsent> {
        if !self.comes {
            return Poll::Pending;
        }
        if self.room.is_none() {
            let mut room = bodies.share();
            // Without room for it, its end is seen as far as the socket goes.
            self.comes = room.grow(AHEAD as u64).is_ok();
            self.room = Some(room);
        }
        while self.comes && self.ahead.len() < AHEAD && !self.ended {
            match ready!(self.poll_body(cx)) {
                Some(Err(unsent)) => return Poll::Ready(unsent),
                Some(Ok(bytes)) => self.ahead.extend_from_slice(&bytes),
                None => {}
            }
        }
        Poll::Pending
    }

    fn poll_body(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Unsent>>> {
        loop {
            let frame = ready!(self.body.as_mut().poll_frame(cx));
            self.ended = !matches!(frame, Some(Ok(_)));
            return Poll::Ready(match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => Some(Ok(bytes)),
                    Err(_) => continue,
                },
                Some(Err(unsent)) => Some(Err(unsent)),
                None => None,
            });
        }
    }

    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Unsent>>> {
        if !self.ahead.is_empty() {
            let ahead = std::mem::take(&mut self.ahead);
            return Poll::Ready(Some(Ok(ahead.freeze())));
        }
        // It was taken.
        self.room = None;
        match self.ended {
            true => Poll::Ready(None),
            false => self.poll_body(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.ahead.is_empty() && (self.ended || self.body.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        let ahead = self.ahead.len() as u64;
        let rest = self.body.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower().saturating_add(ahead));
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(ahead));
        }
        hint
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

/// Why an upload did not come to its end.
#[derive(Debug)]
pub enum Unsent {
    /// Its caller left in the middle of it.
    Gone,
    /// It is not taken as it is.
    Refused(Failure),
}

impl Unsent {
    /// What its caller is told.
    pub(crate) fn told(self, ticket: &Ticket) -> Failure {
        match self {
            Self::Refused(failure) => failure,
            Self::Gone => {
                // So that it is counted as what it is.
                if let Some(halt) = ticket.halt() {
                    halt.pull(Why::Caller);
                }
                Failure::new(Code::BadFraming, "The request's body ended early.")
            }
        }
    }
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the upload ended early")
    }
}

impl Error for Unsent {}

/// What a request carries, for as many attempts as may be made.
pub(crate) enum Load {
    /// The same bytes for each attempt.
    Whole(Bytes),
    /// For one.
    Upload(Mutex<Option<Upload>>),
}

impl Load {
    pub(crate) fn new(whole: Bytes, upload: Option<Upload>) -> Self {
        match upload {
            None => Self::Whole(whole),
            Some(upload) => Self::Upload(Mutex::new(Some(upload))),
        }
    }

    /// What is held of it.
    pub(crate) fn whole(&self) -> Bytes {
        match self {
            Self::Whole(bytes) => bytes.clone(),
            Self::Upload(_) => Bytes::new(),
        }
    }

    /// Bytes that are held of it.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::Upload(_) => 0,
        }
    }

    /// Waits for `work`, which an upload needs before it can go, and looks
    /// meanwhile whether its caller is still there.
    ///
    /// It is pinned by its caller: taken by value it would be kept twice.
    pub(crate) async fn watched<F: Future>(
        &self,
        bodies: &ByteBudget,
        mut work: Pin<&mut F>,
    ) -> Result<F::Output, Unsent> {
        poll_fn(|cx| {
            if let Poll::Ready(output) = work.as_mut().poll(cx) {
                return Poll::Ready(Ok(output));
            }
            match self {
                Self::Whole(_) => Poll::Pending,
                Self::Upload(upload) => match &mut *lock(upload) {
                    Some(upload) => upload.poll_ahead(cx, bodies).map(Err),
                    None => Poll::Pending,
                },
            }
        })
        .await
    }

    /// Whether there is nothing left to send.
    pub(crate) fn is_spent(&self) -> bool {
        match self {
            Self::Whole(_) => false,
            Self::Upload(upload) => lock(upload).is_none(),
        }
    }

    /// What goes up, with the course of what flows; `None` if it went before.
    pub(crate) fn outgoing(
        &self,
        burden: &Arc<Burden>,
        clock: Clock,
    ) -> Option<(Outgoing, Option<Arc<Course>>)> {
        match self {
            Self::Whole(bytes) => Some((Outgoing::Whole(Full::new(bytes.clone())), None)),
            Self::Upload(upload) => {
                let upload = lock(upload).take()?;
                let course = Arc::new(Course::new(Arc::clone(burden), clock));
                let rising = Rising {
                    upload,
                    course: Arc::clone(&course),
                };
                Some((Outgoing::Upload(rising), Some(course)))
            }
        }
    }
}

/// The body of a request to an upstream.
pub(crate) enum Outgoing {
    Whole(Full<Bytes>),
    Upload(Rising),
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Stopped;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        match self.get_mut() {
            Self::Whole(body) => Pin::new(body)
                .poll_frame(cx)
                .map_err(|never| match never {}),
            Self::Upload(rising) => rising.poll_frame(cx),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(body) => body.is_end_stream(),
            Self::Upload(rising) => rising.upload.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(body) => body.size_hint(),
            Self::Upload(rising) => rising.upload.size_hint(),
        }
    }
}

/// The upload ended early; its [`Course`] knows why.
#[derive(Debug)]
pub(crate) struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Unsent::Gone.fmt(f)
    }
}

impl Error for Stopped {}

/// An upload in the hands of its connection.
pub(crate) struct Rising {
    upload: Upload,
    course: Arc<Course>,
}

impl Rising {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Stopped>>> {
        if lock(&self.course.state).stopped {
            // Nobody asks for more: the connection ends with its answer.
            return Poll::Pending;
        }
        let (waits, unsent) = match self.upload.poll_piece(cx) {
            Poll::Pending => {
                self.course.enter(Waits::Caller, None);
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(bytes))) => {
                let last = self.upload.is_end_stream();
                let waits = if last { Waits::Nobody } else { Waits::Upstream };
                self.course.enter(waits, None);
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            Poll::Ready(Some(Err(unsent))) => (Waits::Nobody, Some(unsent)),
            Poll::Ready(None) => (Waits::Nobody, None),
        };
        let stopped = unsent.is_some();
        self.course.enter(waits, unsent);
        Poll::Ready(stopped.then_some(Err(Stopped)))
    }
}

/// Who an upload waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Waits {
    /// The upstream has not taken the last piece.
    Upstream,
    /// The next piece has not come.
    Caller,
    /// It is over.
    Nobody,
}

/// How an upload goes: written by who sends it, read by who waits for it,
/// both in one task.
pub(crate) struct Course {
    state: Mutex<State>,
    burden: Arc<Burden>,
    clock: Clock,
}

struct State {
    waits: Waits,
    since: Instant,
    /// How long its caller was waited for until `since`.
    waited: Duration,
    /// While its caller is.
    paused: Option<Paused>,
    unsent: Option<Unsent>,
    stopped: bool,
}

impl State {
    fn waited(&self, now: Instant) -> Duration {
        let more = match self.waits {
            Waits::Caller => now.saturating_duration_since(self.since),
            Waits::Upstream | Waits::Nobody => Duration::ZERO,
        };
        self.waited + more
    }
}

impl Course {
    fn new(burden: Arc<Burden>, clock: Clock) -> Self {
        let state = State {
            waits: Waits::Upstream,
            since: clock.now(),
            waited: Duration::ZERO,
            paused: None,
            unsent: None,
            stopped: false,
        };
        Self {
            state: Mutex::new(state),
            burden,
            clock,
        }
    }

    fn enter(&self, waits: Waits, unsent: Option<Unsent>) {
        let now = self.clock.now();
        let mut state = lock(&self.state);
        state.waited = state.waited(now);
        state.paused = match waits {
            Waits::Caller => state.paused.take().or_else(|| Some(self.burden.pause())),
            Waits::Upstream | Waits::Nobody => None,
        };
        state.waits = waits;
        state.since = now;
        state.unsent = unsent;
    }

    /// How long its caller was waited for.
    pub(crate) fn waited(&self, now: Instant) -> Duration {
        lock(&self.state).waited(now)
    }

    /// When the upstream has kept it waiting for `idle`.
    pub(crate) fn due(&self, idle: Duration) -> Option<Instant> {
        let state = lock(&self.state);
        (state.waits == Waits::Upstream).then(|| state.since + idle)
    }

    /// Whether all of it went up, or no more of it will.
    pub(crate) fn is_over(&self) -> bool {
        lock(&self.state).waits == Waits::Nobody
    }

    /// Why it ended early, if it did; told once.
    pub(crate) fn unsent(&self) -> Option<Unsent> {
        lock(&self.state).unsent.take()
    }

    /// The answer is here and is no good: no more is sent.
    pub(crate) fn stop(&self) {
        lock(&self.state).stopped = true;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
