//! Objects of a request and of an answer, member by member.
//!
//! 1. A refusal names the field by its path, as `messages[0].content[1].text`.
//! 2. What nobody asked for is told at the end, if it says something.
//! 3. A null is as good as nothing.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::json::{Kind, Limits, Scanner, Violation, utf8};
use crate::openai::{Refused, given};

/// Paths kept of what has no place; each is bounded by the body it stands in.
const MOST_OTHERS: usize = 256;

/// A place in a body.
#[derive(Clone, Copy)]
pub(super) enum Path<'p> {
    /// The whole of it.
    Top,
    Name(&'p Path<'p>, &'p str),
    Index(&'p Path<'p>, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top => Ok(()),
            Self::Name(Path::Top, name) => f.write_str(name),
            Self::Name(parent, name) => write!(f, "{parent}.{name}"),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl Path<'_> {
    /// A refusal of what stands here: `` `path` must be ... ``.
    pub(super) fn refuse(&self, must: &str) -> Refused {
        match self {
            Self::Top => Refused::body(format!("The body {must}.")),
            _ => Refused::value(&self.to_string(), format!("`{self}` {must}.")),
        }
    }
}

/// The members of an object that are not null, as they stand.
pub(super) struct Object<'a, 'p> {
    members: Vec<(Cow<'a, str>, &'a str)>,
    pub(super) at: Path<'p>,
}

/// A scanner over a caller's text whose limits were checked before.
pub(super) fn checked(text: &str) -> Scanner<'_> {
    Scanner::of_caller(text, &Limits::UPSTREAM)
}

impl<'a, 'p> Object<'a, 'p> {
    /// A whole body.
    pub(super) fn whole(body: &'a [u8]) -> Result<Self, Refused> {
        let mut scan = checked(utf8(body)?);
        let object = Self::read(&mut scan, Path::Top)?;
        scan.end()?;
        Ok(object)
    }

    /// The object that comes next.
    pub(super) fn read(scan: &mut Scanner<'a>, at: Path<'p>) -> Result<Self, Refused> {
        if scan.kind()? != Kind::Object {
            return Err(at.refuse("must be an object"));
        }
        let mut members = Vec::new();
        scan.object(|scan, key| {
            if !scan.null()? {
                members.push((key.decode(), scan.span()?));
            }
            Ok::<(), Violation>(())
        })?;
        Ok(Self { members, at })
    }

    /// The object in `span`, which is a value by itself.
    pub(super) fn of(span: &'a str, at: Path<'p>) -> Result<Self, Refused> {
        Self::read(&mut checked(span), at)
    }

    /// Takes a member as it stands; of two of a name the last.
    pub(super) fn take(&mut self, name: &str) -> Option<&'a str> {
        let index = self.members.iter().rposition(|(key, _)| key == name)?;
        Some(self.members.swap_remove(index).1)
    }

    fn refuse(&self, name: &str, must: &str) -> Refused {
        Path::Name(&self.at, name).refuse(must)
    }

    /// Takes text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, Refused> {
        let Some(span) = self.take(name) else {
            return Ok(None);
        };
        match checked(span).text()? {
            Some(text) => Ok(Some(text.decode().into_owned())),
            None => Err(self.refuse(name, "must be a string")),
        }
    }

    /// Takes text that must be there.
    pub(super) fn need(&mut self, name: &str) -> Result<String, Refused> {
        match self.text(name)? {
            Some(text) => Ok(text),
            None => Err(self.refuse(name, "is missing")),
        }
    }

    /// Takes JSON that must be there, as it stands.
    pub(super) fn need_span(&mut self, name: &str) -> Result<&'a str, Refused> {
        match self.take(name) {
            Some(span) => Ok(span),
            None => Err(self.refuse(name, "is missing")),
        }
    }

    /// Takes JSON to keep, as it stands.
    pub(super) fn raw(&mut self, name: &str) -> Result<Option<Box<RawValue>>, Refused> {
        let Some(span) = self.take(name) else {
            return Ok(None);
        };
        match RawValue::from_string(span.to_owned()) {
            Ok(raw) => Ok(Some(raw)),
            Err(_) => Err(self.refuse(name, "is not JSON that can be passed on")),
        }
    }

    /// Takes true or false; false where it is absent.
    pub(super) fn flag(&mut self, name: &str) -> Result<bool, Refused> {
        match self.take(name) {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(self.refuse(name, "must be true or false")),
        }
    }

    /// Takes a whole number from 0.
    pub(super) fn count(&mut self, name: &str) -> Result<Option<u64>, Refused> {
        let Some(span) = self.take(name) else {
            return Ok(None);
        };
        match span.parse() {
            Ok(count) => Ok(Some(count)),
            Err(_) => Err(self.refuse(name, "must be a whole number from 0")),
        }
    }

    /// Takes a number.
    pub(super) fn number(&mut self, name: &str) -> Result<Option<f64>, Refused> {
        let Some(span) = self.take(name) else {
            return Ok(None);
        };
        match span.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(self.refuse(name, "must be a number")),
        }
    }

    /// Drops a member that says nothing where it has this text.
    pub(super) fn default_is(&mut self, name: &str, json: &str) {
        let default = |(key, span): &(Cow<'_, str>, &str)| key == name && *span == json;
        self.members.retain(|member| !default(member));
    }

    /// Tells `others` of all that is left and says something.
    pub(super) fn rest(self, others: &mut Vec<String>) -> Result<(), Refused> {
        for (name, span) in &self.members {
            if given(&mut checked(span))? {
                other(others, Path::Name(&self.at, name));
            }
        }
        Ok(())
    }
}

/// Notes a path that has no place.
pub(super) fn other(others: &mut Vec<String>, at: Path<'_>) {
    if others.len() < MOST_OTHERS {
        others.push(at.to_string());
    }
}

/// Reads the array in `span`, element by element.
pub(super) fn elements<'a>(
    span: &'a str,
    at: Path<'_>,
    mut element: impl FnMut(&mut Scanner<'a>, Path<'_>) -> Result<(), Refused>,
) -> Result<(), Refused> {
    let mut scan = checked(span);
    if scan.kind()? != Kind::Array {
        return Err(at.refuse("must be an array"));
    }
    let mut index = 0;
    scan.array(|scan| {
        element(scan, Path::Index(&at, index))?;
        index += 1;
        Ok(())
    })
}
