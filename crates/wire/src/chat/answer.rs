//! A whole answer, and what both a whole one and a stream tell at their end.
//!
//! Numbers are the upstream's; what it does not tell is `None`, never 0.

use serde_json::value::RawValue;
use tidegate_types::Usage;

use super::Part;

/// A whole answer.
#[derive(Debug, Default)]
pub struct Answer {
    /// The upstream's id of it; empty where it has none.
    pub id: String,
    /// The upstream's own name of the model.
    pub model: String,
    /// Seconds since 1970, where it is told.
    pub created: Option<u64>,
    /// One, unless more were asked for.
    pub choices: Vec<Choice>,
    /// What it cost, where it is told.
    pub tokens: Option<Tokens>,
}

/// One of the answers.
#[derive(Debug, Default)]
pub struct Choice {
    /// In order.
    pub parts: Vec<Part>,
    /// Why it ended; `None` where the upstream does not say.
    pub stop: Option<Stop>,
    /// In OpenAI's form, as it was given.
    pub logprobs: Option<Box<RawValue>>,
}

/// Why an answer ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stop {
    /// The model had nothing more to say.
    End,
    /// A text of `stop` came; which one, where it is told.
    Sequence(Option<String>),
    /// The bound on tokens, or the window's end.
    Length,
    /// It calls, and waits for the results.
    Calls,
    /// The provider held it back.
    Filter,
    /// The model refused.
    Refusal,
    /// A long turn was cut by the provider, to be gone on with.
    Pause,
}

/// Tokens, as the upstream told them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    /// Of the prompt, those from and for a cache among them (OpenAI's way;
    /// Anthropic's `input_tokens` leaves them out).
    pub input: u64,
    /// Of the answer, those of thinking among them.
    pub output: u64,
    /// Of the prompt, read from the provider's cache.
    pub cached: Option<u64>,
    /// Of the prompt, written to the provider's cache.
    pub cache_written: Option<u64>,
    /// Of the answer, spent on thinking.
    pub reasoning: Option<u64>,
}

impl Tokens {
    /// What the ledger counts.
    pub fn usage(self) -> Usage {
        Usage {
            input: self.input,
            output: self.output,
            estimated: false,
        }
    }
}
