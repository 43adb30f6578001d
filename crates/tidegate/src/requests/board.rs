//! The requests in flight, as the server told them, and their table.
//!
//! Promise: it holds what the last snapshot and the changes since say, and
//! never more than [`MOST`] of them; what is beyond is counted.

use std::time::Duration;

use serde_json::Value;
use tidegate_kernel::Instant;

use crate::columns::{self, Side};
use crate::paint::Paint;

/// More requests than this are not kept; a server has fewer connections.
const MOST: usize = 1 << 16;

/// The requests, in the order of the server.
#[derive(Debug, Default)]
pub(super) struct Board {
    rows: Vec<Row>,
    /// Requests that had no room.
    beyond: usize,
    /// Requests that ended while we looked.
    ended: u64,
}

#[derive(Debug)]
struct Row {
    id: String,
    cells: [String; 6],
    age: Duration,
    stage_age: Duration,
    held: Option<u64>,
    told: Instant,
}

impl Row {
    fn read(json: &Value, told: Instant) -> Option<Self> {
        let text = |name: &str| match &json[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => "-".to_owned(),
        };
        let millis = |name: &str| Duration::from_millis(json[name].as_u64().unwrap_or(0));
        Some(Self {
            id: json["id"].as_str()?.to_owned(),
            cells: [
                "endpoint",
                "model",
                "provider",
                "stage",
                "waits_for",
                "ahead",
            ]
            .map(text),
            age: millis("age_ms"),
            stage_age: millis("stage_ms"),
            held: json["held_bytes"].as_u64(),
            told,
        })
    }
}

impl Board {
    /// Takes all of them anew; says whether that is what it was.
    pub(super) fn snapshot(&mut self, json: &Value, now: Instant) -> bool {
        let Some(all) = json["requests"].as_array() else {
            return false;
        };
        self.rows = all
            .iter()
            .take(MOST)
            .filter_map(|one| Row::read(one, now))
            .collect();
        self.beyond = all.len().saturating_sub(MOST);
        true
    }

    /// Takes one that is new or has changed.
    pub(super) fn request(&mut self, json: &Value, now: Instant) {
        let Some(row) = Row::read(json, now) else {
            return;
        };
        let has_room = self.rows.len() < MOST;
        match self.rows.iter_mut().find(|known| known.id == row.id) {
            Some(known) => *known = row,
            None if has_room => self.rows.push(row),
            None => self.beyond += 1,
        }
    }

    /// Takes one away.
    pub(super) fn ended(&mut self, json: &Value) {
        self.ended += 1;
        let Some(id) = json["id"].as_str() else {
            return;
        };
        let before = self.rows.len();
        self.rows.retain(|row| row.id != id);
        if self.rows.len() == before {
            self.beyond = self.beyond.saturating_sub(1);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many there are, and were.
    pub(super) fn summary(&self) -> String {
        let now = self.rows.len() + self.beyond;
        format!("{now} in flight, {} ended since", self.ended)
    }

    /// The table, the oldest first.
    pub(super) fn lines(&self, now: Instant, width: usize, paint: Paint) -> Vec<String> {
        use Side::{Left, Right};
        // What a narrow terminal cuts off is what is needed least.
        let head = [
            ("ID", Left),
            ("STAGE", Left),
            ("AGE", Right),
            ("IN STAGE", Right),
            ("AHEAD", Right),
            ("HELD", Right),
            ("MODEL", Left),
            ("PROVIDER", Left),
            ("ENDPOINT", Left),
            ("WAITS FOR", Left),
        ];
        let mut rows: Vec<_> = self.rows.iter().collect();
        let since = |row: &Row| now.saturating_duration_since(row.told);
        rows.sort_by_key(|row| std::cmp::Reverse(row.age + since(row)));
        let rows: Vec<_> = rows
            .into_iter()
            .map(|row| {
                let [endpoint, model, provider, stage, waits_for, ahead] = row.cells.clone();
                [
                    row.id.clone(),
                    stage,
                    age(row.age + since(row)),
                    age(row.stage_age + since(row)),
                    ahead,
                    row.held.map_or_else(|| "-".to_owned(), size),
                    model,
                    provider,
                    endpoint,
                    waits_for,
                ]
            })
            .collect();
        columns::lines(head, &rows, width, paint)
    }
}

/// `0.4 s`, `12 s`, `3 min`, `2 h`.
fn age(age: Duration) -> String {
    match age.as_secs() {
        0..10 => format!("{:.1} s", age.as_secs_f64()),
        seconds @ 10..120 => format!("{seconds} s"),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

/// `512 B`, `12 KiB`, `3 MiB`.
fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes >> 10),
        _ => format!("{} MiB", bytes >> 20),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use tidegate_kernel::Clock;

    use super::*;

    fn request(id: &str, stage: &str, age_ms: u64) -> Value {
        json!({ "id": id, "endpoint": "chat", "model": "m-1", "provider": null, "stage": stage,
                "waits_for": "a permit", "ahead": 3, "age_ms": age_ms, "stage_ms": 40, "held_bytes": 2048 })
    }

    fn ids(board: &Board, now: Instant) -> Vec<String> {
        let lines = board.lines(now, 200, Paint::never());
        let word = |line: &String| line.split(' ').next().unwrap().to_owned();
        lines[1..].iter().map(word).collect()
    }

    #[test]
    fn a_snapshot_and_what_changes_after_it() {
        let now = Clock.now();
        let mut board = Board::default();
        assert!(!board.snapshot(&json!({"other": []}), now));
        let all = json!({"requests": [request("a", "queued", 9_000), request("b", "queued", 10)]});
        assert!(board.snapshot(&all, now));
        board.request(&request("b", "streaming", 20), now);
        board.request(&request("c", "queued", 99_000), now);
        assert_eq!(ids(&board, now), ["c", "a", "b"], "the oldest first");
        board.ended(&json!({"id": "a", "outcome": "completed", "total_ms": 1}));
        assert_eq!(ids(&board, now), ["c", "b"]);
        assert_eq!(board.summary(), "2 in flight, 1 ended since");
        assert!(board.snapshot(&json!({"requests": []}), now) && board.is_empty());
    }

    #[test]
    fn ages_go_on_between_two_tellings() {
        let now = Clock.now();
        let mut board = Board::default();
        board.request(&request("a", "queued", 1_000), now);
        let lines = board.lines(now + Duration::from_secs(60), 200, Paint::never());
        let words: Vec<_> = lines[1].split_whitespace().collect();
        let begin = ["a", "queued", "61", "s", "60", "s", "3", "2", "KiB", "m-1"];
        assert!(words.starts_with(&begin), "{words:?}");
    }

    #[test]
    fn numbers_are_short() {
        let shown = [400, 12_900, 200_000, 8_000_000].map(|ms| age(Duration::from_millis(ms)));
        assert_eq!(shown, ["0.4 s", "12 s", "3 min", "2 h"]);
        assert_eq!([100, 5000, 3 << 20].map(size), ["100 B", "4 KiB", "3 MiB"]);
    }
}
