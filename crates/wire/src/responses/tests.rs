//! Requests, answers and streams of the Responses dialect.
//!
//! Every promise of the folder under its number; longer examples are the files
//! beside this one.

use serde_json::Value;
use tidegate_types::Code;

use super::*;
use crate::chat::{Encode, Event, Failed};
use crate::sse::{Framer, Kind};

mod answers;
mod lawful;
mod look;
mod peek;
mod refusals;
mod requests;
mod strangers;
mod streams;
mod whole;

/// The seed and the time of all examples.
const SEED: u64 = 7;
const NOW: u64 = 1_790_000_000;

/// A failure of the upstream's, in its own words.
const BROKEN: Failed<'_> = Failed {
    code: Code::UpstreamError,
    shown: "model_crashed",
    kind: "upstream_error",
    message: "Broken.",
    param: None,
};

/// What a request without settings asks for.
fn asked() -> Asked {
    Asked::read(br#"{"model":"m","input":"Hi"}"#, SEED, NOW)
}

fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// The events of a stream: each one's name is its type, and they are numbered
/// from 0.
fn events(stream: &[u8]) -> Vec<Value> {
    let mut framer = Framer::new(1 << 24);
    framer.push(stream);
    let mut events = Vec::new();
    while let Some(event) = framer.next() {
        let event = event.unwrap();
        if event.kind() == Kind::Comment {
            continue;
        }
        let data = json(&event.data());
        assert_eq!(event.name(), data["type"].as_str().unwrap().as_bytes());
        assert_eq!(data["sequence_number"], events.len());
        events.push(data);
    }
    events
}

fn write(writer: &mut Writer, all: &[Event<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    for event in all {
        writer.event(event, &mut out);
    }
    out
}
