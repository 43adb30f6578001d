//! The pages of the stand-alone server about itself: what was asked, what was counted, the script.
//!
//! Promises: (1) nothing here counts as a call; (2) a script that is wrong changes nothing, and all
//! that is wrong with it is told.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode, Uri};
use serde::Serialize;
use serde_json::json;

use crate::answer::Sim;
use crate::record;
use crate::refusal::Refusal;
use crate::rules::{RuleStats, Rules};
use crate::script::Script;
use crate::tally::Stats;

/// A page, by its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    Live,
    Stats,
    Last,
    LastBody,
    Requests,
    Script,
    Reset,
}

impl Page {
    pub(crate) fn at(path: &str) -> Option<Self> {
        Some(match path {
            "/livez" => Self::Live,
            "/stats" | "/sim/stats" => Self::Stats,
            "/stats/last" => Self::Last,
            "/stats/last/body" => Self::LastBody,
            "/sim/requests" => Self::Requests,
            "/sim/script" => Self::Script,
            "/sim/reset" => Self::Reset,
            _ => return None,
        })
    }

    /// The methods that it takes.
    fn methods(self) -> &'static str {
        match self {
            Self::Script => "PUT, DELETE",
            Self::Reset => "POST",
            _ => "GET",
        }
    }

    /// `body` is that of the request; only a script has one.
    pub(crate) fn answer(
        self,
        sim: &Sim,
        method: &Method,
        uri: &Uri,
        body: &Bytes,
    ) -> Response<Script> {
        if !self
            .methods()
            .split(", ")
            .any(|known| known == method.as_str())
        {
            let mut answer = document(json!({"error": {
                "message": format!("Only {} is answered here.", self.methods()),
                "type": "invalid_request_error", "param": null, "code": "method_not_allowed",
            }}));
            *answer.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            answer
                .headers_mut()
                .insert(ALLOW, HeaderValue::from_static(self.methods()));
            return answer;
        }
        let nothing = || refuse(&Refusal::path(uri.path()));
        match self {
            Self::Live => plain("text/plain", Bytes::from_static(b"ok\n")),
            Self::Stats => stats(sim),
            Self::Last => {
                let last = sim.record().lock().last();
                last.map_or_else(nothing, |last| plain("application/json", last.json()))
            }
            Self::LastBody => {
                let last = sim.record().lock().last();
                last.map_or_else(nothing, |last| {
                    plain("application/octet-stream", last.body())
                })
            }
            Self::Requests => requests(sim, uri),
            Self::Script => script(sim, method, body),
            Self::Reset => {
                sim.reset();
                document(json!({"reset": true}))
            }
        }
    }
}

fn stats(sim: &Sim) -> Response<Script> {
    #[derive(Serialize)]
    struct All {
        #[serde(flatten)]
        stats: Stats,
        rules: Vec<RuleStats>,
    }
    let all = All {
        stats: sim.stats(),
        rules: sim.rules(),
    };
    plain(
        "application/json",
        serde_json::to_vec(&all).unwrap_or_default().into(),
    )
}

/// `?last=3` for fewer than all that are kept.
fn requests(sim: &Sim, uri: &Uri) -> Response<Script> {
    let mut most = usize::MAX;
    for pair in uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
    {
        match pair
            .strip_prefix("last=")
            .and_then(|number| number.parse().ok())
        {
            Some(number) => most = number,
            None => {
                let message = "The only parameter here is `last`, a number of requests.".to_owned();
                return refuse(&Refusal::value("last", message));
            }
        }
    }
    let (latest, seen) = sim.record().lock().latest(most);
    plain("application/json", record::page(&latest, seen))
}

fn script(sim: &Sim, method: &Method, body: &Bytes) -> Response<Script> {
    if *method == Method::DELETE {
        sim.replace_script(Rules::default());
        return document(json!({"rules": 0}));
    }
    let Ok(text) = std::str::from_utf8(body) else {
        return refuse(&Refusal::value(
            "script",
            "The script is not UTF-8.".to_owned(),
        ));
    };
    match Rules::read(text) {
        Ok(rules) => {
            let count = rules.len();
            sim.replace_script(rules);
            document(json!({"rules": count}))
        }
        Err(problems) => {
            let count = problems.len();
            let all: Vec<_> = problems
                .iter()
                .map(|problem| {
                    json!({
                        "line": problem.line, "column": problem.column, "key": problem.key,
                        "what": problem.what, "found": problem.found, "expected": problem.expected, "hint": problem.hint,
                    })
                })
                .collect();
            let mut answer = document(json!({
                "error": {
                    "message": format!("The script has {count} problems; the one before stays."),
                    "type": "invalid_request_error", "param": "script", "code": "invalid_value",
                },
                "problems": all,
            }));
            *answer.status_mut() = StatusCode::BAD_REQUEST;
            answer
        }
    }
}

fn document(value: serde_json::Value) -> Response<Script> {
    plain("application/json", value.to_string().into())
}

pub(crate) fn plain(kind: &'static str, body: Bytes) -> Response<Script> {
    let mut answer = Response::new(Script::whole(body));
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer
}

pub(crate) fn refuse(refusal: &Refusal) -> Response<Script> {
    let mut answer = plain("application/json", refusal.body());
    *answer.status_mut() = refusal.status;
    answer
}
