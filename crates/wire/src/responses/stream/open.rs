//! The items of a stream while they are open, and the events that they write.
//!
//! Each keeps what its `done` events say once more. An item is added when it
//! begins; `Item::end` writes its last events and the item itself.

use super::super::answer::{
    CallItem, write_call, write_message, write_reasoning, write_refusal, write_summary, write_text,
};
use super::super::object::{Object, comma};
use crate::json::{Kind, Scanner};

/// Where events go, numbered.
pub(super) struct Events<'o> {
    out: &'o mut Vec<u8>,
    sequence: &'o mut u64,
}

impl<'o> Events<'o> {
    pub(super) fn new(out: &'o mut Vec<u8>, sequence: &'o mut u64) -> Self {
        Self { out, sequence }
    }

    /// Writes one event of this kind with the members that `write` writes.
    pub(super) fn write(&mut self, kind: &str, write: impl FnOnce(&mut Object<'_>)) {
        self.out.extend_from_slice(b"event: ");
        self.out.extend_from_slice(kind.as_bytes());
        self.out.extend_from_slice(b"\ndata: ");
        let mut event = Object::begin(self.out);
        event
            .text("type", kind)
            .number("sequence_number", *self.sequence);
        write(&mut event);
        event.end();
        self.out.extend_from_slice(b"\n\n");
        *self.sequence += 1;
    }

    /// An event about an item.
    pub(super) fn about(&mut self, kind: &str, place: &Place, write: impl FnOnce(&mut Object<'_>)) {
        self.write(kind, |event| {
            event
                .text("item_id", &place.id)
                .number("output_index", place.index as u64);
            write(event);
        });
    }

    /// The event that brings an item or ends it.
    pub(super) fn item(&mut self, kind: &str, place: &Place, item: impl FnOnce(&mut Vec<u8>)) {
        self.write(kind, |event| {
            event.number("output_index", place.index as u64);
            item(event.name("item"));
        });
    }
}

/// Which item it is.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) id: String,
    /// Among the items of the response.
    pub(super) index: usize,
}

/// An open item.
pub(super) trait Item {
    fn place(&self) -> &Place;

    /// The bytes that it keeps.
    fn held(&self) -> usize;

    /// Writes the item as it is by now.
    fn write(&self, status: &str, out: &mut Vec<u8>);

    /// Writes the events behind its last piece.
    fn close(&mut self, events: &mut Events<'_>);

    /// Ends it: its last events, and the item itself to `written`.
    fn end(mut self, status: &str, written: &mut Vec<u8>, events: &mut Events<'_>)
    where
        Self: Sized,
    {
        self.close(events);
        self.write(status, written);
        events.item("response.output_item.done", self.place(), |out| {
            out.extend_from_slice(written);
        });
    }
}

/// What the model says: texts and refusals.
#[derive(Debug)]
pub(super) struct Message {
    place: Place,
    /// The parts that are done, with their commas.
    parts: Vec<u8>,
    count: u64,
    open: Option<Said>,
}

/// The part that is open.
#[derive(Debug)]
struct Said {
    refusal: bool,
    text: String,
    /// Values of an array, with their commas.
    logprobs: Vec<u8>,
}

impl Said {
    fn write(&self, out: &mut Vec<u8>) {
        match self.refusal {
            true => write_refusal(out, &self.text),
            false => write_text(out, &self.text, &self.logprobs),
        }
    }
}

impl Message {
    pub(super) fn begin(place: Place, events: &mut Events<'_>) -> Self {
        events.item("response.output_item.added", &place, |out| {
            write_message(out, &place.id, "in_progress", b"");
        });
        Self {
            place,
            parts: Vec::new(),
            count: 0,
            open: None,
        }
    }

    pub(super) fn say(&mut self, refusal: bool, text: &str, events: &mut Events<'_>) {
        let (place, index) = self.part(refusal, events);
        let kind = match refusal {
            true => "response.refusal.delta",
            false => "response.output_text.delta",
        };
        events.about(kind, place, |event| {
            event.number("content_index", index).text("delta", text);
            if !refusal {
                event.array("logprobs", b"");
            }
        });
        if let Some(open) = &mut self.open {
            open.text.push_str(text);
        }
    }

    /// Tells likelihoods, in an event of their own: the text that they belong to
    /// is out already.
    pub(super) fn likely(&mut self, logprobs: &[u8], events: &mut Events<'_>) {
        let (place, index) = self.part(false, events);
        events.about("response.output_text.delta", place, |event| {
            event
                .number("content_index", index)
                .text("delta", "")
                .array("logprobs", logprobs);
        });
        if let Some(open) = &mut self.open {
            comma(&mut open.logprobs);
            open.logprobs.extend_from_slice(logprobs);
        }
    }

    /// Where the open part of this kind is; another one ends first.
    fn part(&mut self, refusal: bool, events: &mut Events<'_>) -> (&Place, u64) {
        if self
            .open
            .as_ref()
            .is_some_and(|open| open.refusal != refusal)
        {
            self.close(events);
        }
        if self.open.is_none() {
            let said = Said {
                refusal,
                text: String::new(),
                logprobs: Vec::new(),
            };
            events.about("response.content_part.added", &self.place, |event| {
                event.number("content_index", self.count);
                said.write(event.name("part"));
            });
            self.open = Some(said);
        }
        (&self.place, self.count)
    }
}

impl Item for Message {
    fn place(&self) -> &Place {
        &self.place
    }

    fn held(&self) -> usize {
        let open = |open: &Said| open.text.len() + open.logprobs.len();
        self.parts.len() + self.open.as_ref().map_or(0, open)
    }

    fn write(&self, status: &str, out: &mut Vec<u8>) {
        let mut parts = self.parts.clone();
        if let Some(open) = &self.open {
            comma(&mut parts);
            open.write(&mut parts);
        }
        write_message(out, &self.place.id, status, &parts);
    }

    fn close(&mut self, events: &mut Events<'_>) {
        let Some(open) = self.open.take() else {
            return;
        };
        let (kind, name) = match open.refusal {
            true => ("response.refusal.done", "refusal"),
            false => ("response.output_text.done", "text"),
        };
        events.about(kind, &self.place, |event| {
            event.number("content_index", self.count);
            event.text(name, &open.text);
            if !open.refusal {
                event.array("logprobs", &open.logprobs);
            }
        });
        comma(&mut self.parts);
        let start = self.parts.len();
        open.write(&mut self.parts);
        events.about("response.content_part.done", &self.place, |event| {
            event
                .number("content_index", self.count)
                .json("part", &self.parts[start..]);
        });
        self.count += 1;
    }
}

/// What the model thinks: told as a summary, proved, or hidden.
#[derive(Debug)]
pub(super) struct Thought {
    place: Place,
    /// `None` before its first piece, and where nothing may be told.
    text: Option<String>,
    proof: Option<String>,
}

impl Thought {
    pub(super) fn begin(place: Place, events: &mut Events<'_>) -> Self {
        Self::new(place, None, events)
    }

    /// One that nobody may see.
    pub(super) fn hidden(place: Place, data: &str, events: &mut Events<'_>) -> Self {
        Self::new(place, Some(data.to_owned()), events)
    }

    fn new(place: Place, proof: Option<String>, events: &mut Events<'_>) -> Self {
        events.item("response.output_item.added", &place, |out| {
            write_reasoning(out, &place.id, None, proof.as_deref());
        });
        Self {
            place,
            text: None,
            proof,
        }
    }

    /// Whether its proof has come, so that what follows is another thought.
    pub(super) fn is_proved(&self) -> bool {
        self.proof.is_some()
    }

    pub(super) fn think(&mut self, text: &str, events: &mut Events<'_>) {
        self.summary(events).push_str(text);
        events.about(
            "response.reasoning_summary_text.delta",
            &self.place,
            |event| {
                event.number("summary_index", 0).text("delta", text);
            },
        );
    }

    /// Takes the proof. What it proves is told, if only as empty.
    pub(super) fn prove(&mut self, signature: &str, events: &mut Events<'_>) {
        self.summary(events);
        self.proof = Some(signature.to_owned());
    }

    fn summary(&mut self, events: &mut Events<'_>) -> &mut String {
        if self.text.is_none() {
            self.part("response.reasoning_summary_part.added", "", events);
        }
        self.text.get_or_insert_default()
    }

    fn part(&self, kind: &str, text: &str, events: &mut Events<'_>) {
        events.about(kind, &self.place, |event| {
            event.number("summary_index", 0);
            write_summary(event.name("part"), text);
        });
    }
}

impl Item for Thought {
    fn place(&self) -> &Place {
        &self.place
    }

    fn held(&self) -> usize {
        self.text.as_ref().map_or(0, String::len) + self.proof.as_ref().map_or(0, String::len)
    }

    fn write(&self, _status: &str, out: &mut Vec<u8>) {
        write_reasoning(
            out,
            &self.place.id,
            self.text.as_deref(),
            self.proof.as_deref(),
        );
    }

    fn close(&mut self, events: &mut Events<'_>) {
        let Some(text) = self.text.as_deref() else {
            return;
        };
        events.about(
            "response.reasoning_summary_text.done",
            &self.place,
            |event| {
                event.number("summary_index", 0).text("text", text);
            },
        );
        self.part("response.reasoning_summary_part.done", text, events);
    }
}

/// A call whose arguments come.
#[derive(Debug)]
pub(super) struct Call {
    place: Place,
    /// Its number in the upstream's answer.
    call: u32,
    id: String,
    name: String,
    arguments: String,
    /// Something else began behind it, and it was not whole.
    passed: bool,
}

impl Call {
    pub(super) fn begin(
        place: Place,
        call: u32,
        id: &str,
        name: &str,
        events: &mut Events<'_>,
    ) -> Self {
        let begun = Self {
            place,
            call,
            id: id.to_owned(),
            name: name.to_owned(),
            arguments: String::new(),
            passed: false,
        };
        events.item("response.output_item.added", &begun.place, |out| {
            begun.write("in_progress", out);
        });
        begun
    }

    pub(super) fn is(&self, call: u32) -> bool {
        self.call == call
    }

    /// Whether the arguments are a whole object, to which nothing can be added.
    /// It looks at them once only: a stream of many calls stays linear.
    pub(super) fn is_whole_now(&mut self) -> bool {
        if std::mem::replace(&mut self.passed, true) {
            return false;
        }
        // As an upstream may write it, half a surrogate pair included.
        let mut scan = Scanner::of_upstream(&self.arguments);
        let object = scan.kind() == Ok(Kind::Object);
        object && scan.skip().and_then(|()| scan.end()).is_ok()
    }

    /// Adds to the arguments.
    pub(super) fn argue(&mut self, text: &str, events: &mut Events<'_>) {
        self.arguments.push_str(text);
        let kind = "response.function_call_arguments.delta";
        events.about(kind, &self.place, |event| {
            event.text("delta", text);
        });
    }
}

impl Item for Call {
    fn place(&self) -> &Place {
        &self.place
    }

    fn held(&self) -> usize {
        self.id.len() + self.name.len() + self.arguments.len()
    }

    fn write(&self, status: &str, out: &mut Vec<u8>) {
        let call = CallItem {
            id: &self.id,
            name: &self.name,
            arguments: &self.arguments,
        };
        write_call(out, &self.place.id, status, call);
    }

    fn close(&mut self, events: &mut Events<'_>) {
        let kind = "response.function_call_arguments.done";
        events.about(kind, &self.place, |event| {
            event
                .text("name", &self.name)
                .text("arguments", &self.arguments);
        });
    }
}
