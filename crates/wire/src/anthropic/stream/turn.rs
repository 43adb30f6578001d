//! Whose turn it is among the calls of an answer.
//!
//! The API has one block behind the other, and a block that was closed cannot
//! be gone on with. So a call's turn lasts until its arguments are a whole
//! object, and what comes of other calls meanwhile waits. Nearly no upstream
//! mixes its calls; then nothing ever waits.
//! 1. Arguments keep their order and every byte.
//! 2. What waits is bounded by [`MOST_HELD`].

use std::collections::VecDeque;

/// Bytes of calls that may wait for their turn.
pub(super) const MOST_HELD: usize = 1 << 20;

/// Whether the text of an object is whole, told piece by piece.
#[derive(Debug, Default)]
pub(super) struct Whole {
    depth: u32,
    string: bool,
    escape: bool,
    done: bool,
}

impl Whole {
    pub(super) fn feed(&mut self, text: &str) {
        let mut bytes = text.as_bytes();
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            if self.escape {
                self.escape = false;
                continue;
            }
            if self.string && byte != b'"' && byte != b'\\' {
                let end = memchr::memchr2(b'"', b'\\', rest).unwrap_or(rest.len());
                bytes = rest.get(end..).unwrap_or_default();
                continue;
            }
            match byte {
                b'"' => self.string = !self.string,
                b'\\' if self.string => self.escape = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    self.done |= self.depth == 0;
                }
                _ => {}
            }
        }
    }

    pub(super) fn done(&self) -> bool {
        self.done
    }
}

/// A call that waits, with all that came of it.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) call: u32,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) arguments: String,
}

/// The calls that wait, in the order of their beginnings.
#[derive(Debug, Default)]
pub(super) struct Queue {
    calls: VecDeque<Waiting>,
    held: usize,
}

impl Queue {
    /// Adds a call; false if that is too much.
    pub(super) fn push(&mut self, call: u32, id: &str, name: &str) -> bool {
        self.held += id.len() + name.len() + size_of::<Waiting>();
        let fits = self.held <= MOST_HELD;
        if fits {
            self.calls.push_back(Waiting {
                call,
                id: id.to_owned(),
                name: name.to_owned(),
                arguments: String::new(),
            });
        }
        fits
    }

    /// Adds arguments to a call that waits. `None` if it does not, false if
    /// that is too much.
    pub(super) fn add(&mut self, call: u32, text: &str) -> Option<bool> {
        let waiting = self.calls.iter_mut().find(|waiting| waiting.call == call)?;
        self.held += text.len();
        let fits = self.held <= MOST_HELD;
        if fits {
            waiting.arguments.push_str(text);
        }
        Some(fits)
    }

    pub(super) fn next(&mut self) -> Option<Waiting> {
        let waiting = self.calls.pop_front()?;
        let size = waiting.id.len() + waiting.name.len() + waiting.arguments.len();
        self.held = self.held.saturating_sub(size + size_of::<Waiting>());
        Some(waiting)
    }

    /// Bytes held.
    pub(super) fn held(&self) -> usize {
        self.held
    }
}
