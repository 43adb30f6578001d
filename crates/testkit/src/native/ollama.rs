//! Chat and embeddings of Ollama: JSON, and lines of it.
//!
//! Calls come whole and without ids, and are no reason of their own.

use serde_json::{Value, json};

use super::Frames;
use super::heard::{self, Heard, Said, Tool, at, count, list, text};
use super::mind::{Answer, Call, Stop, vector, words_of};

/// Fields that it does not know it passes over, as it does itself.
pub(super) fn hear(body: &Value) -> Result<Heard, String> {
    let mut heard = Heard {
        model: text(body, "body", "model")?,
        // Nothing said means a stream here.
        stream: body["stream"] != false,
        parallel: true,
        most: count(body, "/options/num_predict"),
        thinks: !matches!(&body["think"], Value::Null | Value::Bool(false)),
        usage: true,
        ..Heard::default()
    };
    for (place, message) in list(body, "messages").iter().enumerate() {
        hear_message(message, place, &mut heard)?;
    }
    for tool in list(body, "tools") {
        heard.tools.push(Tool {
            name: text(&tool["function"], "tools.function", "name")?,
            schema: tool["function"]["parameters"].clone(),
        });
    }
    heard.form = match &body["format"] {
        Value::String(word) if word == "json" => Some(json!({"type": "object"})),
        schema @ Value::Object(_) => Some(schema.clone()),
        Value::Null => None,
        other => return Err(format!("invalid format: {other}")),
    };
    heard.settle()?;
    Ok(heard)
}

fn hear_message(message: &Value, place: usize, heard: &mut Heard) -> Result<(), String> {
    let at_place = format!("messages[{place}]");
    let role = match at(message, "/role") {
        "system" => "system",
        "user" => "user",
        "assistant" => "assistant",
        "tool" => {
            // It knows no ids: names and the order tell.
            let name = text(message, &at_place, "tool_name")?;
            heard.said.push(Said::Result {
                id: name.clone(),
                name,
                text: at(message, "/content").to_owned(),
            });
            return Ok(());
        }
        other => return Err(format!("{at_place}.role: {other:?}")),
    };
    let thought = at(message, "/thinking");
    if !thought.is_empty() {
        let text = thought.to_owned();
        heard.said.push(Said::Thought { text });
    }
    let content = at(message, "/content");
    if !content.is_empty() {
        let text = content.to_owned();
        heard.said.push(Said::Text { role, text });
    }
    for image in list(message, "images") {
        let data = image.as_str().unwrap_or_default();
        heard.said.push(heard::image("", data)?);
    }
    for call in list(message, "tool_calls") {
        let function = &call["function"];
        if !function["arguments"].is_object() {
            return Err("json: cannot unmarshal string into Go struct field".to_owned());
        }
        let name = text(function, &at_place, "name")?;
        heard.said.push(Said::Call {
            id: name.clone(),
            name,
            arguments: function["arguments"].clone(),
        });
    }
    Ok(())
}

fn calls(calls: &[Call]) -> String {
    let calls: Vec<String> = calls
        .iter()
        .map(|call| {
            let (name, arguments) = (json!(call.name), &call.arguments);
            format!(r#"{{"function":{{"name":{name},"arguments":{arguments}}}}}"#)
        })
        .collect();
    format!("[{}]", calls.join(","))
}

/// What a line adds.
#[derive(Default)]
struct More<'a> {
    thought: &'a str,
    content: &'a str,
    called: &'a [Call],
}

/// A line; the last one has the reason and the counts.
fn line(answer: &Answer, more: &More<'_>, last: bool) -> String {
    let calls = match more.called {
        [] => String::new(),
        called => format!(r#","tool_calls":{}"#, calls(called)),
    };
    let thought = match more.thought {
        "" => String::new(),
        thought => format!(r#","thinking":{}"#, json!(thought)),
    };
    let end = match (last, answer.stop) {
        (false, _) => r#""done":false"#.to_owned(),
        (true, stop) => {
            let reason = match stop {
                Stop::Length => "length",
                // Calls are no reason of their own here.
                Stop::End | Stop::Calls => "stop",
            };
            format!(
                r#""done":true,"done_reason":"{reason}","total_duration":9000,"load_duration":1000,"prompt_eval_count":{},"prompt_eval_duration":2000,"eval_count":{},"eval_duration":6000"#,
                answer.input, answer.output
            )
        }
    };
    format!(
        r#"{{"model":{},"created_at":"2026-09-21T14:13:20.123456789Z","message":{{"role":"assistant","content":{}{thought}{calls}}},{end}}}"#,
        json!(answer.model),
        json!(more.content)
    )
}

pub(super) fn whole(answer: &Answer) -> String {
    let all = More {
        thought: answer.thought.unwrap_or_default(),
        content: &answer.text,
        called: &answer.calls,
    };
    line(answer, &all, true)
}

pub(super) fn frames(answer: &Answer) -> Frames {
    let written = |more: More<'_>, last| format!("{}\n", line(answer, &more, last)).into_bytes();
    let mut begun = Vec::new();
    for thought in answer
        .thought
        .into_iter()
        .flat_map(|text| text.split_inclusive(' '))
    {
        let more = More {
            thought,
            ..More::default()
        };
        begun.push(written(more, false));
    }
    for content in answer
        .pieces()
        .into_iter()
        .filter(|piece| !piece.is_empty())
    {
        let more = More {
            content,
            ..More::default()
        };
        begun.push(written(more, false));
    }
    if !answer.calls.is_empty() {
        let called = &answer.calls;
        let more = More {
            called,
            ..More::default()
        };
        begun.push(written(more, false));
    }
    let end = vec![written(More::default(), true)];
    Frames { begun, end }
}

pub(super) fn embeddings(body: &Value) -> Result<String, String> {
    let model = text(body, "body", "model")?;
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => return Err("invalid input type".to_owned()),
    };
    let dimensions = count(body, "/dimensions");
    let vectors: Vec<_> = texts.iter().map(|text| vector(text, dimensions)).collect();
    let words: usize = texts.iter().map(|text| words_of(text)).sum();
    let body = json!({"model": model, "embeddings": vectors, "total_duration": 9000,
        "load_duration": 1000, "prompt_eval_count": words});
    Ok(body.to_string())
}
