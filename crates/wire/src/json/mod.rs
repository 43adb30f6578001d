//! JSON as bytes with positions: limits, a one-pass scanner, text in and out.
//!
//! 1. One pass, no recursion, no allocation for what is only looked at.
//! 2. Positions are exact, so that an edit is a splice.
//!
//! It builds no tree; cold paths that want one bring their own.

mod canon;
mod limits;
mod members;
mod scan;
mod text;

pub use canon::{Canon, canon};
pub(crate) use limits::utf8;
pub use limits::{Limits, MAX_DEPTH, Violation, check};
pub(crate) use members::{Members, write_line};
pub(crate) use scan::{Kind, Scanner, Text};
pub(crate) use text::{is_plain, to_vec, write_string};

#[cfg(test)]
mod tests;
