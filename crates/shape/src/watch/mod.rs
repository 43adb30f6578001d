//! An answer while it comes: the first thing in it that nothing can mend any more.
//!
//! 1. What it complains of, `shape` complains of, however the answer goes on; where it
//!    is not sure it says nothing.
//! 2. Of what `shape` takes, it says nothing at any cut.
//! 3. It holds the way to where it is and the open scalar, up to a bound.
//!
//! It looks at answers that begin as an object, or as an array of them; alternatives,
//! conditions, patterns and formats are left to the end.

mod held;
mod lead;
mod place;

use std::sync::Arc;

use serde_json::Value;

use self::held::Held;
use self::lead::{Lead, Led};
use self::place::{Frame, Way};
use crate::coerce::{Room, alone};
use crate::graph::{Id, ROOT, Types};
use crate::leaf;
use crate::machine::{Container, Event, Fed, MAX_DEPTH, Machine, Scalar};
use crate::pointer;
use crate::read::unquote;
use crate::schema::Schema;
use crate::violation::Violation;
use crate::words;

/// Reads an answer as it comes.
#[derive(Debug)]
pub struct Watch {
    schema: Arc<Schema>,
    coerce: bool,
    stage: Stage,
    machine: Machine,
    way: Way,
    scalar: Held,
    /// Found before it was certain that this is the document.
    pending: Option<Violation>,
    certain: bool,
}

#[derive(Debug)]
enum Stage {
    /// Nothing of the document was there yet.
    Before(Lead),
    Reading,
    /// The document is over, or will never be known.
    Over,
    Told(Violation),
}

impl Watch {
    pub(crate) fn new(schema: Arc<Schema>, coerce: bool) -> Self {
        Self {
            schema,
            coerce,
            stage: Stage::Before(Lead::new()),
            machine: Machine::new(),
            way: Way::default(),
            scalar: Held::default(),
            pending: None,
            certain: false,
        }
    }

    /// The answer goes on with `piece`. The first violation, once there is one, and
    /// the same again each time.
    pub fn push(&mut self, piece: &str) -> Option<Violation> {
        let mut rest = piece;
        if let Stage::Before(lead) = &mut self.stage {
            match lead.read(piece) {
                Led::More => return None,
                Led::Begins(at) => {
                    rest = &piece[at..];
                    self.stage = Stage::Reading;
                }
                Led::Other => self.stage = Stage::Over,
            }
        }
        if let Stage::Reading = self.stage {
            self.read(rest);
        }
        match &self.stage {
            Stage::Told(violation) => Some(violation.clone()),
            _ => None,
        }
    }

    fn read(&mut self, piece: &str) {
        let mut machine = self.machine.clone();
        let mut start = 0;
        let fed = machine.feed(piece.as_bytes(), |event, at| {
            if let Event::Begin(_) = event {
                start = at;
                self.scalar.clear();
            }
            let text = match event {
                Event::End(_) => &piece[start..at],
                _ => "",
            };
            self.take(event, text);
            self.pending.is_none() || !self.certain
        });
        match fed {
            Fed::More if machine.in_scalar() => self.goes_on(&machine, &piece[start..]),
            Fed::More => {}
            Fed::Done(_) => self.stage = Stage::Over,
            Fed::Enough(_) => {}
            Fed::Wrong(at, expected) if self.certain => {
                if machine.in_scalar() {
                    self.goes_on(&machine, &piece[start..at]);
                }
                let message = format!("the answer is not JSON: expected {expected}");
                let told = || Violation::new(self.way.pointer(), "json", &message);
                self.pending.get_or_insert_with(told);
            }
            Fed::Deep(_) if self.certain => {
                let message = "the answer nests too deep";
                self.pending = Some(Violation::new(self.way.pointer(), "json", message));
            }
            Fed::Wrong(..) | Fed::Deep(_) => self.stage = Stage::Over,
        }
        self.machine = machine;
        if self.certain
            && let Some(violation) = self.pending.take()
        {
            self.stage = Stage::Told(violation);
        }
    }

    /// A scalar that is open goes on with `text`.
    fn goes_on(&mut self, machine: &Machine, text: &str) {
        self.scalar.add(text);
        if machine.open_string() == Some(Scalar::String) {
            self.early();
        }
    }

    fn take(&mut self, event: Event, text: &str) {
        match event {
            Event::Colon => self.certain = true,
            _ if self.pending.is_some() => {}
            Event::Begin(Scalar::Key) => {}
            Event::End(Scalar::Key) => {
                self.scalar.add(text);
                self.key();
            }
            Event::Begin(kind) => {
                let asked = self.next();
                if self.begins(&asked, None, kind) {
                    self.way.scalar(asked);
                }
            }
            Event::End(kind) => {
                // Cut before its last quote or behind it, it says the same.
                let inner = text.strip_suffix('"').unwrap_or(text);
                self.scalar.add(inner);
                if kind == Scalar::String {
                    self.early();
                }
                self.scalar.add(&text[inner.len()..]);
                if self.pending.is_none() {
                    self.scalar_ends(kind);
                }
                self.way.step();
            }
            Event::Open(container) => {
                let asked = self.next();
                let seen = self.begins(&asked, Some(container), Scalar::Word);
                let asked = if seen { asked } else { Vec::new() };
                self.way.open(Frame::new(container, asked));
            }
            Event::Close(_) => {
                self.closes();
                self.way.close();
                self.way.step();
            }
        }
    }

    fn complain(&mut self, keyword: &'static str, says: &str) {
        let pointer = self.way.pointer();
        let message = format!("{} {says}", pointer::place(&pointer));
        self.pending = Some(Violation::new(pointer, keyword, &message));
    }

    /// What is asked of the value that begins. Nothing, where nothing can be sure.
    fn next(&mut self) -> Vec<Id> {
        let graph = self.schema.graph();
        let Some(frame) = self.way.top() else {
            return graph.together(&[ROOT]);
        };
        let asked = match frame.container {
            Container::Array => graph.item(&frame.asked, frame.count),
            Container::Object => graph.member(&frame.asked, &frame.key),
        };
        graph.together(&asked)
    }

    /// A value that should not be there is: whether that was complained of. Of a number
    /// it is told at its end, since one that the answer's end cuts is left out.
    fn is_surplus(&mut self, asked: &[Id]) -> bool {
        let graph = self.schema.graph();
        let never = asked.iter().any(|id| graph.node(*id).never);
        let Some(frame) = self.way.top() else {
            if never {
                self.complain("false", "is not allowed");
            }
            return never;
        };
        let bounds = frame.asked.iter().map(|id| &graph.node(*id).bounds);
        let most = match frame.container {
            Container::Array => bounds.filter_map(|bounds| bounds.max_items).min(),
            Container::Object => bounds.filter_map(|bounds| bounds.max_properties).min(),
        };
        let most = most.filter(|most| frame.count as u64 >= *most);
        match (frame.container, most) {
            (Container::Array, Some(most)) => {
                self.way.leave();
                self.complain("maxItems", &words::max_items(most));
            }
            (Container::Object, Some(most)) => {
                self.way.leave();
                self.complain("maxProperties", &words::max_properties(most));
            }
            (Container::Array, None) if never => self.complain("false", "is not allowed"),
            (Container::Object, None) if never => {
                let pointer = self.way.pointer_of_top();
                let message = words::not_allowed(&pointer, &self.way.key());
                let told = Violation::new(pointer, "additionalProperties", &message);
                self.pending = Some(told);
            }
            _ => return false,
        }
        true
    }

    /// A value begins. Whether it is followed.
    fn begins(&mut self, asked: &[Id], container: Option<Container>, kind: Scalar) -> bool {
        self.way.enter();
        let number = container.is_none() && kind == Scalar::Number;
        if !number && self.is_surplus(asked) {
            return false;
        }
        let graph = self.schema.graph();
        if self.coerce && graph.branches(asked) {
            return false;
        }
        let types = graph.types(asked);
        let (now, may_be) = match (container, kind) {
            (Some(Container::Array), _) => (Types::ARRAY, false),
            // Another may stand in an array of its own.
            (Some(Container::Object), _) => (Types::OBJECT, types.holds(Types::ARRAY)),
            (None, Scalar::String) => (Types::STRING, true),
            // Which word or number it is shows at its end.
            (None, _) => return true,
        };
        if types.holds(now) {
            return true;
        }
        if !(self.coerce && may_be) {
            let (keyword, says) = leaf::kind(types);
            self.complain(keyword, &says);
            return false;
        }
        // A text may be turned into anything, at its end.
        kind == Scalar::String
    }

    fn key(&mut self) {
        let name = self.scalar.whole().and_then(unquote);
        let graph = self.schema.graph();
        let Some(frame) = self.way.top_mut() else {
            return;
        };
        // A name that is too long to be held may be anything.
        let Some(name) = name else {
            frame.asked.clear();
            return;
        };
        let mut required = frame
            .asked
            .iter()
            .flat_map(|id| &graph.node(*id).bounds.required);
        if required.any(|required| *required == name) {
            frame.seen.insert(name.clone());
        }
        frame.key = name;
    }

    /// A string goes on: whether it is too long, or begins as no choice does.
    fn early(&mut self) {
        let graph = self.schema.graph();
        let asked = self.way.asked();
        if self.pending.is_some() || asked.is_empty() {
            return;
        }
        if !graph.types(asked).holds(Types::STRING) {
            return;
        }
        let nodes = || asked.iter().map(|id| graph.node(*id));
        let settled =
            !self.coerce || !nodes().any(|node| node.format.is_some() || node.options.is_some());
        let most = nodes().filter_map(|node| node.bounds.max_length).min();
        let most = most.filter(|most| settled && self.scalar.chars() > *most);
        let options = nodes().filter_map(|node| node.options.as_deref());
        let out = options
            .filter_map(|options| Some((self.scalar.leaves(options, self.coerce)?, options)));
        // Whichever shows first, wherever the pieces end.
        let out = out.min_by_key(|(at, _)| *at);
        match (most, out) {
            (Some(most), out) if out.is_none_or(|(at, _)| at > most) => {
                self.complain("maxLength", &words::max_length(most));
            }
            (_, Some((_, options))) => {
                let says = words::one_of(options);
                self.complain("enum", &says);
            }
            _ => {}
        }
    }

    fn scalar_ends(&mut self, kind: Scalar) {
        let asked = self.way.take_scalar();
        if kind == Scalar::Number {
            let all = self.next();
            if self.is_surplus(&all) {
                return;
            }
        }
        let Some(text) = self.scalar.whole().filter(|_| !asked.is_empty()) else {
            return;
        };
        let value = match kind {
            Scalar::String => unquote(text).map(Value::String),
            Scalar::Number => text.parse().ok().map(Value::Number),
            _ => serde_json::from_str(text).ok(),
        };
        let Some(mut value) = value else { return };
        let graph = self.schema.graph();
        if self.coerce {
            let room = Room {
                levels: MAX_DEPTH,
                wrap: true,
            };
            let digits = value.is_number().then_some(text);
            let wrapped = alone(&self.schema, &asked, &mut value, digits, room);
            if wrapped || value.is_array() || value.is_object() {
                return;
            }
        }
        if let Some((keyword, says)) = leaf::wrong(graph, &asked, &value) {
            self.complain(keyword, &says);
        }
    }

    fn closes(&mut self) {
        let graph = self.schema.graph();
        let Some(frame) = self.way.top() else { return };
        match frame.container {
            Container::Object => {
                let missing = leaf::missing(graph, &frame.asked, |name| frame.seen.contains(name));
                if let Some(name) = missing {
                    let pointer = self.way.pointer_of_top();
                    let message = words::required(&pointer, name);
                    self.pending = Some(Violation::new(pointer, "required", &message));
                }
            }
            Container::Array => {
                let nodes = frame.asked.iter().map(|id| graph.node(*id));
                let least = nodes.filter_map(|node| node.bounds.min_items).max();
                if let Some(least) = least.filter(|least| (frame.count as u64) < *least) {
                    let pointer = self.way.pointer_of_top();
                    let message =
                        format!("{} {}", pointer::place(&pointer), words::min_items(least));
                    self.pending = Some(Violation::new(pointer, "minItems", &message));
                }
            }
        }
    }
}
