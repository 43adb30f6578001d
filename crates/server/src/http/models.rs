//! `/v1/models`: the names that can be asked for, in OpenAI's form or Anthropic's.
//!
//! Only names that the configuration lists: a pattern permits, it never lists.
//! What else is known of them is no part of either form: it comes if it is asked for.

use http::request::Parts;
use http::{Response, StatusCode};
use serde::Serialize;
use tidegate_gateway::{Facts, Failure, Manner, ModelName};
use tidegate_types::Code;
use tidegate_wire::anthropic::{self, Listed};

use super::app::App;
use super::errors;
use super::query::flag;
use super::reply::{Out, json};

#[derive(Serialize)]
struct List<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'a str,
    /// With `facts=1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    facts: Option<Known>,
}

/// What is known of a model; what is not is left out.
#[derive(Serialize)]
struct Known {
    #[serde(skip_serializing_if = "Option::is_none")]
    context_window: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_output_tokens: Option<u64>,
    capabilities: Vec<&'static str>,
    /// The prices are US dollars a million tokens.
    #[serde(skip_serializing_if = "Option::is_none")]
    input_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    output_price: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cached_price: Option<f64>,
}

impl From<&Facts> for Known {
    fn from(facts: &Facts) -> Self {
        Self {
            context_window: facts.context_window,
            max_output_tokens: facts.max_output_tokens,
            capabilities: facts.capabilities().collect(),
            input_price: facts.input_price,
            output_price: facts.output_price,
            cached_price: facts.cached_price,
        }
    }
}

impl<'a> From<&'a ModelName> for Model<'a> {
    fn from(name: &'a ModelName) -> Self {
        Self {
            id: &name.id,
            object: "model",
            created: 0,
            owned_by: &name.provider,
            facts: None,
        }
    }
}

pub(crate) fn list(app: &App, asked: &Parts, manner: Manner) -> Result<Response<Out>, Failure> {
    let names = app.gateway.models();
    if manner == Manner::Anthropic {
        let listed: Vec<_> = names.iter().map(|name| listed(&name.id)).collect();
        return Ok(json(StatusCode::OK, anthropic::write_models(&listed)));
    }
    let wanted = flag(asked, "facts")?;
    let data = names.iter().map(|name| Model {
        facts: wanted.then(|| Known::from(&name.facts)),
        ..Model::from(name)
    });
    Ok(render(&List {
        object: "list",
        data: data.collect(),
    }))
}

/// One of them; names hold slashes, so the rest of the path is the name.
pub(crate) fn one(app: &App, id: &str, manner: Manner) -> Result<Response<Out>, Failure> {
    let names = app.gateway.models();
    // A name may also be asked for with its provider before it.
    let plain = |name: &ModelName| {
        let rest = id.strip_prefix(&*name.provider)?.strip_prefix('/')?;
        (rest == name.id).then_some(())
    };
    let found = names
        .iter()
        .find(|name| name.id == id || plain(name).is_some());
    match found {
        Some(_) if manner == Manner::Anthropic => {
            Ok(json(StatusCode::OK, anthropic::write_model(&listed(id))))
        }
        Some(name) => Ok(render(&Model {
            id,
            ..Model::from(name)
        })),
        None => {
            let text = "No listed model has this name. `GET /v1/models` lists them.";
            Err(Failure::new(Code::ModelNotFound, text).with_param("model"))
        }
    }
}

/// A name in Anthropic's list; when the model was made is not known.
fn listed(id: &str) -> Listed<'_> {
    Listed {
        id,
        name: None,
        created: None,
    }
}

pub(crate) fn render(value: &impl Serialize) -> Response<Out> {
    match serde_json::to_vec(value) {
        Ok(body) => json(StatusCode::OK, body),
        Err(_) => errors::response(&Failure::new(
            Code::Internal,
            "The answer has no JSON form.",
        )),
    }
}
