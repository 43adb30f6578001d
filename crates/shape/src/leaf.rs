//! What can be said of one value by itself, and for certain: its kind, its choice
//! and its bounds.

use serde_json::{Number, Value};

use crate::graph::{Graph, Id, Node, Types, same};
use crate::words;

/// What is wrong with it: the keyword, and what is said behind its place.
pub(crate) type Wrong = (&'static str, String);

/// The first thing that is wrong with `value`.
pub(crate) fn wrong(graph: &Graph, together: &[Id], value: &Value) -> Option<Wrong> {
    let nodes = || together.iter().map(|id| graph.node(*id));
    let types = graph.types(together);
    if !types.take(value) {
        return Some(kind(types));
    }
    nodes().find_map(|node| of(node, value))
}

/// What is said of a value of another kind.
pub(crate) fn kind(types: Types) -> Wrong {
    let names = types.names();
    if names.is_empty() {
        return ("type", "can be of no type at all".to_owned());
    }
    ("type", words::must_be(&names))
}

/// The first property that must be there and is not.
pub(crate) fn missing<'g>(
    graph: &'g Graph,
    together: &[Id],
    has: impl Fn(&str) -> bool,
) -> Option<&'g str> {
    let required = together
        .iter()
        .flat_map(|id| &graph.node(*id).bounds.required);
    required.map(String::as_str).find(|name| !has(name))
}

fn of(node: &Node, value: &Value) -> Option<Wrong> {
    if node.never {
        return Some(("false", "is not allowed".to_owned()));
    }
    if let Some(options) = &node.options
        && !options.iter().any(|option| same(option, value))
    {
        return Some(("enum", words::one_of(options)));
    }
    let bounds = &node.bounds;
    match value {
        Value::Number(number) => number_of(node, number),
        Value::String(text) if bounds.min_length.is_some() || bounds.max_length.is_some() => {
            let count = text.chars().count() as u64;
            let few = bounds.min_length.filter(|limit| count < *limit);
            let many = bounds.max_length.filter(|limit| count > *limit);
            few.map(|limit| ("minLength", words::min_length(limit)))
                .or(many.map(|limit| ("maxLength", words::max_length(limit))))
        }
        Value::Array(items) => {
            let count = items.len() as u64;
            let few = bounds.min_items.filter(|limit| count < *limit);
            let many = bounds.max_items.filter(|limit| count > *limit);
            few.map(|limit| ("minItems", words::min_items(limit)))
                .or(many.map(|limit| ("maxItems", words::max_items(limit))))
        }
        Value::Object(members) => bounds
            .max_properties
            .filter(|limit| members.len() as u64 > *limit)
            .map(|limit| ("maxProperties", words::max_properties(limit))),
        _ => None,
    }
}

/// As floats: where rounding makes two numbers one, nothing is said.
fn number_of(node: &Node, number: &Number) -> Option<Wrong> {
    let value = number.as_f64()?;
    let bounds = &node.bounds;
    let limit = |limit: &Option<Number>, breaks: fn(f64, f64) -> bool| {
        let limit = limit.as_ref()?;
        breaks(value, limit.as_f64()?).then(|| limit.to_string())
    };
    // What is equal as a float may still be beyond; the library sees that.
    limit(&bounds.minimum, |value, limit| value < limit)
        .or_else(|| limit(&bounds.above, |value, limit| value < limit))
        .map(|limit| ("minimum", format!("must be at least {limit}")))
        .or_else(|| {
            limit(&bounds.maximum, |value, limit| value > limit)
                .or_else(|| limit(&bounds.below, |value, limit| value > limit))
                .map(|limit| ("maximum", format!("must be at most {limit}")))
        })
}
