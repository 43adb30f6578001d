//! What is measured: one entry a row of the report.
//!
//! The model's name tells the simulated upstream what to do:
//! `sim-<ms to the first byte>-<chunks>-<ms between chunks>-<bytes of text in a chunk>`.

use std::time::Duration;

use super::load::Pace;

/// One kind of load.
#[derive(Debug)]
pub(crate) struct Row {
    /// How `--only` names it.
    pub(crate) name: &'static str,
    /// The heading in the report.
    pub(crate) title: &'static str,
    pub(crate) model: &'static str,
    pub(crate) stream: bool,
    /// Bytes of the user's message.
    pub(crate) prompt: usize,
    pub(crate) connections: usize,
    pub(crate) pace: Pace,
    /// CPU against nginx that we mean to stay under.
    pub(crate) goal: Option<f64>,
}

/// Events of about 200 bytes, as chat models send them.
const AT_ONCE: &str = "sim-0-20-0-24";
const NO_RAMP: Pace = Pace::Closed {
    ramp: Duration::ZERO,
};
const SHORT_PROMPT: usize = 200;

/// The rows that load the subjects, in the order of the report.
pub(crate) static LOADS: [Row; 5] = [
    Row {
        name: "unary",
        title: "Unary calls, 8 connections, closed loop",
        model: AT_ONCE,
        stream: false,
        prompt: SHORT_PROMPT,
        connections: 8,
        pace: NO_RAMP,
        goal: Some(1.8),
    },
    Row {
        name: "burst",
        title: "Streams of 20 chunks in a burst, 8 connections, closed loop",
        model: AT_ONCE,
        stream: true,
        prompt: SHORT_PROMPT,
        connections: 8,
        pace: NO_RAMP,
        goal: Some(2.0),
    },
    Row {
        name: "paced",
        title: "Streams of 20 chunks, 10 ms apart, 300 at a time",
        model: "sim-0-20-10-24",
        stream: true,
        prompt: SHORT_PROMPT,
        connections: 300,
        pace: Pace::Closed {
            ramp: Duration::from_millis(200),
        },
        goal: Some(1.4),
    },
    Row {
        name: "prompt",
        title: "Unary calls with a prompt of 100 KB, 8 connections, closed loop",
        model: AT_ONCE,
        stream: false,
        prompt: 100_000,
        connections: 8,
        pace: NO_RAMP,
        goal: None,
    },
    Row {
        name: "open",
        title: "Unary calls, open loop at 3,000/s",
        model: AT_ONCE,
        stream: false,
        prompt: SHORT_PROMPT,
        connections: 128,
        pace: Pace::Open {
            every: Duration::from_nanos(1_000_000_000 / 3_000),
        },
        goal: None,
    },
];

/// The name of the row that holds 1,000 slow streams open.
pub(crate) const STREAMS: &str = "streams";
/// The name of the row that measures the start.
pub(crate) const READY: &str = "ready";
/// The name of the rows that measure translation between two dialects.
pub(crate) const DIALECTS: &str = "dialects";
/// The name of the row that reloads 200 providers.
pub(crate) const RELOAD: &str = "reload";
/// The name of the row that measures what `tidegate ask` adds.
pub(crate) const ASK: &str = "ask";
/// How `--only` names what the kernel's nouns cost.
pub(crate) const NOUNS: &str = "nouns";
/// How `--only` names the growth of translation.
pub(crate) const PAIRS: &str = "pairs";

/// All names that `--only` knows.
pub(crate) fn names() -> Vec<&'static str> {
    LOADS
        .iter()
        .map(|row| row.name)
        .chain([STREAMS, READY, ASK, DIALECTS, RELOAD, NOUNS, PAIRS])
        .collect()
}

/// How long and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) rounds: usize,
    pub(crate) round: Duration,
    pub(crate) warm_up: Duration,
    /// The model of the slow streams; its length is how long all are open.
    pub(crate) slow_model: &'static str,
    pub(crate) starts: usize,
    pub(crate) asks: usize,
    pub(crate) reloads: usize,
}

impl Effort {
    /// A full run: about five minutes.
    pub(crate) const FULL: Self = Self {
        rounds: 5,
        round: Duration::from_secs(3),
        warm_up: Duration::from_millis(400),
        slow_model: "sim-0-20-500-24",
        starts: 10,
        asks: 30,
        reloads: 30,
    };

    /// For development: about 45 seconds.
    pub(crate) const QUICK: Self = Self {
        rounds: 3,
        round: Duration::from_millis(500),
        warm_up: Duration::from_millis(150),
        slow_model: "sim-0-20-150-24",
        starts: 3,
        asks: 5,
        reloads: 5,
    };
}
