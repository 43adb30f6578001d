//! What a flow reads and what goes on of it: framing and judgement in one.
//!
//! Promises: 1. where both sides speak one dialect, events go on byte for byte,
//! in the buffer in which they came; 2. where they do not, each event is
//! translated at once, and nothing is kept but its translation; 3. whoever reads
//! learns the same of both: what came, and when it ended.

use bytes::{Bytes, BytesMut};
use tidegate_types::{Code, RequestId, Usage};
use tidegate_wire::sse::{self, Framer};

use super::interpreter::Interpreter;
use super::judge::{Judge, Verdict};
use super::oddities::{Odd, Oddities};
use crate::failure::Failure;
use crate::keys::Secrets;

/// What came.
pub(super) enum Seen {
    /// A real event; what goes on of it is kept.
    Event,
    /// A comment: proves the socket, not the answer.
    Comment,
    /// Nothing that means something.
    Nothing,
    /// The end, as the upstream means it; it is kept.
    Done,
    /// The stream cannot go on.
    Failed(Failure),
}

/// See the module's text.
pub(super) struct Reading {
    framer: Framer,
    /// The most bytes of one event.
    most: usize,
    oddities: Oddities,
    by: By,
}

enum By {
    Judge(Judge),
    Interpreter {
        interpreter: Box<Interpreter>,
        /// What it wrote, and nobody took yet.
        out: BytesMut,
    },
}

impl Reading {
    /// Of an answer that goes on as it is.
    pub(super) fn same(
        most: usize,
        withhold_usage: bool,
        id: Option<RequestId>,
        oddities: Oddities,
    ) -> Self {
        let judge = Judge::new(withhold_usage, id, oddities.clone());
        Self {
            framer: Framer::new(most),
            most,
            oddities,
            by: By::Judge(judge),
        }
    }

    /// Of an answer that its caller gets in another dialect.
    pub(super) fn translated(most: usize, by: Interpreter, oddities: Oddities) -> Self {
        Self {
            framer: Framer::new(most),
            most,
            oddities,
            by: By::Interpreter {
                interpreter: Box::new(by),
                out: BytesMut::new(),
            },
        }
    }

    /// More of the upstream's bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

    /// Judges the next event that is whole; `None` if more bytes are wanted.
    pub(super) fn next(&mut self, secrets: &Secrets) -> Option<Seen> {
        let event = match self.framer.next() {
            None => {
                // What was left out must not pile up while nothing goes on.
                if self.framer.kept() == 0 {
                    drop(self.framer.drain());
                }
                return None;
            }
            Some(Ok(event)) => event,
            Some(Err(_)) => return Some(Seen::Failed(self.too_large())),
        };
        let verdict = match &mut self.by {
            By::Judge(judge) => judge.judge(&event, secrets),
            By::Interpreter { interpreter, out } => interpreter.read(&event, secrets, out),
        };
        let goes_on = matches!(self.by, By::Judge(_));
        Some(match verdict {
            Verdict::Forward => {
                if goes_on {
                    self.framer.forward();
                }
                Seen::Event
            }
            Verdict::Done => {
                if goes_on {
                    self.framer.forward();
                }
                Seen::Done
            }
            Verdict::Withhold => Seen::Event,
            Verdict::Comment => Seen::Comment,
            Verdict::Nothing => Seen::Nothing,
            Verdict::Mend(event) => self.mend(&event, secrets),
            Verdict::Failed(failure) => Seen::Failed(failure),
        })
    }

    /// An event whose text was broken, in its mended form (row 21).
    fn mend(&mut self, event: &[u8], secrets: &Secrets) -> Seen {
        self.framer.skip();
        self.oddities.count(Odd::InvalidUtf8);
        let mut alone = Framer::new(usize::MAX);
        alone.push(event);
        let Some(Ok(mended)) = alone.next() else {
            return Seen::Event;
        };
        let verdict = match &mut self.by {
            By::Judge(judge) => judge.judge(&mended, secrets),
            By::Interpreter { interpreter, out } => interpreter.read(&mended, secrets, out),
        };
        match (verdict, &self.by) {
            (Verdict::Failed(failure), _) => return Seen::Failed(failure),
            (Verdict::Forward, By::Judge(_)) => self.framer.put(event),
            _ => {}
        }
        Seen::Event
    }

    fn too_large(&self) -> Failure {
        let most = self.most;
        let text = format!("An event of the provider's stream is over {most} bytes.");
        Failure::new(Code::EventTooLarge, text)
    }

    /// What comes behind the end is nobody's; but for the LF of a CRLF that was
    /// cut in two. Whether the connection may be used again.
    pub(super) fn after_done(&mut self, bytes: &[u8]) -> bool {
        self.framer.push(bytes);
        let more = self.framer.next().is_some();
        let clean = !more && self.framer.finish() == sse::Tail::Clean;
        if !clean {
            self.oddities.count(Odd::AfterDone);
        }
        clean
    }

    /// The upstream's body ended before its answer said so.
    ///
    /// # Errors
    /// If the answer is not whole.
    pub(super) fn end(&mut self) -> Result<(), Failure> {
        match &mut self.by {
            By::Judge(judge) => judge.end(&mut self.framer),
            By::Interpreter { interpreter, out } => interpreter.end(out),
        }
    }

    /// Bytes for the caller.
    pub(super) fn kept(&self) -> usize {
        match &self.by {
            By::Judge(_) => self.framer.kept(),
            By::Interpreter { out, .. } => out.len(),
        }
    }

    /// Takes them.
    pub(super) fn drain(&mut self) -> Bytes {
        match &mut self.by {
            By::Judge(_) => self.framer.drain(),
            By::Interpreter { out, .. } => out.split().freeze(),
        }
    }

    /// Bytes that are held, on both sides of it.
    pub(super) fn held(&self) -> usize {
        let written = match &self.by {
            By::Judge(_) => 0,
            By::Interpreter { out, .. } => out.len(),
        };
        self.framer.held() + written
    }

    /// Whether content has come.
    pub(super) fn content(&self) -> bool {
        match &self.by {
            By::Judge(judge) => judge.content(),
            By::Interpreter { interpreter, .. } => interpreter.content(),
        }
    }

    /// Tokens, as told or as estimated.
    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        match &self.by {
            By::Judge(judge) => judge.usage(prompt_bytes),
            By::Interpreter { interpreter, .. } => interpreter.usage(prompt_bytes),
        }
    }
}
