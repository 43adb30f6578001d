//! A text into a value, with what the value itself cannot hold.
//!
//! 1. A document that says one property twice is told as such: two readers would
//!    see two documents.
//! 2. The digits of a number that the value does not keep are kept beside it.
//! 3. Nothing here recurses.

use std::collections::BTreeMap;

use serde_json::{Map, Number, Value};

use crate::machine::{Container, Event, Fed, Machine, Scalar};
use crate::pointer;

/// The digits of numbers by their JSON pointer, where they are not what the value
/// would be written as: `1.10`, `1e3`, more digits than a float has.
pub(crate) type Digits = BTreeMap<String, String>;

/// What stood in a text.
#[derive(Debug)]
pub(crate) struct Document {
    pub(crate) value: Value,
    pub(crate) digits: Digits,
    /// The first property that stands twice, by its JSON pointer.
    pub(crate) twice: Option<String>,
}

/// Why a text is not one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unread {
    /// At this byte something else should stand, or the text should go on.
    Syntax(usize, &'static str),
    /// The bracket at this byte is one too deep.
    Deep(usize),
}

/// Reads `text`, which is one document and white space.
pub(crate) fn read(text: &str) -> Result<Document, Unread> {
    let mut machine = Machine::new();
    let mut builder = Builder::new(text);
    let fed = machine.feed(text.as_bytes(), |event, at| builder.take(event, at));
    let end = match fed {
        Fed::More => {
            let whole = machine.finish(text.len(), |event, at| {
                builder.take(event, at);
            });
            if !whole {
                return Err(Unread::Syntax(text.len(), "more"));
            }
            text.len()
        }
        Fed::Done(end) => end,
        Fed::Enough(at) => return Err(Unread::Syntax(at, "a number that is not too large")),
        Fed::Wrong(at, expected) => return Err(Unread::Syntax(at, expected)),
        Fed::Deep(at) => return Err(Unread::Deep(at)),
    };
    let behind = text[end..].bytes().position(|byte| !is_space(byte));
    if let Some(at) = behind {
        return Err(Unread::Syntax(end + at, "nothing behind the document"));
    }
    builder.done().ok_or(Unread::Syntax(end, "a value"))
}

/// White space of JSON.
pub(crate) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// A string, as it stands between its quotes and with them.
pub(crate) fn unquote(quoted: &str) -> Option<String> {
    let inner = quoted.get(1..quoted.len().checked_sub(1)?)?;
    if inner.contains('\\') {
        return serde_json::from_str(quoted).ok();
    }
    Some(inner.to_owned())
}

struct Builder<'t> {
    text: &'t str,
    open: Vec<Open>,
    start: usize,
    done: Option<Value>,
    digits: Digits,
    twice: Option<String>,
}

enum Open {
    Array(Vec<Value>),
    Object(Map<String, Value>, String),
}

impl<'t> Builder<'t> {
    fn new(text: &'t str) -> Self {
        Self {
            text,
            open: Vec::new(),
            start: 0,
            done: None,
            digits: Digits::new(),
            twice: None,
        }
    }

    /// Whether it could be taken: a number may be too large for any value.
    fn take(&mut self, event: Event, at: usize) -> bool {
        match event {
            Event::Open(Container::Array) => self.open.push(Open::Array(Vec::new())),
            Event::Open(Container::Object) => {
                self.open.push(Open::Object(Map::new(), String::new()));
            }
            Event::Close(_) => match self.open.pop() {
                Some(Open::Array(items)) => self.put(Value::Array(items)),
                Some(Open::Object(members, _)) => self.put(Value::Object(members)),
                None => return false,
            },
            Event::Begin(_) => self.start = at,
            Event::End(kind) => return self.scalar(kind, at),
            Event::Colon => {}
        }
        true
    }

    fn scalar(&mut self, kind: Scalar, end: usize) -> bool {
        let text = &self.text[self.start..end];
        let value = match kind {
            Scalar::Key => {
                let name = unquote(text);
                return match (self.open.last_mut(), name) {
                    (Some(Open::Object(members, key)), Some(name)) => {
                        let again = members.contains_key(&name);
                        *key = name;
                        if again && self.twice.is_none() {
                            self.twice = Some(self.pointer());
                        }
                        true
                    }
                    _ => false,
                };
            }
            Scalar::String => unquote(text).map(Value::String),
            Scalar::Number => self.number(text),
            Scalar::Word => Some(match text {
                "true" => Value::Bool(true),
                "false" => Value::Bool(false),
                _ => Value::Null,
            }),
        };
        let Some(value) = value else { return false };
        self.put(value);
        true
    }

    fn number(&mut self, text: &str) -> Option<Value> {
        let number: Number = text.parse().ok()?;
        if number.is_f64() && number.to_string() != text {
            let pointer = self.pointer();
            self.digits.insert(pointer, text.to_owned());
        }
        Some(Value::Number(number))
    }

    fn put(&mut self, value: Value) {
        match self.open.last_mut() {
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(members, key)) => {
                members.insert(std::mem::take(key), value);
            }
            None => self.done = Some(value),
        }
    }

    /// Of the value that comes next.
    fn pointer(&self) -> String {
        let mut pointer = String::new();
        for open in &self.open {
            match open {
                Open::Array(items) => pointer::push_index(&mut pointer, items.len()),
                Open::Object(_, key) => pointer::push(&mut pointer, key),
            }
        }
        pointer
    }

    fn done(self) -> Option<Document> {
        Some(Document {
            value: self.done?,
            digits: self.digits,
            twice: self.twice,
        })
    }
}
