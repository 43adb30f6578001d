//! Ollama's own dialect, the upstream's side: `/api/chat`, streamed as lines of
//! JSON ([`lines`](crate::lines)), and `/api/embed`.
//!
//! Its errors are `{"error":"..."}`, in a body as in a stream.

mod answer;
mod embeddings;
mod error;
mod request;
mod stream;

pub use answer::read_answer;
pub use embeddings::{embed_path, read_embedded, write_embed};
pub use error::read_error;
pub use request::write_request;
pub use stream::Reader;

/// The path of a call, streaming or not.
pub const fn path() -> &'static str {
    "/api/chat"
}

#[cfg(test)]
mod tests;
