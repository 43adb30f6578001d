//! OpenAI's Responses: the caller's side, with nothing kept between calls, and
//! looks at what passes to an upstream that speaks it too.
//!
//! 1. What a call cannot have without a store is refused by its name.
//! 2. A stream has one `response.created` and one terminal event, which carries
//!    the whole response; an item is added before its pieces and done once.
//! 3. Ids come from a seed and times from the caller of these functions.
//! 4. The answer has one choice; pieces of others are passed over.

mod answer;
mod asked;
mod content;
mod error;
mod fields;
mod items;
mod look;
mod object;
mod peek;
mod request;
mod settings;
mod stream;

pub use answer::write_answer;
pub use asked::Asked;
pub use error::{write_error, write_error_event};
pub use look::{Looker, look_answer};
pub use peek::scan;
pub use request::read_request;
pub use stream::{Writer, to_stream};

#[cfg(test)]
mod tests;
