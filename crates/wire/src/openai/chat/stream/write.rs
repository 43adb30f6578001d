//! Writes `chat.completion.chunk` events.
//!
//! All chunks of a stream begin with the same bytes, which are made once.

use crate::chat::{Encode, Event, Failed, Tokens};
use crate::json::write_string;
use crate::openai::chat::answer::Asked;
use crate::openai::chat::said::{write_line, write_stop};
use crate::openai::chat::usage::Usage;
use crate::openai::error;
use crate::sse;

/// Writes a stream for a caller.
#[derive(Debug)]
pub struct Writer {
    /// What every chunk begins with, up to its choices; empty before the start.
    head: Vec<u8>,
    id: String,
    model: String,
    created: u64,
    usage: bool,
    /// The choices that have begun, a bit each.
    begun: u64,
    /// Those that refused.
    refused: u64,
    tokens: Option<Tokens>,
    over: bool,
}

impl Writer {
    /// A writer for one stream.
    pub fn new(asked: &Asked<'_>) -> Self {
        Self {
            head: Vec::new(),
            id: asked.id.to_owned(),
            model: asked.model.to_owned(),
            created: asked.created,
            usage: asked.usage,
            begun: 0,
            refused: 0,
            tokens: None,
            over: false,
        }
    }

    fn start(&mut self, id: &str, model: &str, created: Option<u64>) {
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(b"data: {\"id\":");
        write_string(head, if id.is_empty() { &self.id } else { id });
        head.extend_from_slice(b",\"object\":\"chat.completion.chunk\",\"created\":");
        let created = created.unwrap_or(self.created).to_string();
        head.extend_from_slice(created.as_bytes());
        head.extend_from_slice(b",\"model\":");
        let model = if model.is_empty() { &self.model } else { model };
        write_string(head, model);
        head.extend_from_slice(b",\"choices\":[");
    }

    /// Writes a chunk of `choice`; one that is new begins with its role.
    fn chunk(
        &mut self,
        out: &mut Vec<u8>,
        choice: u32,
        delta: impl FnOnce(&mut Vec<u8>),
        end: impl FnOnce(&mut Vec<u8>),
    ) {
        let bit = bit(choice);
        if self.begun & bit == 0 {
            self.begun |= bit;
            self.piece(
                out,
                choice,
                |out| out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""),
                going,
            );
        }
        self.piece(out, choice, delta, end);
    }

    fn piece(
        &self,
        out: &mut Vec<u8>,
        choice: u32,
        delta: impl FnOnce(&mut Vec<u8>),
        end: impl FnOnce(&mut Vec<u8>),
    ) {
        out.extend_from_slice(&self.head);
        out.extend_from_slice(b"{\"index\":");
        out.extend_from_slice(choice.to_string().as_bytes());
        out.extend_from_slice(b",\"delta\":{");
        delta(out);
        out.push(b'}');
        end(out);
        out.extend_from_slice(b"}]");
        // The API says so in each chunk, if it tells the usage at the end.
        if self.usage {
            out.extend_from_slice(b",\"usage\":null");
        }
        out.extend_from_slice(b"}\n\n");
    }

    /// Writes a chunk that adds `text` to the member `name`.
    fn text(&mut self, out: &mut Vec<u8>, choice: u32, name: &str, text: &str) {
        let delta = |out: &mut Vec<u8>| {
            write_string(out, name);
            out.push(b':');
            write_string(out, text);
        };
        self.chunk(out, choice, delta, going);
    }

    fn call(&mut self, out: &mut Vec<u8>, choice: u32, call: u32, id: &str, name: &str) {
        let delta = |out: &mut Vec<u8>| {
            call_start(out, call);
            out.extend_from_slice(b",\"id\":");
            write_string(out, id);
            out.extend_from_slice(b",\"type\":\"function\",\"function\":{\"name\":");
            write_string(out, name);
            out.extend_from_slice(b",\"arguments\":\"\"}}]");
        };
        self.chunk(out, choice, delta, going);
    }

    fn arguments(&mut self, out: &mut Vec<u8>, choice: u32, call: u32, text: &str) {
        let delta = |out: &mut Vec<u8>| {
            call_start(out, call);
            out.extend_from_slice(b",\"function\":{\"arguments\":");
            write_string(out, text);
            out.extend_from_slice(b"}}]");
        };
        self.chunk(out, choice, delta, going);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        self.over = true;
        if let Some(tokens) = self.tokens.filter(|_| self.usage) {
            out.extend_from_slice(&self.head);
            out.extend_from_slice(b"],\"usage\":");
            // Numbers only: it cannot fail.
            out.extend(serde_json::to_vec(&Usage::from(tokens)).unwrap_or_default());
            out.extend_from_slice(b"}\n\n");
        }
        out.extend_from_slice(sse::DONE);
    }
}

impl Encode for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.over {
            return;
        }
        match *event {
            Event::Start {
                id,
                model,
                created,
                tokens,
            } => {
                self.tokens = tokens;
                self.start(id, model, created);
                self.begun |= bit(0);
                self.piece(
                    out,
                    0,
                    |out| out.extend_from_slice(b"\"role\":\"assistant\",\"content\":\"\""),
                    going,
                );
            }
            Event::Text { choice, text } => self.text(out, choice, "content", text),
            Event::Refusal { choice, text } => {
                self.refused |= bit(choice);
                self.text(out, choice, "refusal", text);
            }
            Event::Thinking { choice, text } => {
                self.text(out, choice, "reasoning_content", text);
            }
            // The form has no place for proofs.
            Event::Signature { .. } | Event::Redacted { .. } => {}
            Event::Call {
                choice,
                call,
                id,
                name,
            } => self.call(out, choice, call, id, name),
            Event::Arguments { choice, call, text } => self.arguments(out, choice, call, text),
            Event::Logprobs { choice, logprobs } => self.chunk(
                out,
                choice,
                |_| {},
                |out| {
                    out.extend_from_slice(b",\"logprobs\":");
                    write_line(out, logprobs.get());
                    going(out);
                },
            ),
            Event::Stop { choice, ref stop } => {
                let reason = write_stop(stop, self.refused & bit(choice) != 0);
                let end = |out: &mut Vec<u8>| {
                    out.extend_from_slice(b",\"finish_reason\":");
                    write_string(out, reason);
                };
                self.chunk(out, choice, |_| {}, end);
            }
            Event::Tokens(tokens) => self.tokens = Some(tokens),
            Event::Ping => out.extend_from_slice(sse::PING),
            Event::End => self.end(out),
        }
    }

    fn fail(&mut self, failed: &Failed<'_>, out: &mut Vec<u8>) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let (shown, kind) = (failed.shown, failed.kind);
        out.extend(error::render_event(
            shown,
            kind,
            failed.message,
            failed.param,
        ));
    }
}

/// Begins the list of calls, up to the members of the one call in it.
fn call_start(out: &mut Vec<u8>, call: u32) {
    out.extend_from_slice(b"\"tool_calls\":[{\"index\":");
    out.extend_from_slice(call.to_string().as_bytes());
}

/// Ends a choice that goes on.
fn going(out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"finish_reason\":null");
}

/// The bit of a choice; those beyond the bits share one.
fn bit(choice: u32) -> u64 {
    1 << choice.min(u64::BITS - 1)
}
