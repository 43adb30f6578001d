//! The dialects that providers speak: what differs from one API to another.
//!
//! One file a dialect, which says how [`Speaks`] is spoken; here stands only who
//! there is. What is said in a body is `wire`'s, when to ask again nobody's here.

mod anthropic;
mod azure;
mod bedrock;
mod gemini;
mod ollama;
mod openai;

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tidegate_wire::chat::{self, Decode, Lacks, Malformed};
use tidegate_wire::embed::{Embed, Embedded};
use tidegate_wire::openai::{ErrorBody, error};

use crate::endpoint::Endpoint;
use crate::settings::OnUnsupported;

/// The dialect that a provider speaks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Dialect {
    /// OpenAI's, and that of all who are compatible with it. Its base URL ends
    /// where the SDK's does, in `/v1`.
    #[default]
    OpenAi,
    /// OpenAI's at Azure: other paths (`upstream/paths.rs`), and a header of its
    /// own for the key. Its base URL ends before `/openai`.
    Azure,
    /// Anthropic's Messages. Its base URL has no `/v1`, as its SDK's.
    Anthropic,
    /// Google's Gemini. Its base URL ends in `/v1beta`.
    Gemini,
    /// Amazon Bedrock's Converse. Its base URL is a region's host.
    Bedrock,
    /// Ollama's own. Its base URL ends before `/api`.
    Ollama,
}

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::OpenAi,
        Self::Azure,
        Self::Anthropic,
        Self::Gemini,
        Self::Bedrock,
        Self::Ollama,
    ];

    /// How it is spoken.
    pub(crate) fn speaks(self) -> &'static dyn Speaks {
        match self {
            Self::OpenAi => &openai::OpenAi,
            Self::Azure => &azure::Azure,
            Self::Anthropic => &anthropic::Anthropic,
            Self::Gemini => &gemini::Gemini,
            Self::Bedrock => &bedrock::Bedrock,
            Self::Ollama => &ollama::Ollama,
        }
    }
}

/// A header and its value.
pub(crate) type Header = (HeaderName, HeaderValue);

/// How the pieces of a stream are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Server-sent events.
    Events,
    /// Lines of JSON.
    Lines,
    /// Amazon's messages.
    Messages,
}

/// How one provider is spoken to, beside its dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Ways {
    /// It is asked for the usage of its streams (contracts 12).
    pub(crate) ask_usage: bool,
    /// What becomes of a field that its dialect cannot express.
    pub(crate) on_unsupported: OnUnsupported,
    /// It is OpenAI itself, or as good as that: it speaks Responses, too.
    pub(crate) responses: bool,
    /// The most tokens of an answer, where it must be told and nobody said.
    pub(crate) max_tokens: u64,
}

/// What an upstream says of its failure.
#[derive(Debug, Default)]
pub(crate) struct Said {
    pub(crate) error: ErrorBody,
    /// The status that says what it is, where the answer's own does not.
    pub(crate) status: Option<u16>,
}

impl Said {
    /// Of a body in OpenAI's form, or in one near it.
    fn plain(body: &[u8]) -> Option<Self> {
        Some(Self {
            error: error::parse(body)?,
            ..Self::default()
        })
    }
}

/// How one dialect is spoken to a provider.
pub(crate) trait Speaks: Send + Sync {
    /// The header that shows a key: its name, and what stands before the key.
    fn credential(&self) -> (HeaderName, &'static str);

    /// What each request tells beside its key.
    fn headers(&self) -> &'static [Header] {
        &[]
    }

    /// Whether a call goes to it as its caller wrote it.
    fn natively(&self, _endpoint: Endpoint, _ways: &Ways) -> bool {
        false
    }

    /// Whether its errors and their codes are those of OpenAI.
    fn is_openai(&self) -> bool {
        false
    }

    /// Where a call goes, behind the base URL; `model` is as the upstream knows it.
    /// What is translated is asked as [`Endpoint::Chat`] or [`Endpoint::Embeddings`].
    fn path(&self, endpoint: Endpoint, model: &str, stream: bool) -> Cow<'static, str>;

    /// Where its models are listed, behind the base URL, if they are.
    fn models(&self) -> Option<&'static str>;

    /// How many models such a list has.
    fn listed(&self, list: &Value) -> Option<usize> {
        list.get("data")?.as_array().map(Vec::len)
    }

    /// How a stream of it is framed, and by which media type it is known.
    fn framing(&self) -> (Framing, &'static str) {
        (Framing::Events, "text/event-stream")
    }

    /// Writes a request; what has no place goes to `lacks`.
    fn write(&self, request: &chat::Request, ways: &Ways, lacks: &mut Lacks) -> Vec<u8>;

    /// Reads a whole answer.
    fn answer(&self, body: &[u8]) -> Result<chat::Answer, Malformed>;

    /// Who reads a stream.
    fn reader(&self) -> Box<dyn Decode>;

    /// Where a request for embeddings goes, and its body, where it has any.
    fn write_embed(&self, _embed: &Embed, _lacks: &mut Lacks) -> Option<(String, Vec<u8>)> {
        None
    }

    /// Reads what came of it.
    fn embedded(&self, _body: &[u8], _asked: &Embed) -> Result<Embedded, Malformed> {
        Err(Malformed::Frame)
    }

    /// What the body of an error says, if it says anything.
    fn error(&self, status: u16, headers: &HeaderMap, body: &[u8]) -> Option<Said>;
}

impl dyn Speaks {
    /// The header that shows `key`, marked as a secret.
    ///
    /// # Errors
    /// If the key cannot stand in a header; the text does not hold it.
    pub(crate) fn show(&self, key: &SecretString) -> Result<Header, String> {
        let (name, before) = self.credential();
        let text = SecretString::from(format!("{before}{}", key.expose_secret()));
        let mut value = HeaderValue::from_str(text.expose_secret())
            .map_err(|_| "the key holds a character that no header can hold".to_owned())?;
        value.set_sensitive(true);
        Ok((name, value))
    }
}
