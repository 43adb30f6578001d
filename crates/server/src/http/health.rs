//! `/livez` and `/readyz`, for whoever starts and balances processes.
//!
//! Live means that the process answers; ready, that it takes new requests.

use http::{Response, StatusCode};

use super::app::{App, Phase};
use super::reply::{Out, whole};

const TEXT: &str = "text/plain; charset=utf-8";

pub(crate) fn livez(_: &App) -> Response<Out> {
    whole(StatusCode::OK, TEXT, "live\n")
}

pub(crate) fn readyz(app: &App) -> Response<Out> {
    match app.phase() {
        Phase::Starting => whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "starting\n"),
        Phase::Ready => whole(StatusCode::OK, TEXT, "ready\n"),
        Phase::Draining => whole(StatusCode::SERVICE_UNAVAILABLE, TEXT, "draining\n"),
    }
}
