//! Ollama's own dialect, the upstream's side: `/api/chat`, streamed as lines of
//! JSON ([`lines`](crate::lines)), and `/api/embed`.
//!
//! Its errors are found by [`openai::error::parse`](crate::openai::error::parse):
//! `{"error":"..."}`, in a body as in a stream.

mod answer;
mod embeddings;
mod request;
mod stream;

pub use answer::read_answer;
pub use embeddings::{embed_path, read_embedded, write_embed};
pub use request::write_request;
pub use stream::Reader;

/// The path of a call, streaming or not.
pub const fn path() -> &'static str {
    "/api/chat"
}

#[cfg(test)]
mod tests;
