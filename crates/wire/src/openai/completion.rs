//! Whole answers: what they say, and how one becomes a stream.
//!
//! 1. An answer that is not what the API promises is not taken for one.
//! 2. An answer made into a stream has the same text, calls and ends.
//!
//! Whole answers pass unchanged otherwise; they are only looked at.

use bytes::Bytes;
use tidegate_types::Usage;

use super::Endpoint;
use super::choice::{self, Found};
use super::error::{self, ErrorBody};
use crate::json::{Kind, Scanner, Violation, utf8, write_line, write_string};
use crate::sse;

/// What a whole answer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// An answer.
    Ok {
        /// The usage, if it is told.
        usage: Option<Usage>,
        /// Bytes of its text, decoded.
        text_bytes: u64,
    },
    /// The upstream says that it failed, whatever its status.
    Error(ErrorBody),
    /// Not a JSON object with `choices` or `data`, and no error either.
    Malformed,
}

/// What `body` says.
pub fn look_answer(body: &[u8]) -> Answer {
    match utf8(body).and_then(read) {
        Ok(Some(answer)) => answer,
        _ => error::parse(body).map_or(Answer::Malformed, Answer::Error),
    }
}

/// The usage that a whole answer of any form tells; nothing else of it is
/// looked at.
pub fn look_usage(body: &[u8]) -> Option<Usage> {
    let mut scan = Scanner::of_upstream(utf8(body).ok()?);
    let mut usage = None;
    let read = scan.object(|scan, key| {
        match key.decode().as_ref() {
            "usage" => usage = choice::usage(scan)?.or(usage),
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    });
    read.and_then(|_| scan.end()).ok()?;
    usage
}

fn read(text: &str) -> Result<Option<Answer>, Violation> {
    let mut scan = Scanner::of_upstream(text);
    let mut found = Found::default();
    let mut usage = None;
    let mut failure = None;
    let mut answers = false;
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "choices" => {
                answers |= scan.kind()? == Kind::Array;
                found.read(scan, "message")?;
            }
            "data" => {
                answers |= scan.kind()? == Kind::Array;
                scan.skip()?;
            }
            "usage" => usage = choice::usage(scan)?.or(usage),
            "error" => failure = error::member(scan)?.or(failure.take()),
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    scan.end()?;
    Ok(match failure {
        Some(body) => Some(Answer::Error(body)),
        None => answers.then_some(Answer::Ok {
            usage,
            text_bytes: found.text_bytes,
        }),
    })
}

/// A whole answer as the stream that was asked for: a piece with all of each
/// choice, its end, the usage if `usage_asked` and told, `[DONE]`. `None` if
/// `body` is no answer of `endpoint`.
pub fn to_stream(endpoint: Endpoint, body: &[u8], usage_asked: bool) -> Option<Bytes> {
    if !endpoint.streams() {
        return None;
    }
    let whole = Whole::read(utf8(body).ok()?).ok().flatten()?;
    let mut out = Vec::with_capacity(body.len() + 512);
    for (index, choice) in whole.choices.iter().enumerate() {
        whole.event(&mut out, endpoint, |out| {
            choice.start(out, index);
            match endpoint {
                Endpoint::Chat => choice.write_delta(out)?,
                _ => {
                    out.extend_from_slice(b",\"text\":");
                    write_line(out, choice.text?);
                }
            }
            write_end(out, choice.logprobs, None);
            Some(())
        })?;
    }
    for (index, choice) in whole.choices.iter().enumerate() {
        whole.event(&mut out, endpoint, |out| {
            choice.start(out, index);
            out.extend_from_slice(match endpoint {
                Endpoint::Chat => b",\"delta\":{}",
                _ => b",\"text\":\"\"",
            });
            write_end(out, None, choice.finish);
            Some(())
        })?;
    }
    if let Some(usage) = whole.usage.filter(|_| usage_asked) {
        whole.start(&mut out, endpoint);
        out.extend_from_slice(b"],\"usage\":");
        write_line(&mut out, usage);
        out.extend_from_slice(b"}\n\n");
    }
    out.extend_from_slice(sse::DONE);
    Some(Bytes::from(out))
}

/// The parts of a whole answer, as they stand.
#[derive(Default)]
struct Whole<'a> {
    /// Members that every piece of the stream repeats.
    common: Vec<(&'static str, &'a str)>,
    choices: Vec<Choice<'a>>,
    usage: Option<&'a str>,
}

/// The parts of a choice, as they stand.
#[derive(Default)]
struct Choice<'a> {
    index: Option<&'a str>,
    message: Option<&'a str>,
    text: Option<&'a str>,
    logprobs: Option<&'a str>,
    finish: Option<&'a str>,
}

impl<'a> Whole<'a> {
    fn read(text: &'a str) -> Result<Option<Self>, Violation> {
        let mut scan = Scanner::of_upstream(text);
        let mut whole = Self::default();
        let mut failed = false;
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "id" => whole.common.push(("id", scan.span()?)),
                "created" => whole.common.push(("created", scan.span()?)),
                "model" => whole.common.push(("model", scan.span()?)),
                "system_fingerprint" => whole.common.push(("system_fingerprint", scan.span()?)),
                "usage" if scan.kind()? == Kind::Object => whole.usage = Some(scan.span()?),
                "choices" if scan.kind()? == Kind::Array => scan.array(|scan| {
                    whole.choices.push(Choice::read(scan)?);
                    Ok::<(), Violation>(())
                })?,
                "error" => failed |= choice::given(scan)?,
                _ => scan.skip()?,
            }
            Ok::<(), Violation>(())
        })?;
        scan.end()?;
        Ok(Some(whole).filter(|whole| !failed && !whole.choices.is_empty()))
    }

    /// Begins a piece, up to its first choice.
    fn start(&self, out: &mut Vec<u8>, endpoint: Endpoint) {
        out.extend_from_slice(b"data: {\"object\":");
        write_string(
            out,
            if endpoint == Endpoint::Chat {
                "chat.completion.chunk"
            } else {
                "text_completion"
            },
        );
        for (name, value) in &self.common {
            out.push(b',');
            write_string(out, name);
            out.push(b':');
            write_line(out, value);
        }
        out.extend_from_slice(b",\"choices\":[");
    }

    /// A whole piece around the choice that `write` writes.
    fn event(
        &self,
        out: &mut Vec<u8>,
        endpoint: Endpoint,
        write: impl FnOnce(&mut Vec<u8>) -> Option<()>,
    ) -> Option<()> {
        self.start(out, endpoint);
        write(out)?;
        out.extend_from_slice(b"]}\n\n");
        Some(())
    }
}

impl<'a> Choice<'a> {
    fn read(scan: &mut Scanner<'a>) -> Result<Self, Violation> {
        let mut choice = Self::default();
        scan.object(|scan, key| {
            let field = match key.decode().as_ref() {
                "index" => &mut choice.index,
                "message" => &mut choice.message,
                "text" => &mut choice.text,
                "logprobs" => &mut choice.logprobs,
                "finish_reason" => &mut choice.finish,
                _ => return scan.skip(),
            };
            *field = Some(scan.span()?);
            Ok(())
        })?;
        Ok(choice)
    }

    /// Writes its index; `position` if it tells none.
    fn start(&self, out: &mut Vec<u8>, position: usize) {
        out.extend_from_slice(b"{\"index\":");
        match self.index {
            Some(index) => write_line(out, index),
            None => out.extend_from_slice(position.to_string().as_bytes()),
        }
    }

    /// Writes its message as one delta. Tool calls get the `index` that they
    /// have in a stream only.
    fn write_delta(&self, out: &mut Vec<u8>) -> Option<()> {
        let mut scan = Scanner::of_upstream(self.message?);
        out.extend_from_slice(b",\"delta\":{");
        let mut first = true;
        scan.object(|scan, key| {
            if !std::mem::take(&mut first) {
                out.push(b',');
            }
            out.push(b'"');
            out.extend_from_slice(key.raw().as_bytes());
            out.extend_from_slice(b"\":");
            if key.decode() == "tool_calls" && scan.kind()? == Kind::Array {
                return write_calls(out, scan);
            }
            write_line(out, scan.span()?);
            Ok::<(), Violation>(())
        })
        .ok()?;
        out.push(b'}');
        Some(())
    }
}

/// Ends a choice. Its likelihoods belong to its text, so to the first piece.
fn write_end(out: &mut Vec<u8>, logprobs: Option<&str>, finish: Option<&str>) {
    if let Some(logprobs) = logprobs {
        out.extend_from_slice(b",\"logprobs\":");
        write_line(out, logprobs);
    }
    out.extend_from_slice(b",\"finish_reason\":");
    write_line(out, finish.unwrap_or("null"));
    out.push(b'}');
}

fn write_calls(out: &mut Vec<u8>, scan: &mut Scanner<'_>) -> Result<(), Violation> {
    let mut count = 0;
    out.push(b'[');
    scan.array(|scan| {
        if count > 0 {
            out.push(b',');
        }
        let call = scan.span()?;
        match call.strip_prefix('{').map(str::trim_ascii_start) {
            Some(members) => {
                out.extend_from_slice(format!("{{\"index\":{count}").as_bytes());
                if members != "}" {
                    out.push(b',');
                }
                write_line(out, members);
            }
            None => write_line(out, call),
        }
        count += 1;
        Ok::<(), Violation>(())
    })?;
    out.push(b']');
    Ok(())
}

#[cfg(test)]
mod tests;
