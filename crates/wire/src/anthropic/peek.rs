//! A caller's request that passes as it is: is it JSON within the limits, and
//! what does the gateway have to know of it?
//!
//! 1. One pass; nothing is copied (but text with escapes), nothing is
//!    re-serialised: the model's name is the only splice.
//! 2. A field that counts stands once, and a refusal names the field.
//!
//! Fields that are not known pass, whatever they are: the upstream judges.

use std::borrow::Cow;
use std::ops::Range;

use crate::json::{Kind, Limits, Scanner, utf8};
use crate::openai::{MOST_STOPS, MOST_TOOLS, Peek, Refused, Seams, at_most, model};
use crate::peek::{Once, Own, bound, flag, missing, text};

/// An endpoint that takes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Messages.
    Messages,
    /// How many tokens a message would have.
    CountTokens,
}

impl Endpoint {
    /// Its path behind the `/v1` of a base URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Messages => "/messages",
            Self::CountTokens => "/messages/count_tokens",
        }
    }
}

/// Fields that count: one that stands twice is refused.
const ONCE: &[&str] = &[
    "model",
    "messages",
    "system",
    "stream",
    "metadata",
    "max_tokens",
    "tools",
    "stop_sequences",
];

/// Reads a request for `endpoint`. Its peek wants the usage, which a stream of
/// this dialect always tells, and one answer.
///
/// # Errors
/// [`Refused`] with the code `invalid_json`, `json_too_deep`,
/// `json_too_large`, `invalid_value` or `unsupported_parameter`, for the first
/// thing from the front that is wrong; what is missing comes last.
pub fn scan<'a>(endpoint: Endpoint, body: &'a [u8], limits: &Limits) -> Result<Peek<'a>, Refused> {
    let mut scan = Scanner::of_caller(utf8(body)?, limits);
    let mut reading = Reading::default();
    scan.object(|scan, key| {
        reading.member(scan, &key.decode())?;
        reading.last = scan.at();
        Ok::<(), Refused>(())
    })?;
    scan.end()?;
    reading.finish(endpoint)
}

/// A request in the middle of being read.
#[derive(Default)]
struct Reading<'a> {
    once: Once,
    model: Option<(Cow<'a, str>, Range<usize>)>,
    messages: bool,
    stream: bool,
    user: Option<Cow<'a, str>>,
    max_tokens: Option<u64>,
    own: Own,
    /// Where the last member ends.
    last: usize,
}

impl<'a> Reading<'a> {
    fn member(&mut self, scan: &mut Scanner<'a>, name: &str) -> Result<(), Refused> {
        if !self.once.counts(name, ONCE)? {
            return match self.own.takes(name, scan, self.last)? {
                true => Ok(()),
                false => Ok(scan.skip()?),
            };
        }
        // A null is as good as nothing for all fields that count.
        let kind = scan.kind()?;
        let start = scan.at();
        if scan.null()? {
            return Ok(());
        }
        match name {
            "model" => self.model = Some((model(scan)?, start..scan.at())),
            "messages" => {
                if kind != Kind::Array {
                    return Err(Refused::value(name, "`messages` must be an array."));
                }
                scan.skip()?;
                self.messages = true;
            }
            "stream" => self.stream = flag(scan, name)?,
            "metadata" if kind == Kind::Object => self.metadata(scan)?,
            "max_tokens" => self.max_tokens = bound(scan, name)?,
            "tools" => at_most(scan, name, MOST_TOOLS)?,
            "stop_sequences" => at_most(scan, name, MOST_STOPS)?,
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn metadata(&mut self, scan: &mut Scanner<'a>) -> Result<(), Refused> {
        let mut told = false;
        scan.object(|scan, key| {
            if key.decode() != "user_id" {
                return Ok(scan.skip()?);
            }
            if std::mem::replace(&mut told, true) {
                return Err(Refused::twice("metadata.user_id"));
            }
            self.user = text(scan)?;
            Ok(())
        })
    }

    fn finish(self, endpoint: Endpoint) -> Result<Peek<'a>, Refused> {
        let Some((name, model)) = self.model else {
            return Err(missing("model"));
        };
        if !self.messages {
            return Err(missing("messages"));
        }
        if endpoint == Endpoint::Messages && self.max_tokens.is_none() {
            return Err(missing("max_tokens"));
        }
        Ok(Peek {
            model: name,
            // A count is never a stream, whatever the body says.
            stream: self.stream && endpoint == Endpoint::Messages,
            include_usage: true,
            user: self.user,
            max_tokens: self.max_tokens,
            n: 1,
            own: self.own,
            seams: Seams::of_model(model),
        })
    }
}
