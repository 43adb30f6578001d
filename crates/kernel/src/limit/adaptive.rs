//! The limit that listens to its upstream.
//!
//! It grows to where the upstream last said no (the ceiling) and stays there.
//! Beyond, it looks only when an allowance pays for it, since a look that fails
//! is a refused call. A no takes it down once a window; who is refused again
//! in that window closes the gate until the window is over.
//!
//! What this is worth stands in `tests/promises/capacity.rs`, with figures.

use std::time::Duration;

use super::allowance::Allowance;
use super::gate::Gate;
use super::hints::{Hints, Room};
use super::latency::{FirstToken, ResponseTime};
use super::settings::LimitSettings;
use super::signal::{Reason, Signal, pause};
use crate::clock::Instant;

/// Where it begins, within `min` and `max`; TCP begins with as many (RFC 6928).
/// From there it doubles in each round of calls, until it hears a first no.
const START: f64 = 10.0;

/// A no below the known ceiling says that the upstream has less than it had,
/// and may have even less soon: half of a decrease is given up for good, as
/// CUBIC does (RFC 9438, 4.7, fast convergence). Here a third was best;
/// of less than ten permits it is none.
const FALLING: f64 = 0.95;

/// Growth beyond the ceiling begins with one permit a round and becomes faster
/// with each, but never by more than half of what is in a round.
const SLOWEST: f64 = 1.0;
const FASTEST: f64 = 0.5;

/// The part that is kept free where the upstream says what is free: it answers
/// small falls without any refusal. From 20 permits on, one.
const SLACK: f64 = 0.05;

#[derive(Debug)]
pub(super) struct Adaptive {
    /// With its fraction, so that small ones move too.
    limit: f64,
    /// So many were in flight when the upstream said no, the refused one not
    /// counted.
    ceiling: f64,
    /// Permits a round that are added beyond the ceiling.
    gain: f64,
    allowance: Allowance,
    hints: Hints,
    gate: Gate,
    /// When the window of the last decrease is over.
    settled: Instant,
    /// Whether anything began since the last decrease. Before, a further no is
    /// no news.
    begun: bool,
    /// The last decrease was not enough.
    refused_again: bool,
    successes: u64,
    response: ResponseTime,
    first_token: FirstToken,
    /// The next time that a small change is told.
    telling: Instant,
}

impl Adaptive {
    pub(super) fn new(settings: &LimitSettings, now: Instant) -> Self {
        let mut new = Self {
            limit: START,
            ceiling: f64::INFINITY,
            gain: SLOWEST,
            allowance: Allowance::new(now),
            hints: Hints::default(),
            gate: Gate::Open,
            settled: now,
            begun: false,
            refused_again: false,
            successes: 0,
            response: ResponseTime::default(),
            first_token: FirstToken::default(),
            telling: now,
        };
        new.fit(settings);
        new
    }

    pub(super) fn fit(&mut self, settings: &LimitSettings) {
        self.limit = self.limit.clamp(settings.min as f64, settings.max as f64);
    }

    /// The limit in whole permits.
    pub(super) fn size(&self) -> usize {
        self.hints.bound(self.limit as usize)
    }

    /// What the gate lets be out of them, with so many that are.
    pub(super) fn room(&self, busy: usize) -> usize {
        self.gate.room(busy, self.size())
    }

    /// A permit was taken.
    pub(super) fn took(&mut self) {
        self.begun = true;
    }

    /// Does what is due by now.
    pub(super) fn pass(&mut self, busy: usize, settings: &LimitSettings, now: Instant) {
        if self.gate != Gate::Open {
            self.gate.pass(busy, self.limit, settings.window, now);
        }
        self.hints.pass(settings.window, now);
    }

    /// When there is more room by itself.
    pub(super) fn due(&self, settings: &LimitSettings) -> Option<Instant> {
        let gate = self.gate.due(self.limit, settings.window);
        gate.into_iter().chain(self.hints.due()).min()
    }

    pub(super) fn signal(
        &mut self,
        signal: Signal,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        self.pass(busy, settings, now);
        self.allowance.pass(now);
        match signal {
            Signal::Succeeded {
                first_token,
                input_tokens,
                took,
            } => {
                self.successes += 1;
                self.allowance.succeeded();
                let late = self.late(first_token, input_tokens, settings);
                let alarm = self.response.note(took, settings.slow);
                self.shrink(late, took, busy, settings, now)
                    .or(alarm.map(|took| Reason::Slow { took }))
                    .or_else(|| self.grow(busy, settings, now))
            }
            Signal::Overloaded { retry_after } => self.overloaded(retry_after, busy, settings, now),
            Signal::Remaining { requests, reset } => {
                self.remaining(requests, reset, busy, settings, now)
            }
        }
    }

    /// After a success: up, if everything was in use.
    fn grow(&mut self, busy: usize, settings: &LimitSettings, now: Instant) -> Option<Reason> {
        if self.gate != Gate::Open || now < self.settled {
            return None;
        }
        self.refused_again = false;
        let size = self.size();
        // Above its size it is on its way down, unless nothing holds it.
        let used = busy == size || busy > size && settings.shadow;
        if used && !self.response.is_slow() {
            self.limit += self.step(now);
            self.fit(settings);
        }
        self.tell(self.grown(), settings, now)
    }

    /// The reason of what it grew since the last no.
    pub(super) fn grown(&self) -> Reason {
        Reason::Success {
            successes: self.successes,
        }
    }

    /// How far one success leads.
    fn step(&mut self, now: Instant) -> f64 {
        if self.limit < self.ceiling {
            return (self.ceiling - self.limit).min(1.0);
        }
        let looks = self.allowance.covers_one(now) && !self.hints.speak();
        if self.limit == self.ceiling && !looks {
            return 0.0;
        }
        let step = self.gain / self.limit;
        self.gain = (self.gain + step).min(self.limit * FASTEST).max(SLOWEST);
        step
    }

    fn overloaded(
        &mut self,
        retry_after: Option<Duration>,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        let wait = pause(retry_after);
        self.allowance.refused(wait, now);
        if retry_after.is_some() {
            self.gate.close(now + wait);
        }
        if now < self.settled {
            if self.begun {
                self.refused_again = true;
                self.gate.close(self.settled);
            }
            return None;
        }
        let others = busy.saturating_sub(1).max(1) as f64;
        let falls = others < self.ceiling && self.ceiling.is_finite();
        self.ceiling = if falls {
            (others * FALLING).round().max(1.0)
        } else {
            others
        };
        // What was not in use was not refused (RFC 5681 goes by flight as well).
        self.limit = self.limit.min(busy as f64);
        let hard = retry_after.is_some() || self.refused_again;
        let left = if hard {
            settings.hard_decrease
        } else {
            settings.decrease
        };
        self.decrease(left, settings.window, settings, now);
        self.successes = 0;
        Some(match retry_after {
            Some(_) => Reason::RetryAfter { wait, busy },
            None => Reason::Overloaded { busy },
        })
    }

    fn decrease(&mut self, left: u32, window: Duration, settings: &LimitSettings, now: Instant) {
        self.limit = (self.limit * f64::from(left) / 100.0).min(self.ceiling);
        self.fit(settings);
        self.gain = SLOWEST;
        self.settled = now + window;
        self.begun = false;
        self.refused_again = false;
    }

    fn late(
        &mut self,
        first_token: Option<Duration>,
        input_tokens: u64,
        settings: &LimitSettings,
    ) -> Option<f64> {
        let first_token = first_token.filter(|_| settings.gradient)?;
        self.first_token.note(first_token, input_tokens)
    }

    /// Shrinks where answers are slow, once in the time that one takes: before,
    /// it cannot be seen what the last shrinking did. Only if we are many there.
    fn shrink(
        &mut self,
        late: Option<f64>,
        took: Duration,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        let reason = if self.response.is_slow() {
            let took = self.response.average();
            Reason::Slow { took }
        } else {
            let per_cent = (late? * 100.0) as u32;
            Reason::FirstToken { per_cent }
        };
        if now < self.settled || busy * 2 < self.size() {
            return None;
        }
        self.ceiling = self.ceiling.min(self.limit);
        let window = pause(Some(took)).max(settings.window);
        self.decrease(settings.decrease, window, settings, now);
        Some(reason)
    }

    fn remaining(
        &mut self,
        requests: u64,
        reset: Option<Duration>,
        busy: usize,
        settings: &LimitSettings,
        now: Instant,
    ) -> Option<Reason> {
        let free = usize::try_from(requests).unwrap_or(usize::MAX);
        let permits = busy.saturating_add(free);
        if permits > settings.max {
            return None;
        }
        let room = Room { free, permits };
        if let Some(least) = self.hints.note(room, reset, settings.window, now) {
            self.follow(least, settings, now);
        }
        self.tell(Reason::Remaining { requests, busy }, settings, now)
    }

    /// Keeps as much free as is wanted. What the upstream says is believed as
    /// long as it does not refuse for it.
    fn follow(&mut self, least: Room, settings: &LimitSettings, now: Instant) {
        let slack = (self.limit * SLACK) as usize;
        if least.free > slack && self.allowance.is_even() {
            self.ceiling = self.ceiling.max((least.permits - slack) as f64);
        }
        if least.free < slack && self.settled <= now {
            self.limit -= (slack - least.free) as f64;
            self.fit(settings);
            self.ceiling = self.limit;
        }
    }

    /// Small changes are told once a window, not once a call.
    fn tell(&mut self, reason: Reason, settings: &LimitSettings, now: Instant) -> Option<Reason> {
        let may = self.telling <= now;
        if may {
            self.telling = now + settings.window;
        }
        may.then_some(reason)
    }
}
