//! Embeddings: `embedContent` for one text, `batchEmbedContents` for more.
//!
//! 1. There is a vector for each text, in order, or no answer.
//! 2. Tokens are told where Google tells them, which most of its models do not.

use serde::{Deserialize, Serialize};

use super::error;
use super::model::{call, full};
use crate::chat::{Lacks, Malformed};
use crate::embed::{Embed, Embedded};

#[derive(Serialize)]
struct Batch<'a> {
    requests: Vec<One<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct One<'a> {
    model: &'a str,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_dimensionality: Option<u32>,
}

#[derive(Serialize)]
struct Content<'a> {
    parts: [Text<'a>; 1],
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    embedding: Option<Vector>,
    embeddings: Option<Vec<Vector>>,
    usage_metadata: Option<Usage>,
}

#[derive(Deserialize)]
struct Vector {
    values: Vec<f32>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    prompt_token_count: Option<u64>,
}

/// The path of the call, behind the `/v1beta` of a base URL.
pub fn embed_path(embed: &Embed) -> String {
    call(
        &embed.model,
        match embed.inputs.len() {
            1 => "embedContent",
            _ => "batchEmbedContents",
        },
    )
}

/// Writes the body for [`embed_path`]; what has no place in it goes to `lacks`.
pub fn write_embed(embed: &Embed, lacks: &mut Lacks) -> Vec<u8> {
    lacks.given(embed.user.as_ref(), "user");
    for other in &embed.others {
        lacks.add(other);
    }
    let model = full(&embed.model);
    let one = |text| One {
        model: &model,
        content: Content {
            parts: [Text { text }],
        },
        output_dimensionality: embed.dimensions,
    };
    let body = match embed.inputs.as_slice() {
        [text] => serde_json::to_vec(&one(text)),
        texts => serde_json::to_vec(&Batch {
            requests: texts.iter().map(|text| one(text)).collect(),
        }),
    };
    // Texts and numbers only: nothing that could fail.
    body.unwrap_or_default()
}

/// Reads the answer to `asked`.
///
/// # Errors
/// It is none, or not a whole one, or it tells of an error.
pub fn read_embedded(body: &[u8], asked: &Embed) -> Result<Embedded, Malformed> {
    let answer: Answer = serde_json::from_slice(body).map_err(|_| error::malformed(body))?;
    let one = answer.embedding.into_iter();
    let vectors = one.chain(answer.embeddings.unwrap_or_default());
    let embedded = Embedded {
        model: String::new(),
        vectors: vectors.map(|vector| vector.values).collect(),
        tokens: answer.usage_metadata.and_then(|u| u.prompt_token_count),
    };
    match embedded.answers(asked) {
        true => Ok(embedded),
        false => Err(error::malformed(body)),
    }
}
