//! The stages of a request, in the order in which it passes them, and what it
//! waits for in each: for the debug page, for who watches, and for the timers.

/// Where a request stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Its body is being read.
    Reading,
    /// It waits for a permit of its provider's pool.
    Queued,
    /// A connection to the upstream is being made.
    Connecting,
    /// Its body goes up as it comes.
    Sending,
    /// It was sent, and the upstream has not begun to answer.
    Waiting,
    /// The answer's head is there, its first content is not.
    Prefill,
    /// Content flows.
    Streaming,
    /// An attempt failed, or nobody can be asked yet.
    Pausing,
}

impl Stage {
    const ALL: [Self; 8] = [
        Self::Reading,
        Self::Queued,
        Self::Connecting,
        Self::Sending,
        Self::Waiting,
        Self::Prefill,
        Self::Streaming,
        Self::Pausing,
    ];

    /// The one with this number.
    pub(crate) fn of(number: u8) -> Self {
        let known = Self::ALL.get(usize::from(number));
        known.copied().unwrap_or(Self::Streaming)
    }

    /// The stable name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Sending => "sending",
            Self::Waiting => "waiting",
            Self::Prefill => "prefill",
            Self::Streaming => "streaming",
            Self::Pausing => "pausing",
        }
    }

    /// What a request in this stage waits for.
    pub fn waits_for(self) -> &'static str {
        match self {
            Self::Reading => "the caller's body",
            Self::Queued => "a permit of the provider's pool",
            Self::Connecting => "the upstream's connection",
            Self::Sending => "the caller's body, or the upstream to take it",
            Self::Waiting => "the upstream's answer",
            Self::Prefill => "the first content",
            Self::Streaming => "the next event, or the caller to read",
            Self::Pausing => "the time of the next attempt",
        }
    }
}
