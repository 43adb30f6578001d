//! Streams of the five upstreams with their framings: read whole and in pieces,
//! and written for each caller.
//!
//! 1. The order of neutral events is legal, whatever an upstream does.
//! 2. A caller's stream ends as whole only if its upstream's was.

use tidegate_types::Code;
use tidegate_wire::chat::{Decode, Encode, Event, Failed};
use tidegate_wire::openai::chat::Asked;
use tidegate_wire::openai::{Alike, Look};
use tidegate_wire::sse::{Framer, Kind};
use tidegate_wire::{anthropic, bedrock, gemini, lines, ollama, openai, responses};

use super::order::Order;
use super::{framings, legal};
use super::{hold_size, is_json, pieces};

/// A name and data.
type Frame = (Vec<u8>, Vec<u8>);

pub(crate) fn openai(data: &[u8]) {
    let mut alike = Alike::default();
    looks(data, |event| {
        let seen = openai::look_event(event);
        assert_eq!(alike.look_event(event), seen);
        openai::call_pieces(&event.data(), |_| {});
        seen
    });
    let frames = framings::events(&[data]);
    assert_eq!(frames, framings::events(&pieces(data)));
    hold(&mut openai::chat::Reader::default(), &frames, data);
}

pub(crate) fn anthropic(data: &[u8]) {
    let mut looker = anthropic::Looker::default();
    looks(data, |event| looker.look_event(event));
    let frames = framings::events(&[data]);
    hold(&mut anthropic::Reader::default(), &frames, data);
}

pub(crate) fn responses(data: &[u8]) {
    let mut looker = responses::Looker::default();
    looks(data, |event| looker.look_event(event));
}

pub(crate) fn gemini(data: &[u8]) {
    let frames = framings::events(&[data]);
    hold(&mut gemini::Reader::default(), &frames, data);
}

/// Messages as lines, each a name and a payload: checksums would keep all that
/// is made up from getting any further.
pub(crate) fn bedrock(data: &[u8]) {
    let lines = data.split(|byte| *byte == b'\n');
    let frames: Vec<Frame> = lines
        .map(|line| match line.iter().position(|byte| *byte == b' ') {
            Some(at) => (line[..at].to_vec(), line[at + 1..].to_vec()),
            None => (line.to_vec(), Vec::new()),
        })
        .collect();
    hold(&mut bedrock::Reader::default(), &frames, data);
}

pub(crate) fn ollama(data: &[u8]) {
    let mut framer = lines::Framer::new(1 << 16);
    let mut frames = Vec::new();
    framer.push(data);
    while let Some(Ok(line)) = framer.next() {
        frames.push((Vec::new(), line.to_vec()));
    }
    if let Some(Ok(line)) = framer.finish() {
        frames.push((Vec::new(), line.to_vec()));
    }
    hold(&mut ollama::Reader::default(), &frames, data);
}

/// Looks at every event.
fn looks(data: &[u8], mut look: impl FnMut(&tidegate_wire::sse::Event<'_>) -> Look) {
    let mut framer = Framer::new(1 << 16);
    framer.push(data);
    while let Some(Ok(event)) = framer.next() {
        if event.kind() == Kind::Data {
            let text = std::str::from_utf8(&event.data()).is_ok();
            assert_eq!(look(&event) == Look::NotUtf8, !text);
        }
    }
}

fn hold(reader: &mut dyn Decode, frames: &[Frame], data: &[u8]) {
    let asked = Asked {
        usage: true,
        ..Asked::default()
    };
    let echo = responses::Asked::read(b"{}", 7, 7);
    let mut writers: [Box<dyn Encode>; 3] = [
        Box::new(openai::chat::Writer::new(&asked)),
        Box::new(anthropic::Writer::new("msg")),
        Box::new(responses::Writer::new(echo, 1 << 12)),
    ];
    let mut outs = [Vec::new(), Vec::new(), Vec::new()];
    let mut order = Order::default();
    let mut told = 0;
    let mut sink = |event: Event<'_>| {
        order.hear(&event);
        told += 1;
        for (writer, out) in writers.iter_mut().zip(&mut outs) {
            writer.event(&event, out);
        }
    };
    let mut whole = true;
    for (name, data) in frames {
        whole &= reader.frame(name, data, &mut sink).is_ok();
        if !whole {
            break;
        }
    }
    whole = whole && reader.finish(&mut sink);
    assert!(!whole || order.ended(), "whole without an end");
    let legal = [legal::openai, legal::anthropic, legal::responses];
    for ((mut writer, mut out), legal) in writers.into_iter().zip(outs).zip(legal) {
        if !order.ended() {
            writer.fail(&Failed::new(Code::StreamTruncated, "Cut."), &mut out);
        }
        hold_stream(&out, Some(order.ended() && writer.broken().is_none()));
        legal(&framings::events(&[&out]));
        // Each event of a caller's has names around it, so few bytes can be many.
        hold_size(out.len().saturating_sub(600 * told), data);
    }
}

/// A caller's stream: every event is JSON, but for the mark of the end; and it
/// looks whole, or does not.
pub(crate) fn hold_stream(stream: &[u8], whole: Option<bool>) {
    let mut ends = 0;
    let frames = framings::events(&[stream]);
    for (number, (name, data)) in frames.iter().enumerate() {
        let done = data == b"[DONE]";
        let end = done
            || matches!(
                name.as_slice(),
                b"message_stop" | b"response.completed" | b"response.incomplete"
            );
        ends += usize::from(end);
        assert!(!end || number + 1 == frames.len(), "behind the end");
        assert!(done || is_json(data), "{}", String::from_utf8_lossy(data));
    }
    if let Some(whole) = whole {
        assert_eq!(ends, usize::from(whole), "ends");
    }
}
