//! The stream that a caller of Responses reads.
//!
//! 1. Each piece goes out as it comes; nothing waits for the next one.
//! 2. `response.created` comes once and first, one terminal event last, with
//!    the whole response. What is kept for it is counted and bounded.
//! 3. Items are done in the order of their beginnings, but for calls whose
//!    arguments come by turns: those end together.

mod open;
mod whole;

use tidegate_types::Code;

use self::open::{Call, Events, Item, Message, Place, Thought};
use super::answer::{Response, State, likelihoods};
use super::asked::Asked;
use super::error;
use super::object::comma;
use crate::chat::{Encode, Event, Failed, Stop, Tokens};
use crate::sse::PING;

pub use whole::to_stream;

/// Calls that can be open at once.
const MOST_CALLS: usize = 128;

/// Writes one stream.
#[derive(Debug)]
pub struct Writer {
    asked: Asked,
    most: usize,
    /// Bytes of the items that are done.
    kept: usize,
    sequence: u64,
    phase: Phase,
    model: String,
    created: Option<u64>,
    tokens: Option<Tokens>,
    state: State,
    refused: bool,
    /// The items that are done, at their places; empty while one is not.
    done: Vec<Vec<u8>>,
    broken: Option<Code>,
    /// What is said or thought just now: one of the two at the most.
    message: Option<Message>,
    thought: Option<Thought>,
    calls: Vec<Call>,
}

/// How far the stream is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Before,
    Flowing,
    /// The answer is whole; its tokens may follow.
    Stopped,
    Over,
}

impl Writer {
    /// A stream whose answer has at most `most` bytes; of a larger one it says
    /// that it failed.
    pub fn new(asked: Asked, most: usize) -> Self {
        Self {
            asked,
            most,
            kept: 0,
            sequence: 0,
            phase: Phase::Before,
            model: String::new(),
            created: None,
            tokens: None,
            state: State::Going,
            refused: false,
            done: Vec::new(),
            broken: None,
            message: None,
            thought: None,
            calls: Vec::new(),
        }
    }

    /// The bytes of the answer so far.
    fn answer(&self) -> usize {
        let message = self.message.as_ref().map_or(0, Item::held);
        let thought = self.thought.as_ref().map_or(0, Item::held);
        let calls: usize = self.calls.iter().map(Item::held).sum();
        self.kept + message + thought + calls
    }

    /// Whether the terminal event is written; all that comes later is passed
    /// over.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }

    /// Ends the stream since it cannot be told.
    fn give_up(&mut self, code: Code, message: &str, out: &mut Vec<u8>) {
        self.broken = Some(code);
        self.fail(&Failed::new(code, message), out);
    }

    /// Puts an item that will not be whole into the response.
    fn cut(&mut self, item: &impl Item) {
        let place = item.place().index;
        item.write("incomplete", &mut self.done[place]);
    }

    fn start(&mut self, model: &str, created: Option<u64>, out: &mut Vec<u8>) {
        self.phase = Phase::Flowing;
        model.clone_into(&mut self.model);
        self.created = created;
        self.response("response.created", None, out);
        self.response("response.in_progress", None, out);
    }

    /// Writes an event that carries the response.
    fn response(&mut self, kind: &str, error: Option<(&str, &str)>, out: &mut Vec<u8>) {
        let mut output = Vec::with_capacity(self.kept);
        for item in self.done.iter().filter(|item| !item.is_empty()) {
            comma(&mut output);
            output.extend_from_slice(item);
        }
        let response = Response {
            asked: &self.asked,
            model: &self.model,
            created: self.created,
            state: self.state,
            error,
            output: &output,
            tokens: self.tokens,
        };
        Events::new(out, &mut self.sequence).write(kind, |event| {
            response.write(event.name("response"));
        });
    }

    /// Writes the terminal event, and lets go of what was kept for it.
    fn end(&mut self, error: Option<(&str, &str)>, out: &mut Vec<u8>) {
        let kind = match self.state {
            State::Failed => "response.failed",
            State::Incomplete(_) => "response.incomplete",
            State::Going | State::Completed => "response.completed",
        };
        self.response(kind, error, out);
        self.done = Vec::new();
        self.kept = 0;
        self.phase = Phase::Over;
    }

    /// A place behind all items so far.
    fn place(&mut self, kind: &str) -> Place {
        let index = self.done.len();
        self.done.push(Vec::new());
        Place {
            id: self.asked.id(kind, Some(index)),
            index,
        }
    }

    fn finish(&mut self, item: impl Item, status: &str, out: &mut Vec<u8>) {
        let events = &mut Events::new(out, &mut self.sequence);
        let place = item.place().index;
        let written = &mut self.done[place];
        item.end(status, written, events);
        self.kept += written.len();
    }

    /// Ends what is said or thought, since something else begins.
    fn end_talk(&mut self, status: &str, out: &mut Vec<u8>) {
        if let Some(message) = self.message.take() {
            self.finish(message, status, out);
        }
        if let Some(thought) = self.thought.take() {
            self.finish(thought, status, out);
        }
    }

    /// Ends the calls to which nothing can be added, since something else
    /// begins. Each is looked at once: one that is not whole by then belongs to
    /// an upstream that sends its calls by turns.
    fn end_calls(&mut self, out: &mut Vec<u8>) {
        let mut at = 0;
        while let Some(call) = self.calls.get_mut(at) {
            if call.is_whole_now() {
                let call = self.calls.remove(at);
                self.finish(call, "completed", out);
            } else {
                at += 1;
            }
        }
    }

    /// Begins a message unless one is open.
    fn open_message(&mut self, out: &mut Vec<u8>) {
        if self.message.is_none() {
            self.end_talk("completed", out);
            self.end_calls(out);
            let place = self.place("msg");
            let events = &mut Events::new(out, &mut self.sequence);
            self.message = Some(Message::begin(place, events));
        }
    }

    fn say(&mut self, refusal: bool, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.refused |= refusal;
        self.open_message(out);
        if let Some(message) = &mut self.message {
            message.say(refusal, text, &mut Events::new(out, &mut self.sequence));
        }
    }

    fn likely(&mut self, logprobs: &[u8], out: &mut Vec<u8>) {
        if logprobs.is_empty() {
            return;
        }
        self.open_message(out);
        if let Some(message) = &mut self.message {
            message.likely(logprobs, &mut Events::new(out, &mut self.sequence));
        }
    }

    /// Begins a thought unless one is open whose proof has not come: what stands
    /// behind a proof, another proof too, is of another thought.
    fn open_thought(&mut self, out: &mut Vec<u8>) {
        if self.thought.as_ref().is_none_or(Thought::is_proved) {
            self.end_talk("completed", out);
            self.end_calls(out);
            let place = self.place("rs");
            let events = &mut Events::new(out, &mut self.sequence);
            self.thought = Some(Thought::begin(place, events));
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        self.open_thought(out);
        if let Some(thought) = &mut self.thought {
            thought.think(text, &mut Events::new(out, &mut self.sequence));
        }
    }

    fn prove(&mut self, signature: &str, out: &mut Vec<u8>) {
        self.open_thought(out);
        if let Some(thought) = &mut self.thought {
            thought.prove(signature, &mut Events::new(out, &mut self.sequence));
        }
    }

    /// What was thought for its provider's eyes: an item that comes whole.
    fn hide(&mut self, data: &str, out: &mut Vec<u8>) {
        self.end_talk("completed", out);
        self.end_calls(out);
        let place = self.place("rs");
        let thought = Thought::hidden(place, data, &mut Events::new(out, &mut self.sequence));
        self.finish(thought, "completed", out);
    }

    fn call(&mut self, call: u32, id: &str, name: &str, out: &mut Vec<u8>) {
        self.end_talk("completed", out);
        self.end_calls(out);
        if self.calls.len() == MOST_CALLS {
            let message = format!("The answer has more than {MOST_CALLS} calls by turns.");
            return self.give_up(Code::UpstreamProtocol, &message, out);
        }
        let place = self.place("fc");
        let events = &mut Events::new(out, &mut self.sequence);
        self.calls.push(Call::begin(place, call, id, name, events));
    }

    fn arguments(&mut self, call: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        // From the back: nearly always it is the last.
        let open = self.calls.iter_mut().rev().find(|open| open.is(call));
        if let Some(open) = open {
            open.argue(text, &mut Events::new(out, &mut self.sequence));
        }
    }

    /// All items are whole, or cut where `stop` says so.
    fn stop(&mut self, stop: Option<&Stop>, out: &mut Vec<u8>) {
        self.state = State::of(stop, self.refused);
        let status = self.state.word();
        for call in std::mem::take(&mut self.calls) {
            self.finish(call, status, out);
        }
        self.end_talk(status, out);
        self.phase = Phase::Stopped;
    }

    /// A piece of the one answer.
    fn piece(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        match *event {
            Event::Text { choice: 0, text } => self.say(false, text, out),
            Event::Refusal { choice: 0, text } => self.say(true, text, out),
            Event::Thinking { choice: 0, text } => self.think(text, out),
            Event::Signature {
                choice: 0,
                signature,
            } => self.prove(signature, out),
            Event::Redacted { choice: 0, data } => self.hide(data, out),
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
            Event::Logprobs {
                choice: 0,
                logprobs,
            } => self.likely(&likelihoods(logprobs), out),
            Event::Stop {
                choice: 0,
                ref stop,
            } => self.stop(Some(stop), out),
            _ => {}
        }
    }
}

impl Encode for Writer {
    fn event(&mut self, event: &Event<'_>, out: &mut Vec<u8>) {
        if self.phase == Phase::Over {
            return;
        }
        if let Event::Ping = event {
            return out.extend_from_slice(PING);
        }
        if self.phase == Phase::Before {
            match event {
                Event::Start { model, created, .. } => self.start(model, *created, out),
                _ => self.start("", None, out),
            }
        }
        match event {
            Event::Start { tokens, .. } => self.tokens = tokens.or(self.tokens),
            Event::Tokens(tokens) => self.tokens = Some(*tokens),
            Event::End => {
                if self.phase == Phase::Flowing {
                    self.stop(None, out);
                }
                self.end(None, out);
            }
            piece if self.phase == Phase::Flowing => self.piece(piece, out),
            _ => {}
        }
        if self.answer() > self.most {
            let message = format!(
                "The answer has more than the {} bytes that are kept of it.",
                self.most
            );
            self.give_up(Code::ResponseTooLarge, &message, out);
        }
    }

    /// `response.failed` with what came so far, or the `error` event if nothing
    /// has begun.
    fn fail(&mut self, failed: &Failed<'_>, out: &mut Vec<u8>) {
        match self.phase {
            Phase::Over => {}
            Phase::Before => {
                error::write_event(out, self.sequence, failed);
                self.phase = Phase::Over;
            }
            Phase::Flowing | Phase::Stopped => {
                for item in std::mem::take(&mut self.calls) {
                    self.cut(&item);
                }
                if let Some(item) = self.message.take() {
                    self.cut(&item);
                }
                if let Some(item) = self.thought.take() {
                    self.cut(&item);
                }
                self.state = State::Failed;
                self.end(Some((failed.shown, failed.message)), out);
            }
        }
    }

    fn broken(&self) -> Option<Code> {
        self.broken
    }

    fn next_number(&self) -> u64 {
        self.sequence
    }

    /// The answer so far, and what the end tells back.
    fn held(&self) -> usize {
        self.answer() + self.asked.held()
    }
}
