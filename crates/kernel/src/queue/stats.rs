//! The numbers of a queue, and how they are told.
//!
//! 1. `offered` = delivered + refused + dropped + cancelled + waiting, always.

use crate::names;
use crate::observe::{Counter, Gauge, Labels, Observe, Visitor, gauge};
use crate::tag::Priority;

/// The numbers of a queue at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// What is in.
    pub queued: u64,
    /// What is in by priority, in the order of [`Priority::ALL`].
    pub queued_by: [u64; 3],
    /// What waits before the door.
    pub door: u64,
    /// Bytes of what is in.
    pub bytes: u64,
    /// Bytes before the door.
    pub door_bytes: u64,
    /// Places.
    pub capacity: u64,
    /// Takers that wait.
    pub takers: u64,
    /// What was offered, ever.
    pub offered: u64,
    /// What was taken.
    pub delivered: u64,
    /// Refused: no room.
    pub full: u64,
    /// Refused: no room came in time.
    pub timed_out: u64,
    /// Refused: closed.
    pub closed: u64,
    /// Given up by the policy, a newcomer or one that was in.
    pub dropped: u64,
    /// Taken back before it was in.
    pub cancelled: u64,
}

impl QueueStats {
    /// Whether nothing was lost (promise 1).
    pub fn holds(&self) -> bool {
        let gone: u64 = self.refused().iter().map(|(_, n)| n).sum();
        self.offered == self.delivered + gone + self.queued + self.door
    }

    /// What did not come through, by reason.
    pub fn refused(&self) -> [(&'static str, u64); 5] {
        [
            ("queue_full", self.full),
            ("queue_timeout", self.timed_out),
            ("closed", self.closed),
            ("dropped", self.dropped),
            ("cancelled", self.cancelled),
        ]
    }
}

impl Observe for QueueStats {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let mut up = |metric: Counter, n| to.counter(metric, labels, n);
        up(names::QUEUE_OFFERED, self.offered);
        up(names::QUEUE_DELIVERED, self.delivered);
        let mut level = |metric: Gauge, n| to.gauge(metric, labels, gauge(n));
        level(names::QUEUE_CAPACITY, self.capacity);
        level(names::QUEUE_BYTES, self.bytes);
        level(names::QUEUE_DOOR, self.door);
        for (priority, n) in Priority::ALL.into_iter().zip(self.queued_by) {
            let labels = [labels, &[("priority", priority.as_str())]].concat();
            to.gauge(names::QUEUE_ITEMS, &labels, gauge(n));
        }
        for (reason, n) in self.refused() {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(names::QUEUE_REFUSED, &labels, n);
        }
    }
}
