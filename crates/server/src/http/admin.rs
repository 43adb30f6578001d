//! `/admin/v1/config`: which configuration holds, since when, and what became of
//! the last reload, its problems as `tidegate check --json` tells them.

use http::Response;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::app::App;
use super::models::render;
use super::reply::Out;

#[derive(Serialize)]
struct Page {
    file: Option<String>,
    generation: u64,
    loaded_at: Option<String>,
    last_reload: Option<Last>,
    needs_restart: Vec<&'static str>,
}

#[derive(Serialize)]
struct Last {
    at: Option<String>,
    ok: bool,
    problems: Value,
}

pub(crate) fn config(app: &App) -> Response<Out> {
    let view = app.record.view();
    render(&Page {
        file: view.file,
        generation: view.generation,
        loaded_at: time(view.loaded_at),
        last_reload: view.last.map(|last| Last {
            at: time(last.at),
            ok: last.ok,
            problems: last.problems.to_json(),
        }),
        needs_restart: view.needs_restart,
    })
}

/// As RFC 3339 has it, in UTC, always with milliseconds: texts that sort as times do.
fn time(millis: u64) -> Option<String> {
    let millis = i64::try_from(millis).ok()?;
    let time = Timestamp::from_millisecond(millis).ok()?;
    Some(format!("{time:.3}"))
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn times_have_as_many_digits_as_each_other() {
        for (millis, text) in [
            (1_700_000_000_380, "2023-11-14T22:13:20.380Z"),
            (1_700_000_000_000, "2023-11-14T22:13:20.000Z"),
        ] {
            assert_eq!(time(millis).as_deref(), Some(text));
        }
    }
}
