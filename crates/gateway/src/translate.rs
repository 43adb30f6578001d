//! A call whose caller speaks another dialect than its provider.
//!
//! Promises: 1. what the provider cannot be told is refused, by the field's name,
//! before anything is asked; 2. the caller gets its own dialect, in success, in
//! streams and in failure. Where both speak the same nothing of this runs.

use bytes::Bytes;
use tidegate_types::{Code, Usage};
use tidegate_wire::anthropic;
use tidegate_wire::chat::{Lacks, Malformed};
use tidegate_wire::openai::{Endpoint, chat};

use crate::dialect::Dialect;
use crate::failure::Failure;
use crate::prepare::refused;
use crate::provider::Provider;
use crate::stream::Interpreter;

/// Between a caller of OpenAI's chat completions and a provider of another kind.
#[derive(Debug, Clone)]
pub(crate) struct Translation {
    /// The answer's id where the upstream gives none.
    id: String,
    /// The model, where the upstream tells none.
    model: String,
    /// When it was asked, in seconds since 1970.
    created: u64,
    /// The caller wants to be told the tokens of its stream.
    wants_usage: bool,
}

/// A whole answer in the caller's dialect.
pub(crate) struct Translated {
    pub(crate) body: Bytes,
    pub(crate) usage: Option<Usage>,
}

impl Translation {
    /// `body` as `provider` understands it, with `model` as it knows it; `None`
    /// where it is to pass as it is.
    ///
    /// # Errors
    /// What is wrong with the body, or cannot be told to this provider.
    pub(crate) fn of(
        endpoint: Endpoint,
        body: &[u8],
        provider: &Provider,
        model: &str,
    ) -> Result<Option<(Self, Bytes)>, Failure> {
        match provider.dialect {
            Dialect::OpenAi | Dialect::Azure => return Ok(None),
            Dialect::Anthropic => {}
        }
        if endpoint != Endpoint::Chat {
            let text = format!(
                "The provider `{}` speaks Anthropic's dialect, which has nothing like `/v1{}`.",
                provider.name,
                endpoint.path()
            );
            return Err(Failure::new(Code::UnsupportedParameter, text).with_param("model"));
        }
        let mut request = chat::read_request(body).map_err(refused)?;
        model.clone_into(&mut request.model);
        let mut lacks = Lacks::default();
        let written = anthropic::write_request(&request, &anthropic::Ways::default(), &mut lacks);
        if let [first, ..] = lacks.fields() {
            return Err(lacking(provider, first, &lacks));
        }
        let translation = Self {
            id: String::new(),
            model: model.to_owned(),
            created: 0,
            wants_usage: request.wants_usage,
        };
        Ok(Some((translation, Bytes::from(written))))
    }

    /// The same, for the answer of this request.
    pub(crate) fn named(mut self, id: impl std::fmt::Display, created: u64) -> Self {
        self.id = format!("chatcmpl-{id}");
        self.created = created;
        self
    }

    fn asked(&self) -> chat::Asked<'_> {
        chat::Asked {
            id: &self.id,
            model: &self.model,
            created: self.created,
            usage: self.wants_usage,
        }
    }

    /// Who translates a stream.
    pub(crate) fn interpreter(&self) -> Interpreter {
        let decode = Box::<anthropic::Reader>::default();
        Interpreter::new(decode, Box::new(chat::Writer::new(&self.asked())))
    }

    /// A whole answer.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn answer(&self, body: &[u8]) -> Result<Translated, Malformed> {
        let answer = anthropic::read_answer(body)?;
        let written = chat::write_answer(&answer, &self.asked());
        Ok(Translated {
            body: Bytes::from(written),
            usage: answer.tokens.map(tidegate_wire::chat::Tokens::usage),
        })
    }
}

fn lacking(provider: &Provider, first: &str, lacks: &Lacks) -> Failure {
    let all: Vec<_> = lacks
        .fields()
        .iter()
        .map(|field| format!("`{field}`"))
        .collect();
    let more = match lacks.more() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "The provider `{}` speaks another dialect, which cannot express {}{more}; leave it out, \
         or ask a provider of your dialect.",
        provider.name,
        all.join(", ")
    );
    Failure::new(Code::UnsupportedParameter, text).with_param(first)
}
