//! Streamed answers: the sound one, and each flaw in it.
//!
//! A sound stream: headers at once; at the time to first token the role and the first piece; one
//! piece per gap; a gap after the last piece the finish, the usage if asked, and `[DONE]`.
//! A flawed one says its first three pieces at once and then goes wrong.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::flow::Flow;
use crate::name::{Flaw, Pace};
use crate::script::Script;
use crate::speech::Speech;
use crate::tally::Call;
use crate::voice::{DONE, Usage, Voice};

/// How many pieces come before the flaw.
const BEFORE: u32 = 3;
/// After how many pieces the malformed event comes.
const MIDDLE: u32 = 10;
/// How long a cut waits, so that what was sent before it has left the process.
pub(crate) const PAUSE: Duration = Duration::from_millis(10);
/// The time from one byte of a drip to the next.
pub(crate) const DRIP: Duration = Duration::from_millis(100);

/// What `fault-errorevent` says, alone or in the middle of a stream.
pub(crate) const ERROR: &str = r#"{"error":{"message":"The server had an error while processing your request.","type":"server_error","param":null,"code":"server_error"}}"#;

/// Everything that a stream is made from.
#[derive(Debug)]
pub(crate) struct Stream {
    pub(crate) voice: Voice,
    pub(crate) speech: Speech,
    /// `chunks` and `bytes` are the speech's; here only the times count.
    pub(crate) pace: Pace,
    pub(crate) start: Instant,
    /// What the last event but one counts, if it was asked to.
    pub(crate) usage: Option<Usage>,
}

impl Stream {
    /// The answer without a flaw.
    pub(crate) fn sound(self, call: Call) -> Script {
        let mut script = Script::new(call);
        if !self.pace.ttft.is_zero() {
            script.until(self.start + self.pace.ttft);
        }
        self.open(&mut script);
        let end = self.start + self.pace.whole();
        let paced = !self.pace.gap.is_zero() && self.pace.chunks > 0;
        self.pieces(&mut script, 0, u32::MAX);
        if paced {
            script.until(end);
        }
        self.close(&mut script);
        script
    }

    /// The answer with a flaw.
    pub(crate) fn flawed(self, call: Call, flaw: Flaw) -> Script {
        let mut script = Script::new(call);
        self.open(&mut script);
        self.pieces(
            &mut script,
            0,
            if flaw == Flaw::BadJson {
                MIDDLE
            } else {
                BEFORE
            },
        );
        match flaw {
            Flaw::Stall => script.silence(),
            Flaw::Cut => {
                script.until(self.start + PAUSE);
                script.cut();
            }
            Flaw::CutMidEvent => {
                script.send(self.voice.torn());
                script.until(self.start + PAUSE);
                script.cut();
            }
            Flaw::BadJson => {
                script.send(self.voice.malformed());
                self.pieces(&mut script, MIDDLE, u32::MAX);
                self.close(&mut script);
            }
            Flaw::ErrorEvent => script.send(format!("data: {ERROR}\n\n").into()),
            Flaw::SlowDrip => script.drip(self.rest(), self.start + DRIP, DRIP),
        }
        script
    }

    fn open(&self, script: &mut Script) {
        if let Some(role) = self.voice.role() {
            script.send(role);
        }
    }

    fn pieces(&self, script: &mut Script, from: u32, to: u32) {
        let pieces = self.speech.clone().pieces(from, to);
        let first = self.start + self.pace.ttft;
        script.flow(Flow::new(self.voice.clone(), pieces, first, self.pace.gap));
    }

    fn close(&self, script: &mut Script) {
        script.send(self.voice.finish());
        if let Some(usage) = self.usage {
            script.send(self.voice.usage(usage));
        }
        script.send(DONE);
    }

    /// Everything after the first pieces, in one piece.
    fn rest(&self) -> Bytes {
        let mut pieces = self.speech.clone().pieces(BEFORE, u32::MAX);
        let (mut rest, mut block) = (BytesMut::new(), BytesMut::new());
        while !pieces.is_empty() {
            rest.extend_from_slice(&self.voice.piece(&mut pieces, &mut block, true));
        }
        rest.extend_from_slice(&self.voice.finish());
        if let Some(usage) = self.usage {
            rest.extend_from_slice(&self.voice.usage(usage));
        }
        rest.extend_from_slice(&DONE);
        rest.freeze()
    }
}
