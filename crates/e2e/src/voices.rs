//! The three callers over raw sockets: what each asks, and what it is told as
//! short lines, the same for all where they are told the same.
//!
//! A line: `200 events` or `502 json`, then `begin`, `text ...`, `stop ...`,
//! `end`, or `error ...` in the words of the caller's own dialect, and `cut`.

use serde_json::Value;
use tidegate_testkit::Reply;
use tidegate_testkit::client::{Ended, Event};
use tidegate_types::Code;

/// A caller, by the dialect that it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Chat Completions of OpenAI.
    Chat,
    /// Responses of OpenAI.
    Responses,
    /// Messages of Anthropic.
    Messages,
}

impl Caller {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Responses, Self::Messages];

    /// Where it asks.
    pub fn path(self) -> &'static str {
        match self {
            Self::Chat => "/v1/chat/completions",
            Self::Responses => "/v1/responses",
            Self::Messages => "/v1/messages",
        }
    }

    /// What it sends beside its body.
    pub fn headers(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Chat | Self::Responses => &[],
            Self::Messages => &[("anthropic-version", "2023-06-01"), ("x-api-key", "any")],
        }
    }

    /// A short question to this model.
    pub fn asks(self, model: &str, stream: bool) -> String {
        let said = r#"[{"role":"user","content":"hello there"}]"#;
        match self {
            Self::Chat => format!(r#"{{"model":"{model}","messages":{said},"stream":{stream}}}"#),
            Self::Responses => {
                format!(r#"{{"model":"{model}","input":{said},"store":false,"stream":{stream}}}"#)
            }
            Self::Messages => format!(
                r#"{{"model":"{model}","max_tokens":99,"messages":{said},"stream":{stream}}}"#
            ),
        }
    }

    /// What it was told, line by line.
    pub fn transcript(self, reply: &Reply) -> Vec<String> {
        let kind = reply.header("content-type").unwrap_or_default();
        let status = reply.status();
        let mut lines = Vec::new();
        if kind.starts_with("text/event-stream") {
            lines.push(format!("{status} events"));
            match reply.ended() {
                Ended::Whole => {
                    let events = reply.events();
                    lines.extend(events.iter().flat_map(|event| self.event_lines(event)));
                }
                Ended::Cut(_) => lines.push(reply.text()),
            }
        } else if kind.starts_with("application/json") {
            lines.push(format!("{status} json"));
            lines.extend(self.lines(&reply.json()));
        } else {
            lines.push(format!("{status} {kind}: {}", reply.text()));
        }
        if matches!(reply.ended(), Ended::Cut(_)) {
            lines.push("cut".to_owned());
        }
        lines
    }

    /// A whole answer.
    fn lines(self, json: &Value) -> Vec<String> {
        if let Some(error) = self.error(json) {
            return vec![error];
        }
        let text = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        let (said, stop) = match self {
            Self::Chat => ("/choices/0/message/content", "/choices/0/finish_reason"),
            Self::Responses => ("/output/0/content/0/text", "/status"),
            Self::Messages => ("/content/0/text", "/stop_reason"),
        };
        [("text", said), ("stop", stop)]
            .iter()
            .filter_map(|(word, pointer)| Some(format!("{word} {}", text(pointer)?)))
            .collect()
    }

    /// What an event says; nothing where it only frames others.
    pub(crate) fn event_lines(self, event: &Event) -> Vec<String> {
        if event.is_done() {
            return vec!["end".to_owned()];
        }
        let Some(json) = event.json() else {
            return vec![format!("odd {:?}", event.raw())];
        };
        if let Some(error) = self.error(&json) {
            return vec![error];
        }
        let at = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        let said = |text: &str| format!("text {}", text.trim_end());
        let stop = |reason: &str| format!("stop {reason}");
        let begin = || "begin".to_owned();
        let end = || "end".to_owned();
        let line = match self {
            Self::Chat => {
                let content = at("/choices/0/delta/content").filter(|text| !text.is_empty());
                let begun = at("/choices/0/delta/role").map(|_| begin());
                let stopped = at("/choices/0/finish_reason").map(stop);
                let all = begun.into_iter().chain(content.map(said));
                return all.chain(stopped).collect();
            }
            Self::Responses => {
                let kind = at("/type").and_then(|kind| kind.strip_prefix("response."));
                match kind.unwrap_or_default() {
                    "created" => Some(begin()),
                    "output_text.delta" => at("/delta").map(said),
                    "completed" | "incomplete" => Some(end()),
                    _ => None,
                }
            }
            Self::Messages => match at("/type").unwrap_or_default() {
                "message_start" => Some(begin()),
                "content_block_delta" => at("/delta/text").map(said),
                "message_delta" => at("/delta/stop_reason").map(stop),
                "message_stop" => Some(end()),
                _ => None,
            },
        };
        line.into_iter().collect()
    }

    /// An error, in a body or an event.
    fn error(self, json: &Value) -> Option<String> {
        let at = |pointer: &str| json.pointer(pointer).and_then(Value::as_str);
        match self {
            Self::Chat => {
                let error = json.get("error").filter(|error| error.is_object())?;
                Some(format!(
                    "error {}",
                    error["code"].as_str().unwrap_or("none")
                ))
            }
            Self::Responses => {
                let failed = at("/type") == Some("response.failed");
                let code = match failed {
                    true => at("/response/error/code"),
                    false => at("/error/code").filter(|_| json["error"].is_object()),
                };
                (failed || json["error"].is_object())
                    .then(|| format!("error {}", code.unwrap_or("none")))
            }
            Self::Messages => (at("/type") == Some("error")).then(|| {
                let kind = at("/error/type").unwrap_or("none");
                format!("error {kind}")
            }),
        }
    }

    /// What it is told of a failure before its answer began.
    pub fn refused(self, code: Code) -> Vec<String> {
        vec![format!("{} json", self.status(code)), self.failed(code)]
    }

    /// The status of a failure.
    pub fn status(self, code: Code) -> u16 {
        match (self, code) {
            // Anthropic has a status of its own for what has no room.
            (Self::Messages, Code::UpstreamOverloaded | Code::UpstreamUnavailable) => 529,
            _ => code.status(),
        }
    }

    /// The line of a failure.
    pub fn failed(self, code: Code) -> String {
        let word = match (self, self.status(code)) {
            (Self::Chat | Self::Responses, _) => code.as_str(),
            (Self::Messages, 429) => "rate_limit_error",
            (Self::Messages, 529) => "overloaded_error",
            (Self::Messages, 504) => "timeout_error",
            (Self::Messages, 400..=499) => "invalid_request_error",
            (Self::Messages, _) => "api_error",
        };
        format!("error {word}")
    }

    /// What it is told of a stream that says "a b" to its end.
    pub fn whole(self) -> Vec<String> {
        let stop = match self {
            Self::Chat => Some("stop stop"),
            Self::Responses => None,
            Self::Messages => Some("stop end_turn"),
        };
        let lines = ["200 events", "begin", "text a", "text b"].into_iter();
        let lines = lines.chain(stop).chain(["end"]);
        lines.map(str::to_owned).collect()
    }

    /// The same of one that broke behind them.
    pub fn broken(self, code: Code) -> Vec<String> {
        let begun = ["200 events", "begin", "text a", "text b"];
        let mut lines: Vec<String> = begun.iter().map(|line| (*line).to_owned()).collect();
        lines.push(self.failed(code));
        lines
    }
}
