//! The Anthropic dialect: Messages, both sides.
//!
//! 1. Reading names each field that is wrong by its path; writing names each
//!    field that has no place.
//! 2. Where both sides speak it the bytes pass, and are only looked at.
//!
//! One file a form. Batches, files and server tools are not understood here.

mod answer;
mod block;
mod error;
mod fields;
mod frame;
mod listing;
mod look;
mod peek;
mod request;
mod stream;
mod usage;

pub use answer::{read_answer, write_answer};
pub use error::{kind, read_error, status, write_error, write_error_event};
pub use listing::{Listed, read_count, write_count, write_model, write_models};
pub use look::{Looker, look_answer};
pub use peek::{Endpoint, scan};
pub use request::{Thinks, Ways, read_request, write_request};
pub use stream::{Reader, Writer, to_stream};

#[cfg(test)]
mod tests;
