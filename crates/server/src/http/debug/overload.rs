//! `/debug/overload`: the level, every gauge behind it, and the last change.
//!
//! A gauge without a limit has no part: it presses nobody.

use http::Response;
use kernel::{Cause, Level};
use serde::Serialize;
use tidegate_kernel as kernel;

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct Page {
    level: &'static str,
    /// What comes next, and the part from which it holds.
    next: Option<Step>,
    changes: u64,
    gauges: Vec<One>,
    last: Option<Last>,
    /// What the watchdog finds standing still.
    stalled: Vec<String>,
}

#[derive(Serialize)]
struct Step {
    level: &'static str,
    from: f64,
}

#[derive(Serialize)]
struct One {
    cause: &'static str,
    unit: &'static str,
    used: u64,
    limit: Option<u64>,
    part: Option<f64>,
}

#[derive(Serialize)]
struct Last {
    from: &'static str,
    to: &'static str,
    cause: &'static str,
    part: f64,
    ago_ms: u128,
}

pub(crate) fn overload(app: &App) -> Response<Out> {
    let view = app.overload.view();
    let now = app.clock.now();
    let next = Level::ALL.into_iter().find(|level| *level > view.level);
    let gauges = view.gauges.map(|(cause, part, gauge)| One {
        cause: cause.as_str(),
        unit: unit(cause),
        used: gauge.used,
        limit: gauge.limit,
        part: gauge.limit.map(|_| part),
    });
    let last = view.last.map(|(at, change)| Last {
        from: change.from.as_str(),
        to: change.to.as_str(),
        cause: change.cause.as_str(),
        part: change.reading,
        ago_ms: now.saturating_duration_since(at).as_millis(),
    });
    render(&Page {
        level: view.level.as_str(),
        next: next.map(|level| Step {
            level: level.as_str(),
            from: level.threshold(),
        }),
        changes: view.changes,
        gauges: gauges.into(),
        last,
        stalled: view.stalled.iter().map(ToString::to_string).collect(),
    })
}

fn unit(cause: Cause) -> &'static str {
    match cause {
        Cause::Bytes | Cause::Memory => "bytes",
        Cause::Files => "files",
        Cause::Lag => "microseconds",
    }
}
