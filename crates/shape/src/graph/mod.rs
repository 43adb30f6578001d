//! A schema as we read it ourselves, beside the library: what is asked of a value
//! at a place, so far as that is certain.
//!
//! 1. What it cannot read for certain it leaves out: who walks it knows less of the
//!    schema than the library, never more.
//! 2. Nothing leads outside of the schema's own text.
//! 3. A schema that would take its reader too deep, round in a circle or through
//!    too many alternatives is refused (`measure.rs`, `growth.rs`).

mod build;
mod growth;
mod keywords;
mod measure;

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use serde_json::{Number, Value};

pub(crate) use build::read;
pub(crate) use keywords::same;

/// A subschema's place in the graph.
pub(crate) type Id = usize;

/// The first of them is the whole schema.
pub(crate) const ROOT: Id = 0;

/// The most subschemas that are looked at together at one place.
const TOGETHER: usize = 256;

/// All subschemas that can be reached.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    nodes: Vec<Node>,
    /// Whether one value can be read in so many ways that to list all that is wrong
    /// with it has no bound.
    pub(crate) tangled: bool,
    /// How often one value can be looked at, if it is not.
    pub(crate) looks: u64,
    /// Patterns, of values and of names.
    pub(crate) patterns: usize,
    /// Whether a `oneOf` stands somewhere.
    pub(crate) has_one_of: bool,
}

/// One subschema.
#[derive(Debug, Default)]
pub(crate) struct Node {
    /// Where it stands in the schema.
    pub(crate) pointer: String,
    /// `false`: nothing fits.
    pub(crate) never: bool,
    pub(crate) types: Option<Types>,
    /// `enum`, or the one of `const`.
    pub(crate) options: Option<Vec<Value>>,
    pub(crate) format: Option<Format>,
    pub(crate) bounds: Bounds,
    /// `$ref` and `allOf`: they ask of the same value.
    pub(crate) with: Vec<Id>,
    pub(crate) any_of: Vec<Id>,
    pub(crate) one_of: Vec<Id>,
    pub(crate) choice: Option<Choice>,
    /// What a member's being there asks of the whole.
    pub(crate) dependent: Vec<(String, Id)>,
    /// What else looks at the same value, and is not followed.
    beside: Vec<Id>,
    pub(crate) properties: BTreeMap<String, Id>,
    pub(crate) patterns: Vec<Pattern>,
    pub(crate) additional: Option<Id>,
    /// Of the first items, one by one.
    pub(crate) first: Vec<Id>,
    pub(crate) items: Option<Id>,
    /// What looks at parts of the value, and is not followed.
    beneath: Vec<Id>,
    /// Whether some of the above that may change what fits is not followed.
    unread: bool,
}

/// `if`, `then` and `else`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Choice {
    pub(crate) test: Id,
    pub(crate) then: Option<Id>,
    pub(crate) otherwise: Option<Id>,
}

/// Members whose names match.
#[derive(Debug)]
pub(crate) struct Pattern {
    /// Takes the names, as strings.
    names: Validator,
    of: Id,
}

/// A `format`, and what takes its strings.
#[derive(Debug)]
pub(crate) struct Format {
    pub(crate) name: String,
    taken: Validator,
}

impl Format {
    pub(crate) fn takes(&self, text: &Value) -> bool {
        self.taken.is_valid(text)
    }
}

/// Plain bounds.
#[derive(Debug, Default)]
pub(crate) struct Bounds {
    pub(crate) required: Vec<String>,
    pub(crate) minimum: Option<Number>,
    pub(crate) maximum: Option<Number>,
    pub(crate) above: Option<Number>,
    pub(crate) below: Option<Number>,
    pub(crate) min_length: Option<u64>,
    pub(crate) max_length: Option<u64>,
    pub(crate) min_items: Option<u64>,
    pub(crate) max_items: Option<u64>,
    pub(crate) max_properties: Option<u64>,
}

/// Kinds of values, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Types(u8);

impl Types {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const NULL: Self = Self(1);
    pub(crate) const BOOLEAN: Self = Self(1 << 1);
    pub(crate) const INTEGER: Self = Self(1 << 2);
    /// Any number, an integer too.
    pub(crate) const NUMBER: Self = Self(1 << 2 | 1 << 3);
    pub(crate) const STRING: Self = Self(1 << 4);
    pub(crate) const ARRAY: Self = Self(1 << 5);
    pub(crate) const OBJECT: Self = Self(1 << 6);
    pub(crate) const ALL: Self = Self(0x7f);

    /// Their names, in the order in which they are told.
    const NAMES: [(Self, &'static str); 7] = [
        (Self::ARRAY, "array"),
        (Self::BOOLEAN, "boolean"),
        (Self::INTEGER, "integer"),
        (Self::NULL, "null"),
        (Self::NUMBER, "number"),
        (Self::OBJECT, "object"),
        (Self::STRING, "string"),
    ];

    fn named(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(_, known)| *known == name)?;
        Some(known.0)
    }

    pub(crate) fn names(self) -> Vec<&'static str> {
        let number = self.holds(Self::NUMBER);
        let told =
            |(kind, _): &&(Self, &str)| self.holds(*kind) && !(number && *kind == Self::INTEGER);
        Self::NAMES.iter().filter(told).map(|one| one.1).collect()
    }

    /// Whether all of `other` are in it.
    pub(crate) fn holds(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether the value's kind is in the set; `1.0` is an integer, as in all drafts
    /// but the fourth.
    pub(crate) fn take(self, value: &Value) -> bool {
        match value {
            Value::Null => self.holds(Self::NULL),
            Value::Bool(_) => self.holds(Self::BOOLEAN),
            Value::Number(number) if is_whole(number) => self.holds(Self::INTEGER),
            Value::Number(_) => self.holds(Self::NUMBER),
            Value::String(_) => self.holds(Self::STRING),
            Value::Array(_) => self.holds(Self::ARRAY),
            Value::Object(_) => self.holds(Self::OBJECT),
        }
    }
}

/// Whether the number has no fraction, however it is written.
pub(crate) fn is_whole(number: &Number) -> bool {
    !number.is_f64() || number.as_f64().is_some_and(|float| float.fract() == 0.0)
}

impl Graph {
    /// All of them.
    pub(crate) fn ids(&self) -> impl Iterator<Item = Id> {
        0..self.nodes.len()
    }

    pub(crate) fn node(&self, id: Id) -> &Node {
        &self.nodes[id]
    }

    /// All that is asked of one value together, by `ids` and what stands with them.
    pub(crate) fn together(&self, ids: &[Id]) -> Vec<Id> {
        let (mut all, mut seen) = (Vec::new(), BTreeSet::new());
        let mut next: Vec<Id> = ids.iter().rev().copied().collect();
        while let Some(id) = next.pop() {
            if all.len() == TOGETHER {
                break;
            }
            if seen.insert(id) {
                all.push(id);
                next.extend(self.nodes[id].with.iter().rev());
            }
        }
        all
    }

    /// The kinds that all of them take.
    pub(crate) fn types(&self, together: &[Id]) -> Types {
        let types = together.iter().filter_map(|id| self.nodes[*id].types);
        types.fold(Types::ALL, Types::and)
    }

    /// Whether alternatives or conditions stand at this value.
    pub(crate) fn branches(&self, together: &[Id]) -> bool {
        together.iter().any(|id| self.nodes[*id].branches())
    }

    /// What is asked of the member `name`.
    pub(crate) fn member(&self, together: &[Id], name: &str) -> Vec<Id> {
        let mut asked = Vec::new();
        for id in together {
            self.nodes[*id].member(name, &mut asked);
        }
        asked
    }

    /// What is asked of the item at `index`.
    pub(crate) fn item(&self, together: &[Id], index: usize) -> Vec<Id> {
        let of = |id: &Id| {
            let node = &self.nodes[*id];
            node.first.get(index).copied().or(node.items)
        };
        together.iter().filter_map(of).collect()
    }
}

impl Node {
    fn branches(&self) -> bool {
        let alternatives = !self.any_of.is_empty() || !self.one_of.is_empty();
        alternatives || self.choice.is_some() || !self.dependent.is_empty() || self.unread
    }

    /// Adds what it asks of the member `name`.
    fn member(&self, name: &str, asked: &mut Vec<Id>) {
        let before = asked.len();
        asked.extend(self.properties.get(name));
        if !self.patterns.is_empty() {
            let name = Value::String(name.to_owned());
            let matching = self.patterns.iter().filter(|one| one.names.is_valid(&name));
            asked.extend(matching.map(|one| one.of));
        }
        if asked.len() == before {
            asked.extend(self.additional);
        }
    }

    /// What looks at the same value.
    fn in_place(&self) -> impl Iterator<Item = Id> {
        let choice = self.choice.iter();
        let choice = choice.flat_map(|one| [Some(one.test), one.then, one.otherwise]);
        let all = [&self.with, &self.any_of, &self.one_of, &self.beside];
        let dependent = self.dependent.iter().map(|one| one.1);
        let all = all.into_iter().flatten().copied();
        all.chain(choice.flatten()).chain(dependent)
    }

    /// What looks at its parts.
    fn downward(&self) -> impl Iterator<Item = Id> {
        let members = self.properties.values().copied();
        let patterns = self.patterns.iter().map(|one| one.of);
        let lists = [&self.first, &self.beneath].into_iter().flatten().copied();
        let rest = [self.additional, self.items].into_iter().flatten();
        members.chain(patterns).chain(lists).chain(rest)
    }

    /// All of these.
    fn next(&self) -> impl Iterator<Item = Id> {
        self.in_place().chain(self.downward())
    }
}
