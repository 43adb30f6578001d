//! What every stream of the dialect keeps to, whatever was said in it: the
//! order of its events, and that what is told twice is told the same.

use std::collections::HashMap;

use serde_json::{Value, json};

/// One item, as the events have told it so far.
struct Item {
    id: Value,
    done: bool,
    /// The parts (or summaries, or arguments) that are open, by their index.
    open: HashMap<u64, String>,
}

/// Checks the order of a whole stream, and that its last event says again what
/// the others said. Returns the last response.
pub(super) fn lawful(events: &[Value]) -> Value {
    let kind = |event: &Value| event["type"].as_str().unwrap().to_owned();
    assert_eq!(kind(&events[0]), "response.created");
    assert_eq!(kind(&events[1]), "response.in_progress");
    assert_eq!(events[0]["response"], events[1]["response"]);
    assert_eq!(events[0]["response"]["status"], "in_progress");
    let (last, pieces) = events[2..].split_last().unwrap();
    let mut items: Vec<Item> = Vec::new();
    let mut output: Vec<Value> = Vec::new();
    for event in pieces {
        let index = usize::try_from(event["output_index"].as_u64().unwrap()).unwrap();
        match kind(event).as_str() {
            "response.output_item.added" => {
                assert_eq!(index, items.len(), "items come in order");
                items.push(Item {
                    id: event["item"]["id"].clone(),
                    done: false,
                    open: HashMap::new(),
                });
                output.push(Value::Null);
            }
            "response.output_item.done" => {
                assert_eq!(event["item"]["id"], items[index].id);
                assert!(items[index].open.is_empty(), "a part is open");
                assert!(!std::mem::replace(&mut items[index].done, true));
                output[index] = event["item"].clone();
            }
            kind => piece(kind, event, &mut items[index]),
        }
    }
    end(last, &items, &output)
}

/// Checks an event about one item.
fn piece(kind: &str, event: &Value, item: &mut Item) {
    assert!(!item.done, "a piece of an item that is done");
    assert_eq!(event["item_id"], item.id);
    let place = event["content_index"]
        .as_u64()
        .or(event["summary_index"].as_u64())
        .unwrap_or_default();
    match kind {
        "response.content_part.added" | "response.reasoning_summary_part.added" => {
            assert!(item.open.insert(place, String::new()).is_none());
        }
        "response.content_part.done" | "response.reasoning_summary_part.done" => {
            let part = &event["part"];
            let told = item.open.remove(&place).unwrap();
            if let Some(text) = part.get("text").or(part.get("refusal")) {
                assert_eq!(*text, told);
            }
        }
        "response.output_text.annotation.added" => {
            assert!(item.open.contains_key(&place), "a note of no part");
            assert!(event["annotation"].is_object());
        }
        "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
            let delta = event["delta"].as_str().unwrap();
            item.open.entry(0).or_default().push_str(delta);
        }
        "response.function_call_arguments.done" => {
            let whole = item.open.remove(&0).unwrap_or_default();
            assert_eq!(event["arguments"], whole);
        }
        "response.custom_tool_call_input.done" => {
            let whole = item.open.remove(&0).unwrap_or_default();
            assert_eq!(event["input"], whole);
        }
        kind if kind.ends_with(".delta") => {
            let delta = event["delta"].as_str().unwrap();
            item.open.get_mut(&place).unwrap().push_str(delta);
        }
        kind if kind.ends_with(".done") => {
            let whole = event.get("text").or(event.get("refusal")).unwrap();
            assert_eq!(*whole, item.open[&place]);
        }
        kind => panic!("{kind} is no event of this dialect"),
    }
}

/// Checks the terminal event.
fn end(last: &Value, items: &[Item], output: &[Value]) -> Value {
    let response = last["response"].clone();
    let status = response["status"].as_str().unwrap();
    assert_eq!(last["type"], format!("response.{status}"));
    let told = response["output"].as_array().unwrap();
    assert_eq!(told.len(), items.len());
    for ((told, item), done) in told.iter().zip(items).zip(output) {
        assert_eq!(told["id"], item.id);
        match item.done {
            true => assert_eq!(told, done),
            false => assert_eq!(status, "failed", "an item is not done: {told}"),
        }
    }
    assert_eq!(response["error"] == json!(null), status != "failed");
    response
}
