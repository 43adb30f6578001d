//! What a flow reads and what goes on of it: framing and judgement in one.
//!
//! Promises: 1. where both sides speak one dialect, events go on byte for byte,
//! in the buffer in which they came (`same`); 2. where they do not, each event is
//! translated at once, and nothing is kept but its translation (`translated`);
//! 3. whoever reads learns the same of both: what came, and when it ended.

use bytes::Bytes;
use tidegate_types::{Code, RequestId, Usage};

use super::interpreter::Interpreter;
use super::judge::Judge;
use super::oddities::Oddities;
use super::same::Same;
use super::translated::Translated;
use crate::dialect::Framing;
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::keys::Secrets;

/// What came.
pub(super) enum Seen {
    /// A real event; what goes on of it is kept.
    Event,
    /// A comment: proves the socket, not the answer.
    Comment,
    /// Nothing that means something.
    Nothing,
    /// The end, as the upstream means it; it is kept.
    Done,
    /// The stream cannot go on.
    Failed(Failure),
}

/// How a stream is to be read.
pub(crate) enum Reads {
    /// As it is: it is in its caller's dialect.
    Same {
        manner: Manner,
        /// Keep the usage chunk from a caller who did not ask for it.
        withhold_usage: bool,
    },
    /// By somebody who translates it.
    Translated(Framing, Box<Interpreter>),
}

/// See the module's text.
#[expect(
    clippy::large_enum_variant,
    reason = "most streams are the same; a box would cost each of them"
)]
pub(super) enum Reading {
    Same(Same),
    Translated(Box<Translated>),
}

impl Reading {
    /// `most` bytes of one event.
    pub(super) fn new(
        reads: Reads,
        most: usize,
        id: Option<RequestId>,
        oddities: Oddities,
    ) -> Self {
        match reads {
            Reads::Same {
                manner,
                withhold_usage,
            } => {
                let judge = Judge::new(manner, withhold_usage, id, oddities.clone());
                Self::Same(Same::new(judge, most, oddities))
            }
            Reads::Translated(framing, by) => {
                Self::Translated(Box::new(Translated::new(framing, by, most, oddities)))
            }
        }
    }

    /// More of the upstream's bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match self {
            Self::Same(same) => same.push(bytes),
            Self::Translated(translated) => translated.push(bytes),
        }
    }

    /// Judges the next event that is whole; `None` if more bytes are wanted.
    pub(super) fn next(&mut self, secrets: &Secrets) -> Option<Seen> {
        match self {
            Self::Same(same) => same.next(secrets),
            Self::Translated(translated) => translated.next(secrets),
        }
    }

    /// What comes behind the end is nobody's. Whether the connection may be used
    /// again.
    pub(super) fn after_done(&mut self, bytes: &[u8]) -> bool {
        match self {
            Self::Same(same) => same.after_done(bytes),
            Self::Translated(translated) => translated.after_done(bytes),
        }
    }

    /// The upstream's body ended before its answer said so.
    ///
    /// # Errors
    /// If the answer is not whole.
    pub(super) fn end(&mut self, secrets: &Secrets) -> Result<(), Failure> {
        match self {
            Self::Same(same) => same.end(),
            Self::Translated(translated) => translated.end(secrets),
        }
    }

    /// Bytes for the caller.
    pub(super) fn kept(&self) -> usize {
        match self {
            Self::Same(same) => same.kept(),
            Self::Translated(translated) => translated.kept(),
        }
    }

    /// Takes them.
    pub(super) fn drain(&mut self) -> Bytes {
        match self {
            Self::Same(same) => same.drain(),
            Self::Translated(translated) => translated.drain(),
        }
    }

    /// Bytes that are held, on both sides of it.
    pub(super) fn held(&self) -> usize {
        match self {
            Self::Same(same) => same.held(),
            Self::Translated(translated) => translated.held(),
        }
    }

    /// Whether content has come.
    pub(super) fn content(&self) -> bool {
        match self {
            Self::Same(same) => same.content(),
            Self::Translated(translated) => translated.content(),
        }
    }

    /// Tokens, as told or as estimated.
    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        match self {
            Self::Same(same) => same.usage(prompt_bytes),
            Self::Translated(translated) => translated.usage(prompt_bytes),
        }
    }

    /// The number of the next event, in a dialect that counts them.
    pub(super) fn next_number(&self) -> u64 {
        match self {
            Self::Same(same) => same.next_number(),
            Self::Translated(translated) => translated.next_number(),
        }
    }

    /// The last that its caller gets of an answer that failed: the event of this
    /// number.
    pub(super) fn parting(&mut self, failure: &Failure, number: u64) -> Bytes {
        match self {
            Self::Same(same) => failure.event(same.manner(), number),
            Self::Translated(translated) => translated.parting(failure, number),
        }
    }
}

pub(super) fn too_large(most: usize) -> Failure {
    let text = format!("An event of the provider's stream is over {most} bytes.");
    Failure::new(Code::EventTooLarge, text)
}
