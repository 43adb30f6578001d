//! Responses of OpenAI: a client.
//!
//! It has no word for texts that end an answer.

use serde_json::{Value, json};
use tidegate_wire::responses::{Asked as Echo, Writer, read_request, write_answer, write_error};

use crate::cases::{Case, schema, tools, turns};
use crate::talk::{Caller, Frame, Told, list, text};

const REQUEST: &str = include_str!("responses_request.json");

fn echo() -> Echo {
    Echo::read(REQUEST.as_bytes(), 7, 1_790_000_000)
}

pub(crate) fn caller() -> Caller {
    Caller {
        name: "responses",
        request: REQUEST,
        leaves_out: &["stop"],
        read: |body| read_request(body).unwrap(),
        write_answer: |answer| write_answer(answer, &echo()),
        writer: || Box::new(Writer::new(echo(), 1 << 20)),
        hear: |body| hear(&serde_json::from_slice(body).unwrap()),
        hear_stream,
        ask,
        write_error: |message| write_error("c", "k", message, None).to_vec(),
        hear_error: |body| {
            let body: Value = serde_json::from_slice(body).unwrap();
            text(&body, "/error/message").to_owned()
        },
        hear_failure: |events| {
            let (name, data) = events.last().unwrap();
            let event: Value = serde_json::from_slice(data).unwrap();
            // Before anything has begun there is no response that could fail.
            let (kind, place) = match events.len() {
                1 => ("error", "/message"),
                _ => ("response.failed", "/response/error/message"),
            };
            assert_eq!(name, kind);
            text(&event, place).to_owned()
        },
    }
}

fn ask(case: &Case, stream: bool) -> Value {
    let role = |kind: &str| match kind {
        "system" => "system",
        "user" | "image" => "user",
        "assistant" => "assistant",
        _ => "item",
    };
    let mut body = json!({"model": "m", "max_output_tokens": 300, "store": false, "input": []});
    let mut items = Vec::new();
    for (role, said) in turns(case, role) {
        let id = |one: &[Value]| format!("call_{}", one[1].as_str().unwrap());
        let parts = said.iter().map(|one| match (role, *one) {
            ("system", one) => one[1].clone(),
            ("assistant", one) => json!({"type": "output_text", "text": one[1]}),
            ("user", [_, kind, data]) => {
                let url = format!(
                    "data:{};base64,{}",
                    kind.as_str().unwrap(),
                    data.as_str().unwrap()
                );
                json!({"type": "input_image", "image_url": url})
            }
            ("user", one) => json!({"type": "input_text", "text": one[1]}),
            (_, one) if one[0] == "call" => json!({"type": "function_call", "call_id": id(one),
                "name": one[1], "arguments": one[2].to_string()}),
            (_, one) => {
                json!({"type": "function_call_output", "call_id": id(one), "output": one[2]})
            }
        });
        let mut parts: Vec<Value> = parts.collect();
        match role {
            "system" => body["instructions"] = parts.remove(0),
            "item" => items.append(&mut parts),
            role => items.push(json!({"type": "message", "role": role, "content": parts})),
        }
    }
    body["input"] = json!(items);
    if case.tools > 0 {
        let tools = tools(case).into_iter().map(|(name, description, parameters)| {
            json!({"type": "function", "name": name, "description": description, "strict": false,
                "parameters": parameters})
        });
        body["tools"] = tools.collect();
    }
    if case.format {
        let format =
            json!({"type": "json_schema", "name": "city", "schema": schema(), "strict": true});
        body["text"] = json!({"format": format});
    }
    if stream {
        body["stream"] = json!(true);
    }
    body
}

fn hear(body: &Value) -> Told {
    assert_eq!(body["object"], "response");
    let stop = match text(body, "/status") {
        "completed" => "end",
        "incomplete" => {
            assert_eq!(body["incomplete_details"]["reason"], "max_output_tokens");
            "length"
        }
        other => panic!("{other}"),
    };
    let mut told = Told {
        tokens: tokens(&body["usage"]),
        stop: stop.to_owned(),
        ..Told::default()
    };
    for item in list(body, "/output") {
        match text(item, "/type") {
            "reasoning" => {
                for part in list(item, "/summary") {
                    told.thinking.push_str(text(part, "/text"));
                }
            }
            "message" => {
                for part in list(item, "/content") {
                    assert_eq!(part["type"], "output_text");
                    told.text.push_str(text(part, "/text"));
                }
            }
            "function_call" => {
                assert!(!text(item, "/call_id").is_empty());
                let arguments = text(item, "/arguments").to_owned();
                told.calls.push((text(item, "/name").to_owned(), arguments));
                // The API has no reason of its own for it.
                told.stop = "calls".to_owned();
            }
            other => panic!("{other}"),
        }
    }
    told
}

fn tokens(usage: &Value) -> Option<(u64, Option<u64>, u64)> {
    let count = |pointer: &str| usage.pointer(pointer).and_then(Value::as_u64);
    let cached = count("/input_tokens_details/cached_tokens");
    let input = count("/input_tokens")?;
    Some((
        input,
        cached.filter(|count| *count > 0),
        count("/output_tokens")?,
    ))
}

fn hear_stream(events: &[Frame]) -> Option<Told> {
    let mut pieces = Told::default();
    let (mut added, mut done, mut whole) = (0, 0, None);
    for (number, (name, data)) in events.iter().enumerate() {
        let event: Value = serde_json::from_slice(data).unwrap();
        assert_eq!(
            (&event["type"], &event["sequence_number"]),
            (&json!(name), &json!(number))
        );
        assert_eq!(
            name == "response.created",
            number == 0,
            "one start, in front"
        );
        assert!(whole.is_none(), "nothing behind the end");
        let delta = text(&event, "/delta");
        match name.strip_prefix("response.").unwrap() {
            "output_item.added" => {
                assert_eq!(event["output_index"], json!(added));
                added += 1;
                if event["item"]["type"] == "function_call" {
                    let name = text(&event, "/item/name").to_owned();
                    pieces.calls.push((name, String::new()));
                }
            }
            "output_text.delta" => pieces.text.push_str(delta),
            "reasoning_summary_text.delta" => pieces.thinking.push_str(delta),
            "function_call_arguments.delta" => {
                let place = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
                let before = added - pieces.calls.len();
                pieces.calls[place - before].1.push_str(delta);
            }
            "output_item.done" => done += 1,
            "completed" | "incomplete" => whole = Some(hear(&event["response"])),
            _ => {}
        }
    }
    let whole = whole?;
    assert_eq!(added, done, "each item is done");
    assert_eq!(whole.thinking, pieces.thinking);
    assert_eq!((&whole.text, &whole.calls), (&pieces.text, &pieces.calls));
    Some(whole)
}
