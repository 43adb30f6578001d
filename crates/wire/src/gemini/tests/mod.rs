//! Gemini's dialect against examples in the form of Google's documentation;
//! tests name the promise of the file that they show.

mod answers;
mod any_bytes;
mod ask;
mod embeddings;
mod errors;
mod growth;
mod requests;
mod settings;
mod streams;

use crate::chat::{Decode, Event, Malformed};
use crate::gemini::Reader;
use crate::sse::{Framer, Kind};

/// Reads a stream that comes in `pieces`: each event as text, then whether the
/// stream was whole.
fn read<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> Result<(Vec<String>, bool), Malformed> {
    let mut framer = Framer::new(1 << 20);
    let mut reader = Reader::default();
    let mut events = Vec::new();
    let mut sink = |event: Event<'_>| events.push(format!("{event:?}"));
    for piece in pieces {
        framer.push(piece);
        while let Some(event) = framer.next() {
            let event = event.expect("no event is that large");
            if event.kind() == Kind::Data {
                reader.frame(event.name(), &event.data(), &mut sink)?;
            }
        }
    }
    let whole = reader.finish(&mut sink);
    Ok((events, whole))
}

/// A stream of these answers.
fn stream(answers: &[serde_json::Value]) -> Vec<u8> {
    let event = |answer: &serde_json::Value| format!("data: {answer}\r\n\r\n");
    answers.iter().map(event).collect::<String>().into_bytes()
}
