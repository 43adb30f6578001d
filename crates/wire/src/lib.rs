//! Dialects of model APIs, as pure functions over bytes.
//!
//! 1. No input makes a function of this crate panic, recurse without bound or
//!    copy more than it was given: all of it may come from a stranger.
//! 2. What is passed on is passed on byte for byte; edits are splices.
//!
//! No I/O, no timers, no policy: who may do what is decided by the gateway.

pub mod anthropic;
pub mod aws_events;
pub mod aws_lent;
pub mod bedrock;
pub mod chat;
mod claude;
pub mod embed;
pub mod gemini;
pub mod json;
pub mod lines;
pub mod ollama;
pub mod openai;
pub mod peek;
pub mod responses;
pub mod sse;
