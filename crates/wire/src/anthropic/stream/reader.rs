//! An upstream's stream as neutral events.
//!
//! 1. The order of the neutral form is kept whatever the upstream does; what
//!    breaks it ends the stream.
//! 2. A call without arguments has `{}`, as a whole answer would have it.
//!
//! Kinds of events, blocks and deltas that are not known are passed over, as
//! the API's versioning asks of its readers.

use std::borrow::Cow;

use super::super::answer::read_stop;
use super::super::error::read_error;
use super::super::frame::{Frame, Piece};
use super::super::usage::Counts;
use crate::chat::{Decode, Event, Malformed, Stop};
use crate::json::Text;

/// Blocks that may be open at once. The API has one; servers that imitate it
/// may open more.
const MOST_OPEN: usize = 128;
/// Calls of one answer.
const MOST_CALLS: u32 = 128;

/// Reads the events of one stream. It keeps a few words for each open block,
/// and no text.
#[derive(Debug, Default)]
pub struct Reader {
    stage: Stage,
    open: Vec<Open>,
    calls: u32,
    counts: Counts,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Stage {
    #[default]
    Before,
    Within,
    /// The stop was told.
    Stopped,
    Ended,
}

/// A block that has begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    index: u64,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Text or thought: its deltas say which.
    Told,
    Call {
        call: u32,
        /// Some of its arguments were told.
        told: bool,
    },
    /// It has no place in the neutral form.
    Other,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl Decode for Reader {
    fn frame(&mut self, name: &[u8], data: &[u8], sink: Sink<'_>) -> Result<(), Malformed> {
        if self.stage == Stage::Ended || data.trim_ascii() == b"[DONE]" {
            return Ok(());
        }
        let text = String::from_utf8_lossy(data);
        let frame = Frame::read(&text, &mut self.counts);
        if name == b"error" || frame.as_ref().is_ok_and(|frame| frame.failed) {
            return Err(Malformed::Error(read_error(200, data)));
        }
        let frame = frame.map_err(|_| Malformed::Frame)?;
        let kind = match &frame.kind {
            Some(kind) => kind.decode(),
            None => String::from_utf8_lossy(name),
        };
        match (kind.as_ref(), self.stage) {
            ("error", _) => Err(Malformed::Error(read_error(200, data))),
            ("message_start", Stage::Before) => {
                self.stage = Stage::Within;
                sink(Event::Start {
                    id: &decode(frame.id),
                    model: &decode(frame.model),
                    created: None,
                    tokens: self.counts.tokens(),
                });
                Ok(())
            }
            ("content_block_start", Stage::Within) => self.begin(&frame, sink),
            ("content_block_delta", Stage::Within) => self.delta(&frame, sink),
            ("content_block_stop", Stage::Within) => {
                self.close(|open| open.index == frame.index, sink);
                Ok(())
            }
            ("message_delta", Stage::Within | Stage::Stopped) => {
                self.message(&frame.piece, sink);
                Ok(())
            }
            ("message_stop", Stage::Within | Stage::Stopped) => {
                self.stop(Stop::End, sink);
                self.end(sink);
                Ok(())
            }
            ("ping", Stage::Within | Stage::Stopped) => {
                sink(Event::Ping);
                Ok(())
            }
            (
                "message_start"
                | "content_block_start"
                | "content_block_delta"
                | "message_delta"
                | "message_stop",
                _,
            ) => Err(Malformed::Frame),
            _ => Ok(()),
        }
    }

    fn finish(&mut self, sink: Sink<'_>) -> bool {
        if self.stage == Stage::Stopped {
            self.end(sink);
        }
        self.stage == Stage::Ended
    }
}

fn decode(text: Option<Text<'_>>) -> Cow<'_, str> {
    text.map(|text| text.decode()).unwrap_or_default()
}

impl Reader {
    fn begin(&mut self, frame: &Frame<'_>, sink: Sink<'_>) -> Result<(), Malformed> {
        // An index that comes again means a new block.
        self.close(|open| open.index == frame.index, sink);
        if self.open.len() >= MOST_OPEN {
            return Err(Malformed::Frame);
        }
        let piece = &frame.piece;
        let kind = match decode(piece.kind).as_ref() {
            "text" | "thinking" => {
                tell(piece, sink);
                Kind::Told
            }
            "redacted_thinking" => {
                let data = &decode(piece.data);
                sink(Event::Redacted { choice: 0, data });
                Kind::Other
            }
            "tool_use" => {
                if self.calls == MOST_CALLS {
                    return Err(Malformed::Frame);
                }
                let call = self.calls;
                self.calls += 1;
                sink(Event::Call {
                    choice: 0,
                    call,
                    id: &decode(piece.id),
                    name: &decode(piece.name),
                });
                // Mostly an empty object, until the deltas say more.
                let inside = piece.input.trim_start_matches('{').trim_end_matches('}');
                let told = !inside.trim_ascii().is_empty() && piece.input != "null";
                if told {
                    let text = piece.input;
                    sink(Event::Arguments {
                        choice: 0,
                        call,
                        text,
                    });
                }
                Kind::Call { call, told }
            }
            _ => Kind::Other,
        };
        let index = frame.index;
        self.open.push(Open { index, kind });
        Ok(())
    }

    fn delta(&mut self, frame: &Frame<'_>, sink: Sink<'_>) -> Result<(), Malformed> {
        let open = self.open.iter_mut().find(|open| open.index == frame.index);
        match (open.map(|open| &mut open.kind), frame.piece.partial_json) {
            (Some(Kind::Call { call, told }), Some(json)) => {
                let text = &json.decode();
                if !text.is_empty() {
                    *told = true;
                    let call = *call;
                    sink(Event::Arguments {
                        choice: 0,
                        call,
                        text,
                    });
                }
                Ok(())
            }
            (Some(Kind::Other), _) => Ok(()),
            // Arguments of no call.
            (_, Some(_)) => Err(Malformed::Frame),
            (_, None) => {
                tell(&frame.piece, sink);
                Ok(())
            }
        }
    }

    /// Closes the open blocks that `which` picks.
    fn close(&mut self, which: impl Fn(&Open) -> bool, sink: Sink<'_>) {
        self.open.retain(|open| {
            if !which(open) {
                return true;
            }
            if let Kind::Call { call, told: false } = open.kind {
                let text = "{}";
                sink(Event::Arguments {
                    choice: 0,
                    call,
                    text,
                });
            }
            false
        });
    }

    fn message(&mut self, piece: &Piece<'_>, sink: Sink<'_>) {
        if let Some(reason) = piece.stop_reason {
            let sequence = piece.stop_sequence.map(|text| text.decode().into_owned());
            self.stop(read_stop(&reason.decode(), sequence), sink);
        } else if self.stage == Stage::Stopped
            && let Some(tokens) = self.counts.tokens()
        {
            sink(Event::Tokens(tokens));
        }
    }

    /// Tells the stop, once, and the tokens behind it.
    fn stop(&mut self, stop: Stop, sink: Sink<'_>) {
        if self.stage != Stage::Within {
            return;
        }
        self.close(|_| true, sink);
        self.stage = Stage::Stopped;
        sink(Event::Stop { choice: 0, stop });
        if let Some(tokens) = self.counts.tokens() {
            sink(Event::Tokens(tokens));
        }
    }

    fn end(&mut self, sink: Sink<'_>) {
        self.stage = Stage::Ended;
        sink(Event::End);
    }
}

/// Tells text and thoughts.
fn tell(piece: &Piece<'_>, sink: Sink<'_>) {
    let choice = 0;
    if let Some(text) = piece.text.filter(|text| !text.raw().is_empty()) {
        let text = &text.decode();
        sink(Event::Text { choice, text });
    }
    if let Some(text) = piece.thinking.filter(|text| !text.raw().is_empty()) {
        let text = &text.decode();
        sink(Event::Thinking { choice, text });
    }
    if let Some(signature) = piece.signature.filter(|text| !text.raw().is_empty()) {
        let signature = &signature.decode();
        sink(Event::Signature { choice, signature });
    }
}
