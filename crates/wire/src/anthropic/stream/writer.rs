//! Neutral events as a stream for a caller.
//!
//! 1. One `message_start`, blocks counted from 0 that never overlap, one
//!    `message_delta`, one `message_stop`.
//! 2. What comes goes out at once, but for calls that an upstream mixes: see
//!    `turn.rs`.
//!
//! It tells the first choice alone, since no request of this dialect asks for
//! more, and no log probabilities, for which the dialect has no place.

use serde::Serialize;
use tidegate_types::Code;

use super::super::answer::{Out, write_stop};
use super::super::block::Block;
use super::super::error::{status, write_error_event};
use super::super::usage::Usage;
use super::event;
use super::turn::{MOST_HELD, Queue, Waiting, Whole};
use crate::chat::{Encode, Event, Failed, Stop, Tokens};
use crate::json::write_string;

/// Writes the events of one stream.
#[derive(Debug)]
pub struct Writer {
    /// Used where the upstream has none.
    id: String,
    stage: Stage,
    /// The next block's index.
    next: u64,
    open: Option<Open>,
    queue: Queue,
    /// The last call that had its turn.
    last: Option<u32>,
    refused: bool,
    stop: Option<Stop>,
    tokens: Option<Tokens>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Before,
    Within,
    /// It ended, or could not go on, for what reason.
    Over(Option<Code>),
}

/// The block that is open; its index is one before the next one.
#[derive(Debug)]
enum Open {
    Text,
    Thinking { signed: bool },
    Call { call: u32, whole: Whole },
}

#[derive(Serialize)]
struct Start<'a> {
    r#type: &'static str,
    message: Out<'a>,
}

#[derive(Serialize)]
struct BlockStart<'a> {
    r#type: &'static str,
    index: u64,
    content_block: Block<'a>,
}

#[derive(Serialize)]
struct MessageDelta<'a> {
    r#type: &'static str,
    delta: StopOut<'a>,
    usage: Usage,
}

#[derive(Serialize)]
struct StopOut<'a> {
    stop_reason: &'static str,
    stop_sequence: Option<&'a str>,
}

impl Encode for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match (event, self.stage) {
            (_, Stage::Over(_)) => return,
            (Event::Start { .. }, Stage::Within) => return,
            // Nothing begins by it: who answers is told with the start.
            (Event::Ping, Stage::Before) => return,
            (
                Event::Start {
                    id, model, tokens, ..
                },
                Stage::Before,
            ) => {
                self.start(id, model, *tokens, out);
                return;
            }
            (_, Stage::Before) => self.start("", "", None, out),
            (_, Stage::Within) => {}
        }
        match *event {
            Event::Text { choice: 0, text } => self.text(text, out),
            Event::Refusal { choice: 0, text } => {
                self.refused = true;
                self.text(text, out);
            }
            Event::Thinking { choice: 0, text } => self.thinking(text, out),
            Event::Signature {
                choice: 0,
                signature,
            } => self.signature(signature, out),
            Event::Redacted { choice: 0, data } => {
                self.settle(out);
                self.begin(Block::RedactedThinking { data }, out);
                self.close(out);
            }
            Event::Call {
                choice: 0,
                call,
                id,
                name,
            } => self.call(call, id, name, out),
            Event::Arguments {
                choice: 0,
                call,
                text,
            } => self.arguments(call, text, out),
            Event::Stop {
                choice: 0,
                ref stop,
            } => {
                self.settle(out);
                self.stop.get_or_insert_with(|| stop.clone());
            }
            Event::Tokens(tokens) => self.tokens = Some(tokens),
            Event::Ping => out.extend_from_slice(b"event: ping\ndata: {\"type\":\"ping\"}\n\n"),
            Event::End => self.end(out),
            // Other choices, and what has no place.
            _ => {}
        }
    }

    fn fail(&mut self, failed: &Failed<'_>, out: &mut Vec<u8>) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        self.stage = Stage::Over(None);
        self.queue = Queue::default();
        out.extend(write_error_event(status(failed.code), failed.message));
    }

    fn broken(&self) -> Option<Code> {
        match self.stage {
            Stage::Over(broken) => broken,
            Stage::Before | Stage::Within => None,
        }
    }

    fn held(&self) -> usize {
        self.queue.held()
    }
}

impl Writer {
    /// Bytes of calls that may wait for their turn.
    pub const MOST_HELD: usize = MOST_HELD;

    /// For one stream, whose id is `id` where the upstream gives none.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            stage: Stage::Before,
            next: 0,
            open: None,
            queue: Queue::default(),
            last: None,
            refused: false,
            stop: None,
            tokens: None,
        }
    }

    fn start(&mut self, id: &str, model: &str, tokens: Option<Tokens>, out: &mut Vec<u8>) {
        self.stage = Stage::Within;
        self.tokens = tokens;
        let message = Out {
            id: if id.is_empty() { &self.id } else { id },
            r#type: "message",
            role: "assistant",
            model,
            content: Vec::new(),
            stop_reason: None,
            stop_sequence: None,
            usage: Usage::from(tokens),
        };
        let r#type = "message_start";
        event(out, r#type, &Start { r#type, message });
    }

    fn text(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.open, Some(Open::Text)) {
            self.settle(out);
            self.begin(Block::text(""), out);
            self.open = Some(Open::Text);
        }
        self.delta("text_delta", "text", text, out);
    }

    fn thinking(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        if !matches!(self.open, Some(Open::Thinking { signed: false })) {
            self.think(out);
        }
        self.delta("thinking_delta", "thinking", text, out);
    }

    fn signature(&mut self, signature: &str, out: &mut Vec<u8>) {
        if !matches!(self.open, Some(Open::Thinking { .. })) {
            self.think(out);
        }
        self.open = Some(Open::Thinking { signed: true });
        self.delta("signature_delta", "signature", signature, out);
    }

    fn think(&mut self, out: &mut Vec<u8>) {
        self.settle(out);
        let (thinking, signature) = ("", "");
        self.begin(
            Block::Thinking {
                thinking,
                signature,
            },
            out,
        );
        self.open = Some(Open::Thinking { signed: false });
    }

    fn call(&mut self, call: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        if let Some(Open::Call { whole, .. }) = &self.open
            && !whole.done()
        {
            if !self.queue.push(call, id, name) {
                self.give_up(out);
            }
            return;
        }
        self.turn(call, id, name, out);
    }

    /// Gives a call its turn.
    fn turn(&mut self, call: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        self.close(out);
        let block = Block::ToolUse {
            id: id.into(),
            name,
            input: Block::nothing(),
        };
        self.begin(block, out);
        self.last = Some(call);
        let whole = Whole::default();
        self.open = Some(Open::Call { call, whole });
    }

    fn arguments(&mut self, call: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        match &mut self.open {
            Some(Open::Call { call: open, whole }) if *open == call => {
                whole.feed(text);
                self.delta("input_json_delta", "partial_json", text, out);
                self.advance(out);
            }
            _ => match self.queue.add(call, text) {
                Some(true) => {}
                // White space behind a whole object says nothing.
                None if text.trim_ascii().is_empty() => {}
                None | Some(false) => self.give_up(out),
            },
        }
    }

    /// Gives their turn to those that wait, as long as the open call is whole.
    fn advance(&mut self, out: &mut Vec<u8>) {
        while let Some(Open::Call { whole, .. }) = &self.open
            && whole.done()
            && let Some(waiting) = self.queue.next()
        {
            self.resume(&waiting, out);
        }
    }

    fn resume(&mut self, waiting: &Waiting, out: &mut Vec<u8>) {
        self.turn(waiting.call, &waiting.id, &waiting.name, out);
        if waiting.arguments.is_empty() {
            return;
        }
        if let Some(Open::Call { whole, .. }) = &mut self.open {
            whole.feed(&waiting.arguments);
        }
        self.delta("input_json_delta", "partial_json", &waiting.arguments, out);
    }

    /// Closes what is open, and all that waits behind it.
    fn settle(&mut self, out: &mut Vec<u8>) {
        while let Some(waiting) = self.queue.next() {
            self.resume(&waiting, out);
        }
        self.close(out);
    }

    fn begin(&mut self, content_block: Block<'_>, out: &mut Vec<u8>) {
        self.close(out);
        let (r#type, index) = ("content_block_start", self.next);
        self.next += 1;
        event(
            out,
            r#type,
            &BlockStart {
                r#type,
                index,
                content_block,
            },
        );
        self.open = Some(Open::Text);
    }

    /// Ends the open block, if there is one.
    fn close(&mut self, out: &mut Vec<u8>) {
        if self.open.take().is_some() {
            let index = self.next.saturating_sub(1);
            out.extend_from_slice(b"event: content_block_stop\ndata: ");
            let data = format!("{{\"type\":\"content_block_stop\",\"index\":{index}}}\n\n");
            out.extend_from_slice(data.as_bytes());
        }
    }

    /// More of the open block.
    fn delta(&self, kind: &str, field: &str, text: &str, out: &mut Vec<u8>) {
        let index = self.next.saturating_sub(1);
        out.reserve(text.len() + text.len() / 8 + 160);
        out.extend_from_slice(
            b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":",
        );
        out.extend_from_slice(index.to_string().as_bytes());
        for piece in [",\"delta\":{\"type\":\"", kind, "\",\"", field, "\":"] {
            out.extend_from_slice(piece.as_bytes());
        }
        write_string(out, text);
        out.extend_from_slice(b"}}\n\n");
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.settle(out);
        self.stage = Stage::Over(None);
        let unsaid = if self.last.is_some() {
            Stop::Calls
        } else {
            Stop::End
        };
        let stop = self.stop.as_ref().unwrap_or(&unsaid);
        let (stop_reason, stop_sequence) = write_stop(stop, self.refused);
        let r#type = "message_delta";
        let message = MessageDelta {
            r#type,
            delta: StopOut {
                stop_reason,
                stop_sequence,
            },
            usage: Usage::from(self.tokens),
        };
        event(out, r#type, &message);
        out.extend_from_slice(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    }

    /// The upstream mixes its calls in a way that has no form here.
    fn give_up(&mut self, out: &mut Vec<u8>) {
        let message = "The provider mixes the arguments of several calls, which have no form here.";
        self.fail(&Failed::new(Code::UpstreamProtocol, message), out);
        self.stage = Stage::Over(Some(Code::UpstreamProtocol));
    }
}
