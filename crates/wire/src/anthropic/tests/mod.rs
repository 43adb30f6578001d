//! Golden examples of the dialect, and its promises.
//!
//! `stream.sse` and `answer.json` say the same.

mod answer;
mod error;
mod legal;
mod listing;
mod look;
mod peek;
mod reader;
mod request;
mod upstream;
mod whole;
mod writer;

use crate::chat::{Answer, Choice, Decode, Event, Malformed, Part, ToolCall};
use crate::sse::Framer;

/// The events of a whole stream of bytes, given in pieces.
fn events_of<'a>(
    reader: &mut impl Decode,
    pieces: impl IntoIterator<Item = &'a [u8]>,
    sink: &mut dyn FnMut(Event<'_>),
) -> Result<bool, Malformed> {
    let mut framer = Framer::new(1 << 20);
    for piece in pieces {
        framer.push(piece);
        while let Some(event) = framer.next() {
            let event = event.expect("a small event");
            reader.frame(event.name(), &event.data(), sink)?;
        }
    }
    Ok(reader.finish(sink))
}

/// What a stream of neutral events says as a whole; neighbours of one kind are
/// joined.
#[derive(Debug, Default)]
struct Gathered {
    answer: Answer,
    starts: usize,
    ends: usize,
}

impl Gathered {
    fn take(&mut self, event: Event<'_>) {
        assert_eq!(self.ends, 0, "{event:?} behind the end");
        if let Event::Start {
            id, model, tokens, ..
        } = event
        {
            self.starts += 1;
            self.answer.id = id.to_owned();
            self.answer.model = model.to_owned();
            self.answer.tokens = tokens;
            self.answer.choices.push(Choice::default());
            return;
        }
        assert_eq!(self.starts, 1, "{event:?} before the start");
        let choice = &mut self.answer.choices[0];
        let content = !matches!(event, Event::Tokens(_) | Event::Ping | Event::End);
        assert!(
            choice.stop.is_none() || !content,
            "{event:?} behind the stop"
        );
        match (event, choice.parts.last_mut()) {
            (Event::Text { text: more, .. }, Some(Part::Text { text, .. })) => text.push_str(more),
            (Event::Text { text, .. }, _) => choice.parts.push(Part::Text {
                text: text.to_owned(),
                cache: None,
            }),
            (
                Event::Thinking { text: more, .. },
                Some(Part::Thinking {
                    text,
                    signature: None,
                }),
            ) => text.push_str(more),
            (Event::Thinking { text, .. }, _) => choice.parts.push(Part::Thinking {
                text: text.to_owned(),
                signature: None,
            }),
            (
                Event::Signature {
                    signature: more, ..
                },
                Some(Part::Thinking { signature, .. }),
            ) => {
                signature.get_or_insert_default().push_str(more);
            }
            (Event::Signature { signature, .. }, _) => choice.parts.push(Part::Thinking {
                text: String::new(),
                signature: Some(signature.to_owned()),
            }),
            (Event::Redacted { data, .. }, _) => choice.parts.push(Part::Redacted(data.to_owned())),
            (Event::Call { call, id, name, .. }, _) => {
                assert_eq!(call as usize, calls(&mut choice.parts).count());
                choice.parts.push(Part::Call(ToolCall {
                    id: id.to_owned(),
                    name: name.to_owned(),
                    arguments: String::new(),
                }));
            }
            (Event::Arguments { call, text, .. }, _) => {
                let call = calls(&mut choice.parts).nth(call as usize).expect("a call");
                call.arguments.push_str(text);
            }
            (Event::Stop { stop, .. }, _) => choice.stop = Some(stop),
            (Event::Tokens(tokens), _) => self.answer.tokens = Some(tokens),
            (Event::End, _) => self.ends += 1,
            _ => {}
        }
    }
}

fn calls(parts: &mut [Part]) -> impl Iterator<Item = &mut ToolCall> {
    parts.iter_mut().filter_map(|part| match part {
        Part::Call(call) => Some(call),
        _ => None,
    })
}

/// The answer in a whole stream, and whether it was whole.
fn gather(stream: &[u8]) -> (Result<bool, Malformed>, Gathered) {
    let mut gathered = Gathered::default();
    let mut reader = super::Reader::default();
    let whole = events_of(&mut reader, [stream], &mut |event| gathered.take(event));
    (whole, gathered)
}
