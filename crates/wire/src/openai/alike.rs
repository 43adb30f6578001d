//! The chunks of one stream are alike: most differ from the last one in a single
//! text and in nothing else.
//!
//! 1. What it says of an event is what [`look_event`] says of it.
//! 2. An event like the last one costs a comparison and a look at its text.
//! 3. It keeps one chunk's frame at most, and none over [`LARGEST`] bytes.
//!
//! Why 1 holds: the frame was read as JSON around a text between quotes. The
//! same bytes around another text between quotes are the same JSON but for it.

use super::choice::Span;
use super::chunk::{self, Chunk, Look, look_event};
use crate::json::is_plain;
use crate::sse::Event;

/// The largest frame that is kept, in bytes.
const LARGEST: usize = 1024;

/// The longest text that is not read in full: far below what a string may have.
const LONGEST: usize = 64 << 10;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Alike {
    /// What stood around the text of the last chunk: all before its first byte,
    /// and all behind its last. Both empty if that chunk was of another kind.
    before: Vec<u8>,
    behind: Vec<u8>,
    /// What it meant.
    chunk: Chunk,
}

impl Alike {
    /// What `event` means; see [`look_event`].
    pub fn look_event(&mut self, event: &Event<'_>) -> Look {
        if !event.name().is_empty() {
            return look_event(event);
        }
        let data = event.data();
        if let Some(text) = self.text(&data) {
            return Look::Chunk(Chunk {
                text_bytes: u32::try_from(text).unwrap_or(u32::MAX),
                ..self.chunk
            });
        }
        let Ok(text) = std::str::from_utf8(&data) else {
            return Look::NotUtf8;
        };
        match chunk::read_with_span(text) {
            Ok((look, span)) => {
                self.learn(&look, &data, span);
                look
            }
            // It may be the end, which is no JSON.
            Err(_) => chunk::look(&data),
        }
    }

    /// The length of the text in `data`, if all else is as it was. A text without
    /// anything is read in full: whether it is content, the rest says.
    fn text(&self, data: &[u8]) -> Option<usize> {
        if self.before.is_empty() {
            return None;
        }
        let text = data.strip_prefix(&*self.before)?;
        let text = text.strip_suffix(&*self.behind)?;
        let short = (1..=LONGEST).contains(&text.len());
        (short && is_plain(text)).then_some(text.len())
    }

    /// Keeps the frame of a chunk that has one text, and in which nothing ends.
    fn learn(&mut self, look: &Look, data: &[u8], Span { start, end }: Span) {
        self.before.clear();
        self.behind.clear();
        let Look::Chunk(chunk) = look else {
            return;
        };
        let other = chunk.calls || chunk.finish || chunk.usage.is_some();
        let alone = chunk.content && chunk.text_bytes as usize == end - start;
        if other || !alone || data.len() - (end - start) > LARGEST {
            return;
        }
        if let (Some(before), Some(behind)) = (data.get(..start), data.get(end..)) {
            self.before.extend_from_slice(before);
            self.behind.extend_from_slice(behind);
            self.chunk = *chunk;
        }
    }
}

#[cfg(test)]
mod tests;
