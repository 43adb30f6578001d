//! What pays for looking beyond the known: refused calls, of which only a small
//! share of all calls may be made on purpose.
//!
//! 1. Each success and some time earn a little; each refusal costs one.
//! 2. What can be saved and what can be owed is bounded, so that neither a
//!    calm night nor a bad minute decides about the next hour.
//!
//! The figures are the best of those tried on the moving capacity of
//! `tests/promises/capacity.rs`, which also says where they do not suffice.

use std::time::Duration;

use crate::clock::Instant;

/// A refusal for 200 successes: half of the one per cent that is allowed; the
/// other half is for the falls of the upstream, which nobody can foresee.
const PER_SUCCESS: f64 = 1.0 / 200.0;

/// And one for 40 seconds, so that a slow or small upstream is looked at too.
const PER_SECOND: f64 = 1.0 / 40.0;

/// One look at most is saved, and at most one is owed.
const SAVED: f64 = 1.0;
const OWED: f64 = -1.0;

/// What a refusal with `retry-after` costs in time: twenty times the pause, so
/// that looking is not paid with more than a twentieth of all time.
const PAUSES: u32 = 20;
const LONGEST: Duration = Duration::from_secs(600);

#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    looks: f64,
    earned: Instant,
    /// None before then, whatever is saved.
    not_before: Instant,
}

impl Allowance {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            looks: SAVED,
            earned: now,
            not_before: now,
        }
    }

    /// Time has passed.
    pub(super) fn pass(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.earned).as_secs_f64();
        self.earned = now;
        self.earn(passed * PER_SECOND);
    }

    /// A call ended well.
    pub(super) fn succeeded(&mut self) {
        self.earn(PER_SUCCESS);
    }

    /// A call was refused, and nothing can begin for so long.
    pub(super) fn refused(&mut self, pause: Duration, now: Instant) {
        self.looks = (self.looks - 1.0).max(OWED);
        let rest = pause.saturating_mul(PAUSES).min(LONGEST);
        self.not_before = self.not_before.max(now + rest);
    }

    /// Whether a look is paid for.
    pub(super) fn covers_one(&self, now: Instant) -> bool {
        self.looks >= 1.0 && self.not_before <= now
    }

    /// Whether nothing is owed.
    pub(super) fn is_even(&self) -> bool {
        self.looks >= 0.0
    }

    fn earn(&mut self, more: f64) {
        self.looks = (self.looks + more).min(SAVED);
    }
}
