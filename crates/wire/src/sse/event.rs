//! One whole event: its bytes, and where in them its fields lie.
//!
//! Reading a line notes positions only; text is joined when data on several
//! lines are asked for. Part of the framer; its promises hold here.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

/// Where the fields of an event lie; offsets count from its start.
#[derive(Clone, Default)]
pub(super) struct Fields {
    /// Lines of data.
    lines: usize,
    /// The value of the last line of data.
    data: Range<usize>,
    /// The value of the last `event` line.
    name: Range<usize>,
    comment: bool,
    other: bool,
}

/// What an event is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It has data: a reader is told of it.
    Data,
    /// It has fields but no data: a reader is not told of it.
    Fields,
    /// Comments only, as a ping is.
    Comment,
    /// An empty line, no more.
    Blank,
}

/// A whole event.
#[derive(Clone)]
pub struct Event<'a> {
    pub(super) raw: &'a [u8],
    pub(super) fields: Fields,
}

impl<'a> Event<'a> {
    /// All its bytes as they were received, with the empty line that ends it.
    /// (The LF of a CRLF that was cut between two pieces follows later.)
    pub fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Its data: borrowed if on one line, else the lines joined by LF.
    pub fn data(&self) -> Cow<'a, [u8]> {
        if self.fields.lines < 2 {
            return Cow::Borrowed(self.raw.get(self.fields.data.clone()).unwrap_or_default());
        }
        let mut joined = Vec::with_capacity(self.raw.len());
        for line in self.raw.split(|&byte| byte == b'\n' || byte == b'\r') {
            // Between the CR and the LF of a CRLF lies an empty "line", which
            // has no field.
            let (field, value) = split_field(line);
            if line.get(field) == Some(b"data") {
                joined.extend_from_slice(line.get(value).unwrap_or_default());
                joined.push(b'\n');
            }
        }
        joined.pop();
        Cow::Owned(joined)
    }

    /// Its `event` name; empty if it has none.
    pub fn name(&self) -> &'a [u8] {
        self.raw.get(self.fields.name.clone()).unwrap_or_default()
    }

    /// What it is made of.
    pub fn kind(&self) -> Kind {
        match &self.fields {
            Fields { lines: 1.., .. } => Kind::Data,
            Fields { other: true, .. } => Kind::Fields,
            Fields { comment: true, .. } => Kind::Comment,
            _ => Kind::Blank,
        }
    }
}

impl fmt::Debug for Event<'_> {
    /// Without the data: they are the caller's.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event")
            .field("kind", &self.kind())
            .field("bytes", &self.raw.len())
            .finish()
    }
}

impl Fields {
    /// Reads the line of `event` that lies at `line`.
    pub(super) fn read(&mut self, event: &[u8], line: Range<usize>) {
        let (field, value) = split_field(event.get(line.clone()).unwrap_or_default());
        let value = line.start + value.start..line.start + value.end;
        match event
            .get(line.start..line.start + field.end)
            .unwrap_or_default()
        {
            b"data" => {
                self.lines += 1;
                self.data = value;
            }
            b"event" => {
                self.name = value;
                self.other = true;
            }
            b"" => self.comment = true,
            _ => self.other = true,
        }
    }
}

/// Where name and value of a line's field lie; a comment has an empty name.
fn split_field(line: &[u8]) -> (Range<usize>, Range<usize>) {
    // Nearly every line is data; a search for the colon would cost more.
    let colon = match line {
        [b'd', b'a', b't', b'a', b':', ..] => 4,
        _ => memchr::memchr(b':', line).unwrap_or(line.len()),
    };
    let space = usize::from(line.get(colon + 1) == Some(&b' '));
    (0..colon, (colon + 1 + space).min(line.len())..line.len())
}
