//! A value that fits a JSON Schema, always the same one, and arguments as text.
//!
//! Google's SDK writes the names of types in capitals, so they are read in both.

use serde_json::{Map, Value, json};

/// Every text.
const TEXT: &str = "Fl\u{fc}sse \u{6f6e}";

/// A value that fits `schema`; references lead into `whole`.
pub(crate) fn fill(schema: &Value, whole: &Value) -> Value {
    fill_within(schema, whole, 16)
}

fn fill_within(schema: &Value, whole: &Value, depth: usize) -> Value {
    if depth == 0 {
        return Value::Null;
    }
    let inner = |schema: &Value| fill_within(schema, whole, depth - 1);
    if let Some(place) = schema.get("$ref").and_then(Value::as_str) {
        return whole
            .pointer(place.trim_start_matches('#'))
            .map_or(Value::Null, inner);
    }
    if let Some(value) = schema.get("const") {
        return value.clone();
    }
    for several in ["anyOf", "oneOf", "allOf", "enum"] {
        let Some(first) = schema.get(several).and_then(|list| list.get(0)) else {
            continue;
        };
        return match several {
            "enum" => first.clone(),
            _ => inner(first),
        };
    }
    let kind = match &schema["type"] {
        Value::Array(kinds) => kinds.first().cloned().unwrap_or_default(),
        kind => kind.clone(),
    };
    match kind.as_str().unwrap_or("object").to_lowercase().as_str() {
        "string" => json!(TEXT),
        "integer" => json!(2),
        "number" => json!(1.5),
        "boolean" => json!(true),
        "null" => Value::Null,
        "array" => json!([inner(&schema["items"])]),
        _ => {
            let fields = schema["properties"].as_object();
            let filled = fields
                .into_iter()
                .flatten()
                .map(|(name, schema)| (name.clone(), inner(schema)));
            Value::Object(filled.collect())
        }
    }
}

/// Arguments with spaces and escapes that a writer of JSON would not choose: who
/// reads and writes them anew on the way is seen.
pub(crate) fn spaced(arguments: &Map<String, Value>) -> String {
    let fields: Vec<String> = arguments
        .iter()
        .map(|(name, value)| {
            let value = value.to_string().replace('\u{fc}', "\\u00fc");
            format!("{} : {value}", Value::from(name.as_str()))
        })
        .collect();
    format!("{{ {} }}", fields.join(", "))
}
