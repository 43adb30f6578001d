//! An answer as a caller sees it, and how its body is framed.
//!
//! Read strictly: two framings at once, a bad chunk or a missing end are told.

use std::io;

use serde_json::Value;

use super::sse::{self, Event};

/// Status line and headers.
#[derive(Debug, Clone)]
pub struct Head {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order of the wire.
    pub headers: Vec<(String, String)>,
}

impl Head {
    pub(super) fn read(bytes: &[u8]) -> Self {
        let text = String::from_utf8(bytes.to_vec()).expect("a head in UTF-8");
        let mut lines = text.split("\r\n");
        let status = lines
            .next()
            .and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let headers = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        Self {
            status: status.unwrap_or_else(|| panic!("no status line: {text:?}")),
            headers,
        }
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Whether the body came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The framing says that it is whole.
    Whole,
    /// The connection ended first.
    Cut(String),
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Reply {
    head: Head,
    body: Vec<u8>,
    ended: Ended,
}

/// The members of an error in the OpenAI form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorForm {
    /// For a person.
    pub message: String,
    /// `type`.
    pub kind: String,
    /// The stable code.
    pub code: String,
    /// The field at fault.
    pub param: Option<String>,
}

impl ErrorForm {
    /// Reads it strictly: exactly these four members.
    ///
    /// # Panics
    /// When it is not the OpenAI form.
    pub fn read(json: &Value) -> Self {
        let error = json.get("error").and_then(Value::as_object);
        let error = error.unwrap_or_else(|| panic!("no error object: {json}"));
        let names: Vec<&str> = error.keys().map(String::as_str).collect();
        for name in ["message", "type", "param", "code"] {
            assert!(names.contains(&name), "{name} is missing: {json}");
        }
        assert_eq!(names.len(), 4, "members besides the form: {json}");
        let text = |name: &str| error[name].as_str().map(str::to_owned);
        Self {
            message: text("message")
                .filter(|text| !text.is_empty())
                .expect("a message"),
            kind: text("type").expect("a type"),
            code: text("code").unwrap_or_else(|| panic!("no code: {json}")),
            param: text("param"),
        }
    }
}

impl Reply {
    pub(super) fn new(head: Head, body: Vec<u8>, ended: Ended) -> Self {
        Self { head, body, ended }
    }

    /// The status code.
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// One header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.header(name)
    }

    /// All headers.
    pub fn headers(&self) -> &[(String, String)] {
        &self.head.headers
    }

    /// The body's bytes.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the body came to its end.
    pub fn ended(&self) -> &Ended {
        &self.ended
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// When it is not.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status(), self.text()))
    }

    /// The body as an error that we wrote: JSON, whole, in the OpenAI form.
    ///
    /// # Panics
    /// When it is anything else.
    pub fn error(&self) -> ErrorForm {
        assert_eq!(
            self.header("content-type"),
            Some("application/json"),
            "{self:?}"
        );
        assert_eq!(self.ended, Ended::Whole, "{self:?}");
        ErrorForm::read(&self.json())
    }

    /// Status and code of an error that we wrote, for short asserts.
    ///
    /// # Panics
    /// When it is not an error in the OpenAI form.
    pub fn status_and_code(&self) -> (u16, String) {
        (self.status(), self.error().code)
    }

    /// The events of the body, pings left out.
    ///
    /// # Panics
    /// When the body is cut or ends within an event.
    pub fn events(&self) -> Vec<Event> {
        let mut events = self.all_events();
        events.retain(|event| !event.is_comment());
        events
    }

    /// The events of the body with the pings.
    ///
    /// # Panics
    /// When the body is cut or ends within an event.
    pub fn all_events(&self) -> Vec<Event> {
        assert_eq!(self.ended, Ended::Whole, "{}", self.text());
        sse::split(&self.body)
    }

    /// The content of all events, joined.
    pub fn content(&self) -> String {
        self.events().iter().map(Event::content).collect()
    }

    /// The error that a broken stream must end with: the last event, and no
    /// end marker anywhere.
    ///
    /// # Panics
    /// When the stream ends in another way.
    pub fn last_error(&self) -> ErrorForm {
        let events = self.events();
        assert!(
            !events.iter().any(Event::is_done),
            "a broken stream looks whole: {}",
            self.text()
        );
        let last = events.last().and_then(Event::json);
        ErrorForm::read(&last.unwrap_or_else(|| panic!("no last event: {}", self.text())))
    }
}

/// How the body that is being read is delimited.
#[derive(Debug)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
    Over,
}

pub(super) enum Taken {
    Bytes(Vec<u8>),
    End,
    More,
}

impl Framing {
    pub(super) fn of(head: &Head) -> Self {
        if matches!(head.status, 100..200 | 204 | 304) {
            return Self::Over;
        }
        if let Some(coding) = head.header("transfer-encoding") {
            assert_eq!(coding, "chunked");
            assert_eq!(
                head.header("content-length"),
                None,
                "two framings: {head:?}"
            );
            return Self::Chunked;
        }
        match head.header("content-length") {
            Some(length) => Self::Length(length.parse().expect("a length")),
            None => Self::UntilClose,
        }
    }

    /// Takes body bytes out of `unread`.
    pub(super) fn take(&mut self, unread: &mut Vec<u8>) -> Result<Taken, String> {
        match self {
            Self::Over => Ok(Taken::End),
            Self::Length(0) => {
                *self = Self::Over;
                Ok(Taken::End)
            }
            _ if unread.is_empty() => Ok(Taken::More),
            Self::UntilClose => Ok(Taken::Bytes(std::mem::take(unread))),
            Self::Length(left) => {
                let rest = unread.split_off(unread.len().min(*left));
                *left -= unread.len();
                Ok(Taken::Bytes(std::mem::replace(unread, rest)))
            }
            Self::Chunked => self.take_chunk(unread),
        }
    }

    fn take_chunk(&mut self, unread: &mut Vec<u8>) -> Result<Taken, String> {
        let Some(line) = unread.windows(2).position(|window| window == b"\r\n") else {
            return Ok(Taken::More);
        };
        let size = std::str::from_utf8(&unread[..line]).ok();
        let size = size.and_then(|size| usize::from_str_radix(size, 16).ok());
        let size = size.ok_or_else(|| format!("a bad chunk: {:?}", &unread[..line]))?;
        let end = line + 2 + size + 2;
        if unread.len() < end {
            return Ok(Taken::More);
        }
        if &unread[end - 2..end] != b"\r\n" {
            return Err("a chunk without its end".to_owned());
        }
        let rest = unread.split_off(end);
        let chunk = std::mem::replace(unread, rest);
        if size == 0 {
            *self = Self::Over;
            return Ok(Taken::End);
        }
        Ok(Taken::Bytes(chunk[line + 2..end - 2].to_vec()))
    }

    /// What the end of the connection means here.
    pub(super) fn end(&mut self, error: &io::Error) -> Result<(), String> {
        match self {
            Self::UntilClose if error.kind() == io::ErrorKind::UnexpectedEof => {
                *self = Self::Over;
                Ok(())
            }
            Self::Over => Ok(()),
            _ => Err(format!("{error} before the end of the body")),
        }
    }
}
