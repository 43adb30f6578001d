//! `/v1/models`: the names that can be asked for, in OpenAI's form or Anthropic's.
//!
//! Only names that the configuration lists: a pattern permits, it never lists.

use http::{Response, StatusCode};
use serde::Serialize;
use tidegate_gateway::{Failure, Manner, ModelName};
use tidegate_types::Code;
use tidegate_wire::anthropic::{self, Listed};

use super::app::App;
use super::errors;
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
}

impl<'a> From<&'a ModelName> for Model<'a> {
    fn from(name: &'a ModelName) -> Self {
        Self {
            id: &name.id,
            object: "model",
            created: 0,
            owned_by: &name.provider,
        }
    }
}

pub(crate) fn list(app: &App, manner: Manner) -> Response<Out> {
    let names = app.gateway.models();
    if manner == Manner::Anthropic {
        let listed: Vec<_> = names.iter().map(|name| listed(&name.id)).collect();
        return json(StatusCode::OK, anthropic::write_models(&listed));
    }
    render(&List {
        object: "list",
        data: names.iter().map(Model::from).collect(),
    })
}

/// One of them; names hold slashes, so the rest of the path is the name.
pub(crate) fn one(app: &App, id: &str, manner: Manner) -> Response<Out> {
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
            json(StatusCode::OK, anthropic::write_model(&listed(id)))
        }
        Some(name) => render(&Model {
            id,
            ..Model::from(name)
        }),
        None => {
            let text = "No listed model has this name. `GET /v1/models` lists them.";
            let failure = Failure::new(Code::ModelNotFound, text).with_param("model");
            errors::tell(&failure, manner, None)
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
