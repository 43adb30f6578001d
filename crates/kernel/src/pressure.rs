//! How hard the process is pressed, as one level that everybody can obey.
//!
//! 1. The level is what the worst of the gauges asks for; it rises at once.
//! 2. It falls when every gauge is 5 % below the threshold: gauges that swing
//!    less than that never make it go back and forth.
//! 3. Each change is told once, with the gauge that led to it.
//!
//! A plain value: it measures nothing, and what a level means others decide.

use std::fmt;

use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::sync::atomic::{AtomicU8, Ordering};

/// How far below its threshold every gauge must be before a level ends.
pub const HYSTERESIS: f64 = 0.05;

/// How hard the process is pressed. A level asks for what stands below it too.
///
/// The thresholds are those of the design's overload table, which follows
/// Envoy's overload manager: keep-alive ends at 0.92 there, requests at 0.95.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Level {
    /// All is well.
    #[default]
    Calm,
    /// From 0.80: work that can wait is not taken.
    Busy,
    /// From 0.90: who is idle waits less long.
    High,
    /// From 0.95: no new work is taken.
    Critical,
    /// From 0.98: the largest holder is ended.
    Extreme,
}

impl Level {
    /// All of them, the calmest first; a level is the index of itself.
    pub const ALL: [Self; 5] = [
        Self::Calm,
        Self::Busy,
        Self::High,
        Self::Critical,
        Self::Extreme,
    ];

    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Busy => "busy",
            Self::High => "high",
            Self::Critical => "critical",
            Self::Extreme => "extreme",
        }
    }

    /// The reading from which it holds.
    pub fn threshold(self) -> f64 {
        match self {
            Self::Calm => f64::NEG_INFINITY,
            Self::Busy => 0.80,
            Self::High => 0.90,
            Self::Critical => 0.95,
            Self::Extreme => 0.98,
        }
    }

    /// The highest whose threshold a reading reaches, if all thresholds are
    /// lowered by `slack`.
    fn reached(reading: f64, slack: f64) -> Self {
        let reaches = |level: &&Self| reading >= level.threshold() - slack;
        Self::ALL.iter().rfind(reaches).copied().unwrap_or_default()
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Bytes held under the process's own budget.
    Bytes,
    /// Memory, as the system counts it.
    Memory,
    /// Open files.
    Files,
    /// How late the runtime's timers are.
    Lag,
}

impl Cause {
    /// All of them; a cause is the index of itself.
    pub const ALL: [Self; 4] = [Self::Bytes, Self::Memory, Self::Files, Self::Lag];

    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Memory => "memory",
            Self::Files => "files",
            Self::Lag => "lag",
        }
    }

    /// The highest level that it can ask for: ending the largest holder gives
    /// bytes back, and is no cure for anything else.
    pub fn most(self) -> Level {
        match self {
            Self::Bytes | Self::Memory => Level::Extreme,
            Self::Files | Self::Lag => Level::Critical,
        }
    }
}

/// One reading of every gauge: the used part of what there is, 1 when all of
/// it is used. What cannot be known is 0; it may exceed 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings([f64; Cause::ALL.len()]);

impl Readings {
    /// Nothing is used.
    pub fn new() -> Self {
        Self::default()
    }

    /// With `used` of `limit` under this cause; without a limit it stays 0.
    #[must_use]
    pub fn with(mut self, cause: Cause, used: f64, limit: f64) -> Self {
        let part = used / limit;
        let known = limit > 0.0 && part.is_finite() && part > 0.0;
        self.0[cause as usize] = if known { part } else { 0.0 };
        self
    }

    /// The reading of one gauge.
    pub fn of(&self, cause: Cause) -> f64 {
        self.0[cause as usize]
    }

    /// The gauge that reads highest.
    pub fn worst(&self) -> Cause {
        let higher = |a: &Cause, b: &Cause| self.of(*a).total_cmp(&self.of(*b));
        Cause::ALL
            .into_iter()
            .max_by(higher)
            .unwrap_or(Cause::Bytes)
    }
}

/// The level became another one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// What it was.
    pub from: Level,
    /// What it is.
    pub to: Level,
    /// The gauge that asks for the new level; where all is calm, the worst.
    pub cause: Cause,
    /// What that gauge read.
    pub reading: f64,
}

/// The level and the readings behind it.
#[derive(Clone, Debug, Default)]
pub struct Pressure {
    level: Level,
    readings: Readings,
    changes: u64,
}

impl Pressure {
    /// Calm, with nothing read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes one reading of every gauge; what changed, if it did.
    pub fn sample(&mut self, readings: Readings) -> Option<Change> {
        self.readings = readings;
        let from = self.level;
        // Where nothing is asked for, the worst gauge is the one to tell.
        let calm = (Level::Calm, readings.worst());
        let (to, cause) = Cause::ALL.into_iter().fold(calm, |most, cause| {
            let asked = self.asked(cause);
            let higher =
                asked > most.0 || asked == most.0 && readings.of(cause) > readings.of(most.1);
            if higher { (asked, cause) } else { most }
        });
        if to == from {
            return None;
        }
        self.level = to;
        self.changes += 1;
        let reading = readings.of(cause);
        Some(Change {
            from,
            to,
            cause,
            reading,
        })
    }

    /// The level that one gauge asks for: at least what it reaches, and no
    /// less than the present one until it has fallen far enough.
    fn asked(&self, cause: Cause) -> Level {
        let reading = self.readings.of(cause);
        let least = Level::reached(reading, 0.0);
        let most = Level::reached(reading, HYSTERESIS);
        self.level.clamp(least, most).min(cause.most())
    }

    /// The level.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What was read last.
    pub fn readings(&self) -> Readings {
        self.readings
    }

    /// How often the level became another one.
    pub fn changes(&self) -> u64 {
        self.changes
    }
}

impl Observe for Pressure {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let height = gauge(u64::from(self.level as u8));
        to.gauge(names::OVERLOAD_LEVEL, labels, height);
        for cause in Cause::ALL {
            let labels = [labels, &[("cause", cause.as_str())]].concat();
            to.gauge(names::OVERLOAD_PRESSURE, &labels, self.readings.of(cause));
        }
        to.counter(names::OVERLOAD_CHANGES, labels, self.changes);
    }
}

/// The level where those who obey it look: one relaxed load.
#[derive(Debug, Default)]
pub struct LevelCell(AtomicU8);

impl LevelCell {
    /// It holds this from now on.
    pub fn set(&self, level: Level) {
        self.0.store(level as u8, Ordering::Relaxed);
    }

    /// What it holds.
    pub fn get(&self) -> Level {
        let index = usize::from(self.0.load(Ordering::Relaxed));
        Level::ALL.get(index).copied().unwrap_or_default()
    }
}
