//! A schema's text into the graph: where subschemas stand, and where references lead.
//!
//! 1. Every place where a subschema may stand is visited, also those in `$defs` that
//!    nothing leads to.
//! 2. A reference leads into this text, or the schema is refused: nothing is fetched.
//! 3. One text is one document: no subschema has an identity or a dialect of its own.

use std::collections::BTreeMap;

use jsonschema::Draft;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::{Graph, Id, Node, ROOT, keywords, measure};
use crate::limits;
use crate::pointer;
use crate::schema::BadSchema;

/// Reads the schema `root` of this draft.
pub(crate) fn read(root: &Value, draft: Draft) -> Result<Graph, BadSchema> {
    let mut reader = Reader {
        root,
        age: Age::of(draft),
        draft,
        graph: Graph::default(),
        known: BTreeMap::new(),
        anchors: BTreeMap::new(),
        references: Vec::new(),
        patterns: 0,
        options: 0,
    };
    reader.node(String::new())?;
    let mut next = ROOT;
    loop {
        while next < reader.graph.nodes.len() {
            reader.visit(next)?;
            next += 1;
        }
        if reader.references.is_empty() {
            break;
        }
        for reference in std::mem::take(&mut reader.references) {
            reader.follow(reference)?;
        }
    }
    let mut graph = reader.graph;
    graph.patterns = reader.patterns;
    measure::measure(&mut graph)?;
    Ok(graph)
}

/// How old a draft is: keywords came and went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Age {
    Four,
    Six,
    Seven,
    Nineteen,
    Twenty,
}

impl Age {
    fn of(draft: Draft) -> Self {
        match draft {
            Draft::Draft4 => Self::Four,
            Draft::Draft6 => Self::Six,
            Draft::Draft7 => Self::Seven,
            Draft::Draft201909 => Self::Nineteen,
            _ => Self::Twenty,
        }
    }
}

/// A reference that is followed when all places are known.
struct Reference {
    from: Id,
    to: String,
    /// `$dynamicRef` and `$recursiveRef` lead where the way there says: that is not
    /// followed, only counted.
    dynamic: bool,
}

pub(super) struct Reader<'s> {
    root: &'s Value,
    pub(super) age: Age,
    pub(super) draft: Draft,
    pub(super) graph: Graph,
    known: BTreeMap<String, Id>,
    /// The place of each name, or of several.
    anchors: BTreeMap<String, Vec<Id>>,
    references: Vec<Reference>,
    pub(super) patterns: usize,
    pub(super) options: usize,
}

impl Reader<'_> {
    /// The subschema at `pointer`.
    fn node(&mut self, pointer: String) -> Result<Id, BadSchema> {
        if let Some(id) = self.known.get(&pointer) {
            return Ok(*id);
        }
        let id = self.graph.nodes.len();
        if id == limits::SUBSCHEMAS {
            let most = limits::SUBSCHEMAS;
            return Err(BadSchema::new(
                pointer,
                format!("the schema has more than {most} subschemas"),
            ));
        }
        self.graph.nodes.push(Node {
            pointer: pointer.clone(),
            ..Node::default()
        });
        self.known.insert(pointer, id);
        Ok(id)
    }

    /// The subschema in `parent` under `steps`.
    pub(super) fn child(&mut self, parent: Id, steps: &[&str]) -> Result<Id, BadSchema> {
        let mut place = self.graph.nodes[parent].pointer.clone();
        for step in steps {
            pointer::push(&mut place, step);
        }
        self.node(place)
    }

    /// The subschemas of the list in `parent` under `keyword`.
    pub(super) fn list(
        &mut self,
        parent: Id,
        keyword: &str,
        list: &Value,
    ) -> Result<Vec<Id>, BadSchema> {
        let count = list.as_array().map_or(0, Vec::len);
        (0..count)
            .map(|index| self.child(parent, &[keyword, &index.to_string()]))
            .collect()
    }

    fn visit(&mut self, id: Id) -> Result<(), BadSchema> {
        let root = self.root;
        let place = self.graph.nodes[id].pointer.clone();
        match root.pointer(&place) {
            Some(Value::Bool(all)) => {
                self.graph.nodes[id].never = !all;
                Ok(())
            }
            Some(Value::Object(members)) => self.members(id, members),
            _ => Err(BadSchema::new(place, "a schema must stand here")),
        }
    }

    fn members(&mut self, id: Id, members: &Map<String, Value>) -> Result<(), BadSchema> {
        self.identity(id, members)?;
        for (keyword, dynamic) in [
            ("$ref", false),
            ("$dynamicRef", true),
            ("$recursiveRef", true),
        ] {
            if let Some(Value::String(to)) = members.get(keyword) {
                self.references.push(Reference {
                    from: id,
                    to: to.clone(),
                    dynamic,
                });
            }
        }
        for keyword in ["$defs", "definitions"] {
            if let Some(Value::Object(kept)) = members.get(keyword) {
                for name in kept.keys() {
                    self.child(id, &[keyword, name])?;
                }
            }
        }
        // In the older drafts nothing counts beside a reference.
        if self.age <= Age::Seven && members.contains_key("$ref") {
            return Ok(());
        }
        for (keyword, value) in members {
            keywords::take(self, id, keyword, value, members)?;
        }
        Ok(())
    }

    /// What the subschema is called, and that it is none of its own.
    fn identity(&mut self, id: Id, members: &Map<String, Value>) -> Result<(), BadSchema> {
        let mut names: Vec<&str> = Vec::new();
        for keyword in ["$anchor", "$dynamicAnchor", "$id", "id"] {
            let Some(Value::String(name)) = members.get(keyword) else {
                continue;
            };
            match name.strip_prefix('#') {
                _ if keyword.ends_with("nchor") => names.push(name),
                Some(name) => names.push(name),
                None if id == ROOT || (keyword == "id" && self.age > Age::Four) => {}
                None => return Err(self.refused(id, keyword)),
            }
        }
        if id != ROOT && members.get("$schema").is_some_and(Value::is_string) {
            return Err(self.refused(id, "$schema"));
        }
        for name in names {
            self.anchors.entry(name.to_owned()).or_default().push(id);
        }
        Ok(())
    }

    fn refused(&self, id: Id, keyword: &str) -> BadSchema {
        BadSchema::new(
            self.graph.nodes[id].pointer.clone(),
            format!(
                "a schema inside a schema cannot have a `{keyword}` of its own here; \
                 put it into `$defs` without one, and point there with `$ref`"
            ),
        )
    }

    fn follow(&mut self, reference: Reference) -> Result<(), BadSchema> {
        let targets = self.targets(&reference)?;
        let node = &mut self.graph.nodes[reference.from];
        if reference.dynamic {
            node.unread = true;
            node.beside.extend(targets);
        } else {
            node.with.extend(targets);
        }
        Ok(())
    }

    fn targets(&mut self, reference: &Reference) -> Result<Vec<Id>, BadSchema> {
        let bad = |what: &str| {
            let mut place = self.graph.nodes[reference.from].pointer.clone();
            pointer::push(
                &mut place,
                if reference.dynamic {
                    "$dynamicRef"
                } else {
                    "$ref"
                },
            );
            BadSchema::new(place, what)
        };
        let own = self.root.get("$id").or_else(|| self.root.get("id"));
        let own = own.and_then(Value::as_str).unwrap_or_default();
        let inside = match reference.to.strip_prefix(own.trim_end_matches('#')) {
            Some(rest) if rest.is_empty() || rest.starts_with('#') => rest,
            _ if reference.to.starts_with('#') => reference.to.as_str(),
            _ => {
                return Err(bad(
                    "references lead into the schema's own text only, nothing is fetched; \
                     put what is meant into `$defs`",
                ));
            }
        };
        let fragment = percent_decode_str(inside.trim_start_matches('#')).decode_utf8();
        let Ok(fragment) = fragment else {
            return Err(bad("the reference is not UTF-8"));
        };
        if fragment.is_empty() || fragment.starts_with('/') {
            if self.root.pointer(&fragment).is_none() {
                return Err(bad("the reference leads nowhere"));
            }
            return Ok(vec![self.node(fragment.into_owned())?]);
        }
        match self.anchors.get(fragment.as_ref()) {
            Some(ids) if reference.dynamic || ids.len() == 1 => Ok(ids.clone()),
            Some(_) => Err(bad("the name it refers to stands twice")),
            None => Err(bad("the reference leads nowhere")),
        }
    }
}
