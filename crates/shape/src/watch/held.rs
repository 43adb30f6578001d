//! The scalar that is open, as it is written, so far as it is held.
//!
//! What is said of it depends on what came, and not on the pieces that it came in.

use serde_json::Value;

/// The most that is held of one scalar, in bytes.
const HELD: usize = 64 << 10;

#[derive(Debug, Default)]
pub(super) struct Held {
    text: String,
    /// Characters before the first escape, the first quote included.
    chars: u64,
    escaped: bool,
    /// Whether there was more than is held.
    cut: bool,
}

impl Held {
    pub(super) fn clear(&mut self) {
        self.text.clear();
        (self.chars, self.escaped, self.cut) = (0, false, false);
    }

    pub(super) fn add(&mut self, piece: &str) {
        if !self.escaped {
            let plain = piece.split('\\').next().unwrap_or_default();
            self.chars += plain.chars().count() as u64;
            self.escaped = plain.len() < piece.len();
        }
        let room = HELD - self.text.len();
        self.cut |= piece.len() > room;
        self.text
            .push_str(&piece[..piece.floor_char_boundary(room)]);
    }

    /// All of it, if it is held.
    pub(super) fn whole(&self) -> Option<&str> {
        (!self.cut).then_some(self.text.as_str())
    }

    /// Characters of a string that goes on, at least.
    pub(super) fn chars(&self) -> u64 {
        self.chars.saturating_sub(1)
    }

    /// Behind how many characters a string that goes on can be none of the options.
    pub(super) fn leaves(&self, options: &[Value], coerce: bool) -> Option<u64> {
        let plain = self.text.get(1..)?.split('\\').next()?;
        if begins_one(plain, options, coerce) {
            return None;
        }
        let ends = plain.char_indices().map(|(at, c)| at + c.len_utf8());
        let mut ends = (1..).zip(ends);
        let leaves = ends.find(|(_, end)| !begins_one(&plain[..*end], options, coerce));
        leaves.map(|(count, _)| count)
    }
}

/// Whether some option may still be what is written.
fn begins_one(so_far: &str, options: &[Value], coerce: bool) -> bool {
    if !coerce {
        let texts = options.iter().filter_map(Value::as_str);
        return texts.into_iter().any(|option| option.starts_with(so_far));
    }
    // In any case, behind white space, and perhaps meaning what is no text.
    let so_far = so_far.trim().to_lowercase();
    options.iter().any(|option| match option {
        Value::String(option) => option.to_lowercase().starts_with(&so_far),
        _ => true,
    })
}
