//! The order of events in a caller's stream, as the clients of each dialect rely on
//! it. That every event is JSON, and where the end is, is seen elsewhere.

use std::collections::BTreeMap;

use serde_json::Value;

/// Names and data, as a client gets them.
type Frames = [(Vec<u8>, Vec<u8>)];

fn values(frames: &Frames) -> Vec<Value> {
    let read = |(_, data): &(Vec<u8>, Vec<u8>)| serde_json::from_slice(data).unwrap_or_default();
    frames.iter().map(read).collect()
}

/// Calls of a choice count from 0, and nothing of it comes behind its reason.
pub(crate) fn openai(frames: &Frames) {
    let mut choices: BTreeMap<u64, (u64, bool)> = BTreeMap::new();
    let events = values(frames);
    for (number, event) in events.iter().enumerate() {
        let last = number + 1 == events.len();
        assert!(event["error"].is_null() || last, "behind the error");
        for choice in list(&event["choices"]) {
            let index = choice["index"].as_u64().unwrap_or(u64::MAX);
            let (calls, stopped) = choices.entry(index).or_default();
            assert!(!*stopped, "behind the reason: {choice}");
            *stopped = !choice["finish_reason"].is_null();
            for call in list(&choice["delta"]["tool_calls"]) {
                let index = call["index"].as_u64().unwrap_or(u64::MAX);
                let begins = call["id"].is_string();
                assert_eq!(index < *calls, !begins, "a call begins once: {call}");
                assert!(index <= *calls, "calls count from 0: {call}");
                *calls += u64::from(begins);
            }
        }
    }
}

/// One start, blocks that count from 0 and never overlap, one stop.
pub(crate) fn anthropic(frames: &Frames) {
    let (mut begun, mut open, mut blocks, mut stopped) = (false, false, 0, false);
    let events = values(frames);
    for (number, event) in events.iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        let index = event["index"].as_u64();
        match kind {
            "message_start" => assert!(!std::mem::replace(&mut begun, true), "a second start"),
            "error" => assert_eq!(number + 1, events.len(), "behind the error"),
            "ping" => {}
            _ => assert!(begun && !stopped, "{kind} out of place"),
        }
        match kind {
            "content_block_start" => {
                assert!(!open && index == Some(blocks), "a block out of place");
                (open, blocks) = (true, blocks + 1);
            }
            "content_block_delta" => assert!(open && index == blocks.checked_sub(1)),
            "content_block_stop" => {
                assert!(open && index == blocks.checked_sub(1));
                open = false;
            }
            "message_delta" => assert!(!open, "a block is open at the end"),
            "message_stop" => stopped = true,
            _ => {}
        }
    }
}

/// Events count from 0, items too, and each is done once at the most.
pub(crate) fn responses(frames: &Frames) {
    let mut items: Vec<bool> = Vec::new();
    for (number, event) in values(frames).iter().enumerate() {
        let kind = event["type"].as_str().unwrap_or_default();
        assert_eq!(event["sequence_number"].as_u64(), Some(number as u64));
        assert_eq!(
            kind == "response.created" || kind == "error",
            number == 0,
            "{kind} out of place"
        );
        let place = event["output_index"].as_u64();
        let place = place.map(|place| usize::try_from(place).unwrap_or(usize::MAX));
        match (kind, place) {
            ("response.output_item.added", Some(place)) => {
                assert_eq!(place, items.len(), "items count from 0");
                items.push(false);
            }
            (kind, Some(place)) => {
                let done = items.get_mut(place);
                assert!(
                    done.as_ref().is_some_and(|done| !**done),
                    "{kind} of no item"
                );
                if let ("response.output_item.done", Some(done)) = (kind, done) {
                    *done = true;
                }
            }
            (_, None) => {}
        }
    }
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}
