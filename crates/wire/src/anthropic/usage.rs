//! Tokens in Anthropic's way of counting, and in ours.
//!
//! Anthropic's `input_tokens` leaves out what went through its cache; ours has
//! all of the prompt. What is not told stays untold.

use serde::Serialize;

use crate::chat::Tokens;
use crate::json::{Kind, Scanner, Violation};

/// A `usage`, as far as it was told.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counts {
    input: Option<u64>,
    written: Option<u64>,
    cached: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Counts {
    /// Reads a `usage`; what is told in it replaces what was told before.
    pub(super) fn read(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| {
            let place = match key.decode().as_ref() {
                "input_tokens" => &mut self.input,
                "cache_creation_input_tokens" => &mut self.written,
                "cache_read_input_tokens" => &mut self.cached,
                "output_tokens" => &mut self.output,
                "output_tokens_details" if scan.kind()? == Kind::Object => {
                    return scan.object(|scan, key| match key.decode().as_ref() {
                        "thinking_tokens" => {
                            self.thinking = scan.whole()?.or(self.thinking);
                            Ok(())
                        }
                        _ => scan.skip(),
                    });
                }
                _ => return scan.skip(),
            };
            *place = scan.whole()?.or(*place);
            Ok(())
        })
    }

    /// In our way; `None` if nothing was told.
    pub(super) fn tokens(&self) -> Option<Tokens> {
        self.input.or(self.output)?;
        let parts = [self.input, self.written, self.cached];
        Some(Tokens {
            input: parts
                .iter()
                .flatten()
                .fold(0, |sum, part| sum.saturating_add(*part)),
            output: self.output.unwrap_or(0),
            cached: self.cached,
            cache_written: self.written,
            reasoning: self.thinking,
        })
    }
}

/// A `usage` to be written. Its two numbers must be there, so what is not known
/// is 0 in them.
#[derive(Debug, Serialize)]
pub(super) struct Usage {
    input_tokens: u64,
    cache_creation_input_tokens: Option<u64>,
    cache_read_input_tokens: Option<u64>,
    output_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_tokens_details: Option<Details>,
}

#[derive(Debug, Serialize)]
struct Details {
    thinking_tokens: u64,
}

impl From<Option<Tokens>> for Usage {
    fn from(tokens: Option<Tokens>) -> Self {
        let tokens = tokens.unwrap_or_default();
        let cached = tokens.cached.unwrap_or(0);
        let written = tokens.cache_written.unwrap_or(0);
        Self {
            input_tokens: tokens.input.saturating_sub(cached).saturating_sub(written),
            cache_creation_input_tokens: tokens.cache_written,
            cache_read_input_tokens: tokens.cached,
            output_tokens: tokens.output,
            output_tokens_details: tokens
                .reasoning
                .map(|thinking_tokens| Details { thinking_tokens }),
        }
    }
}
