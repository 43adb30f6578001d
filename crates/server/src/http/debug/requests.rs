//! `/debug/requests`: every request in flight, and what it waits for; and the
//! end of one of them, by its id.
//! The oldest first: that is whom one looks for.

use http::Response;
use http::request::Parts;
use serde::Serialize;
use tidegate_gateway::{Failure, NotCancelled, RequestView};
use tidegate_types::{Code, RequestId};

use super::super::app::App;
use super::super::errors;
use super::super::models::render;
use super::super::query::flag;
use super::super::reply::Out;
use super::watch::watch;

/// All of them.
#[derive(Serialize)]
pub(super) struct List<'a> {
    pub(super) requests: Vec<One<'a>>,
}

/// One request in flight.
#[derive(Serialize)]
pub(super) struct One<'a> {
    id: String,
    endpoint: &'static str,
    model: Option<&'a str>,
    provider: Option<String>,
    stage: &'static str,
    waits_for: &'static str,
    /// How many are before it in the queue, if nobody else comes; null where it
    /// does not queue.
    ahead: Option<usize>,
    age_ms: u128,
    stage_ms: u128,
    held_bytes: u64,
}

impl<'a> From<&'a RequestView> for One<'a> {
    fn from(view: &'a RequestView) -> Self {
        Self {
            id: view.request.id.to_string(),
            endpoint: view.request.endpoint,
            model: view.request.model(),
            provider: view.request.provider().map(|name| name.to_string()),
            stage: view.stage.as_str(),
            waits_for: view.stage.waits_for(),
            ahead: view.ahead,
            age_ms: view.age.as_millis(),
            stage_ms: view.stage_age.as_millis(),
            held_bytes: view.held,
        }
    }
}

pub(crate) fn requests(app: &App, asked: &Parts) -> Result<Response<Out>, Failure> {
    if flag(asked, "watch")? {
        // A page that cannot read it could still take every seat.
        app.access.check_page(&asked.headers)?;
        return watch(app, &asked.headers);
    }
    let views = app.gateway.request_views();
    Ok(render(&List {
        requests: views.iter().map(One::from).collect(),
    }))
}

#[derive(Serialize)]
struct Cancelled<'a> {
    id: &'a str,
    cancelled: bool,
    /// Where the cancel met it.
    stage: &'static str,
}

/// `DELETE /debug/requests/{id}`: its caller is told `cancelled_by_operator`.
pub(crate) fn cancel(app: &App, id: &str) -> Response<Out> {
    let known = RequestId::parse(id);
    let cancelled = match known {
        Some(id) => app.gateway.cancel(id),
        None => Err(NotCancelled::Unknown),
    };
    let text = match cancelled {
        Ok(stage) => {
            return render(&Cancelled {
                id,
                cancelled: true,
                stage: stage.as_str(),
            });
        }
        Err(NotCancelled::Unknown) => {
            "No request with this id is in flight: it has ended, or never was. \
             `GET /debug/requests` lists those that are; the id is its `x-tidegate-id`."
        }
        Err(NotCancelled::Ending) => {
            "Something else ends this request already: its log line says what."
        }
        Err(NotCancelled::Done) => {
            "It is too late to end this request: its answer is whole, or its failure told, \
             and only the last bytes are on their way."
        }
    };
    errors::response(&Failure::new(Code::NotFound, text))
}
