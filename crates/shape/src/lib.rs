//! Answers that fit a JSON Schema: from what a model wrote to the document that was
//! asked for, or to what is wrong with it, in words that the model understands.
//!
//! `shape` is the whole of it: find the document in the answer, read it, check it,
//! coerce it. `Watch` does the same while the answer comes, so far as that can be
//! known. All is a function of text and schema: no clock, no I/O, no task. It is the
//! one home of the JSON Schema library.

mod coerce;
mod extract;
mod graph;
mod leaf;
pub mod limits;
mod machine;
mod mend;
mod pointer;
mod prompt;
mod read;
mod schema;
mod schemas;
mod splice;
mod survey;
mod turn;
mod violation;
mod watch;
mod weight;
mod words;

use std::fmt;

use serde_json::Value;

pub use extract::{Extracted, extract};
pub use machine::MAX_DEPTH;
pub use mend::mend;
pub use prompt::{instruct, repair};
pub use schema::{BadSchema, Schema};
pub use schemas::{Counts, Schemas};
pub use violation::{MOST as MOST_VIOLATIONS, Violation, Violations};
pub use watch::Watch;

/// What may be done so that an answer fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether values are written as the schema asks for them.
    pub coerce: bool,
    /// Whether a document that the answer's end cuts is closed. Only where it is known
    /// that the answer was cut by its length.
    pub mend: bool,
}

/// A document that fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Shaped {
    /// Its text: the model's own, but for what was coerced or mended in it.
    pub document: String,
    /// The same as a value.
    pub value: Value,
    /// Whether there was more in the answer than the document.
    pub extracted: bool,
    /// Whether values in it were coerced.
    pub coerced: bool,
    /// Whether it was cut, and closed.
    pub mended: bool,
}

/// Why an answer holds no document that fits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It holds no document.
    NoJson,
    /// What is wrong with the document that was most likely meant.
    Violations(Violations),
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJson => f.write_str("the answer holds no JSON document"),
            Self::Violations(violations) => violations.fmt(f),
        }
    }
}

impl std::error::Error for Misfit {}

/// The document in `text` that fits `schema`: of all that are there, the likeliest
/// that does (`extract` says which are likelier).
///
/// # Errors
///
/// If there is none, or none that fits; then of the likeliest it is said what is wrong.
pub fn shape(text: &str, schema: &Schema, options: Options) -> Result<Shaped, Misfit> {
    let found = extract::find(text);
    let mended = options.mend.then(|| mend::close(text, found.cut)).flatten();
    let mut first = None;
    // The answer ends inside of it: nothing before it was the end.
    if let Some(document) = &mended {
        match fit(document, schema, options.coerce) {
            Ok(shaped) => {
                return Ok(Shaped {
                    extracted: !document_is_all(text, found.cut),
                    mended: true,
                    ..shaped
                });
            }
            Err(violations) => first = Some(violations),
        }
    }
    for document in found.documents {
        match fit(document.text, schema, options.coerce) {
            Ok(shaped) => {
                return Ok(Shaped {
                    extracted: !document.whole,
                    ..shaped
                });
            }
            Err(violations) => first = first.or(Some(violations)),
        }
    }
    Err(first.map_or(Misfit::NoJson, Misfit::Violations))
}

/// Whether nothing stands before the document that begins at `cut`.
fn document_is_all(text: &str, cut: Option<usize>) -> bool {
    cut == Some(extract::begin(text))
}

/// One document, neither extracted nor mended.
fn fit(text: &str, schema: &Schema, coerce: bool) -> Result<Shaped, Violations> {
    let document = read::read(text).map_err(|unread| {
        let what = match unread {
            read::Unread::Syntax(_, expected) => {
                format!("the answer cannot be read: expected {expected}")
            }
            read::Unread::Deep(_) => "the answer nests too deep".to_owned(),
        };
        Violation::new("", "json", &what)
    })?;
    if let Some(twice) = document.twice {
        let message = format!("property {} stands twice", pointer::place(&twice));
        return Err(Violation::new(twice, "json", &message).into());
    }
    let coerced = schema.check_with(&document.value, &document.digits, coerce)?;
    let (text, value, coerced) = match coerced {
        Some(value) => (splice::splice(text, &document.value, &value), value, true),
        None => (text.to_owned(), document.value, false),
    };
    Ok(Shaped {
        document: text,
        value,
        extracted: false,
        coerced,
        mended: false,
    })
}
