//! A model's name: where it is asked, and what its generation knows.
//!
//! Whatever stands in a name, it stays inside its place of the path.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a name may hold as it is (RFC 3986, unreserved).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// The path, and the query where it has one, of a call of `model`, behind the
/// `/v1beta` of a base URL. `model` may have Google's `models/` or
/// `tunedModels/` in front of it.
pub fn path(model: &str, stream: bool) -> String {
    call(
        model,
        match stream {
            true => "streamGenerateContent?alt=sse",
            false => "generateContent",
        },
    )
}

/// The path of a model's `method`.
pub(super) fn call(model: &str, method: &str) -> String {
    let (folder, name) = split(model);
    format!("/{folder}/{}:{method}", utf8_percent_encode(name, ESCAPED))
}

fn split(model: &str) -> (&'static str, &str) {
    match model.strip_prefix("tunedModels/") {
        Some(name) => ("tunedModels", name),
        None => ("models", model.strip_prefix("models/").unwrap_or(model)),
    }
}

/// The model is of a generation before Gemini 3: thinking is told by a number
/// of tokens, not by a level, and calls need no signature. A name without a
/// number, such as `gemini-flash-latest`, is of the newest.
pub(super) fn before_3(model: &str) -> bool {
    let (_, name) = split(model);
    ["gemini-1", "gemini-2", "gemma-"]
        .iter()
        .any(|older| name.starts_with(older))
}

/// The name with its folder, as it stands in bodies.
pub(super) fn full(model: &str) -> String {
    let (folder, name) = split(model);
    format!("{folder}/{name}")
}
