//! JSON as it comes, byte by byte: one automaton on which all reading of answers
//! stands, whole or in pieces.
//!
//! 1. It takes what RFC 8259 takes, no more and no less, but for the nesting,
//!    which has a bound, and halves of surrogate pairs, which are refused.
//! 2. Any cut of the bytes gives the same events at the same places.
//! 3. A byte is looked at once; what is held does not grow with the text.

/// The deepest nesting that is read: what may come in a request, too.
pub const MAX_DEPTH: usize = 64;

/// What holds other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Container {
    Array,
    Object,
}

/// What holds none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scalar {
    /// The name of a member.
    Key,
    String,
    Number,
    /// `true`, `false` or `null`.
    Word,
}

/// What was read. An opening or a beginning stands at its first byte, a closing
/// or an end behind its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Open(Container),
    Close(Container),
    Begin(Scalar),
    End(Scalar),
    /// Between a key and its value.
    Colon,
}

/// How far a text was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fed {
    /// It was well so far, and is not over.
    More,
    /// The document ends before this byte.
    Done(usize),
    /// The listener had enough at this byte.
    Enough(usize),
    /// It cannot become JSON: at this byte something else should stand.
    Wrong(usize, &'static str),
    /// The bracket at this byte is one too deep.
    Deep(usize),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A value; or the end of the array.
    Value {
        or_close: bool,
    },
    /// A key; or the end of the object.
    Key {
        or_close: bool,
    },
    Colon,
    /// Behind a value that is inside something.
    After,
    Text(Scalar, Escape),
    Number(Digits),
    /// What is left of it.
    Word(&'static [u8]),
    Done,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Escape {
    None,
    Begun,
    /// Digits to come, what they make so far, and whether it is a second half.
    Hex(u8, u16, bool),
    /// A first half was there: `\` must follow, then `u`.
    Second(bool),
}

/// Where in a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Digits {
    Minus,
    Zero,
    Whole,
    Point,
    Fraction,
    Power,
    Sign,
    Exponent,
}

impl Digits {
    fn may_end(self) -> bool {
        matches!(
            self,
            Self::Zero | Self::Whole | Self::Fraction | Self::Exponent
        )
    }

    fn next(self, byte: u8) -> Option<Self> {
        Some(match (self, byte) {
            (Self::Minus, b'0') => Self::Zero,
            (Self::Minus, b'1'..=b'9') | (Self::Whole, b'0'..=b'9') => Self::Whole,
            (Self::Zero | Self::Whole, b'.') => Self::Point,
            (Self::Point | Self::Fraction, b'0'..=b'9') => Self::Fraction,
            (Self::Zero | Self::Whole | Self::Fraction, b'e' | b'E') => Self::Power,
            (Self::Power, b'+' | b'-') => Self::Sign,
            (Self::Power | Self::Sign | Self::Exponent, b'0'..=b'9') => Self::Exponent,
            _ => return None,
        })
    }
}

/// The automaton: where it is, and in what.
#[derive(Clone, Debug)]
pub(crate) struct Machine {
    at: At,
    /// A bit for each open container, the innermost the lowest: set for objects.
    open: u64,
    depth: usize,
    colon: bool,
}

impl Machine {
    pub(crate) fn new() -> Self {
        Self {
            at: At::Value { or_close: false },
            open: 0,
            depth: 0,
            colon: false,
        }
    }

    /// Open containers.
    pub(crate) fn depth(&self) -> usize {
        self.depth
    }

    /// The innermost container.
    pub(crate) fn inside(&self) -> Option<Container> {
        let innermost = if self.open & 1 == 1 {
            Container::Object
        } else {
            Container::Array
        };
        (self.depth > 0).then_some(innermost)
    }

    /// Whether a key and its colon were read: then this is JSON and no prose.
    pub(crate) fn is_certain(&self) -> bool {
        self.colon
    }

    /// What the text's end cuts: the string that is open.
    pub(crate) fn open_string(&self) -> Option<Scalar> {
        match self.at {
            At::Text(kind, _) => Some(kind),
            _ => None,
        }
    }

    /// Whether a string, a number or a word is open.
    pub(crate) fn in_scalar(&self) -> bool {
        matches!(self.at, At::Text(..) | At::Number(_) | At::Word(_))
    }

    /// Whether an escape is open, too.
    pub(crate) fn in_escape(&self) -> bool {
        matches!(self.at, At::Text(_, escape) if escape != Escape::None)
    }

    /// What is missing of `true`, `false` or `null`.
    pub(crate) fn open_word(&self) -> Option<&'static str> {
        match self.at {
            At::Word(rest) => std::str::from_utf8(rest).ok(),
            _ => None,
        }
    }

    /// Reads `text`; `tell` is told each event, and goes on while it says so.
    #[inline]
    pub(crate) fn feed(&mut self, text: &[u8], mut tell: impl FnMut(Event, usize) -> bool) -> Fed {
        let mut i = 0;
        while let Some(&byte) = text.get(i) {
            let event = match self.at {
                At::Done => return Fed::Done(i),
                At::Text(kind, escape) => {
                    if escape == Escape::None {
                        let Some(run) = plain(&text[i..]) else {
                            return Fed::More;
                        };
                        i += run;
                    }
                    match escape.next(text[i]) {
                        Ok(None) => {
                            self.behind(kind);
                            Some((Event::End(kind), i + 1))
                        }
                        Ok(Some(escape)) => {
                            self.at = At::Text(kind, escape);
                            None
                        }
                        Err(expected) => return Fed::Wrong(i, expected),
                    }
                }
                At::Number(digits) => {
                    if let Some(digits) = digits.next(byte) {
                        self.at = At::Number(digits);
                        i += 1;
                    } else if !digits.may_end() {
                        return Fed::Wrong(i, "a digit");
                    } else {
                        // The byte is not of the number: it is looked at again.
                        self.behind(Scalar::Number);
                        if !tell(Event::End(Scalar::Number), i) {
                            return Fed::Enough(i);
                        }
                    }
                    continue;
                }
                At::Word(rest) => match rest.split_first() {
                    Some((next, [])) if *next == byte => {
                        self.behind(Scalar::Word);
                        Some((Event::End(Scalar::Word), i + 1))
                    }
                    Some((next, rest)) if *next == byte => {
                        self.at = At::Word(rest);
                        None
                    }
                    _ => return Fed::Wrong(i, "true, false or null"),
                },
                _ if matches!(byte, b' ' | b'\t' | b'\n' | b'\r') => None,
                _ => match self.between(byte) {
                    Next::Event(event @ Event::Close(_)) => Some((event, i + 1)),
                    Next::Event(event) => Some((event, i)),
                    Next::Comma => None,
                    Next::Wrong(expected) => return Fed::Wrong(i, expected),
                    Next::Deep => return Fed::Deep(i),
                },
            };
            i += 1;
            if let Some((event, at)) = event
                && !tell(event, at)
            {
                return Fed::Enough(i);
            }
        }
        match self.at {
            At::Done => Fed::Done(text.len()),
            _ => Fed::More,
        }
    }

    /// The text is over: a number that may end here does. Whether the document is
    /// whole.
    pub(crate) fn finish(&mut self, end: usize, mut tell: impl FnMut(Event, usize)) -> bool {
        if let At::Number(digits) = self.at
            && digits.may_end()
            && self.depth == 0
        {
            self.behind(Scalar::Number);
            tell(Event::End(Scalar::Number), end);
        }
        self.at == At::Done
    }
}

/// How many bytes of a string are plain; `None`, if all are.
fn plain(text: &[u8]) -> Option<usize> {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
    text.iter().position(special)
}

/// What a byte between strings, numbers and words is.
enum Next {
    Event(Event),
    Comma,
    Wrong(&'static str),
    Deep,
}

impl Machine {
    fn between(&mut self, byte: u8) -> Next {
        match (self.at, byte) {
            (At::Value { or_close: true }, b']') => self.close(Container::Array),
            (At::Value { .. }, _) => self.value(byte),
            (At::Key { or_close: true }, b'}') => self.close(Container::Object),
            (At::Key { .. }, b'"') => self.begin(Scalar::Key, At::Text(Scalar::Key, Escape::None)),
            (At::Key { .. }, _) => Next::Wrong("a key in quotes"),
            (At::Colon, b':') => {
                self.at = At::Value { or_close: false };
                self.colon = true;
                Next::Event(Event::Colon)
            }
            (At::Colon, _) => Next::Wrong("`:`"),
            (At::After, b',') => {
                self.at = match self.inside() {
                    Some(Container::Object) => At::Key { or_close: false },
                    _ => At::Value { or_close: false },
                };
                Next::Comma
            }
            (At::After, b']') if self.inside() == Some(Container::Array) => {
                self.close(Container::Array)
            }
            (At::After, b'}') if self.inside() == Some(Container::Object) => {
                self.close(Container::Object)
            }
            _ => Next::Wrong("`,` or the end of what is open"),
        }
    }

    fn value(&mut self, byte: u8) -> Next {
        match byte {
            b'{' => self.push(Container::Object),
            b'[' => self.push(Container::Array),
            b'"' => self.begin(Scalar::String, At::Text(Scalar::String, Escape::None)),
            b'-' => self.begin(Scalar::Number, At::Number(Digits::Minus)),
            b'0' => self.begin(Scalar::Number, At::Number(Digits::Zero)),
            b'1'..=b'9' => self.begin(Scalar::Number, At::Number(Digits::Whole)),
            b't' => self.begin(Scalar::Word, At::Word(b"rue")),
            b'f' => self.begin(Scalar::Word, At::Word(b"alse")),
            b'n' => self.begin(Scalar::Word, At::Word(b"ull")),
            _ => Next::Wrong("a value"),
        }
    }

    fn begin(&mut self, kind: Scalar, at: At) -> Next {
        self.at = at;
        Next::Event(Event::Begin(kind))
    }

    fn push(&mut self, container: Container) -> Next {
        if self.depth == MAX_DEPTH {
            return Next::Deep;
        }
        self.depth += 1;
        self.open = self.open << 1 | u64::from(container == Container::Object);
        self.at = match container {
            Container::Object => At::Key { or_close: true },
            Container::Array => At::Value { or_close: true },
        };
        Next::Event(Event::Open(container))
    }

    fn close(&mut self, container: Container) -> Next {
        self.depth -= 1;
        self.open >>= 1;
        self.at = self.after();
        Next::Event(Event::Close(container))
    }

    /// Where it is behind a scalar.
    fn behind(&mut self, kind: Scalar) {
        self.at = match kind {
            Scalar::Key => At::Colon,
            _ => self.after(),
        };
    }

    fn after(&self) -> At {
        match self.depth {
            0 => At::Done,
            _ => At::After,
        }
    }
}

impl Escape {
    /// Where a string goes on; `None`, where it ends.
    fn next(self, byte: u8) -> Result<Option<Self>, &'static str> {
        Ok(Some(match (self, byte) {
            (Self::None, b'"') => return Ok(None),
            (Self::None, b'\\') => Self::Begun,
            (Self::None, ..=0x1f) => return Err("no control character in a string"),
            (Self::None, _) => Self::None,
            (Self::Begun, b'u') => Self::Hex(4, 0, false),
            (Self::Begun, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Self::None,
            (Self::Begun, _) => return Err("an escape that JSON has"),
            (Self::Second(false), b'\\') => Self::Second(true),
            (Self::Second(true), b'u') => Self::Hex(4, 0, true),
            (Self::Second(_), _) => return Err("the second half of a surrogate pair"),
            (Self::Hex(left, code, second), _) => {
                let digit = char::from(byte).to_digit(16);
                let digit = digit.ok_or("a hexadecimal digit")?;
                let code = code << 4 | u16::try_from(digit).unwrap_or(0);
                match (left, code, second) {
                    (2.., ..) => Self::Hex(left - 1, code, second),
                    (_, 0xd800..=0xdbff, false) => Self::Second(false),
                    (_, 0xdc00..=0xdfff, true) => Self::None,
                    (_, 0xdc00..=0xdfff, false) => return Err("no half of a surrogate pair"),
                    (_, _, true) => return Err("the second half of a surrogate pair"),
                    _ => Self::None,
                }
            }
        }))
    }
}
