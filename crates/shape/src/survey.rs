//! What is wrong with a document, found by our own walk: less than the library
//! finds, and never more work than there is document.
//!
//! For documents so large, or schemas so entangled, that a list of all errors would
//! have no bound.

use serde_json::Value;

use crate::graph::{Graph, Id, ROOT};
use crate::leaf;
use crate::pointer::{place, push, push_index};
use crate::schema::Schema;
use crate::violation::{MOST, Violation};
use crate::words;

/// Adds what is found, at most as much as is told.
pub(crate) fn survey(schema: &Schema, document: &Value, found: &mut Vec<Violation>) {
    let mut walk = Walk {
        schema,
        graph: schema.graph(),
        found,
    };
    walk.value(&[ROOT], document, &mut String::new());
}

struct Walk<'a> {
    schema: &'a Schema,
    graph: &'a Graph,
    found: &'a mut Vec<Violation>,
}

impl Walk<'_> {
    fn value(&mut self, asked: &[Id], value: &Value, at: &mut String) {
        if asked.is_empty() || self.found.len() >= MOST {
            return;
        }
        let together = self.graph.together(asked);
        let before = self.found.len();
        if let Some(wrong) = leaf::wrong(self.graph, &together, value) {
            self.add(at, wrong);
        }
        let end = at.len();
        match value {
            Value::Object(members) => {
                let has = |name: &str| members.contains_key(name);
                if let Some(name) = leaf::missing(self.graph, &together, has) {
                    let message = words::required(at, name);
                    self.found
                        .push(Violation::new(at.as_str(), "required", &message));
                }
                for (name, value) in members {
                    let asked = self.graph.member(&together, name);
                    if asked.iter().any(|id| self.graph.node(*id).never) {
                        let message = words::not_allowed(at, name);
                        self.found.push(Violation::new(
                            at.as_str(),
                            "additionalProperties",
                            &message,
                        ));
                        continue;
                    }
                    push(at, name);
                    self.value(&asked, value, at);
                    at.truncate(end);
                }
            }
            Value::Array(items) => {
                for (index, value) in items.iter().enumerate() {
                    push_index(at, index);
                    self.value(&self.graph.item(&together, index), value, at);
                    at.truncate(end);
                }
            }
            _ => {}
        }
        // What is wrong further in is the reason, if something is.
        if self.found.len() == before {
            self.alternatives(&together, value, at);
        }
    }

    fn alternatives(&mut self, together: &[Id], value: &Value, at: &str) {
        for id in together {
            let node = self.graph.node(*id);
            for (keyword, list) in [("anyOf", &node.any_of), ("oneOf", &node.one_of)] {
                if !list.is_empty() && !list.iter().any(|part| self.schema.fits(*part, value)) {
                    self.add(at, (keyword, words::NONE.to_owned()));
                }
            }
        }
    }

    fn add(&mut self, at: &str, (keyword, says): (&'static str, String)) {
        let message = format!("{} {says}", place(at));
        self.found.push(Violation::new(at, keyword, &message));
    }
}
