//! What a model's name asks for.
//!
//! Without rules, the grammar is the whole configuration of the simulated model: nothing else
//! changes what it does. Numbers are bounded, so that no name can ask for more than
//! [`MAX_ANSWER_BYTES`] of text or wait longer than [`LONGEST`](crate::delay::LONGEST) at a point.

use std::time::Duration;

use crate::delay::Delay;

/// The most chunks in one answer.
const MAX_CHUNKS: u32 = 1_000_000;
/// The most chunks whose gaps are drawn: a unary answer draws all of them at once.
const MAX_DRAWN: u32 = 100_000;
/// The most content bytes in one answer, and so in one chunk: 256 MiB.
pub(crate) const MAX_ANSWER_BYTES: u64 = 256 << 20;
/// The most tool calls in one answer.
const MAX_CALLS: u32 = 16;

/// Names worth listing: one of each kind. `sim-…`, `tools-…` and `fault-flaky-…` take any numbers.
pub(crate) const EXAMPLES: &[&str] = &[
    "echo",
    "sim-0-20-0-4",
    "sim-300-40-25-8",
    "sim-300~~2000-40-10..40-8",
    "tools",
    "tools-2",
    "fault-429",
    "fault-500",
    "fault-529",
    "fault-hang",
    "fault-close",
    "fault-stall",
    "fault-cut",
    "fault-cutmidevent",
    "fault-badjson",
    "fault-errorevent",
    "fault-slowdrip",
    "fault-flaky-10",
];

/// What happens when this model is asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Model {
    /// A fixed text at a fixed pace.
    Paced(Pace),
    /// The last user message, at once.
    Echo,
    /// So many calls of the tools that the request brings; an echo if it brings none.
    Tools(u32),
    /// Refused with an error status.
    Refused(Refused),
    /// Accepted, and never answered.
    Hang,
    /// The connection is closed without an answer.
    Close,
    /// Answered with 200, and then something goes wrong.
    Flawed(Flaw),
    /// This many calls in a hundred get a 500, evenly spread; the others are sound.
    Flaky(u8),
}

/// The statuses that have a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    RateLimited,
    Failing,
    Overloaded,
}

/// What goes wrong inside an answer that began well.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    Stall,
    Cut,
    /// A cut that the connection's other end sees as a reset. Only rules ask for it.
    Reset,
    CutMidEvent,
    BadJson,
    ErrorEvent,
    SlowDrip,
}

/// How much text comes, and when.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pace {
    /// From the call to the first chunk.
    pub(crate) ttft: Delay,
    /// How many chunks.
    pub(crate) chunks: u32,
    /// From one chunk to the next, and from the last one to the end.
    pub(crate) gap: Delay,
    /// Content bytes in each chunk.
    pub(crate) bytes: u32,
}

impl Pace {
    /// `sim-0-20-0-4`: what the faults say before, between and after going wrong.
    pub(crate) const USUAL: Self = Self {
        ttft: Delay::NONE,
        chunks: 20,
        gap: Delay::NONE,
        bytes: 4,
    };
}

impl Model {
    /// Whether it answers with more than a status, each time.
    pub(crate) fn answers(self) -> bool {
        !matches!(
            self,
            Self::Refused(_) | Self::Hang | Self::Close | Self::Flaky(_)
        )
    }

    /// Reads a name; `None` when it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some(numbers) = name.strip_prefix("sim-") {
            return pace(numbers).map(Self::Paced);
        }
        if name == "echo" {
            return Some(Self::Echo);
        }
        if name == "tools" {
            return Some(Self::Tools(1));
        }
        if let Some(calls) = name.strip_prefix("tools-") {
            return number(calls, MAX_CALLS)
                .filter(|calls| *calls > 0)
                .map(Self::Tools);
        }
        let fault = name.strip_prefix("fault-")?;
        if let Some(percent) = fault.strip_prefix("flaky-") {
            let percent = u8::try_from(number(percent, 100)?).ok()?;
            return Some(Self::Flaky(percent));
        }
        Some(match fault {
            "429" => Self::Refused(Refused::RateLimited),
            "500" => Self::Refused(Refused::Failing),
            "529" => Self::Refused(Refused::Overloaded),
            "hang" => Self::Hang,
            "close" => Self::Close,
            "stall" => Self::Flawed(Flaw::Stall),
            "cut" => Self::Flawed(Flaw::Cut),
            "cutmidevent" => Self::Flawed(Flaw::CutMidEvent),
            "badjson" => Self::Flawed(Flaw::BadJson),
            "errorevent" => Self::Flawed(Flaw::ErrorEvent),
            "slowdrip" => Self::Flawed(Flaw::SlowDrip),
            _ => return None,
        })
    }
}

fn pace(numbers: &str) -> Option<Pace> {
    let mut parts = numbers.split('-');
    let ttft = Delay::parse(parts.next()?, millis)?;
    let chunks = number(parts.next()?, MAX_CHUNKS)?;
    let gap = Delay::parse(parts.next()?, millis)?;
    let bytes = number(parts.next()?, u32::MAX)?;
    let fits = u64::from(chunks) * u64::from(bytes) <= MAX_ANSWER_BYTES
        && u64::from(bytes) <= MAX_ANSWER_BYTES
        && (matches!(gap, Delay::Fixed(_)) || chunks <= MAX_DRAWN);
    (fits && parts.next().is_none()).then_some(Pace {
        ttft,
        chunks,
        gap,
        bytes,
    })
}

/// `None` beyond 32 bits; the bound of a delay is its own.
fn millis(text: &str) -> Option<Duration> {
    number(text, u32::MAX).map(|ms| Duration::from_millis(ms.into()))
}

/// Digits only (`u32::from_str` would take a `+`), at most `max`.
fn number(text: &str, max: u32) -> Option<u32> {
    if !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|&number| number <= max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_example_is_a_name() {
        for name in EXAMPLES {
            assert!(Model::parse(name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_four_numbers_are_read_in_order() {
        let ms = Duration::from_millis;
        let pace = Pace {
            ttft: Delay::Fixed(ms(300)),
            chunks: 40,
            gap: Delay::Fixed(ms(25)),
            bytes: 8,
        };
        assert_eq!(Model::parse("sim-300-40-25-8"), Some(Model::Paced(pace)));
        assert_eq!(
            Model::parse("sim-0-20-0-4"),
            Some(Model::Paced(Pace::USUAL))
        );
        assert_eq!(Model::parse("fault-flaky-100"), Some(Model::Flaky(100)));
        assert_eq!(Model::parse("tools-16"), Some(Model::Tools(16)));
    }

    #[test]
    fn both_times_of_a_pace_may_be_drawn() {
        let ms = Duration::from_millis;
        let Some(Model::Paced(pace)) = Model::parse("sim-300~50-3-10..40-8") else {
            panic!("not a pace");
        };
        let (mean, deviation) = (ms(300), ms(50));
        assert_eq!(pace.ttft, Delay::Normal { mean, deviation });
        let (from, to) = (ms(10), ms(40));
        assert_eq!((pace.chunks, pace.gap), (3, Delay::Even { from, to }));
    }

    #[test]
    fn near_misses_are_not_names() {
        for name in [
            "",
            "sim",
            "sim-",
            "sim-1-2-3",
            "sim-1-2-3-4-5",
            "sim-1-2-3-",
            "sim-+1-2-3-4",
            "sim-1..-2-3-4",
            "sim-9~~3-2-3-4",
            "sim-1-100001-1..2-1",
            "tools-",
            "tools-0",
            "tools-17",
            "sim--1-2-3-4",
            "sim-1-2-3-4 ",
            "sim-3600001-1-0-1",
            "sim-0-1000001-0-1",
            "sim-0-1000-0-1000000",
            "sim-0-0-0-268435457",
            "sim-99999999999999999999-1-0-1",
            "Echo",
            "fault",
            "fault-",
            "fault-418",
            "fault-flaky-",
            "fault-flaky-101",
            "gpt-4o",
        ] {
            assert_eq!(Model::parse(name), None, "{name}");
        }
    }
}
