//! OpenAI's Responses, the caller's side, without anything kept between calls.
//!
//! 1. What a call cannot have without a store is refused by its name.
//! 2. A stream has one `response.created` and one terminal event, which carries
//!    the whole response; an item is added before its pieces and done once.
//! 3. Ids come from a seed and times from the caller of these functions.
//!
//! The answer has one choice; pieces of others are passed over.

mod answer;
mod asked;
mod content;
mod error;
mod fields;
mod items;
mod object;
mod request;
mod settings;
mod stream;

pub use answer::write_answer;
pub use asked::Asked;
pub use error::{write_error, write_error_event};
pub use request::read_request;
pub use stream::Writer;

#[cfg(test)]
mod tests;
