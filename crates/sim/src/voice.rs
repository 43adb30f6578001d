//! The event forms of a streamed answer.
//!
//! Promise: every event is one legal OpenAI event (`chat.completion.chunk` or `text_completion`),
//! whole, with its blank line. All events of a stream share one rendered head, so that an event
//! costs three short copies. `created` is fixed: an answer never depends on the time of day.

use bytes::{BufMut, Bytes, BytesMut};

use crate::speech::Pieces;

/// The `created` of everything: 14 November 2023.
pub(crate) const CREATED: u64 = 1_700_000_000;

/// The last event of a stream that ended well.
pub(crate) const DONE: Bytes = Bytes::from_static(b"data: [DONE]\n\n");

/// Bytes of one burst allocation: about a dozen small events.
const BLOCK: usize = 4096;

/// Which of the two text endpoints speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Chat,
    Completion,
}

impl Dialect {
    /// What the ids begin with.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Chat => "chatcmpl-sim-",
            Self::Completion => "cmpl-sim-",
        }
    }

    fn before_text(self) -> &'static [u8] {
        match self {
            Self::Chat => br#"{"index":0,"delta":{"content":"#,
            Self::Completion => br#"{"index":0,"text":"#,
        }
    }

    fn after_text(self) -> &'static [u8] {
        match self {
            Self::Chat => br#"},"logprobs":null,"finish_reason":null}"#,
            Self::Completion => br#","logprobs":null,"finish_reason":null}"#,
        }
    }

    fn finish(self) -> &'static [u8] {
        match self {
            Self::Chat => br#"{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}"#,
            Self::Completion => br#"{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}"#,
        }
    }
}

/// Counts of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) prompt: u64,
    pub(crate) completion: u64,
}

impl Usage {
    pub(crate) fn json(self) -> String {
        let Self { prompt, completion } = self;
        let total = prompt + completion;
        format!(
            r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion},"total_tokens":{total}}}"#
        )
    }
}

/// One stream's way of writing events.
#[derive(Debug, Clone)]
pub(crate) struct Voice {
    dialect: Dialect,
    /// From `data: ` to the bracket that opens `choices`.
    head: Bytes,
    /// From the bracket that closes `choices` to the blank line.
    tail: &'static [u8],
}

impl Voice {
    /// `name` is a parsed name: it needs no escaping. With `usage_asked`, every event but the one
    /// that counts says `"usage":null`, as OpenAI's do.
    pub(crate) fn new(dialect: Dialect, number: u64, name: &str, usage_asked: bool) -> Self {
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
        Self {
            dialect,
            head: head.into(),
            tail,
        }
    }

    /// The event that opens a chat; a completion has none.
    pub(crate) fn role(&self) -> Option<Bytes> {
        let choice = br#"{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}"#;
        (self.dialect == Dialect::Chat).then(|| self.event(choice))
    }

    /// The event that says why the text ends.
    pub(crate) fn finish(&self) -> Bytes {
        self.event(self.dialect.finish())
    }

    /// The event that counts.
    pub(crate) fn usage(&self, usage: Usage) -> Bytes {
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
        [&self.head[..], self.dialect.before_text(), &b"\"w\xC3"[..]]
            .concat()
            .into()
    }

    /// The next piece as an event. `block` is where bursts are written: events that follow each
    /// other at once share an allocation.
    pub(crate) fn piece(&self, pieces: &mut Pieces, block: &mut BytesMut, burst: bool) -> Bytes {
        let (before, after) = (self.dialect.before_text(), self.dialect.after_text());
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
