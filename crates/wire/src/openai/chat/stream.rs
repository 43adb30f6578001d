//! A streamed answer, read from an upstream and written for a caller.
//!
//! 1. One start, then pieces, for each choice one stop, one end; an upstream that
//!    says more once a choice has stopped is not taken for whole.
//! 2. `[DONE]` is the end; so is the body's end, if each choice had its stop.

mod read;
mod write;

pub use read::Reader;
pub use write::Writer;
