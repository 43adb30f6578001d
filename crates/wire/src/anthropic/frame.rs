//! One event of a stream, in one pass and without a copy but of escaped text.
//!
//! Members that are not known are passed over. A half of a surrogate pair, which
//! some upstreams cut between two events, becomes U+FFFD.

use super::usage::Counts;
use crate::json::{Kind, Scanner, Text, Violation};

/// What an event says, whatever its kind.
#[derive(Default)]
pub(super) struct Frame<'a> {
    pub(super) kind: Option<Text<'a>>,
    pub(super) index: u64,
    /// The `delta` or `content_block`.
    pub(super) piece: Piece<'a>,
    /// Of the `message` of a start.
    pub(super) id: Option<Text<'a>>,
    pub(super) model: Option<Text<'a>>,
    pub(super) failed: bool,
}

/// A block's beginning, or more of it, or more of the message.
#[derive(Default)]
pub(super) struct Piece<'a> {
    pub(super) kind: Option<Text<'a>>,
    pub(super) text: Option<Text<'a>>,
    pub(super) thinking: Option<Text<'a>>,
    pub(super) signature: Option<Text<'a>>,
    pub(super) partial_json: Option<Text<'a>>,
    pub(super) data: Option<Text<'a>>,
    pub(super) id: Option<Text<'a>>,
    pub(super) name: Option<Text<'a>>,
    /// The `input` as it stands.
    pub(super) input: &'a str,
    pub(super) stop_reason: Option<Text<'a>>,
    pub(super) stop_sequence: Option<Text<'a>>,
}

impl<'a> Frame<'a> {
    /// Reads an event's data; `counts` takes the usage that it tells.
    pub(super) fn read(data: &'a str, counts: &mut Counts) -> Result<Self, Violation> {
        let mut frame = Self::default();
        let mut scan = Scanner::of_upstream(data);
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "type" => frame.kind = scan.text()?,
                "index" => frame.index = scan.whole()?.unwrap_or(0),
                "delta" | "content_block" => frame.piece.read(scan)?,
                "message" => frame.message(scan, counts)?,
                "usage" => counts.read(scan)?,
                "error" => {
                    frame.failed = true;
                    scan.skip()?;
                }
                _ => scan.skip()?,
            }
            Ok::<(), Violation>(())
        })?;
        scan.end()?;
        Ok(frame)
    }

    fn message(&mut self, scan: &mut Scanner<'a>, counts: &mut Counts) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| {
            match key.decode().as_ref() {
                "id" => self.id = scan.text()?,
                "model" => self.model = scan.text()?,
                "usage" => counts.read(scan)?,
                _ => scan.skip()?,
            }
            Ok(())
        })
    }
}

impl<'a> Piece<'a> {
    pub(super) fn read(&mut self, scan: &mut Scanner<'a>) -> Result<(), Violation> {
        if scan.kind()? != Kind::Object {
            return scan.skip();
        }
        scan.object(|scan, key| {
            let place = match key.decode().as_ref() {
                "type" => &mut self.kind,
                "text" => &mut self.text,
                "thinking" => &mut self.thinking,
                "signature" => &mut self.signature,
                "partial_json" => &mut self.partial_json,
                "data" => &mut self.data,
                "id" => &mut self.id,
                "name" => &mut self.name,
                "stop_reason" => &mut self.stop_reason,
                "stop_sequence" => &mut self.stop_sequence,
                "input" => {
                    self.input = scan.span()?;
                    return Ok(());
                }
                _ => return scan.skip(),
            };
            *place = scan.text()?;
            Ok(())
        })
    }

    /// The texts that this adds to an answer.
    pub(super) fn added(&self) -> [Option<Text<'a>>; 3] {
        [self.text, self.thinking, self.partial_json]
    }
}
