//! Reads `chat.completion.chunk` events.
//!
//! What is not UTF-8 is read with U+FFFD in its place, as a browser would.

use crate::chat::{Decode, Event, Malformed, Stop, Tokens};
use crate::json::{Kind, Scanner};
use crate::openai::chat::answer::Found;
use crate::openai::chat::said::{Fragment, Word, call_id, read_stop};
use crate::openai::chat::{MOST_CALLS, MOST_CHOICES, usage};
use crate::openai::{ErrorBody, error};

/// Reads an upstream's stream; a frame is an event.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    id: String,
    choices: Vec<State>,
}

/// What is known of a choice.
#[derive(Debug, Default)]
struct State {
    seen: bool,
    stopped: bool,
    refused: bool,
    calls: Vec<Open>,
    /// How many of them were told.
    told: u32,
}

/// A call that has begun.
#[derive(Debug)]
struct Open {
    index: Option<u64>,
    id: String,
    /// Its number, once it is told.
    number: Option<u32>,
}

/// A chunk, as it stands.
#[derive(Default)]
struct Chunk<'a> {
    id: String,
    model: String,
    created: Option<u64>,
    choices: Vec<Found<'a>>,
    tokens: Option<Tokens>,
}

impl<'a> Chunk<'a> {
    fn read(text: &'a str) -> Result<Self, Malformed> {
        let mut scan = Scanner::of_upstream(text);
        let mut chunk = Self::default();
        let mut failure = None;
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "id" => chunk.id = string(scan)?,
                "model" => chunk.model = string(scan)?,
                "created" => chunk.created = scan.whole()?,
                "usage" => chunk.tokens = usage::read(scan)?.or(chunk.tokens),
                "error" => failure = error::member(scan)?.or(failure.take()),
                "choices" if scan.kind()? == Kind::Array => scan.array(|scan| {
                    let position = chunk.choices.len();
                    chunk.choices.push(Found::read(scan, "delta", position)?);
                    Ok::<(), Malformed>(())
                })?,
                _ => scan.skip()?,
            }
            Ok::<(), Malformed>(())
        })?;
        scan.end()?;
        match failure {
            Some(body) => Err(Malformed::Error(body)),
            None => Ok(chunk),
        }
    }
}

fn string(scan: &mut Scanner<'_>) -> Result<String, Malformed> {
    let text = scan.text()?.map(|text| text.decode().into_owned());
    Ok(text.unwrap_or_default())
}

impl Decode for Reader {
    fn frame(
        &mut self,
        name: &[u8],
        data: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        if self.ended {
            return Ok(());
        }
        if name == b"error" {
            let body = error::parse(data).unwrap_or_else(|| ErrorBody {
                message: String::from_utf8_lossy(data).into_owned(),
                ..ErrorBody::default()
            });
            return Err(Malformed::Error(body));
        }
        let text = String::from_utf8_lossy(data);
        match text.trim_ascii() {
            "" => sink(Event::Ping),
            "[DONE]" => return self.done(sink),
            text => self.chunk(&Chunk::read(text)?, sink)?,
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> bool {
        let mut seen = self.choices.iter().filter(|choice| choice.seen).peekable();
        if !self.ended && seen.peek().is_some() && seen.all(|choice| choice.stopped) {
            self.end(sink);
        }
        self.ended
    }
}

impl Reader {
    fn chunk(
        &mut self,
        chunk: &Chunk<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        // Some begin with a chunk that tells of their filters, and not even an id.
        if chunk.choices.is_empty() && chunk.tokens.is_none() {
            sink(Event::Ping);
            return Ok(());
        }
        if !self.started {
            self.started = true;
            self.id.clone_from(&chunk.id);
            sink(Event::Start {
                id: &chunk.id,
                model: &chunk.model,
                created: chunk.created,
                tokens: None,
            });
        }
        for found in &chunk.choices {
            let index = found.index;
            if index >= MOST_CHOICES {
                return Err(Malformed::Frame);
            }
            if self.choices.len() <= index {
                self.choices.resize_with(index + 1, State::default);
            }
            if let Some(state) = self.choices.get_mut(index) {
                state.read(found, &self.id, sink)?;
            }
        }
        if let Some(tokens) = chunk.tokens {
            sink(Event::Tokens(tokens));
        }
        Ok(())
    }

    /// The upstream says that this is all; a choice without a reason has ended too.
    fn done(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
        if !self.choices.iter().any(|choice| choice.seen) {
            return Err(Malformed::Frame);
        }
        let open = |(_, choice): &(u32, &mut State)| choice.seen && !choice.stopped;
        for (choice, state) in (0..).zip(&mut self.choices).filter(open) {
            state.stopped = true;
            state.all_told()?;
            let stop = match (state.told, state.refused) {
                (0, true) => Stop::Refusal,
                (0, false) => Stop::End,
                _ => Stop::Calls,
            };
            sink(Event::Stop { choice, stop });
        }
        self.end(sink);
        Ok(())
    }

    fn end(&mut self, sink: &mut dyn FnMut(Event<'_>)) {
        self.ended = true;
        sink(Event::End);
    }
}

impl State {
    fn read(
        &mut self,
        found: &Found<'_>,
        answer: &str,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        self.seen = true;
        let choice = u32::try_from(found.index).unwrap_or(u32::MAX);
        found.said.tell(&mut |word| {
            if self.stopped {
                return match word {
                    Word::Call(call) if call.name.is_empty() && call.arguments.is_empty() => Ok(()),
                    _ => Err(Malformed::Frame),
                };
            }
            match word {
                Word::Thinking(text) => sink(Event::Thinking { choice, text }),
                Word::Text(text) => sink(Event::Text { choice, text }),
                Word::Refusal(text) => {
                    self.refused = true;
                    sink(Event::Refusal { choice, text });
                }
                Word::Call(call) => return self.call(choice, &call, answer, sink),
            }
            Ok(())
        })?;
        if self.stopped {
            return Ok(());
        }
        if let Some(logprobs) = found.logprobs {
            sink(Event::Logprobs { choice, logprobs });
        }
        if !found.reason.is_empty() {
            let stop = read_stop(&found.reason, self.refused)?;
            self.all_told()?;
            self.stopped = true;
            sink(Event::Stop { choice, stop });
        }
        Ok(())
    }

    fn call(
        &mut self,
        choice: u32,
        said: &Fragment<'_>,
        answer: &str,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let at = match self.open(said) {
            Some(at) => at,
            None if self.calls.len() == MOST_CALLS => return Err(Malformed::Frame),
            None => {
                self.calls.push(Open {
                    index: said.index,
                    id: said.id.to_string(),
                    number: None,
                });
                self.calls.len() - 1
            }
        };
        let Some(open) = self.calls.get_mut(at) else {
            return Ok(());
        };
        let call = open.number.unwrap_or(self.told);
        if open.number.is_none() {
            if open.id.is_empty() {
                open.id = said.id.to_string();
            }
            if said.name.is_empty() {
                // Its name may still come, but its arguments cannot come before it.
                return match said.arguments.is_empty() {
                    true => Ok(()),
                    false => Err(Malformed::Frame),
                };
            }
            if open.id.is_empty() {
                open.id = call_id(answer, choice as usize, call as usize);
            }
            // Others whose names came before are told already.
            open.number = Some(call);
            self.told += 1;
            sink(Event::Call {
                choice,
                call,
                id: &open.id,
                name: &said.name,
            });
        }
        if !said.arguments.is_empty() {
            let text = &said.arguments;
            sink(Event::Arguments { choice, call, text });
        }
        Ok(())
    }

    /// A call that nobody can make is not left out in silence.
    fn all_told(&self) -> Result<(), Malformed> {
        let lost = |open: &Open| open.number.is_none() && !open.id.is_empty();
        match self.calls.iter().any(lost) {
            true => Err(Malformed::Frame),
            false => Ok(()),
        }
    }

    /// The call that has begun and goes on with `said`.
    fn open(&self, said: &Fragment<'_>) -> Option<usize> {
        let last = |is: &dyn Fn(&Open) -> bool| self.calls.iter().rposition(is);
        match said.index {
            // Another id under the same index is another call: some number none of them.
            Some(_) => last(&|open| open.index == said.index).filter(|&at| {
                let open = self.calls.get(at).map_or("", |open| &open.id);
                said.name.is_empty() || said.id.is_empty() || open.is_empty() || open == said.id
            }),
            None if !said.id.is_empty() => last(&|open| open.id == said.id),
            None if said.name.is_empty() => self.calls.len().checked_sub(1),
            None => None,
        }
    }
}
