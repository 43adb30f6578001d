//! A request for chat completions, read from a caller and written for an upstream.
//!
//! 1. A refusal names the field, by its path.
//! 2. What means something and has no place in the neutral form is named.
//! 3. Schemas and the arguments of calls keep every byte.

mod at;
mod extras;
mod messages;
mod read;
mod write;

pub use read::read_request;
pub use write::{Ways, write_request};
