//! A stream of ConverseStream, message by message.
//!
//! 1. One start, one stop, one end, whatever the messages say; what comes behind
//!    the end is passed over.
//! 2. A call's arguments keep every byte. A call that ends without any is told
//!    to have `{}`, as a whole answer would.
//! 3. It keeps the blocks of calls that are open, 128 at the most.
//!
//! The tokens come behind the stop; where they do not, the body's end ends it.

use serde::Deserialize;

use super::error;
use super::form::{Additional, MOST_CALLS, Text, Thought, ToolUse, Usage, stop};
use crate::aws_events::FAILED;
use crate::chat::{Decode, Event, Malformed, Tokens};

/// Reads a stream; a frame is a message, with its name.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    stopped: bool,
    ended: bool,
    /// Calls that began.
    calls: u32,
    open: Vec<Open>,
    /// Told before the stop, which they should not be.
    tokens: Option<Tokens>,
}

/// A block that is a call, and not over.
#[derive(Debug)]
struct Open {
    block: u64,
    call: u32,
    /// No arguments yet.
    empty: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStart<'a> {
    content_block_index: u64,
    #[serde(borrow)]
    start: Option<Start<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Start<'a> {
    #[serde(borrow)]
    tool_use: Option<ToolUse<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockDelta<'a> {
    content_block_index: u64,
    #[serde(borrow)]
    delta: Delta<'a>,
}

/// One of these; what it is beside them is passed over.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delta<'a> {
    #[serde(borrow)]
    text: Option<Text<'a>>,
    #[serde(borrow)]
    tool_use: Option<Input<'a>>,
    #[serde(borrow)]
    reasoning_content: Option<Thought<'a>>,
}

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    input: Option<Text<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BlockStop {
    content_block_index: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MessageStop<'a> {
    #[serde(borrow)]
    stop_reason: Text<'a>,
    #[serde(borrow)]
    additional_model_response_fields: Option<Additional<'a>>,
}

#[derive(Deserialize)]
struct Metadata {
    usage: Option<Usage>,
}

type Sink<'s> = &'s mut dyn FnMut(Event<'_>);

impl Decode for Reader {
    fn frame(&mut self, name: &[u8], data: &[u8], sink: Sink<'_>) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        if let Some(failed) = name.strip_prefix(FAILED.as_bytes()) {
            let failed = String::from_utf8_lossy(failed);
            return Err(Malformed::Error(error::in_stream(&failed, data)));
        }
        match name {
            b"messageStart" => self.start(sink),
            b"contentBlockStart" => self.block_start(&read(data)?, sink)?,
            b"contentBlockDelta" => self.block_delta(&read(data)?, sink)?,
            b"contentBlockStop" => self.block_stop(&read(data)?, sink),
            b"messageStop" => self.stop(&read(data)?, sink)?,
            b"metadata" => self.metadata(&read(data)?, sink),
            _ => {}
        }
        Ok(())
    }

    fn finish(&mut self, sink: Sink<'_>) -> bool {
        if self.stopped {
            self.end(sink);
        }
        self.ended
    }
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Malformed> {
    serde_json::from_slice(data).map_err(|_| Malformed::Frame)
}

impl Reader {
    fn start(&mut self, sink: Sink<'_>) {
        if !std::mem::replace(&mut self.started, true) {
            sink(Event::Start {
                id: "",
                model: "",
                created: None,
                tokens: None,
            });
        }
    }

    /// What is said must come before the stop.
    fn saying(&mut self, sink: Sink<'_>) -> Result<(), Malformed> {
        self.start(sink);
        match self.stopped {
            true => Err(Malformed::Frame),
            false => Ok(()),
        }
    }

    fn block_start(&mut self, begun: &BlockStart<'_>, sink: Sink<'_>) -> Result<(), Malformed> {
        self.saying(sink)?;
        let start = begun.start.as_ref();
        let Some(tool) = start.and_then(|start| start.tool_use.as_ref()) else {
            return Ok(());
        };
        let twice = self.find(begun.content_block_index).is_some();
        if twice || self.calls as usize == MOST_CALLS {
            return Err(Malformed::Frame);
        }
        let call = self.calls;
        self.calls += 1;
        self.open.push(Open {
            block: begun.content_block_index,
            call,
            empty: true,
        });
        sink(Event::Call {
            choice: 0,
            call,
            id: &tool.tool_use_id.0,
            name: &tool.name.0,
        });
        Ok(())
    }

    fn block_delta(&mut self, more: &BlockDelta<'_>, sink: Sink<'_>) -> Result<(), Malformed> {
        self.saying(sink)?;
        let delta = &more.delta;
        if let Some(text) = given(delta.text.as_ref()) {
            sink(Event::Text { choice: 0, text });
        }
        if let Some(input) = &delta.tool_use {
            let open = self.find(more.content_block_index);
            let open = open.ok_or(Malformed::Frame)?;
            if let Some(text) = given(input.input.as_ref()) {
                open.empty = false;
                let (choice, call) = (0, open.call);
                sink(Event::Arguments { choice, call, text });
            }
        }
        if let Some(reasoned) = &delta.reasoning_content {
            if let Some(text) = given(reasoned.text.as_ref()) {
                sink(Event::Thinking { choice: 0, text });
            }
            if let Some(signature) = given(reasoned.signature.as_ref()) {
                sink(Event::Signature {
                    choice: 0,
                    signature,
                });
            }
            if let Some(data) = given(reasoned.redacted_content.as_ref()) {
                sink(Event::Redacted { choice: 0, data });
            }
        }
        Ok(())
    }

    fn block_stop(&mut self, over: &BlockStop, sink: Sink<'_>) {
        let block = over.content_block_index;
        let Some(place) = self.open.iter().rposition(|open| open.block == block) else {
            return;
        };
        let open = self.open.remove(place);
        if open.empty && !self.stopped {
            sink(Event::Arguments {
                choice: 0,
                call: open.call,
                text: "{}",
            });
        }
    }

    fn stop(&mut self, over: &MessageStop<'_>, sink: Sink<'_>) -> Result<(), Malformed> {
        self.saying(sink)?;
        let beside = over.additional_model_response_fields.as_ref();
        let stop = stop(&over.stop_reason.0, beside)?;
        self.stopped = true;
        sink(Event::Stop { choice: 0, stop });
        if let Some(tokens) = self.tokens {
            sink(Event::Tokens(tokens));
            self.end(sink);
        }
        Ok(())
    }

    fn metadata(&mut self, told: &Metadata, sink: Sink<'_>) {
        self.start(sink);
        let tokens = told.usage.as_ref().map(Usage::tokens);
        if !self.stopped {
            self.tokens = tokens;
            return;
        }
        if let Some(tokens) = tokens {
            sink(Event::Tokens(tokens));
        }
        self.end(sink);
    }

    fn end(&mut self, sink: Sink<'_>) {
        if !std::mem::replace(&mut self.ended, true) {
            sink(Event::End);
        }
    }

    /// The call of a block. The last one is asked for, but for odd upstreams.
    fn find(&mut self, block: u64) -> Option<&mut Open> {
        self.open.iter_mut().rev().find(|open| open.block == block)
    }
}

fn given<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|text| text.0.as_ref())
        .filter(|text| !text.is_empty())
}
