//! A whole answer of `generateContent`.
//!
//! 1. A body without a candidate is no answer, unless the prompt was held back:
//!    that is one choice, filtered and empty.
//! 2. What the body does not tell is not made up.

use super::error;
use super::form::{Candidate, Response, text};
use super::piece::{Ending, MOST_CHOICES, Piece, Place, ending, logprobs, pieces};
use crate::chat::{self, Choice, Malformed, Media, Part, Stop, ToolCall, Where};

/// Reads a whole answer.
///
/// # Errors
/// It is no answer, or it tells of an error, whatever its status.
pub fn read_answer(body: &[u8]) -> Result<chat::Answer, Malformed> {
    let response: Response<'_> =
        serde_json::from_slice(body).map_err(|_| error::malformed(body))?;
    if response.error.is_some() {
        return Err(error::malformed(body));
    }
    let id = text(&response.response_id);
    let candidates = response.candidates.as_deref().unwrap_or_default();
    if candidates.len() > MOST_CHOICES {
        return Err(Malformed::Frame);
    }
    let mut choices = candidates
        .iter()
        .zip(0..)
        .map(|(candidate, index)| choice(candidate, index, id))
        .collect::<Result<Vec<_>, _>>()?;
    if choices.is_empty() {
        if !response.blocked() {
            return Err(Malformed::Frame);
        }
        choices.push(Choice {
            stop: Some(Stop::Filter),
            ..Choice::default()
        });
    }
    Ok(chat::Answer {
        id: id.to_owned(),
        model: text(&response.model_version).to_owned(),
        created: None,
        choices,
        tokens: response.usage_metadata.and_then(|usage| usage.tokens()),
    })
}

fn choice(candidate: &Candidate<'_>, index: u32, answer: &str) -> Result<Choice, Malformed> {
    let mut parts = Vec::new();
    let mut calls = 0;
    for part in candidate.parts() {
        let place = Place {
            answer,
            choice: index,
            calls: &mut calls,
        };
        pieces(part, place, &mut |piece| add(&mut parts, piece))?;
    }
    Ok(Choice {
        parts,
        stop: ending(candidate)?.map(|ending: Ending| ending.stop(calls)),
        logprobs: candidate.logprobs_result.as_ref().and_then(logprobs),
    })
}

fn add(parts: &mut Vec<Part>, piece: Piece<'_>) {
    let part = match piece {
        Piece::Text(text) => Part::Text {
            text: text.to_owned(),
            cache: None,
        },
        Piece::Thinking(text) => Part::Thinking {
            text: text.to_owned(),
            signature: None,
        },
        Piece::Signature(proof) => {
            if let Some(Part::Thinking {
                signature: signature @ None,
                ..
            }) = parts.last_mut()
            {
                *signature = Some(proof);
                return;
            }
            Part::Thinking {
                text: String::new(),
                signature: Some(proof),
            }
        }
        Piece::Call {
            id,
            name,
            arguments,
        } => Part::Call(ToolCall {
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: arguments.to_owned(),
        }),
        Piece::Image { kind, data } => Part::Image {
            place: Where::Data(Media {
                kind: kind.to_owned(),
                data: data.to_owned(),
            }),
            detail: None,
            cache: None,
        },
    };
    parts.push(part);
}
