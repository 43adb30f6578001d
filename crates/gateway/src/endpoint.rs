//! What a caller asks of a model, and in which dialect it is told of failures.
//!
//! Two dialects of callers have endpoints of their own; which provider is asked
//! with the same bytes, and which by a translation, is `dialect`'s and
//! `translate`'s.

use tidegate_wire::json::Limits;
use tidegate_wire::openai::{Peek, Refused};
use tidegate_wire::{anthropic, openai, responses};

/// An endpoint that a model answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// OpenAI's chat completions.
    Chat,
    /// OpenAI's text completions, the older form.
    Completions,
    /// OpenAI's embeddings.
    Embeddings,
    /// OpenAI's Responses.
    Responses,
    /// Anthropic's Messages.
    Messages,
    /// How many tokens a message would have.
    CountTokens,
}

/// The form in which a caller is told of failures.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// OpenAI's: `{"error":{...}}`, also as the last event of a stream.
    #[default]
    OpenAi,
    /// The same, but for the events of a stream.
    Responses,
    /// Anthropic's: `{"type":"error",...}`.
    Anthropic,
}

impl Endpoint {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Chat,
        Self::Completions,
        Self::Embeddings,
        Self::Responses,
        Self::Messages,
        Self::CountTokens,
    ];

    /// Its path behind `/v1`.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Chat => openai::Endpoint::Chat.path(),
            Self::Completions => openai::Endpoint::Completions.path(),
            Self::Embeddings => openai::Endpoint::Embeddings.path(),
            Self::Responses => "/responses",
            Self::Messages => anthropic::Endpoint::Messages.path(),
            Self::CountTokens => anthropic::Endpoint::CountTokens.path(),
        }
    }

    /// How its caller is told of failures.
    pub const fn manner(self) -> Manner {
        match self {
            Self::Chat | Self::Completions | Self::Embeddings => Manner::OpenAi,
            Self::Responses => Manner::Responses,
            Self::Messages | Self::CountTokens => Manner::Anthropic,
        }
    }

    /// Whether a model writes an answer, which costs what it writes.
    pub(crate) const fn writes(self) -> bool {
        !matches!(self, Self::Embeddings | Self::CountTokens)
    }

    /// The one look at a caller's body.
    pub(crate) fn scan<'a>(self, body: &'a [u8], limits: &Limits) -> Result<Peek<'a>, Refused> {
        match self {
            Self::Chat => openai::scan(openai::Endpoint::Chat, body, limits),
            Self::Completions => openai::scan(openai::Endpoint::Completions, body, limits),
            Self::Embeddings => openai::scan(openai::Endpoint::Embeddings, body, limits),
            Self::Responses => responses::scan(body, limits),
            Self::Messages => anthropic::scan(anthropic::Endpoint::Messages, body, limits),
            Self::CountTokens => anthropic::scan(anthropic::Endpoint::CountTokens, body, limits),
        }
    }
}
