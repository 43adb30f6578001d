//! Where in a body something stands, and what has to stand there.
//!
//! A path costs nothing until somebody is told of it.

use std::borrow::Cow;
use std::fmt;

use serde_json::value::RawValue;

use crate::json::{Kind, Scanner};
use crate::openai::Refused;

/// The longest part of a path that is a caller's own word, in characters.
const LONGEST_NAME: usize = 64;

/// A place in the body; its display is a path such as `messages[0].content`.
#[derive(Clone, Copy)]
pub(super) enum At<'a> {
    /// A member of the body.
    Top(&'a str),
    /// A member of what stands there.
    In(&'a At<'a>, &'a str),
    /// An element of what stands there.
    Nth(&'a At<'a>, usize),
}

impl fmt::Display for At<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Top(name) => write!(f, "{name:.LONGEST_NAME$}"),
            Self::In(parent, name) => write!(f, "{parent}.{name:.LONGEST_NAME$}"),
            Self::Nth(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

impl At<'_> {
    /// What stands here is not `what`.
    pub(super) fn must(&self, what: &str) -> Refused {
        Refused::value(&self.to_string(), format!("`{self}` must be {what}."))
    }

    /// Nothing stands here.
    pub(super) fn missing(&self) -> Refused {
        Refused::value(&self.to_string(), format!("`{self}` is missing."))
    }

    /// Reads text; `None` if it is null.
    pub(super) fn text<'b>(&self, scan: &mut Scanner<'b>) -> Result<Option<Cow<'b, str>>, Refused> {
        match scan.kind()? {
            Kind::String => Ok(Some(scan.string()?.decode())),
            Kind::Null => Ok(scan.skip().map(|()| None)?),
            _ => Err(self.must("a string")),
        }
    }

    /// Reads text that will be kept; `None` if it is null.
    pub(super) fn owned(&self, scan: &mut Scanner<'_>) -> Result<Option<String>, Refused> {
        Ok(self.text(scan)?.map(Cow::into_owned))
    }

    /// Reads true or false; `None` if it is null.
    pub(super) fn flag(&self, scan: &mut Scanner<'_>) -> Result<Option<bool>, Refused> {
        match scan.kind()? {
            Kind::Bool => Ok(Some(scan.bool()?)),
            Kind::Null => Ok(scan.skip().map(|()| None)?),
            _ => Err(self.must("true or false")),
        }
    }

    /// Reads a number; `None` if it is null.
    pub(super) fn number(&self, scan: &mut Scanner<'_>) -> Result<Option<f64>, Refused> {
        match scan.kind()? {
            Kind::Number => {
                let value = scan.number()?.parse::<f64>();
                let value = value.ok().filter(|value| value.is_finite());
                value.map(Some).ok_or_else(|| self.must("a number"))
            }
            Kind::Null => Ok(scan.skip().map(|()| None)?),
            _ => Err(self.must("a number")),
        }
    }

    /// Reads a whole number; `None` if it is null.
    pub(super) fn whole<T: std::str::FromStr>(
        &self,
        scan: &mut Scanner<'_>,
    ) -> Result<Option<T>, Refused> {
        match scan.kind()? {
            Kind::Number => {
                let value = scan.number()?.parse();
                value
                    .map(Some)
                    .map_err(|_| self.must("a whole number within its bounds"))
            }
            Kind::Null => Ok(scan.skip().map(|()| None)?),
            _ => Err(self.must("a whole number")),
        }
    }

    /// Reads an object as it stands; `None` if it is null.
    pub(super) fn raw(&self, scan: &mut Scanner<'_>) -> Result<Option<Box<RawValue>>, Refused> {
        if scan.kind()? != Kind::Object {
            self.nothing(scan, "an object")?;
            return Ok(None);
        }
        let raw = RawValue::from_string(scan.span()?.to_owned());
        raw.map(Some).map_err(|_| self.must("an object"))
    }

    /// Reads an object, if it is not null, member by member.
    pub(super) fn object<'b>(
        &self,
        scan: &mut Scanner<'b>,
        mut member: impl FnMut(&At<'_>, &str, &mut Scanner<'b>) -> Result<(), Refused>,
    ) -> Result<bool, Refused> {
        if scan.kind()? != Kind::Object {
            return self.nothing(scan, "an object").map(|()| false);
        }
        scan.object(|scan, key| {
            let key = key.decode();
            member(&At::In(self, &key), &key, scan)
        })?;
        Ok(true)
    }

    /// Reads a list, if it is not null, element by element.
    pub(super) fn list<'b>(
        &self,
        scan: &mut Scanner<'b>,
        mut element: impl FnMut(&At<'_>, &mut Scanner<'b>) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        if scan.kind()? != Kind::Array {
            return self.nothing(scan, "a list");
        }
        let mut index = 0;
        scan.array(|scan| {
            index += 1;
            element(&At::Nth(self, index - 1), scan)
        })
    }

    /// Passes over null; else it must be `what`.
    fn nothing(&self, scan: &mut Scanner<'_>, what: &str) -> Result<(), Refused> {
        match scan.null()? {
            true => Ok(()),
            false => Err(self.must(what)),
        }
    }
}
