//! Errands: calls of the API that are carried and not understood. Files,
//! images, audio, batches, moderation, fine-tuning.
//!
//! What is known of one is who answers it (a model that its body names, else
//! a provider) and what its kind says: how its body and its answer travel, and
//! whether it may be done twice.

use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method};
use tidegate_types::Code;
use tidegate_wire::json::Limits;
use tidegate_wire::openai::{boundary, scan_form, scan_named};

use crate::endpoint::{Endpoint, Manner};
use crate::failure::Failure;
use crate::prepare::{Prepared, Written, refused};
use crate::provider::{Link, Provider};
use crate::route::Routes;

/// The model of a target where a call names none.
pub(crate) const NO_MODEL: &str = "-";

/// Tokens that an answer of a model costs, for the turns of tenants.
const USUAL_COST: u64 = 500;

/// What a call is about.
#[derive(Debug, Clone)]
pub enum Subject {
    /// An answer of a model, which is looked at.
    Model(Endpoint),
    /// Anything else.
    Errand(Arc<Errand>),
}

impl Subject {
    /// How its caller is told of failures.
    pub(crate) fn manner(&self) -> Manner {
        match self {
            Self::Model(endpoint) => endpoint.manner(),
            Self::Errand(_) => Manner::OpenAi,
        }
    }

    /// Whether tokens are counted, and nothing else.
    pub(crate) fn counts(&self) -> bool {
        matches!(self, Self::Model(Endpoint::CountTokens))
    }
}

/// How an errand travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrandKind {
    /// JSON goes up, and a model makes something of it.
    Make,
    /// The same of a form, which is read whole for the model's name.
    Form,
    /// Nothing goes up, nothing is changed.
    Look,
    /// JSON or nothing goes up, and something is changed.
    Change,
    /// A form goes up as it comes.
    Upload,
    /// Nothing goes up, bytes come down as they are.
    Download,
}

impl ErrandKind {
    /// Whether doing it twice is as good as doing it once.
    pub fn repeats(self) -> bool {
        match self {
            Self::Make | Self::Form | Self::Look | Self::Download => true,
            Self::Change | Self::Upload => false,
        }
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Errand {
    /// How it travels.
    pub kind: ErrandKind,
    /// Its method.
    pub method: Method,
    /// Path and query behind the path of a base URL; checked by who made it.
    pub target: String,
    /// The type of its body, if it has one.
    pub content_type: Option<HeaderValue>,
    /// The provider that its caller asked for.
    pub provider: Option<String>,
}

/// Decides who answers; reads no more of `body` than the model's name.
pub(crate) fn prepare(
    errand: &Errand,
    body: &Bytes,
    limits: &Limits,
    routes: &Routes,
) -> Result<Prepared, Failure> {
    let named = match errand.kind {
        ErrandKind::Make => scan_named(body, limits).map_err(refused)?,
        ErrandKind::Change if !body.is_empty() => scan_named(body, limits).map_err(refused)?,
        ErrandKind::Form => {
            let kind = errand.content_type.as_ref();
            let boundary = kind.and_then(|kind| boundary(kind.as_bytes()));
            let boundary = boundary.ok_or_else(no_form)?;
            scan_form(boundary, body).map_err(refused)?
        }
        _ => None,
    };
    let prepared = match named {
        Some(named) => {
            let (provider, listed) = routes.one(&named.model)?;
            // What a job names is a model to work on, and not who does it.
            let model: Box<str> = match errand.kind {
                ErrandKind::Make | ErrandKind::Form => provider.upstream_name(&listed).into(),
                _ => listed,
            };
            let body = named.replace(body, &model);
            Prepared {
                model: named.model.clone().into_owned(),
                ..plain(errand, provider, model, body)
            }
        }
        None => {
            let provider = routes.unnamed(errand.provider.as_deref())?;
            plain(errand, Arc::clone(provider), NO_MODEL.into(), body.clone())
        }
    };
    let provider = &prepared.written.provider;
    match &provider.link {
        Link::Http(_) if provider.speaks().is_openai() => Ok(prepared),
        Link::Http(_) => Err(not_openai(&provider.name)),
        Link::Sim(_) => Err(not_simulated()),
    }
}

fn plain(errand: &Errand, provider: Arc<Provider>, model: Box<str>, body: Bytes) -> Prepared {
    Prepared {
        model: NO_MODEL.to_owned(),
        written: Written {
            provider,
            body,
            model,
            wants_usage: false,
            translation: None,
        },
        stream: false,
        session: 0,
        cost: match errand.kind {
            ErrandKind::Make | ErrandKind::Form => USUAL_COST,
            _ => 1,
        },
        course: None,
        shadow: None,
    }
}

fn no_form() -> Failure {
    let text =
        "The body must be a form: send `Content-Type: multipart/form-data` with its boundary.";
    Failure::new(Code::UnsupportedMediaType, text)
}

/// The simulated provider answers for models only.
pub(crate) fn not_simulated() -> Failure {
    let text = "The simulated provider has chat, completions and embeddings only; \
                name a provider in tidegate.toml that has this endpoint.";
    Failure::new(Code::NotFound, text)
}

fn not_openai(provider: &str) -> Failure {
    let text = format!(
        "`{provider}` speaks another dialect than OpenAI's, in which there is nothing like this; \
         ask a provider that is compatible with OpenAI, by its model or by `x-tidegate-provider`."
    );
    Failure::new(Code::UnsupportedParameter, text)
}
