//! What each event of a stream that passes as it is means for the answer's truth.
//!
//! Promises: 1. an event goes on exactly as it came, or not at all; 2. nothing
//! with content is left out in silence; 3. an end mark is written by us only where
//! the upstream had said that it was finished (failures rows 14 to 16).

use bytes::Bytes;
use tidegate_types::{Code, RequestId, Usage};
use tidegate_wire::openai::{Alike, Chunk, Look};
use tidegate_wire::sse::{self, Event, Framer, Kind};
use tidegate_wire::{anthropic, responses};

use super::bad::Bad;
use super::oddities::{Odd, Oddities};
use super::tool_calls::ToolCalls;
use crate::endpoint::Manner;
use crate::failure::Failure;
use crate::keys::Secrets;
use crate::upstream::classify;

/// What an event was, and what becomes of it.
pub(crate) enum Verdict {
    /// A real event; it goes on.
    Forward,
    /// A real event whose caller did not ask for it.
    Withhold,
    /// A comment: proves the socket, not the answer.
    Comment,
    /// An event without meaning; it is left out.
    Nothing,
    /// An event with broken text; this goes on in its place, after a look.
    Mend(Bytes),
    /// The end mark; it goes on.
    Done,
    /// The stream cannot go on.
    Failed(Failure),
}

/// See the module's text.
pub(crate) struct Judge {
    id: Option<RequestId>,
    withhold_usage: bool,
    oddities: Oddities,
    content: bool,
    finished: bool,
    /// The choices that were begun, and those that ended, a bit each.
    begun: u64,
    ended: u64,
    bad: Bad,
    usage: Option<Usage>,
    text_bytes: u64,
    calls: ToolCalls,
    looker: Looker,
}

/// Who reads an event, in whichever dialect it is.
enum Looker {
    OpenAi(Alike),
    Anthropic(anthropic::Looker),
    Responses(responses::Looker),
}

impl Looker {
    fn of(manner: Manner) -> Self {
        match manner {
            Manner::OpenAi => Self::OpenAi(Alike::default()),
            Manner::Anthropic => Self::Anthropic(anthropic::Looker::default()),
            Manner::Responses => Self::Responses(responses::Looker::default()),
        }
    }

    fn look(&mut self, event: &Event<'_>) -> Look {
        match self {
            Self::OpenAi(alike) => alike.look_event(event),
            Self::Anthropic(looker) => looker.look_event(event),
            Self::Responses(looker) => looker.look_event(event),
        }
    }

    /// What only the last event tells.
    fn usage(&self) -> Option<Usage> {
        match self {
            Self::Responses(looker) => looker.usage(),
            Self::OpenAi(_) | Self::Anthropic(_) => None,
        }
    }

    fn manner(&self) -> Manner {
        match self {
            Self::OpenAi(_) => Manner::OpenAi,
            Self::Anthropic(_) => Manner::Anthropic,
            Self::Responses(_) => Manner::Responses,
        }
    }

    /// The end mark, where it can stand alone.
    fn end_mark(&self) -> Option<&'static [u8]> {
        match self {
            Self::OpenAi(_) => Some(sse::DONE),
            Self::Anthropic(_) => {
                Some(b"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n")
            }
            // It tells the whole answer again.
            Self::Responses(_) => None,
        }
    }
}

impl Judge {
    pub(crate) fn new(
        manner: Manner,
        withhold_usage: bool,
        id: Option<RequestId>,
        oddities: Oddities,
    ) -> Self {
        Self {
            id,
            withhold_usage,
            oddities,
            content: false,
            finished: false,
            begun: 0,
            ended: 0,
            bad: Bad::None,
            usage: None,
            text_bytes: 0,
            calls: ToolCalls::default(),
            looker: Looker::of(manner),
        }
    }

    /// The dialect of its stream.
    pub(crate) fn manner(&self) -> Manner {
        self.looker.manner()
    }

    /// The number of the next event, in a dialect that counts them.
    pub(crate) fn next_number(&self) -> u64 {
        match &self.looker {
            Looker::Responses(looker) => looker.next_number(),
            Looker::OpenAi(_) | Looker::Anthropic(_) => 0,
        }
    }

    /// Whether content has come.
    pub(crate) fn content(&self) -> bool {
        self.content
    }

    fn odd(&self, odd: Odd) {
        self.oddities.count(odd);
    }

    pub(crate) fn usage(&self, prompt_bytes: u64) -> Usage {
        self.usage
            .unwrap_or_else(|| Usage::estimate(prompt_bytes, self.text_bytes))
    }

    /// Judges one event.
    pub(crate) fn judge(&mut self, event: &Event<'_>, secrets: &Secrets) -> Verdict {
        match event.kind() {
            Kind::Comment => return Verdict::Comment,
            Kind::Blank | Kind::Fields => return Verdict::Nothing,
            Kind::Data => {}
        }
        match self.looker.look(event) {
            // The event that was left out may have been the end itself.
            Look::Done if self.bad.is_open() && !self.finished => Verdict::Failed(protocol()),
            Look::Done => {
                self.usage = self.looker.usage().or(self.usage);
                Verdict::Done
            }
            Look::Chunk(chunk) => {
                self.take(&chunk);
                if self.calls.concern(&chunk) {
                    self.check_calls(&event.data());
                }
                match self.withhold_usage && chunk.empty_choices && chunk.usage.is_some() {
                    true => Verdict::Withhold,
                    false => Verdict::Forward,
                }
            }
            Look::Error(said) => Verdict::Failed(classify::by_error(said, secrets)),
            Look::NotUtf8 => Verdict::Mend(sse::lossy_event(event.raw())),
            Look::Malformed => self.malformed(event),
        }
    }

    fn take(&mut self, chunk: &Chunk) {
        self.content |= chunk.content;
        self.finished |= chunk.finish;
        self.begun |= chunk.seen;
        self.ended |= chunk.ended;
        self.text_bytes += u64::from(chunk.text_bytes);
        self.usage = chunk.usage.or(self.usage);
        self.bad.forgive();
    }

    /// Row 23: only counted and told. A caller must be ready for it anyway, and
    /// what a cut call is good for is the caller's to say.
    fn check_calls(&mut self, data: &[u8]) {
        let Some(told) = self.calls.take(data) else {
            return;
        };
        self.odd(Odd::ToolJsonIncomplete);
        tracing::debug!(
            id = self.id.map(tracing::field::display),
            choice = told.choice,
            call = told.call,
            bytes = told.bytes,
            cut_by_length = told.cut,
            "the arguments of a tool call are not whole"
        );
    }

    fn malformed(&mut self, event: &Event<'_>) -> Verdict {
        if !self.bad.leave_out(event.name(), &event.data()) {
            return Verdict::Failed(protocol());
        }
        self.odd(Odd::BadEvent);
        Verdict::Nothing
    }

    /// The upstream ended its body without its end mark.
    pub(crate) fn end(&mut self, framer: &mut Framer) -> Result<(), Failure> {
        if self.bad.is_open() {
            return Err(protocol());
        }
        // One of several answers that ended says nothing of the others.
        let whole = self.finished && self.begun == self.ended;
        let Some(end) = self.looker.end_mark().filter(|_| whole) else {
            return Err(truncated());
        };
        self.odd(Odd::MissingDone);
        framer.put(end);
        Ok(())
    }
}

pub(super) fn truncated() -> Failure {
    Failure::new(
        Code::StreamTruncated,
        "The provider's stream ended before its answer was finished.",
    )
}

pub(super) fn protocol() -> Failure {
    Failure::new(
        Code::UpstreamProtocol,
        "The provider sent an event that is not JSON; what was received is incomplete.",
    )
}
