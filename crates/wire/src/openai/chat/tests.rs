//! Requests, answers and streams; every promise under its number.
//!
//! The longer examples are files in `tests/`.

mod answer;
mod growth;
mod request;
mod stream;

use crate::chat::{Decode, Encode, Event};
use crate::sse::{Framer, Kind};

/// Runs a decoder over a stream whose bytes come in `pieces`, and an encoder behind it.
/// What it wrote, and whether the stream was whole.
fn translate<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    reader: &mut dyn Decode,
    writer: &mut dyn Encode,
) -> Result<(String, bool), String> {
    let mut out = Vec::new();
    let mut framer = Framer::new(1 << 20);
    for piece in pieces {
        framer.push(piece);
        while let Some(event) = framer.next() {
            let event = event.map_err(|error| error.to_string())?;
            if event.kind() == Kind::Data {
                let mut sink = |event: Event<'_>| writer.event(&event, &mut out);
                let told = reader.frame(event.name(), &event.data(), &mut sink);
                told.map_err(|malformed| format!("{malformed:?}"))?;
            }
        }
    }
    let whole = reader.finish(&mut |event| writer.event(&event, &mut out));
    Ok((String::from_utf8(out).unwrap(), whole))
}
