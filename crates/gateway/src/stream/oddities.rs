//! What upstreams did that is not quite right and hurt nobody: counted.
//!
//! Each kind is a row of the failure table that ends well; what does not end
//! well is a failure with a code, and not here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kernel::{Labels, Observe, Visitor};
use tidegate_kernel as kernel;

use crate::names;

/// A kind of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Odd {
    /// A stream ended well but without `[DONE]` (failures row 14).
    MissingDone,
    /// An event that is not JSON was left out (row 16).
    BadEvent,
    /// A line was not UTF-8 (row 21).
    InvalidUtf8,
    /// Something came after `[DONE]` (row 22).
    AfterDone,
    /// A whole completion came where a stream was asked for (row 17).
    NotStreamed,
    /// The arguments of a tool call were not whole when its choice ended
    /// (row 23).
    ToolJsonIncomplete,
}

const KINDS: [(Odd, &str); 6] = [
    (Odd::MissingDone, "missing_done"),
    (Odd::BadEvent, "bad_event"),
    (Odd::InvalidUtf8, "upstream_invalid_utf8"),
    (Odd::AfterDone, "after_done"),
    (Odd::NotStreamed, "not_streamed"),
    (Odd::ToolJsonIncomplete, "tool_json_incomplete"),
];

/// The counts. A clone is the same counter.
#[derive(Debug, Clone, Default)]
pub(crate) struct Oddities {
    counts: Arc<[AtomicU64; KINDS.len()]>,
}

impl Oddities {
    pub(crate) fn count(&self, odd: Odd) {
        self.counts[odd as usize].fetch_add(1, Ordering::Relaxed);
    }
}

impl Observe for Oddities {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        for (odd, label) in KINDS {
            let count = self.counts[odd as usize].load(Ordering::Relaxed);
            let labels = [labels, &[("kind", label)]].concat();
            to.counter(names::UPSTREAM_ODDITIES, &labels, count);
        }
    }
}
