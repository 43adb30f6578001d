//! What a limit is told, and what it tells: signals in, decisions out.
//!
//! Both are plain values, so that they can be kept, compared and shown.

use std::time::Duration;

use crate::clock::Instant;

/// The longest time for which a `retry-after` is obeyed; more than that is
/// nonsense or an exhausted account, which is not a limit's to handle.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// How long to keep away: what was said, within reason.
pub(super) fn pause(said: Option<Duration>) -> Duration {
    said.unwrap_or_default().min(LONGEST_PAUSE)
}

/// What a call learned about its upstream.
///
/// A call that was cancelled, or failed for a reason that says nothing about
/// load (a 400, a refused key), signals nothing. Signal before the permit goes
/// back, so that the call itself still counts as in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// It ended well.
    Succeeded {
        /// From the request to the first token; `None` where nothing streams.
        first_token: Option<Duration>,
        /// Tokens of the prompt: long prompts have late first tokens.
        input_tokens: u64,
        /// From the request to the end of the answer.
        took: Duration,
    },
    /// The upstream has too much: 429, 529, 503, or no connection in time.
    Overloaded {
        /// What its `retry-after` said.
        retry_after: Option<Duration>,
    },
    /// `x-ratelimit-remaining-requests` of an answer, once per answer, as soon
    /// as its headers are there.
    Remaining {
        /// How many more the upstream would take now.
        requests: u64,
        /// When that is over, if it was said.
        reset: Option<Duration>,
    },
}

/// A change of the limit, or an alarm that comes without one (`from` = `to`).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Decision {
    /// When.
    pub at: Instant,
    /// Permits before; the `to` of the decision before this one.
    pub from: usize,
    /// Permits from here on.
    pub to: usize,
    /// Why.
    pub reason: Reason,
}

/// Why, with the figures that led to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reason {
    /// New settings.
    Settings,
    /// More were busy than `grow_at` allows.
    Demand {
        /// In flight then.
        busy: usize,
    },
    /// Fewer were busy than `shrink_at` asks for.
    Idle {
        /// The most that were in flight at once since the look before.
        peak: usize,
    },
    /// Calls took longer than their ceiling.
    Slow {
        /// What they take on average.
        took: Duration,
    },
    /// The upstream said that it has too much.
    Overloaded {
        /// In flight then.
        busy: usize,
    },
    /// It said so, and when to come back.
    RetryAfter {
        /// Nothing new begins for so long.
        wait: Duration,
        /// In flight then.
        busy: usize,
    },
    /// The upstream said how many more it would take.
    Remaining {
        /// So many more.
        requests: u64,
        /// In flight then.
        busy: usize,
    },
    /// Calls ended well, and all permits were used.
    Success {
        /// How many ended well since the last overload.
        successes: u64,
    },
    /// First tokens came late for prompts of their size.
    FirstToken {
        /// How late, in per cent of what they used to take.
        per_cent: u32,
    },
}

impl Reason {
    /// The stable label for metrics and logs.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::Demand { .. } => "demand",
            Self::Idle { .. } => "idle",
            Self::Slow { .. } => "slow",
            Self::Overloaded { .. } => "overloaded",
            Self::RetryAfter { .. } => "retry_after",
            Self::Remaining { .. } => "remaining",
            Self::Success { .. } => "success",
            Self::FirstToken { .. } => "first_token",
        }
    }

    /// Whether it is news also where it changes nothing.
    pub(super) fn is_alarm(&self) -> bool {
        match self {
            Self::Settings | Self::Success { .. } | Self::Remaining { .. } => false,
            Self::Demand { .. } | Self::Idle { .. } => false,
            Self::Slow { .. } => true,
            Self::Overloaded { .. } | Self::RetryAfter { .. } | Self::FirstToken { .. } => true,
        }
    }
}
