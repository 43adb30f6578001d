//! A whole answer as a stream, for an upstream that was asked for a stream and
//! gave the answer whole.
//!
//! 1. The events come in the order that [`event`](super::event) promises, and say
//!    what the answer says.
//! 2. What no event can carry is told before anything else is, never left out.

use super::{Answer, Choice, Event, Malformed, Part, Stop, Tokens};
use crate::openai::ErrorBody;

/// Tells `answer` to `sink`, from its start to its end.
///
/// # Errors
/// [`Malformed::Error`] if it has a picture or a sound, which no stream carries;
/// then nothing was told.
pub fn replay(answer: &Answer, sink: &mut dyn FnMut(Event<'_>)) -> Result<(), Malformed> {
    let mut parts = answer.choices.iter().flat_map(|choice| &choice.parts);
    if parts.any(|part| !flows(part)) {
        return Err(no_flow());
    }
    sink(Event::Start {
        id: &answer.id,
        model: &answer.model,
        created: answer.created,
        // At a start nothing of the answer is there.
        tokens: answer.tokens.map(|tokens| Tokens {
            output: 0,
            reasoning: None,
            ..tokens
        }),
    });
    for (number, choice) in (0..).zip(&answer.choices) {
        tell(number, choice, sink);
    }
    for (number, choice) in (0..).zip(&answer.choices) {
        let stop = choice.stop.clone().unwrap_or_else(|| unsaid(choice));
        sink(Event::Stop {
            choice: number,
            stop,
        });
    }
    if let Some(tokens) = answer.tokens {
        sink(Event::Tokens(tokens));
    }
    sink(Event::End);
    Ok(())
}

/// The failure of a stream whose model drew or spoke. Asking the same again, here or
/// elsewhere, does not help: it is of the class of a wrong request.
pub(crate) fn no_flow() -> Malformed {
    Malformed::Error(ErrorBody {
        message: "The model drew a picture or spoke, which no stream can carry; ask for it without `stream`."
            .to_owned(),
        kind: Some("invalid_request_error".to_owned()),
        ..ErrorBody::default()
    })
}

/// Whether an event can carry it. Models do not answer with results of calls.
fn flows(part: &Part) -> bool {
    !matches!(
        part,
        Part::Image { .. } | Part::Document { .. } | Part::Audio { .. }
    )
}

fn tell(choice: u32, told: &Choice, sink: &mut dyn FnMut(Event<'_>)) {
    let mut call = 0;
    let mut logprobs = told.logprobs.as_deref();
    for part in &told.parts {
        match part {
            Part::Text { text, .. } if !text.is_empty() => sink(Event::Text { choice, text }),
            Part::Refusal(text) if !text.is_empty() => sink(Event::Refusal { choice, text }),
            Part::Thinking { text, signature } => {
                if !text.is_empty() {
                    sink(Event::Thinking { choice, text });
                }
                if let Some(signature) = signature {
                    sink(Event::Signature { choice, signature });
                }
            }
            Part::Redacted(data) => sink(Event::Redacted { choice, data }),
            Part::Call(called) => {
                let (id, name) = (&called.id, &called.name);
                sink(Event::Call {
                    choice,
                    call,
                    id,
                    name,
                });
                let text = &called.arguments;
                if !text.is_empty() {
                    sink(Event::Arguments { choice, call, text });
                }
                call += 1;
            }
            _ => {}
        }
        // They are of what is said, and so stand behind its first part.
        if matches!(part, Part::Text { .. } | Part::Refusal(_))
            && let Some(logprobs) = logprobs.take()
        {
            sink(Event::Logprobs { choice, logprobs });
        }
    }
    if let Some(logprobs) = logprobs {
        sink(Event::Logprobs { choice, logprobs });
    }
}

/// Why a choice ended that does not say it.
fn unsaid(choice: &Choice) -> Stop {
    let any = |which: fn(&Part) -> bool| choice.parts.iter().any(which);
    if any(|part| matches!(part, Part::Call(_))) {
        Stop::Calls
    } else if any(|part| matches!(part, Part::Refusal(_))) {
        Stop::Refusal
    } else {
        Stop::End
    }
}
