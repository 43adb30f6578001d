//! Chat completions, translated: the caller's side and the upstream's.
//!
//! 1. What is read, written and read again is the same.
//! 2. Of an upstream's stream each piece is told at once, and nothing of it is kept
//!    but which calls there are.
//!
//! Where both sides speak this dialect nothing of it runs. Errors have one form
//! everywhere: [`error`](super::error).

mod answer;
mod request;
mod said;
mod stream;
mod usage;

pub use answer::{Asked, read_answer, write_answer};
pub use request::{Ways, read_request, write_request};
pub use stream::{Reader, Writer};

/// Answers of one request.
const MOST_CHOICES: usize = 8;
/// Calls of one answer.
const MOST_CALLS: usize = 128;

#[cfg(test)]
mod tests;
