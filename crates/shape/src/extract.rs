//! The JSON document in what a model has answered.
//!
//! 1. An answer that is one document is that document.
//! 2. An answer that begins as an object with a key, be it behind the line that opens
//!    a block, is that object or no document: what follows or stands inside of it is
//!    never taken in its place. That is what lets a watch end an answer early.
//! 3. Else documents come from blocks of `json`, from blocks without a language, from
//!    the text, in this order; of each, what is not empty first, and the first first.
//! 4. A byte is looked at once, or twice: hostile text costs no more than other text.

use std::ops::Range;

use crate::machine::{Fed, Machine};
use crate::read::is_space;

/// The most documents that are found in one answer.
const MOST: usize = 16;

/// A document in an answer, as it is written there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extracted<'t> {
    /// The document's own text.
    pub text: &'t str,
    /// Whether the answer was this document and nothing else but white space.
    pub whole: bool,
}

/// The document in `text` that is most likely meant, as the rules above say. It is
/// JSON; whether its numbers can be kept and its names are told once, `shape` says.
pub fn extract(text: &str) -> Option<Extracted<'_>> {
    find(text).documents.first().copied()
}

/// All that may be meant.
#[derive(Debug, Default)]
pub(crate) struct Found<'t> {
    /// The likelier first; at most [`MOST`].
    pub(crate) documents: Vec<Extracted<'t>>,
    /// Where a document begins that the text's end cuts.
    pub(crate) cut: Option<usize>,
}

pub(crate) fn find(text: &str) -> Found<'_> {
    let start = begin(text);
    let whole = text[start..].trim_end_matches(white);
    let mut machine = Machine::new();
    let fed = machine.feed(whole.as_bytes(), |_, _| true);
    let done = match fed {
        Fed::More => machine.finish(whole.len(), |_, _| {}),
        fed => fed == Fed::Done(whole.len()),
    };
    if done {
        return Found {
            documents: vec![Extracted {
                text: whole,
                whole: true,
            }],
            cut: None,
        };
    }
    let mut search = Search::new(text, start);
    search.run();
    search.done()
}

fn white(c: char) -> bool {
    c.is_ascii() && is_space(c as u8)
}

/// Where the text begins behind white space and a byte order mark.
pub(crate) fn begin(text: &str) -> usize {
    let rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    text.len() - rest.trim_start_matches(white).len()
}

/// What kind of place a document stands in, the likelier first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Json,
    Block,
    Text,
    /// A block of another language.
    Other,
}

struct Search<'t> {
    text: &'t str,
    /// Where the text begins.
    begin: usize,
    at: usize,
    /// Whether only white space stands before it, or the opening of a block.
    first: bool,
    fence: Option<Fence>,
    /// Where, whether it is empty, and which bytes.
    found: Vec<(Place, bool, Range<usize>)>,
    /// Documents so far that hold something, and that do not.
    full: usize,
    empty: usize,
    cut: Option<usize>,
}

/// The line that opened a block.
#[derive(Clone, Copy)]
struct Fence {
    mark: u8,
    count: usize,
    place: Place,
}

impl<'t> Search<'t> {
    fn new(text: &'t str, at: usize) -> Self {
        Self {
            text,
            begin: at,
            at,
            first: true,
            fence: None,
            found: Vec::new(),
            full: 0,
            empty: 0,
            cut: None,
        }
    }

    fn run(&mut self) {
        let bytes = self.text.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match byte {
                b'`' | b'~' if self.is_line_start() => self.fence(byte),
                // No object: most of what is hostile goes here.
                b'{' if bytes
                    .get(self.at + 1)
                    .is_some_and(|next| !may_follow(*next)) =>
                {
                    self.first = false;
                    self.at += 1;
                }
                b'{' | b'[' if self.place() != Place::Other => {
                    if !self.document() {
                        return;
                    }
                }
                _ if is_space(byte) => self.at += 1,
                _ => {
                    self.first = false;
                    let next = |byte: &u8| matches!(byte, b'`' | b'~' | b'{' | b'[');
                    let run = bytes[self.at + 1..].iter().position(next);
                    self.at = run.map_or(bytes.len(), |run| self.at + 1 + run);
                }
            }
        }
    }

    fn place(&self) -> Place {
        self.fence.map_or(Place::Text, |fence| fence.place)
    }

    fn is_line_start(&self) -> bool {
        let before = self.text.as_bytes()[self.begin..self.at].iter().rev();
        let mut before = before.skip_while(|byte| matches!(byte, b' ' | b'\t'));
        matches!(before.next(), None | Some(b'\n' | b'\r'))
    }

    /// A line of backticks or tildes: it opens a block, or closes the one it is in.
    fn fence(&mut self, mark: u8) {
        let line = &self.text[self.at..];
        let line = line.split(['\n', '\r']).next().unwrap_or_default();
        let count = line.bytes().take_while(|byte| *byte == mark).count();
        let name = line[count..].trim();
        if count < 3 || name.contains('`') {
            self.first = false;
            self.at += count;
            return;
        }
        let closes = |fence: &Fence| name.is_empty() && fence.mark == mark && count >= fence.count;
        self.first &= self.fence.is_none();
        self.fence = match self.fence {
            Some(fence) if closes(&fence) => None,
            _ => Some(Fence {
                mark,
                count,
                place: named(name),
            }),
        };
        self.at += line.len();
    }

    /// At a bracket: what begins there. Whether the search goes on.
    fn document(&mut self) -> bool {
        let (start, first) = (self.at, self.first);
        self.first = false;
        let rest = &self.text.as_bytes()[start..];
        let mut machine = Machine::new();
        let mut count = 0_usize;
        let fed = machine.feed(rest, |_, _| {
            count += 1;
            true
        });
        let certain = machine.is_certain();
        let decided = first && certain;
        match fed {
            Fed::Done(end) => {
                // Opened and closed, and nothing between.
                let empty = count == 2;
                let count = if empty {
                    &mut self.empty
                } else {
                    &mut self.full
                };
                *count += 1;
                if *count <= MOST {
                    self.found.push((self.place(), empty, start..start + end));
                }
                self.at = start + end;
                return !(decided || self.full == MOST);
            }
            Fed::More => {
                self.cut = Some(start);
                return false;
            }
            Fed::Wrong(at, _) | Fed::Enough(at) | Fed::Deep(at) if !certain => {
                self.at = start + at.max(1);
                if let Fed::Deep(_) = fed {
                    self.at = start + close(rest).unwrap_or(rest.len());
                }
            }
            // A broken document: what stands inside of it is none.
            _ if decided => return false,
            _ => self.at = start + close(rest).unwrap_or(rest.len()),
        }
        true
    }

    fn done(mut self) -> Found<'t> {
        let text = self.text;
        // Stable: the first stays before the others.
        self.found.sort_by_key(|(place, empty, _)| (*place, *empty));
        self.found.truncate(MOST);
        let found = self.found.into_iter().map(|(_, _, range)| Extracted {
            text: &text[range],
            whole: false,
        });
        Found {
            documents: found.collect(),
            cut: self.cut,
        }
    }
}

/// Whether the byte may stand behind the bracket of an object.
fn may_follow(byte: u8) -> bool {
    is_space(byte) || matches!(byte, b'"' | b'}')
}

/// The place that a block of this language is.
pub(crate) fn named(name: &str) -> Place {
    let name = name.split_ascii_whitespace().next().unwrap_or_default();
    match name.to_ascii_lowercase().as_str() {
        "" => Place::Block,
        "json" | "jsonc" | "json5" | "jsonl" | "application/json" => Place::Json,
        _ => Place::Other,
    }
}

/// Behind the bracket that closes the first one, however wrong what is between.
fn close(text: &[u8]) -> Option<usize> {
    let (mut depth, mut quoted, mut escaped) = (0_usize, false, false);
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'{' | b'[' if !quoted => depth += 1,
            b'}' | b']' if !quoted => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}
