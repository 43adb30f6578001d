//! Google's errors: the `google.rpc.Status` form, alone or in a list, as a body
//! or as an event of a stream.
//!
//! 1. What the details tell apart is told: the reason (a bad key is a 400 as a
//!    bad field is), the field, and when to come back.
//! 2. Other forms are read as OpenAI's are: proxies answer too.

use std::time::Duration;

use serde::Deserialize;

use super::form::{Text, text};
use crate::chat::Malformed;
use crate::openai::{ErrorBody, error::parse};

/// The longest wait that is believed: a quota of a day comes back within one.
const LONGEST_WAIT: Duration = Duration::from_secs(24 * 60 * 60);

#[derive(Deserialize)]
struct Outer<'a> {
    #[serde(borrow)]
    error: Status<'a>,
}

#[derive(Deserialize)]
struct Status<'a> {
    code: Option<u64>,
    #[serde(borrow)]
    message: Option<Text<'a>>,
    #[serde(borrow)]
    status: Option<Text<'a>>,
    #[serde(borrow)]
    details: Option<Vec<Detail<'a>>>,
}

/// One of several forms, told apart by the fields that it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Detail<'a> {
    /// Of `google.rpc.RetryInfo`, such as `34.5s`.
    #[serde(borrow)]
    retry_delay: Option<Text<'a>>,
    /// Of `google.rpc.ErrorInfo`.
    #[serde(borrow)]
    reason: Option<Text<'a>>,
    /// Of `google.rpc.BadRequest`.
    #[serde(borrow)]
    field_violations: Option<Vec<Violation<'a>>>,
}

#[derive(Deserialize)]
struct Violation<'a> {
    #[serde(borrow)]
    field: Option<Text<'a>>,
}

/// What the body of an answer with this status says of its failure; an empty
/// message where it says nothing. Its kind is the `status` (`RESOURCE_EXHAUSTED`),
/// its code the reason that the details give (`API_KEY_INVALID`), else the number.
pub fn read_error(status: u16, body: &[u8]) -> ErrorBody {
    let mut error = find(body).unwrap_or_default();
    error.code.get_or_insert_with(|| status.to_string());
    error
}

/// The error that `data` tells of, for what is no answer.
pub(super) fn malformed(data: &[u8]) -> Malformed {
    find(data).map_or(Malformed::Frame, Malformed::Error)
}

fn find(body: &[u8]) -> Option<ErrorBody> {
    // A list of one, where the call was a stream without `alt=sse`.
    let status = match body.trim_ascii_start().first() {
        Some(b'[') => serde_json::from_slice::<Vec<Outer<'_>>>(body)
            .ok()
            .and_then(|list| list.into_iter().next()),
        _ => serde_json::from_slice::<Outer<'_>>(body).ok(),
    };
    match status {
        Some(outer) if outer.error.told() => Some(outer.error.read()),
        _ => parse(body),
    }
}

impl Status<'_> {
    fn told(&self) -> bool {
        self.message.is_some() || self.status.is_some()
    }

    fn read(&self) -> ErrorBody {
        let details = self.details.as_deref().unwrap_or_default();
        let word = |word: Option<&str>| word.filter(|word| !word.is_empty()).map(str::to_owned);
        ErrorBody {
            message: text(&self.message).to_owned(),
            kind: word(self.status.as_deref()),
            code: spent(text(&self.message))
                .or_else(|| word(details.iter().find_map(|detail| detail.reason.as_deref())))
                .or_else(|| self.code.map(|code| code.to_string())),
            param: word(details.iter().find_map(|detail| {
                let violations = detail.field_violations.as_deref()?;
                violations.first()?.field.as_deref()
            })),
            retry_after: details
                .iter()
                .find_map(|detail| delay(detail.retry_delay.as_deref()?)),
        }
    }
}

/// OpenAI's word for an account without credit, which Google tells in the message
/// alone: `RESOURCE_EXHAUSTED` is a limit of the rate as well, and so are quotas of a
/// day, each of one model.
fn spent(message: &str) -> Option<String> {
    let says = |words: &str| message.contains(words);
    (says("credits are depleted") || says("spending cap")).then(|| "insufficient_quota".to_owned())
}

/// A time as protobuf writes it: seconds, with a fraction or not, and an `s`.
fn delay(text: &str) -> Option<Duration> {
    let seconds: f64 = text.strip_suffix('s')?.parse().ok()?;
    let delay = Duration::try_from_secs_f64(seconds).ok()?;
    Some(delay.min(LONGEST_WAIT))
}
