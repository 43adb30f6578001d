//! The breaker's states and when it changes them, without locks or time.
//!
//! 1. Closed opens on failures in a row, or on too few successes in the window.
//! 2. Open lasts at least its time, and longer with each probe that fails.
//! 3. Probing has one probe out at most; it alone decides (R-D8).
//! 4. A pass of another epoch decides nothing: each transition is a new epoch.

use std::time::Duration;

use crate::breaker::BreakerSettings;
use crate::clock::Instant;
use crate::dice::Dice;
use crate::tally::Tally;
use crate::verdict::{BreakerStats, Open, Phase, Reason, Transition, Verdict};

/// How soon to ask again at the earliest while a probe is out.
const SOON: Duration = Duration::from_millis(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed,
    /// Without a time it stays until somebody resets it.
    Open(Option<Instant>),
    Probing {
        out: bool,
    },
}

/// The state machine of one breaker.
#[derive(Debug)]
pub(crate) struct Circuit {
    settings: BreakerSettings,
    dice: Dice,
    state: State,
    /// Why it opened last.
    why: Reason,
    epoch: u64,
    failed_in_a_row: u32,
    tally: Tally,
    /// Openings since it was closed: how often its time has doubled.
    openings: u32,
    counts: BreakerStats,
}

/// What one who passes carries: whose verdict counts, and as what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    pub(crate) epoch: u64,
    pub(crate) probe: bool,
}

impl Circuit {
    pub(crate) fn new(settings: BreakerSettings, now: Instant) -> Self {
        Self {
            dice: Dice::seeded(settings.seed),
            tally: Tally::new(settings.window, now),
            settings,
            state: State::Closed,
            why: Reason::Reset,
            epoch: 0,
            failed_in_a_row: 0,
            openings: 0,
            counts: BreakerStats::default(),
        }
    }

    /// The epoch in which everybody passes, if it is closed.
    pub(crate) fn closed_epoch(&self) -> Option<u64> {
        (self.state == State::Closed).then_some(self.epoch)
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.state {
            State::Closed => Phase::Closed,
            State::Open(_) => Phase::Open,
            State::Probing { .. } => Phase::Probing,
        }
    }

    /// How long until a pass is likely; zero when there is one now.
    pub(crate) fn retry_after(&self, now: Instant) -> Duration {
        match self.state {
            State::Closed | State::Probing { out: false } => Duration::ZERO,
            State::Open(Some(until)) => until.saturating_duration_since(now),
            State::Open(None) => self.settings.open_max,
            State::Probing { out: true } => self.settings.open_min.max(SOON),
        }
    }

    pub(crate) fn stats(&mut self, now: Instant) -> BreakerStats {
        let (window_succeeded, window_all) = self.tally.sums(now);
        BreakerStats {
            phase: self.phase(),
            window_succeeded,
            window_all,
            failed_in_a_row: self.failed_in_a_row,
            ..self.counts
        }
    }

    pub(crate) fn pass(&mut self, now: Instant) -> (Result<Ticket, Open>, Option<Transition>) {
        let retry_after = self.retry_after(now);
        if !retry_after.is_zero() {
            self.counts.refused += 1;
            let why = self.why;
            return (Err(Open { retry_after, why }), None);
        }
        if self.state == State::Closed {
            return (Ok(self.ticket(false)), None);
        }
        self.counts.probes += 1;
        let probing = State::Probing { out: true };
        let transition = match self.state {
            State::Open(_) => Some(self.go(probing, Reason::Due, now)),
            _ => {
                self.state = probing;
                None
            }
        };
        (Ok(self.ticket(true)), transition)
    }

    /// The probe has shown that the target works.
    pub(crate) fn recover(&mut self, ticket: &mut Ticket, now: Instant) -> Option<Transition> {
        let decides = ticket.probe && ticket.epoch == self.epoch;
        ticket.probe = false;
        decides.then(|| {
            let transition = self.close(Reason::Recovered, now);
            ticket.epoch = self.epoch;
            transition
        })
    }

    pub(crate) fn settle(
        &mut self,
        mut ticket: Ticket,
        verdict: Verdict,
        now: Instant,
    ) -> Option<Transition> {
        self.counts.verdicts[verdict.index()] += 1;
        if ticket.epoch != self.epoch {
            self.counts.stale += 1;
            return None;
        }
        if ticket.probe {
            return match verdict {
                Verdict::Succeeded => {
                    let transition = self.recover(&mut ticket, now);
                    self.tally.add(true, now);
                    transition
                }
                Verdict::Failed | Verdict::Degraded => Some(self.trip(Reason::ProbeFailed, now)),
                Verdict::Neutral => {
                    self.state = State::Probing { out: false };
                    None
                }
            };
        }
        let reason = self.count(verdict, now)?;
        Some(self.trip(reason, now))
    }

    /// Counts a verdict of the closed state; the reason, if it opens now.
    fn count(&mut self, verdict: Verdict, now: Instant) -> Option<Reason> {
        match verdict {
            Verdict::Neutral => return None,
            Verdict::Succeeded => self.failed_in_a_row = 0,
            Verdict::Failed => self.failed_in_a_row = self.failed_in_a_row.saturating_add(1),
            Verdict::Degraded => {}
        }
        self.tally.add(verdict == Verdict::Succeeded, now);
        let most = self.settings.consecutive;
        if most > 0 && self.failed_in_a_row >= most {
            return Some(Reason::Consecutive);
        }
        let (good, all) = self.tally.sums(now);
        let enough = all >= u64::from(self.settings.min_requests);
        let least = u64::from(self.settings.success_percent) * all;
        (enough && good * 100 < least).then_some(Reason::Ratio)
    }

    fn trip(&mut self, reason: Reason, now: Instant) -> Transition {
        let open_for = self.open_for();
        self.openings = self.openings.saturating_add(1);
        self.go(State::Open(now.checked_add(open_for)), reason, now)
    }

    /// The doubled time plus jitter. The doubling ends where the jitter still
    /// fits below `open_max`, so that breakers stay apart there too.
    fn open_for(&self) -> Duration {
        let BreakerSettings {
            open_min,
            open_max,
            jitter_percent,
            ..
        } = self.settings;
        let doubled = 2_u32.checked_pow(self.openings).unwrap_or(u32::MAX);
        let roof = open_max.saturating_mul(100) / jitter_percent.saturating_add(100);
        let time = open_min.saturating_mul(doubled).min(roof);
        let jitter = time.saturating_mul(jitter_percent) / 100;
        let micros = u64::try_from(jitter.as_micros()).unwrap_or(u64::MAX);
        time + Duration::from_micros(self.dice.below(micros.saturating_add(1)))
    }

    /// Opens it until `until`, or until a reset. It never opens for less long
    /// than it is open already.
    pub(crate) fn hold(&mut self, until: Option<Instant>, now: Instant) -> Option<Transition> {
        if until.is_some_and(|until| until <= now) {
            return None;
        }
        let reason = match until {
            Some(_) => Reason::Paused,
            None => Reason::Held,
        };
        match (self.state, until) {
            (State::Open(None), _) => return None,
            (State::Open(Some(old)), Some(new)) if old >= new => return None,
            (State::Open(_), _) if self.why == reason => {
                self.state = State::Open(until);
                return None;
            }
            _ => {}
        }
        Some(self.go(State::Open(until), reason, now))
    }

    pub(crate) fn close(&mut self, reason: Reason, now: Instant) -> Transition {
        self.openings = 0;
        self.failed_in_a_row = 0;
        self.tally = Tally::new(self.settings.window, now);
        self.go(State::Closed, reason, now)
    }

    fn go(&mut self, to: State, reason: Reason, now: Instant) -> Transition {
        let from = self.phase();
        self.state = to;
        self.epoch += 1;
        let to = self.phase();
        if to == Phase::Open {
            self.why = reason;
        }
        self.counts.transitions[reason.index()] += 1;
        Transition {
            number: self.epoch,
            from,
            to,
            reason,
            retry_after: self.retry_after(now),
        }
    }

    fn ticket(&self, probe: bool) -> Ticket {
        Ticket {
            epoch: self.epoch,
            probe,
        }
    }
}
