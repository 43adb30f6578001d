//! When calls begin.
//!
//! A closed loop starts the next call when one ends; it shows cost and capacity.
//! An open loop starts calls at fixed moments whatever the answers do; it shows
//! what callers feel, since waiting for a connection counts into the latency.

use std::time::Duration;

/// The rule by which calls begin.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Pace {
    /// Each connection always has one call; the first ones begin spread over `ramp`,
    /// so that paced streams do not beat in step.
    Closed {
        /// Time over which the connections come in.
        ramp: Duration,
    },
    /// A call each `every`.
    Open {
        /// Time between intended starts.
        every: Duration,
    },
}

impl Pace {
    /// When call number `index` is meant to begin, `elapsed` into the run.
    pub(crate) fn due(self, index: u64, connections: usize, elapsed: Duration) -> Duration {
        match self {
            Self::Closed { ramp } => {
                let connections = u32::try_from(connections).unwrap_or(u32::MAX);
                match u32::try_from(index) {
                    Ok(index) if index < connections => ramp * index / connections,
                    _ => elapsed,
                }
            }
            Self::Open { every } => nanos(every.as_nanos() * u128::from(index)),
        }
    }

    /// How many calls are meant to begin in `time`; a closed loop intends none.
    pub(crate) fn intended(self, time: Duration) -> u64 {
        match self {
            Self::Closed { .. } => 0,
            Self::Open { every } => {
                u64::try_from(time.as_nanos().div_ceil(every.as_nanos().max(1))).unwrap_or(u64::MAX)
            }
        }
    }

    /// Whether calls that found no connection wait for one after their moment.
    pub(crate) fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

fn nanos(nanos: u128) -> Duration {
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn an_open_loop_is_due_whatever_the_answers_do() {
        let pace = Pace::Open { every: MS * 2 };
        assert_eq!(pace.due(0, 1, MS * 50), Duration::ZERO);
        assert_eq!(pace.due(10, 1, MS), MS * 20);
        assert_eq!(pace.intended(MS * 20), 10);
        assert_eq!(pace.intended(MS * 21), 11);
    }

    #[test]
    fn a_closed_loop_comes_in_over_its_ramp() {
        let pace = Pace::Closed { ramp: MS * 100 };
        assert_eq!(pace.due(0, 10, MS), Duration::ZERO);
        assert_eq!(pace.due(9, 10, MS), MS * 90);
        assert_eq!(pace.due(10, 10, MS * 7), MS * 7);
    }
}
