//! Streamed answers: the sound one, and each flaw in it.
//!
//! A sound stream: headers at once; at the time to first token the role and the first piece; one
//! piece per gap; a gap after the last piece the finish, the usage if asked, and `[DONE]`.
//! A flawed one says some pieces, three by default, and then goes wrong.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::delay::Gaps;
use crate::flow::{Flow, Track};
use crate::name::Flaw;
use crate::said::{Said, Usage};
use crate::script::Script;
use crate::tally::Call;
use crate::voice::{DONE, Voice};

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
    /// Of the first choice.
    pub(crate) voice: Voice,
    pub(crate) said: Said,
    /// When the first piece comes.
    pub(crate) first: Instant,
    /// Whether that is later than the headers.
    pub(crate) waits: bool,
    pub(crate) gaps: Gaps,
    /// What the last event but one counts, if it was asked to.
    pub(crate) usage: Option<Usage>,
}

impl Stream {
    /// The answer without a flaw.
    pub(crate) fn sound(self, call: Call) -> Script {
        let mut script = Script::new(call);
        let tracks = self.tracks(script.number());
        self.open(&mut script);
        script.flow(Flow::new(tracks, self.first, self.gaps));
        if !self.gaps.are_none() {
            let mut gaps = self.gaps;
            let count = self.said.content.count();
            if count > 0 {
                script.until(self.first + gaps.skip(count));
            }
        }
        self.close(&mut script);
        script
    }

    /// The answer with a flaw, after so many pieces of each choice.
    pub(crate) fn flawed(self, call: Call, flaw: Flaw, after: Option<u32>) -> Script {
        let mut script = Script::new(call);
        let usual = if flaw == Flaw::BadJson {
            MIDDLE
        } else {
            BEFORE
        };
        let before = after.unwrap_or(usual).min(self.said.content.count());
        let mut rest = self.tracks(script.number());
        let begun = rest.iter_mut().map(|track| Track {
            voice: track.voice.clone(),
            pieces: track.pieces.split(before),
        });
        let begun = begun.collect();
        self.open(&mut script);
        script.flow(Flow::new(begun, self.first, self.gaps));
        let mut gaps = self.gaps;
        let next = self.first + gaps.skip(before);
        if !gaps.are_none() {
            script.until(next);
        }
        match flaw {
            Flaw::Stall => script.silence(),
            Flaw::Cut | Flaw::Reset => {
                script.until(next + PAUSE);
                script.cut(flaw == Flaw::Reset);
            }
            Flaw::CutMidEvent => {
                script.send(self.voice.torn());
                script.until(next + PAUSE);
                script.cut(false);
            }
            Flaw::BadJson => {
                script.send(self.voice.malformed());
                script.flow(Flow::new(rest, next, gaps));
                self.close(&mut script);
            }
            Flaw::ErrorEvent => script.send(format!("data: {ERROR}\n\n").into()),
            Flaw::SlowDrip => script.drip(self.rest(rest), next + DRIP, DRIP),
        }
        script
    }

    fn tracks(&self, number: u64) -> Vec<Track> {
        let track = |choice| Track {
            voice: if choice == 0 {
                self.voice.clone()
            } else {
                self.voice.choice(choice)
            },
            pieces: self.said.content.pieces(number, choice),
        };
        (0..self.said.choices).map(track).collect()
    }

    fn open(&self, script: &mut Script) {
        if self.waits {
            script.until(self.first);
        }
        for choice in 0..self.said.choices {
            if let Some(role) = self.voice.choice(choice).role() {
                script.send(role);
            }
        }
    }

    fn close(&self, script: &mut Script) {
        for event in self.closing() {
            script.send(event);
        }
    }

    fn closing(&self) -> Vec<Bytes> {
        let finish = |choice| self.voice.choice(choice).finish(self.said.finish);
        let mut events: Vec<_> = (0..self.said.choices).map(finish).collect();
        events.extend(self.usage.map(|usage| self.voice.usage(&usage)));
        events.push(DONE);
        events
    }

    /// Everything after the first pieces, in one piece.
    fn rest(&self, tracks: Vec<Track>) -> Bytes {
        let none = Gaps::new(crate::delay::Delay::NONE, crate::draw::Draw::new(0));
        let mut flow = Flow::new(tracks, self.first, none);
        let mut rest = BytesMut::new();
        while !flow.is_empty() {
            rest.extend_from_slice(&flow.next());
        }
        for event in self.closing() {
            rest.extend_from_slice(&event);
        }
        rest.freeze()
    }
}
