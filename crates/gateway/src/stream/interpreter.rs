//! A stream that its caller gets in another dialect than its upstream speaks.
//!
//! Promises: 1. each event is translated at once, and in order; 2. what the
//! upstream's dialect calls its end is the caller's end, and nothing else is;
//! 3. it keeps what the two dialects' own states need, and no text.

use bytes::BytesMut;
use tidegate_types::Usage;
use tidegate_wire::chat::{Decode, Encode, Event, Malformed, Tokens};
use tidegate_wire::sse::{self, Kind};

use super::judge::{Verdict, protocol, truncated};
use crate::failure::Failure;
use crate::keys::Secrets;
use crate::upstream::classify;

/// See the module's text.
pub(crate) struct Interpreter {
    decode: Box<dyn Decode>,
    encode: Box<dyn Encode>,
    heard: Heard,
    /// What is written before it goes on; kept for its room.
    written: Vec<u8>,
}

/// What came up to now.
#[derive(Default)]
struct Heard {
    content: bool,
    ended: bool,
    /// Something beside signs of life, in the frame that is read.
    news: bool,
    text_bytes: u64,
    tokens: Option<Tokens>,
}

impl Heard {
    fn hear(&mut self, event: &Event<'_>) {
        self.news |= !matches!(event, Event::Ping);
        match event {
            Event::Text { text, .. }
            | Event::Refusal { text, .. }
            | Event::Thinking { text, .. }
            | Event::Arguments { text, .. } => {
                self.content |= !text.is_empty();
                self.text_bytes += text.len() as u64;
            }
            Event::Call { .. } | Event::Redacted { .. } => self.content = true,
            Event::Tokens(tokens)
            | Event::Start {
                tokens: Some(tokens),
                ..
            } => self.tokens = Some(*tokens),
            Event::End => self.ended = true,
            Event::Start { .. }
            | Event::Signature { .. }
            | Event::Logprobs { .. }
            | Event::Stop { .. }
            | Event::Ping => {}
        }
    }
}

impl Interpreter {
    pub(crate) fn new(decode: Box<dyn Decode>, encode: Box<dyn Encode>) -> Self {
        Self {
            decode,
            encode,
            heard: Heard::default(),
            written: Vec::new(),
        }
    }

    /// Reads one event, and writes what it is for the caller behind `out`.
    pub(super) fn read(
        &mut self,
        event: &sse::Event<'_>,
        secrets: &Secrets,
        out: &mut BytesMut,
    ) -> Verdict {
        match event.kind() {
            Kind::Comment => return Verdict::Comment,
            Kind::Blank | Kind::Fields => return Verdict::Nothing,
            Kind::Data => {}
        }
        let data = event.data();
        if std::str::from_utf8(&data).is_err() {
            return Verdict::Mend(sse::lossy_event(event.raw()));
        }
        let Self {
            decode,
            encode,
            heard,
            written,
        } = self;
        (heard.news, heard.ended) = (false, false);
        let read = decode.frame(event.name(), &data, &mut |event| {
            heard.hear(&event);
            encode.event(&event, written);
        });
        out.extend_from_slice(written);
        written.clear();
        match read {
            Err(Malformed::Error(said)) => Verdict::Failed(classify::by_error(said, secrets)),
            Err(Malformed::Frame) => Verdict::Failed(protocol()),
            Ok(()) if heard.ended => Verdict::Done,
            Ok(()) if heard.news => Verdict::Forward,
            Ok(()) => Verdict::Comment,
        }
    }

    /// The upstream's body ended without its dialect's end.
    pub(super) fn end(&mut self, out: &mut BytesMut) -> Result<(), Failure> {
        let Self {
            decode,
            encode,
            heard,
            written,
        } = self;
        let whole = decode.finish(&mut |event| {
            heard.hear(&event);
            encode.event(&event, written);
        });
        if !whole {
            written.clear();
            return Err(truncated());
        }
        out.extend_from_slice(written);
        written.clear();
        Ok(())
    }

    pub(super) fn content(&self) -> bool {
        self.heard.content
    }

    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        let estimate = || Usage::estimate(prompt_bytes, self.heard.text_bytes);
        self.heard.tokens.map_or_else(estimate, Tokens::usage)
    }
}
