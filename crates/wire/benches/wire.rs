//! What the hot path costs: `cargo bench -p tidegate-wire`.
//!
//! Each of ours stands beside serde_json on the same bytes. `IgnoredAny` is
//! the least that a JSON check can do, `Value` is what a tree costs.

use divan::{Bencher, black_box, counter::BytesCount};
use serde_json::{Value, from_slice};
use tidegate_wire::json::{Limits, check};
use tidegate_wire::openai::{Edits, Endpoint, Look, look_event, scan};
use tidegate_wire::sse::{DONE, Framer};

fn main() {
    divan::main();
}

/// One event of about 200 bytes, as OpenAI sends them.
fn event(content: &str, finish: &str) -> String {
    format!(
        "data: {{\"id\":\"chatcmpl-AbCdEfGhIjKlMnOpQrStUvWx\",\"object\":\"chat.completion.chunk\",\
         \"created\":1790000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{{\"index\":0,\
         \"delta\":{{\"content\":\"{content}\"}},\"finish_reason\":{finish}}}]}}\n\n"
    )
}

/// Twenty chunks and the end mark.
fn stream() -> Vec<Vec<u8>> {
    let mut events: Vec<_> = (0..19)
        .map(|n| event(&format!(" word{n}"), "null"))
        .collect();
    events.push(event("", "\"stop\""));
    let mut events: Vec<_> = events.into_iter().map(String::into_bytes).collect();
    events.push(DONE.to_vec());
    events
}

fn body(prompt: &str) -> Vec<u8> {
    format!(
        "{{\"model\":\"gpt-4o-mini\",\"messages\":[{{\"role\":\"system\",\"content\":\"You are a \
         helpful assistant.\"}},{{\"role\":\"user\",\"content\":\"{prompt}\"}}],\
         \"temperature\":0.7,\"max_tokens\":256,\"stream\":true,\"user\":\"u-1\"}}"
    )
    .into_bytes()
}

fn small() -> Vec<u8> {
    body(
        "What is the capital of France, and how many people live there? Answer in one sentence, please, and tell your source.",
    )
}

/// 100 KB of text as it comes: lines, quotes, a few letters beyond ASCII.
fn large() -> Vec<u8> {
    let line = r#"The quick brown fox said \"jump\" over the lazy dog, und die Würze ist süß.\n"#;
    body(&line.repeat(100_000 / line.len()))
}

/// Each event arrives alone and leaves alone, as in a paced stream.
#[divan::bench]
fn stream_of_20_paced(bencher: Bencher<'_, '_>) {
    let events = stream();
    bencher.bench(|| {
        let mut framer = Framer::new(1 << 20);
        let mut seen = 0;
        for event in &events {
            framer.push(event);
            seen += take(&mut framer);
            black_box(framer.drain());
        }
        seen
    });
}

/// All events arrive at once and leave as one piece.
#[divan::bench]
fn stream_of_20_burst(bencher: Bencher<'_, '_>) {
    let all = stream().concat();
    bencher.counter(BytesCount::of_slice(&all)).bench(|| {
        let mut framer = Framer::new(1 << 20);
        framer.push(&all);
        let seen = take(&mut framer);
        (seen, framer.drain())
    });
}

/// The same without looking inside the events.
#[divan::bench]
fn stream_of_20_framer_only(bencher: Bencher<'_, '_>) {
    let all = stream().concat();
    bencher.counter(BytesCount::of_slice(&all)).bench(|| {
        let mut framer = Framer::new(1 << 20);
        framer.push(&all);
        while let Some(Ok(event)) = framer.next() {
            black_box(event.kind());
            framer.forward();
        }
        framer.drain()
    });
}

fn take(framer: &mut Framer) -> usize {
    let mut seen = 0;
    while let Some(Ok(event)) = framer.next() {
        seen += match look_event(&event) {
            Look::Chunk(chunk) => chunk.text_bytes as usize,
            _ => 1,
        };
        framer.forward();
    }
    seen
}

#[divan::bench(args = ["300B", "100KB"])]
fn request_scan(bencher: Bencher<'_, '_>, size: &str) {
    let body = sized(size);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        scan(Endpoint::Chat, black_box(&body), &Limits::default()).map(|peek| peek.stream)
    });
}

#[divan::bench(args = ["300B", "100KB"])]
fn request_scan_and_splice(bencher: Bencher<'_, '_>, size: &str) {
    let body = bytes::Bytes::from(sized(size));
    let edits = Edits {
        model: Some("gpt-4o-mini-2024-07-18"),
        ask_usage: true,
    };
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        scan(Endpoint::Chat, &body, &Limits::default()).map(|peek| peek.splice(&body, edits))
    });
}

#[divan::bench(args = ["300B", "100KB"])]
fn json_check(bencher: Bencher<'_, '_>, size: &str) {
    let body = sized(size);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| check(black_box(&body), &Limits::default()));
}

#[divan::bench(args = ["300B", "100KB"])]
fn serde_ignored(bencher: Bencher<'_, '_>, size: &str) {
    let body = sized(size);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| from_slice::<serde::de::IgnoredAny>(black_box(&body)).is_ok());
}

#[divan::bench(args = ["300B", "100KB"])]
fn serde_value(bencher: Bencher<'_, '_>, size: &str) {
    let body = sized(size);
    bencher
        .counter(BytesCount::of_slice(&body))
        .bench(|| from_slice::<Value>(black_box(&body)).is_ok());
}

fn sized(size: &str) -> Vec<u8> {
    if size == "300B" { small() } else { large() }
}
