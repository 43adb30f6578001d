//! One pass over a JSON text that knows where it is.
//!
//! 1. Whatever is passed over is checked as strictly as what is read.
//! 2. Nesting costs an entry in a fixed array, never a stack frame.
//! 3. After an error the scanner is not used again.
//!
//! Readers walk what they know with `object` and `array` (their own nesting
//! is fixed in their code) and `skip` the rest.

mod skip;
mod token;

use std::borrow::Cow;

use self::skip::OBJECT;
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
