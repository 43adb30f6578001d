//! A caller's request that passes as it is: is it JSON within the limits, and
//! what does the gateway have to know of it?
//!
//! 1. One pass; nothing is copied (but text with escapes), nothing is
//!    re-serialised: the model's name is the only splice.
//! 2. A field that counts stands once, and a refusal names the field.
//!
//! Other fields pass, those too that need a store: the upstream judges. `background`
//! does not, since nobody could fetch its answer through the gateway.

use std::borrow::Cow;
use std::ops::Range;

use super::request::no_background;
use crate::json::{Kind, Limits, Scanner, utf8};
use crate::openai::{MOST_TOOLS, Peek, Refused, Seams, at_most, model};
use crate::peek::{Once, Own, bound, flag, missing, text};

/// Fields that count: one that stands twice is refused.
const ONCE: &[&str] = &[
    "model",
    "input",
    "instructions",
    "stream",
    "user",
    "safety_identifier",
    "prompt_cache_key",
    "max_output_tokens",
    "tools",
    "store",
    "background",
    "previous_response_id",
    "conversation",
];

/// Reads a create request. Its peek wants the usage, which a stream of this
/// dialect always tells, and one answer; its user is the `user`, or the first of
/// the two fields that took its place.
///
/// # Errors
/// [`Refused`] with the code `invalid_json`, `json_too_deep`,
/// `json_too_large`, `invalid_value` or `unsupported_parameter`, for the first
/// thing from the front that is wrong; what is missing comes last.
pub fn scan<'a>(body: &'a [u8], limits: &Limits) -> Result<Peek<'a>, Refused> {
    let mut scan = Scanner::of_caller(utf8(body)?, limits);
    let mut reading = Reading::default();
    scan.object(|scan, key| {
        reading.member(scan, &key.decode())?;
        reading.last = scan.at();
        Ok::<(), Refused>(())
    })?;
    scan.end()?;
    reading.finish()
}

/// A request in the middle of being read.
#[derive(Default)]
struct Reading<'a> {
    once: Once,
    model: Option<(Cow<'a, str>, Range<usize>)>,
    input: bool,
    stream: bool,
    user: Option<Cow<'a, str>>,
    safety_identifier: Option<Cow<'a, str>>,
    prompt_cache_key: Option<Cow<'a, str>>,
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
            "input" => {
                if !matches!(kind, Kind::String | Kind::Array) {
                    let message = "`input` must be a string or an array.";
                    return Err(Refused::value(name, message));
                }
                scan.skip()?;
                self.input = true;
            }
            "stream" => self.stream = flag(scan, name)?,
            "user" => self.user = text(scan)?,
            "safety_identifier" => self.safety_identifier = text(scan)?,
            "prompt_cache_key" => self.prompt_cache_key = text(scan)?,
            "max_output_tokens" => self.max_tokens = bound(scan, name)?,
            "tools" => at_most(scan, name, MOST_TOOLS)?,
            "background" => {
                if flag(scan, name)? {
                    return Err(no_background());
                }
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    fn finish(self) -> Result<Peek<'a>, Refused> {
        let Some((name, model)) = self.model else {
            return Err(missing("model"));
        };
        if !self.input {
            return Err(missing("input"));
        }
        let replaced = self.safety_identifier.or(self.prompt_cache_key);
        Ok(Peek {
            model: name,
            stream: self.stream,
            include_usage: true,
            user: self.user.or(replaced),
            max_tokens: self.max_tokens,
            n: 1,
            own: self.own,
            seams: Seams::of_model(model),
        })
    }
}
