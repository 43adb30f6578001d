//! A streamed answer, from the upstream's bytes to the caller's.
//!
//! `flow` pulls the events under its timers; `reading` frames them, and has them
//! judged (`judge`) or translated (`interpreter`); `reply` is the body that the
//! HTTP writer polls, and settles the ticket with its end; `download` passes down
//! what is no model's stream; `tool_calls` checks that their arguments come
//! whole; `oddities` counts what upstreams do that is not quite right.

mod download;
mod flow;
mod interpreter;
mod judge;
mod oddities;
mod reading;
mod reply;
#[cfg(test)]
mod tests;
mod tool_calls;

pub(crate) use download::{Download, DownloadSettings};
pub(crate) use flow::{Flow, FlowSettings};
pub(crate) use interpreter::Interpreter;
pub(crate) use oddities::{Odd, Oddities};
pub use reply::{Cut, Reply};
