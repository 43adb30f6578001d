//! `/openapi.json`: what can be called here, as OpenAPI 3.1.
//!
//! Promises: 1. every route that this listener opens stands there, and no
//! other; 2. every error code stands there with its status; 3. a key is asked
//! for exactly where one is wanted. The forms of providers are described as far
//! as Tidegate and its callers rely on them: what it does not name, passes.

mod carried;
mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use http::Response;
use serde_json::{Map, Value, json};
use tidegate_types::Code;

use self::carried::CARRIED;
use self::table::{Body, OPERATIONS, Operation, TAGS};
use super::app::App;
use super::models::render;
use super::reply::Out;
use super::routes::{Door, Face, Handler, ROUTES, Route};

/// The named forms; a test holds that the text is JSON.
static SCHEMAS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schemas.json")).unwrap_or_default());

/// What the access rules say to whom they do not let in.
const REFUSED: [u16; 3] = [401, 403, 429];

pub(crate) fn page(app: &App, face: Face) -> Response<Out> {
    // Programs of this machine need no key on the operators' own listener.
    let with_keys = app.access.wants_key() && face != Face::Operators;
    render(&document(face, with_keys))
}

/// What an address is for.
fn purpose(face: Face) -> &'static str {
    match face {
        Face::All | Face::Callers => {
            "Point an OpenAI SDK at `/v1` of this address, or an Anthropic SDK at the address itself."
        }
        Face::Operators | Face::FarOperators => {
            "The operators' pages. Applications are served at the address of `listen`, which \
             describes its own routes."
        }
    }
}

/// The document of a listener.
fn document(face: Face, with_keys: bool) -> Value {
    let open = ROUTES.iter().filter(|route| face.opens(route.door));
    let mut paths = Map::new();
    let mut used = BTreeSet::new();
    for route in open {
        let Some(about) = about(route) else { continue };
        used.insert(about.tag);
        let path = paths.entry(plain(route.path)).or_insert_with(|| json!({}));
        path[about.method.to_lowercase()] = operation(about, route, with_keys);
    }
    // A heading without a route below it says nothing.
    let tags = TAGS.iter().filter(|(name, _)| used.contains(name));
    let tags: Vec<_> = tags
        .map(|(name, about)| json!({ "name": name, "description": about }))
        .collect();
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Tidegate",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "A gateway between applications and language models.",
            "description": purpose(face),
            // Without its identifier: readers make a link of that, and a choice has no page.
            "license": { "name": "MIT OR Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": &*SCHEMAS,
            "responses": responses(),
            "parameters": parameters(),
            "headers": headers(),
        },
    });
    if with_keys {
        let key = json!({
            "type": "http",
            "scheme": "bearer",
            "description": "One of `[auth] keys` of the configuration.",
        });
        document["components"]["securitySchemes"] = json!({ "key": key });
    }
    document
}

/// The description of a route.
fn about(route: &Route) -> Option<&'static Operation> {
    let method = route.method.as_str();
    operations().find(|one| one.method == method && one.path == route.path)
}

/// All of them, in the order of the page.
fn operations() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(CARRIED)
}

/// A path as OpenAPI writes it, where no parameter holds slashes.
fn plain(path: &str) -> String {
    path.replace("{*", "{")
}

fn operation(about: &Operation, route: &Route, with_keys: bool) -> Value {
    let is_call = matches!(route.handler, Handler::Ask(_) | Handler::Errand(_));
    let mut operation = json!({
        "tags": [about.tag],
        "operationId": about.id,
        "summary": about.summary,
        "description": about.about,
        "parameters": asked(about, route),
        "responses": answers(about, route, is_call),
    });
    if !about.takes.is_empty() {
        operation["requestBody"] = json!({ "required": true, "content": content(about.takes) });
    }
    if with_keys && route.door != Door::Anybody {
        operation["security"] = json!([{ "key": [] }]);
    }
    operation
}

/// The parameters: of the path, of the query, and the headers that calls have.
fn asked(about: &Operation, route: &Route) -> Vec<Value> {
    let path = plain(about.path);
    let names = path.split('{').skip(1);
    let names = names.filter_map(|rest| rest.split_once('}'));
    let mut parameters: Vec<_> = names
        .map(|(name, _)| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "minLength": 1 },
            })
        })
        .collect();
    parameters.extend(about.query.iter().map(|one| {
        json!({
            "name": one.name, "in": "query", "description": one.about,
            "schema": { "type": "string", "enum": one.values },
        })
    }));
    let headers = ["request-id", "timeout", "priority", "provider"];
    let headers = headers.iter().take(match route.handler {
        Handler::Errand(_) => 4,
        Handler::Ask(_) => 3,
        _ => 1,
    });
    parameters
        .extend(headers.map(|name| json!({ "$ref": format!("#/components/parameters/{name}") })));
    parameters
}

fn answers(about: &Operation, route: &Route, is_call: bool) -> Value {
    let headers = match is_call {
        true => &["id", "queue-ms", "upstream-ms", "total-ms"][..],
        false => &["id"],
    };
    let headers: Map<_, _> = headers
        .iter()
        .map(|name| {
            let reference = format!("#/components/headers/{name}");
            (format!("x-tidegate-{name}"), json!({ "$ref": reference }))
        })
        .collect();
    let mut answers = json!({
        "200": { "description": "Done.", "headers": headers, "content": content(about.gives) },
    });
    let mut statuses: BTreeSet<u16> = about.also.iter().copied().collect();
    if is_call {
        statuses.extend(Code::ALL.iter().map(|code| code.status()));
        // A provider's own refusal keeps its status.
        answers["4XX"] = json!({ "$ref": "#/components/responses/provider" });
    } else if route.door != Door::Anybody {
        statuses.extend(REFUSED);
    }
    for status in statuses {
        answers[status.to_string()] = match about.gives {
            [Body::Text] if route.door == Door::Anybody => {
                json!({ "description": "Not now.", "content": content(about.gives) })
            }
            _ => json!({ "$ref": format!("#/components/responses/{status}") }),
        };
    }
    answers
}

fn content(bodies: &[Body]) -> Value {
    let text = || json!({ "schema": { "type": "string" } });
    let of = |body: &Body| match *body {
        Body::Json(name) => (
            "application/json",
            json!({ "schema": { "$ref": format!("#/components/schemas/{name}") } }),
        ),
        Body::Events(about) => (
            "text/event-stream",
            json!({
                "schema": { "$ref": "#/components/schemas/Event", "description": about },
            }),
        ),
        Body::Form => (
            "multipart/form-data",
            json!({ "schema": { "type": "object" } }),
        ),
        Body::Text => ("text/plain", text()),
        Body::Html => ("text/html", text()),
        Body::Bytes => ("*/*", json!({})),
    };
    Value::Object(
        bodies
            .iter()
            .map(of)
            .map(|(kind, one)| (kind.to_owned(), one))
            .collect(),
    )
}

/// One answer a status, with all of its codes.
fn responses() -> Value {
    let mut codes: BTreeMap<u16, Vec<&Code>> = BTreeMap::new();
    for code in Code::ALL {
        codes.entry(code.status()).or_default().push(code);
    }
    let answer = |description: String, codes: Option<Vec<&str>>| {
        let mut answer = json!({
            "description": description,
            "headers": { "x-tidegate-id": { "$ref": "#/components/headers/id" } },
            "content": {
                "application/json": { "schema": { "$ref": "#/components/schemas/Error" } },
            },
        });
        if let Some(codes) = codes {
            answer["x-codes"] = json!(codes);
        }
        answer
    };
    let mut all: Map<_, _> = codes
        .iter()
        .map(|(status, codes)| {
            let lines = codes.iter().map(|code| {
                let (name, meaning, action) = (code.as_str(), code.meaning(), code.action());
                format!("- `{name}`: {meaning} {action}")
            });
            let names = codes.iter().map(|code| code.as_str()).collect();
            let lines = lines.collect::<Vec<_>>().join("\n");
            (status.to_string(), answer(lines, Some(names)))
        })
        .collect();
    let provider = "The provider's own refusal, with its status, code and message.".to_owned();
    all.insert("provider".to_owned(), answer(provider, None));
    // The codes that say that there is no room, as Anthropic tells them.
    let full = "There is no room for it now; `retry-after` says when there may be.".to_owned();
    all.insert("529".to_owned(), answer(full, None));
    Value::Object(all)
}

fn parameters() -> Value {
    json!({
        "request-id": {
            "name": "x-request-id", "in": "header",
            "description": "Your own id, echoed in the answer.",
            "schema": { "type": "string", "pattern": "^[A-Za-z0-9._:-]{1,128}$" },
        },
        "timeout": {
            "name": "x-request-timeout-ms", "in": "header",
            "description": "The longest time the whole answer may take; it only shortens.",
            "schema": { "type": "integer", "minimum": 1 },
        },
        "priority": {
            "name": "x-tidegate-priority", "in": "header",
            "description": "Batch waits behind interactive work, but never for ever.",
            "schema": { "type": "string", "enum": ["interactive", "batch"] },
        },
        "provider": {
            "name": "x-tidegate-provider", "in": "header",
            "description": "Who answers what names no model; else the default provider does.",
            "schema": { "type": "string", "minLength": 1 },
        },
    })
}

fn headers() -> Value {
    let millis = |about: &str| json!({ "description": about, "schema": { "type": "integer", "minimum": 0 } });
    json!({
        "id": {
            "description": "Tidegate's id of the request, as in the log and `/debug/requests`.",
            "schema": { "type": "string", "format": "uuid" },
        },
        "queue-ms": millis("How long it waited for a permit."),
        "upstream-ms": millis("From the permit to the first content, or to the end."),
        "total-ms": millis("From reading the request to writing the answer; not of streams."),
    })
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::closed;
