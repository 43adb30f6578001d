//! A stream that its caller gets in another dialect than its upstream speaks.
//!
//! Promises: 1. each event is translated at once, and in order; 2. what the
//! upstream's dialect calls its end is the caller's end, and nothing else is;
//! 3. it keeps what the two dialects' own states need, and no text; 4. one frame that
//! is no JSON may be left out, where nothing was in it (failures row 16).

use bytes::BytesMut;
use memchr::memmem;
use serde::de::IgnoredAny;
use tidegate_types::{Code, Usage};
use tidegate_wire::chat::{Decode, Encode, Event, Malformed, Tokens};

use super::bad::Bad;
use super::judge::{protocol, truncated};
use super::oddities::{Odd, Oddities};
use super::reading::Seen;
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::keys::Secrets;
use crate::upstream::classify;

/// See the module's text.
pub(crate) struct Interpreter {
    decode: Box<dyn Decode>,
    encode: Box<dyn Encode>,
    heard: Heard,
    bad: Bad,
    /// How its caller is told of failures.
    manner: Manner,
    /// What is written before it goes on; kept for its room.
    written: Vec<u8>,
}

/// What came up to now.
#[derive(Default)]
struct Heard {
    content: bool,
    /// The end came, in the frame that is read and at all.
    ended: bool,
    over: bool,
    /// A choice was told to be whole.
    stopped: bool,
    /// Something beside signs of life, in the frame that is read.
    news: bool,
    text_bytes: u64,
    tokens: Option<Tokens>,
}

impl Heard {
    /// `told` is whether its caller's dialect has a place for it: what is not told
    /// commits nothing.
    fn hear(&mut self, event: &Event<'_>, told: bool) {
        self.news |= !matches!(event, Event::Ping);
        match event {
            Event::Text { text, .. }
            | Event::Refusal { text, .. }
            | Event::Thinking { text, .. }
            | Event::Arguments { text, .. } => {
                self.content |= told && !text.is_empty();
                self.text_bytes += text.len() as u64;
            }
            Event::Call { .. } | Event::Redacted { .. } => self.content |= told,
            Event::Tokens(tokens)
            | Event::Start {
                tokens: Some(tokens),
                ..
            } => self.tokens = Some(*tokens),
            Event::End => (self.ended, self.over) = (true, true),
            Event::Stop { .. } => self.stopped = true,
            Event::Start { .. }
            | Event::Signature { .. }
            | Event::Logprobs { .. }
            | Event::Ping => {}
        }
    }
}

impl Interpreter {
    pub(crate) fn new(decode: Box<dyn Decode>, encode: Box<dyn Encode>, manner: Manner) -> Self {
        Self {
            decode,
            encode,
            manner,
            heard: Heard::default(),
            bad: Bad::default(),
            written: Vec::new(),
        }
    }

    /// Reads one frame, and writes what it is for the caller behind `out`.
    pub(super) fn read(
        &mut self,
        name: &[u8],
        data: &[u8],
        secrets: &Secrets,
        oddities: &Oddities,
        out: &mut BytesMut,
    ) -> Seen {
        let Self {
            decode,
            encode,
            heard,
            bad,
            written,
            manner: _,
        } = self;
        let stopped = heard.stopped;
        (heard.news, heard.ended) = (false, false);
        let read = decode.frame(name, data, &mut |event| {
            let before = written.len();
            encode.event(&event, written);
            heard.hear(&event, written.len() > before);
        });
        if read.is_ok() && bad.is_open() && heard.ended && !stopped && is_bare(data) {
            // What was left out may have told the end; this says only that it is over.
            written.clear();
            return Seen::Failed(protocol());
        }
        out.extend_from_slice(written);
        written.clear();
        match read {
            Err(Malformed::Error(said)) => {
                let failure = classify::by_error(said, secrets);
                Seen::Failed(classify::without_words(failure))
            }
            Err(Malformed::Frame) if is_no_json(data) && bad.leave_out(name, data) => {
                oddities.count(Odd::BadEvent);
                Seen::Nothing
            }
            Err(Malformed::Frame) => Seen::Failed(protocol()),
            Ok(()) => {
                bad.forgive();
                match encode.broken() {
                    Some(code) => Seen::Failed(untellable(code)),
                    None if heard.ended => Seen::Done,
                    None if heard.news => Seen::Event,
                    None => Seen::Comment,
                }
            }
        }
    }

    /// The upstream's body ended without its dialect's end.
    pub(super) fn end(&mut self, out: &mut BytesMut) -> Result<(), Failure> {
        let Self {
            decode,
            encode,
            heard,
            bad,
            written,
            manner: _,
        } = self;
        if bad.is_open() {
            return Err(protocol());
        }
        let whole = decode.finish(&mut |event| {
            let before = written.len();
            encode.event(&event, written);
            heard.hear(&event, written.len() > before);
        });
        if !whole {
            written.clear();
            return Err(truncated());
        }
        out.extend_from_slice(written);
        written.clear();
        encode.broken().map_or(Ok(()), |code| Err(untellable(code)))
    }

    pub(super) fn next_number(&self) -> u64 {
        self.encode.next_number()
    }

    /// Ends the caller's stream with what went wrong; `number` is that of the event
    /// which the caller gets next.
    pub(super) fn fail(&mut self, failure: &Failure, number: u64, out: &mut Vec<u8>) {
        let before = out.len();
        self.encode.fail(&failure.failed(), out);
        // Its end was written and taken back before it went out: it is over for
        // its writer, and not for its caller.
        let unsaid = out.len() == before && self.encode.broken().is_none();
        if unsaid && std::mem::take(&mut self.heard.over) {
            out.extend_from_slice(&failure.event(self.manner, number));
        }
    }

    /// Bytes that wait in it for something else.
    pub(super) fn held(&self) -> usize {
        self.encode.held()
    }

    pub(super) fn content(&self) -> bool {
        self.heard.content
    }

    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        let estimate = || Usage::estimate(prompt_bytes, self.heard.text_bytes);
        self.heard.tokens.map_or_else(estimate, Tokens::usage)
    }
}

/// A frame that cannot be read in its dialect, and in no other either.
fn is_no_json(data: &[u8]) -> bool {
    serde_json::from_slice::<IgnoredAny>(data).is_err()
}

/// Whether the frame of an end says nothing of why it is one.
fn is_bare(data: &[u8]) -> bool {
    memmem::find(data, b"reason").is_none()
}

/// The caller was told by who writes its stream.
fn untellable(code: Code) -> Failure {
    let text = "The provider's stream cannot be told in the caller's dialect.";
    Failure::new(code, text)
}
