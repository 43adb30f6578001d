//! Streams: read from an upstream, written for a caller.
//!
//! 1. Each event is translated at once, and keeps its place.
//! 2. One start and one end, and between them the order that the API has:
//!    blocks one behind the other, counted from 0, then the stop.

mod reader;
mod turn;
mod whole;
mod writer;

use serde::Serialize;

pub use reader::Reader;
pub use whole::to_stream;
pub use writer::Writer;

/// Writes an event of this name with `data`, which has no line end in it: text
/// is escaped, and no raw JSON stands in events.
fn event(out: &mut Vec<u8>, name: &str, data: &impl Serialize) {
    for piece in ["event: ", name, "\ndata: "] {
        out.extend_from_slice(piece.as_bytes());
    }
    // Writing to memory does not fail, and there is nothing in `data` that can.
    serde_json::to_writer(&mut *out, data).unwrap_or_default();
    out.extend_from_slice(b"\n\n");
}
