//! Whole answers of the five upstreams: looked at, read, written for each caller,
//! and told as a stream.

use tidegate_wire::chat::{Answer, Encode, Event, Malformed, replay};
use tidegate_wire::openai::chat::Asked;
use tidegate_wire::{anthropic, bedrock, gemini, ollama, openai, responses};

use super::order::Order;
use super::streams::hold_stream;
use super::{framings, hold_json, legal};

type Read = fn(&[u8]) -> Result<Answer, Malformed>;

pub(crate) fn openai(data: &[u8]) {
    use tidegate_wire::openai::Endpoint;

    openai::look_answer(data);
    openai::look_usage(data);
    for endpoint in [Endpoint::Chat, Endpoint::Completions] {
        if let Some(stream) = openai::to_stream(endpoint, data, true) {
            hold_stream(&stream, Some(true));
        }
    }
    hold(openai::chat::read_answer, data);
}

pub(crate) fn anthropic(data: &[u8]) {
    anthropic::look_answer(data);
    drop(anthropic::read_count(data));
    if let Some(stream) = anthropic::to_stream(data) {
        hold_stream(&stream, Some(true));
        if is_strict(data) {
            legal::anthropic(&framings::events(&[&stream]));
        }
    }
    hold(anthropic::read_answer, data);
}

pub(crate) fn responses(data: &[u8]) {
    responses::look_answer(data);
    if let Some(stream) = responses::to_stream(data) {
        hold_stream(&stream, Some(true));
        if is_strict(data) {
            legal::responses(&framings::events(&[&stream]));
        }
    }
}

/// Whether a reader takes it who takes no half of a surrogate pair: what an upstream
/// sends of that passes as it came, and its events are read by nobody here.
fn is_strict(data: &[u8]) -> bool {
    serde_json::from_slice::<serde_json::Value>(data).is_ok()
}

pub(crate) fn gemini(data: &[u8]) {
    hold(gemini::read_answer, data);
}

pub(crate) fn bedrock(data: &[u8]) {
    hold(bedrock::read_answer, data);
}

pub(crate) fn ollama(data: &[u8]) {
    hold(ollama::read_answer, data);
}

fn hold(read: Read, data: &[u8]) {
    let Ok(answer) = read(data) else {
        return;
    };
    let asked = Asked {
        usage: true,
        ..Asked::default()
    };
    let echo = responses::Asked::read(b"{}", 7, 7);
    for body in [
        openai::chat::write_answer(&answer, &asked),
        anthropic::write_answer(&answer, "msg"),
        responses::write_answer(&answer, &echo),
    ] {
        hold_json(&body, data);
    }
    let writers: [Box<dyn Encode>; 3] = [
        Box::new(openai::chat::Writer::new(&asked)),
        Box::new(anthropic::Writer::new("msg")),
        Box::new(responses::Writer::new(echo, 1 << 20)),
    ];
    let legal = [legal::openai, legal::anthropic, legal::responses];
    for (mut writer, legal) in writers.into_iter().zip(legal) {
        let (mut order, mut out) = (Order::default(), Vec::new());
        let told = replay(&answer, &mut |event: Event<'_>| {
            order.hear(&event);
            writer.event(&event, &mut out);
        });
        assert_eq!(told.is_ok(), order.ended());
        assert!(told.is_ok() || out.is_empty());
        if told.is_ok() {
            hold_stream(&out, Some(writer.broken().is_none()));
            legal(&framings::events(&[&out]));
        }
    }
}
