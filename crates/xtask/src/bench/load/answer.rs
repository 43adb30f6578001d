//! Reads one HTTP/1.1 answer, in whatever pieces it comes.
//!
//! 1. The result does not depend on how the bytes are cut into pieces.
//! 2. It knows `content-length` and chunked framing; anything else is a fault,
//!    and so are bytes behind the end.
//! 3. It holds at most one head and one unary body, both bounded.

use memchr::memmem;

use super::{Fault, events::Events};

const HEAD_LIMIT: usize = 16 << 10;
const BODY_LIMIT: usize = 4 << 20;
/// Where an answer says why it ended, in either dialect.
const ENDED: [&[u8]; 2] = [b"\"finish_reason\"", b"\"stop_reason\""];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Head,
    Length(u64),
    /// A chunk's size line: the size so far, the digits seen, and whether an extension runs.
    Size(u64, u8, bool),
    Chunk(u64),
    /// The line end behind a chunk.
    ChunkEnd,
    /// Lines behind the last chunk: the length of the current one.
    Trailer(usize),
    Done,
}

/// What the upstream's own answers look like, and so what every subject's must.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect {
    /// Data events of a stream, `[DONE]` included; zero means a unary JSON answer.
    pub(crate) events: u32,
    /// Bytes of the body: at least this many.
    pub(crate) bytes: u64,
}

/// One answer while it is read; reused for the next one.
#[derive(Debug)]
pub(crate) struct Answer {
    state: State,
    head: Vec<u8>,
    status: u16,
    stream: bool,
    close: bool,
    events: Events,
    body: Vec<u8>,
    body_bytes: u64,
}

impl Answer {
    pub(crate) fn new() -> Self {
        Self {
            state: State::Head,
            head: Vec::with_capacity(1 << 10),
            status: 0,
            stream: false,
            close: false,
            events: Events::default(),
            body: Vec::new(),
            body_bytes: 0,
        }
    }

    /// Makes ready for the next answer, keeping the buffers.
    pub(crate) fn reset(&mut self) {
        self.state = State::Head;
        self.head.clear();
        self.body.clear();
        self.body_bytes = 0;
        self.events = Events::default();
    }

    /// Takes the next bytes; true when the answer is whole.
    pub(crate) fn feed(&mut self, mut bytes: &[u8]) -> Result<bool, Fault> {
        while !bytes.is_empty() {
            let used = match self.state {
                State::Head => self.take_head(bytes)?,
                State::Length(left) => {
                    let used = self.take_body(bytes, left)?;
                    self.state = match left - used as u64 {
                        0 => State::Done,
                        left => State::Length(left),
                    };
                    used
                }
                State::Chunk(left) => {
                    let used = self.take_body(bytes, left)?;
                    self.state = match left - used as u64 {
                        0 => State::ChunkEnd,
                        left => State::Chunk(left),
                    };
                    used
                }
                State::Done => return Err(Fault::Malformed),
                State::Size(..) | State::ChunkEnd | State::Trailer(_) => {
                    self.state = framing(self.state, bytes[0])?;
                    1
                }
            };
            bytes = &bytes[used..];
        }
        Ok(self.state == State::Done)
    }

    pub(crate) fn status(&self) -> u16 {
        self.status
    }

    /// Whether the server said that it closes the connection.
    pub(crate) fn closes(&self) -> bool {
        self.close
    }

    /// Whether at least one event of a stream is whole.
    pub(crate) fn has_event(&self) -> bool {
        self.events.counted() > 0
    }

    /// The unary body as read.
    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// The shape of this answer, to hold other answers against: some bytes fewer
    /// are allowed because ids grow and shrink with their counter.
    pub(crate) fn shape(&self) -> Expect {
        Expect {
            events: self.events.counted(),
            bytes: self.body_bytes - self.body_bytes / 8,
        }
    }

    /// Bytes of the body so far.
    pub(crate) fn body_bytes(&self) -> u64 {
        self.body_bytes
    }

    /// Checks a whole answer.
    pub(crate) fn check(&self, expect: &Expect) -> Result<(), Fault> {
        if self.status != 200 {
            return Err(Fault::Status(self.status));
        }
        if self.stream != (expect.events > 0) {
            return Err(Fault::Body);
        }
        if self.stream {
            if self.events.errors() > 0 {
                return Err(Fault::ErrorEvent);
            }
            if !self.events.is_done() {
                return Err(Fault::NotDone);
            }
            if self.events.counted() != expect.events {
                return Err(Fault::Events);
            }
        } else if !ENDED
            .iter()
            .any(|why| memmem::find(&self.body, why).is_some())
        {
            return Err(Fault::Body);
        }
        if self.body_bytes < expect.bytes {
            Err(Fault::Body)
        } else {
            Ok(())
        }
    }

    fn take_head(&mut self, bytes: &[u8]) -> Result<usize, Fault> {
        let before = self.head.len();
        let from = before.saturating_sub(3);
        self.head
            .extend_from_slice(&bytes[..bytes.len().min(HEAD_LIMIT)]);
        let Some(at) = memmem::find(&self.head[from..], b"\r\n\r\n") else {
            return if self.head.len() > HEAD_LIMIT {
                Err(Fault::Malformed)
            } else {
                Ok(bytes.len())
            };
        };
        let end = from + at + 4;
        self.head.truncate(end);
        self.read_head()?;
        Ok(end - before)
    }

    fn read_head(&mut self) -> Result<(), Fault> {
        let head = std::str::from_utf8(&self.head).map_err(|_| Fault::Malformed)?;
        let mut lines = head.split("\r\n");
        let status = lines.next().and_then(|line| line.strip_prefix("HTTP/1.1 "));
        let status = status
            .and_then(|rest| rest.get(..3))
            .ok_or(Fault::Malformed)?;
        self.status = status.parse().map_err(|_| Fault::Malformed)?;
        (self.stream, self.close) = (false, false);
        let (mut length, mut chunked) = (None, false);
        for line in lines {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let value = value.trim();
            if name.eq_ignore_ascii_case("content-length") {
                length = Some(value.parse().map_err(|_| Fault::Malformed)?);
            } else if name.eq_ignore_ascii_case("transfer-encoding") {
                chunked = value.eq_ignore_ascii_case("chunked");
            } else if name.eq_ignore_ascii_case("content-type") {
                self.stream = value.starts_with("text/event-stream");
            } else if name.eq_ignore_ascii_case("connection") {
                self.close = value.eq_ignore_ascii_case("close");
            }
        }
        self.state = match (length, chunked) {
            (None, true) => State::Size(0, 0, false),
            (Some(0), false) => State::Done,
            (Some(length), false) => State::Length(length),
            (None, false) | (Some(_), true) => return Err(Fault::Malformed),
        };
        Ok(())
    }

    /// Takes at most `left` bytes of the body and returns how many.
    fn take_body(&mut self, bytes: &[u8], left: u64) -> Result<usize, Fault> {
        let used = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.body_bytes += used as u64;
        if self.stream {
            self.events.feed(&bytes[..used]);
        } else if self.body.len() + used > BODY_LIMIT {
            return Err(Fault::Body);
        } else {
            self.body.extend_from_slice(&bytes[..used]);
        }
        Ok(used)
    }
}

/// One byte of chunked framing.
fn framing(state: State, byte: u8) -> Result<State, Fault> {
    Ok(match (state, byte) {
        (State::Size(_, 0, _), b'\n' | b'\r' | b';') => return Err(Fault::Malformed),
        (State::Size(0, _, _), b'\n') => State::Trailer(0),
        (State::Size(size, _, _), b'\n') => State::Chunk(size),
        (State::Size(size, digits, _), b';' | b'\r') => State::Size(size, digits, true),
        (State::Size(size, digits, true), _) => State::Size(size, digits, true),
        (State::Size(size, digits @ ..15, false), _) => {
            let digit = char::from(byte).to_digit(16).ok_or(Fault::Malformed)?;
            State::Size(size << 4 | u64::from(digit), digits + 1, false)
        }
        (State::ChunkEnd, b'\r') => State::ChunkEnd,
        (State::ChunkEnd, b'\n') => State::Size(0, 0, false),
        (State::Trailer(0), b'\n') => State::Done,
        (State::Trailer(_), b'\n') => State::Trailer(0),
        (State::Trailer(length), b'\r') => State::Trailer(length),
        (State::Trailer(length @ ..HEAD_LIMIT), _) => State::Trailer(length + 1),
        _ => return Err(Fault::Malformed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNARY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
        Content-Length: 24\r\n\r\n{\"finish_reason\":\"stop\"}";
    const STREAM: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
        transfer-encoding: chunked\r\n\r\nb\r\ndata: {\"a\":\r\n4;x=y\r\n1}\n\n\r\n00e\r\n\
        data: [DONE]\n\n\r\n0\r\nt: 1\r\n\r\n";

    fn read(pieces: &[&[u8]]) -> Result<Answer, Fault> {
        let mut answer = Answer::new();
        let mut whole = false;
        for piece in pieces {
            whole = answer.feed(piece)?;
        }
        if whole { Ok(answer) } else { Err(Fault::Cut) }
    }

    #[test]
    fn promise_1_any_cut_reads_the_same() {
        for whole in [UNARY, STREAM] {
            let expect = read(&[whole]).unwrap().shape();
            for at in 0..=whole.len() {
                let answer = read(&[&whole[..at], &whole[at..]]).unwrap();
                answer.check(&expect).unwrap();
            }
            let bytes: Vec<&[u8]> = whole.chunks(1).collect();
            read(&bytes).unwrap().check(&expect).unwrap();
        }
        assert_eq!(read(&[STREAM]).unwrap().shape().events, 2);
        assert_eq!(read(&[UNARY]).unwrap().body_bytes(), 24);
    }

    #[test]
    fn promise_2_broken_framing_is_a_fault() {
        for broken in [
            "HTTP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nmore",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
        ] {
            assert_eq!(
                read(&[broken.as_bytes()]).unwrap_err(),
                Fault::Malformed,
                "{broken:?}"
            );
        }
        let flood = vec![b'x'; HEAD_LIMIT];
        assert_eq!(read(&[&flood, b"xx"]).unwrap_err(), Fault::Malformed);
    }

    #[test]
    fn an_answer_that_is_not_the_upstreams_is_a_fault() {
        let good = Expect {
            events: 2,
            bytes: 20,
        };
        let fault = |expect: Expect, from: &str, to: &str| {
            let text = String::from_utf8(STREAM.to_vec())
                .unwrap()
                .replace(from, to);
            read(&[text.as_bytes()])
                .unwrap()
                .check(&expect)
                .unwrap_err()
        };
        assert_eq!(fault(good, "200 OK", "503 No"), Fault::Status(503));
        assert_eq!(fault(good, "[DONE]", "[NONE]"), Fault::NotDone);
        assert_eq!(
            fault(good, "b\r\ndata: {\"a\":", "e\r\ndata: {\"error\""),
            Fault::ErrorEvent
        );
        assert_eq!(
            fault(good, "text/event-stream", "application/json"),
            Fault::Body
        );
        assert_eq!(fault(Expect { events: 3, ..good }, "", ""), Fault::Events);
        assert_eq!(fault(Expect { bytes: 99, ..good }, "", ""), Fault::Body);
    }

    #[test]
    fn a_reset_answer_forgets_the_one_before() {
        let mut answer = Answer::new();
        answer.feed(STREAM).unwrap();
        answer.reset();
        assert!(!answer.has_event());
        assert!(answer.feed(UNARY).unwrap());
        assert_eq!(answer.shape().events, 0);
    }
}
