//! How many at once: a limit that is fixed, follows use, or hears the upstream.
//!
//! 1. `busy` never grows beyond `size`, nor `size` beyond `max` (INV-LIM).
//! 2. Making it smaller revokes nothing: what is out comes back first.
//! 3. One decrease in a window, however many signals: a burst is one news.
//! 4. No growth while permits are idle, or while the upstream says too much.
//! 5. Each decision is told, with its reason and what led to it (R-D14).
//!
//! A plain value without lock, waker or clock; the pool has those.

mod adaptive;
mod allowance;
mod gate;
mod hints;
mod latency;
mod scaled;
mod settings;
mod signal;

use std::collections::VecDeque;

use adaptive::Adaptive;
use scaled::Scaled;
pub use settings::{LimitKind, LimitSettings};
pub use signal::{Decision, Reason, Signal};

use crate::clock::Instant;

/// Decisions that are kept until somebody fetches them; the oldest give way.
const UNFETCHED: usize = 16;

/// A count of permits.
#[derive(Debug)]
pub struct Limit {
    settings: LimitSettings,
    course: Course,
    busy: usize,
    /// The size that the last decision led to.
    told: usize,
    decisions: VecDeque<Decision>,
}

/// What the size goes by.
#[derive(Debug)]
enum Course {
    Fixed,
    Scaled(Scaled),
    Adaptive(Box<Adaptive>),
}

impl Course {
    fn new(settings: &LimitSettings, now: Instant) -> Self {
        match settings.kind {
            LimitKind::Fixed => Self::Fixed,
            LimitKind::Scaled => Self::Scaled(Scaled::new(settings, now)),
            LimitKind::Adaptive => Self::Adaptive(Box::new(Adaptive::new(settings, now))),
        }
    }
}

impl Limit {
    /// All permits idle.
    pub fn new(settings: &LimitSettings, now: Instant) -> Self {
        let settings = settings.sane();
        let mut new = Self {
            course: Course::new(&settings, now),
            settings,
            busy: 0,
            told: 0,
            decisions: VecDeque::new(),
        };
        new.told = new.computed();
        new
    }

    /// Takes a permit if one is idle.
    pub fn take(&mut self, now: Instant) -> bool {
        self.pass(self.busy.saturating_add(1), now);
        let idle = self.busy < self.size();
        if idle {
            self.busy += 1;
            if let Course::Adaptive(adaptive) = &mut self.course {
                adaptive.took();
            }
        }
        idle
    }

    /// Brings a permit back.
    pub fn give_back(&mut self, now: Instant) {
        debug_assert!(self.busy > 0, "a permit came back twice");
        self.busy = self.busy.saturating_sub(1);
        self.pass(self.busy, now);
    }

    /// Does what is due by now; free to be called at any time.
    pub fn tick(&mut self, now: Instant) {
        self.pass(self.busy, now);
    }

    /// What a call learned about its upstream.
    pub fn signal(&mut self, signal: Signal, now: Instant) {
        let reason = match &mut self.course {
            Course::Fixed => None,
            Course::Scaled(scaled) => scaled.signal(signal, self.busy, &self.settings, now),
            Course::Adaptive(adaptive) => {
                let (size, grown) = (adaptive.size(), adaptive.grown());
                let reason = adaptive.signal(signal, self.busy, &self.settings, now);
                if reason.is_some_and(|reason| reason.is_alarm()) && size != self.told {
                    self.push(grown, size, now);
                }
                reason
            }
        };
        self.tell(reason, now);
    }

    /// When a permit may come by itself, if one was asked for in vain: `tick`
    /// then and try again. `None`: not before something comes back.
    pub fn due(&self) -> Option<Instant> {
        match &self.course {
            _ if self.settings.shadow => None,
            Course::Fixed => None,
            Course::Scaled(scaled) => scaled.due(&self.settings),
            Course::Adaptive(adaptive) => adaptive.due(&self.settings),
        }
    }

    /// New settings from here on; what was learned stays where it still fits.
    pub fn apply(&mut self, settings: &LimitSettings, now: Instant) {
        let settings = settings.sane();
        if settings.kind != self.settings.kind {
            self.course = Course::new(&settings, now);
        }
        self.settings = settings;
        match &mut self.course {
            Course::Fixed => {}
            Course::Scaled(scaled) => scaled.fit(&settings),
            Course::Adaptive(adaptive) => adaptive.fit(&settings),
        }
        self.tell(Some(Reason::Settings), now);
    }

    /// The oldest decision that was not fetched yet.
    pub fn decided(&mut self) -> Option<Decision> {
        self.decisions.pop_front()
    }

    /// How many there are now. Less than `computed` while a pause or its end
    /// stands before them.
    pub fn size(&self) -> usize {
        match &self.course {
            _ if self.settings.shadow => self.settings.max,
            Course::Adaptive(adaptive) => adaptive.room(self.busy),
            Course::Fixed | Course::Scaled(_) => self.computed(),
        }
    }

    /// How many it has come to; the same with `shadow` and without.
    pub fn computed(&self) -> usize {
        match &self.course {
            Course::Fixed => self.settings.max,
            Course::Scaled(scaled) => scaled.size(),
            Course::Adaptive(adaptive) => adaptive.size(),
        }
    }

    /// How many there can be.
    pub fn max(&self) -> usize {
        self.settings.max
    }

    /// How many are out; above `size` only while it shrinks.
    pub fn busy(&self) -> usize {
        self.busy
    }

    /// Time has passed, and so many are out, or would be.
    fn pass(&mut self, busy: usize, now: Instant) {
        let reason = match &mut self.course {
            Course::Fixed => None,
            Course::Scaled(scaled) => scaled.used(busy, &self.settings, now),
            Course::Adaptive(adaptive) => {
                adaptive.pass(self.busy, &self.settings, now);
                None
            }
        };
        self.tell(reason, now);
    }

    /// Tells a change, and an alarm also without one.
    fn tell(&mut self, reason: Option<Reason>, now: Instant) {
        let to = self.computed();
        if let Some(reason) = reason
            && (to != self.told || reason.is_alarm())
        {
            self.push(reason, to, now);
        }
    }

    fn push(&mut self, reason: Reason, to: usize, at: Instant) {
        if self.decisions.len() == UNFETCHED {
            self.decisions.pop_front();
        }
        let from = std::mem::replace(&mut self.told, to);
        self.decisions.push_back(Decision {
            at,
            from,
            to,
            reason,
        });
    }
}
