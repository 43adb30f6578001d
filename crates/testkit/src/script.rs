//! What an upstream does with one request, as a list of steps.
//!
//! The builder encodes the framing, so that a step is plain bytes on the wire
//! and a script can break any rule it likes.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;

use crate::openai;

/// One thing that the upstream does.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Wait(Duration),
    Write(Bytes),
    Until(Signal),
    /// Closes our sending side, then waits for the peer to close.
    Fin,
    /// Drops the connection with a reset.
    Rst,
    /// Nothing more, for ever.
    Stall,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Framing {
    Chunked,
    Plain,
}

/// An answer, step by step. Build it from the front to the back.
#[derive(Debug, Clone)]
pub struct Script {
    framing: Framing,
    steps: Vec<Step>,
    /// Set once a step ended the connection: nothing follows.
    ended: bool,
}

impl Script {
    /// Bytes as they are given, head included, and the connection stays open.
    pub fn raw(bytes: impl Into<Bytes>) -> Self {
        Self {
            framing: Framing::Plain,
            steps: vec![Step::Write(bytes.into())],
            ended: false,
        }
    }

    /// Takes the request and never answers.
    pub fn silent() -> Self {
        Self {
            framing: Framing::Plain,
            steps: vec![Step::Stall],
            ended: true,
        }
    }

    /// Status 200, `text/event-stream`, chunked.
    pub fn sse() -> Self {
        Self::chunked(200, &[("content-type", "text/event-stream; charset=utf-8")])
    }

    /// A chunked answer with these headers.
    pub fn chunked(status: u16, headers: &[(&str, &str)]) -> Self {
        let mut head = head(status, headers);
        head.push_str("transfer-encoding: chunked\r\n\r\n");
        Self {
            framing: Framing::Chunked,
            steps: vec![Step::Write(head.into())],
            ended: false,
        }
    }

    /// A whole JSON answer with its `content-length`.
    pub fn json(status: u16, body: &str) -> Self {
        Self::whole(
            status,
            &[("content-type", "application/json")],
            body.as_bytes(),
        )
    }

    /// A whole answer with its `content-length`.
    pub fn whole(status: u16, headers: &[(&str, &str)], body: &[u8]) -> Self {
        Self::declared(status, headers, body.len()).bytes(body.to_vec())
    }

    /// The head of an answer that says `length`, whatever follows.
    pub fn declared(status: u16, headers: &[(&str, &str)], length: usize) -> Self {
        let mut head = head(status, headers);
        head.push_str(&format!("content-length: {length}\r\n\r\n"));
        Self {
            framing: Framing::Plain,
            steps: vec![Step::Write(head.into())],
            ended: false,
        }
    }

    /// A stream of content pieces that ends as it should.
    pub fn stream_of(pieces: &[&str]) -> Self {
        let mut script = Self::sse().event(&openai::role_chunk());
        for piece in pieces {
            script = script.event(&openai::content_chunk(piece));
        }
        script.event(&openai::finish_chunk()).done()
    }

    /// Everything so far happens this much later.
    #[must_use]
    pub fn late(mut self, by: Duration) -> Self {
        self.steps.insert(0, Step::Wait(by));
        self
    }

    /// Everything so far happens only after `signal`.
    #[must_use]
    pub fn held(mut self, signal: &Signal) -> Self {
        self.steps.insert(0, Step::Until(signal.clone()));
        self
    }

    /// Waits.
    #[must_use]
    pub fn wait(self, time: Duration) -> Self {
        self.step(Step::Wait(time))
    }

    /// Waits for `signal`.
    #[must_use]
    pub fn until(self, signal: &Signal) -> Self {
        self.step(Step::Until(signal.clone()))
    }

    /// Body bytes: one chunk of a chunked answer.
    #[must_use]
    pub fn bytes(self, bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        match self.framing {
            Framing::Plain => self.unframed(bytes),
            Framing::Chunked => {
                let mut chunk = format!("{:x}\r\n", bytes.len()).into_bytes();
                chunk.extend_from_slice(&bytes);
                chunk.extend_from_slice(b"\r\n");
                self.unframed(chunk)
            }
        }
    }

    /// Body bytes in pieces of `size`, each a chunk and a write of its own.
    #[must_use]
    pub fn split(mut self, bytes: &[u8], size: usize) -> Self {
        for piece in bytes.chunks(size) {
            // A pause lets the piece travel alone.
            self = self.bytes(piece.to_vec()).wait(Duration::from_millis(1));
        }
        self
    }

    /// Bytes on the wire without framing.
    #[must_use]
    pub fn unframed(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Write(bytes.into()))
    }

    /// One SSE event with this data.
    #[must_use]
    pub fn event(self, data: &str) -> Self {
        self.bytes(format!("data: {data}\n\n"))
    }

    /// The end marker of the OpenAI dialect.
    #[must_use]
    pub fn done(self) -> Self {
        self.event("[DONE]")
    }

    /// Ends the connection cleanly here, without the framing's own end.
    #[must_use]
    pub fn fin(mut self) -> Self {
        self = self.step(Step::Fin);
        self.ended = true;
        self
    }

    /// Resets the connection here.
    #[must_use]
    pub fn rst(mut self) -> Self {
        self = self.step(Step::Rst);
        self.ended = true;
        self
    }

    /// Stands still here until the peer goes.
    #[must_use]
    pub fn stall(mut self) -> Self {
        self = self.step(Step::Stall);
        self.ended = true;
        self
    }

    fn step(mut self, step: Step) -> Self {
        assert!(!self.ended, "the script already ended its connection");
        self.steps.push(step);
        self
    }

    /// All steps, with the framing's own end where no step ended it.
    pub(crate) fn into_steps(mut self) -> Vec<Step> {
        if !self.ended && self.framing == Framing::Chunked {
            self.steps
                .push(Step::Write(Bytes::from_static(b"0\r\n\r\n")));
        }
        self.steps
    }
}

fn head(status: u16, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status} Scripted\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head
}

/// A latch that a test opens: from then on every wait for it returns at once.
#[derive(Debug, Clone)]
pub struct Signal(watch::Sender<bool>);

impl Signal {
    /// A closed latch.
    pub fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    /// Opens it.
    pub fn fire(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is open.
    pub async fn fired(&self) {
        let mut receiver = self.0.subscribe();
        // An error would mean that no sender is left, and `self` is one.
        let _ = receiver.wait_for(|open| *open).await;
    }
}

impl Default for Signal {
    fn default() -> Self {
        Self::new()
    }
}
