//! The body of a simulated answer: a list of steps and one alarm.
//!
//! Promises: (1) a call is settled with the last frame, or with the cut, and dropping the script
//! any earlier counts it as aborted; (2) between frames nothing runs: no task, no timer but the
//! one alarm of the step in hand; (3) every `Send` and every event of a flow is one frame.
//! A script does not know HTTP: an answer that is cut ends with [`Broken`].

use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame, SizeHint};
use tidegate_kernel::{Alarm, Instant};

use crate::flow::Flow;
use crate::speech::tide;
use crate::tally::Call;

/// One frame of the endless text.
const TEXT_FRAME: u64 = 64 * 1024;

/// The connection breaks here: nothing more comes, and nothing closes the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulated upstream breaks the connection")
    }
}

impl std::error::Error for Broken {}

/// What comes next in an answer.
#[derive(Debug)]
enum Step {
    /// Nothing until then.
    Until(Instant),
    /// One frame.
    Send(Bytes),
    /// Events at their pace.
    Flow(Flow),
    /// `left` bytes of the endless text from position `at`, bare.
    Text { at: u64, left: u64 },
    /// One byte at a time, the next one when due.
    Drip {
        bytes: Bytes,
        due: Instant,
        every: Duration,
    },
    /// Nothing, for ever.
    Silence,
    /// The connection breaks.
    Cut,
}

/// The body of an answer. Dropped before its end, it counts as aborted.
#[derive(Debug)]
pub struct Script {
    /// `None` once the call is settled, and in an answer that is no call.
    call: Option<Call>,
    steps: VecDeque<Step>,
    alarm: Alarm,
    /// Bytes to come, when the length was told.
    length: Option<u64>,
    resets: bool,
}

impl Script {
    /// An answer of unknown length, still without steps.
    pub(crate) fn new(call: Call) -> Self {
        Self {
            call: Some(call),
            steps: VecDeque::with_capacity(6),
            alarm: Alarm::new(),
            length: None,
            resets: false,
        }
    }

    /// An answer in one piece that belongs to no call.
    pub(crate) fn whole(body: Bytes) -> Self {
        let length = Some(body.len() as u64);
        let steps = VecDeque::from([Step::Send(body)]);
        Self {
            call: None,
            steps,
            alarm: Alarm::new(),
            length,
            resets: false,
        }
    }

    /// The number of its call; zero for an answer that is none.
    pub(crate) fn number(&self) -> u64 {
        self.call.as_ref().map_or(0, Call::number)
    }

    /// Whether its cut is to be a reset of the connection, where there is one.
    pub(crate) fn resets(&self) -> bool {
        self.resets
    }

    /// Announces `length` bytes, whether or not the steps keep to it.
    pub(crate) fn promise(&mut self, length: u64) {
        self.length = Some(length);
    }

    pub(crate) fn until(&mut self, then: Instant) {
        self.steps.push_back(Step::Until(then));
    }

    pub(crate) fn send(&mut self, bytes: Bytes) {
        self.steps.push_back(Step::Send(bytes));
    }

    pub(crate) fn flow(&mut self, flow: Flow) {
        if !flow.is_empty() {
            self.steps.push_back(Step::Flow(flow));
        }
    }

    /// So many bytes of the endless text, bare.
    pub(crate) fn text(&mut self, left: u64) {
        if left > 0 {
            self.steps.push_back(Step::Text { at: 0, left });
        }
    }

    pub(crate) fn drip(&mut self, bytes: Bytes, due: Instant, every: Duration) {
        self.steps.push_back(Step::Drip { bytes, due, every });
    }

    pub(crate) fn silence(&mut self) {
        self.steps.push_back(Step::Silence);
    }

    pub(crate) fn cut(&mut self, reset: bool) {
        self.resets = reset;
        self.steps.push_back(Step::Cut);
    }

    /// The step in hand is over; with the last one the call is completed.
    fn step_over(&mut self) {
        self.steps.pop_front();
        if self.steps.is_empty()
            && let Some(call) = self.call.take()
        {
            call.complete();
        }
    }
}

/// Ready once `due` is past. The alarm is clear then, so that the next step can set it.
fn wait(alarm: &mut Alarm, due: Instant, cx: &mut Context<'_>) -> Poll<()> {
    if alarm.due() != Some(due) {
        alarm.set(due);
    }
    alarm.poll_due(cx)
}

impl Body for Script {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let this = &mut *self;
        loop {
            let (frame, over) = match this.steps.front_mut() {
                None => return Poll::Ready(None),
                Some(Step::Until(then)) => {
                    ready!(wait(&mut this.alarm, *then, cx));
                    this.step_over();
                    continue;
                }
                Some(Step::Send(bytes)) => (std::mem::take(bytes), true),
                Some(Step::Flow(flow)) => {
                    if let Some(due) = flow.due() {
                        ready!(wait(&mut this.alarm, due, cx));
                    }
                    (flow.next(), flow.is_empty())
                }
                Some(Step::Text { at, left }) => {
                    let take = TEXT_FRAME.min(*left);
                    let mut frame = BytesMut::with_capacity(take as usize);
                    tide(&mut frame, *at, take as usize);
                    *at += take;
                    *left -= take;
                    (frame.freeze(), *left == 0)
                }
                Some(Step::Drip { bytes, due, every }) => {
                    ready!(wait(&mut this.alarm, *due, cx));
                    *due += *every;
                    (bytes.split_to(1.min(bytes.len())), bytes.is_empty())
                }
                Some(Step::Silence) => return Poll::Pending,
                Some(Step::Cut) => {
                    this.step_over();
                    return Poll::Ready(Some(Err(Broken)));
                }
            };
            if over {
                this.step_over();
            }
            if let Some(length) = &mut this.length {
                *length = length.saturating_sub(frame.len() as u64);
            }
            return Poll::Ready(Some(Ok(Frame::data(frame))));
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        self.length
            .map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
