//! Embeddings: `/api/embed`.
//!
//! There is a vector for each text, in order, or no answer.

use serde::{Deserialize, Serialize};

use crate::chat::{Lacks, Malformed};
use crate::embed::{Embed, Embedded};
use crate::openai::error;

#[derive(Serialize)]
struct Asks<'a> {
    model: &'a str,
    input: &'a [String],
    /// A text that is too long is an error, and not cut in silence.
    truncate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    dimensions: Option<u32>,
}

#[derive(Deserialize)]
struct Answer {
    model: Option<String>,
    embeddings: Option<Vec<Vec<f32>>>,
    prompt_eval_count: Option<u64>,
}

/// The path of a call.
pub const fn embed_path() -> &'static str {
    "/api/embed"
}

/// Writes the body; what has no place in it goes to `lacks`.
pub fn write_embed(embed: &Embed, lacks: &mut Lacks) -> Vec<u8> {
    lacks.given(embed.user.as_ref(), "user");
    for other in &embed.others {
        lacks.add(other);
    }
    let asks = Asks {
        model: &embed.model,
        input: &embed.inputs,
        truncate: false,
        dimensions: embed.dimensions,
    };
    // Texts and numbers only: nothing that could fail.
    serde_json::to_vec(&asks).unwrap_or_default()
}

/// Reads the answer to `asked`.
///
/// # Errors
/// It is none, or not a whole one, or it tells of an error.
pub fn read_embedded(body: &[u8], asked: &Embed) -> Result<Embedded, Malformed> {
    let malformed = || error::parse(body).map_or(Malformed::Frame, Malformed::Error);
    let answer: Answer = serde_json::from_slice(body).map_err(|_| malformed())?;
    let embedded = Embedded {
        model: answer.model.unwrap_or_default(),
        vectors: answer.embeddings.unwrap_or_default(),
        tokens: answer.prompt_eval_count,
    };
    match embedded.answers(asked) {
        true => Ok(embedded),
        false => Err(malformed()),
    }
}
