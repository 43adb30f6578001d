//! A document as the schema asks for it, where it says the same in another form.
//!
//! 1. What fits is not touched; of alternatives, one that fits comes before one that
//!    would, that before one that needs an array around it, the first before others.
//! 2. A value that is not there is not made up.
//! 3. It takes a bounded number of steps; what is left then is judged as it is.
//!
//! It judges nothing: what it has made is checked by the library.

use serde_json::Value;

use crate::graph::{Graph, Id, Node, ROOT, Types, same};
use crate::machine::MAX_DEPTH;
use crate::pointer::{place, push, push_index};
use crate::read::Digits;
use crate::schema::Schema;
use crate::turn;
use crate::violation::Violation;
use crate::weight::{nests, weigh};
use crate::words;

/// Values that are looked at, each time counted.
const STEPS: usize = 1_000_000;
/// Containers and alternatives inside one another: this recurses.
const LEVELS: usize = 256;
/// Values of an `enum` that are one step.
const OPTIONS: usize = 4;
/// How often the library may look at one value where alternatives multiply.
const TANGLED: usize = 64;

pub(crate) struct Coercer<'s> {
    schema: &'s Schema,
    graph: &'s Graph,
    digits: &'s Digits,
    steps: usize,
    at: String,
    /// Containers around the value.
    depth: usize,
    /// Containers and alternatives around it.
    levels: usize,
    /// Where no array may be put around a value, since one was just now.
    bare: Option<usize>,
    /// Trials inside trials: what they find is not told.
    trials: usize,
    ambiguous: Vec<Violation>,
    /// Where a value was put into an array.
    wrapped: Vec<String>,
}

impl<'s> Coercer<'s> {
    pub(crate) fn new(schema: &'s Schema, digits: &'s Digits) -> Self {
        Self {
            schema,
            graph: schema.graph(),
            digits,
            steps: STEPS,
            at: String::new(),
            depth: 0,
            levels: 0,
            bare: None,
            trials: 0,
            ambiguous: Vec::new(),
            wrapped: Vec::new(),
        }
    }

    pub(crate) fn run(&mut self, document: &mut Value) {
        self.value(&[ROOT], document);
    }

    /// What can be meant in two ways, and where an array was put around a value.
    pub(crate) fn done(self) -> (Vec<Violation>, Vec<String>) {
        (self.ambiguous, self.wrapped)
    }

    /// What it costs to ask a part of the schema.
    fn asking(&self, value: &Value) -> usize {
        let times = if self.graph.tangled { TANGLED } else { 1 };
        weigh(value, STEPS) * times
    }

    /// Takes so many steps, if there are as many.
    fn may(&mut self, steps: usize) -> bool {
        let left = self.steps.checked_sub(steps);
        self.steps = left.unwrap_or(0);
        left.is_some()
    }

    fn value(&mut self, asked: &[Id], value: &mut Value) {
        if asked.is_empty() || self.levels == LEVELS || !self.may(1 + asked.len()) {
            return;
        }
        self.levels += 1;
        self.value_within(asked, value);
        self.levels -= 1;
    }

    fn value_within(&mut self, asked: &[Id], value: &mut Value) {
        let together = self.graph.together(asked);
        if !self.may(together.len()) {
            return;
        }
        let bare = self.bare;
        let wrapped = self.itself(&together, value);
        self.depth += 1;
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let asked = self.graph.member(&together, name);
                    let end = self.at.len();
                    push(&mut self.at, name);
                    self.value(&asked, value);
                    self.at.truncate(end);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter_mut().enumerate() {
                    let asked = self.graph.item(&together, index);
                    let end = self.at.len();
                    push_index(&mut self.at, index);
                    if wrapped {
                        self.bare = Some(self.at.len());
                    }
                    self.value(&asked, value);
                    self.at.truncate(end);
                }
            }
            _ => {}
        }
        self.depth -= 1;
        self.bare = bare;
        for id in together {
            let node = self.graph.node(id);
            self.branches(node, value);
        }
    }

    /// The value without its parts. Whether an array was put around it.
    fn itself(&mut self, together: &[Id], value: &mut Value) -> bool {
        let nodes = together.iter().map(|id| self.graph.node(*id));
        let options = nodes.filter_map(|node| Some(node.options.as_ref()?.len()));
        let options: usize = options.sum();
        if !self.may(options / OPTIONS) {
            return false;
        }
        let room = Room {
            levels: MAX_DEPTH.saturating_sub(self.depth),
            wrap: self.bare != Some(self.at.len()),
        };
        let digits = self.digits.get(&self.at).map(String::as_str);
        let wrapped = alone(self.schema, together, value, digits, room);
        if wrapped {
            self.wrapped.push(self.at.clone());
        }
        wrapped
    }

    fn branches(&mut self, node: &Node, value: &mut Value) {
        if let Some(choice) = node.choice
            && self.may(self.asking(value))
        {
            let holds = self.schema.fits(choice.test, value);
            let asked = if holds { choice.then } else { choice.otherwise };
            self.value(asked.as_slice(), value);
        }
        for (name, asked) in &node.dependent {
            if value.get(name).is_some() {
                self.value(&[*asked], value);
            }
        }
        if !node.any_of.is_empty() {
            self.any_of(&node.any_of, value);
        }
        if !node.one_of.is_empty() {
            self.one_of(&node.one_of, value);
        }
    }

    /// Whether it fits the part, or nothing when there are no steps left to know.
    fn fits(&mut self, part: Id, value: &Value) -> bool {
        self.may(self.asking(value)) && self.schema.fits(part, value)
    }

    /// The value as the part asks for it, if it can be had, and whether an array was
    /// put around it.
    fn tried(&mut self, part: Id, value: &Value) -> Option<(Value, bool)> {
        if !self.may(self.asking(value)) {
            return None;
        }
        let mut copy = value.clone();
        let before = self.wrapped.len();
        self.trials += 1;
        self.value(&[part], &mut copy);
        self.trials -= 1;
        let wrapped = self.wrapped.drain(before..).any(|at| at == self.at);
        self.fits(part, &copy).then_some((copy, wrapped))
    }

    /// The value as each part asks for it that can have it. Those that need an array
    /// around it count only if there are no others.
    fn all_tried(&mut self, parts: &[Id], value: &Value) -> Vec<Value> {
        let tried = parts.iter().filter_map(|part| self.tried(*part, value));
        let (around, plain): (Vec<_>, Vec<_>) = tried.partition(|(_, wrapped)| *wrapped);
        let best = if plain.is_empty() { around } else { plain };
        best.into_iter().map(|(value, _)| value).collect()
    }

    fn any_of(&mut self, parts: &[Id], value: &mut Value) {
        if let Some(part) = parts.iter().find(|part| self.fits(**part, value)) {
            self.value(&[*part], value);
            return;
        }
        let mut around = None;
        for part in parts {
            match self.tried(*part, value) {
                Some((tried, false)) => {
                    *value = tried;
                    return;
                }
                Some((tried, true)) => around = around.or(Some(tried)),
                None => {}
            }
        }
        if let Some(tried) = around {
            *value = tried;
        }
    }

    fn one_of(&mut self, parts: &[Id], value: &mut Value) {
        let fitting: Vec<Id> = parts
            .iter()
            .copied()
            .filter(|part| self.fits(*part, value))
            .collect();
        match fitting[..] {
            [] => {
                let mut fit = self.all_tried(parts, value);
                if fit.len() > 1 {
                    self.ambiguous();
                } else if let Some(only) = fit.pop() {
                    *value = only;
                }
            }
            [part] => {
                if self.reads_otherwise(parts, part, value) {
                    self.ambiguous();
                }
                self.value(&[part], value);
            }
            // The library says it.
            _ => {}
        }
    }

    /// Whether a text that fits one part is, as a number or a boolean, what another
    /// part takes.
    fn reads_otherwise(&mut self, parts: &[Id], fitting: Id, value: &Value) -> bool {
        let together = self.graph.together(&[fitting]);
        let named = together
            .iter()
            .any(|id| self.graph.node(*id).options.is_some());
        if named || !value.is_string() {
            return false;
        }
        let others = parts.iter().filter(|part| **part != fitting);
        others.into_iter().any(|part| {
            let tried = self.tried(*part, value);
            matches!(tried, Some((Value::Number(_) | Value::Bool(_), _)))
        })
    }

    fn ambiguous(&mut self) {
        if self.trials == 0 {
            let message = format!("{} {}", place(&self.at), words::MORE_THAN_ONE);
            let one = Violation::new(self.at.as_str(), "oneOf", &message);
            self.ambiguous.push(one);
        }
    }
}

/// What may be put around a value, or into its place.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Containers inside one another.
    pub(crate) levels: usize,
    /// Whether an array may be put around it.
    pub(crate) wrap: bool,
}

/// Coerces a value without its parts: its kind, its choice, its format. Whether it
/// was put into an array.
pub(crate) fn alone(
    schema: &Schema,
    together: &[Id],
    value: &mut Value,
    digits: Option<&str>,
    room: Room,
) -> bool {
    let graph = schema.graph();
    let types = graph.types(together);
    if !types.take(value) || (schema.is_draft_4() && is_no_integer(types, value)) {
        let turned = turn::turn(value, types, digits);
        if let Some(turned) = turned.filter(|turned| nests(turned) <= room.levels) {
            *value = turned;
        } else if types.holds(Types::ARRAY) && room.wrap && nests(value) < room.levels {
            if value.is_null() {
                return false;
            }
            *value = Value::Array(vec![value.take()]);
            return true;
        }
    }
    for id in together {
        let node = graph.node(*id);
        if let Some(options) = &node.options
            && !options.iter().any(|option| same(option, value))
            && let Some(meant) = turn::option(value, options, digits)
        {
            *value = meant.clone();
        }
        if let (Some(format), Value::String(text)) = (&node.format, &*value)
            && !format.takes(value)
            && let Some(formatted) = turn::formatted(text, &format.name)
        {
            let formatted = Value::String(formatted);
            if format.takes(&formatted) {
                *value = formatted;
            }
        }
    }
    false
}

/// Whether an integer is asked and this is a float, whatever its value.
fn is_no_integer(types: Types, value: &Value) -> bool {
    types.holds(Types::INTEGER) && !types.holds(Types::NUMBER) && value.is_f64()
}
