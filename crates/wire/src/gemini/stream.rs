//! The stream of `streamGenerateContent?alt=sse`: each event is an answer in
//! the form of a whole one, with what came since the last.
//!
//! 1. Texts, thoughts and calls are told with the event that brings them.
//! 2. Ends are told when the body ends, since only then it is known that no more
//!    comes: Gemini has no end mark, may give its reason with each event, and may
//!    call behind it.
//! 3. A body that ends before each choice gave its reason was cut.

use super::error;
use super::form::{Candidate, Response, text};
use super::piece::{Ending, MOST_CHOICES, Piece, Place, ending, logprobs, pieces};
use crate::chat::{Decode, Event, Malformed, Tokens, no_flow};

/// Letters of the answer's id that are kept for the ids of its calls.
const LONGEST_ID: usize = 64;

/// Reads one stream.
#[derive(Debug, Default)]
pub struct Reader {
    started: bool,
    ended: bool,
    /// The answer's id.
    id: String,
    choices: Vec<Choice>,
    /// The prompt was held back.
    blocked: bool,
    tokens: Option<Tokens>,
}

#[derive(Debug, Default, Clone)]
struct Choice {
    calls: u32,
    /// The last that was told.
    ending: Option<Ending>,
}

impl Decode for Reader {
    fn frame(
        &mut self,
        _name: &[u8],
        data: &[u8],
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let response: Response<'_> =
            serde_json::from_slice(data).map_err(|_| error::malformed(data))?;
        if response.error.is_some() {
            return Err(error::malformed(data));
        }
        if self.ended {
            return Err(Malformed::Frame);
        }
        let tokens = response.usage_metadata.as_ref().and_then(|u| u.tokens());
        self.tokens = tokens.or(self.tokens);
        if !self.started {
            self.started = true;
            let id = text(&response.response_id);
            self.id = id.chars().take(LONGEST_ID).collect();
            sink(Event::Start {
                id,
                model: text(&response.model_version),
                created: None,
                tokens,
            });
        }
        self.blocked |= response.blocked();
        for candidate in response.candidates.as_deref().unwrap_or_default() {
            self.candidate(candidate, sink)?;
        }
        Ok(())
    }

    fn finish(&mut self, sink: &mut dyn FnMut(Event<'_>)) -> bool {
        if self.ended || !self.started {
            return self.ended;
        }
        if self.blocked {
            if self.choices.is_empty() {
                self.choices.push(Choice::default());
            }
            for choice in &mut self.choices {
                choice.ending.get_or_insert(Ending::Filter);
            }
        }
        let stops: Option<Vec<_>> = self
            .choices
            .iter()
            .map(|choice| Some(choice.ending?.stop(choice.calls)))
            .collect();
        let Some(stops) = stops.filter(|stops| !stops.is_empty()) else {
            return false;
        };
        self.ended = true;
        for (choice, stop) in (0..).zip(stops) {
            sink(Event::Stop { choice, stop });
        }
        if let Some(tokens) = self.tokens {
            sink(Event::Tokens(tokens));
        }
        sink(Event::End);
        true
    }
}

impl Reader {
    fn candidate(
        &mut self,
        candidate: &Candidate<'_>,
        sink: &mut dyn FnMut(Event<'_>),
    ) -> Result<(), Malformed> {
        let choice = candidate.index.unwrap_or(0);
        let at = choice as usize;
        if at >= MOST_CHOICES {
            return Err(Malformed::Frame);
        }
        if at >= self.choices.len() {
            self.choices.resize(at + 1, Choice::default());
        }
        let Some(state) = self.choices.get_mut(at) else {
            return Err(Malformed::Frame);
        };
        let mut pictured = false;
        for part in candidate.parts() {
            let call = state.calls;
            let place = Place {
                answer: &self.id,
                choice,
                calls: &mut state.calls,
            };
            pieces(part, place, &mut |piece| match piece {
                Piece::Text(text) => sink(Event::Text { choice, text }),
                Piece::Thinking(text) => sink(Event::Thinking { choice, text }),
                Piece::Signature(signature) => sink(Event::Signature {
                    choice,
                    signature: &signature,
                }),
                Piece::Call {
                    id,
                    name,
                    arguments: text,
                } => {
                    sink(Event::Call {
                        choice,
                        call,
                        id,
                        name,
                    });
                    sink(Event::Arguments { choice, call, text });
                }
                Piece::Image { .. } => pictured = true,
            })?;
        }
        if pictured {
            return Err(no_flow());
        }
        if let Some(logprobs) = candidate.logprobs_result.as_ref().and_then(logprobs) {
            sink(Event::Logprobs {
                choice,
                logprobs: &logprobs,
            });
        }
        state.ending = ending(candidate)?.or(state.ending);
        Ok(())
    }
}
