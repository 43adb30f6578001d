//! The vocabulary that two or more crates share: ids, outcomes, error codes.
//!
//! Values only: no streams, no tokio, no I/O. Whatever one crate alone needs
//! lives in that crate.

mod code;
mod id;
mod outcome;
mod usage;

pub use code::{Code, Fault, Retry};
pub use id::{RequestId, RequestIds};
pub use outcome::{CancelledBy, Outcome};
pub use usage::Usage;
