//! What shaping an answer is held to, whatever schema and answer come.
//!
//! 1. Nothing panics, overflows the stack or takes for ever.
//! 2. What is taken out of an answer is JSON and stands there; what is coerced fits
//!    strictly, and is not coerced again.
//! 3. A watch says the same at every cut, and nothing of what fits.
//!
//! The first line of an input is a schema, what follows is the answer.

use std::sync::Arc;

use serde_json::Value;
use tidegate_shape::{Options, Schema, Shaped, Violation, extract, instruct, mend, repair, shape};

/// A part of the crate under its name, and what it is held to.
pub type Target = (&'static str, fn(&[u8]));

/// All targets; each has a corpus of its name.
pub const TARGETS: &[Target] = &[
    ("shape_coerce", coerce),
    ("shape_extract", extraction),
    ("shape_watch", watch),
];

/// Holds the target of this name to its promises; whether there is one.
pub fn run(name: &str, data: &[u8]) -> bool {
    let found = TARGETS.iter().find(|(target, _)| *target == name);
    if let Some((_, hold)) = found {
        hold(data);
    }
    found.is_some()
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

fn extraction(data: &[u8]) {
    let answer = String::from_utf8_lossy(data);
    if let Some(found) = extract(&answer) {
        assert!(
            answer.contains(found.text) && is_json(found.text),
            "{}",
            found.text
        );
        let again = extract(found.text).map(|again| (again.text, again.whole));
        assert_eq!(again, Some((found.text, true)));
    }
    if let Some(mended) = mend(&answer) {
        assert!(is_json(&mended), "{mended}");
        assert!(mended.len() <= answer.len() + 72);
        assert_eq!(mend(&mended), None);
    }
}

/// The schema, if it is one, and the answer.
fn parts(data: &[u8]) -> Option<(Arc<Schema>, String)> {
    let end = data.iter().position(|byte| *byte == b'\n')?;
    let schema = match Schema::compile(&String::from_utf8_lossy(&data[..end])) {
        Ok(schema) => schema,
        Err(bad) => {
            assert!(bad.to_string().len() < 4096);
            return None;
        }
    };
    let answer = String::from_utf8_lossy(&data[end + 1..]).into_owned();
    Some((Arc::new(schema), answer))
}

fn coerce(data: &[u8]) {
    let Some((schema, answer)) = parts(data) else {
        return;
    };
    assert!(instruct(&schema).len() < schema.text().len() * 2 + 1024);
    for (coerce, mend) in [(false, false), (true, false), (true, true)] {
        let shaped = match shape(&answer, &schema, Options { coerce, mend }) {
            Ok(shaped) => shaped,
            Err(misfit) => {
                assert!(misfit.to_string().len() < 16 << 10);
                assert!(repair(&misfit, &answer).len() < 40 << 10);
                continue;
            }
        };
        assert!(coerce || !shaped.coerced);
        let read = serde_json::from_str::<Value>(&shaped.document).ok();
        assert_eq!(read.as_ref(), Some(&shaped.value));
        assert_eq!(schema.check(&shaped.value, false), Ok(None));
        let again = shape(&shaped.document, &schema, Options::default());
        let same = Shaped {
            extracted: false,
            coerced: false,
            mended: false,
            ..shaped
        };
        assert_eq!(again, Ok(same));
    }
}

fn watched(schema: &Arc<Schema>, coerce: bool, pieces: &[&str]) -> Option<Violation> {
    let mut watch = schema.watch(coerce);
    pieces.iter().find_map(|piece| watch.push(piece))
}

fn watch(data: &[u8]) {
    let Some((schema, answer)) = parts(data) else {
        return;
    };
    let ends: Vec<usize> = (1..=answer.len())
        .filter(|end| answer.is_char_boundary(*end))
        .collect();
    let mut start = 0;
    let pieces: Vec<&str> = ends
        .iter()
        .map(|end| &answer[std::mem::replace(&mut start, *end)..*end])
        .collect();
    for coerce in [false, true] {
        let told = watched(&schema, coerce, &[&answer]);
        assert_eq!(told, watched(&schema, coerce, &pieces));
        if let Some(told) = told {
            for behind in ["", "\"", "\"}", "}", "]}", " {}", "\n```\n```json\n{}\n```"] {
                let whole = format!("{answer}{behind}");
                let shaped = shape(&whole, &schema, Options { coerce, mend: true });
                assert!(shaped.is_err(), "{told:?} {shaped:?}");
            }
        }
    }
}
