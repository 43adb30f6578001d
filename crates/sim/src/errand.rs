//! What is answered beside chat, completions and embeddings: images, audio and moderation.
//!
//! The answers are legal, simple and always the same, whatever model is named; rules and the
//! names of models say nothing about them. Forms are not looked into. It keeps nothing, so there
//! are no files and no batches.

use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde_json::{Map, Value, json};

use crate::answer::{refused, respond};
use crate::ask::Ask;
use crate::refusal::Refusal;
use crate::script::Script;
use crate::tally::Call;
use crate::unary;
use crate::voice::CREATED;

/// A PNG of one transparent pixel, in base64.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGBgAAAABQABpfZFQAAAAABJRU5ErkJggg==";
/// The most images of one answer.
const MOST_IMAGES: u32 = 10;
/// What a moderation looks for.
const CATEGORIES: [&str; 13] = [
    "harassment",
    "harassment/threatening",
    "hate",
    "hate/threatening",
    "illicit",
    "illicit/violent",
    "self-harm",
    "self-harm/instructions",
    "self-harm/intent",
    "sexual",
    "sexual/minors",
    "violence",
    "violence/graphic",
];

/// One of these endpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Errand {
    Moderation,
    Images,
    /// Images from a form.
    Edit,
    Speech,
    /// A text from a form.
    Hearing,
}

impl Errand {
    /// What stands at this path, if it is one of them.
    pub(crate) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/moderations" => Self::Moderation,
            "/images/generations" => Self::Images,
            "/images/edits" | "/images/variations" => Self::Edit,
            "/audio/speech" => Self::Speech,
            "/audio/transcriptions" | "/audio/translations" => Self::Hearing,
            _ => return None,
        })
    }

    /// The answer, or a refusal.
    pub(crate) fn answer(self, call: Call, method: &Method, body: &[u8]) -> Response<Script> {
        if *method != Method::POST {
            return refused(call, &Refusal::method(&[("allow", "POST")]));
        }
        let made = match self {
            Self::Moderation => moderation(&call, body).map(document),
            Self::Images => images(body).map(document),
            Self::Edit => Ok(document(pictures(1, 1))),
            Self::Hearing => Ok(document(json!({
                "text": "The tide comes in.",
                "usage": {"type": "tokens", "input_tokens": 10, "output_tokens": 4, "total_tokens": 14},
            }))),
            Self::Speech => speech(body).map(|wave| ("audio/wav", wave)),
        };
        match made {
            Ok((kind, body)) => {
                let number = call.number();
                respond(StatusCode::OK, kind, number, unary::sound(call, body))
            }
            Err(refusal) => refused(call, &refusal),
        }
    }
}

fn document(value: Value) -> (&'static str, Bytes) {
    ("application/json", value.to_string().into())
}

/// Nothing is ever flagged.
fn moderation(call: &Call, body: &[u8]) -> Result<Value, Refusal> {
    let ask = Ask::read(body)?;
    if ask.input.0.is_empty() {
        return Err(Refusal::missing("input"));
    }
    let all = |value: Value| -> Map<String, Value> {
        let each = CATEGORIES.iter();
        each.map(|name| ((*name).to_owned(), value.clone()))
            .collect()
    };
    let one = json!({
        "flagged": false,
        "categories": all(json!(false)),
        "category_scores": all(json!(0.0)),
    });
    Ok(json!({
        "id": format!("modr-sim-{}", call.number()),
        "model": ask.model,
        "results": vec![one; ask.input.0.len()],
    }))
}

fn images(body: &[u8]) -> Result<Value, Refusal> {
    let ask = Ask::read(body)?;
    if ask.prompt.0.is_empty() {
        return Err(Refusal::missing("prompt"));
    }
    let count = ask.n.unwrap_or(1);
    if !(1..=MOST_IMAGES).contains(&count) {
        let text = format!("`n` must be from 1 to {MOST_IMAGES}.");
        return Err(Refusal::value("n", text));
    }
    Ok(pictures(count, ask.prompt.words()))
}

/// So many pixels; a token is a word going in, and an image coming out.
fn pictures(count: u32, input: u64) -> Value {
    let output = u64::from(count);
    json!({
        "created": CREATED,
        "data": vec![json!({"b64_json": PIXEL}); count as usize],
        "usage": {
            "input_tokens": input,
            "output_tokens": output,
            "total_tokens": input + output,
            "input_tokens_details": {"text_tokens": input, "image_tokens": 0},
        },
    })
}

/// A tenth of a second of silence: 8000 samples a second, a byte each.
fn speech(body: &[u8]) -> Result<Bytes, Refusal> {
    const SAMPLES: u32 = 800;
    if Ask::read(body)?.input.0.is_empty() {
        return Err(Refusal::missing("input"));
    }
    let mut wave = Vec::with_capacity(44 + SAMPLES as usize);
    wave.extend_from_slice(b"RIFF");
    wave.extend_from_slice(&(36 + SAMPLES).to_le_bytes());
    wave.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    wave.extend_from_slice(&8000_u32.to_le_bytes());
    wave.extend_from_slice(&8000_u32.to_le_bytes());
    wave.extend_from_slice(b"\x01\0\x08\0data");
    wave.extend_from_slice(&SAMPLES.to_le_bytes());
    wave.resize(44 + SAMPLES as usize, 0x80);
    Ok(wave.into())
}
