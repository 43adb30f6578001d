//! What translating chat completions costs, and that it grows as its input does:
//! `cargo bench -p tidegate-wire --bench chat`.
//!
//! Each size stands beside its double; more than twice the time would be more
//! than linear.

use divan::{Bencher, black_box, counter::BytesCount};
use tidegate_wire::chat::{Decode, Encode, Lacks};
use tidegate_wire::openai::chat::{Asked, Reader, Ways, Writer, read_request, write_request};

fn main() {
    divan::main();
}

/// A request with one picture of so many bytes in base64, read and written.
#[divan::bench(args = [1 << 20, 2 << 20])]
fn picture(bencher: Bencher<'_, '_>, bytes: usize) {
    let data = "iVBORw0KGgoAAAAN".repeat(bytes / 16);
    let body = format!(
        "{{\"model\":\"m\",\"messages\":[{{\"role\":\"user\",\"content\":[{{\"type\":\"text\",\
         \"text\":\"What is this?\"}},{{\"type\":\"image_url\",\"image_url\":{{\"url\":\
         \"data:image/png;base64,{data}\"}}}}]}}]}}"
    );
    bencher.counter(BytesCount::new(body.len())).bench(|| {
        let request = read_request(black_box(body.as_bytes()));
        request.map(|request| write_request(&request, Ways::OPENAI, &mut Lacks::default()))
    });
}

/// A stream of one call whose arguments have so many bytes, 20 a piece, read and written.
#[divan::bench(args = [200_000, 400_000])]
fn call(bencher: Bencher<'_, '_>, bytes: usize) {
    let head = "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":1790000000,\
                \"model\":\"gpt-5\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,";
    let start = format!("{head}\"id\":\"c\",\"function\":{{\"name\":\"f\"}}}}]}}}}]}}");
    let piece = format!(
        "{head}\"function\":{{\"arguments\":\"twenty letters long.\"}}}}]}},\"finish_reason\":null}}]}}"
    );
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        let mut reader = Reader::default();
        let mut writer = Writer::new(&Asked::default());
        let (mut whole, mut out) = (0, Vec::new());
        for number in 0..=bytes / 20 {
            let frame = if number == 0 { &start } else { &piece };
            let mut sink = |event: tidegate_wire::chat::Event<'_>| writer.event(&event, &mut out);
            let read = reader.frame(b"", black_box(frame.as_bytes()), &mut sink);
            whole += out.len() + usize::from(read.is_err());
            out.clear();
        }
        whole
    });
}
