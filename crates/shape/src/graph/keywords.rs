//! One keyword into its node: one arm each, for the drafts that have it.
//!
//! A keyword that is not here asks nothing that can be known of a value before the
//! library has looked at it.

use jsonschema::{Draft, Validator};
use serde_json::{Map, Number, Value, json};

use super::build::{Age, Reader};
use super::{Choice, Format, Id, Node, Pattern, Types};
use crate::limits;
use crate::schema::{BadSchema, options};

/// Takes the keyword into the node.
pub(super) fn take(
    reader: &mut Reader<'_>,
    id: Id,
    keyword: &str,
    value: &Value,
    members: &Map<String, Value>,
) -> Result<(), BadSchema> {
    let age = reader.age;
    match keyword {
        "enum" | "const" => return chosen(reader, id, keyword, value),
        "format" => return format(reader, id, value),
        "patternProperties" => return patterns(reader, id, value),
        "pattern" => return pattern(reader, id, value),
        "allOf" => {
            let list = reader.list(id, keyword, value)?;
            reader.graph.nodes[id].with.extend(list);
        }
        "anyOf" => reader.graph.nodes[id].any_of = reader.list(id, keyword, value)?,
        "oneOf" => {
            reader.graph.nodes[id].one_of = reader.list(id, keyword, value)?;
            reader.graph.has_one_of = true;
        }
        "not" => {
            let child = reader.child(id, &[keyword])?;
            reader.graph.nodes[id].beside.push(child);
        }
        "if" if age >= Age::Seven => choice(reader, id, members)?,
        "dependentSchemas" | "dependencies" => dependent(reader, id, keyword, value)?,
        "properties" => {
            for name in value.as_object().into_iter().flat_map(Map::keys) {
                let child = reader.child(id, &[keyword, name])?;
                reader.graph.nodes[id]
                    .properties
                    .insert(name.clone(), child);
            }
        }
        "additionalProperties" => {
            let child = reader.child(id, &[keyword])?;
            reader.graph.nodes[id].additional = Some(child);
        }
        "items" => items(reader, id, value)?,
        "prefixItems" if age == Age::Twenty => {
            reader.graph.nodes[id].first = reader.list(id, keyword, value)?;
        }
        "additionalItems"
            if age < Age::Twenty && members.get("items").is_some_and(Value::is_array) =>
        {
            let child = reader.child(id, &[keyword])?;
            reader.graph.nodes[id].items = Some(child);
        }
        "contains" | "propertyNames" if age >= Age::Six => beneath(reader, id, keyword)?,
        "unevaluatedItems" | "unevaluatedProperties" if age >= Age::Nineteen => {
            beneath(reader, id, keyword)?;
        }
        _ => bound(&mut reader.graph.nodes[id], age, keyword, value),
    }
    Ok(())
}

/// The keywords that are one plain value.
fn bound(node: &mut Node, age: Age, keyword: &str, value: &Value) {
    let bounds = &mut node.bounds;
    let number = || value.as_number().cloned();
    match keyword {
        "type" => node.types = types(value),
        "required" => {
            let names = value.as_array().into_iter().flatten();
            bounds.required = names
                .filter_map(|name| Some(name.as_str()?.to_owned()))
                .collect();
        }
        "minimum" => bounds.minimum = number(),
        "maximum" => bounds.maximum = number(),
        "exclusiveMinimum" if age >= Age::Six => bounds.above = number(),
        "exclusiveMaximum" if age >= Age::Six => bounds.below = number(),
        "minLength" => bounds.min_length = count(value),
        "maxLength" => bounds.max_length = count(value),
        "minItems" => bounds.min_items = count(value),
        "maxItems" => bounds.max_items = count(value),
        "maxProperties" => bounds.max_properties = count(value),
        _ => {}
    }
}

/// A count, which may be written as `2.0`.
fn count(value: &Value) -> Option<u64> {
    let float = value.as_f64().filter(|float| float.fract() == 0.0);
    value.as_u64().or_else(|| {
        Number::from_f64(float?)?
            .to_string()
            .trim_end_matches(".0")
            .parse()
            .ok()
    })
}

fn types(value: &Value) -> Option<Types> {
    match value {
        Value::String(name) => Types::named(name),
        Value::Array(names) => {
            let mut types = Types::NONE;
            for name in names {
                types = types.or(Types::named(name.as_str()?)?);
            }
            Some(types)
        }
        _ => None,
    }
}

fn chosen(reader: &mut Reader<'_>, id: Id, keyword: &str, value: &Value) -> Result<(), BadSchema> {
    let options = match (keyword, value) {
        ("const", _) if reader.age == Age::Four => return Ok(()),
        ("const", value) => vec![value.clone()],
        (_, Value::Array(options)) => options.clone(),
        _ => return Ok(()),
    };
    let weight = |option: &Value| match option {
        Value::Array(_) | Value::Object(_) => 32,
        _ => 1,
    };
    reader.options += options.iter().map(weight).sum::<usize>();
    if reader.options > limits::OPTIONS {
        let most = limits::OPTIONS;
        return Err(bad(
            reader,
            id,
            &format!("the schema has more than {most} values in `enum` and `const`"),
        ));
    }
    let node = &mut reader.graph.nodes[id];
    // Both may stand at one value; what fits is then in both.
    node.options = Some(match node.options.take() {
        Some(before) => before
            .into_iter()
            .filter(|one| options.iter().any(|other| same(one, other)))
            .collect(),
        None => options,
    });
    Ok(())
}

/// Whether JSON Schema takes them as one: `1` and `1.0` are.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            one == other || (one.is_f64() || other.is_f64()) && one.as_f64() == other.as_f64()
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let alike = |(name, one)| other.get(name).is_some_and(|other| same(one, other));
            one.len() == other.len() && one.iter().all(alike)
        }
        _ => one == other,
    }
}

fn format(reader: &mut Reader<'_>, id: Id, value: &Value) -> Result<(), BadSchema> {
    let Value::String(name) = value else {
        return Ok(());
    };
    let taken = small(reader.draft, &json!({ "format": name }), reader, id)?;
    reader.graph.nodes[id].format = Some(Format {
        name: name.clone(),
        taken,
    });
    Ok(())
}

fn pattern(reader: &mut Reader<'_>, id: Id, value: &Value) -> Result<(), BadSchema> {
    match value {
        Value::String(pattern) => counted(reader, id, pattern),
        _ => Ok(()),
    }
}

fn patterns(reader: &mut Reader<'_>, id: Id, value: &Value) -> Result<(), BadSchema> {
    for pattern in value.as_object().into_iter().flat_map(Map::keys) {
        counted(reader, id, pattern)?;
        let names = small(reader.draft, &json!({ "pattern": pattern }), reader, id)?;
        let of = reader.child(id, &["patternProperties", pattern])?;
        reader.graph.nodes[id].patterns.push(Pattern { names, of });
    }
    Ok(())
}

fn counted(reader: &mut Reader<'_>, id: Id, pattern: &str) -> Result<(), BadSchema> {
    reader.patterns += 1;
    if reader.patterns > limits::PATTERNS {
        let most = limits::PATTERNS;
        return Err(bad(
            reader,
            id,
            &format!("the schema has more than {most} patterns"),
        ));
    }
    if pattern.len() > limits::PATTERN_BYTES {
        let most = limits::PATTERN_BYTES;
        return Err(bad(
            reader,
            id,
            &format!("the pattern has more than {most} bytes"),
        ));
    }
    Ok(())
}

/// One keyword as a schema of its own.
fn small(
    draft: Draft,
    schema: &Value,
    reader: &Reader<'_>,
    id: Id,
) -> Result<Validator, BadSchema> {
    let built = options().with_draft(draft).build(schema);
    built.map_err(|error| BadSchema::of(&reader.graph.nodes[id].pointer, &error))
}

fn bad(reader: &Reader<'_>, id: Id, what: &str) -> BadSchema {
    BadSchema::new(reader.graph.nodes[id].pointer.clone(), what)
}

fn choice(reader: &mut Reader<'_>, id: Id, members: &Map<String, Value>) -> Result<(), BadSchema> {
    let mut branch = |keyword: &str| {
        let stands = members.contains_key(keyword);
        stands.then(|| reader.child(id, &[keyword])).transpose()
    };
    if let Some(test) = branch("if")? {
        let choice = Choice {
            test,
            then: branch("then")?,
            otherwise: branch("else")?,
        };
        reader.graph.nodes[id].choice = Some(choice);
    }
    Ok(())
}

fn dependent(
    reader: &mut Reader<'_>,
    id: Id,
    keyword: &str,
    value: &Value,
) -> Result<(), BadSchema> {
    for (name, schema) in value.as_object().into_iter().flatten() {
        // A list of names is no schema.
        if !schema.is_array() {
            let child = reader.child(id, &[keyword, name])?;
            let dependent = &mut reader.graph.nodes[id].dependent;
            dependent.push((name.clone(), child));
        }
    }
    Ok(())
}

fn items(reader: &mut Reader<'_>, id: Id, value: &Value) -> Result<(), BadSchema> {
    if value.is_array() {
        reader.graph.nodes[id].first = reader.list(id, "items", value)?;
    } else {
        let child = reader.child(id, &["items"])?;
        reader.graph.nodes[id].items = Some(child);
    }
    Ok(())
}

fn beneath(reader: &mut Reader<'_>, id: Id, keyword: &str) -> Result<(), BadSchema> {
    let child = reader.child(id, &[keyword])?;
    reader.graph.nodes[id].beneath.push(child);
    Ok(())
}
