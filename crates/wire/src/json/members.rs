//! The members of an object as they stand, to be written again with others in
//! the place of some.
//!
//! 1. What is not replaced keeps every byte but the line ends between its parts.
//! 2. Only the object itself is read: what its members hold is passed over.

use std::borrow::Cow;

use super::{Kind, Scanner, Violation, write_string};

/// See the module's text.
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a str)>);

impl<'a> Members<'a> {
    /// Those of `json`, which is an object and nothing behind it.
    pub(crate) fn read(json: &'a str) -> Result<Self, Violation> {
        let mut scan = Scanner::of_upstream(json);
        let mut members = Vec::new();
        scan.object(|scan, key| {
            members.push((key.decode(), scan.span()?));
            Ok::<(), Violation>(())
        })?;
        scan.end()?;
        Ok(Self(members))
    }

    /// A member as it stands; of two of a name the last, as readers of JSON do.
    /// A null is as good as nothing.
    pub(crate) fn get(&self, name: &str) -> Option<&'a str> {
        let (_, json) = self.0.iter().rfind(|(key, _)| key == name)?;
        Some(*json).filter(|json| *json != "null")
    }

    /// A member that is text, decoded.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'a, str>> {
        let mut scan = Scanner::of_upstream(self.get(name)?);
        Some(scan.text().ok()??.decode())
    }

    /// A member that is text and not empty, as it stands, with its quotes.
    pub(crate) fn said(&self, name: &str) -> Option<&'a str> {
        let json = self.get(name)?;
        (json.starts_with('"') && json != "\"\"").then_some(json)
    }

    /// The elements of a member that is a list, each as it stands; none of
    /// another.
    pub(crate) fn list(&self, name: &str) -> Option<Vec<&'a str>> {
        let mut scan = Scanner::of_upstream(self.get(name)?);
        if scan.kind().ok()? != Kind::Array {
            return None;
        }
        let mut elements = Vec::new();
        let read = scan.array(|scan| {
            elements.push(scan.span()?);
            Ok::<(), Violation>(())
        });
        read.ok().map(|()| elements)
    }

    /// Writes the object on one line; `instead` has values, as JSON, in the place
    /// of members that it has.
    pub(crate) fn write(&self, out: &mut Vec<u8>, instead: &[(&str, &str)]) {
        out.push(b'{');
        for (at, (name, json)) in self.0.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            write_string(out, name);
            out.push(b':');
            let other = instead.iter().find(|(known, _)| known == name);
            write_line(out, other.map_or(json, |(_, json)| json));
        }
        out.push(b'}');
    }
}

/// Appends JSON as it stands, on one line: a line end between its parts would
/// end the line of an event (inside a string there is none).
pub(crate) fn write_line(out: &mut Vec<u8>, json: &str) {
    for line in json.split(['\n', '\r']) {
        out.extend_from_slice(line.as_bytes());
    }
}
