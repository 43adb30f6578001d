//! A call whose caller speaks another dialect than its provider.
//!
//! Promises: 1. what the provider cannot be told is refused, by the field's name,
//! before anything is asked, or dropped and told, where the operator wants that;
//! 2. a mere hint, without which the answer is the same in kind, is dropped and
//! told; 3. the caller gets its own dialect, in success, in streams and in
//! failure. Where both speak the same nothing of this runs.

mod named;

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use tidegate_types::{Code, RequestId, Usage};
use tidegate_wire::chat::{self, Encode, Lacks, Malformed, Tokens, is_hint};
use tidegate_wire::embed::Embed;
use tidegate_wire::openai::embeddings;
use tidegate_wire::{anthropic, openai, responses};

use crate::dialect::Speaks;
use crate::endpoint::{Endpoint, Manner};
use crate::failure::Failure;
use crate::prepare::refused;
use crate::provider::Provider;
use crate::settings::OnUnsupported;
use crate::stream::{Interpreter, Reads};
use named::{Named, named};

/// The headers that ask for features; a caller's dialect has one of them.
const FEATURES: [&str; 2] = ["anthropic-beta", "openai-beta"];

/// Between a caller and a provider of another dialect.
#[derive(Clone)]
pub(crate) struct Translation {
    to: &'static dyn Speaks,
    caller: Caller,
    /// The model, for upstreams that do not name it.
    model: Arc<str>,
    asked: Once,
    /// The most bytes that a stream's writer keeps, which must tell the whole answer
    /// at its end.
    most: usize,
    /// Where it goes, behind the base URL, if its body decides that.
    path: Option<Box<str>>,
    /// The names of fields that were left out, as a header tells them.
    dropped: Option<HeaderValue>,
}

/// What is of this request and of no other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Once {
    pub(crate) id: RequestId,
    /// When it was asked, in seconds since 1970.
    pub(crate) at: u64,
    /// The most bytes of an answer.
    pub(crate) most: usize,
}

/// What the caller's form of an answer needs to know of the request.
#[derive(Clone)]
enum Caller {
    Chat { usage: bool },
    Responses(Arc<responses::Asked>),
    Messages,
    Embeddings(Arc<Embed>),
}

impl Caller {
    /// How it is told of failures.
    fn manner(&self) -> Manner {
        match self {
            Self::Chat { .. } | Self::Embeddings(_) => Manner::OpenAi,
            Self::Responses(_) => Manner::Responses,
            Self::Messages => Manner::Anthropic,
        }
    }
}

/// A whole answer in the caller's dialect.
pub(crate) struct Translated {
    pub(crate) body: Bytes,
    pub(crate) usage: Option<Usage>,
}

impl Translation {
    /// `body` as `provider` understands it, with `model` as it knows it.
    ///
    /// # Errors
    /// What is wrong with the body, or cannot be told to this provider.
    pub(crate) fn of(
        endpoint: Endpoint,
        body: &[u8],
        provider: &Provider,
        model: &str,
        asked: Once,
    ) -> Result<(Self, Bytes), Failure> {
        let to = provider.dialect.speaks();
        let mut lacks = Lacks::default();
        let mut path = None;
        let (caller, written) = match endpoint {
            Endpoint::Chat | Endpoint::Responses | Endpoint::Messages => {
                let read = match endpoint {
                    Endpoint::Messages => anthropic::read_request(body),
                    Endpoint::Responses => responses::read_request(body),
                    _ => openai::chat::read_request(body),
                };
                let mut request = read.map_err(refused)?;
                model.clone_into(&mut request.model);
                let caller = match endpoint {
                    Endpoint::Messages => Caller::Messages,
                    Endpoint::Responses => {
                        let told = responses::Asked::read(body, asked.id.low(), asked.at);
                        Caller::Responses(Arc::new(told))
                    }
                    _ => Caller::Chat {
                        usage: request.wants_usage,
                    },
                };
                (caller, to.write(&request, &provider.ways, &mut lacks))
            }
            Endpoint::Embeddings => {
                let mut embed = embeddings::read_request(body).map_err(refused)?;
                model.clone_into(&mut embed.model);
                let (to, written) = to
                    .write_embed(&embed, &mut lacks)
                    .ok_or_else(|| nothing_like(provider, endpoint))?;
                path = Some(to.into());
                (Caller::Embeddings(Arc::new(embed)), written)
            }
            Endpoint::Completions | Endpoint::CountTokens => {
                return Err(nothing_like(provider, endpoint));
            }
        };
        let translation = Self {
            to,
            caller,
            model: model.into(),
            asked,
            most: asked.most,
            path,
            dropped: dropped(provider, &lacks)?,
        };
        Ok((translation, Bytes::from(written)))
    }

    /// What its provider is asked.
    pub(crate) fn endpoint(&self) -> Endpoint {
        match self.caller {
            Caller::Embeddings(_) => Endpoint::Embeddings,
            _ => Endpoint::Chat,
        }
    }

    /// Where that goes, if not every call of the endpoint goes there.
    pub(crate) fn path(&self) -> Option<&str> {
        self.path.as_deref()
    }

    /// What was left out of the request.
    pub(crate) fn dropped(&self) -> Option<&HeaderValue> {
        self.dropped.as_ref()
    }

    /// Features of the caller's dialect that its headers ask for have no place in
    /// another one. Nothing is refused for them: SDKs ask of themselves.
    pub(crate) fn drops_features(&mut self, headers: &HeaderMap) {
        let asked = FEATURES
            .into_iter()
            .find(|name| headers.contains_key(*name));
        let Some(asked) = asked else {
            return;
        };
        let known = self.dropped.as_ref().and_then(|known| known.to_str().ok());
        let names = known.map_or_else(|| asked.to_owned(), |known| format!("{known}, {asked}"));
        self.dropped = HeaderValue::from_str(&names).ok();
    }

    /// How its stream is read.
    pub(crate) fn reads(&self) -> Reads {
        let (framing, _) = self.to.framing();
        let by = Interpreter::new(self.to.reader(), self.encoder(false), self.caller.manner());
        Reads::Translated(framing, Box::new(by))
    }

    /// Who writes a stream; `counted` tells its usage even if nobody asked.
    fn encoder(&self, counted: bool) -> Box<dyn Encode> {
        let writer: Box<dyn Encode> = match &self.caller {
            Caller::Chat { usage } => {
                let id = self.id("chatcmpl-");
                Box::new(openai::chat::Writer::new(
                    &self.chat(&id, *usage || counted),
                ))
            }
            Caller::Responses(asked) => {
                Box::new(responses::Writer::new((**asked).clone(), self.most))
            }
            Caller::Messages | Caller::Embeddings(_) => {
                Box::new(anthropic::Writer::new(self.id("msg_")))
            }
        };
        Box::new(Named {
            model: Arc::clone(&self.model),
            writer,
        })
    }

    /// A whole answer.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn answer(&self, body: &[u8]) -> Result<Translated, Malformed> {
        if let Caller::Embeddings(asked) = &self.caller {
            let embedded = self.to.embedded(body, asked)?;
            let tokens = embedded.tokens.map(|input| Tokens {
                input,
                ..Tokens::default()
            });
            return Ok(Translated {
                body: embeddings::write_answer(&embedded, asked).into(),
                usage: tokens.map(Tokens::usage),
            });
        }
        let answer = named(self.to.answer(body)?, &self.model);
        let body = match &self.caller {
            Caller::Chat { usage } => {
                let id = self.id("chatcmpl-");
                openai::chat::write_answer(&answer, &self.chat(&id, *usage))
            }
            Caller::Responses(asked) => responses::write_answer(&answer, asked),
            Caller::Messages | Caller::Embeddings(_) => {
                anthropic::write_answer(&answer, &self.id("msg_"))
            }
        };
        Ok(Translated {
            body: body.into(),
            usage: answer.tokens.map(Tokens::usage),
        })
    }

    /// A whole answer as the events of a stream in the caller's dialect, with its
    /// usage, which whoever reads the events counts and withholds.
    ///
    /// # Errors
    /// If it is none.
    pub(crate) fn as_events(&self, body: &[u8]) -> Result<Bytes, Malformed> {
        let answer = self.to.answer(body)?;
        let (mut encoder, mut out) = (self.encoder(true), Vec::new());
        chat::replay(&answer, &mut |event| encoder.event(&event, &mut out))?;
        Ok(out.into())
    }

    fn chat<'a>(&'a self, id: &'a str, usage: bool) -> openai::chat::Asked<'a> {
        openai::chat::Asked {
            id,
            created: self.asked.at,
            usage,
            model: &self.model,
        }
    }

    /// The answer's id where the upstream gives none.
    fn id(&self, prefix: &str) -> String {
        format!("{prefix}{}", self.asked.id)
    }
}

/// What is left out, if it may be.
fn dropped(provider: &Provider, lacks: &Lacks) -> Result<Option<HeaderValue>, Failure> {
    let refuses = provider.ways.on_unsupported == OnUnsupported::Refuse;
    let needed: Vec<&str> = lacks
        .fields()
        .iter()
        .map(String::as_str)
        .filter(|field| refuses && !is_hint(field))
        .collect();
    // More were met than are named: some of these may be needed.
    let more = if refuses { lacks.more() } else { 0 };
    if let Some(first) = needed.first() {
        return Err(lacking(provider, first, &needed, more));
    }
    if more > 0 {
        return Err(lacking(provider, "messages", &["messages"], more));
    }
    if lacks.is_empty() {
        return Ok(None);
    }
    let mut names = lacks.fields().join(", ");
    if lacks.more() > 0 {
        names.push_str(", ...");
    }
    // A name of a field is the caller's: what no header holds is not repeated.
    let fit = |c: char| match c.is_ascii_graphic() || c == ' ' {
        true => c,
        false => '?',
    };
    let names: String = names.chars().map(fit).collect();
    Ok(HeaderValue::from_str(&names).ok())
}

fn nothing_like(provider: &Provider, endpoint: Endpoint) -> Failure {
    let text = format!(
        "The provider `{}` speaks another dialect, which has nothing like `/v1{}`; ask for a \
         model of another provider.",
        provider.name,
        endpoint.path()
    );
    Failure::new(Code::UnsupportedParameter, text).with_param("model")
}

fn lacking(provider: &Provider, first: &str, needed: &[&str], more: usize) -> Failure {
    let all: Vec<_> = needed.iter().map(|field| format!("`{field}`")).collect();
    let more = match more {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let text = format!(
        "The provider `{}` speaks another dialect, which cannot express {}{more}; leave it out, \
         or ask a provider of your dialect. `on_unsupported = \"drop\"` lets Tidegate leave it out.",
        provider.name,
        all.join(", ")
    );
    Failure::new(Code::UnsupportedParameter, text).with_param(first)
}
