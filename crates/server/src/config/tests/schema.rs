//! The JSON Schema against the reader (contracts, hyper 13): documents made
//! from the schema are read, and what it refuses is refused. What `check` says
//! of several keys together is left out: no schema knows it.

use std::cell::Cell;
use std::collections::HashSet;

use jsonschema::Validator;
use proptest::strategy::Union;
use proptest::string::string_regex;
use serde_json::{Value, json};

use super::super::form::{Form, Named};
use super::super::table::{Key, Table as _};
use proptest::strategy::Strategy;

use super::*;

/// Every variable is set, but for those that set something themselves.
pub(super) struct AllSet;

impl Env for AllSet {
    fn get(&self, name: &str) -> Option<String> {
        let is_ours = name.starts_with("TIDEGATE_");
        (!is_ours).then(|| "a-key-of-good-length".to_owned())
    }

    fn names(&self) -> Vec<String> {
        Vec::new()
    }
}

/// The keys that the reader does not take.
fn errors(document: &Value, folder: &std::path::Path) -> Vec<String> {
    let text = toml::to_string(document).unwrap();
    let mut cx = Reading::new(&AllSet, folder);
    let scalars = syntax::read(&text, &mut Document::default(), &mut cx);
    let problems = cx.finish("schema.toml", &text, &scalars);
    let errors = problems
        .iter()
        .filter(|one| one.severity == Severity::Error);
    errors.map(|one| one.key.clone()).collect()
}

/// Values that the schema takes, of any kind that `schema` writes.
pub(super) fn taken(schema: &Value) -> BoxedStrategy<Value> {
    if let Some(words) = schema["enum"].as_array() {
        return prop::sample::select(words.clone()).boxed();
    }
    if let Some(one) = schema.get("const") {
        return Just(one.clone()).boxed();
    }
    if schema.get("not").is_some() {
        let literal = "[!-~]{1,40}".prop_filter("hidden, or a variable", |text| {
            !text.starts_with("env:") && text != "***"
        });
        let text = prop_oneof![literal, "env:[A-Z_][A-Z0-9_]{0,9}"];
        return text.prop_map(Value::from).boxed();
    }
    if let Some(forms) = schema["anyOf"].as_array() {
        return Union::new(forms.iter().map(taken)).boxed();
    }
    let most = |name: &str| schema[name].as_u64().unwrap();
    match schema["type"].as_str().unwrap() {
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "integer" => (most("minimum")..=most("maximum"))
            .prop_map(Value::from)
            .boxed(),
        "number" => (0.0..=1.0_f64).prop_map(Value::from).boxed(),
        "array" => prop::collection::vec(taken(&schema["items"]), 1..3)
            .prop_map(Value::from)
            .boxed(),
        "string" => text(schema),
        "object" => object(schema),
        other => panic!("no values of {other}"),
    }
}

fn text(schema: &Value) -> BoxedStrategy<Value> {
    if schema.get("$comment").is_some() {
        let examples = schema["examples"].as_array().unwrap();
        return prop::sample::select(examples.clone()).boxed();
    }
    let pattern = schema["pattern"].as_str().unwrap();
    // Dialects differ in which signs are spaces: two are everywhere, and a mark
    // of byte order only in some.
    let pattern = pattern
        .replace(r"\s*", "[ \t]?")
        .replace(r"\s", r"\s\u{feff}");
    let pattern = pattern.trim_start_matches('^').trim_end_matches('$');
    let text = string_regex(pattern).unwrap();
    text.prop_map(Value::from).boxed()
}

fn object(schema: &Value) -> BoxedStrategy<Value> {
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let known = schema["properties"].as_object().unwrap().iter();
    let known: Vec<_> = known
        .map(|(name, one)| {
            let value = match required.contains(&json!(name)) {
                true => taken(one).prop_map(Some).boxed(),
                false => prop::option::weighted(0.3, taken(one)).boxed(),
            };
            (Just(name.clone()), value)
        })
        .collect();
    let free = match &schema["additionalProperties"] {
        Value::Object(_) => {
            let name = "[A-Za-z0-9_.-]{1,64}".prop_filter("sim is known", |name| name != SIM);
            prop::collection::vec((name, taken(&schema["additionalProperties"])), 0..3).boxed()
        }
        _ => Just(Vec::new()).boxed(),
    };
    let made = (known, free).prop_map(|(known, free)| {
        let known = known
            .into_iter()
            .filter_map(|(name, one)| Some((name, one?)));
        Value::Object(known.chain(free).collect())
    });
    made.boxed()
}

/// What a careless hand puts in the place of something.
fn odd() -> impl Strategy<Value = Value> {
    let text = |text: &str| json!(text);
    let texts = [
        "",
        " ",
        "x",
        "env:A",
        "env:a-b",
        "***",
        "10s",
        "1 kB",
        " 5 MiB ",
        "99999999h",
        "0",
        "0s",
        "0 KiB",
        "007ms",
        "1.5s",
        "64",
        "info",
        "a=b",
        "a = WARN,off",
        "gpt-*",
        "error",
        "sim",
        "a\u{7}b",
        "18446744073709551616B",
        "127.0.0.1:1",
        "https://a.example/v1",
    ];
    let others = [
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(5),
        json!(99),
        json!(1_u64 << 51),
        json!(0.5),
        json!(1.5),
        json!([]),
        json!(["a"]),
        json!([5]),
        json!({}),
        json!({ "size": 5 }),
    ];
    prop::sample::select(
        texts
            .iter()
            .copied()
            .map(text)
            .chain(others)
            .collect::<Vec<_>>(),
    )
}

/// How many places a document has, itself left out.
fn places(document: &Value) -> usize {
    let inner = |one: &Value| 1 + places(one);
    match document {
        Value::Object(entries) => entries.values().map(inner).sum(),
        Value::Array(items) => items.iter().map(inner).sum(),
        _ => 0,
    }
}

/// Does it to the place of this number, counted down; whether it was found.
fn at(document: &mut Value, place: &mut usize, edit: &Edit) -> bool {
    let names: Vec<_> = match document {
        Value::Object(entries) => entries.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => return false,
    };
    for name in names {
        if *place == 0 {
            change(document, &name, edit);
            return true;
        }
        *place -= 1;
        let inner = match document.is_object() {
            true => &mut document[&name],
            false => &mut document[name.parse::<usize>().unwrap()],
        };
        if at(inner, place, edit) {
            return true;
        }
    }
    false
}

fn change(document: &mut Value, name: &str, edit: &Edit) {
    match (edit, document) {
        (Edit::Replace(value), Value::Object(entries)) => entries[name] = value.clone(),
        (Edit::Replace(value), items) => items[name.parse::<usize>().unwrap()] = value.clone(),
        (Edit::Remove, Value::Object(entries)) => drop(entries.remove(name)),
        (Edit::Rename, Value::Object(entries)) => {
            let value = entries.remove(name).unwrap();
            entries.insert(format!("{name}x"), value);
        }
        _ => {}
    }
}

#[derive(Debug, Clone)]
enum Edit {
    Replace(Value),
    Remove,
    Rename,
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        6 => odd().prop_map(Edit::Replace),
        1 => Just(Edit::Remove),
        1 => Just(Edit::Rename),
    ]
}

/// The keys of whose texts no pattern says everything, and the examples of files.
fn wide() -> (HashSet<&'static str>, HashSet<&'static str>) {
    fn collect(
        keys: Vec<Key>,
        names: &mut HashSet<&'static str>,
        files: &mut HashSet<&'static str>,
    ) {
        for key in keys {
            match key.form {
                Form::Text(text) if text.is_wide => {
                    names.insert(key.name);
                    if text.expected.contains("file") {
                        files.extend(text.examples);
                    }
                }
                Form::Table(keys) => collect(keys, names, files),
                Form::Named(Named { keys, fixed, .. }) => {
                    collect(keys, names, files);
                    collect(fixed.map_or_else(Vec::new, |fixed| fixed.1), names, files);
                }
                _ => {}
            }
        }
    }
    let (mut names, mut files) = (HashSet::new(), HashSet::new());
    collect(Document::keys(), &mut names, &mut files);
    (names, files)
}

/// A folder that holds the examples of files.
fn folder(name: &str) -> PathBuf {
    let name = format!("tidegate-schema-{}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    for file in wide().1 {
        std::fs::write(folder.join(file), "").unwrap();
    }
    folder
}

fn validator() -> Validator {
    jsonschema::draft202012::new(&schema()).unwrap()
}

#[test]
fn hyper_13_the_schema_is_one_itself() {
    assert!(jsonschema::draft202012::meta::is_valid(&schema()));
    let pool = &schema()["properties"]["providers"]["additionalProperties"]["properties"]["pool"];
    let size = &pool["properties"]["size"];
    assert_eq!(
        (&size["minimum"], &size["maximum"]),
        (&json!(1), &json!(1_000_000))
    );
    assert_eq!(
        (&size["default"], &size["x-tidegate"]["recommended"]),
        (&json!(100), &json!("10 to 100"))
    );
    assert_eq!(size["x-tidegate"]["reload"], json!(true));
    let listen = &schema()["properties"]["listen"];
    assert_eq!(listen["x-tidegate"]["reload"], json!(false));
    assert_eq!(pool["additionalProperties"], json!(false));
    // Not the same port twice, for who takes the examples.
    for key in ["listen", "admin_listen"] {
        let key = &schema()["properties"][key];
        assert_eq!(key["examples"][0], key["default"]);
    }
}

#[test]
fn hyper_13_every_default_is_taken() {
    fn check(schema: &Value, path: &str) {
        if let Some(default) = schema.get("default") {
            assert!(jsonschema::is_valid(schema, default), "{path}: {default}");
        }
        for part in ["properties", "additionalProperties"] {
            let inner = if part == "properties" {
                &schema[part]
            } else {
                &schema[part]["properties"]
            };
            for (name, one) in inner.as_object().into_iter().flatten() {
                check(one, &format!("{path}.{name}"));
            }
        }
    }
    check(&schema(), "");
}

#[test]
fn hyper_13_documents_made_from_the_schema_are_read() {
    let (validator, folder) = (validator(), folder("taken"));
    proptest!(|(document in taken(&schema()))| {
        let refused = validator.iter_errors(&document).map(|error| error.to_string());
        prop_assert_eq!(refused.collect::<Vec<_>>(), Vec::<String>::new());
        prop_assert_eq!(errors(&document, &folder), Vec::<String>::new());
    });
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn hyper_13_what_the_schema_refuses_is_refused_and_nothing_else() {
    let (validator, folder) = (validator(), PathBuf::from("no/such/folder"));
    let wide = wide().0;
    let (taken_after, refused_after) = (Cell::new(0), Cell::new(0));
    proptest!(|(document in taken(&schema()), place in any::<prop::sample::Index>(), edit in edit())| {
        let mut document = document;
        let places = places(&document);
        prop_assume!(places > 0);
        at(&mut document, &mut place.index(places), &edit);
        let mut errors = errors(&document, &folder);
        if validator.is_valid(&document) {
            errors.retain(|key| !wide.contains(key.rsplit('.').next().unwrap()));
            prop_assert_eq!(errors, Vec::<String>::new(), "{}", document);
            taken_after.set(taken_after.get() + 1);
        } else {
            prop_assert!(!errors.is_empty(), "{} {:?}", document, edit);
            refused_after.set(refused_after.get() + 1);
        }
    });
    let both = (taken_after.get(), refused_after.get());
    assert!(both.0 > 0 && both.1 > 0, "both happen: {both:?}");
}
