//! What a model is told that has no structured output of its own, and what it is
//! told when its answer did not fit.
//!
//! 1. Bounded: as long as the schema and a page besides.
//! 2. What a model has answered stands in a block that it cannot have closed.

use crate::Misfit;
use crate::schema::Schema;

/// The most that is repeated of an answer, in bytes.
const REPEATED: usize = 8 << 10;

/// What to tell the model before it answers, behind what it is told anyway.
pub fn instruct(schema: &Schema) -> String {
    let schema = schema.text();
    let fence = fence(schema);
    format!(
        "Answer with one JSON document that fits the JSON Schema below, and with nothing else: \
         no explanation, no Markdown, no comments. Write every property that the schema \
         requires, none that it does not allow, and of each value the type that it asks for. \
         Numbers, true, false and null stand without quotes.\n\n\
         {fence}json\n{schema}\n{fence}"
    )
}

/// What to tell the model after `answer`, which did not fit.
pub fn repair(misfit: &Misfit, answer: &str) -> String {
    let wrong = match misfit {
        Misfit::NoJson => "It holds no JSON document that is whole.\n".to_owned(),
        Misfit::Violations(violations) => format!("What is wrong with it:\n{violations}"),
    };
    let end = answer.floor_char_boundary(REPEATED);
    let (shown, rest) = answer.split_at(end);
    let cut = match rest.len() {
        0 => String::new(),
        left => format!("\n(and {left} bytes more)"),
    };
    let fence = fence(shown);
    format!(
        "The answer did not fit the JSON Schema. It was:\n\n\
         {fence}\n{shown}\n{fence}{cut}\n\n\
         {wrong}\n\
         Answer again with the whole JSON document, corrected, and with nothing else. \
         Keep what was right."
    )
}

/// Backticks enough to stand around `text`.
fn fence(text: &str) -> String {
    let (mut longest, mut run) = (2, 0);
    for byte in text.bytes() {
        run = if byte == b'`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    "`".repeat(longest + 1)
}
