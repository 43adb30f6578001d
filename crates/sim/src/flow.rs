//! The text of a stream: pieces as events, each at its time.
//!
//! Promises: (1) event `i` is due at `first + i * gap`, counted from the call and not from the
//! event before it, so a slow reader catches up and the pace does not drift; (2) without a gap
//! nothing waits and no clock is read. Who polls, and what happens after the text, is `script`'s.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tidegate_kernel::Instant;

use crate::speech::Pieces;
use crate::voice::Voice;

/// Events that are still to come.
#[derive(Debug)]
pub(crate) struct Flow {
    voice: Voice,
    pieces: Pieces,
    due: Instant,
    gap: Duration,
    block: BytesMut,
}

impl Flow {
    /// The first event is due at `first`; waiting for that is the caller's.
    pub(crate) fn new(voice: Voice, pieces: Pieces, first: Instant, gap: Duration) -> Self {
        Self {
            voice,
            pieces,
            due: first,
            gap,
            block: BytesMut::new(),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// When the next event is to be handed out; `None` when there is no pace.
    pub(crate) fn due(&self) -> Option<Instant> {
        (!self.gap.is_zero()).then_some(self.due)
    }

    /// The next event. Only asked when not empty.
    pub(crate) fn next(&mut self) -> Bytes {
        self.due += self.gap;
        self.voice
            .piece(&mut self.pieces, &mut self.block, self.gap.is_zero())
    }
}
