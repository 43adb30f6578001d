//! `/debug/requests`: every request in flight, and what it waits for.
//! The oldest first.

use http::Response;
use serde::Serialize;

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct List {
    requests: Vec<One>,
}

#[derive(Serialize)]
struct One {
    id: String,
    endpoint: &'static str,
    model: Option<String>,
    provider: Option<String>,
    stage: &'static str,
    age_ms: u128,
    stage_ms: u128,
    waits_for: &'static str,
}

pub(crate) fn requests(app: &App) -> Response<Out> {
    let now = app.clock.now();
    let mut requests: Vec<One> = app
        .gateway
        .requests()
        .iter()
        .map(|request| One {
            id: request.id.to_string(),
            endpoint: request.endpoint,
            model: request.model().map(str::to_owned),
            provider: request.provider().map(str::to_owned),
            stage: request.stage().as_str(),
            age_ms: now.duration_since(request.started).as_millis(),
            stage_ms: request.stage_age(now).as_millis(),
            waits_for: request.stage().waits_for(),
        })
        .collect();
    // The oldest first: that is whom one looks for.
    requests.sort_by_key(|request| std::cmp::Reverse(request.age_ms));
    render(&List { requests })
}
