//! Schemas that are made to harm: each is refused, or costs what others cost.
//!
//! All runs on less than two thirds of the stack of a worker, since an overflow
//! would end the process; and each ends, where it could go on for ever.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::thread;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tidegate_shape::{Options, Schema, shape};

/// Everything that is done with a schema and an answer; whether it was taken for one.
fn worked(schema: Value, document: String) -> bool {
    let worker = thread::Builder::new().stack_size(5 << 18);
    let (done, wait) = sync_channel(1);
    let name = schema.to_string().chars().take(100).collect::<String>();
    let work = worker.spawn(move || {
        let schema = Schema::compile(&schema.to_string()).map(Arc::new);
        if let Ok(schema) = &schema {
            for coerce in [false, true] {
                let _ = shape(&document, schema, Options { coerce, mend: true });
                let _ = schema.watch(coerce).push(&document);
            }
        }
        let _ = done.send(schema.is_ok());
    });
    match wait.recv_timeout(Duration::from_secs(120)) {
        Ok(taken) => taken,
        Err(RecvTimeoutError::Timeout) => panic!("it takes too long: {name}"),
        Err(RecvTimeoutError::Disconnected) => panic!("{:?}: {name}", work.unwrap().join()),
    }
}

/// `count` definitions, each made of a reference to the next.
fn chain(count: usize, link: impl Fn(Value) -> Value) -> Value {
    let mut defs = Map::new();
    for n in 0..count {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        defs.insert(format!("d{n}"), link(next));
    }
    defs.insert(format!("d{count}"), json!({ "type": "string" }));
    json!({ "$defs": defs, "$ref": "#/$defs/d0" })
}

/// `{"a":{"a":...1}}`.
fn deep(depth: usize) -> String {
    format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth))
}

#[test]
fn circles_at_one_place_are_refused() {
    let one = json!({ "$ref": "#/$defs/a" });
    for a in [
        one.clone(),
        json!({ "allOf": [one] }),
        json!({ "anyOf": [{ "type": "null" }, one] }),
        json!({ "not": one }),
        json!({ "if": one }),
        json!({ "dependentSchemas": { "a": one } }),
        json!({ "$dynamicAnchor": "x", "oneOf": [{ "$dynamicRef": "#x" }] }),
    ] {
        let schema = json!({ "$defs": { "a": a }, "$ref": "#/$defs/a" });
        assert!(!worked(schema, "{\"a\":1}".to_owned()), "{a}");
    }
    assert!(!worked(
        json!({ "$recursiveRef": "#", "$schema": "https://json-schema.org/draft/2019-09/schema" }),
        "1".to_owned()
    ));
}

#[test]
fn long_ways_do_not_overflow_the_stack() {
    assert!(worked(
        chain(8, |next| json!({ "allOf": [next] })),
        "1".to_owned()
    ));
    assert!(!worked(
        chain(12, |next| json!({ "allOf": [next] })),
        "1".to_owned()
    ));
    assert!(worked(
        chain(1500, |next| json!({ "properties": { "a": next } })),
        deep(64)
    ));
    assert!(worked(
        chain(
            1500,
            |next| json!({ "items": next, "properties": { "a": next } })
        ),
        deep(64)
    ));
    // As deep as a document can be, and at each place as deep as a schema can be.
    let mut defs = Map::new();
    for n in 0..9 {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        defs.insert(format!("d{n}"), json!({ "anyOf": [next] }));
    }
    defs.insert(
        "d9".to_owned(),
        json!({ "properties": { "a": { "$ref": "#/$defs/d0" } }, "type": "object" }),
    );
    assert!(worked(
        json!({ "$defs": defs, "$ref": "#/$defs/d0" }),
        deep(64)
    ));
}

#[test]
fn ways_that_multiply_take_no_longer() {
    for fork in ["allOf", "anyOf", "oneOf"] {
        // At one value.
        assert!(
            !worked(
                chain(14, |next| json!({ fork: [next, next] })),
                "1".to_owned()
            ),
            "{fork}"
        );
        // With each level of the document.
        let down = |next: Value| {
            let a = json!({ "properties": { "a": next } });
            json!({ fork: [a, a] })
        };
        assert!(!worked(chain(60, down), deep(64)), "{fork}");
        assert!(worked(chain(12, down), deep(64)), "{fork}");
        let own = json!({ "properties": { "a": { "$ref": "#" } }, "required": ["a"] });
        let own = json!({ fork: [own, own, { "type": "integer" }] });
        assert!(worked(own, deep(63)), "{fork}");
        let list = json!({ "type": "array", "items": { "$ref": "#" } });
        let list = json!({ fork: [list, list, { "type": "integer" }] });
        assert!(
            worked(list, format!("{}\"1\"{}", "[".repeat(64), "]".repeat(64))),
            "{fork}"
        );
    }
    // At many values, each with many.
    let refs: Map<String, Value> = (0..4000)
        .map(|n| (format!("p{n}"), json!({ "$ref": "#/$defs/d0" })))
        .collect();
    let mut many = chain(8, |next| json!({ "allOf": [next, next] }));
    many["properties"] = Value::Object(refs);
    assert!(!worked(many, "{}".to_owned()));
    let unevaluated = json!({ "anyOf": [{ "properties": { "a": { "$ref": "#" } } }, { "properties": { "a": { "$ref": "#" } } }],
        "unevaluatedProperties": false });
    assert!(worked(unevaluated, deep(63)));
    let choice = json!({ "if": { "properties": { "a": { "$ref": "#" } } }, "then": { "properties": { "a": { "$ref": "#" } } },
        "else": { "properties": { "a": { "$ref": "#" } } }, "required": ["a"] });
    assert!(worked(choice, deep(63)));
}

#[test]
fn patterns_are_matched_in_the_time_that_text_takes() {
    for pattern in [
        "^(a+)+$",
        "(a|a)*b",
        "(.*){20}x",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a?){50}a{50}",
    ] {
        let text = format!("\"{}!\"", "a".repeat(100_000));
        assert!(worked(json!({ "pattern": pattern }), text), "{pattern}");
        let names = format!("{{\"{}!\":1}}", "a".repeat(4_000));
        worked(
            json!({ "patternProperties": { pattern: { "type": "string" } } }),
            names,
        );
    }
}

#[test]
fn large_answers_take_as_long_as_they_are() {
    let many = |count, item: &str| format!("[{}{item}]", format!("{item},").repeat(count));
    for schema in [
        json!({ "items": { "type": "string" } }),
        json!({ "items": { "type": "boolean" } }),
        json!({ "uniqueItems": true }),
        json!({ "items": { "anyOf": [{ "type": "boolean" }, { "type": "null" }, { "type": "object" }] } }),
        json!({ "items": { "oneOf": [{ "type": "string" }, { "type": "number" }] } }),
        json!({ "contains": { "type": "string" }, "minContains": 3 }),
    ] {
        for item in ["1", "\"1\"", "{\"a\":[1]}"] {
            assert!(worked(schema.clone(), many(4000, item)));
        }
    }
    let texts: Vec<String> = (0..5000).map(|n| format!("option {n}")).collect();
    let objects: Vec<Value> = (0..150).map(|n| json!({ "a": n })).collect();
    for options in [json!(texts), json!(objects)] {
        for item in ["\"OPTION\"", "{\"a\":-1}"] {
            let schema = json!({ "items": { "enum": options } });
            assert!(worked(schema, many(500, item)));
        }
    }
    let names: Vec<String> = (0..4_000).map(|n| format!("\"n{n}\":{n}")).collect();
    let object = format!("{{{}}}", names.join(","));
    for schema in [
        json!({ "additionalProperties": false }),
        json!({ "propertyNames": { "maxLength": 1 } }),
    ] {
        assert!(worked(schema, object.clone()));
    }
}
