//! A stream that its caller gets as it is: the same bytes, in the buffer in which
//! they came, judged event by event.

use bytes::Bytes;
use tidegate_types::Usage;
use tidegate_wire::sse::{self, Framer};

use super::judge::{Judge, Verdict};
use super::oddities::{Odd, Oddities};
use super::reading::{Seen, too_large};
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::keys::Secrets;

/// See the module's text.
pub(super) struct Same {
    framer: Framer,
    judge: Judge,
    /// The most bytes of one event.
    most: usize,
    oddities: Oddities,
}

impl Same {
    pub(super) fn new(judge: Judge, most: usize, oddities: Oddities) -> Self {
        Self {
            framer: Framer::new(most),
            judge,
            most,
            oddities,
        }
    }

    pub(super) fn manner(&self) -> Manner {
        self.judge.manner()
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.framer.push(bytes);
    }

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
            Some(Err(_)) => return Some(Seen::Failed(too_large(self.most))),
        };
        Some(match self.judge.judge(&event, secrets) {
            Verdict::Forward => {
                self.framer.forward();
                Seen::Event
            }
            Verdict::Done => {
                self.framer.forward();
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
        match self.judge.judge(&mended, secrets) {
            Verdict::Failed(failure) => return Seen::Failed(failure),
            Verdict::Forward => self.framer.put(event),
            _ => {}
        }
        Seen::Event
    }

    /// But for the LF of a CRLF that was cut in two.
    pub(super) fn after_done(&mut self, bytes: &[u8]) -> bool {
        self.framer.push(bytes);
        let more = self.framer.next().is_some();
        let clean = !more && self.framer.finish() == sse::Tail::Clean;
        if !clean {
            self.oddities.count(Odd::AfterDone);
        }
        clean
    }

    pub(super) fn end(&mut self) -> Result<(), Failure> {
        self.judge.end(&mut self.framer)
    }

    pub(super) fn kept(&self) -> usize {
        self.framer.kept()
    }

    pub(super) fn drain(&mut self) -> Bytes {
        self.framer.drain()
    }

    pub(super) fn held(&self) -> usize {
        self.framer.held()
    }

    pub(super) fn content(&self) -> bool {
        self.judge.content()
    }

    pub(super) fn next_number(&self) -> u64 {
        self.judge.next_number()
    }

    pub(super) fn usage(&self, prompt_bytes: u64) -> Usage {
        self.judge.usage(prompt_bytes)
    }
}
