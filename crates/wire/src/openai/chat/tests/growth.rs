//! That nothing grows faster than what came in: counted, not timed.
//!
//! Times of the same are a matter of `cargo bench -p tidegate-wire`.

use serde_json::json;

use super::super::{Asked, Reader, Ways, Writer, read_request, write_request};
use crate::chat::{Decode, Encode, Lacks};

/// What one piece of a stream costs does not depend on those before it: the writer's
/// output for each is as long as the first one's, and the reader keeps no text.
#[test]
fn a_long_call_costs_as_much_at_its_end_as_at_its_beginning() {
    let start = json!({"id": "i", "choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "id": "c", "function": {"name": "f", "arguments": ""}}]}}]});
    let piece = json!({"choices": [{"index": 0, "delta": {"tool_calls": [
        {"index": 0, "function": {"arguments": "x".repeat(20)}}]}}]});
    let (start, piece) = (start.to_string(), piece.to_string());
    let mut reader = Reader::default();
    let mut writer = Writer::new(&Asked::default());
    let mut out = Vec::new();
    let mut read = |frame: &str, out: &mut Vec<u8>| {
        out.clear();
        let told = reader.frame(b"", frame.as_bytes(), &mut |event| {
            writer.event(&event, out)
        });
        told.unwrap();
        (out.len(), format!("{reader:?}").len())
    };
    read(&start, &mut out);
    let first = read(&piece, &mut out);
    for _ in 0..10_000 {
        assert_eq!(read(&piece, &mut out), first);
    }
}

/// A large image is carried once, as it is.
#[test]
fn a_large_image_stays_as_large_as_it_is() {
    let image = "A".repeat(1 << 20);
    let body = json!({"model": "m", "messages": [{"role": "user", "content": [
        {"type": "image_url", "image_url": {"url": format!("data:image/png;base64,{image}")}}]}]});
    let body = body.to_string();
    let request = read_request(body.as_bytes()).unwrap();
    let written = write_request(&request, Ways::OPENAI, &mut Lacks::default());
    assert_eq!(written.len(), body.len());
}
