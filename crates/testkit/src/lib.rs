//! What black-box tests need: a scripted upstream, a raw client, and the real
//! binary as a process.
//!
//! Promises:
//! 1. Every wait has a deadline, and its panic says what was waited for.
//! 2. Nothing is shared with the code under test: the framing, SSE and JSON
//!    readers here are written a second time, naively.
//! 3. What a test starts ends with it: processes, sockets, folders.
//!
//! It deliberately asserts little by itself: what is right stands in the tests.

#![expect(
    clippy::disallowed_methods,
    reason = "a development crate: its tasks end with the test's runtime, and real time is its subject"
)]
#![expect(
    clippy::panic,
    clippy::expect_used,
    reason = "a step that cannot be set up is a failed test, and its message is the report"
)]

pub mod client;
pub mod gate;
pub mod native;
pub mod openai;
pub mod port;
pub mod script;
pub mod settings;
pub mod upstream;
pub mod wait;

pub use client::{ErrorForm, Event, RawClient, Reply};
pub use gate::{Gate, Start, binary, raise_descriptors};
pub use script::{Script, Signal};
pub use settings::{Provider, Settings};
pub use upstream::{Certificate, Recorded, Upstream};
pub use wait::{PATIENCE, Stopwatch, beside, crowd, pause, until, within};

/// Prints a figure that was seen: for the reader of the run, never a pass or a
/// fail.
#[expect(
    clippy::print_stdout,
    reason = "a test's output is where its figures go"
)]
pub fn figure(text: &str) {
    println!("figure: {text}");
}
