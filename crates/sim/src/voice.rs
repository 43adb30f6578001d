//! The event forms of a streamed answer.
//!
//! Promise: every event is one legal OpenAI event (`chat.completion.chunk` or `text_completion`),
//! whole, with its blank line. All events of a stream share one rendered head, so that an event
//! costs three short copies. `created` is fixed: an answer never depends on the time of day.

use bytes::{BufMut, Bytes, BytesMut};

use crate::said::{Dialect, Finish, Usage};
use crate::speech::Pieces;

/// The `created` of everything: 14 November 2023.
pub(crate) const CREATED: u64 = 1_700_000_000;

/// The last event of a stream that ended well.
pub(crate) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// Bytes of one burst allocation: about a dozen small events.
const BLOCK: usize = 4096;

/// What the pieces of a choice are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Field {
    /// The text of a chat's message.
    Content,
    /// Why a chat's message says no.
    Refusal,
    /// Calls of tools, in a chat's message.
    Calls,
    /// The text of a completion.
    Text,
}

impl Field {
    fn before(self) -> &'static str {
        match self {
            Self::Content | Self::Calls => r#""delta":{"content":"#,
            Self::Refusal => r#""delta":{"refusal":"#,
            Self::Text => r#""text":"#,
        }
    }

    fn after(self) -> &'static [u8] {
        match self {
            Self::Text => br#","logprobs":null,"finish_reason":null}"#,
            _ => br#"},"logprobs":null,"finish_reason":null}"#,
        }
    }
}

/// One stream's way of writing events; each choice has its own.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    field: Field,
    index: u32,
    /// From `data: ` to the bracket that opens `choices`.
    head: Bytes,
    /// From there to the text.
    before: Bytes,
    /// From the bracket that closes `choices` to the blank line.
    tail: &'static [u8],
}

impl Voice {
    /// The voice of the first choice. `name` is escaped. With `usage_asked`, every event but the
    /// one that counts says `"usage":null`, as OpenAI's do.
    pub(crate) fn new(
        dialect: Dialect,
        field: Field,
        number: u64,
        name: &str,
        usage_asked: bool,
    ) -> Self {
        let prefix = dialect.prefix();
        let object = match dialect {
            Dialect::Chat => "chat.completion.chunk",
            Dialect::Completion => "text_completion",
        };
        let head = format!(
            r#"data: {{"id":"{prefix}{number}","object":"{object}","created":{CREATED},"model":"{name}","system_fingerprint":"fp_sim","choices":["#
        );
        let tail: &[u8] = if usage_asked {
            b"],\"usage\":null}\n\n"
        } else {
            b"]}\n\n"
        };
        let first = Self {
            field,
            index: 0,
            head: head.into(),
            before: Bytes::new(),
            tail,
        };
        first.choice(0)
    }

    /// The same for another choice.
    pub(crate) fn choice(&self, index: u32) -> Self {
        let before = format!(r#"{{"index":{index},{}"#, self.field.before());
        Self {
            index,
            before: before.into(),
            ..self.clone()
        }
    }

    /// The event that opens a chat's choice; a completion has none.
    pub(crate) fn role(&self) -> Option<Bytes> {
        let content = match self.field {
            Field::Text => return None,
            Field::Content => r#""""#,
            Field::Refusal | Field::Calls => "null",
        };
        let index = self.index;
        let choice = format!(
            r#"{{"index":{index},"delta":{{"role":"assistant","content":{content},"refusal":null}},"logprobs":null,"finish_reason":null}}"#
        );
        Some(self.event(choice.as_bytes()))
    }

    /// The event that says why the choice ends.
    pub(crate) fn finish(&self, why: Finish) -> Bytes {
        let (index, why) = (self.index, why.as_str());
        let empty = match self.field {
            Field::Text => r#""text":"""#,
            _ => r#""delta":{}"#,
        };
        let choice =
            format!(r#"{{"index":{index},{empty},"logprobs":null,"finish_reason":"{why}"}}"#);
        self.event(choice.as_bytes())
    }

    /// The event that counts.
    pub(crate) fn usage(&self, usage: &Usage) -> Bytes {
        let tail = format!("],\"usage\":{}}}\n\n", usage.json());
        [&self.head[..], tail.as_bytes()].concat().into()
    }

    /// An event whose JSON breaks off, though its blank line comes. It carries no text.
    pub(crate) fn malformed(&self) -> Bytes {
        [&self.head[..], &br#"{"index":0,"delta":{"#[..], b"\n\n"]
            .concat()
            .into()
    }

    /// The beginning of an event, up to and into the two bytes of an `å`.
    pub(crate) fn torn(&self) -> Bytes {
        [&self.head[..], &self.before[..], &b"\"w\xC3"[..]]
            .concat()
            .into()
    }

    /// The next piece as an event. `block` is where bursts are written: events that follow each
    /// other at once share an allocation.
    pub(crate) fn piece(&self, pieces: &mut Pieces, block: &mut BytesMut, burst: bool) -> Bytes {
        if let Pieces::Ready(choices) = pieces {
            return self.event(&choices.pop_front().unwrap_or_default());
        }
        let (before, after) = (&self.before[..], self.field.after());
        let size =
            self.head.len() + before.len() + pieces.size() + 2 + after.len() + self.tail.len();
        if block.capacity() < size {
            block.reserve(if burst { size.max(BLOCK) } else { size });
        }
        block.put_slice(&self.head);
        block.put_slice(before);
        pieces.quote_next(block);
        block.put_slice(after);
        block.put_slice(self.tail);
        block.split().freeze()
    }

    fn event(&self, choice: &[u8]) -> Bytes {
        [&self.head[..], choice, self.tail].concat().into()
    }
}
