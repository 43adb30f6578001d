//! How many at once: a concurrency limit that follows use or the upstream.
//!
//! 1. `busy` never grows beyond `size` (INV-LIM).
//! 2. Making it smaller revokes nothing: what is out comes back first.
//!
//! A plain value without lock, waker or clock; the pool has those.

mod settings;
mod signal;

use std::collections::VecDeque;

pub use settings::{LimitKind, LimitSettings};
pub use signal::{Decision, Reason, Signal};

use crate::clock::Instant;

/// Decisions that are kept until somebody fetches them; the oldest give way.
const UNFETCHED: usize = 16;

/// A count of permits.
#[derive(Debug)]
pub struct Limit {
    settings: LimitSettings,
    busy: usize,
    decisions: VecDeque<Decision>,
}

impl Limit {
    /// All permits idle.
    pub fn new(settings: &LimitSettings, _now: Instant) -> Self {
        Self {
            settings: *settings,
            busy: 0,
            decisions: VecDeque::new(),
        }
    }

    /// Takes a permit if one is idle. A no is remembered as demand.
    pub fn take(&mut self, _now: Instant) -> bool {
        let idle = self.busy < self.size();
        if idle {
            self.busy += 1;
        }
        idle
    }

    /// Brings a permit back.
    pub fn give_back(&mut self, _now: Instant) {
        debug_assert!(self.busy > 0, "a permit came back twice");
        self.busy = self.busy.saturating_sub(1);
    }

    /// What a call learned about its upstream.
    pub fn signal(&mut self, _signal: Signal, _now: Instant) {}

    /// Does what is due by now; free to be called at any time.
    pub fn tick(&mut self, _now: Instant) {}

    /// When a permit may come by itself, if one was asked for in vain: `tick`
    /// then and try again. `None`: not before something comes back.
    pub fn due(&self) -> Option<Instant> {
        None
    }

    /// New settings from here on; what was learned stays where it still fits.
    pub fn apply(&mut self, settings: &LimitSettings, now: Instant) {
        let from = self.size();
        self.settings = *settings;
        let to = self.size();
        if from != to {
            self.tell(Decision {
                at: now,
                from,
                to,
                reason: Reason::Settings,
            });
        }
    }

    fn tell(&mut self, decision: Decision) {
        if self.decisions.len() == UNFETCHED {
            self.decisions.pop_front();
        }
        self.decisions.push_back(decision);
    }

    /// The oldest decision that was not fetched yet.
    pub fn decided(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// How many there are now.
    pub fn size(&self) -> usize {
        self.settings.max
    }

    /// How many there would be without `shadow`.
    pub fn computed(&self) -> usize {
        self.settings.max
    }

    /// How many there can be.
    pub fn max(&self) -> usize {
        self.settings.max
    }

    /// How many are out; above `size` only while it shrinks.
    pub fn busy(&self) -> usize {
        self.busy
    }
}
