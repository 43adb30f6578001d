//! A value that fits a JSON Schema, the same one each time.
//!
//! It knows `type`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`,
//! `enum`, `const`, `pattern` where a text for it is found, the bounds of strings, numbers and
//! arrays, the usual `format`s, `allOf`, the first branch of `anyOf` and `oneOf`, and `$ref` inside
//! of the schema; it does not look at `not`, `if` and the rest. A text is the name of its property.
//! Promise: no schema makes it recurse deeper than [`DEEPEST`] or make more than [`MOST`] values.

use serde_json::{Map, Number, Value};

use crate::pattern::matching;

/// Below this depth only what is required is made, and a branch that ends is preferred.
const DEEP: usize = 6;
/// How deep a value may be.
const DEEPEST: usize = 48;
/// How many values one may hold.
const MOST: usize = 4_096;
/// The longest text.
const LONGEST: u64 = 64 * 1024;

/// Makes a value; a schema that cannot be met is told in one clause.
pub(crate) fn fitting(schema: &Value) -> Result<Value, String> {
    let mut maker = Maker {
        root: schema,
        left: MOST,
    };
    maker.make(
        schema,
        At {
            name: "text",
            depth: 0,
            nth: 0,
        },
    )
}

/// Where a value is to stand.
#[derive(Clone, Copy)]
struct At<'a> {
    /// The property that it is, or is in.
    name: &'a str,
    depth: usize,
    /// Which of the items of an array, from 0.
    nth: u64,
}

struct Maker<'a> {
    root: &'a Value,
    left: usize,
}

impl Maker<'_> {
    fn make(&mut self, schema: &Value, at: At<'_>) -> Result<Value, String> {
        if at.depth > DEEPEST {
            return Err(format!("`{}` goes deeper than {DEEPEST} levels", at.name));
        }
        self.left = self
            .left
            .checked_sub(1)
            .ok_or_else(|| format!("it asks for more than {MOST} values"))?;
        let keys = match schema {
            Value::Object(keys) => keys,
            Value::Bool(true) => return Ok(at.name.into()),
            _ => return Err(format!("nothing fits the schema of `{}`", at.name)),
        };
        if let Some(path) = keys.get("$ref") {
            let target = self.target(path)?;
            return self.make(
                &target,
                At {
                    depth: at.depth + 1,
                    ..at
                },
            );
        }
        if let Some(value) = keys.get("const") {
            return Ok(value.clone());
        }
        if let Some(values) = keys.get("enum") {
            let values = values.as_array().filter(|values| !values.is_empty());
            let values = values.ok_or_else(|| format!("the `enum` of `{}` is empty", at.name))?;
            let nth = usize::try_from(at.nth).unwrap_or(0) % values.len();
            return Ok(values[nth].clone());
        }
        if let Some(merged) = self.merged(keys, at)? {
            return self.make(
                &merged,
                At {
                    depth: at.depth + 1,
                    ..at
                },
            );
        }
        match kind(keys, at) {
            "object" => self.object(keys, at),
            "array" => self.array(keys, at),
            "string" => string(keys, at),
            "integer" => number(keys, at, true),
            "number" => number(keys, at, false),
            "boolean" => Ok(at.nth.is_multiple_of(2).into()),
            "null" => Ok(Value::Null),
            other => Err(format!("`{}` has the unknown type `{other}`", at.name)),
        }
    }

    /// What a `$ref` names.
    fn target(&self, path: &Value) -> Result<Value, String> {
        let path = path.as_str().unwrap_or_default();
        let found = path
            .strip_prefix('#')
            .and_then(|pointer| self.root.pointer(pointer));
        // A definition is small beside the value that is made from it.
        found
            .cloned()
            .ok_or_else(|| format!("there is no `{path}` in it"))
    }

    /// The schema with its `allOf`, or one branch of its `anyOf` or `oneOf`, put into it.
    fn merged(&self, keys: &Map<String, Value>, at: At<'_>) -> Result<Option<Value>, String> {
        let mut parts = Vec::new();
        if let Some(all) = keys.get("allOf").and_then(Value::as_array) {
            parts.extend(all);
        }
        for word in ["anyOf", "oneOf"] {
            let Some(branches) = keys.get(word).and_then(Value::as_array) else {
                continue;
            };
            let ends = |branch: &&Value| {
                ["$ref", "properties", "items", "anyOf", "oneOf", "allOf"]
                    .iter()
                    .all(|key| branch.get(key).is_none())
            };
            let deep = at.depth >= DEEP;
            let branch = branches
                .iter()
                .find(ends)
                .filter(|_| deep)
                .or_else(|| branches.first());
            parts.push(branch.ok_or_else(|| format!("the `{word}` of `{}` is empty", at.name))?);
        }
        if parts.is_empty() {
            return Ok(None);
        }
        let mut whole = keys.clone();
        for word in ["allOf", "anyOf", "oneOf"] {
            whole.remove(word);
        }
        for part in parts {
            let part = match part.get("$ref") {
                Some(path) => self.target(path)?,
                None => part.clone(),
            };
            join(&mut whole, part);
        }
        Ok(Some(Value::Object(whole)))
    }

    fn object(&mut self, keys: &Map<String, Value>, at: At<'_>) -> Result<Value, String> {
        let none = Map::new();
        let properties = keys
            .get("properties")
            .and_then(Value::as_object)
            .unwrap_or(&none);
        let required: Vec<&str> = keys
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut object = Map::new();
        for (name, schema) in properties {
            if at.depth < DEEP || required.contains(&name.as_str()) {
                let inside = At {
                    name,
                    depth: at.depth + 1,
                    nth: at.nth,
                };
                object.insert(name.clone(), self.make(schema, inside)?);
            }
        }
        let anything = Value::Bool(true);
        let more = keys
            .get("additionalProperties")
            .filter(|more| more.is_object());
        let unlisted = required
            .iter()
            .filter(|name| !properties.contains_key(**name));
        let shown = (properties.is_empty() && more.is_some() && at.depth < DEEP).then_some(&"key");
        for name in unlisted.chain(shown) {
            let inside = At {
                name,
                depth: at.depth + 1,
                nth: 0,
            };
            let value = self.make(more.unwrap_or(&anything), inside)?;
            object.insert((*name).to_owned(), value);
        }
        Ok(object.into())
    }

    fn array(&mut self, keys: &Map<String, Value>, at: At<'_>) -> Result<Value, String> {
        let bound = |key: &str| keys.get(key).and_then(Value::as_u64);
        let first = keys.get("prefixItems").and_then(Value::as_array);
        let first = first.map(Vec::as_slice).unwrap_or_default();
        let anything = Value::Bool(true);
        let rest = match keys.get("items") {
            Some(Value::Bool(false)) => None,
            Some(schema) => Some(schema),
            None if first.is_empty() => Some(&anything),
            None => None,
        };
        let usual = u64::from(at.depth < DEEP).max(first.len() as u64);
        let most = bound("maxItems").unwrap_or(u64::MAX);
        let count = usual.max(bound("minItems").unwrap_or(0)).min(most);
        let mut items = Vec::new();
        for nth in 0..count {
            let schema = usize::try_from(nth)
                .ok()
                .and_then(|nth| first.get(nth))
                .or(rest);
            let Some(schema) = schema else { break };
            items.push(self.make(
                schema,
                At {
                    nth,
                    depth: at.depth + 1,
                    ..at
                },
            )?);
        }
        Ok(items.into())
    }
}

/// The type that is made: the first of several that is not null, or what the keys are about.
fn kind<'a>(keys: &'a Map<String, Value>, at: At<'_>) -> &'a str {
    match keys.get("type") {
        Some(Value::String(kind)) => kind,
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            let null = at.depth >= DEEP && kinds.clone().any(|kind| kind == "null");
            let kind = if null {
                None
            } else {
                kinds.find(|kind| *kind != "null")
            };
            kind.unwrap_or("null")
        }
        _ => {
            let has = |names: &[&str]| names.iter().any(|name| keys.contains_key(*name));
            if has(&["properties", "required", "additionalProperties"]) {
                "object"
            } else if has(&["items", "prefixItems", "minItems"]) {
                "array"
            } else if has(&[
                "minimum",
                "maximum",
                "exclusiveMinimum",
                "exclusiveMaximum",
                "multipleOf",
            ]) {
                "number"
            } else {
                "string"
            }
        }
    }
}

/// Puts another schema into one: its properties and required names beside those that are there.
fn join(into: &mut Map<String, Value>, part: Value) {
    let Value::Object(part) = part else { return };
    for (key, value) in part {
        match (into.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(new)) if key == "properties" => {
                there.extend(new)
            }
            (Some(Value::Array(there)), Value::Array(new)) if key == "required" => {
                there.extend(new)
            }
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

fn string(keys: &Map<String, Value>, at: At<'_>) -> Result<Value, String> {
    let format = keys
        .get("format")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let known = match format {
        "date-time" => "2023-11-14T22:13:20Z",
        "date" => "2023-11-14",
        "time" => "22:13:20Z",
        "duration" => "PT1H",
        "email" => "tide@example.com",
        "hostname" => "example.com",
        "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "uri" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000001",
        _ => "",
    };
    if !known.is_empty() {
        return Ok(known.into());
    }
    let bound = |key: &str| keys.get(key).and_then(Value::as_u64);
    let least = bound("minLength").unwrap_or(0);
    if least > LONGEST {
        return Err(format!("`{}` is longer than {LONGEST} characters", at.name));
    }
    let most = bound("maxLength").unwrap_or(LONGEST);
    if let Some(pattern) = keys.get("pattern").and_then(Value::as_str)
        && let Some(text) = matching(pattern, least, most)
    {
        return Ok(text.into());
    }
    Ok(named(at, least, most).into())
}

/// The name of the property, again and again where that is too short.
fn named(at: At<'_>, least: u64, most: u64) -> String {
    let number = match at.nth {
        0 => String::new(),
        nth => (nth + 1).to_string(),
    };
    let once = at.name.chars().chain(number.chars());
    let again = std::iter::once(' ').chain(at.name.chars()).cycle();
    let usual = once.clone().count();
    let least = usize::try_from(least).unwrap_or(usize::MAX);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    once.chain(again)
        .take(usual.max(least).min(most.max(least)))
        .collect()
}

/// Near 1, and a step further for each item of an array.
fn number(keys: &Map<String, Value>, at: At<'_>, whole: bool) -> Result<Value, String> {
    let bound = |key: &str| keys.get(key).and_then(Value::as_f64);
    let step = bound("multipleOf")
        .filter(|step| *step > 0.0)
        .unwrap_or(1.0);
    let least = match (bound("minimum"), bound("exclusiveMinimum")) {
        (at_least, Some(above)) => Some(at_least.unwrap_or(f64::MIN).max(above)),
        (at_least, None) => at_least,
    };
    let allowed = |value: f64| {
        bound("minimum").is_none_or(|least| value >= least)
            && bound("exclusiveMinimum").is_none_or(|least| value > least)
            && bound("maximum").is_none_or(|most| value <= most)
            && bound("exclusiveMaximum").is_none_or(|most| value < most)
            && (!whole || value.fract() == 0.0)
    };
    let most = bound("maximum")
        .or(bound("exclusiveMaximum"))
        .unwrap_or(f64::MAX);
    let first = (least.unwrap_or(1.0).max(1.0_f64.min(most)) / step).ceil() * step;
    let low = (least.unwrap_or(0.0) / step).ceil() * step;
    let middle = f64::midpoint(least.unwrap_or(most - 1.0), most);
    let wanted = first + step * at.nth as f64;
    let tried = [
        wanted,
        first,
        first + step,
        low,
        low + step,
        (most / step).floor() * step,
        (most / step).floor() * step - step,
    ];
    let stepped = keys.contains_key("multipleOf");
    // The middle is for narrow bounds, and is no multiple of anything.
    let mut tried = tried.into_iter().chain((!stepped).then_some(middle));
    let found = tried.find(|value| allowed(*value));
    let value = found.ok_or_else(|| format!("no number fits the bounds of `{}`", at.name))?;
    if value.fract() == 0.0 && value.abs() < 9e15 {
        // Exact: a whole number of at most 53 bits.
        return Ok((value as i64).into());
    }
    let number = Number::from_f64(value).map(Value::Number);
    number.ok_or_else(|| format!("no number fits the bounds of `{}`", at.name))
}
