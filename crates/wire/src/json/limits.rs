//! What a JSON body may cost, and whether it is JSON at all.
//!
//! 1. RFC 8259 to the letter: exactly one value, nothing behind it.
//! 2. Refused besides: bad UTF-8, the NUL character in any spelling, lone
//!    surrogates, and whatever is over a limit.
//! 3. Every refusal names the byte.
//!
//! It does not know what the value means.

use std::fmt;

use tidegate_types::Code;

use super::Scanner;

/// The deepest nesting that any limit can allow; a larger `Limits::depth` is
/// taken as this. The scanner keeps its whole stack in a fixed array.
pub const MAX_DEPTH: usize = 128;

/// The limits of one JSON text. Each holds for one container, string or
/// number, not for the sum of them: the body's size bounds the sum.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Containers inside containers; at most [`MAX_DEPTH`].
    pub depth: usize,
    /// Elements of an array.
    pub array: usize,
    /// Members of an object.
    pub keys: usize,
    /// Bytes of a string between its quotes, as they stand in the text.
    pub string: usize,
    /// Characters of a number.
    pub number: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            array: 100_000,
            keys: 10_000,
            string: 16 << 20,
            number: 64,
        }
    }
}

impl Limits {
    /// For what an upstream says: its size is bounded elsewhere, only the
    /// nesting is bounded here.
    pub(crate) const UPSTREAM: Self = Self {
        depth: MAX_DEPTH,
        array: usize::MAX,
        keys: usize::MAX,
        string: usize::MAX,
        number: usize::MAX,
    };
}

/// Why a JSON text is refused. `offset` counts bytes from the start, from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Violation {
    /// It is not JSON.
    Syntax {
        /// Where it stops being JSON.
        offset: usize,
        /// What would have been right there.
        expected: &'static str,
    },
    /// It is not UTF-8.
    Utf8 {
        /// The first byte that is not.
        offset: usize,
    },
    /// It holds the NUL character, raw or as `\u0000`.
    Nul {
        /// Where it stands.
        offset: usize,
    },
    /// It holds half of a surrogate pair.
    LoneSurrogate {
        /// Where its escape stands.
        offset: usize,
    },
    /// It nests too deep.
    TooDeep {
        /// The containers allowed inside each other.
        limit: usize,
        /// The bracket that was one too many.
        offset: usize,
    },
    /// One of its parts is too large.
    TooLarge {
        /// Which part: `array`, `object`, `string` or `number`.
        what: &'static str,
        /// How much is allowed: elements, members, bytes, characters.
        limit: usize,
        /// Where the limit was passed.
        offset: usize,
    },
}

impl Violation {
    /// The code that the caller is told.
    pub fn code(&self) -> Code {
        match self {
            Self::TooDeep { .. } => Code::JsonTooDeep,
            Self::TooLarge { .. } => Code::JsonTooLarge,
            Self::Syntax { .. }
            | Self::Utf8 { .. }
            | Self::Nul { .. }
            | Self::LoneSurrogate { .. } => Code::InvalidJson,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Syntax { offset, expected } => {
                write!(
                    f,
                    "The body is not valid JSON at byte {offset}: expected {expected}."
                )
            }
            Self::Utf8 { offset } => write!(f, "The body is not UTF-8 at byte {offset}."),
            Self::Nul { offset } => {
                write!(
                    f,
                    "The body has a NUL character at byte {offset}, which is not taken."
                )
            }
            Self::LoneSurrogate { offset } => {
                write!(f, "The body has half of a surrogate pair at byte {offset}.")
            }
            Self::TooDeep { limit, offset } => {
                write!(
                    f,
                    "The body nests deeper than {limit} levels at byte {offset}."
                )
            }
            Self::TooLarge {
                what,
                limit,
                offset,
            } => {
                let unit = match what {
                    "array" => "elements",
                    "object" => "members",
                    "string" => "bytes",
                    _ => "characters",
                };
                let article = if matches!(what, "array" | "object") {
                    "An"
                } else {
                    "A"
                };
                write!(
                    f,
                    "{article} {what} of the body has more than {limit} {unit}, at byte {offset}."
                )
            }
        }
    }
}

impl std::error::Error for Violation {}

/// Whether `body` is one JSON value within `limits`.
///
/// # Errors
/// The first [`Violation`] from the front; bad UTF-8 anywhere comes before
/// all others.
pub fn check(body: &[u8], limits: &Limits) -> Result<(), Violation> {
    let text = utf8(body)?;
    let mut scan = Scanner::of_caller(text, limits);
    scan.skip()?;
    scan.end()
}

/// `body` as text.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Violation> {
    std::str::from_utf8(body).map_err(|error| Violation::Utf8 {
        offset: error.valid_up_to(),
    })
}
