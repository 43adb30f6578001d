//! JSON pointers: how they are written, and how a place is named to people.
//!
//! It decides nothing: it is the spelling that all share.

use std::fmt::Write;

use crate::violation::short;

/// The whole document, to people.
const ROOT: &str = "the answer";
/// The most that is shown of a place, in characters.
const PLACE: usize = 120;

/// Adds a member's name.
pub(crate) fn push(pointer: &mut String, name: &str) {
    pointer.push('/');
    for c in name.chars() {
        match c {
            '~' => pointer.push_str("~0"),
            '/' => pointer.push_str("~1"),
            c => pointer.push(c),
        }
    }
}

/// Adds a place in an array.
pub(crate) fn push_index(pointer: &mut String, index: usize) {
    // Writing to a string cannot fail.
    let _ = write!(pointer, "/{index}");
}

/// One step of a pointer, as it was named.
pub(crate) fn unescaped(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// A place as people write it: `items[1].name`.
pub(crate) fn place(pointer: &str) -> String {
    if pointer.is_empty() {
        return ROOT.to_owned();
    }
    let mut place = String::new();
    for step in pointer.split('/').skip(1) {
        let index = !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit());
        if index {
            let _ = write!(place, "[{step}]");
        } else {
            if !place.is_empty() {
                place.push('.');
            }
            place.push_str(&unescaped(step));
        }
    }
    short(&place, PLACE)
}

/// The name of a member of the object at `pointer`: `items[1].name`.
pub(crate) fn member(pointer: &str, name: &str) -> String {
    let mut of = pointer.to_owned();
    push(&mut of, name);
    place(&of)
}
