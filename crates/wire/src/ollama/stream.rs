//! A stream of `/api/chat`, line by line.
//!
//! 1. One start, one end, whatever the lines say; what comes behind the end is
//!    passed over.
//! 2. It keeps how many calls there were, and nothing else.

use super::answer::{Line, MOST_CALLS, Said, Text};
use crate::chat::{Decode, Event, Malformed};

/// Reads a stream; a frame is a line, and has no name.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    calls: usize,
}

impl Decode for Reader {
    fn frame(
        &mut self,
        _name: &[u8],
        data: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        let mut line = Line::read(data)?;
        if !self.started {
            self.started = true;
            sink(Event::Start {
                id: "",
                model: line.model(),
                created: line.created(),
                tokens: None,
            });
        }
        if let Some(said) = line.message.take() {
            self.said(&line, &said, sink)?;
        }
        if line.done == Some(true) {
            self.ended = true;
            sink(Event::Stop {
                choice: 0,
                stop: line.stop(self.calls > 0),
            });
            if let Some(tokens) = line.tokens() {
                sink(Event::Tokens(tokens));
            }
            sink(Event::End);
        }
        Ok(())
    }

    /// Its last line tells the end; without it nothing was whole.
    fn finish(&mut self, _sink: &mut dyn FnMut(Event<'_>)) -> bool {
        self.ended
    }
}

impl Reader {
    fn said(
        &mut self,
        line: &Line<'_>,
        said: &Said<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if let Some(text) = given(said.thinking.as_ref()) {
            sink(Event::Thinking { choice: 0, text });
        }
        if let Some(text) = given(said.content.as_ref()) {
            sink(Event::Text { choice: 0, text });
        }
        if let Some(logprobs) = line.logprobs() {
            sink(Event::Logprobs {
                choice: 0,
                logprobs: &logprobs,
            });
        }
        for called in said.tool_calls.iter().flatten() {
            if self.calls == MOST_CALLS {
                return Err(Malformed::Frame);
            }
            let call = u32::try_from(self.calls).unwrap_or(u32::MAX);
            sink(Event::Call {
                choice: 0,
                call,
                id: &line.id(called, self.calls),
                name: called.name(),
            });
            sink(Event::Arguments {
                choice: 0,
                call,
                text: called.arguments(),
            });
            self.calls += 1;
        }
        Ok(())
    }
}

fn given<'a>(text: Option<&'a Text<'_>>) -> Option<&'a str> {
    text.map(|text| text.0.as_ref())
        .filter(|text| !text.is_empty())
}
