//! One JSON object, written member by member behind what a buffer holds.
//!
//! It cannot fail, and copies nothing but into that buffer.

use crate::json::{write_line, write_string};

/// An object that is being written; [`Object::end`] closes it.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
}

impl<'o> Object<'o> {
    pub(super) fn begin(out: &'o mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out }
    }

    /// The name of a member, for whoever writes the value.
    pub(super) fn name(&mut self, name: &str) -> &mut Vec<u8> {
        if self.out.last() != Some(&b'{') {
            self.out.push(b',');
        }
        write_string(self.out, name);
        self.out.push(b':');
        self.out
    }

    pub(super) fn text(&mut self, name: &str, value: &str) -> &mut Self {
        write_string(self.name(name), value);
        self
    }

    /// A text, or null.
    pub(super) fn maybe(&mut self, name: &str, value: Option<&str>) -> &mut Self {
        match value {
            Some(value) => self.text(name, value),
            None => self.json(name, b"null"),
        }
    }

    pub(super) fn number(&mut self, name: &str, value: u64) -> &mut Self {
        self.json(name, value.to_string().as_bytes())
    }

    /// A value that is JSON already, on one line.
    pub(super) fn json(&mut self, name: &str, value: &[u8]) -> &mut Self {
        self.name(name).extend_from_slice(value);
        self
    }

    /// A value that is JSON already, wherever its line ends are.
    pub(super) fn line(&mut self, name: &str, value: &str) -> &mut Self {
        write_line(self.name(name), value);
        self
    }

    /// An array of values that are JSON already, with their commas.
    pub(super) fn array(&mut self, name: &str, values: &[u8]) -> &mut Self {
        let out = self.name(name);
        out.push(b'[');
        out.extend_from_slice(values);
        out.push(b']');
        self
    }

    /// Members that are JSON already, with their commas.
    pub(super) fn members(&mut self, members: &[u8]) -> &mut Self {
        self.out.push(b',');
        self.out.extend_from_slice(members);
        self
    }

    pub(super) fn end(&mut self) {
        self.out.push(b'}');
    }
}

/// Writes one more value of an array, behind a comma if it is not the first.
pub(super) fn comma(values: &mut Vec<u8>) {
    if !values.is_empty() {
        values.push(b',');
    }
}

/// JSON as it stands, on one line: a line end between its parts would end the
/// line of an event, and inside a string there is none.
pub(super) fn one_line(json: &str) -> impl Iterator<Item = u8> {
    json.bytes().filter(|byte| !matches!(byte, b'\n' | b'\r'))
}
