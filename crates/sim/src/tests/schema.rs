//! Values made from schemas: each keyword that is known, and the bounds.
//!
//! The expected values are written out: they are what users of the simulated model will meet.

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::schema::fitting;

/// Each pair is what is made, and is held against a validator.
fn made(pairs: &[(Value, Value)]) {
    for (schema, value) in pairs {
        assert!(jsonschema::is_valid(schema, value), "{schema} {value}");
        assert_eq!(fitting(schema).as_ref(), Ok(value), "{schema}");
    }
}

#[test]
fn each_keyword_of_texts_that_is_known() {
    made(&[
        (json!({}), json!("text")),
        (json!(true), json!("text")),
        (
            json!({"type": "string", "minLength": 12}),
            json!("text text te"),
        ),
        (json!({"type": "string", "maxLength": 2}), json!("te")),
        (
            json!({"type": "string", "format": "date"}),
            json!("2023-11-14"),
        ),
        (
            json!({"type": "string", "pattern": "^[A-Z]{2}-\\d+$"}),
            json!("AA-0"),
        ),
    ]);
}

#[test]
fn each_other_keyword_that_is_known() {
    made(&[
        (json!({"type": "integer"}), json!(1)),
        (json!({"type": "integer", "maximum": -3}), json!(-3)),
        (json!({"type": "integer", "exclusiveMinimum": 7}), json!(8)),
        (
            json!({"type": "integer", "minimum": 5, "multipleOf": 4}),
            json!(8),
        ),
        (
            json!({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}),
            json!(0.5),
        ),
        (
            json!({"type": "number", "minimum": 0.25, "maximum": 0.25}),
            json!(0.25),
        ),
        (json!({"type": "boolean"}), json!(true)),
        (json!({"type": "null"}), json!(null)),
        (json!({"type": ["null", "integer"]}), json!(1)),
        (json!({"enum": ["b", "a"]}), json!("b")),
        (json!({"const": {"a": 1}}), json!({"a": 1})),
        (
            json!({"anyOf": [{"type": "integer"}, {"type": "null"}]}),
            json!(1),
        ),
        (json!({"oneOf": [{"type": "boolean"}]}), json!(true)),
        (
            json!({"allOf": [{"properties": {"a": {"type": "integer"}}}, {"properties": {"b": {"const": 2}}}]}),
            json!({"a": 1, "b": 2}),
        ),
        (
            json!({"type": "array", "items": {"type": "integer"}, "minItems": 3}),
            json!([1, 2, 3]),
        ),
        (
            json!({"type": "array", "items": {"type": "string"}, "minItems": 2}),
            json!(["text", "text2"]),
        ),
        (json!({"type": "array", "maxItems": 0}), json!([])),
        (
            json!({"prefixItems": [{"type": "integer"}, {"type": "boolean"}], "items": false, "type": "array"}),
            json!([1, false]),
        ),
        (
            json!({"type": "object", "required": ["x"]}),
            json!({"x": "x"}),
        ),
        (
            json!({"type": "object", "additionalProperties": {"type": "integer"}}),
            json!({"key": 1}),
        ),
    ]);
}

#[test]
fn a_schema_that_names_itself_ends() {
    let list = json!({"type": "object", "required": ["value", "next"], "properties": {
        "value": {"type": "integer"}, "next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]},
    }});
    let mut value = &fitting(&list).expect("it ends");
    let mut depth = 0;
    while value["next"].is_object() {
        assert_eq!(value["value"], 1);
        value = &value["next"];
        depth += 1;
    }
    assert!(
        value["next"].is_null() && (1..10).contains(&depth),
        "{depth}"
    );
    let tree = json!({"properties": {"children": {"type": "array", "items": {"$ref": "#"}}}});
    assert!(fitting(&tree).is_ok());
}

#[test]
fn what_cannot_be_met_or_is_too_much_is_told() {
    let wide = json!({"type": "array", "minItems": 100, "items":
        {"type": "array", "minItems": 100, "items": {"type": "integer"}}});
    for (schema, why) in [
        (json!(false), "nothing fits"),
        (json!(7), "nothing fits"),
        (json!({"enum": []}), "is empty"),
        (json!({"anyOf": []}), "is empty"),
        (json!({"$ref": "#"}), "deeper than 48"),
        (
            json!({"$ref": "#/$defs/none"}),
            "there is no `#/$defs/none`",
        ),
        (json!({"$ref": "https://example.com/x"}), "there is no"),
        (json!({"type": "circle"}), "unknown type `circle`"),
        (
            json!({"type": "number", "multipleOf": 2, "minimum": 2.5, "maximum": 3.5}),
            "no number fits",
        ),
        (
            json!({"type": "integer", "minimum": 3, "maximum": 2}),
            "no number fits",
        ),
        (
            json!({"type": "string", "minLength": 70_000}),
            "longer than",
        ),
        (wide, "more than 4096"),
    ] {
        let told = fitting(&schema).expect_err("it cannot");
        assert!(told.contains(why), "{told}");
    }
}

/// Anything that looks like a schema, most of it wrong.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        proptest::sample::select(vec![
            "object",
            "array",
            "string",
            "integer",
            "number",
            "null",
            "#",
            "#/properties/items",
            "date",
            "a",
        ])
        .prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 6, |inner| {
        let key = proptest::sample::select(vec![
            "type",
            "properties",
            "required",
            "items",
            "prefixItems",
            "enum",
            "const",
            "$ref",
            "anyOf",
            "oneOf",
            "allOf",
            "minItems",
            "maxItems",
            "minLength",
            "maxLength",
            "minimum",
            "maximum",
            "exclusiveMinimum",
            "multipleOf",
            "additionalProperties",
            "format",
        ]);
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..5).prop_map(|keys| {
                Value::Object(
                    keys.into_iter()
                        .map(|(key, value)| (key.to_owned(), value))
                        .collect(),
                )
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_schema_is_met_or_told_and_the_same_each_time(schema in schemas()) {
        prop_assert_eq!(fitting(&schema), fitting(&schema));
    }
}
