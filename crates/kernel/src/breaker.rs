//! Stops asking a target that fails, and finds out when it works again.
//!
//! 1. It opens on failures in a row, or on too few successes in a window.
//! 2. Exactly one probe at a time; its first token decides, not its end.
//! 3. Verdicts of passes from before a transition count for nothing after it.
//! 4. A pass that is dropped is neutral: a probe's place is free again (R-D13).
//! 5. Each transition is told once, outside the lock, and counted (R-D8).
//!    What is a failure and what is the caller's fault, others decide.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use std::time::Duration;

use crate::circuit::{Circuit, Ticket};
use crate::clock::{Clock, Instant};
use crate::names;
use crate::observe::{Counter, Labels, Observe, Visitor};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};
pub use crate::verdict::{BreakerStats, Open, Phase, Reason, Transition, Verdict};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0 turns this off.
    pub consecutive: u32,
    /// The time over which the ratio is taken, in ten buckets.
    pub window: Duration,
    /// It opens when fewer of a hundred went well; 0 turns this off.
    pub success_percent: u32,
    /// Below so many verdicts in the window the ratio says nothing.
    pub min_requests: u32,
    /// How long it is open at first; it doubles with each probe that fails.
    pub open_min: Duration,
    /// It is never open for longer by itself.
    pub open_max: Duration,
    /// How much longer it may be open by chance, in hundredths of the time.
    pub jitter_percent: u32,
    /// Of the jitter.
    pub seed: u64,
}

impl Default for BreakerSettings {
    /// The values of controls.md A.3, and a seed of 0: give each its own.
    fn default() -> Self {
        Self {
            consecutive: 5,
            window: Duration::from_secs(30),
            success_percent: 50,
            min_requests: 20,
            open_min: Duration::from_secs(1),
            open_max: Duration::from_secs(60),
            jitter_percent: 50,
            seed: 0,
        }
    }
}

/// The breaker of one target; a handle, cheap to clone. While it is closed a
/// pass is one atomic read, and its verdict a short lock.
#[derive(Clone, Debug)]
pub struct Breaker(Arc<Shared>);

type Hook = Box<dyn Fn(&Transition) + Send + Sync>;

struct Shared {
    clock: Clock,
    /// What the circuit's `closed_epoch` was when the lock was last released:
    /// who finds it closed needs no lock. Late news only let one more pass.
    gate: AtomicU64,
    circuit: Mutex<Circuit>,
    hook: OnceLock<Hook>,
}

/// The gate when it is not closed.
const SHUT: u64 = u64::MAX;

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Breaker").field(&self.circuit).finish()
    }
}

impl Breaker {
    /// A closed one.
    pub fn new(settings: BreakerSettings, clock: Clock) -> Self {
        let circuit = Circuit::new(settings, clock.now());
        Self(Arc::new(Shared {
            clock,
            gate: AtomicU64::new(circuit.closed_epoch().unwrap_or(SHUT)),
            circuit: Mutex::new(circuit),
            hook: OnceLock::new(),
        }))
    }

    /// Calls `hook` for every transition, outside the lock. The first hook
    /// stays; what it panics with goes nowhere. One that keeps the breaker
    /// itself keeps both for ever.
    pub fn on_transition(&self, hook: impl Fn(&Transition) + Send + Sync + 'static) {
        let _ = self.0.hook.set(Box::new(hook));
    }

    /// Asks to try the target.
    ///
    /// # Errors
    /// [`Open`] when it is not to be asked now.
    pub fn try_pass(&self) -> Result<Pass, Open> {
        let epoch = self.0.gate.load(Ordering::Acquire);
        let ticket = if epoch == SHUT {
            self.0.change(Circuit::pass)?
        } else {
            let probe = false;
            Ticket { epoch, probe }
        };
        Ok(Pass {
            ticket,
            of: Some(Arc::clone(&self.0)),
        })
    }

    /// Opens it until `until` at least, whatever it does now; then it probes.
    /// For a quota that says when it is filled again.
    pub fn open_until(&self, until: Instant) {
        self.0
            .change(|circuit, now| ((), circuit.hold(Some(until), now)));
    }

    /// Opens it until [`reset`](Self::reset): for a key that was refused, which
    /// only a new configuration mends.
    pub fn hold_open(&self) {
        self.0.change(|circuit, now| ((), circuit.hold(None, now)));
    }

    /// Closes it and forgets what was counted in its window.
    pub fn reset(&self) {
        self.0
            .change(|circuit, now| ((), Some(circuit.close(Reason::Reset, now))));
    }

    /// Whether everybody gets a pass; one atomic read.
    pub fn is_closed(&self) -> bool {
        self.0.gate.load(Ordering::Acquire) != SHUT
    }

    /// What it does now. It stays open until somebody asks after its time.
    pub fn state(&self) -> Phase {
        self.0.circuit.lock().phase()
    }

    /// How long until a pass is likely, as in [`Open`]; zero when there is one.
    pub fn retry_after(&self) -> Duration {
        if self.0.gate.load(Ordering::Acquire) != SHUT {
            return Duration::ZERO;
        }
        let now = self.0.clock.now();
        self.0.circuit.lock().retry_after(now)
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> BreakerStats {
        let now = self.0.clock.now();
        self.0.circuit.lock().stats(now)
    }
}

impl Observe for Breaker {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let stats = self.stats();
        let level = f64::from(stats.phase as u8);
        to.gauge(names::BREAKER_STATE, labels, level);
        let mut up = |metric: Counter, labels: &Labels<'_>, n| {
            to.counter(metric, labels, n);
        };
        up(names::BREAKER_REFUSED, labels, stats.refused);
        up(names::BREAKER_PROBES, labels, stats.probes);
        for (verdict, n) in stats.verdicts() {
            let labels = [labels, &[("verdict", verdict.as_str())]].concat();
            up(names::BREAKER_VERDICTS, &labels, n);
        }
        for (reason, n) in stats.transitions() {
            let (phase, why) = (reason.leads_to().as_str(), reason.as_str());
            let labels = [labels, &[("to", phase), ("reason", why)]].concat();
            up(names::BREAKER_TRANSITIONS, &labels, n);
        }
    }
}

impl Shared {
    /// One step of the circuit under the lock; tells of a transition after it,
    /// since what a hook does is not our code.
    fn change<R>(&self, step: impl FnOnce(&mut Circuit, Instant) -> (R, Option<Transition>)) -> R {
        let now = self.clock.now();
        self.change_at(|circuit| step(circuit, now))
    }

    /// The same, for a step that knows the time.
    fn change_at<R>(&self, step: impl FnOnce(&mut Circuit) -> (R, Option<Transition>)) -> R {
        let (result, transition) = {
            let mut circuit = self.circuit.lock();
            let (result, transition) = step(&mut circuit);
            if transition.is_some() {
                let gate = circuit.closed_epoch().unwrap_or(SHUT);
                self.gate.store(gate, Ordering::Release);
            }
            (result, transition)
        };
        if let (Some(transition), Some(hook)) = (transition, self.hook.get()) {
            // A hook that panics must not take the request's outcome with it.
            let _ = catch_unwind(AssertUnwindSafe(|| hook(&transition)));
        }
        result
    }
}

/// The leave to try the target once. Dropping it is a neutral verdict.
#[derive(Debug)]
#[must_use = "a pass that is dropped says nothing about the target"]
pub struct Pass {
    ticket: Ticket,
    /// Taken when it is settled.
    of: Option<Arc<Shared>>,
}

impl Pass {
    /// Whether all others wait for what becomes of this one.
    pub fn is_probe(&self) -> bool {
        self.ticket.probe
    }

    /// The first token came. That decides a probe: the breaker closes now and
    /// not when the generation ends. How it ends counts all the same.
    pub fn progressed(&mut self) {
        if let (true, Some(of)) = (self.ticket.probe, &self.of) {
            let ticket = &mut self.ticket;
            of.change(|circuit, now| ((), circuit.recover(ticket, now)));
        }
    }

    /// Says how it ended.
    pub fn settle(mut self, verdict: Verdict) {
        self.end(verdict, None);
    }

    /// The same, for who has looked at the clock already.
    pub fn settle_at(mut self, verdict: Verdict, now: Instant) {
        self.end(verdict, Some(now));
    }

    fn end(&mut self, verdict: Verdict, now: Option<Instant>) {
        if let Some(of) = self.of.take() {
            let ticket = self.ticket;
            let now = now.unwrap_or_else(|| of.clock.now());
            of.change_at(|circuit| ((), circuit.settle(ticket, verdict, now)));
        }
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.end(Verdict::Neutral, None);
    }
}
