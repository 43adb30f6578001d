//! What a translation from and to Anthropic's dialect costs, and how it grows:
//! `cargo bench -p tidegate-wire --bench anthropic`.
//!
//! Each is measured at a size and at twice the size.

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate_wire::anthropic::{Reader, Ways, Writer, read_request, write_request};
use tidegate_wire::chat::{Decode, Encode, Lacks};

fn main() {
    divan::main();
}

/// A request with a picture of so many bytes in base64.
fn request(size: usize) -> Vec<u8> {
    let data = "iVBORw0KGgoAAAAN".repeat(size / 16);
    format!(
        "{{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{{\"role\":\"user\",\"content\":[\
         {{\"type\":\"image\",\"source\":{{\"type\":\"base64\",\"media_type\":\"image/png\",\
         \"data\":\"{data}\"}}}}]}}]}}"
    )
    .into_bytes()
}

#[divan::bench(args = [1 << 19, 1 << 20])]
fn image_read_and_written(bencher: Bencher<'_, '_>, size: usize) {
    let body = request(size);
    bencher.counter(BytesCount::of_slice(&body)).bench(|| {
        let read = read_request(black_box(&body)).ok();
        read.map(|request| write_request(&request, &Ways::default(), &mut Lacks::default()))
    });
}

/// The data of a stream whose one call has so many bytes of arguments.
fn frames(size: usize) -> Vec<String> {
    let delta = |json: &str| {
        format!(
            "{{\"type\":\"content_block_delta\",\"index\":0,\"delta\":\
             {{\"type\":\"input_json_delta\",\"partial_json\":\"{json}\"}}}}"
        )
    };
    let mut frames = vec![
        "{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\"}}".to_owned(),
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":\
         {\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}}"
            .to_owned(),
        delta("{\\\"text\\\":\\\""),
    ];
    frames.extend((0..size / 20).map(|_| delta("twenty bytes, no mor")));
    frames.push(delta("\\\"}"));
    frames.push("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"}}".to_owned());
    frames.push("{\"type\":\"message_stop\"}".to_owned());
    frames
}

#[divan::bench(args = [100_000, 200_000])]
fn call_streamed_through(bencher: Bencher<'_, '_>, size: usize) {
    let frames = frames(size);
    bencher.counter(BytesCount::new(size)).bench(|| {
        let mut reader = Reader::default();
        let mut writer = Writer::new("id");
        let mut out = Vec::new();
        for frame in &frames {
            out.clear();
            let sink = &mut |event: tidegate_wire::chat::Event<'_>| writer.event(&event, &mut out);
            if reader.frame(b"", frame.as_bytes(), sink).is_err() {
                return false;
            }
        }
        reader.finish(&mut |_| {})
    });
}
