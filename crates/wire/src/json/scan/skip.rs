//! Passing over a value of any depth, with a stack of our own.
//!
//! The containers that `skip` is in are counted in the low bits of a word
//! each, whose highest bit says whether it is an object. Part of the scanner;
//! its promises hold here.

use super::{Kind, Scanner};
use crate::json::limits::Violation;

/// Marks an object on the stack; the other bits count its members.
pub(super) const OBJECT: u32 = 1 << 31;

impl Scanner<'_> {
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
}
