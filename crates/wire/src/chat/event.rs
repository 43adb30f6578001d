//! What happens in a stream, and the two sides of its translation.
//!
//! The order is the same in every dialect: one start, then pieces, then for each
//! choice one stop, the tokens, one end. A decoder keeps to it whatever its
//! upstream does, or fails; an encoder can rely on it.

use serde_json::value::RawValue;
use tidegate_types::Code;

use super::{Stop, Tokens};
use crate::json::Violation;
use crate::openai::ErrorBody;

/// One thing that happens in a stream.
#[expect(missing_docs, reason = "the fields are named as in `chat::Answer`")]
#[derive(Debug, Clone)]
pub enum Event<'a> {
    /// Once, before all else.
    Start {
        /// The upstream's id; empty where it has none.
        id: &'a str,
        /// The upstream's own name of the model.
        model: &'a str,
        created: Option<u64>,
        /// Of the prompt, where it is told this early.
        tokens: Option<Tokens>,
    },
    /// More text of this choice.
    Text { choice: u32, text: &'a str },
    /// More of the model's own refusal.
    Refusal { choice: u32, text: &'a str },
    /// More of what it thinks.
    Thinking { choice: u32, text: &'a str },
    /// The proof of what it thought, behind it.
    Signature { choice: u32, signature: &'a str },
    /// What it thought, for its provider's eyes only.
    Redacted { choice: u32, data: &'a str },
    /// A call begins. Calls of a choice count from 0, in the order of their
    /// beginnings.
    Call {
        choice: u32,
        call: u32,
        id: &'a str,
        name: &'a str,
    },
    /// More of that call's arguments, byte for byte.
    Arguments {
        choice: u32,
        call: u32,
        text: &'a str,
    },
    /// Log probabilities in OpenAI's form, as they were given.
    Logprobs { choice: u32, logprobs: &'a RawValue },
    /// This choice is whole.
    Stop { choice: u32, stop: Stop },
    /// Of the whole stream up to here; a later one replaces it.
    Tokens(Tokens),
    /// A sign of life without content.
    Ping,
    /// Once, after all else: the upstream said that this is all.
    End,
}

/// Reads an upstream's stream, frame by frame.
///
/// A frame is an SSE event, a line of JSON or a message of an event stream, by
/// the dialect; its framing is not this trait's.
pub trait Decode: Send {
    /// Reads one frame: its event's name, which may be empty, and its data. What
    /// it means goes to `sink`, in order.
    ///
    /// # Errors
    /// Where the stream cannot go on.
    fn frame(
        &mut self,
        name: &[u8],
        data: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed>;

    /// The upstream's body ended. Whether the answer was whole by then: if every
    /// choice had its stop, the end is told to `sink` where it was not yet.
    fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> bool;
}

/// Writes a stream for a caller.
///
/// Behind [`Event::End`] or a failure nothing more is written, whatever is told.
pub trait Encode: Send {
    /// Writes what `event` is in the caller's dialect: whole SSE events, behind
    /// what `out` holds. [`Event::End`] writes the dialect's own end.
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>);

    /// Ends the stream with a failure, as the caller's dialect says it. It may
    /// come first of all, and does nothing if the stream is over.
    fn fail(&mut self, failed: &Failed<'_>, out: &mut Vec<u8>);

    /// Why it ended the stream by itself, if it did: what the upstream told has
    /// no form in the dialect, or is more than may be kept. The caller knows by
    /// then; nobody else does.
    fn broken(&self) -> Option<Code> {
        None
    }

    /// The number that its next event has, where the dialect counts them.
    fn next_number(&self) -> u64 {
        0
    }

    /// Bytes of the stream that it keeps for what is still to come.
    fn held(&self) -> usize {
        0
    }
}

/// Why a stream ends before its answer is whole, as a caller is told it.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// What happened.
    pub code: Code,
    /// What OpenAI's form shows as its `code`: the upstream's own, or ours.
    pub shown: &'a str,
    /// What OpenAI's form shows as its `type`.
    pub kind: &'a str,
    /// One sentence, without secrets.
    pub message: &'a str,
    /// The field that it is about.
    pub param: Option<&'a str>,
}

impl<'a> Failed<'a> {
    /// A failure that shows `code` itself.
    pub fn new(code: Code, message: &'a str) -> Self {
        Self {
            code,
            shown: code.as_str(),
            kind: code.kind(),
            message,
            param: None,
        }
    }
}

/// Why a stream cannot go on.
#[derive(Debug)]
pub enum Malformed {
    /// The frame is not what the dialect has.
    Frame,
    /// The upstream says that it failed.
    Error(ErrorBody),
}

impl From<Violation> for Malformed {
    fn from(_: Violation) -> Self {
        Self::Frame
    }
}
