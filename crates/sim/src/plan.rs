//! What one call gets, in terms that names and rules share.
//!
//! A name becomes a plan; a rule changes the plan of a name or makes one of its own. What the
//! request itself asks for (tools, a form, a bound) is looked at when the plan is carried out.

use crate::delay::Delay;
use crate::name::{Flaw, Model, Pace};
use crate::said::Finish;
use crate::speech::Cut;
use crate::tools::Wish;

/// Where the words come from.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Says {
    /// The endless text: so many chunks of so many bytes.
    Tide { chunks: u32, bytes: u32 },
    /// The last user message.
    Echo,
    /// So many calls of the request's tools; the tool's result after one, an echo without any.
    Tools(u32),
    /// These words, and none that the request's fields would make instead.
    Text(String),
    /// A value that fits the request's schema.
    Fitting,
    /// These words, as a refusal.
    Refusal(String),
    /// These calls.
    Calls(Vec<Wish>),
}

/// The numbers that a rule tells instead of the exact ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) prompt: Option<u64>,
    pub(crate) completion: Option<u64>,
    pub(crate) cached: Option<u64>,
    pub(crate) reasoning: Option<u64>,
}

/// What one call gets.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan {
    pub(crate) says: Says,
    /// From the call to the first chunk.
    pub(crate) ttft: Delay,
    /// From one chunk to the next, and from the last one to the end.
    pub(crate) gap: Delay,
    /// How a text is cut, where a rule says it.
    pub(crate) cut: Option<Cut>,
    pub(crate) flaw: Option<Flaw>,
    /// After how many chunks the flaw comes, where a rule says it.
    pub(crate) after: Option<u32>,
    pub(crate) finish: Option<Finish>,
    pub(crate) told: Told,
}

impl Plan {
    /// So many words at once, and nothing odd.
    pub(crate) fn saying(says: Says) -> Self {
        Self {
            says,
            ttft: Delay::NONE,
            gap: Delay::NONE,
            cut: None,
            flaw: None,
            after: None,
            finish: None,
            told: Told::default(),
        }
    }

    fn paced(pace: Pace) -> Self {
        let (chunks, bytes) = (pace.chunks, pace.bytes);
        Self {
            ttft: pace.ttft,
            gap: pace.gap,
            ..Self::saying(Says::Tide { chunks, bytes })
        }
    }

    /// What a name asks for, apart from the models that do not answer.
    pub(crate) fn of(model: Model) -> Self {
        match model {
            Model::Paced(pace) => Self::paced(pace),
            Model::Tools(count) => Self::saying(Says::Tools(count)),
            Model::Flawed(flaw) => Self {
                flaw: Some(flaw),
                ..Self::paced(Pace::USUAL)
            },
            _ => Self::saying(Says::Echo),
        }
    }
}
