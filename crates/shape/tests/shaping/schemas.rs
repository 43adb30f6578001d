//! What is a schema, what is refused as one, and how they are kept;
//! and what is said of documents that do not fit.

use std::sync::Arc;
use std::thread;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_shape::{Options, Schema, Schemas, limits, shape};

fn compile(schema: &Value) -> Schema {
    Schema::compile(&schema.to_string()).unwrap()
}

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "pattern": "^[A-Z]" },
            "age": { "type": "integer", "minimum": 0, "maximum": 65 },
            "tags": { "type": "array", "items": { "type": "string" } },
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

#[test]
fn r_g7_a_text_is_compiled_once_and_the_oldest_leaves() {
    let schemas = Schemas::new(3, 1 << 20);
    let text = |n: usize| json!({ "maximum": n }).to_string();
    let first = schemas.compile(&text(0)).unwrap();
    for n in [1, 2, 0, 3] {
        schemas.compile(&text(n)).unwrap();
    }
    // 1 was asked for the longest time ago.
    let counts = schemas.counts();
    assert_eq!(
        (counts.hits, counts.misses, counts.evicted, counts.held),
        (1, 4, 1, 3)
    );
    assert!(Arc::ptr_eq(&first, &schemas.compile(&text(0)).unwrap()));
    schemas.compile(&text(1)).unwrap();
    assert_eq!(schemas.counts().misses, 5);
    // Who has one keeps it, and it judges as before.
    assert!(first.check(&json!(1), false).is_err());
    let again = Schema::compile(&text(0)).unwrap();
    assert_eq!(first.check(&json!(1), false), again.check(&json!(1), false));
}

#[test]
fn r_g7_what_is_kept_is_bounded_in_bytes() {
    let schemas = Schemas::new(1000, 256 << 10);
    for n in 0..1000 {
        schemas
            .compile(&json!({ "maximum": n }).to_string())
            .unwrap();
        let counts = schemas.counts();
        assert!(
            counts.held_bytes <= 256 << 10 && counts.held < 40,
            "{counts:?}"
        );
        assert_eq!(counts.evicted as usize + counts.held, n + 1);
    }
    // One that is larger than all is compiled, and not kept.
    let large = json!({ "description": "a".repeat(80 << 10) }).to_string();
    let before = schemas.counts();
    assert!(schemas.compile(&large).is_ok());
    assert_eq!(schemas.counts().held, before.held);
    // Neither is what is no schema.
    assert!(schemas.compile("{\"type\":\"text\"}").is_err());
    assert_eq!(schemas.counts().held, before.held);
    let none = Schemas::new(0, 0);
    assert!(none.compile("{}").is_ok());
    assert_eq!(none.counts().held, 0);
}

#[test]
fn r_g7_who_asks_at_the_same_time_gets_the_same() {
    let schemas = Schemas::new(8, 1 << 20);
    let text = person().to_string();
    let got: Vec<_> = thread::scope(|scope| {
        let asks: Vec<_> = (0..16)
            .map(|_| scope.spawn(|| schemas.compile(&text).unwrap()))
            .collect();
        asks.into_iter().map(|ask| ask.join().unwrap()).collect()
    });
    assert!(got.iter().all(|one| Arc::ptr_eq(one, &got[0])));
    let counts = schemas.counts();
    assert_eq!((counts.hits, counts.misses), (15, 1));
}

#[test]
fn r_g6_r_g9_sixteen_threads_judge_as_one_does() {
    let schema = compile(&person());
    let text = schema.text().to_owned();
    let answers: Vec<String> = (0..64)
        .map(|n| match n % 4 {
            0 => format!("{{\"name\": \"Ann\", \"age\": {n}}}"),
            1 => format!("{{\"name\": \"ann\", \"age\": \"{n}\"}}"),
            2 => format!("{{\"age\": {}, \"other{n}\": 1}}", n * 2),
            _ => format!("So: {{\"name\": {n}, \"tags\": {n}}}"),
        })
        .collect();
    let judge = || -> Vec<_> {
        let coerce = |n| Options {
            coerce: n % 3 != 0,
            mend: false,
        };
        let judged = answers.iter().enumerate();
        judged
            .map(|(n, answer)| shape(answer, &schema, coerce(n)))
            .collect()
    };
    let serial = judge();
    assert!(serial.iter().any(Result::is_ok) && serial.iter().any(Result::is_err));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(judge(), serial));
        }
    });
    assert_eq!(schema.text(), text);
}

#[test]
fn messages_are_plain_bounded_and_in_order() {
    let schema = compile(&json!({
        "required": ["field2", "field3"],
        "properties": {
            "nested": { "required": ["of"], "additionalProperties": false },
            "items": { "items": { "required": ["value"], "properties": { "name": { "type": "string" } } } },
            "n": { "exclusiveMinimum": 0, "multipleOf": 2 },
            "s": { "minLength": 5, "pattern": "^[a-z]+$" },
            "list": { "maxItems": 2, "uniqueItems": true },
            "kind": { "enum": ["foo", "bar"] },
            "not": { "not": { "type": "string" } },
            "any": { "anyOf": [{ "type": "string" }, { "required": ["id", "type"], "properties": { "id": { "type": "string" } } }] },
        },
    }));
    let document = json!({
        "nested": { "x": 1 }, "items": [{ "value": 1 }, { "name": 5 }], "n": -1, "s": "A1",
        "list": [1, 1, 1], "kind": "qux", "not": "a", "any": { "id": 1 },
    });
    let wrong = schema.check(&document, false).unwrap_err();
    assert_eq!(
        wrong.to_string(),
        "- property field2 is required\n\
         - property field3 is required\n\
         - any does not match any of the required schemas\n\
         - property any.type is required\n\
         - any.id must be a string\n\
         - property items[1].value is required\n\
         - items[1].name must be a string\n\
         - kind must be one of: foo, bar\n\
         - list must contain no more than 2 items\n\
         - list must contain unique items\n\
         - n must be greater than 0\n\
         - n must be a multiple of 2\n\
         - property nested.x is not allowed\n\
         - property nested.of is required\n\
         - not matches a schema that it should not match\n\
         - s must be at least 5 characters long\n\
         - s must match pattern: ^[a-z]+$\n"
    );
    assert_eq!(schema.check(&document, false).unwrap_err(), wrong);
    let whole = compile(&json!({ "type": ["object", "null"] })).check(&json!(1), false);
    assert_eq!(
        whole.unwrap_err().to_string(),
        "- the answer must be null or an object\n"
    );
}

#[test]
fn hostile_documents_have_bounded_messages() {
    let schema = compile(&json!({ "additionalProperties": { "type": "integer" } }));
    let mut document = serde_json::Map::new();
    for n in 0..1000 {
        document.insert(
            format!("{n}\n- obey\u{202e}{}", "x".repeat(1000)),
            json!("y".repeat(1000)),
        );
    }
    let wrong = schema.check(&Value::Object(document), true).unwrap_err();
    assert_eq!((wrong.list().len(), wrong.more()), (32, 968));
    let shown = wrong.to_string();
    assert!(shown.len() < 8 << 10, "{}", shown.len());
    assert!(shown.lines().all(|line| line.starts_with("- ")));
    assert!(shown.ends_with("more\n") && !shown.contains('\u{202e}'));
    // Of so many values that all errors would be no list, some are told.
    let many = compile(&json!({ "items": { "type": "string" } }));
    let wrong = many.check(&json!(vec![1; 100_000]), false).unwrap_err();
    assert_eq!(wrong.list()[0].message, "[0] must be a string");
    assert_eq!(wrong.list().len(), 32);
    let mut deep = json!(1);
    for _ in 0..1000 {
        deep = json!([deep]);
    }
    let wrong = compile(&json!({ "items": { "$ref": "#" } })).check(&deep, true);
    assert_eq!(
        wrong.unwrap_err().to_string(),
        "- the answer nests too deep\n"
    );
    // Nor of so many alternatives.
    let kinds: Vec<Value> = (0..1000).map(|n| json!({ "const": n })).collect();
    let many = compile(&json!({ "items": { "anyOf": kinds } }));
    let wrong = many.check(&json!(vec!["a"; 1000]), false).unwrap_err();
    let none = "[0] does not match any of the required schemas";
    assert_eq!(wrong.list()[0].message, none);
}

#[test]
fn what_is_no_schema_is_refused_with_its_place() {
    let deep = "[".repeat(100);
    for (schema, place, says) in [
        ("".to_owned(), "", "not JSON"),
        ("[]".to_owned(), "", "a schema must stand here"),
        ("{\"type\":\"text\"}".to_owned(), "/type", "text"),
        ("{\"a\":1,\"a\":2}".to_owned(), "/a", "stands twice"),
        (format!("{{\"const\":{deep}"), "", "nests too deep"),
        (" ".repeat(limits::SCHEMA_BYTES + 1), "", "KiB"),
        (
            json!({ "$schema": "https://example.com/own" }).to_string(),
            "/$schema",
            "no draft",
        ),
        (
            json!({ "$ref": "https://example.com/s.json" }).to_string(),
            "/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "$ref": "file:///etc/passwd" }).to_string(),
            "/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "$ref": "http://json-schema.org/draft-07/schema#" }).to_string(),
            "/$ref",
            "nothing is fetched",
        ),
        (
            json!({ "$ref": "#/$defs/none" }).to_string(),
            "/$ref",
            "leads nowhere",
        ),
        (
            json!({ "items": { "$ref": "#none" } }).to_string(),
            "/items/$ref",
            "leads nowhere",
        ),
        (
            json!({ "items": { "$id": "https://example.com/part" } }).to_string(),
            "/items",
            "`$id`",
        ),
        (json!({ "pattern": "(" }).to_string(), "/pattern", ""),
        (json!({ "pattern": "(?=a)b" }).to_string(), "/pattern", ""),
        (
            json!({ "pattern": "(a{1000}){1000}" }).to_string(),
            "/pattern",
            "",
        ),
        (
            json!({ "pattern": "a".repeat(limits::PATTERN_BYTES + 1) }).to_string(),
            "",
            "pattern",
        ),
        (json!({ "$ref": "#" }).to_string(), "", "refers to itself"),
        (
            json!({ "enum": vec![1; limits::OPTIONS + 1] }).to_string(),
            "",
            "enum",
        ),
    ] {
        let bad = Schema::compile(&schema).unwrap_err();
        assert_eq!(bad.pointer, place, "{bad}");
        assert!(bad.what.contains(says), "{bad}");
        assert!(bad.to_string().len() < 1000);
    }
}

#[test]
fn every_draft_and_reference_within_is_taken() {
    for draft in [
        "http://json-schema.org/draft-04/schema#",
        "http://json-schema.org/draft-06/schema#",
        "http://json-schema.org/draft-07/schema#",
        "https://json-schema.org/draft/2019-09/schema",
        "https://json-schema.org/draft/2020-12/schema",
    ] {
        let schema = compile(&json!({ "$schema": draft, "$id": "https://example.com/own",
            "definitions": { "a/b c": { "type": "integer" } },
            "properties": { "x": { "$ref": "#/definitions/a~1b%20c" }, "y": { "$ref": "https://example.com/own#/properties/x" },
                "z": { "anyOf": [{ "$ref": "#/definitions/a~1b%20c" }, { "type": "null" }] } } }).as_object().map(|schema| {
                    let mut schema = schema.clone();
                    if draft.contains("04") { let id = schema.remove("$id").unwrap(); schema.insert("id".into(), id); }
                    Value::Object(schema)
                }).unwrap());
        assert_eq!(
            schema.check(&json!({ "x": 1, "y": 1, "z": 1 }), false),
            Ok(None),
            "{draft}"
        );
        assert!(schema.check(&json!({ "y": "a" }), false).is_err());
        let coerced = schema.check(&json!({ "x": "1", "y": "2", "z": "3" }), true);
        assert_eq!(
            coerced,
            Ok(Some(json!({ "x": 1, "y": 2, "z": 3 }))),
            "{draft}"
        );
    }
    for id in ["person.json", "https://example.com/s#", "urn:a:b"] {
        let own = compile(
            &json!({ "$id": id, "properties": { "a%/~b \"": { "anyOf": [{ "type": "integer" }, { "type": "null" }] } } }),
        );
        let coerced = own.check(&json!({ "a%/~b \"": "5" }), true);
        assert_eq!(coerced, Ok(Some(json!({ "a%/~b \"": 5 }))), "{id}");
    }
    let anchored = compile(
        &json!({ "$defs": { "a": { "$anchor": "here", "type": "null" } }, "$ref": "#here" }),
    );
    assert!(anchored.check(&json!(1), false).is_err());
    let tree = compile(
        &json!({ "$dynamicAnchor": "node", "properties": { "of": { "items": { "$dynamicRef": "#node" } }, "n": { "type": "integer" } } }),
    );
    assert!(
        tree.check(&json!({ "of": [{ "of": [{ "n": "x" }] }] }), true)
            .is_err()
    );
    assert!(compile(&json!(true)).check(&json!(1), true).is_ok());
    assert!(compile(&json!(false)).check(&json!(1), true).is_err());
}

proptest! {
    /// Strictly, it says what the library says.
    #[test]
    fn what_fits_is_the_library_s_word(age in any::<i32>(), name in ".{0,3}", extra: bool) {
        let mut document = json!({ "name": name, "age": age });
        if extra { document["extra"] = json!(1); }
        let fits = jsonschema::is_valid(&person(), &document);
        prop_assert_eq!(compile(&person()).check(&document, false).is_ok(), fits);
    }
}
