//! The text of a stream: pieces as events, each at its time.
//!
//! Promises: (1) event `i` of each choice is due at `first + i` gaps, counted from the call and not
//! from the event before it, so a slow reader catches up and the pace does not drift; (2) without
//! a gap nothing waits and no clock is read; (3) choices take turns. Who polls, and what happens
//! after the text, is `script`'s.

use bytes::{Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::delay::Gaps;
use crate::speech::Pieces;
use crate::voice::Voice;

/// One choice of an answer.
#[derive(Debug)]
pub(crate) struct Track {
    pub(crate) voice: Voice,
    pub(crate) pieces: Pieces,
}

/// Events that are still to come.
#[derive(Debug)]
pub(crate) struct Flow {
    /// All of the same number of pieces, so that a turn is whole or over.
    tracks: Vec<Track>,
    turn: usize,
    due: Instant,
    gaps: Gaps,
    block: BytesMut,
}

impl Flow {
    /// The first event is due at `first`; waiting for that is the caller's.
    pub(crate) fn new(tracks: Vec<Track>, first: Instant, gaps: Gaps) -> Self {
        Self {
            tracks,
            turn: 0,
            due: first,
            gaps,
            block: BytesMut::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tracks
            .get(self.turn)
            .is_none_or(|track| track.pieces.is_empty())
    }

    /// When the next event is to be handed out; `None` when there is no pace.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.gaps.are_none()).then_some(self.due)
    }

    /// The next event. Only asked when not empty.
    pub(crate) fn next(&mut self) -> Bytes {
        let burst = self.gaps.are_none() || self.turn + 1 < self.tracks.len();
        let Some(track) = self.tracks.get_mut(self.turn) else {
            return Bytes::new();
        };
        let event = track.voice.piece(&mut track.pieces, &mut self.block, burst);
        self.turn += 1;
        if self.turn == self.tracks.len() {
            self.turn = 0;
            self.due += self.gaps.next();
        }
        event
    }
}
