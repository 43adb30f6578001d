//! A stream that its caller gets in another dialect: framed as its upstream
//! frames it, and translated piece by piece.

use bytes::{Bytes, BytesMut};
use tidegate_types::Usage;
use tidegate_wire::sse::{self, Kind};
use tidegate_wire::{aws_events, lines};

use super::interpreter::Interpreter;
use super::judge::protocol;
use super::oddities::{Odd, Oddities};
use super::reading::{Seen, too_large};
use crate::dialect::Framing;
use crate::failure::Failure;
use crate::keys::Secrets;

/// See the module's text.
pub(super) struct Translated {
    framer: Framer,
    by: Box<Interpreter>,
    /// What it wrote, and nobody took yet.
    out: BytesMut,
    /// The most bytes of one event.
    most: usize,
    oddities: Oddities,
}

enum Framer {
    Events(sse::Framer),
    Lines(lines::Framer),
    Messages(aws_events::Framer),
}

impl Translated {
    pub(super) fn new(
        framing: Framing,
        by: Box<Interpreter>,
        most: usize,
        oddities: Oddities,
    ) -> Self {
        let framer = match framing {
            Framing::Events => Framer::Events(sse::Framer::new(most)),
            Framing::Lines => Framer::Lines(lines::Framer::new(most)),
            Framing::Messages => Framer::Messages(aws_events::Framer::new(most)),
        };
        Self {
            framer,
            by,
            out: BytesMut::new(),
            most,
            oddities,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        match &mut self.framer {
            Framer::Events(framer) => framer.push(bytes),
            Framer::Lines(framer) => framer.push(bytes),
            Framer::Messages(framer) => framer.push(bytes),
        }
    }

    pub(super) fn next(&mut self, secrets: &Secrets) -> Option<Seen> {
        let Self {
            framer,
            by,
            out,
            oddities,
            most,
        } = self;
        Some(match framer {
            Framer::Events(framer) => match framer.next() {
                None => {
                    // Nothing of it goes on.
                    drop(framer.drain());
                    return None;
                }
                Some(Ok(event)) => match event.kind() {
                    Kind::Comment => Seen::Comment,
                    Kind::Blank | Kind::Fields => Seen::Nothing,
                    Kind::Data => {
                        let data = event.data();
                        let data = whole_text(&data, oddities);
                        by.read(event.name(), &data, secrets, oddities, out)
                    }
                },
                Some(Err(_)) => Seen::Failed(too_large(*most)),
            },
            Framer::Lines(framer) => match framer.next()? {
                Ok(line) => by.read(b"", &whole_text(line, oddities), secrets, oddities, out),
                Err(_) => Seen::Failed(too_large(*most)),
            },
            Framer::Messages(framer) => match framer.next()? {
                Ok(message) => {
                    let data = whole_text(message.data(), oddities);
                    by.read(message.name(), &data, secrets, oddities, out)
                }
                Err(aws_events::Broken::TooLarge { .. }) => Seen::Failed(too_large(*most)),
                Err(_) => Seen::Failed(protocol()),
            },
        })
    }

    pub(super) fn after_done(&mut self, bytes: &[u8]) -> bool {
        let (more, tail) = match &mut self.framer {
            Framer::Events(framer) => {
                framer.push(bytes);
                (framer.next().is_some(), framer.finish())
            }
            Framer::Lines(framer) => {
                framer.push(bytes);
                let more = framer.next().is_some() || framer.finish().is_some();
                (more, sse::Tail::Clean)
            }
            Framer::Messages(framer) => {
                framer.push(bytes);
                (framer.next().is_some(), framer.finish())
            }
        };
        let clean = !more && tail == sse::Tail::Clean;
        if !clean {
            self.oddities.count(Odd::AfterDone);
        }
        clean
    }

    pub(super) fn end(&mut self, secrets: &Secrets) -> Result<(), Failure> {
        let Self {
            framer,
            by,
            out,
            most,
            oddities,
        } = self;
        if let Framer::Lines(framer) = framer
            && let Some(last) = framer.finish()
        {
            let last = last.map_err(|_| too_large(*most))?;
            let data = whole_text(last, oddities);
            if let Seen::Failed(failure) = by.read(b"", &data, secrets, oddities, out) {
                return Err(failure);
            }
        }
        by.end(out)
    }

    pub(super) fn kept(&self) -> usize {
        self.out.len()
    }

    pub(super) fn drain(&mut self) -> Bytes {
        self.out.split().freeze()
    }

    pub(super) fn held(&self) -> usize {
        let framed = match &self.framer {
            Framer::Events(framer) => framer.held(),
            Framer::Lines(framer) => framer.held(),
            Framer::Messages(framer) => framer.held(),
        };
        framed + self.out.len() + self.by.held()
    }

    pub(super) fn content(&self) -> bool {
        self.by.content()
    }

    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        self.by.usage(prompt_bytes)
    }

    pub(super) fn next_number(&self) -> u64 {
        self.by.next_number()
    }

    pub(super) fn parting(&mut self, failure: &Failure, number: u64) -> Bytes {
        let mut out = Vec::new();
        self.by.fail(failure, number, &mut out);
        out.into()
    }
}

/// Broken text is mended (row 21); good text is not copied.
fn whole_text<'a>(data: &'a [u8], oddities: &Oddities) -> std::borrow::Cow<'a, [u8]> {
    match String::from_utf8_lossy(data) {
        std::borrow::Cow::Borrowed(_) => std::borrow::Cow::Borrowed(data),
        std::borrow::Cow::Owned(mended) => {
            oddities.count(Odd::InvalidUtf8);
            std::borrow::Cow::Owned(mended.into_bytes())
        }
    }
}
