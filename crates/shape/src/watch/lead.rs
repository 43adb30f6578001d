//! How an answer begins: with its document, behind the line that opens a block, or
//! with something else.
//!
//! It says `begins` exactly where `extract` would take what follows for the first
//! thing in the answer, and never waits for more than a line.

use crate::extract::{Place, named};

/// The most that is held of a block's language.
const NAME: usize = 64;

/// What came so far.
#[derive(Debug)]
pub(super) enum Lead {
    /// Nothing: a byte order mark may come.
    Nothing,
    /// White space.
    Space,
    /// Marks of a line that may open a block.
    Marks(char, usize),
    /// The name of the block's language.
    Name(String),
    /// A block is open.
    Block,
}

/// What it leads to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Led {
    More,
    /// The document begins at this byte.
    Begins(usize),
    /// The answer begins with something else.
    Other,
}

impl Lead {
    pub(super) fn new() -> Self {
        Self::Nothing
    }

    pub(super) fn read(&mut self, piece: &str) -> Led {
        for (at, c) in piece.char_indices() {
            let before = std::mem::replace(self, Self::Space);
            *self = match (before, c) {
                (Self::Nothing, '\u{feff}') => Self::Space,
                (Self::Nothing | Self::Space | Self::Block, '{' | '[') => return Led::Begins(at),
                (Self::Nothing | Self::Space, '`' | '~') => Self::Marks(c, 1),
                (Self::Nothing | Self::Space, ' ' | '\t' | '\n' | '\r') => Self::Space,
                (Self::Block, ' ' | '\t' | '\n' | '\r') => Self::Block,
                (Self::Marks(mark, count), c) if c == mark => Self::Marks(mark, count + 1),
                (Self::Marks(_, 3..), '\n' | '\r') => Self::Block,
                (Self::Marks(_, 3..), c) if c != '`' => Self::Name(c.to_string()),
                (Self::Name(name), '\n' | '\r') if is_ours(&name) => Self::Block,
                (Self::Name(mut name), c) if c != '`' && c != '\n' && c != '\r' => {
                    if name.len() > NAME {
                        return Led::Other;
                    }
                    name.push(c);
                    Self::Name(name)
                }
                _ => return Led::Other,
            };
        }
        Led::More
    }
}

fn is_ours(name: &str) -> bool {
    matches!(named(name.trim()), Place::Json | Place::Block)
}
