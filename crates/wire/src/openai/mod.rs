//! The OpenAI dialect: requests, answers, stream chunks, errors.
//!
//! 1. Looking costs one pass and no allocation unless text has escapes.
//! 2. Fields that are not known are passed over, never refused.
//!
//! One file a form; the responses API is another dialect and not here. These files look
//! at what passes; `chat` translates it.

mod alike;
mod calls;
pub mod chat;
mod choice;
mod chunk;
mod completion;
pub mod embeddings;
pub mod error;
mod form;
mod named;
mod redact;
mod request;
mod splice;

pub use alike::Alike;
pub use calls::{CallFragment, CallPiece, call_pieces, whole_arguments};
pub(crate) use choice::{given, usage};
pub use chunk::{Chunk, Look, look, look_event};
pub use completion::{Answer, look_answer, look_usage, to_stream};
pub use error::ErrorBody;
pub use form::{boundary, scan_form};
pub use named::{Named, scan_named};
pub use redact::redact;
pub use request::{Endpoint, Peek, Refused, scan};
pub(crate) use request::{MOST_STOPS, MOST_TOOLS, at_most, check_model, check_taken, model};
pub use splice::{Edits, Seams};
