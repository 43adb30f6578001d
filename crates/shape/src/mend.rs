//! A document that was cut by its answer's length, closed.
//!
//! 1. What is open is closed: strings, arrays, objects, and `tr` is `true`.
//! 2. What may be wrong because it is cut is left out: a key without its value, and
//!    a number, which could have gone on.
//! 3. Nothing else changes: it begins as the answer does.

use crate::extract::find;
use crate::machine::{Container, Event, Fed, Machine, Scalar};

/// The document in `text` that the text's end cuts, closed; `None` if none is cut.
///
/// Only for answers that are known to be cut by their length.
pub fn mend(text: &str) -> Option<String> {
    close(text, find(text).cut)
}

/// The document that begins at `cut`.
pub(crate) fn close(text: &str, cut: Option<usize>) -> Option<String> {
    let cut = &text[cut?..];
    let mut machine = Machine::new();
    // Behind the last value, or bracket, that is whole.
    let mut kept = 0;
    let mut begun = 0;
    machine.feed(cut.as_bytes(), |event, at| {
        match event {
            Event::Open(_) => kept = at + 1,
            Event::Close(_) => kept = at,
            Event::End(kind) if kind != Scalar::Key => kept = at,
            Event::Begin(_) => begun = at,
            _ => {}
        }
        true
    });
    let mut whole = String::from(&cut[..kept]);
    if machine.open_string() == Some(Scalar::String) {
        whole = String::from(&cut[..end_of_string(cut, begun)?]);
        whole.push('"');
    } else if let Some(rest) = machine.open_word() {
        whole = String::from(cut);
        whole.push_str(rest);
    }
    // A machine that has read the same closes the same.
    let mut closer = Machine::new();
    closer.feed(whole.as_bytes(), |_, _| true);
    while let Some(container) = closer.inside() {
        let bracket = match container {
            Container::Array => "]",
            Container::Object => "}",
        };
        whole.push_str(bracket);
        let before = closer.depth();
        closer.feed(bracket.as_bytes(), |_, _| true);
        if closer.depth() == before {
            return None;
        }
    }
    Some(whole)
}

/// Where a string that begins at `begun` ends if its last escape is not whole.
fn end_of_string(cut: &str, begun: usize) -> Option<usize> {
    (begun + 1..=cut.len()).rev().take(13).find(|end| {
        let Some(text) = cut.get(begun..*end) else {
            return false;
        };
        let mut machine = Machine::new();
        let fed = machine.feed(text.as_bytes(), |_, _| true);
        fed == Fed::More && machine.open_string().is_some() && !machine.in_escape()
    })
}
