//! `/debug/tasks`: every task and guard that has not ended (R-D11).
//!
//! The oldest first: who looks here looks for what should have ended.

use http::Response;
use kernel::Kind;
use serde::Serialize;
use tidegate_kernel as kernel;

use super::super::app::App;
use super::super::models::render;
use super::super::reply::Out;

#[derive(Serialize)]
struct Page {
    /// Tasks that have not ended.
    tasks: usize,
    /// Requests and connections that are no tasks.
    guards: usize,
    /// Tasks that may live at once.
    limit: usize,
    spawned: u64,
    refused: u64,
    panicked: u64,
    running: Vec<One>,
}

#[derive(Serialize)]
struct One {
    id: u64,
    name: &'static str,
    scope: &'static str,
    kind: &'static str,
    age_ms: u128,
}

pub(crate) fn tasks(app: &App) -> Response<Out> {
    let mut running: Vec<One> = app
        .scope
        .running()
        .into_iter()
        .map(|one| One {
            id: one.id,
            name: one.name,
            scope: one.scope,
            kind: match one.kind {
                Kind::Task => "task",
                Kind::Guard => "guard",
            },
            age_ms: one.age.as_millis(),
        })
        .collect();
    running.sort_by_key(|one| (std::cmp::Reverse(one.age_ms), one.id));
    let census = app.scope.census();
    // Counted in the list itself: a task may end between two looks.
    let of = |kind: &str| running.iter().filter(|one| one.kind == kind).count();
    render(&Page {
        tasks: of("task"),
        guards: of("guard"),
        limit: census.limit,
        spawned: census.spawned,
        refused: census.refused,
        panicked: census.panicked,
        running,
    })
}
