//! The parts of an answer, one by one, the same for a whole one and a stream.
//!
//! 1. A call without an id gets one, the same whenever the same answer is read.
//! 2. Arguments keep every byte.

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};

use super::form::{Call, Candidate, Chosen, Logprobs, Part, text};
use super::signature;
use crate::chat::{Malformed, Stop};
use crate::openai::ErrorBody;

/// Answers of a request.
pub(super) const MOST_CHOICES: usize = 8;
/// Calls of an answer.
pub(super) const MOST_CALLS: u32 = 128;
/// Bytes of an answer's id that its calls' ids begin with: with them these stay
/// within the 40 that OpenAI takes.
const LONGEST_SEED: usize = 24;

/// One thing that a part says.
pub(super) enum Piece<'a> {
    Text(&'a str),
    Thinking(&'a str),
    /// In the neutral form.
    Signature(String),
    Call {
        id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    Image {
        kind: &'a str,
        data: &'a str,
    },
}

/// Where a candidate stands: which one it is, and how much it has called.
pub(super) struct Place<'a> {
    /// The answer's id.
    pub(super) answer: &'a str,
    pub(super) choice: u32,
    /// Calls before this part; counted on.
    pub(super) calls: &'a mut u32,
}

/// Tells what `part` says, in order: a call behind its signature, since what was
/// thought came before it; text in front of it, as it is in a stream.
pub(super) fn pieces(
    part: &Part<'_>,
    place: Place<'_>,
    take: &mut dyn FnMut(Piece<'_>),
) -> Result<(), Malformed> {
    let signed = Some(text(&part.thought_signature)).filter(|signature| !signature.is_empty());
    let sign = |take: &mut dyn FnMut(Piece<'_>)| {
        if let Some(signature) = signed {
            take(Piece::Signature(signature::mark(signature)));
        }
    };
    if let Some(call) = &part.function_call {
        sign(take);
        return self::call(call, place, take);
    }
    if let Some(blob) = &part.inline_data {
        take(Piece::Image {
            kind: text(&blob.mime_type),
            data: text(&blob.data),
        });
    }
    match text(&part.text) {
        "" => {}
        thought if part.thought == Some(true) => take(Piece::Thinking(thought)),
        said => take(Piece::Text(said)),
    }
    sign(take);
    Ok(())
}

fn call(
    call: &Call<'_>,
    place: Place<'_>,
    take: &mut dyn FnMut(Piece<'_>),
) -> Result<(), Malformed> {
    let name = text(&call.name);
    if name.is_empty() || call.will_continue == Some(true) || *place.calls >= MOST_CALLS {
        return Err(Malformed::Frame);
    }
    let arguments = call
        .args
        .map(RawValue::get)
        .filter(|args| *args != "null")
        .unwrap_or("{}");
    let made;
    let id = match text(&call.id) {
        "" => {
            let (choice, at) = (place.choice, *place.calls);
            made = format!("call_{}_{choice}{at}", seed(place.answer, name, arguments));
            &made
        }
        told => told,
    };
    *place.calls += 1;
    take(Piece::Call {
        id,
        name,
        arguments,
    });
    Ok(())
}

/// What tells the calls of this answer from those of all others: its id, or
/// what is called where it has none.
fn seed(answer: &str, name: &str, arguments: &str) -> String {
    let word: String = answer
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '_' || *c == '-')
        .take(LONGEST_SEED)
        .collect();
    if !word.is_empty() {
        return word;
    }
    // FNV-1a: the same in every process and version.
    let hash = [name, "\n", arguments]
        .iter()
        .flat_map(|text| text.bytes())
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3)
        });
    format!("{hash:016x}")
}

/// How a candidate ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// By itself: whether it waits for results, its calls say.
    Own,
    Length,
    Filter,
}

impl Ending {
    /// In the neutral form, for an answer with so many calls.
    pub(super) fn stop(self, calls: u32) -> Stop {
        match self {
            Self::Own if calls > 0 => Stop::Calls,
            Self::Own => Stop::End,
            Self::Length => Stop::Length,
            Self::Filter => Stop::Filter,
        }
    }
}

/// The reason of `candidate`, if it has one yet.
///
/// # Errors
/// It ended without being an answer, such as with a call that Gemini itself
/// could not read, or for a reason that is not known.
pub(super) fn ending(candidate: &Candidate<'_>) -> Result<Option<Ending>, Malformed> {
    Ok(Some(match text(&candidate.finish_reason) {
        "" | "FINISH_REASON_UNSPECIFIED" => return Ok(None),
        "STOP" => Ending::Own,
        "MAX_TOKENS" => Ending::Length,
        "SAFETY"
        | "RECITATION"
        | "LANGUAGE"
        | "BLOCKLIST"
        | "PROHIBITED_CONTENT"
        | "SPII"
        | "IMAGE_SAFETY"
        | "IMAGE_PROHIBITED_CONTENT"
        | "IMAGE_RECITATION" => Ending::Filter,
        other => {
            let message = match text(&candidate.finish_message) {
                "" => format!("The model ended without a whole answer: {other}."),
                told => told.to_owned(),
            };
            return Err(Malformed::Error(ErrorBody {
                message,
                kind: Some(other.to_owned()),
                ..ErrorBody::default()
            }));
        }
    }))
}

#[derive(Serialize)]
struct OpenAi<'a> {
    content: Vec<Token<'a>>,
    refusal: Option<()>,
}

#[derive(Serialize)]
struct Token<'a> {
    #[serde(flatten)]
    chosen: Likely<'a>,
    top_logprobs: Vec<Likely<'a>>,
}

#[derive(Serialize)]
struct Likely<'a> {
    token: &'a str,
    logprob: f64,
    /// Google tells text only.
    bytes: Option<()>,
}

/// Log probabilities in OpenAI's form; `None` if there are none.
pub(super) fn logprobs(told: &Logprobs<'_>) -> Option<Box<RawValue>> {
    let chosen = told.chosen_candidates.as_deref()?;
    let tops = told.top_candidates.as_deref().unwrap_or_default();
    let content = chosen
        .iter()
        .enumerate()
        .map(|(at, one)| Token {
            chosen: Likely::of(one),
            top_logprobs: tops
                .get(at)
                .and_then(|top| top.candidates.as_deref())
                .unwrap_or_default()
                .iter()
                .map(Likely::of)
                .collect(),
        })
        .collect();
    let refusal = None;
    to_raw_value(&OpenAi { content, refusal }).ok()
}

impl<'a> Likely<'a> {
    fn of(one: &'a Chosen<'_>) -> Self {
        Self {
            token: text(&one.token),
            logprob: one.log_probability.unwrap_or(0.0),
            bytes: None,
        }
    }
}
