//! A whole answer: gathered, looked at, and only then given on.
//!
//! The head waits for the body, so that a cut, an error in a success or a page
//! of HTML keeps a status of its own (failures rows 13, 17) instead of
//! breaking an answer that had begun.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use kernel::{Alarm, ByteShare, Clock, Halt, Instant, Pulse};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::failure::Failure;
use crate::refused::no_room;
use crate::request::Request;
use crate::upstream::{Pull, Source};
use crate::wait::{Ended, until_by};

/// How long, and how much.
pub(crate) struct Bound<'a> {
    pub(crate) halt: &'a Halt,
    pub(crate) clock: Clock,
    /// Between two pieces.
    pub(crate) idle: Duration,
    /// The request's own end.
    pub(crate) total: Instant,
    /// Bytes.
    pub(crate) most: usize,
    /// What the bytes are taken from.
    pub(crate) room: &'a mut ByteShare,
    /// Who sees that it goes on.
    pub(crate) pulse: Option<&'a Pulse>,
    /// Who holds the bytes.
    pub(crate) holder: Option<&'a Request>,
}

/// Why there is no whole body.
pub(crate) enum Short {
    /// The caller's time or an operator ended it; the pipeline knows the words.
    Ended(Ended),
    Failed(Failure),
}

/// Reads `source` to its end.
pub(crate) async fn gather(
    source: &mut Source,
    alarm: &mut Alarm,
    bound: Bound<'_>,
) -> Result<Bytes, Short> {
    let mut whole = Whole::Nothing;
    loop {
        // What is there already needs no look at the clock.
        let mut idle = None;
        let due = || {
            let idle = *idle.get_or_insert_with(|| bound.clock.now() + bound.idle);
            idle.min(bound.total)
        };
        let pull = poll_fn(|cx| source.poll_pull(cx));
        let pulled = until_by(bound.halt, alarm, due, pin!(pull)).await;
        match pulled {
            Ok(Pull::Data(data)) => {
                bound.pulse.into_iter().for_each(Pulse::beat);
                let more = data.len() as u64;
                if bound.room.grow(more).is_err() {
                    let id = bound.holder.map(|request| request.id);
                    return Err(Short::Failed(no_room(id, bound.room)));
                }
                bound.holder.inspect(|request| request.gathers(more));
                whole.add(data);
                if whole.len() > bound.most {
                    let text = format!("The provider's answer is over {} bytes.", bound.most);
                    return Err(Short::Failed(Failure::new(Code::ResponseTooLarge, text)));
                }
            }
            Ok(Pull::End) => return Ok(whole.freeze()),
            Ok(Pull::Cut) => {
                let text = "The connection to the provider broke in the middle of its answer.";
                return Err(Short::Failed(Failure::new(
                    Code::UpstreamDisconnected,
                    text,
                )));
            }
            Err(Ended::Due) if idle.is_some_and(|idle| idle < bound.total) => {
                let text = "The provider stopped in the middle of its answer.";
                return Err(Short::Failed(Failure::new(Code::UpstreamTimeout, text)));
            }
            Err(ended) => return Err(Short::Ended(ended)),
        }
    }
}

/// A body in one piece is passed on without a copy.
enum Whole {
    Nothing,
    One(Bytes),
    Many(BytesMut),
}

impl Whole {
    fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::One(bytes) => bytes.len(),
            Self::Many(bytes) => bytes.len(),
        }
    }

    fn add(&mut self, data: Bytes) {
        match self {
            Self::Nothing => *self = Self::One(data),
            Self::One(first) => {
                let mut many = BytesMut::with_capacity(2 * (first.len() + data.len()));
                many.extend_from_slice(first);
                many.extend_from_slice(&data);
                *self = Self::Many(many);
            }
            Self::Many(bytes) => bytes.extend_from_slice(&data),
        }
    }

    fn freeze(self) -> Bytes {
        match self {
            Self::Nothing => Bytes::new(),
            Self::One(bytes) => bytes,
            Self::Many(bytes) => bytes.freeze(),
        }
    }
}
