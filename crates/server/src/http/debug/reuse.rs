//! `/debug/reuse`: buffers that are used again, by kind (R-D10).
//!
//! A kind is here only because a bench showed that it gains.

use http::Response;
use serde::Serialize;

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct Kind {
    kind: &'static str,
    requests: u64,
    hits: u64,
    misses: u64,
    /// Hits of a hundred requests; none without requests.
    hit_percent: Option<f64>,
    creations: u64,
    returns: u64,
    too_large: u64,
    too_many: u64,
    in_use: u64,
    kept: u64,
    kept_bytes: u64,
    saved_bytes: u64,
    spent_us: u128,
    low_hits: u64,
}

pub(crate) fn reuse(app: &App) -> Response<Out> {
    let stats = app.body_limits.shelf.stats();
    let percent = stats.hits as f64 * 100.0 / stats.requests as f64;
    render(&[Kind {
        kind: "large_request_body",
        requests: stats.requests,
        hits: stats.hits,
        misses: stats.misses,
        hit_percent: Some(percent).filter(|percent| percent.is_finite()),
        creations: stats.creations,
        returns: stats.returns,
        too_large: stats.too_large,
        too_many: stats.too_many,
        in_use: stats.in_use,
        kept: stats.kept,
        kept_bytes: stats.kept_bytes,
        saved_bytes: stats.saved_bytes,
        spent_us: stats.spent.as_micros(),
        low_hits: stats.low_hits,
    }])
}
