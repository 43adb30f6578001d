//! The JSON Schema of the configuration file, made from the list of keys.
//!
//! Promises: 1. what it refuses, the reader refuses; 2. what it takes, the
//! reader takes, but for texts whose form no pattern says, files that are not
//! there, and what `check` finds in several keys together. The draft is
//! 2020-12; everything stands in its place, so that every editor follows it.

use serde_json::{Map, Value, json};

use super::bedrock;
use super::form::{Form, Measure, Named, Range, Text};
use super::found::OPENAI_KEY;
use super::keys::Document;
use super::kind::Dialect;
use super::numbers;
use super::presets::{Preset, presets};
use super::restart::is_followed;
use super::table::{Key, Shown, Table as _};

/// What a secret that stands for itself matches: what can stand in a header.
const LITERAL: &str = r"^\s*[!-~]+\s*$";
/// What names a variable.
const VARIABLE: &str = "^env:[A-Za-z_][A-Za-z0-9_]*$";
/// What was hidden when it was printed.
const HIDDEN: &str = r"^\s*\*\*\*\s*$";

/// The JSON Schema of the configuration file.
///
/// Beside the usual keywords each key has `x-tidegate`: its `order` in its
/// table from 0, its `type`, whether a running process follows a change of it
/// (`reload`), and where there is one what it may be (`range`) and its
/// `recommended` range, as people write them. The `kind` of a provider has the
/// `kinds`, one for each dialect, and the other `presets` as well.
pub fn schema() -> Value {
    let mut schema = table("", &Document::keys());
    let head = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tidegate.toml",
        "description": "The configuration of Tidegate.",
        "$comment": "Made by `tidegate check --schema`. `tidegate check` also says \
                     what several keys mean together.",
    });
    merge(&mut schema, head);
    let kind = "/properties/providers/additionalProperties/properties/kind/x-tidegate";
    if let Some(notes) = schema.pointer_mut(kind) {
        merge(notes, known());
    }
    schema
}

/// What is known of each kind: those of the dialects' own words, and the others.
fn known() -> Value {
    let of = |word: &str| presets().iter().find(|preset| preset.name == word);
    let dialects = Dialect::ALL.iter().map(|dialect| {
        let word = dialect.as_str();
        of(word).map_or_else(|| written(*dialect), preset)
    });
    let others = presets().iter();
    let others = others.filter(|preset| Dialect::of(&preset.name).is_none());
    json!({
        "kinds": dialects.collect::<Vec<_>>(),
        "presets": others.map(preset).collect::<Vec<_>>(),
    })
}

fn preset(preset: &Preset) -> Value {
    json!({
        "name": preset.name,
        "dialect": preset.dialect.as_str(),
        "base_url": preset.base_url.to_string(),
        "variables": preset.variables().collect::<Vec<_>>(),
        "found": preset.found,
        "usage": preset.usage.as_str(),
        "responses": preset.responses,
    })
}

/// A kind of which no more is known than how it speaks.
fn written(dialect: Dialect) -> Value {
    let (base_url, variables, found) = match dialect {
        // Without a file, and only there, its place is known.
        Dialect::OpenAi => (None, &[OPENAI_KEY][..], true),
        Dialect::Bedrock => (Some(bedrock::host("REGION")), bedrock::VARIABLES, false),
        _ => (None, &[][..], false),
    };
    json!({
        "name": dialect.as_str(),
        "dialect": dialect.as_str(),
        "base_url": base_url,
        "variables": variables,
        "found": found,
        "usage": if dialect.is_openai() { "ask" } else { "never" },
        "responses": dialect.is_openai(),
    })
}

/// A table at this path; the names of its keys follow behind a dot.
fn table(path: &str, keys: &[Key]) -> Value {
    let keys_by_order = keys.iter().enumerate();
    let properties: Map<_, _> = keys_by_order
        .map(|(order, key)| {
            (
                key.name.to_owned(),
                property(&join(path, key.name), order, key),
            )
        })
        .collect();
    let required: Vec<_> = keys.iter().filter(|key| key.required).collect();
    let required: Vec<_> = required.iter().map(|key| key.name).collect();
    let mut table = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        merge(&mut table, json!({ "required": required }));
    }
    table
}

fn property(path: &str, order: usize, key: &Key) -> Value {
    let mut property = form(path, &key.form);
    let is_table = matches!(key.form, Form::Table(_) | Form::Named(_));
    let description = match is_table {
        true => key.help.to_owned(),
        false => format!("{} Expected: {}.", key.help, key.form.expected()),
    };
    merge(&mut property, json!({ "description": description }));
    if !is_table && let Some(default) = value(&key.default) {
        merge(&mut property, json!({ "default": default }));
    }
    let mut notes = json!({ "order": order, "type": kind(&key.form) });
    if let Form::Named(named) = &key.form {
        merge(&mut notes, json!({ "names": named.names }));
    }
    if !is_table {
        merge(&mut notes, json!({ "reload": is_followed(path) }));
    }
    merge(&mut notes, range(&key.form));
    merge(&mut property, json!({ "x-tidegate": notes }));
    property
}

fn form(path: &str, form: &Form) -> Value {
    match form {
        Form::Flag => json!({ "type": "boolean" }),
        Form::Range(range) => number(range),
        Form::Ratio => json!({ "type": "number", "minimum": 0, "maximum": 1 }),
        Form::Price => json!({
            "type": "number", "minimum": 0, "maximum": 1_000_000, "examples": [2.5],
        }),
        Form::Text(text) => plain(text),
        Form::Secret(example) => json!({
            "type": "string",
            "pattern": LITERAL,
            "anyOf": [{ "pattern": VARIABLE }, { "not": { "pattern": "^env:" } }],
            "not": { "pattern": HIDDEN },
            "examples": [example],
        }),
        Form::Choice(words) => json!({ "enum": words }),
        Form::List(inner) => json!({
            "type": "array", "minItems": 1, "items": self::form(path, inner),
        }),
        Form::Table(keys) => table(path, keys),
        Form::Pairs {
            name,
            value,
            example,
            ..
        } => json!({
            "type": "object",
            "properties": {},
            "propertyNames": { "pattern": name },
            "additionalProperties": plain(value),
            "examples": [{ example.0: example.1 }],
        }),
        Form::Named(Named {
            keys, name, fixed, ..
        }) => json!({
            "type": "object",
            "properties": fixed.iter().map(|(name, keys)| {
                ((*name).to_owned(), table(&join(path, name), keys))
            }).collect::<Map<_, _>>(),
            "propertyNames": { "pattern": name },
            "additionalProperties": table(&join(path, "NAME"), keys),
        }),
    }
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

fn plain(text: &Text) -> Value {
    let mut form = json!({
        "type": "string", "pattern": text.pattern, "examples": text.examples,
    });
    if text.is_wide {
        merge(
            &mut form,
            json!({ "$comment": "Tidegate looks closer than the pattern." }),
        );
    }
    form
}

fn number(range: &Range) -> Value {
    let mut form = plain_number(range);
    if range.or_zero {
        // Their default says nothing of how a value looks.
        let example = match range.measure {
            Measure::Count => json!(range.min),
            Measure::Size => json!("2GiB"),
            Measure::Time => json!("90s"),
        };
        merge(&mut form, json!({ "examples": [example] }));
    }
    form
}

fn plain_number(range: &Range) -> Value {
    let whole = json!({ "type": "integer", "minimum": range.min, "maximum": range.max });
    let written = || json!({ "type": "string", "pattern": numbers::pattern(range) });
    let zero = range.or_zero.then(|| json!({ "const": 0 }));
    let mut forms = match range.measure {
        Measure::Count => vec![whole],
        Measure::Size => vec![written(), whole],
        // Zero is written with its unit, and stands in the pattern.
        Measure::Time => return written(),
    };
    forms.extend(zero);
    match forms.len() {
        1 => forms.remove(0),
        _ => json!({ "anyOf": forms }),
    }
}

/// The word for the kind of a value, for people.
fn kind(form: &Form) -> String {
    match form {
        Form::Flag => "boolean".to_owned(),
        Form::Range(range) => match range.measure {
            Measure::Count => "number".to_owned(),
            Measure::Size => "size".to_owned(),
            Measure::Time => "duration".to_owned(),
        },
        Form::Ratio => "ratio".to_owned(),
        Form::Price => "price".to_owned(),
        Form::Text(_) => "text".to_owned(),
        Form::Secret(_) => "secret".to_owned(),
        Form::Choice(_) => "choice".to_owned(),
        Form::List(inner) => format!("list of {}", kind(inner)),
        Form::Table(_) => "table".to_owned(),
        Form::Pairs { .. } => "table of texts".to_owned(),
        Form::Named(_) => "named tables".to_owned(),
    }
}

/// What a value may be, in few words.
fn range(form: &Form) -> Value {
    let range = match form {
        Form::Range(range) => return ranges(range),
        Form::Ratio => "0 to 1",
        Form::Price => "US dollars a million tokens",
        Form::Text(text) => text.expected.split(", such as").next().unwrap_or_default(),
        Form::List(inner) => return range(inner),
        _ => return json!({}),
    };
    json!({ "range": range })
}

fn ranges(range: &Range) -> Value {
    let span = |min, max| format!("{} to {}", range.show(min), range.show(max));
    let or_zero = if range.or_zero { ", or 0" } else { "" };
    let mut notes = json!({ "range": span(range.min, range.max) + or_zero });
    if let Some((min, max)) = range.advised {
        merge(&mut notes, json!({ "recommended": span(min, max) }));
    }
    notes
}

/// A value in JSON; nothing for one that is not set.
pub(super) fn value(shown: &Shown) -> Option<Value> {
    Some(match shown {
        Shown::Unset => return None,
        Shown::Flag(flag) => json!(flag),
        Shown::Count(number) => json!(number),
        Shown::Ratio(number) => json!(number),
        Shown::Text(text) => json!(text),
        Shown::List(items) => items.iter().map(value).collect(),
        Shown::Table(entries) => {
            let entries = entries.iter();
            let entries = entries.filter_map(|(name, one)| Some((name.clone(), value(one)?)));
            Value::Object(entries.collect())
        }
    })
}

fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}
