//! The tokens of an answer, read and written.
//!
//! Numbers that an upstream does not tell are not made up.

use serde::Serialize;

use crate::chat::Tokens;
use crate::json::{Kind, Scanner, Violation};

/// Reads the value of `usage`; `None` if it counts nothing.
pub(super) fn read(scan: &mut Scanner<'_>) -> Result<Option<Tokens>, Violation> {
    if scan.kind()? != Kind::Object {
        return scan.skip().map(|()| None);
    }
    let mut tokens = Tokens::default();
    let (mut told, mut total) = (false, None);
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "prompt_tokens" => told |= take(scan, &mut tokens.input)?,
            "completion_tokens" => told |= take(scan, &mut tokens.output)?,
            "total_tokens" => total = scan.whole()?,
            // As some name them who have no details.
            "prompt_cache_hit_tokens" | "cached_tokens" => {
                tokens.cached = tokens.cached.or(scan.whole()?);
            }
            "prompt_tokens_details" if scan.kind()? == Kind::Object => {
                scan.object(|scan, key| {
                    match key.decode().as_ref() {
                        "cached_tokens" => tokens.cached = scan.whole()?.or(tokens.cached),
                        "cache_write_tokens" => tokens.cache_written = scan.whole()?,
                        _ => scan.skip()?,
                    }
                    Ok::<(), Violation>(())
                })?;
            }
            "completion_tokens_details" if scan.kind()? == Kind::Object => {
                scan.object(|scan, key| {
                    match key.decode().as_ref() {
                        "reasoning_tokens" => tokens.reasoning = scan.whole()?,
                        _ => scan.skip()?,
                    }
                    Ok::<(), Violation>(())
                })?;
            }
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    // Some count those of thinking beside the answer's; the sum tells who.
    let thought = tokens.reasoning.unwrap_or(0);
    let sum = tokens.input.checked_add(tokens.output);
    if thought > 0 && total.is_some() && sum.and_then(|sum| sum.checked_add(thought)) == total {
        tokens.output += thought;
    }
    Ok(told.then_some(tokens))
}

fn take(scan: &mut Scanner<'_>, count: &mut u64) -> Result<bool, Violation> {
    let told = scan.whole()?;
    *count = told.unwrap_or(*count);
    Ok(told.is_some())
}

/// The value of `usage`.
#[derive(Serialize)]
pub(super) struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    prompt_tokens_details: Option<Prompt>,
    #[serde(skip_serializing_if = "Option::is_none")]
    completion_tokens_details: Option<Completion>,
}

#[derive(Serialize)]
struct Prompt {
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_tokens: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cache_write_tokens: Option<u64>,
}

#[derive(Serialize)]
struct Completion {
    reasoning_tokens: u64,
}

impl From<Tokens> for Usage {
    fn from(tokens: Tokens) -> Self {
        let details = tokens.cached.is_some() || tokens.cache_written.is_some();
        Self {
            prompt_tokens: tokens.input,
            completion_tokens: tokens.output,
            total_tokens: tokens.input.saturating_add(tokens.output),
            prompt_tokens_details: details.then_some(Prompt {
                cached_tokens: tokens.cached,
                cache_write_tokens: tokens.cache_written,
            }),
            completion_tokens_details: tokens
                .reasoning
                .map(|reasoning_tokens| Completion { reasoning_tokens }),
        }
    }
}
