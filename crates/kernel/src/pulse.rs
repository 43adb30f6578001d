//! A progress watchdog: what does not go on is named (INV-NODEAD).
//!
//! 1. A stall is told once, with who, where and how long; so is its end.
//! 2. Within a zone there is no alarm before the zone's own limit.
//! 3. A sign of life is one relaxed store; one task looks at all.
//! 4. It also says how late the runtime wakes a timer (p99).
//!    It ends nobody: deadlines do that. What it finds is a defect, or a limit
//!    that is wrong. While the whole runtime stands still, so does it.

use std::fmt;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::OnceLock;
use std::task::Poll;
use std::time::Duration;

use crate::clock::{Alarm, Clock};
use crate::lag::Lag;
use crate::names;
use crate::observe::{Counter, Gauge, Labels, Observe, Visitor, gauge};
use crate::rank::Rank;
use crate::scope::{Scope, SpawnRefused};
use crate::stalls::{Book, Life};
use crate::sync::{Arc, Mutex};
use crate::task::Task;

/// What a zone's limit beyond the clock's range is cut to.
const LONGEST_ZONE: Duration = Duration::from_secs(24 * 3600);

/// How often a watchdog looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PulseSettings {
    /// How many are watched at most; more go unwatched, and are counted.
    pub watched: usize,
    /// The time between two looks; an alarm is late by so much at most.
    pub look_every: Duration,
    /// The time between two timers whose lateness is measured.
    pub lag_every: Duration,
    /// The time over which the lateness is taken.
    pub lag_window: Duration,
}

impl Default for PulseSettings {
    /// A look each second; a timer each 10 ms, over ten seconds (controls.md
    /// A.15).
    fn default() -> Self {
        Self {
            watched: 65_536,
            look_every: Duration::from_secs(1),
            lag_every: Duration::from_millis(10),
            lag_window: Duration::from_secs(10),
        }
    }
}

/// One that does not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stall {
    /// Who: the name it is watched under.
    pub name: &'static str,
    /// Which one of that name.
    pub id: u64,
    /// The stage it is in.
    pub stage: &'static str,
    /// The zone within it, if it is in one.
    pub zone: Option<&'static str>,
    /// How long it has shown no sign of life, at least.
    pub still: Duration,
}

impl fmt::Display for Stall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, id, .. } = self;
        write!(f, "{name} #{id} in {}", self.stage)?;
        if let Some(zone) = self.zone {
            write!(f, "/{zone}")?;
        }
        write!(f, ": no progress for {:.1} s", self.still.as_secs_f64())
    }
}

/// What a look finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It has not gone on for longer than its stage allows.
    Stalled(Stall),
    /// It had stalled, and went on or ended.
    Recovered(Stall),
}

/// The numbers of a watchdog at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PulseStats {
    /// How many are watched.
    pub watched: u64,
    /// How many of them have stalled, as the last look saw them.
    pub stalled: u64,
    /// Stalls that were found, ever.
    pub stalls: u64,
    /// Stalls that ended.
    pub recoveries: u64,
    /// How many found no room to be watched.
    pub unwatched: u64,
}

/// The watchdog; a handle, cheap to clone.
#[derive(Clone, Debug)]
pub struct Watchdog(Arc<Inner>);

type Hook = Box<dyn Fn(&Finding) + Send + Sync>;

struct Inner {
    settings: PulseSettings,
    clock: Clock,
    book: Mutex<Book>,
    lag: Mutex<Lag>,
    hook: OnceLock<Hook>,
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watchdog").field(&self.book).finish()
    }
}

impl Watchdog {
    /// One that watches nobody yet, and looks when it is asked to.
    pub fn new(settings: PulseSettings, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            settings,
            clock,
            book: Mutex::ranked(Rank::WATCHED, Book::default()),
            lag: Mutex::new(Lag::new(settings.lag_every, settings.lag_window)),
            hook: OnceLock::new(),
        }))
    }

    /// Calls `hook` for every finding, outside the lock. The first hook stays;
    /// what it panics with goes nowhere. One that keeps the watchdog itself
    /// keeps both for ever.
    pub fn on_finding(&self, hook: impl Fn(&Finding) + Send + Sync + 'static) {
        let _ = self.0.hook.set(Box::new(hook));
    }

    /// Watches one, until the pulse is dropped. It begins in `stage`, where it
    /// may show no sign of life for `max`.
    pub fn watch(&self, name: &'static str, id: u64, stage: &'static str, max: Duration) -> Pulse {
        let (life, now) = (
            Arc::new(Life::new(name, id, stage, max)),
            self.0.clock.now(),
        );
        let most = self.0.settings.watched;
        let place = self.0.book.lock().add(&life, most, now);
        Pulse {
            life,
            place,
            of: self.clone(),
        }
    }

    /// Looks at all, tells the hook, and returns what it found.
    pub fn look(&self) -> Vec<Finding> {
        let now = self.0.clock.now();
        let found = self.0.book.lock().look(now);
        if let Some(hook) = self.0.hook.get() {
            for finding in &found {
                // A hook that panics must not take the watchdog with it.
                let _ = catch_unwind(AssertUnwindSafe(|| hook(finding)));
            }
        }
        found
    }

    /// Starts the one task that looks and measures; it ends with the scope.
    ///
    /// # Errors
    /// If the scope takes no task.
    pub fn start(&self, scope: &Scope) -> Result<Task<()>, SpawnRefused> {
        let (dog, mut cancelled) = (self.clone(), Box::pin(scope.cancelled()));
        scope.spawn("watchdog", async move {
            let mut work = pin!(dog.work());
            poll_fn(|cx| match cancelled.as_mut().poll(cx) {
                Poll::Ready(_) => Poll::Ready(()),
                Poll::Pending => work.as_mut().poll(cx),
            })
            .await;
        })
    }

    async fn work(&self) {
        let (clock, every) = (self.0.clock, self.0.lag.lock().every());
        let (mut alarm, mut look_at) = (Alarm::new(), clock.now());
        loop {
            let due = clock.after(every);
            alarm.set(due);
            poll_fn(|cx| alarm.poll_due(cx)).await;
            let now = clock.now();
            let late = now.saturating_duration_since(due);
            self.0.lag.lock().record(late);
            if now >= look_at {
                self.look();
                look_at = clock.after(self.0.settings.look_every);
            }
        }
    }

    /// How late 99 of 100 timers came at most, over the window. A timer has a
    /// grain of a millisecond, so one or two are no lag.
    pub fn lag_p99(&self) -> Duration {
        self.0.lag.lock().p99()
    }

    /// Who has stalled, as the last look saw them.
    pub fn stalled(&self) -> Vec<Stall> {
        self.0.book.lock().stalled().collect()
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> PulseStats {
        self.0.book.lock().stats()
    }
}

impl Observe for Watchdog {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let (stats, lag) = (self.stats(), self.lag_p99());
        let mut up = |metric: Counter, n| to.counter(metric, labels, n);
        up(names::PULSE_STALLS, stats.stalls);
        up(names::PULSE_RECOVERIES, stats.recoveries);
        up(names::PULSE_UNWATCHED, stats.unwatched);
        let mut level = |metric: Gauge, value| to.gauge(metric, labels, value);
        level(names::PULSE_WATCHED, gauge(stats.watched));
        level(names::PULSE_STALLED, gauge(stats.stalled));
        level(names::RUNTIME_LAG_P99, lag.as_secs_f64());
    }
}

/// One that is watched, until it is dropped.
#[derive(Debug)]
#[must_use = "who drops its pulse is not watched"]
pub struct Pulse {
    life: Arc<Life>,
    place: Option<usize>,
    of: Watchdog,
}

impl Pulse {
    /// A sign of life.
    pub fn beat(&self) {
        self.life.beat();
    }

    /// Goes on to `stage`, where it may show no sign of life for `max`.
    pub fn enter(&self, stage: &'static str, max: Duration) {
        self.life.enter(stage, max);
    }

    /// Until the zone is dropped, or for `max`, nobody expects a sign of life:
    /// for a step that is long by nature. Leaving it is one.
    pub fn zone(&self, name: &'static str, max: Duration) -> Zone<'_> {
        let now = self.of.0.clock.now();
        let until = now.checked_add(max).unwrap_or(now + LONGEST_ZONE);
        let key = self.life.enter_zone(name, until);
        let life = &self.life;
        Zone { life, key }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            let dog = &self.of.0;
            dog.book.lock().remove(place, dog.clock);
        }
    }
}

/// A zone without alarm, until it is dropped.
#[derive(Debug)]
#[must_use = "a dropped zone protects nothing"]
pub struct Zone<'a> {
    life: &'a Life,
    key: u64,
}

impl Drop for Zone<'_> {
    fn drop(&mut self) {
        self.life.leave_zone(self.key);
    }
}
