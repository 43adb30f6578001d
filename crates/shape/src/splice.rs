//! A document as it was written, with what was coerced in it replaced.
//!
//! 1. Every byte that is not of a coerced value stays: the order of members, white
//!    space, the digits of numbers.
//! 2. What is written is the coerced document, and nothing else.

use serde_json::Value;

use crate::machine::{Container, Event, Machine, Scalar};
use crate::read::unquote;

/// `text`, which reads as `before`, with the values of `after`.
pub(crate) fn splice(text: &str, before: &Value, after: &Value) -> String {
    let mut splicer = Splicer {
        text,
        root: (before, after),
        open: Vec::new(),
        skipped: None,
        start: 0,
        copied: 0,
        made: String::with_capacity(text.len()),
    };
    let mut machine = Machine::new();
    machine.feed(text.as_bytes(), |event, at| {
        splicer.take(event, at);
        true
    });
    machine.finish(text.len(), |event, at| splicer.take(event, at));
    splicer.made.push_str(&text[splicer.copied..]);
    splicer.made
}

/// A value before and after.
type Pair<'a> = (&'a Value, &'a Value);

struct Splicer<'a> {
    text: &'a str,
    root: Pair<'a>,
    /// The containers that are the same before and after, and where in them.
    open: Vec<(Pair<'a>, Place)>,
    /// Inside a value that was replaced: where its replacement goes, and how many of
    /// its containers are open.
    skipped: Option<(Pair<'a>, usize, usize)>,
    start: usize,
    copied: usize,
    made: String,
}

enum Place {
    Index(usize),
    Key(String),
}

impl<'a> Splicer<'a> {
    fn take(&mut self, event: Event, at: usize) {
        if let Some((pair, start, depth)) = self.skipped {
            let depth = match event {
                Event::Open(_) => depth + 1,
                Event::Close(_) => depth - 1,
                _ => depth,
            };
            let over = matches!(event, Event::Close(_) | Event::End(_)) && depth == 0;
            self.skipped = (!over).then_some((pair, start, depth));
            if over {
                self.replace(pair, start, at);
                self.step();
            }
            return;
        }
        match event {
            Event::Open(container) => match self.pair() {
                Some(pair) if goes_on(pair) => self.open.push((pair, Place::of(container))),
                Some(pair) => self.skipped = Some((pair, at, 1)),
                None => {}
            },
            Event::Close(_) => {
                self.open.pop();
                self.step();
            }
            Event::Begin(Scalar::Key) => self.start = at,
            Event::End(Scalar::Key) => {
                let name = unquote(&self.text[self.start..at]).unwrap_or_default();
                if let Some((_, place)) = self.open.last_mut() {
                    *place = Place::Key(name);
                }
            }
            Event::Begin(_) => match self.pair() {
                Some(pair) if pair.0 != pair.1 => self.skipped = Some((pair, at, 0)),
                _ => {}
            },
            Event::End(_) => self.step(),
            Event::Colon => {}
        }
    }

    /// The value that comes next, before and after.
    fn pair(&self) -> Option<Pair<'a>> {
        let Some((pair, place)) = self.open.last() else {
            return Some(self.root);
        };
        match place {
            Place::Index(index) => Some((pair.0.get(index)?, pair.1.get(index)?)),
            Place::Key(key) => Some((pair.0.get(key)?, pair.1.get(key)?)),
        }
    }

    fn replace(&mut self, (before, after): Pair<'a>, start: usize, end: usize) {
        self.made.push_str(&self.text[self.copied..start]);
        match after {
            // It stands as it was written, with an array around it.
            Value::Array(items) if items.as_slice() == std::slice::from_ref(before) => {
                self.made.push('[');
                self.made.push_str(&self.text[start..end]);
                self.made.push(']');
            }
            after => self.made.push_str(&after.to_string()),
        }
        self.copied = end;
    }

    /// A value is over.
    fn step(&mut self) {
        if let Some((_, Place::Index(index))) = self.open.last_mut() {
            *index += 1;
        }
    }
}

impl Place {
    fn of(container: Container) -> Self {
        match container {
            Container::Array => Self::Index(0),
            Container::Object => Self::Key(String::new()),
        }
    }
}

/// Whether both are the same container, whose parts alone may differ.
fn goes_on(pair: Pair<'_>) -> bool {
    match pair {
        (Value::Array(before), Value::Array(after)) => before.len() == after.len(),
        (Value::Object(_), Value::Object(_)) => true,
        _ => false,
    }
}
