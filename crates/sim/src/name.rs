//! What a model's name asks for.
//!
//! The grammar is the whole configuration of the simulated model: nothing else changes what it
//! does. Numbers are bounded, so that no name can ask for more than [`MAX_ANSWER_BYTES`] of text
//! or wait longer than [`MAX_WAIT_MS`] at one point.

use std::time::Duration;

/// The longest time to the first token, and the longest gap, in milliseconds: one hour.
const MAX_WAIT_MS: u32 = 3_600_000;
/// The most chunks in one answer.
const MAX_CHUNKS: u32 = 1_000_000;
/// The most content bytes in one answer, and so in one chunk: 256 MiB.
const MAX_ANSWER_BYTES: u64 = 256 << 20;

/// Names worth listing: one of each kind. `sim-…` and `fault-flaky-…` take any numbers.
pub(crate) const EXAMPLES: &[&str] = &[
    "echo",
    "sim-0-20-0-4",
    "sim-300-40-25-8",
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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    /// A fixed text at a fixed pace.
    Paced(Pace),
    /// The last user message, at once.
    Echo,
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
    CutMidEvent,
    BadJson,
    ErrorEvent,
    SlowDrip,
}

/// How much text comes, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace {
    /// From the call to the first chunk.
    pub(crate) ttft: Duration,
    /// How many chunks.
    pub(crate) chunks: u32,
    /// From one chunk to the next, and from the last one to the end.
    pub(crate) gap: Duration,
    /// Content bytes in each chunk.
    pub(crate) bytes: u32,
}

impl Pace {
    /// `sim-0-20-0-4`: what the faults say before, between and after going wrong.
    pub(crate) const USUAL: Self = Self {
        ttft: Duration::ZERO,
        chunks: 20,
        gap: Duration::ZERO,
        bytes: 4,
    };

    /// From the call to the end of its answer.
    pub(crate) fn whole(self) -> Duration {
        self.ttft + self.gap * self.chunks
    }
}

impl Model {
    /// Reads a name; `None` when it is not one of ours.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        if let Some(numbers) = name.strip_prefix("sim-") {
            return pace(numbers).map(Self::Paced);
        }
        if name == "echo" {
            return Some(Self::Echo);
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
    let ttft = number(parts.next()?, MAX_WAIT_MS)?;
    let chunks = number(parts.next()?, MAX_CHUNKS)?;
    let gap = number(parts.next()?, MAX_WAIT_MS)?;
    let bytes = number(parts.next()?, u32::MAX)?;
    let fits = u64::from(chunks) * u64::from(bytes) <= MAX_ANSWER_BYTES
        && u64::from(bytes) <= MAX_ANSWER_BYTES;
    (fits && parts.next().is_none()).then(|| Pace {
        ttft: Duration::from_millis(ttft.into()),
        chunks,
        gap: Duration::from_millis(gap.into()),
        bytes,
    })
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
            ttft: ms(300),
            chunks: 40,
            gap: ms(25),
            bytes: 8,
        };
        assert_eq!(Model::parse("sim-300-40-25-8"), Some(Model::Paced(pace)));
        assert_eq!(pace.whole(), ms(1_300));
        assert_eq!(
            Model::parse("sim-0-20-0-4"),
            Some(Model::Paced(Pace::USUAL))
        );
        assert_eq!(Model::parse("fault-flaky-100"), Some(Model::Flaky(100)));
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
