//! What every decoder is held to, whatever bytes come: one function a target.
//!
//! 1. Nothing panics, and what is written is not much larger than what came.
//! 2. What is taken is written so that it can be read: JSON, in legal order.
//! 3. Any cut of a stream's bytes gives the same.
//!
//! The fuzzer makes up the bytes; the tests of the crate run the corpus alone. What
//! shapes are held to stands in `shapes.rs`, for another crate's tests.

mod answers;
mod framings;
mod legal;
mod order;
mod requests;
mod small;
mod streams;

/// A decoder under its name, and what it is held to.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; each has a corpus of its name.
pub const TARGETS: &[Target] = &[
    ("anthropic_answer", answers::anthropic),
    ("anthropic_request", requests::anthropic),
    ("anthropic_stream", streams::anthropic),
    ("aws_events", framings::aws_events),
    ("aws_lent", small::aws_lent),
    ("bedrock_answer", answers::bedrock),
    ("bedrock_stream", streams::bedrock),
    ("embeddings", small::embeddings),
    ("errors", small::errors),
    ("form", small::form),
    ("gemini_answer", answers::gemini),
    ("gemini_stream", streams::gemini),
    ("json", small::json),
    ("lines", framings::lines),
    ("ollama_answer", answers::ollama),
    ("ollama_stream", streams::ollama),
    ("openai_answer", answers::openai),
    ("openai_request", requests::openai),
    ("openai_stream", streams::openai),
    ("responses_answer", answers::responses),
    ("responses_request", requests::responses),
    ("responses_stream", streams::responses),
    ("sse", framings::sse),
];

/// Holds the decoder of this name to its promises.
pub fn run(name: &str, data: &[u8]) {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    assert!(found.is_some(), "there is no target `{name}`");
    if let Some((_, hold)) = found {
        hold(data);
    }
}

/// Whether `bytes` are one JSON value, as another parser sees it.
fn is_json(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&serde_json::value::RawValue>(bytes).is_ok()
}

/// What was made of `given` is JSON, and not much more than that.
fn hold_json(made: &[u8], given: &[u8]) {
    assert!(is_json(made), "{}", String::from_utf8_lossy(made));
    hold_size(made.len(), given);
}

/// Names of fields and defaults are what may be added, to each part that came.
fn hold_size(made: usize, given: &[u8]) {
    let most = 4096 + 64 * given.len();
    assert!(made <= most, "{made} bytes of {}", given.len());
}

/// `data` in pieces: the same ones each time, and others for other data.
fn pieces(data: &[u8]) -> Vec<&[u8]> {
    let mut seed = data.iter().fold(7_u32, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(u32::from(*byte))
    });
    let (mut rest, mut pieces) = (data, Vec::new());
    while !rest.is_empty() {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let length = 1 + (seed >> 24) as usize % 9;
        let (piece, more) = rest.split_at(length.min(rest.len()));
        pieces.push(piece);
        rest = more;
    }
    pieces
}
