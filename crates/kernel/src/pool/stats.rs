//! The numbers of a pool, and how they are told.
//!
//! 1. `offered` = granted + refusals + cancelled + waiting, at all times.
//! 2. Wait and work of those who had a permit are summed from the same ones.

use std::time::Duration;

use crate::names;
use crate::observe::{Counter, Gauge, Labels, Observe, Visitor, gauge};
use crate::pool::Refusal;
use crate::tag::Priority;

/// The numbers of a pool at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolStats {
    /// Permits there are: workers that are active.
    pub size: u64,
    /// Permits that are out.
    pub busy: u64,
    /// Permits that are idle.
    pub idle: u64,
    /// Permits there would be without `shadow`; else the same as `size`.
    pub computed: u64,
    /// Permits there can be.
    pub max: u64,
    /// Requests that wait, those included whose grant is on its way.
    pub waiting: u64,
    /// Those in the queue by priority, in the order of [`Priority::ALL`].
    pub waiting_by: [u64; 3],
    /// Bytes of those in the queue.
    pub waiting_bytes: u64,
    /// Requests that asked, ever.
    pub offered: u64,
    /// Requests that got a permit.
    pub granted: u64,
    /// Requests that had to wait for a permit, whatever came of it.
    pub queued: u64,
    /// Refused: full.
    pub full: u64,
    /// Refused: waited for `max_wait`.
    pub timed_out: u64,
    /// Refused: given up by the overflow policy.
    pub dropped: u64,
    /// Left by themselves.
    pub cancelled: u64,
    /// Refused: the pool was closed.
    pub closed: u64,
    /// Refused: their own deadline passed.
    pub expired: u64,
    /// Refused: their deadline would have passed before their turn.
    pub would_wait: u64,
    /// Refused: less urgent than what was let in.
    pub shed: u64,
    /// Microseconds waited by those that got a permit.
    pub wait_total_micros: u64,
    /// Microseconds for which those that brought it back had their permit.
    pub held_total_micros: u64,
}

impl PoolStats {
    /// Whether nobody was lost (promise 1).
    pub fn holds(&self) -> bool {
        // The reasons, and those who left.
        let gone: u64 = self.refused().iter().map(|(_, n)| n).sum();
        self.offered == self.granted + gone + self.waiting
    }

    /// Refusals by reason, in the words of the error codes where one exists.
    pub fn refused(&self) -> [(&'static str, u64); 8] {
        [
            ("queue_full", self.full),
            ("queue_timeout", self.timed_out),
            ("dropped", self.dropped),
            ("closed", self.closed),
            ("deadline_exceeded", self.expired),
            ("would_wait", self.would_wait),
            ("shed", self.shed),
            ("cancelled", self.cancelled),
        ]
    }

    pub(super) fn count_granted(&mut self, waited: Duration) {
        self.granted += 1;
        self.wait_total_micros += micros(waited);
    }

    pub(super) fn count_held(&mut self, held: Duration) {
        self.held_total_micros += micros(held);
    }

    pub(super) fn count_refused(&mut self, why: &Refusal) {
        let counter = match why {
            Refusal::Full { .. } => &mut self.full,
            Refusal::WaitedTooLong { .. } => &mut self.timed_out,
            Refusal::Dropped => &mut self.dropped,
            Refusal::Closed => &mut self.closed,
            Refusal::DeadlinePassed => &mut self.expired,
            Refusal::WouldWait { .. } => &mut self.would_wait,
            Refusal::Shed => &mut self.shed,
        };
        *counter += 1;
    }
}

impl Observe for PoolStats {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let mut up = |metric: Counter, n| to.counter(metric, labels, n);
        up(names::POOL_OFFERED, self.offered);
        up(names::POOL_GRANTED, self.granted);
        up(names::POOL_QUEUED, self.queued);
        up(names::POOL_WAIT_SECONDS, self.wait_total_micros / 1_000_000);
        up(names::POOL_HELD_SECONDS, self.held_total_micros / 1_000_000);
        let mut level = |metric: Gauge, n| to.gauge(metric, labels, gauge(n));
        level(names::POOL_PERMITS, self.size);
        level(names::POOL_BUSY, self.busy);
        level(names::POOL_IDLE, self.idle);
        level(names::POOL_COMPUTED, self.computed);
        level(names::POOL_MAX, self.max);
        level(names::POOL_WAITING, self.waiting);
        level(names::POOL_WAITING_BYTES, self.waiting_bytes);
        for (priority, n) in Priority::ALL.into_iter().zip(self.waiting_by) {
            let labels = [labels, &[("priority", priority.as_str())]].concat();
            to.gauge(names::POOL_QUEUE, &labels, gauge(n));
        }
        for (reason, n) in self.refused() {
            let labels = [labels, &[("reason", reason)]].concat();
            to.counter(names::POOL_REFUSED, &labels, n);
        }
    }
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
