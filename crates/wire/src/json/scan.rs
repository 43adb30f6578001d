//! One pass over a JSON text that knows where it is.
//!
//! 1. Whatever is passed over is checked as strictly as what is read.
//! 2. Nesting costs an entry in a fixed array, never a stack frame.
//! 3. After an error the scanner is not used again.
//!
//! Readers walk what they know with `object` and `array` (their own nesting
//! is fixed in their code) and `skip` the rest.

use std::borrow::Cow;

use super::limits::{Limits, MAX_DEPTH, Violation};
use super::text;

/// What a value is, by its first byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Object,
    Array,
    String,
    Number,
    Bool,
    Null,
}

/// The content of a string, checked and not yet decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    /// Between the quotes, as it stands.
    raw: &'a str,
    escaped: bool,
}

impl<'a> Text<'a> {
    /// As text; borrowed unless it has escapes.
    #[inline]
    pub(crate) fn decode(&self) -> Cow<'a, str> {
        if self.escaped {
            text::decode(self.raw)
        } else {
            Cow::Borrowed(self.raw)
        }
    }

    /// Bytes of the decoded text.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        if self.escaped {
            text::decoded_len(self.raw)
        } else {
            self.raw.len()
        }
    }

    /// The content as it stands between the quotes.
    pub(crate) fn raw(&self) -> &'a str {
        self.raw
    }
}

/// Marks an object on the stack; the other bits count its members.
const OBJECT: u32 = 1 << 31;

/// A position in a JSON text.
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    limits: Limits,
    /// Refuse NUL and lone surrogates. Upstreams do send the halves of a pair
    /// in two deltas; a caller has no reason to.
    strict: bool,
    /// The containers around the one that `skip` is in.
    parents: [u32; MAX_DEPTH],
}

impl<'a> Scanner<'a> {
    /// For a stranger's text, within `limits`.
    pub(crate) fn of_caller(text: &'a str, limits: &Limits) -> Self {
        Self::new(text, *limits, true)
    }

    /// For what an upstream says.
    pub(crate) fn of_upstream(text: &'a str) -> Self {
        Self::new(text, Limits::UPSTREAM, false)
    }

    fn new(text: &'a str, mut limits: Limits, strict: bool) -> Self {
        limits.depth = limits.depth.min(MAX_DEPTH);
        // The count shares its word with the mark of an object.
        limits.array = limits.array.min(OBJECT as usize - 2);
        limits.keys = limits.keys.min(OBJECT as usize - 2);
        Self {
            text,
            at: 0,
            depth: 0,
            limits,
            strict,
            parents: [0; MAX_DEPTH],
        }
    }

    /// Where it is: bytes from the start.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    fn space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.byte() {
            self.at += 1;
        }
    }

    #[cold]
    fn expected(&self, expected: &'static str) -> Violation {
        match self.byte() {
            Some(0) if self.strict => Violation::Nul { offset: self.at },
            _ => Violation::Syntax {
                offset: self.at,
                expected,
            },
        }
    }

    /// What the next value is; the position moves to its first byte.
    #[inline]
    pub(crate) fn kind(&mut self) -> Result<Kind, Violation> {
        self.space();
        match self.byte() {
            Some(b'"') => Ok(Kind::String),
            Some(b'{') => Ok(Kind::Object),
            Some(b'[') => Ok(Kind::Array),
            Some(b'-' | b'0'..=b'9') => Ok(Kind::Number),
            Some(b't' | b'f') => Ok(Kind::Bool),
            Some(b'n') => Ok(Kind::Null),
            _ => Err(self.expected("a value")),
        }
    }

    /// Nothing but white space may be left.
    pub(crate) fn end(&mut self) -> Result<(), Violation> {
        self.space();
        if self.at == self.text.len() {
            return Ok(());
        }
        Err(self.expected("the end of the text"))
    }

    /// Reads a string.
    #[inline]
    pub(crate) fn string(&mut self) -> Result<Text<'a>, Violation> {
        self.space();
        if self.byte() != Some(b'"') {
            return Err(self.expected("a string"));
        }
        self.at += 1;
        let start = self.at;
        let mut escaped = false;
        loop {
            self.at += text::plain_run(self.text.as_bytes().get(self.at..).unwrap_or_default());
            match self.byte() {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) => return Err(self.expected("no raw control character in a string")),
                None => return Err(self.expected("the closing quote of a string")),
            }
        }
        if self.at - start > self.limits.string {
            return Err(self.too_large("string", self.limits.string));
        }
        let raw = self.text.get(start..self.at).unwrap_or_default();
        self.at += 1;
        Ok(Text { raw, escaped })
    }

    /// Passes over the escape that begins here.
    fn escape(&mut self) -> Result<(), Violation> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        self.at += 1;
        match self.byte() {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => self.at += 1,
            Some(b'u') => {
                let unit = self.unit()?;
                if !self.strict {
                    return Ok(());
                }
                match unit {
                    0 => return Err(Violation::Nul { offset: start }),
                    0xd800..0xdc00 if bytes.get(self.at..self.at + 2) == Some(b"\\u") => {
                        self.at += 1;
                        if !(0xdc00..0xe000).contains(&self.unit()?) {
                            return Err(Violation::LoneSurrogate { offset: start });
                        }
                    }
                    0xd800..0xe000 => return Err(Violation::LoneSurrogate { offset: start }),
                    _ => {}
                }
            }
            _ => return Err(self.expected("one of \"\\/bfnrtu after a backslash")),
        }
        Ok(())
    }

    /// Reads the `uXXXX` that begins here.
    fn unit(&mut self) -> Result<u16, Violation> {
        let digits = self
            .text
            .as_bytes()
            .get(self.at + 1..self.at + 5)
            .unwrap_or_default();
        let Some(unit) = text::hex4(digits) else {
            self.at += 1;
            return Err(self.expected("four hexadecimal digits"));
        };
        self.at += 5;
        Ok(unit)
    }

    /// Reads a number as it stands.
    #[inline]
    pub(crate) fn number(&mut self) -> Result<&'a str, Violation> {
        self.space();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        if self.at - start > self.limits.number {
            return Err(self.too_large("number", self.limits.number));
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    #[inline]
    fn digits(&mut self) -> Result<(), Violation> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.byte() {
            self.at += 1;
        }
        if self.at == start {
            Err(self.expected("a digit"))
        } else {
            Ok(())
        }
    }

    /// Reads `true` or `false`.
    pub(crate) fn bool(&mut self) -> Result<bool, Violation> {
        self.space();
        let value = self.byte() == Some(b't');
        self.word(if value { "true" } else { "false" })?;
        Ok(value)
    }

    #[inline]
    fn word(&mut self, word: &'static str) -> Result<(), Violation> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at = end;
        Ok(())
    }

    #[cold]
    fn too_large(&self, what: &'static str, limit: usize) -> Violation {
        Violation::TooLarge {
            what,
            limit,
            offset: self.at,
        }
    }

    /// Enters the container whose bracket is here.
    #[inline]
    fn open(&mut self) -> Result<(), Violation> {
        if self.depth >= self.limits.depth {
            return Err(Violation::TooDeep {
                limit: self.limits.depth,
                offset: self.at,
            });
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        Ok(())
    }

    /// Leaves the container if its closing `bracket` is here.
    #[inline]
    fn close(&mut self, bracket: u8) -> bool {
        let closes = self.byte() == Some(bracket);
        if closes {
            self.at += 1;
            self.depth -= 1;
        }
        closes
    }

    /// Reads a key and its colon.
    #[inline]
    fn key(&mut self) -> Result<Text<'a>, Violation> {
        self.space();
        if self.byte() != Some(b'"') {
            return Err(self.expected("a key in quotes"));
        }
        let key = self.string()?;
        self.space();
        if self.byte() != Some(b':') {
            return Err(self.expected("a colon"));
        }
        self.at += 1;
        Ok(key)
    }

    /// Reads an object; `member` must read or skip exactly one value.
    #[inline]
    pub(crate) fn object<E: From<Violation>>(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.space();
        if self.byte() != Some(b'{') {
            return Err(self.expected("an object").into());
        }
        self.open()?;
        if self.close(b'}') {
            return Ok(());
        }
        let mut count = 0;
        loop {
            count += 1;
            if count > self.limits.keys {
                return Err(self.too_large("object", self.limits.keys).into());
            }
            let key = self.key()?;
            member(self, key)?;
            if !self.more(b'}', "a comma or the closing brace")? {
                return Ok(());
            }
        }
    }

    /// Reads an array; `element` must read or skip exactly one value.
    #[inline]
    pub(crate) fn array<E: From<Violation>>(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), E>,
    ) -> Result<(), E> {
        self.space();
        if self.byte() != Some(b'[') {
            return Err(self.expected("an array").into());
        }
        self.open()?;
        if self.close(b']') {
            return Ok(());
        }
        let mut count = 0;
        loop {
            count += 1;
            if count > self.limits.array {
                return Err(self.too_large("array", self.limits.array).into());
            }
            element(self)?;
            if !self.more(b']', "a comma or the closing bracket")? {
                return Ok(());
            }
        }
    }

    /// Whether a comma follows, or else the end of the container.
    #[inline]
    fn more(&mut self, bracket: u8, expected: &'static str) -> Result<bool, Violation> {
        self.space();
        if self.byte() == Some(b',') {
            self.at += 1;
            return Ok(true);
        }
        if self.close(bracket) {
            Ok(false)
        } else {
            Err(self.expected(expected))
        }
    }

    /// Passes over one value, checking all of it.
    pub(crate) fn skip(&mut self) -> Result<(), Violation> {
        let base = self.depth;
        let mut top = 0;
        loop {
            let opened = match self.kind()? {
                Kind::String => self.string().map(|_| false)?,
                Kind::Number => self.number().map(|_| false)?,
                Kind::Bool => self.bool().map(|_| false)?,
                Kind::Null => self.word("null").map(|()| false)?,
                Kind::Object => self.push(&mut top, OBJECT)?,
                Kind::Array => self.push(&mut top, 0)?,
            };
            if !opened && !self.after_value(&mut top, base)? {
                return Ok(());
            }
        }
    }

    /// Enters a container in `skip`. True when a value of it comes next, false
    /// when it was empty and is closed again.
    #[inline]
    fn push(&mut self, top: &mut u32, mark: u32) -> Result<bool, Violation> {
        self.open()?;
        if self.close(if mark == OBJECT { b'}' } else { b']' }) {
            return Ok(false);
        }
        // `open` has kept the depth within `MAX_DEPTH`.
        self.parents[self.depth - 1] = *top;
        *top = mark;
        self.count(top)?;
        Ok(true)
    }

    /// Counts one more value of the container that `skip` is in, and reads its
    /// key if it needs one.
    #[inline]
    fn count(&mut self, top: &mut u32) -> Result<(), Violation> {
        *top += 1;
        let count = (*top & !OBJECT) as usize;
        if *top & OBJECT != 0 {
            if count > self.limits.keys {
                return Err(self.too_large("object", self.limits.keys));
            }
            self.key()?;
        } else if count > self.limits.array {
            return Err(self.too_large("array", self.limits.array));
        }
        Ok(())
    }

    /// What follows a value in `skip`: true when another value does, false
    /// when the one at `base` is over.
    #[inline]
    fn after_value(&mut self, top: &mut u32, base: usize) -> Result<bool, Violation> {
        while self.depth > base {
            let more = if *top & OBJECT != 0 {
                self.more(b'}', "a comma or the closing brace")?
            } else {
                self.more(b']', "a comma or the closing bracket")?
            };
            if more {
                self.count(top)?;
                return Ok(true);
            }
            // `close` has just lowered the depth: the parent lies there.
            *top = self.parents[self.depth];
        }
        Ok(false)
    }

    /// Passes over one value and gives it as it stands.
    pub(crate) fn span(&mut self) -> Result<&'a str, Violation> {
        self.space();
        let start = self.at;
        self.skip()?;
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Passes over `null` and says true, or stays where it is.
    #[inline]
    pub(crate) fn null(&mut self) -> Result<bool, Violation> {
        let null = self.kind()? == Kind::Null;
        if null {
            self.word("null")?;
        }
        Ok(null)
    }

    /// Passes over one value; what it was, if it is a whole number from 0.
    pub(crate) fn whole(&mut self) -> Result<Option<u64>, Violation> {
        if self.kind()? == Kind::Number {
            return Ok(self.number()?.parse().ok());
        }
        self.skip()?;
        Ok(None)
    }

    /// Passes over one value; its text, if it is a string.
    pub(crate) fn text(&mut self) -> Result<Option<Text<'a>>, Violation> {
        if self.kind()? == Kind::String {
            return self.string().map(Some);
        }
        self.skip()?;
        Ok(None)
    }
}
