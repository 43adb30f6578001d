//! Embeddings: a unit vector for each input, made from a hash of it.
//!
//! Promises: (1) the same input gives the same vector, whatever stands beside it, and a shorter
//! vector is the normalised beginning of a longer one; (2) both encodings carry the same numbers;
//! (3) one answer has at most [`MAX_NUMBERS`] numbers. Near texts do not get near vectors.

use std::fmt::Write;

use bytes::Bytes;

use crate::ask::{Ask, Input};
use crate::draw::{Draw, hash};
use crate::refusal::Refusal;

/// The usual length of a vector.
const DIMENSIONS: usize = 1536;
/// The longest vector.
const MAX_DIMENSIONS: usize = 4096;
/// The most inputs in one call, as OpenAI has it.
const MAX_INPUTS: usize = 2048;
/// The most numbers in one answer: they are made in one go, and others wait for the processor.
const MAX_NUMBERS: usize = 1 << 20;

/// How the numbers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Encoding {
    Float,
    /// Little-endian 32-bit floats; what the official Python SDK asks for.
    Base64,
}

/// The whole answer. `name` is a parsed name: it needs no escaping.
pub(crate) fn document(ask: &Ask<'_>, name: &str) -> Result<Bytes, Refusal> {
    let inputs = &ask.input.0;
    if inputs.is_empty() {
        return Err(Refusal::missing("input"));
    }
    let encoding = match &*ask.encoding_format.0 {
        "" | "float" => Encoding::Float,
        "base64" => Encoding::Base64,
        _ => {
            let message = "`encoding_format` is `float` or `base64`.".to_owned();
            return Err(Refusal::value("encoding_format", message));
        }
    };
    let dimensions = ask.dimensions.unwrap_or(DIMENSIONS);
    if !(1..=MAX_DIMENSIONS).contains(&dimensions) {
        let message = format!("`dimensions` is from 1 to {MAX_DIMENSIONS}.");
        return Err(Refusal::value("dimensions", message));
    }
    if inputs.len() > MAX_INPUTS || inputs.len() * dimensions > MAX_NUMBERS {
        let message = format!(
            "One call embeds at most {MAX_INPUTS} inputs and gives at most {MAX_NUMBERS} numbers."
        );
        return Err(Refusal::value("input", message));
    }
    let mut json = String::with_capacity(256 + inputs.len() * (64 + dimensions * 12));
    json.push_str(r#"{"object":"list","data":["#);
    for (index, input) in inputs.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        json.push_str(comma);
        json.push_str(r#"{"object":"embedding","embedding":"#);
        write_vector(
            &mut json,
            &unit(Draw::new(seed(input)), dimensions),
            encoding,
        );
        let _never_fails = write!(json, r#","index":{index}}}"#);
    }
    let words = ask.input.words();
    let _never_fails = write!(
        json,
        r#"],"model":"{name}","usage":{{"prompt_tokens":{words},"total_tokens":{words}}}}}"#
    );
    Ok(json.into())
}

fn write_vector(json: &mut String, vector: &[f32], encoding: Encoding) {
    match encoding {
        Encoding::Float => {
            json.push('[');
            for (at, number) in vector.iter().enumerate() {
                let comma = if at == 0 { "" } else { "," };
                let _never_fails = write!(json, "{comma}{number}");
            }
            json.push(']');
        }
        Encoding::Base64 => {
            let bytes: Vec<u8> = vector
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect();
            json.push('"');
            base64(json, &bytes);
            json.push('"');
        }
    }
}

/// A hash of the input's bytes; tokens count as their four bytes each.
fn seed(input: &Input<'_>) -> u64 {
    match input {
        Input::Text(text) => hash(text.bytes()),
        Input::Tokens(tokens) => hash(tokens.iter().flat_map(|token| token.to_le_bytes())),
    }
}

/// A vector of length one.
fn unit(mut draw: Draw, dimensions: usize) -> Vec<f32> {
    // 24 bits fit a float exactly; halves keep zero out, so the length is never zero.
    let mut next = || (((draw.next() >> 40) as f32) + 0.5) / 8_388_608.0 - 1.0;
    let mut vector: Vec<f32> = (0..dimensions).map(|_| next()).collect();
    let length = vector
        .iter()
        .map(|number| f64::from(*number).powi(2))
        .sum::<f64>()
        .sqrt();
    for number in &mut vector {
        *number = (f64::from(*number) / length) as f32;
    }
    vector
}

fn base64(out: &mut String, bytes: &[u8]) {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * at) & 63) as usize];
            out.push(if at > three.len() {
                '='
            } else {
                char::from(letter)
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn embed(body: &str) -> Value {
        let ask = Ask::read(body.as_bytes()).expect("readable");
        let json = document(&ask, "echo").expect("embedded");
        serde_json::from_slice(&json).expect("JSON")
    }

    fn floats(answer: &Value, index: usize) -> Vec<f32> {
        let numbers = answer["data"][index]["embedding"]
            .as_array()
            .expect("an array");
        numbers
            .iter()
            .map(|number| number.as_f64().expect("a number") as f32)
            .collect()
    }

    #[test]
    fn base64_as_the_standard_has_it() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("\u{0}ÿ~", "AMO/fg=="),
        ] {
            let mut out = String::new();
            base64(&mut out, plain.as_bytes());
            assert_eq!(out, coded);
        }
    }

    #[test]
    fn a_vector_has_length_one_and_depends_on_its_input_alone() {
        let two = embed(r#"{"model":"echo","input":["a b","c"]}"#);
        let one = embed(r#"{"model":"echo","input":"c"}"#);
        assert_eq!(floats(&two, 1), floats(&one, 0));
        assert_ne!(floats(&two, 0), floats(&two, 1));
        assert_eq!(floats(&one, 0).len(), DIMENSIONS);
        let square: f32 = floats(&one, 0).iter().map(|number| number * number).sum();
        assert!((square - 1.0).abs() < 1e-4, "{square}");
        assert_eq!(two["usage"]["prompt_tokens"], 3);
        assert_eq!(two["data"][1]["index"], 1);
    }

    #[test]
    fn both_encodings_carry_the_same_numbers() {
        let float = embed(r#"{"model":"echo","input":[1,2,3],"dimensions":7}"#);
        let coded =
            embed(r#"{"model":"echo","input":[1,2,3],"dimensions":7,"encoding_format":"base64"}"#);
        let bytes: Vec<u8> = floats(&float, 0)
            .iter()
            .flat_map(|number| number.to_le_bytes())
            .collect();
        let mut expected = String::new();
        base64(&mut expected, &bytes);
        assert_eq!(coded["data"][0]["embedding"], expected);
        assert_eq!(coded["usage"]["total_tokens"], 3);
    }

    #[test]
    fn what_cannot_be_embedded_is_refused() {
        let many = format!(
            r#"{{"model":"echo","input":[{}"x"]}}"#,
            r#""x","#.repeat(2047)
        );
        for body in [
            r#"{"model":"echo"}"#,
            r#"{"model":"echo","input":[]}"#,
            r#"{"model":"echo","input":"x","dimensions":0}"#,
            r#"{"model":"echo","input":"x","dimensions":4097}"#,
            r#"{"model":"echo","input":"x","encoding_format":"hex"}"#,
            &many,
        ] {
            let ask = Ask::read(body.as_bytes()).expect("readable");
            assert_eq!(document(&ask, "echo").expect_err("refused").status, 400);
        }
    }
}
