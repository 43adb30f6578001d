//! A request body read in one pass: is it JSON within the limits, and what
//! does the gateway have to know of it?
//!
//! 1. Nothing is copied (but text with escapes), nothing is re-serialised.
//! 2. A field that counts stands once: two readers never see two values.
//! 3. A refusal names the field.
//!
//! Fields that are not known pass, whatever they are: the upstream judges.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use bytes::Bytes;
use tidegate_types::Code;

use super::splice::{Edits, Seams, UsageSeam};
use crate::json::{Kind, Limits, Scanner, Violation, utf8};
use crate::peek::{Once, Own, missing, text};

/// Answers a caller may ask for at once (`n`, `best_of`).
pub(super) const MOST_ANSWERS: u64 = 8;
/// Tools (or functions) a request may offer.
pub(crate) const MOST_TOOLS: usize = 128;
/// Texts that end an answer.
pub(crate) const MOST_STOPS: usize = 16;
/// The longest name of a model, in bytes.
const LONGEST_MODEL: usize = 256;

/// Fields by which a caller would choose where our keys go to. Never taken,
/// in no spelling of upper and lower case.
const NEVER_TAKEN: &[&str] = &[
    "api_base",
    "base_url",
    "api_key",
    "api_type",
    "api_version",
    "api_url",
    "provider_url",
    "custom_llm_provider",
    "extra_headers",
    "azure_ad_token",
    "aws_access_key_id",
    "aws_secret_access_key",
    "aws_session_token",
    "vertex_credentials",
];

/// An endpoint that takes a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// Chat completions.
    Chat,
    /// Text completions, the older form.
    Completions,
    /// Embeddings.
    Embeddings,
}

impl Endpoint {
    /// Its path behind the `/v1` of a base URL.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => "/chat/completions",
            Self::Completions => "/completions",
            Self::Embeddings => "/embeddings",
        }
    }

    /// Whether its answer can be a stream.
    pub const fn streams(self) -> bool {
        !matches!(self, Self::Embeddings)
    }
}

/// What the gateway has to know of a request.
#[derive(Debug, Clone)]
pub struct Peek<'a> {
    /// The model's name as the caller gave it: not empty, at most 256 bytes,
    /// no control characters.
    pub model: Cow<'a, str>,
    /// The caller wants a stream.
    pub stream: bool,
    /// The caller wants the usage of the stream.
    pub include_usage: bool,
    /// The caller's own user, if it is text.
    pub user: Option<Cow<'a, str>>,
    /// The most tokens the answer may have, if it is told and a whole number
    /// from 0; of two fields that tell it the newer (`max_completion_tokens`).
    pub max_tokens: Option<u64>,
    /// Answers asked for, at least 1.
    pub n: u64,
    /// What of it is Tidegate's own.
    pub own: Own,
    /// Where the body can be cut; keep it when the borrow must end.
    pub seams: Seams,
}

impl Peek<'_> {
    /// `body`, which must be the one that was scanned, with `edits` made.
    pub fn splice(&self, body: &Bytes, edits: Edits<'_>) -> Bytes {
        self.seams.splice(body, edits)
    }
}

/// Why a body is refused; the status is the code's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What the caller is told.
    pub code: Code,
    /// The field it is about.
    pub param: Option<String>,
    /// What is wrong with it, one sentence.
    pub message: String,
}

impl Refused {
    pub(crate) fn value(param: &str, message: impl Into<String>) -> Self {
        Self {
            param: Some(param.to_owned()),
            ..Self::body(message)
        }
    }

    /// The body as a whole has not the form that it should.
    pub(crate) fn body(message: impl Into<String>) -> Self {
        Self {
            code: Code::InvalidValue,
            param: None,
            message: message.into(),
        }
    }

    pub(crate) fn twice(param: &str) -> Self {
        Self::value(param, format!("`{param}` stands twice in the body."))
    }
}

impl From<Violation> for Refused {
    fn from(violation: Violation) -> Self {
        Self {
            code: violation.code(),
            param: None,
            message: violation.to_string(),
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refused {}

/// Reads a request for `endpoint`.
///
/// # Errors
/// [`Refused`] with the code `invalid_json`, `json_too_deep`,
/// `json_too_large`, `invalid_value` or `unsupported_parameter`, for the first
/// thing from the front that is wrong; what is missing comes last.
pub fn scan<'a>(endpoint: Endpoint, body: &'a [u8], limits: &Limits) -> Result<Peek<'a>, Refused> {
    let mut scan = Scanner::of_caller(utf8(body)?, limits);
    let mut reading = Reading::default();
    scan.object(|scan, key| {
        let name = key.decode();
        reading.member(endpoint, scan, &name)?;
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
    include_usage: bool,
    usage: Option<UsageSeam>,
    user: Option<Cow<'a, str>>,
    max_tokens: Option<u64>,
    max_completion_tokens: Option<u64>,
    n: Option<u64>,
    own: Own,
    /// Where the last member ends.
    last: usize,
}

/// Fields that count: one that stands twice is refused.
const ONCE: &[&str] = &[
    "model",
    "messages",
    "stream",
    "stream_options",
    "user",
    "n",
    "best_of",
    "max_tokens",
    "max_completion_tokens",
    "tools",
    "functions",
    "stop",
    "prompt",
    "input",
];

impl<'a> Reading<'a> {
    fn member(
        &mut self,
        endpoint: Endpoint,
        scan: &mut Scanner<'a>,
        name: &str,
    ) -> Result<(), Refused> {
        if !self.once.counts(name, ONCE)? {
            return match self.own.takes(name, scan, self.last)? {
                true => Ok(()),
                false => Ok(scan.skip()?),
            };
        }
        // A null is as good as nothing for all fields that count.
        let start = scan.kind().map(|_| scan.at())?;
        if scan.null()? {
            if name == "stream_options" {
                self.usage = Some(UsageSeam::Null(start..scan.at()));
            }
            return Ok(());
        }
        match name {
            "model" => self.model = Some((model(scan)?, start..scan.at())),
            "messages" if endpoint == Endpoint::Chat => self.messages = messages(scan)?,
            "stream" => self.stream = stream(endpoint, scan)?,
            "stream_options" => self.stream_options(scan)?,
            "user" => self.user = text(scan)?,
            "max_tokens" => self.max_tokens = scan.whole()?,
            "max_completion_tokens" => self.max_completion_tokens = scan.whole()?,
            "n" => self.n = Some(answers(scan, name)?),
            "best_of" => answers(scan, name).map(drop)?,
            "tools" | "functions" => at_most(scan, name, MOST_TOOLS)?,
            "stop" => at_most(scan, name, MOST_STOPS)?,
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn stream_options(&mut self, scan: &mut Scanner<'a>) -> Result<(), Refused> {
        if scan.kind()? != Kind::Object {
            return Err(Refused::value(
                "stream_options",
                "`stream_options` must be an object.",
            ));
        }
        let inside = scan.at() + 1;
        let mut empty = true;
        let mut told: Option<(bool, Range<usize>)> = None;
        scan.object(|scan, key| {
            empty = false;
            if key.decode() != "include_usage" {
                return scan.skip().map_err(Refused::from);
            }
            let kind = scan.kind()?;
            let start = scan.at();
            let value = match kind {
                _ if told.is_some() => Err("`stream_options.include_usage` stands twice."),
                Kind::Bool => Ok(scan.bool()?),
                Kind::Null => Ok(scan.skip().map(|()| false)?),
                _ => Err("`stream_options.include_usage` must be true or false."),
            };
            let value =
                value.map_err(|message| Refused::value("stream_options.include_usage", message))?;
            told = Some((value, start..scan.at()));
            Ok::<(), Refused>(())
        })?;
        self.usage = Some(match told {
            None => UsageSeam::Inside { at: inside, empty },
            Some((true, _)) => UsageSeam::Asks,
            Some((false, value)) => UsageSeam::Says(value),
        });
        self.include_usage = self.usage == Some(UsageSeam::Asks);
        Ok(())
    }

    fn finish(self, endpoint: Endpoint) -> Result<Peek<'a>, Refused> {
        let Some((name, model)) = self.model else {
            return Err(missing("model"));
        };
        if endpoint == Endpoint::Chat && !self.messages {
            return Err(missing("messages"));
        }
        let usage = self.usage.unwrap_or(UsageSeam::Absent { at: self.last });
        Ok(Peek {
            model: name,
            stream: self.stream,
            include_usage: self.include_usage,
            user: self.user,
            max_tokens: self.max_completion_tokens.or(self.max_tokens),
            n: self.n.unwrap_or(1),
            own: self.own,
            seams: Seams { model, usage },
        })
    }
}

/// Refuses the name of a field that no caller may send.
pub(crate) fn check_taken(name: &str) -> Result<(), Refused> {
    let never = NEVER_TAKEN
        .iter()
        .any(|never| never.eq_ignore_ascii_case(name));
    match never {
        false => Ok(()),
        true => Err(Refused {
            code: Code::UnsupportedParameter,
            param: Some(name.to_owned()),
            message: format!(
                "`{name}` is never taken from a request; endpoints and keys are set in the configuration."
            ),
        }),
    }
}

pub(crate) fn model<'a>(scan: &mut Scanner<'a>) -> Result<Cow<'a, str>, Refused> {
    let Some(name) = scan.text()? else {
        return Err(Refused::value("model", "`model` must be a string."));
    };
    let name = name.decode();
    check_model(&name)?;
    Ok(name)
}

/// Whether a model can have this name.
pub(crate) fn check_model(name: &str) -> Result<(), Refused> {
    let wrong = if name.trim().is_empty() {
        "`model` is empty."
    } else if name.len() > LONGEST_MODEL {
        "`model` has more than 256 bytes."
    } else if name.chars().any(char::is_control) {
        "`model` has control characters."
    } else {
        return Ok(());
    };
    Err(Refused::value("model", wrong))
}

fn messages(scan: &mut Scanner<'_>) -> Result<bool, Refused> {
    if scan.kind()? != Kind::Array {
        return Err(Refused::value("messages", "`messages` must be an array."));
    }
    scan.skip()?;
    Ok(true)
}

fn stream(endpoint: Endpoint, scan: &mut Scanner<'_>) -> Result<bool, Refused> {
    if scan.kind()? != Kind::Bool {
        return Err(Refused::value("stream", "`stream` must be true or false."));
    }
    let stream = scan.bool()?;
    if stream && !endpoint.streams() {
        return Err(Refused::value("stream", "This endpoint does not stream."));
    }
    Ok(stream)
}

fn answers(scan: &mut Scanner<'_>, name: &str) -> Result<u64, Refused> {
    scan.whole()?
        .filter(|count| (1..=MOST_ANSWERS).contains(count))
        .ok_or_else(|| {
            Refused::value(
                name,
                format!("`{name}` must be a whole number from 1 to {MOST_ANSWERS}."),
            )
        })
}

/// Passes over a list of at most `most` elements; what is no list is not
/// counted.
pub(crate) fn at_most(scan: &mut Scanner<'_>, name: &str, most: usize) -> Result<(), Refused> {
    if scan.kind()? != Kind::Array {
        return Ok(scan.skip()?);
    }
    let mut count = 0;
    scan.array(|scan| {
        count += 1;
        if count > most {
            return Err(Refused::value(
                name,
                format!("`{name}` has more than {most} elements."),
            ));
        }
        Ok(scan.skip()?)
    })
}

#[cfg(test)]
mod tests;
