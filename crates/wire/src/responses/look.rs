//! What an upstream's answer means that passes as it is.
//!
//! 1. A failure is seen wherever the dialect tells it: in an event of its own,
//!    in the response that ends a stream, in a whole response.
//! 2. Only what a caller could show to somebody is content.
//!
//! It gives what the looks at the other dialects give, so that whoever judges an
//! answer need not know its. Events that are not known have no content.

use tidegate_types::Usage;

use crate::json::{Kind, Scanner, Text, Violation, utf8};
use crate::openai::error::{self, ErrorBody};
use crate::openai::{Answer, Chunk, Look, usage};
use crate::sse::Event;

/// Looks at the events of one stream. It keeps the usage alone, which the last
/// of them tells, and how far they have counted.
#[derive(Debug, Default)]
pub struct Looker {
    usage: Option<Usage>,
    next: u64,
}

impl Looker {
    /// What a whole event means. [`Look::Done`] is `response.completed` or
    /// `response.incomplete`, whose usage [`usage`](Self::usage) has then.
    pub fn look_event(&mut self, event: &Event<'_>) -> Look {
        let data = event.data();
        let Ok(text) = std::str::from_utf8(&data) else {
            return Look::NotUtf8;
        };
        let named = String::from_utf8_lossy(event.name());
        if text.trim_ascii() == "[DONE]" {
            // Some send it behind the end; the end itself it is not.
            return Look::Chunk(Chunk::default());
        }
        let frame = match Frame::read(text) {
            Ok(frame) => frame,
            Err(_) if named == "error" => {
                let message = text.to_owned();
                return Look::Error(ErrorBody {
                    message,
                    ..ErrorBody::default()
                });
            }
            Err(_) => return Look::Malformed,
        };
        let kind = frame.kind.map_or(named.clone(), |kind| kind.decode());
        match kind.as_ref() {
            "response.completed" | "response.incomplete" => {
                self.usage = frame.response.usage.or(self.usage);
                self.count(frame.number);
                Look::Done
            }
            "response.failed" => Look::Error(failure(&data, frame.response.failed)),
            _ if kind == "error" || named == "error" || frame.failed.is_some() => {
                Look::Error(failure(&data, frame.failed))
            }
            kind => {
                let text_bytes = frame.text_bytes(kind);
                self.count(frame.number);
                Look::Chunk(Chunk {
                    content: text_bytes > 0 || frame.begins(kind),
                    text_bytes: u32::try_from(text_bytes).unwrap_or(u32::MAX),
                    seen: u64::from(kind.starts_with("response.")),
                    ..Chunk::default()
                })
            }
        }
    }

    /// The number that the next event has, behind those that were no failure.
    pub fn next_number(&self) -> u64 {
        self.next
    }

    /// Some servers leave the number out.
    fn count(&mut self, number: Option<u64>) {
        self.next = number.unwrap_or(self.next).saturating_add(1);
    }

    /// What the stream cost, once its last event told it.
    pub fn usage(&self) -> Option<Usage> {
        self.usage
    }
}

/// What an upstream says of its failure: `told`, or whatever `data` has of it.
fn failure(data: &[u8], told: Option<ErrorBody>) -> ErrorBody {
    let mut body = told
        .or_else(|| error::parse(data))
        .unwrap_or_else(|| ErrorBody {
            message: "The provider's response failed, and does not say why.".to_owned(),
            ..ErrorBody::default()
        });
    // The event's own name, where its members stand flat.
    body.kind = body.kind.filter(|kind| kind != "error");
    body
}

/// An event's data, as far as it counts.
#[derive(Default)]
struct Frame<'a> {
    kind: Option<Text<'a>>,
    /// Its `sequence_number`.
    number: Option<u64>,
    /// What is added: the bytes of it.
    delta: u64,
    /// A picture that is not ready is there.
    picture: bool,
    /// The `type` of the item that begins or ends.
    item: Option<Text<'a>>,
    failed: Option<ErrorBody>,
    response: Response,
}

/// A `response`, as far as it counts.
#[derive(Default)]
struct Response {
    /// It says that it is one, or has a list of items.
    is: bool,
    failing: bool,
    failed: Option<ErrorBody>,
    usage: Option<Usage>,
    text_bytes: u64,
}

impl<'a> Frame<'a> {
    fn read(data: &'a str) -> Result<Self, Violation> {
        let mut frame = Self::default();
        let mut scan = Scanner::of_upstream(data);
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "type" => frame.kind = scan.text()?,
                "sequence_number" => frame.number = scan.whole()?,
                "delta" => frame.delta = bytes(scan)?,
                "partial_image_b64" => frame.picture = bytes(scan)? > 0,
                "item" if scan.kind()? == Kind::Object => scan.object(|scan, key| {
                    match key.decode().as_ref() {
                        "type" => frame.item = scan.text()?,
                        _ => scan.skip()?,
                    }
                    Ok::<(), Violation>(())
                })?,
                "error" => frame.failed = error::member(scan)?.or(frame.failed.take()),
                "response" if scan.kind()? == Kind::Object => {
                    scan.object(|scan, key| frame.response.member(scan, &key.decode()))?;
                }
                _ => scan.skip()?,
            }
            Ok::<(), Violation>(())
        })?;
        scan.end()?;
        Ok(frame)
    }

    fn text_bytes(&self, kind: &str) -> u64 {
        match kind.ends_with(".delta") {
            true => self.delta,
            false => 0,
        }
    }

    /// Whether something begins that is content by itself: a call is, from its
    /// name on, and so is what is not known here.
    fn begins(&self, kind: &str) -> bool {
        let item = self.item.map(|item| item.decode());
        let silent = matches!(item.as_deref(), None | Some("message" | "reasoning"));
        (kind == "response.output_item.added" && !silent) || self.picture
    }
}

impl Response {
    fn member(&mut self, scan: &mut Scanner<'_>, name: &str) -> Result<(), Violation> {
        match name {
            "object" => self.is |= scan.text()?.is_some_and(|text| text.decode() == "response"),
            "status" => self.failing = scan.text()?.is_some_and(|text| text.decode() == "failed"),
            "error" => self.failed = error::member(scan)?.or(self.failed.take()),
            "usage" => self.usage = usage(scan)?.or(self.usage),
            "output" if scan.kind()? == Kind::Array => {
                self.is = true;
                scan.array(|scan| self.item(scan))?;
            }
            _ => scan.skip()?,
        }
        Ok(())
    }

    /// Counts what an item says: parts of its `content` and `summary`, and what
    /// it is called with.
    fn item(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| match key.decode().as_ref() {
            "content" | "summary" if scan.kind()? == Kind::Array => scan.array(|scan| {
                if scan.kind()? != Kind::Object {
                    return scan.skip();
                }
                scan.object(|scan, key| match key.decode().as_ref() {
                    "text" | "refusal" => self.add(scan),
                    _ => scan.skip(),
                })
            }),
            "arguments" | "input" => self.add(scan),
            _ => scan.skip(),
        })
    }

    fn add(&mut self, scan: &mut Scanner<'_>) -> Result<(), Violation> {
        self.text_bytes = self.text_bytes.saturating_add(bytes(scan)?);
        Ok(())
    }
}

/// Passes over a value; the bytes of its text, decoded, if it is one.
fn bytes(scan: &mut Scanner<'_>) -> Result<u64, Violation> {
    Ok(scan.text()?.map_or(0, |text| text.len() as u64))
}

/// What a whole response says.
pub fn look_answer(body: &[u8]) -> Answer {
    match utf8(body).and_then(read) {
        Ok(response) if response.failing || response.failed.is_some() => {
            Answer::Error(failure(&[], response.failed))
        }
        Ok(Response {
            is: true,
            usage,
            text_bytes,
            ..
        }) => Answer::Ok { usage, text_bytes },
        _ => error::parse(body).map_or(Answer::Malformed, Answer::Error),
    }
}

fn read(text: &str) -> Result<Response, Violation> {
    let mut scan = Scanner::of_upstream(text);
    let mut response = Response::default();
    scan.object(|scan, key| response.member(scan, &key.decode()))?;
    scan.end()?;
    Ok(response)
}
