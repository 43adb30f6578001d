//! What the Responses dialect costs, and that it grows as its input does:
//! `cargo bench -p tidegate-wire --bench responses`.
//!
//! Each size stands beside its double; more than twice the time would be more
//! than linear.

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate_wire::chat::{Encode, Event, Stop};
use tidegate_wire::responses::{Asked, Writer, read_request};

fn main() {
    divan::main();
}

/// A request with one picture of so many bytes in base64.
#[divan::bench(args = [1 << 20, 2 << 20])]
fn picture(bencher: Bencher<'_, '_>, bytes: usize) {
    let data = "iVBORw0KGgoAAAAN".repeat(bytes / 16);
    let body = format!(
        "{{\"model\":\"gpt-5\",\"input\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"input_text\",\
         \"text\":\"What is this?\"}},{{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,\
         {data}\"}}]}}]}}"
    );
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| read_request(black_box(body.as_bytes())));
}

/// A conversation of so many calls with their results.
#[divan::bench(args = [2_000, 4_000])]
fn conversation(bencher: Bencher<'_, '_>, calls: usize) {
    let items: Vec<_> = (0..calls)
        .map(|call| {
            format!(
                "{{\"type\":\"function_call\",\"call_id\":\"call_{call}\",\"name\":\"look\",\
                 \"arguments\":\"{{\\\"place\\\":{call}}}\"}},{{\"type\":\"function_call_output\",\
                 \"call_id\":\"call_{call}\",\"output\":\"found\"}}"
            )
        })
        .collect();
    let body = format!("{{\"model\":\"gpt-5\",\"input\":[{}]}}", items.join(","));
    bencher
        .counter(BytesCount::new(body.len()))
        .bench(|| read_request(black_box(body.as_bytes())));
}

/// A stream of calls whose arguments have so many bytes, 20 a piece; four calls.
#[divan::bench(args = [200_000, 400_000])]
fn calls(bencher: Bencher<'_, '_>, bytes: usize) {
    let asked = Asked::read(b"{\"model\":\"m\",\"input\":\"Hi\"}", 7, 1_790_000_000);
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut writer = Writer::new(asked.clone(), 1 << 24);
        let mut whole = 0;
        let mut out = Vec::new();
        let mut tell = |event: Event<'_>| {
            writer.event(&event, &mut out);
            whole += out.len();
            out.clear();
        };
        let choice = 0;
        tell(Event::Start {
            id: "c",
            model: "m",
            created: None,
            tokens: None,
        });
        for call in 0..4 {
            tell(Event::Call {
                choice,
                call,
                id: "call_1",
                name: "write",
            });
            for piece in 0..bytes / 80 {
                let text = match piece {
                    0 => "{\"lines\":[\"first one",
                    _ if piece + 1 == bytes / 80 => "\",\"the last of all\"]}",
                    _ => "\",\"another \\u00fc line",
                };
                tell(Event::Arguments { choice, call, text });
            }
        }
        tell(Event::Stop {
            choice,
            stop: Stop::Calls,
        });
        tell(Event::End);
        whole
    });
}
