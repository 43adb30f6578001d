//! Strings, numbers and words: what a JSON text is made of between its brackets.
//!
//! Part of the scanner; its promises hold here.

use super::{Scanner, Text};
use crate::json::limits::Violation;
use crate::json::text;

impl<'a> Scanner<'a> {
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
    pub(super) fn word(&mut self, word: &'static str) -> Result<(), Violation> {
        let end = self.at + word.len();
        if self.text.as_bytes().get(self.at..end) != Some(word.as_bytes()) {
            return Err(self.expected(word));
        }
        self.at = end;
        Ok(())
    }
}
