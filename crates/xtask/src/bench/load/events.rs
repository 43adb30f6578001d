//! Counts the events of a server-sent stream.
//!
//! 1. The count does not depend on how the bytes are cut into pieces.
//! 2. Comments (`: ping`) and empty events are not counted.
//!
//! It keeps only the beginning of a line: enough to tell the end of either
//! dialect (`[DONE]`, `message_stop`) and an error event from content.

/// As much of a line as is looked at.
const HEAD: usize = 24;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Seen {
    #[default]
    Nothing,
    Data,
    Done,
    Error,
}

/// The running count over one stream.
#[derive(Debug, Default)]
pub(crate) struct Events {
    head: [u8; HEAD],
    /// Length of the current line so far, without its line feed.
    length: usize,
    event: Seen,
    /// What the name of the event that is read says of it.
    named: Option<Seen>,
    counted: u32,
    errors: u32,
    done: bool,
    after_done: bool,
}

impl Events {
    /// Takes the next bytes of the stream.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(at) = memchr::memchr(b'\n', bytes) {
            self.line_part(&bytes[..at]);
            self.line_end();
            bytes = &bytes[at + 1..];
        }
        self.line_part(bytes);
    }

    /// Data events so far, `[DONE]` included.
    pub(crate) fn counted(&self) -> u32 {
        self.counted
    }

    /// Error events so far.
    pub(crate) fn errors(&self) -> u32 {
        self.errors
    }

    /// Whether `[DONE]` is the last event and nothing is left over behind it.
    pub(crate) fn is_done(&self) -> bool {
        self.done && !self.after_done && self.length == 0 && self.event == Seen::Nothing
    }

    fn line_part(&mut self, part: &[u8]) {
        if self.length < HEAD {
            let take = part.len().min(HEAD - self.length);
            self.head[self.length..self.length + take].copy_from_slice(&part[..take]);
        }
        self.length += part.len();
    }

    fn line_end(&mut self) {
        let line = &self.head[..self.length.min(HEAD)];
        let line = if self.length <= HEAD {
            line.strip_suffix(b"\r").unwrap_or(line)
        } else {
            line
        };
        if line.is_empty() {
            self.dispatch();
        } else if let Some(data) = line.strip_prefix(b"data:") {
            let data = data.strip_prefix(b" ").unwrap_or(data);
            self.event = match data {
                b"[DONE]" => Seen::Done,
                data if data.starts_with(b"{\"error\"") => Seen::Error,
                _ => self.named.take().unwrap_or(Seen::Data),
            };
        } else if let Some(name) = line.strip_prefix(b"event: ") {
            self.named = match name {
                b"message_stop" => Some(Seen::Done),
                b"error" => Some(Seen::Error),
                _ => None,
            };
        }
        self.length = 0;
    }

    fn dispatch(&mut self) {
        let event = std::mem::take(&mut self.event);
        self.named = None;
        if event == Seen::Nothing {
            return;
        }
        self.after_done |= self.done;
        self.counted += 1;
        self.errors += u32::from(event == Seen::Error);
        self.done |= event == Seen::Done;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &[u8] = b"data: {\"id\":\"chatcmpl-1\",\"choices\":[]}\n\n: ping\n\n\
        data: {\"id\":2}\r\n\r\nevent: x\ndata:{\"error\":{}}\n\ndata: [DONE]\n\n";

    fn fed(pieces: &[&[u8]]) -> Events {
        let mut events = Events::default();
        pieces.iter().for_each(|piece| events.feed(piece));
        events
    }

    #[test]
    fn promise_1_any_cut_gives_the_same_count() {
        for at in 0..=STREAM.len() {
            let events = fed(&[&STREAM[..at], &STREAM[at..]]);
            assert_eq!((events.counted(), events.errors()), (4, 1), "cut at {at}");
            assert!(events.is_done(), "cut at {at}");
        }
        let bytes: Vec<&[u8]> = STREAM.chunks(1).collect();
        assert_eq!(fed(&bytes).counted(), 4);
    }

    #[test]
    fn promise_2_comments_are_not_events() {
        assert_eq!(fed(&[b": ping\n\n\n\n: ping\n\n"]).counted(), 0);
    }

    #[test]
    fn a_message_ends_as_its_dialect_does() {
        let event = |name: &str| format!("event: {name}\ndata: {{\"type\":\"{name}\"}}\n\n");
        let begun = event("message_start");
        assert!(!fed(&[begun.as_bytes()]).is_done());
        let whole = format!("{begun}{}", event("message_stop"));
        let events = fed(&[whole.as_bytes()]);
        assert!(events.is_done() && events.counted() == 2 && events.errors() == 0);
        assert_eq!(fed(&[event("error").as_bytes()]).errors(), 1);
    }

    #[test]
    fn only_a_whole_last_done_is_an_end() {
        assert!(!fed(&[b"data: 1\n\n"]).is_done());
        assert!(!fed(&[b"data: [DONE]\n"]).is_done());
        assert!(!fed(&[b"data: [DONE]\n\ndata: 1\n\n"]).is_done());
        assert!(!fed(&[b"data: [DONE]\n\ndata"]).is_done());
        assert!(!fed(&[b"data: [DONE] and more\n\n"]).is_done());
        assert!(fed(&[b"data: [DONE]\n\n"]).is_done());
    }
}
