//! From a call to its answer.
//!
//! Everything is decided at once and without waiting, from the path and the body; then the answer
//! is handed over, now or at its time, or never. What is dropped while it waits counts as
//! aborted, and the request's body is not kept while it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use http_body::Body;
use parking_lot::Mutex;
use tidegate_kernel::{Clock, Instant};

use crate::ask::Ask;
use crate::last::Last;
use crate::name::{EXAMPLES, Model, Pace, Refused};
use crate::plan::Plan;
use crate::refusal::Refusal;
use crate::said::Dialect;
use crate::script::{Broken, Script};
use crate::tally::{Call, NONE, Stats, Tally};
use crate::turn::{self, Turn};
use crate::unary;
use crate::voice::CREATED;

/// The simulated model. Clones share their counters.
///
/// | name | streamed | unary, and embeddings |
/// |---|---|---|
/// | `sim-<ttft>-<chunks>-<gap>-<bytes>` | headers at once, the first chunk after `ttft` ms, one every `gap` ms, a gap, the end | after `ttft + chunks * gap` ms |
/// | `echo` | the last user message word by word, at once | the same, whole |
/// | `tools`, `tools-<calls>` | so many calls of the request's tools; after a tool's result, that | the same, whole |
/// | `fault-429`, `-500`, `-529` | that status | that status |
/// | `fault-hang` | accepted, never answered | the same |
/// | `fault-close` | the connection is closed without an answer | the same |
/// | `fault-stall` | 3 chunks, then silence | half the document, then silence |
/// | `fault-cut` | 3 chunks, then cut between events | half the document, then cut |
/// | `fault-cutmidevent` | 3 chunks, then cut inside an event and inside a character | cut inside a character |
/// | `fault-badjson` | between the 10th and the 11th of 20 chunks a malformed event without text | a malformed document |
/// | `fault-errorevent` | 3 chunks, an `error` event, the end without `[DONE]` | status 200 with an error document |
/// | `fault-slowdrip` | 3 chunks, the rest a byte every 100 ms | all of it a byte every 100 ms |
/// | `fault-flaky-<percent>` | that many calls of a hundred, evenly spread, get 500; the others are `sim-0-20-0-4` | the same |
///
/// `ttft` and `gap` are milliseconds, or drawn: `A..B` evenly, `M~S` normal with mean and standard
/// deviation, `M~~P` lognormal with median and 99th percentile.
///
/// Every model looks at `n`, `stop`, `max_tokens`, `seed` (of what is drawn), `tools` with
/// `tool_choice` and `parallel_tool_calls`, `response_format` and `stream_options`; other fields
/// are ignored. Ids come from the count of calls, `created` is fixed, a token is a word.
#[derive(Debug, Clone)]
pub struct Sim(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    tally: Arc<Tally>,
    /// How often each percentage of `fault-flaky` was asked.
    flaky: [AtomicU64; 101],
    last: Mutex<Option<Arc<Last>>>,
}

/// What is to happen to a call.
enum Decision {
    Now(Response<Script>),
    At(Instant, Response<Script>),
    Never(Call),
    Close(Call),
}

/// Where a call goes.
enum Endpoint<'a> {
    Text(Dialect),
    Embeddings,
    Models,
    Model(&'a str),
}

impl Sim {
    /// A model that has seen nothing yet.
    pub fn new(clock: Clock) -> Self {
        Self(Arc::new(Inner {
            clock,
            tally: Arc::new(Tally::new(clock)),
            flaky: std::array::from_fn(|_| AtomicU64::new(0)),
            last: Mutex::new(None),
        }))
    }

    /// Whether a model of this name exists.
    pub fn is_sim_name(model: &str) -> bool {
        Model::parse(model).is_some()
    }

    /// One name of each kind, as `GET /models` lists them.
    pub fn models() -> &'static [&'static str] {
        EXAMPLES
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.0.tally.snapshot()
    }

    /// One call. `path` is the API path below the base, such as `/chat/completions`.
    ///
    /// Dropping the future, or the script before its end, counts the call as aborted.
    ///
    /// # Errors
    /// [`Broken`] when the connection is to be closed without an answer.
    pub async fn answer(
        &self,
        method: &Method,
        path: &str,
        body: Bytes,
    ) -> Result<Response<Script>, Broken> {
        let decision = self.decide(method, path, &body);
        drop(body);
        match decision {
            Decision::Now(answer) => Ok(answer),
            Decision::At(due, answer) => {
                self.0.clock.sleep_until(due).await;
                Ok(answer)
            }
            Decision::Never(call) => {
                std::future::pending::<()>().await;
                drop(call);
                Err(Broken)
            }
            Decision::Close(call) => {
                call.complete();
                Err(Broken)
            }
        }
    }

    pub(crate) fn clock(&self) -> Clock {
        self.0.clock
    }

    pub(crate) fn tally(&self) -> &Arc<Tally> {
        &self.0.tally
    }

    /// Keeps the last request that came over a socket.
    pub(crate) fn remember(&self, last: Last) {
        let before = self.0.last.lock().replace(Arc::new(last));
        drop(before);
    }

    pub(crate) fn last(&self) -> Option<Arc<Last>> {
        self.0.last.lock().clone()
    }

    fn decide(&self, method: &Method, path: &str, body: &[u8]) -> Decision {
        let begin = |model| self.0.tally.begin(model, body.len());
        let endpoint = match Endpoint::at(method, path) {
            Ok(endpoint) => endpoint,
            Err(refusal) => return refuse(begin(NONE), &refusal),
        };
        match endpoint {
            Endpoint::Models => document(begin(NONE), models()),
            Endpoint::Model(name) if Self::is_sim_name(name) => {
                document(begin(name), model(name).into())
            }
            Endpoint::Model(name) => refuse(begin(NONE), &Refusal::model(name)),
            Endpoint::Text(_) | Endpoint::Embeddings => {
                let (ask, model) = match read(body) {
                    Ok(read) => read,
                    Err(refusal) => return refuse(begin(NONE), &refusal),
                };
                let call = begin(&ask.model);
                let model = match self.met(model) {
                    Model::Refused(refused) => return refuse(call, &refused.into()),
                    Model::Hang => return Decision::Never(call),
                    Model::Close => return Decision::Close(call),
                    answering => answering,
                };
                let plan = Plan::of(model);
                match endpoint {
                    Endpoint::Text(dialect) => match lacks(dialect, &ask) {
                        Some(refusal) => refuse(call, &refusal),
                        None => turn(turn::text(call, dialect, &ask, &plan)),
                    },
                    _ => turn(turn::embeddings(call, &ask, &plan)),
                }
            }
        }
    }

    /// What a flaky model is this time; the others are what they are.
    fn met(&self, model: Model) -> Model {
        let Model::Flaky(percent) = model else {
            return model;
        };
        let before = self.0.flaky[usize::from(percent)].fetch_add(1, Ordering::Relaxed);
        let failed = |calls: u64| calls.wrapping_mul(percent.into()) / 100;
        if failed(before + 1) > failed(before) {
            Model::Refused(Refused::Failing)
        } else {
            Model::Paced(Pace::USUAL)
        }
    }
}

impl<'a> Endpoint<'a> {
    fn at(method: &Method, path: &'a str) -> Result<Self, Refusal> {
        let (endpoint, allowed) = match path {
            "/chat/completions" => (Self::Text(Dialect::Chat), Method::POST),
            "/completions" => (Self::Text(Dialect::Completion), Method::POST),
            "/embeddings" => (Self::Embeddings, Method::POST),
            "/models" => (Self::Models, Method::GET),
            _ => match path.strip_prefix("/models/") {
                Some(name) => (Self::Model(name), Method::GET),
                None => return Err(Refusal::path(path)),
            },
        };
        match (*method == allowed, allowed) {
            (true, _) => Ok(endpoint),
            (false, Method::GET) => Err(Refusal::method(&[("allow", "GET")])),
            (false, _) => Err(Refusal::method(&[("allow", "POST")])),
        }
    }
}

fn read(body: &[u8]) -> Result<(Ask<'_>, Model), Refusal> {
    let ask = Ask::read(body)?;
    let model = Model::parse(&ask.model).ok_or_else(|| Refusal::model(&ask.model))?;
    Ok((ask, model))
}

fn turn(turn: Turn) -> Decision {
    match turn.due {
        None => Decision::Now(turn.answer),
        Some(due) => Decision::At(due, turn.answer),
    }
}

/// What a text endpoint cannot do without.
fn lacks(dialect: Dialect, ask: &Ask<'_>) -> Option<Refusal> {
    match dialect {
        Dialect::Chat if ask.messages.is_empty() => Some(Refusal::missing("messages")),
        Dialect::Completion if ask.prompt.0.is_empty() => Some(Refusal::missing("prompt")),
        _ => None,
    }
}

fn document(call: Call, body: Bytes) -> Decision {
    let number = call.number();
    Decision::Now(json(StatusCode::OK, number, unary::sound(call, body)))
}

fn refuse(call: Call, refusal: &Refusal) -> Decision {
    Decision::Now(refused(call, refusal))
}

/// A refusal as its call's answer.
pub(crate) fn refused(call: Call, refusal: &Refusal) -> Response<Script> {
    let number = call.number();
    let mut answer = json(refusal.status, number, unary::sound(call, refusal.body()));
    for &(name, value) in refusal.headers {
        answer
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    answer
}

/// An answer of a length that was promised.
pub(crate) fn json(status: StatusCode, number: u64, script: Script) -> Response<Script> {
    let length = script.size_hint().exact();
    let mut answer = respond(status, "application/json", number, script);
    if let Some(length) = length {
        answer.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    answer
}

pub(crate) fn respond(
    status: StatusCode,
    kind: &'static str,
    number: u64,
    script: Script,
) -> Response<Script> {
    let mut answer = Response::new(script);
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert("openai-version", HeaderValue::from_static("2020-10-01"));
    if let Ok(id) = HeaderValue::try_from(format!("req-sim-{number}")) {
        headers.insert("x-request-id", id);
    }
    answer
}

fn models() -> Bytes {
    let each: Vec<String> = EXAMPLES.iter().map(|name| model(name)).collect();
    format!(r#"{{"object":"list","data":[{}]}}"#, each.join(",")).into()
}

/// `name` is a parsed name: it needs no escaping.
fn model(name: &str) -> String {
    format!(r#"{{"id":"{name}","object":"model","created":{CREATED},"owned_by":"tidegate-sim"}}"#)
}
