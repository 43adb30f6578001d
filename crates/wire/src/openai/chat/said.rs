//! What a `delta` or a `message` of an upstream says, wherever it puts it.
//!
//! Those who follow OpenAI differ: text as a list of parts, thoughts under three
//! names, calls without an index or an id, arguments as an object. It is told in
//! one order: thoughts, text, refusal, calls.

use std::borrow::Cow;

use serde::Serialize;

use crate::chat::{Malformed, Stop};
use crate::json::{Kind, Scanner, Violation};
use crate::openai::ErrorBody;

/// A call as it is written.
#[derive(Serialize)]
pub(super) struct Call<'a> {
    id: &'a str,
    r#type: &'static str,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    name: &'a str,
    arguments: &'a str,
}

impl<'a> Call<'a> {
    pub(super) fn new(id: &'a str, name: &'a str, arguments: &'a str) -> Self {
        Self {
            id,
            r#type: "function",
            function: Function { name, arguments },
        }
    }
}

/// One thing that is said.
pub(super) enum Word<'a> {
    Thinking(&'a str),
    Text(&'a str),
    Refusal(&'a str),
    Call(Fragment<'a>),
}

/// A call, or a piece of one.
#[derive(Default)]
pub(super) struct Fragment<'a> {
    /// By which the pieces of a call are told apart from those of another.
    pub(super) index: Option<u64>,
    pub(super) id: Cow<'a, str>,
    pub(super) name: Cow<'a, str>,
    pub(super) arguments: Cow<'a, str>,
}

/// The members of a `delta` or a `message`, as they stand.
#[derive(Default)]
pub(super) struct Said<'a> {
    thinking: Option<&'a str>,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    calls: Option<&'a str>,
    function: Option<&'a str>,
}

impl<'a> Said<'a> {
    /// Reads the object that comes next; anything else says nothing.
    pub(super) fn read(scan: &mut Scanner<'a>) -> Result<Self, Violation> {
        let mut said = Self::default();
        if scan.kind()? != Kind::Object {
            return scan.skip().map(|()| said);
        }
        scan.object(|scan, key| {
            let member = match key.decode().as_ref() {
                // Some send both, with the same text.
                "reasoning_content" | "reasoning" | "thinking" => {
                    let kind = scan.kind()?;
                    let text = scan.span()?;
                    if said.thinking.is_none() && kind != Kind::Null && text != "\"\"" {
                        said.thinking = Some(text);
                    }
                    return Ok(());
                }
                "content" => &mut said.content,
                "refusal" => &mut said.refusal,
                "tool_calls" => &mut said.calls,
                "function_call" => &mut said.function,
                _ => return scan.skip(),
            };
            *member = Some(scan.span()?);
            Ok::<(), Violation>(())
        })?;
        Ok(said)
    }

    /// Tells all of it to `take`.
    pub(super) fn tell(
        &self,
        take: &mut dyn FnMut(Word<'_>) -> Result<(), Malformed>,
    ) -> Result<(), Malformed> {
        if let Some(thinking) = self.thinking {
            texts(thinking, |text| Word::Thinking(text), take)?;
        }
        if let Some(content) = self.content {
            texts(content, |text| Word::Text(text), take)?;
        }
        if let Some(refusal) = self.refusal {
            texts(refusal, |text| Word::Refusal(text), take)?;
        }
        if let Some(calls) = self.calls {
            let mut scan = Scanner::of_upstream(calls);
            if scan.kind()? == Kind::Array {
                scan.array(|scan| {
                    let fragment = Fragment::read(scan)?;
                    fragment.map_or(Ok(()), |fragment| take(Word::Call(fragment)))
                })?;
            }
        }
        if let Some(function) = self.function {
            let mut scan = Scanner::of_upstream(function);
            if scan.kind()? == Kind::Object {
                let mut fragment = Fragment::default();
                fragment.function(&mut scan)?;
                take(Word::Call(fragment))?;
            }
        }
        Ok(())
    }
}

/// Tells the texts of `json`: a string, or a list of parts that say what they are.
fn texts(
    json: &str,
    word: fn(&str) -> Word<'_>,
    take: &mut dyn FnMut(Word<'_>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    let mut scan = Scanner::of_upstream(json);
    if scan.kind()? != Kind::Array {
        return string(&mut scan, word, take);
    }
    scan.array(|scan| {
        if scan.kind()? != Kind::Object {
            return Ok(scan.skip()?);
        }
        scan.object(|scan, key| match key.decode().as_ref() {
            "text" => string(scan, word, take),
            "refusal" => string(scan, |text| Word::Refusal(text), take),
            // Text, or once more a list of parts, which are all thoughts.
            "thinking" if scan.kind()? == Kind::Array => scan.array(|scan| {
                if scan.kind()? != Kind::Object {
                    return Ok(scan.skip()?);
                }
                scan.object(|scan, key| match key.decode().as_ref() {
                    "text" => string(scan, |text| Word::Thinking(text), take),
                    _ => Ok(scan.skip()?),
                })
            }),
            "thinking" => string(scan, |text| Word::Thinking(text), take),
            _ => Ok(scan.skip()?),
        })
    })
}

/// Tells a string that is not empty; anything else says nothing.
fn string(
    scan: &mut Scanner<'_>,
    word: fn(&str) -> Word<'_>,
    take: &mut dyn FnMut(Word<'_>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    match scan.text()?.map(|text| text.decode()) {
        Some(text) if !text.is_empty() => take(word(&text)),
        _ => Ok(()),
    }
}

impl<'a> Fragment<'a> {
    /// Reads an element of `tool_calls`; `None` if it is no object.
    fn read(scan: &mut Scanner<'a>) -> Result<Option<Self>, Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip().map(|()| None);
        }
        let mut fragment = Self::default();
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "index" => fragment.index = scan.whole()?,
                "id" => fragment.id = text(scan)?,
                "function" | "custom" if scan.kind()? == Kind::Object => fragment.function(scan)?,
                _ => scan.skip()?,
            }
            Ok::<(), Violation>(())
        })?;
        Ok(Some(fragment))
    }

    /// Reads what is called, and with what.
    fn function(&mut self, scan: &mut Scanner<'a>) -> Result<(), Violation> {
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "name" => self.name = text(scan)?,
                "arguments" | "input" => self.arguments = text(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })
    }
}

/// Reads text; null is none, and anything else is taken as it stands.
fn text<'a>(scan: &mut Scanner<'a>) -> Result<Cow<'a, str>, Violation> {
    Ok(match scan.kind()? {
        Kind::String => scan.string()?.decode(),
        Kind::Null => scan.skip().map(|()| Cow::Borrowed(""))?,
        _ => Cow::Borrowed(scan.span()?),
    })
}

/// What a `finish_reason` means; `refused` says that the model refused before it.
///
/// # Errors
/// Where it means that the upstream failed.
pub(super) fn read_stop(reason: &str, refused: bool) -> Result<Stop, Malformed> {
    Ok(match reason {
        "length" | "max_tokens" | "model_length" => Stop::Length,
        "tool_calls" | "function_call" => Stop::Calls,
        "content_filter" => Stop::Filter,
        "error" | "abort" | "insufficient_system_resource" => {
            return Err(Malformed::Error(ErrorBody {
                message: format!("The upstream ended the answer with `{reason}`."),
                code: Some(reason.to_owned()),
                ..ErrorBody::default()
            }));
        }
        _ if refused => Stop::Refusal,
        _ => Stop::End,
    })
}

/// The `finish_reason` of `stop`. A refusal that is told is an end like others; one
/// without a word would look like an empty answer.
pub(super) fn write_stop(stop: &Stop, refused: bool) -> &'static str {
    match stop {
        Stop::End | Stop::Sequence(_) => "stop",
        Stop::Refusal if refused => "stop",
        // A turn to be gone on with is not whole either.
        Stop::Length | Stop::Pause => "length",
        Stop::Calls => "tool_calls",
        Stop::Filter | Stop::Refusal => "content_filter",
    }
}

/// The id of a call whose upstream gives none: its place in this answer. Short, and of
/// letters that every dialect allows.
pub(super) fn call_id(answer: &str, choice: usize, call: usize) -> String {
    let known = answer.chars().filter(char::is_ascii_alphanumeric);
    let tail: Vec<char> = known.rev().take(16).collect();
    let tail: String = tail.into_iter().rev().collect();
    format!("call_{tail}_{choice}_{call}")
}

/// Appends JSON as it stands, on one line: a line end between its parts would end the
/// line of the event (inside a string there is none).
pub(super) fn write_line(out: &mut Vec<u8>, json: &str) {
    for line in json.split(['\n', '\r']) {
        out.extend_from_slice(line.as_bytes());
    }
}
