//! What an upstream's answer means that passes as it is.
//!
//! 1. An error in a stream is seen whatever else the event holds.
//! 2. Only what a caller could show to somebody is content: a start or a ping
//!    is not.
//!
//! It decides nothing, and gives what the looks at OpenAI's forms give, so that
//! whoever judges an answer need not know its dialect.

use tidegate_types::Usage;

use super::error::read_error;
use super::frame::{Frame, Piece};
use super::usage::Counts;
use crate::chat::Tokens;
use crate::json::{Kind, Scanner, Violation, utf8};
use crate::openai::{Answer, Chunk, Look};
use crate::sse::Event;

/// Looks at the events of one stream. It keeps the usage alone, which is told
/// in two parts.
#[derive(Debug, Default)]
pub struct Looker {
    counts: Counts,
}

impl Looker {
    /// What a whole event means. [`Look::Done`] is the `message_stop`; usage is
    /// that of the whole stream up to here.
    pub fn look_event(&mut self, event: &Event<'_>) -> Look {
        let data = event.data();
        let Ok(text) = std::str::from_utf8(&data) else {
            return Look::NotUtf8;
        };
        let mut counts = self.counts;
        let frame = Frame::read(text, &mut counts);
        if event.name() == b"error" {
            return Look::Error(read_error(200, &data));
        }
        let Ok(frame) = frame else {
            return Look::Malformed;
        };
        let name = String::from_utf8_lossy(event.name());
        let kind = frame.kind.map_or(name, |kind| kind.decode());
        if frame.failed || kind == "error" {
            return Look::Error(read_error(200, &data));
        }
        if kind == "message_stop" {
            return Look::Done;
        }
        self.counts = counts;
        let said = Said::of(&frame.piece, &kind);
        let usage = matches!(kind.as_ref(), "message_start" | "message_delta");
        let finish = kind == "message_delta" && frame.piece.stop_reason.is_some();
        let part = said.content || finish || kind == "message_start";
        Look::Chunk(Chunk {
            content: said.content,
            text_bytes: u32::try_from(said.text_bytes).unwrap_or(u32::MAX),
            finish,
            seen: u64::from(part),
            ended: u64::from(finish),
            calls: false,
            usage: counts.tokens().filter(|_| usage).map(Tokens::usage),
            empty_choices: false,
        })
    }
}

/// What a block or a delta adds to an answer.
#[derive(Default)]
struct Said {
    content: bool,
    text_bytes: u64,
}

impl Said {
    fn of(piece: &Piece<'_>, kind: &str) -> Self {
        if !matches!(kind, "content_block_start" | "content_block_delta") {
            return Self::default();
        }
        let added = piece
            .added()
            .iter()
            .flatten()
            .map(|text| text.len() as u64)
            .sum();
        // A call is content from its name on, as is what is not known here.
        let begun = kind == "content_block_start"
            && piece
                .kind
                .is_some_and(|kind| !matches!(kind.decode().as_ref(), "text" | "thinking"));
        Self {
            content: begun || added > 0,
            text_bytes: added,
        }
    }
}

/// What a whole answer says.
pub fn look_answer(body: &[u8]) -> Answer {
    match utf8(body).and_then(read) {
        Ok(Found {
            failed: false,
            content: true,
            usage,
            text_bytes,
        }) => Answer::Ok { usage, text_bytes },
        Ok(Found { failed: true, .. }) => Answer::Error(read_error(200, body)),
        _ => Answer::Malformed,
    }
}

#[derive(Default)]
struct Found {
    failed: bool,
    /// It has a list of blocks.
    content: bool,
    usage: Option<Usage>,
    text_bytes: u64,
}

fn read(text: &str) -> Result<Found, Violation> {
    let mut scan = Scanner::of_upstream(text);
    let mut found = Found::default();
    let mut counts = Counts::default();
    scan.object(|scan, key| {
        match key.decode().as_ref() {
            "content" if scan.kind()? == Kind::Array => {
                found.content = true;
                scan.array(|scan| {
                    let mut piece = Piece::default();
                    piece.read(scan)?;
                    let texts = piece.added();
                    let text: usize = texts.iter().flatten().map(|text| text.len()).sum();
                    found.text_bytes += (text + piece.input.len()) as u64;
                    Ok::<(), Violation>(())
                })?;
            }
            "usage" => counts.read(scan)?,
            "error" => found.failed |= !scan.null()? && scan.skip().map(|()| true)?,
            "type" => {
                let kind = scan.text()?;
                found.failed |= kind.is_some_and(|kind| kind.decode() == "error");
            }
            _ => scan.skip()?,
        }
        Ok::<(), Violation>(())
    })?;
    scan.end()?;
    found.usage = counts.tokens().map(Tokens::usage);
    Ok(found)
}
