//! A strict reader of the dialect's streams, for what we write: it fails where
//! the order is not legal.

use serde_json::{Value, json};

use crate::sse::{Framer, Tail};

/// A stream as an SDK gathers it.
#[derive(Debug)]
pub(super) struct Legal {
    /// The message; the arguments of a call are text in its `input`.
    pub(super) message: Value,
    /// An `error` event came, and nothing behind it.
    pub(super) error: Option<Value>,
}

/// Reads `stream` and judges its order.
pub(super) fn legal(stream: &[u8]) -> Legal {
    let mut framer = Framer::new(1 << 24);
    framer.push(stream);
    let mut legal = Legal {
        message: Value::Null,
        error: None,
    };
    let (mut open, mut stopped, mut ended) = (None, false, false);
    while let Some(event) = framer.next() {
        let event = event.expect("an event");
        let data: Value = serde_json::from_slice(&event.data()).expect("JSON");
        let kind = data["type"].as_str().expect("a type").to_owned();
        assert_eq!(event.name(), kind.as_bytes());
        assert!(!ended && legal.error.is_none(), "{kind} behind the end");
        if kind == "error" {
            legal.error = Some(data["error"].clone());
            continue;
        }
        assert_eq!(kind == "message_start", legal.message.is_null(), "{kind}");
        let index = data["index"].as_u64();
        let content = &mut legal.message["content"];
        match kind.as_str() {
            "message_start" => legal.message = data["message"].clone(),
            "ping" => {}
            "content_block_start" => {
                assert!(open.is_none() && !stopped, "a block within another");
                let blocks = content.as_array_mut().expect("blocks");
                assert_eq!(index, Some(blocks.len() as u64));
                let mut block = data["content_block"].clone();
                if calls(&block) {
                    assert_eq!(block["input"], json!({}));
                    block["input"] = json!("");
                }
                blocks.push(block);
                open = index;
            }
            "content_block_delta" => {
                assert!(open.is_some() && open == index, "a delta of no open block");
                grow(
                    &mut content[index.expect("an index") as usize],
                    &data["delta"],
                );
            }
            "content_block_stop" => {
                assert!(open.is_some() && open == index, "a stop of no open block");
                open = None;
            }
            "message_delta" => {
                assert!(open.is_none() && !stopped);
                stopped = true;
                legal.message["stop_reason"] = data["delta"]["stop_reason"].clone();
                legal.message["stop_sequence"] = data["delta"]["stop_sequence"].clone();
                legal.message["usage"] = data["usage"].clone();
            }
            "message_stop" => {
                assert!(stopped);
                ended = true;
            }
            other => panic!("{other} is not known"),
        }
    }
    assert_eq!(framer.finish(), Tail::Clean);
    assert!(ended || legal.error.is_some(), "no end");
    legal
}

/// Whether it is called with something, by the model or by the provider itself.
fn calls(block: &Value) -> bool {
    let kind = block["type"].as_str().expect("a type");
    kind.ends_with("tool_use")
}

/// Adds a delta to its block.
fn grow(block: &mut Value, delta: &Value) {
    if delta["type"] == "citations_delta" {
        assert_eq!(block["type"], "text");
        let told = block["citations"].as_array_mut().expect("citations");
        return told.push(delta["citation"].clone());
    }
    let (kind, from, to) = match delta["type"].as_str().expect("a type") {
        "text_delta" => ("text", "text", "text"),
        "thinking_delta" => ("thinking", "thinking", "thinking"),
        "signature_delta" => ("thinking", "signature", "signature"),
        "input_json_delta" if calls(block) => {
            let kind = block["type"].as_str().expect("a type").to_owned();
            return join(block, &kind, ("partial_json", "input"), delta);
        }
        other => panic!("{other} is not known"),
    };
    join(block, kind, (from, to), delta);
}

fn join(block: &mut Value, kind: &str, (from, to): (&str, &str), delta: &Value) {
    assert_eq!(block["type"], kind);
    let joined = [&block[to], &delta[from]].map(|text| text.as_str().expect("text"));
    block[to] = joined.concat().into();
}
