//! From a call to its answer.
//!
//! Everything is decided at once and without waiting, from the path and the body; then the answer
//! is handed over, now or at its time, or never. What is dropped while it waits counts as
//! aborted, and the request's body is not kept while it waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, Response, StatusCode};
use http_body::Body;
use parking_lot::{Mutex, RwLock};
use tidegate_kernel::{Clock, Instant};

use crate::ask::Ask;
use crate::delay::Delay;
use crate::errand::Errand;
use crate::name::{EXAMPLES, Model, Pace, Refused};
use crate::plan::Plan;
use crate::record::{Record, Request};
use crate::refusal::Refusal;
use crate::rules::{Act, Kind, RuleStats, Rules, Verdict};
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
    started: Instant,
    record: Mutex<Record>,
    rules: RwLock<Arc<Rules>>,
}

/// What is to happen to a call.
pub(crate) enum Decision {
    Now(Response<Script>),
    At(Instant, Response<Script>),
    Never(Call),
    Close(Option<Instant>, Call),
}

/// What was decided about one call.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    /// The number of the call.
    pub(crate) number: u64,
    /// The rule that decided, if one did.
    pub(crate) rule: Option<String>,
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
        Self::scripted(clock, Rules::default())
    }

    /// The same with rules.
    pub fn scripted(clock: Clock, rules: Rules) -> Self {
        Self(Arc::new(Inner {
            clock,
            started: clock.now(),
            tally: Arc::new(Tally::new(clock)),
            flaky: std::array::from_fn(|_| AtomicU64::new(0)),
            record: Mutex::default(),
            rules: RwLock::new(Arc::new(rules)),
        }))
    }

    /// Whether a model of this name exists.
    pub fn is_sim_name(model: &str) -> bool {
        Model::parse(model).is_some()
    }

    /// Whether a model of this name would be answered: by its name, or by a rule.
    pub fn knows(&self, model: &str) -> bool {
        Self::is_sim_name(model) || self.script().know(model)
    }

    /// Whether these are the rules that it has.
    pub fn follows(&self, rules: &Rules) -> bool {
        self.script().is(rules)
    }

    /// One name of each kind, as `GET /models` lists them.
    pub fn models() -> &'static [&'static str] {
        EXAMPLES
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.0.tally.snapshot()
    }

    /// How often each rule was met.
    pub fn rules(&self) -> Vec<RuleStats> {
        self.script().stats()
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
        self.ask(method, path, &HeaderMap::new(), body).await
    }

    /// The same with headers, which rules may look at.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn ask(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: Bytes,
    ) -> Result<Response<Script>, Broken> {
        let decided = self.decide(method, path, headers, &body);
        drop(body);
        self.carry_out(decided.decision).await
    }

    /// Waits as long as was decided.
    pub(crate) async fn carry_out(&self, decision: Decision) -> Result<Response<Script>, Broken> {
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
            Decision::Close(due, call) => {
                if let Some(due) = due {
                    self.0.clock.sleep_until(due).await;
                }
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

    /// Keeps a request that came over a socket.
    pub(crate) fn remember(&self, request: Request, decided: &Decided) {
        let lived = self.0.clock.now().saturating_duration_since(self.0.started);
        let at_ms = u64::try_from(lived.as_millis()).unwrap_or(u64::MAX);
        let request = request.answered(decided.number, at_ms, decided.rule.clone());
        let gone = self.0.record.lock().keep(request);
        drop(gone);
    }

    pub(crate) fn record(&self) -> &Mutex<Record> {
        &self.0.record
    }

    pub(crate) fn script(&self) -> Arc<Rules> {
        Arc::clone(&self.0.rules.read())
    }

    /// Takes other rules from now on; calls that are being answered keep what they have.
    pub fn replace_script(&self, rules: Rules) {
        let before = std::mem::replace(&mut *self.0.rules.write(), Arc::new(rules));
        drop(before);
    }

    /// Forgets the requests and what rules and flaky models count by. The statistics stay.
    pub(crate) fn reset(&self) {
        let record = std::mem::take(&mut *self.0.record.lock());
        drop(record);
        self.script().reset();
        for count in &self.0.flaky {
            count.store(0, Ordering::Relaxed);
        }
    }

    pub(crate) fn decide(
        &self,
        method: &Method,
        path: &str,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Decided {
        let begin = |model| self.0.tally.begin(model, body.len());
        if let Some(errand) = Errand::at(path) {
            let call = begin(NONE);
            let number = call.number();
            return Decided::errand(errand.answer(call, method, body), number);
        }
        let endpoint = match Endpoint::at(method, path) {
            Ok(endpoint) => endpoint,
            Err(refusal) => return Decided::refusal(begin(NONE), &refusal),
        };
        let kind = match endpoint {
            Endpoint::Models => {
                return Decided::document(begin(NONE), models(&self.script().models()));
            }
            Endpoint::Model(name) if Self::is_sim_name(name) => {
                return Decided::document(begin(name), model(name).into());
            }
            Endpoint::Model(name) if self.script().models().contains(&name) => {
                return Decided::document(begin(name), model(name).into());
            }
            Endpoint::Model(name) => return Decided::refusal(begin(NONE), &Refusal::model(name)),
            Endpoint::Text(Dialect::Chat) => Kind::Chat,
            Endpoint::Text(Dialect::Completion) => Kind::Completion,
            Endpoint::Embeddings => Kind::Embedding,
        };
        let ask = match Ask::read(body) {
            Ok(ask) => ask,
            Err(refusal) => return Decided::refusal(begin(NONE), &refusal),
        };
        let (named, rules) = (Model::parse(&ask.model), self.script());
        if named.is_none() && !rules.know(&ask.model) {
            return Decided::refusal(begin(NONE), &Refusal::model(&ask.model));
        }
        let call = begin(&ask.model);
        let number = call.number();
        if let Some(refusal) = lacks(kind, &ask) {
            return Decided::refusal(call, &refusal);
        }
        let (rule, decision) = match (rules.judge(kind, &ask, headers, number), named) {
            (Some(verdict), _) => (
                Some(verdict.rule.clone()),
                self.by_rule(call, kind, &ask, verdict),
            ),
            (None, Some(model)) => (None, self.by_name(call, kind, &ask, model, None)),
            (None, None) => (None, refuse(call, &Refusal::unforeseen(&ask.model))),
        };
        Decided {
            decision,
            number,
            rule,
        }
    }

    fn by_rule(&self, call: Call, kind: Kind, ask: &Ask<'_>, verdict: Verdict) -> Decision {
        let start = call.start();
        let wait = verdict.delay.map(|delay| turn::drawn(delay, ask, &call));
        let due = wait.filter(|wait| !wait.is_zero()).map(|wait| start + wait);
        let mut decision = match verdict.act {
            Act::Refuse { status, body } => {
                let answer = json(status, call.number(), unary::sound(call, body));
                at(due, answer)
            }
            Act::Hang => Decision::Never(call),
            Act::Close => Decision::Close(due, call),
            Act::Like(model) => self.by_name(call, kind, ask, model, due),
            Act::Plan(plan) => planned(call, kind, ask, &plan),
        };
        if let Decision::Now(answer) | Decision::At(_, answer) = &mut decision {
            answer.headers_mut().extend(verdict.headers);
        }
        decision
    }

    fn by_name(
        &self,
        call: Call,
        kind: Kind,
        ask: &Ask<'_>,
        model: Model,
        due: Option<Instant>,
    ) -> Decision {
        match self.met(model) {
            Model::Refused(refused) => at(due, self::refused(call, &refused.into())),
            Model::Hang => Decision::Never(call),
            Model::Close => Decision::Close(due, call),
            answering => {
                let mut plan = Plan::of(answering);
                if let Some(due) = due {
                    plan.ttft = Delay::Fixed(due.saturating_duration_since(call.start()));
                }
                planned(call, kind, ask, &plan)
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

impl Decided {
    fn errand(answer: Response<Script>, number: u64) -> Self {
        Self {
            decision: Decision::Now(answer),
            number,
            rule: None,
        }
    }

    fn refusal(call: Call, refusal: &Refusal) -> Self {
        let number = call.number();
        Self {
            decision: refuse(call, refusal),
            number,
            rule: None,
        }
    }

    fn document(call: Call, body: Bytes) -> Self {
        let number = call.number();
        let answer = json(StatusCode::OK, number, unary::sound(call, body));
        Self {
            decision: Decision::Now(answer),
            number,
            rule: None,
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

fn planned(call: Call, kind: Kind, ask: &Ask<'_>, plan: &Plan) -> Decision {
    let Turn { due, answer } = match kind {
        Kind::Chat => turn::text(call, Dialect::Chat, ask, plan),
        Kind::Completion => turn::text(call, Dialect::Completion, ask, plan),
        Kind::Embedding => turn::embeddings(call, ask, plan),
    };
    at(due, answer)
}

fn at(due: Option<Instant>, answer: Response<Script>) -> Decision {
    match due {
        None => Decision::Now(answer),
        Some(due) => Decision::At(due, answer),
    }
}

/// What an endpoint cannot do without.
fn lacks(kind: Kind, ask: &Ask<'_>) -> Option<Refusal> {
    match kind {
        Kind::Chat if ask.messages.is_empty() => Some(Refusal::missing("messages")),
        Kind::Completion if ask.prompt.0.is_empty() => Some(Refusal::missing("prompt")),
        Kind::Embedding if ask.input.0.is_empty() => Some(Refusal::missing("input")),
        _ => None,
    }
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

/// Our names, and those that rules name.
fn models(more: &[&str]) -> Bytes {
    let all = EXAMPLES.iter().chain(more);
    let each: Vec<String> = all.map(|name| model(name)).collect();
    format!(r#"{{"object":"list","data":[{}]}}"#, each.join(",")).into()
}

fn model(name: &str) -> String {
    let name = turn::escaped(name);
    format!(r#"{{"id":"{name}","object":"model","created":{CREATED},"owned_by":"tidegate-sim"}}"#)
}
