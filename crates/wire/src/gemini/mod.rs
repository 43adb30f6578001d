//! Google's Gemini dialect, as an upstream speaks it: `generateContent`,
//! `streamGenerateContent` as server-sent events, and embeddings.
//!
//! 1. A request names what this dialect has no place for; nothing is left out in silence.
//! 2. A stream has no end mark: it is whole if each choice gave its reason.
//! 3. An ending that is neither an answer nor a filter is an error, never an empty answer.
//!
//! Base URLs end in `/v1beta`. Callers do not speak it to us.

mod answer;
mod config;
mod contents;
mod embeddings;
mod error;
mod form;
mod model;
mod piece;
mod request;
mod signature;
mod stream;

pub use answer::read_answer;
pub use embeddings::{embed_path, read_embedded, write_embed};
pub use error::read_error;
pub use model::path;
pub use request::write_request;
pub use stream::Reader;

#[cfg(test)]
mod tests;
