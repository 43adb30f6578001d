//! A streamed answer, from the upstream's bytes to the caller's.
//!
//! `flow` pulls the events under its timers; `reading` has them framed and judged
//! (`same`, `judge`) or translated (`translated`, `interpreter`), but for one that is `bad`; `reply` is the body that the
//! HTTP writer polls, and settles the ticket with its end; `download` passes down
//! what is no model's stream; `follow` reads one that is made for several; `tool_calls` checks that their arguments come
//! whole; `oddities` counts what upstreams do that is not quite right.

mod bad;
mod download;
mod flow;
mod follow;
mod interpreter;
mod judge;
mod oddities;
mod reading;
mod reply;
mod same;
#[cfg(test)]
mod tests;
mod tool_calls;
mod translated;

pub(crate) use download::{Download, DownloadSettings};
pub(crate) use flow::{Flow, FlowSettings};
pub(crate) use follow::Follow;
pub(crate) use interpreter::Interpreter;
pub(crate) use oddities::{Odd, Oddities};
pub(crate) use reading::Reads;
pub use reply::{Cut, Reply};
