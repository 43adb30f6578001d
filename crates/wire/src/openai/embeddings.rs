//! Embeddings in OpenAI's form, the caller's side: a request read, an answer
//! written. Where the upstream speaks it too nothing of this runs.
//!
//! 1. A refusal names the field.
//! 2. Both encodings carry the same numbers.
//! 3. Inputs that are tokens already are refused: what they mean, only the
//!    model knows whose tokens they are.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::Refused;
use super::request::{check_model, check_taken};
use crate::embed::{Embed, Embedded};
use crate::json::{Kind, Scanner, utf8};

/// Inputs of one request, as OpenAI has it.
const MOST_INPUTS: usize = 2048;
/// Names of fields without a place that are kept; more would tell nobody more.
const MOST_OTHERS: usize = 64;
/// The longest name that is kept of a field that nobody knows, in characters.
const LONGEST_NAME: usize = 64;

/// Reads a request. That `body` is JSON within the limits was checked before.
///
/// # Errors
/// [`Refused`] for the first field that is not what the API has.
pub fn read_request(body: &[u8]) -> Result<Embed, Refused> {
    let mut scan = Scanner::of_upstream(utf8(body)?);
    let mut embed = Embed::default();
    let mut seen = Vec::new();
    scan.object(|scan, key| {
        let name = key.decode();
        if FIELDS.contains(&&*name) {
            if seen.contains(&name) {
                return Err(Refused::twice(&name));
            }
            seen.push(name.clone());
        }
        match scan.null()? {
            true => Ok(()),
            false => member(&mut embed, &name, scan),
        }
    })?;
    scan.end()?;
    if embed.model.is_empty() {
        return Err(Refused::value("model", "`model` is missing."));
    }
    check_model(&embed.model)?;
    if embed.inputs.is_empty() {
        return Err(Refused::value("input", "`input` is missing or empty."));
    }
    Ok(embed)
}

/// What a request may have; each stands once.
const FIELDS: &[&str] = &["model", "input", "dimensions", "encoding_format", "user"];

fn member(embed: &mut Embed, name: &str, scan: &mut Scanner<'_>) -> Result<(), Refused> {
    match name {
        "model" => embed.model = text(name, scan)?,
        "input" => embed.inputs = inputs(scan)?,
        "dimensions" => {
            let number = scan.whole()?.and_then(|number| u32::try_from(number).ok());
            let number = number.filter(|number| *number > 0);
            let message = "`dimensions` must be a whole number from 1 on.";
            embed.dimensions = Some(number.ok_or_else(|| Refused::value(name, message))?);
        }
        "encoding_format" => {
            embed.base64 = match text(name, scan)?.as_str() {
                "float" => false,
                "base64" => true,
                _ => {
                    let message = "`encoding_format` must be `float` or `base64`.";
                    return Err(Refused::value(name, message));
                }
            }
        }
        "user" => embed.user = Some(text(name, scan)?),
        _ => {
            check_taken(name)?;
            scan.skip()?;
            if embed.others.len() < MOST_OTHERS {
                embed.others.push(name.chars().take(LONGEST_NAME).collect());
            }
        }
    }
    Ok(())
}

fn text(name: &str, scan: &mut Scanner<'_>) -> Result<String, Refused> {
    match scan.kind()? {
        Kind::String => Ok(scan.string()?.decode().into_owned()),
        _ => Err(Refused::value(name, format!("`{name}` must be a string."))),
    }
}

/// Text, or a list of texts.
fn inputs(scan: &mut Scanner<'_>) -> Result<Vec<String>, Refused> {
    let wrong = |message: &str| Refused::value("input", message);
    match scan.kind()? {
        Kind::String => return Ok(vec![scan.string()?.decode().into_owned()]),
        Kind::Array => {}
        _ => return Err(wrong("`input` must be a string or a list of strings.")),
    }
    let mut inputs = Vec::new();
    scan.array(|scan| {
        if inputs.len() == MOST_INPUTS {
            return Err(wrong(&format!(
                "`input` has more than {MOST_INPUTS} elements."
            )));
        }
        match scan.kind()? {
            Kind::String => inputs.push(scan.string()?.decode().into_owned()),
            Kind::Number | Kind::Array => {
                return Err(wrong(
                    "`input` has tokens, which the provider of this model does not take; send texts.",
                ));
            }
            _ => return Err(wrong("`input` must be a string or a list of strings.")),
        }
        Ok(())
    })?;
    Ok(inputs)
}

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Item<'a>>,
    model: &'a str,
    /// Left out where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Item<'a> {
    object: &'static str,
    index: usize,
    embedding: Numbers<'a>,
}

#[derive(Serialize)]
struct Usage {
    prompt_tokens: u64,
    total_tokens: u64,
}

/// A vector in one of its encodings.
enum Numbers<'a> {
    List(&'a [f32]),
    /// Of the numbers' bytes, the lowest first.
    Base64(&'a [f32]),
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::List(numbers) => numbers.serialize(to),
            Self::Base64(numbers) => {
                let bytes: Vec<u8> = numbers.iter().flat_map(|n| n.to_le_bytes()).collect();
                to.serialize_str(&STANDARD.encode(bytes))
            }
        }
    }
}

/// Writes what `asked` asked for.
pub fn write_answer(answer: &Embedded, asked: &Embed) -> Vec<u8> {
    let list = List {
        object: "list",
        data: answer
            .vectors
            .iter()
            .enumerate()
            .map(|(index, vector)| Item {
                object: "embedding",
                index,
                embedding: match asked.base64 {
                    true => Numbers::Base64(vector),
                    false => Numbers::List(vector),
                },
            })
            .collect(),
        model: match answer.model.as_str() {
            "" => &asked.model,
            told => told,
        },
        usage: answer.tokens.map(|tokens| Usage {
            prompt_tokens: tokens,
            total_tokens: tokens,
        }),
    };
    // Texts and numbers only: nothing that could fail.
    serde_json::to_vec(&list).unwrap_or_default()
}

#[cfg(test)]
mod tests;
