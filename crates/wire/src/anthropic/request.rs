//! Requests: read for a caller, written for an upstream.
//!
//! What the API leaves to the model or its catalogue stands in [`Ways`].

mod read;
mod turns;
mod write;

use crate::claude;

pub use read::read_request;
pub use write::write_request;

/// What a request for Anthropic needs to know besides the request itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ways {
    /// The bound on the answer's tokens where the request has none; the API
    /// takes no request without one.
    pub max_tokens: u64,
    /// How the model is told to think.
    pub thinking: Thinks,
    /// The model takes instructions between the messages, as the newest do.
    pub system_within: bool,
}

impl Ways {
    /// How a model of this name is asked.
    pub fn of(model: &str) -> Self {
        let thinking = match claude::adapts(model) {
            true => Thinks::Adaptive,
            false => Thinks::Budget,
        };
        Self {
            thinking,
            ..Self::default()
        }
    }
}

impl Default for Ways {
    /// 4096 tokens, adaptive thinking, instructions in front only.
    fn default() -> Self {
        Self {
            max_tokens: 4096,
            thinking: Thinks::Adaptive,
            system_within: false,
        }
    }
}

/// How an effort is told to a model. A budget is always told as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Thinks {
    /// By `output_config.effort`, with adaptive thinking.
    Adaptive,
    /// By a budget of tokens for each step of the scale, as older models have
    /// it: 1024, 2048, 8192, 16384, 24576 and 32768.
    Budget,
}
