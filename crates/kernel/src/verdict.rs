//! The words of the breaker: how an attempt ended, what it does, why it changed.
//!
//! 1. Each has one label, for metrics and logs, that stays.

use std::fmt;
use std::time::Duration;

/// How an attempt ended, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It did what it should, to its end.
    Succeeded,
    /// The target's fault, also after its headers: an error, a cut, a timeout.
    Failed,
    /// The target has too much to do (429): it lowers the ratio, it is no
    /// failure in a row.
    Degraded,
    /// Says nothing about the target: the caller's fault, or cancelled.
    Neutral,
}

impl Verdict {
    const ALL: [Self; 4] = [Self::Succeeded, Self::Failed, Self::Degraded, Self::Neutral];

    /// The stable label for metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Degraded => "degraded",
            Self::Neutral => "neutral",
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

/// What a breaker does now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Everybody passes.
    #[default]
    Closed,
    /// One may pass, or is on his way, to find out.
    Probing,
    /// Nobody passes before its time is over.
    Open,
}

impl Phase {
    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Probing => "probing",
            Self::Open => "open",
        }
    }
}

/// Why a breaker changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Too many failures in a row.
    Consecutive,
    /// Too few successes in the window.
    Ratio,
    /// The probe failed.
    ProbeFailed,
    /// Opened until a stated time, such as the reset of a quota.
    Paused,
    /// Opened until a reset, such as after a refused key.
    Held,
    /// Its time is over: somebody probes.
    Due,
    /// The probe went well.
    Recovered,
    /// Somebody closed it.
    Reset,
}

impl Reason {
    const ALL: [Self; 8] = [
        Self::Consecutive,
        Self::Ratio,
        Self::ProbeFailed,
        Self::Paused,
        Self::Held,
        Self::Due,
        Self::Recovered,
        Self::Reset,
    ];

    /// The stable label for metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Consecutive => "consecutive_failures",
            Self::Ratio => "success_ratio",
            Self::ProbeFailed => "probe_failed",
            Self::Paused => "paused",
            Self::Held => "held",
            Self::Due => "due",
            Self::Recovered => "recovered",
            Self::Reset => "reset",
        }
    }

    /// The phase to which it leads.
    pub fn leads_to(self) -> Phase {
        match self {
            Self::Recovered | Self::Reset => Phase::Closed,
            Self::Due => Phase::Probing,
            _ => Phase::Open,
        }
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Nobody passes now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the breaker is open ({why}), next try in {} ms", .retry_after.as_millis())]
pub struct Open {
    /// When the next probe is likely: the time that is left; `open_min` while
    /// a probe is out; `open_max` when only a reset closes it.
    pub retry_after: Duration,
    /// Why it opened.
    pub why: Reason,
}

/// One change of a breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Counts from 1. Hooks of two threads may come in the other order.
    pub number: u64,
    /// What it was. From open to open it got a new reason and more time.
    pub from: Phase,
    /// What it is.
    pub to: Phase,
    /// Why.
    pub reason: Reason,
    /// As in [`Open`]; zero when it closed.
    pub retry_after: Duration,
}

/// The numbers of a breaker at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BreakerStats {
    /// What it does now.
    pub phase: Phase,
    /// Verdicts in the window that were good.
    pub window_succeeded: u64,
    /// Verdicts in the window.
    pub window_all: u64,
    /// Failures since the last success.
    pub failed_in_a_row: u32,
    /// Attempts that it refused, ever.
    pub refused: u64,
    /// Attempts that were let through as a probe.
    pub probes: u64,
    /// Verdicts that came too late to count.
    pub stale: u64,
    /// Verdicts in the order of [`Verdict`].
    pub(crate) verdicts: [u64; 4],
    /// Transitions in the order of [`Reason`].
    pub(crate) transitions: [u64; 8],
}

impl BreakerStats {
    /// Attempts that ended, by verdict.
    pub fn verdicts(&self) -> impl Iterator<Item = (Verdict, u64)> + use<> {
        Verdict::ALL.into_iter().zip(self.verdicts)
    }

    /// Transitions, by reason.
    pub fn transitions(&self) -> impl Iterator<Item = (Reason, u64)> + use<> {
        Reason::ALL.into_iter().zip(self.transitions)
    }
}
