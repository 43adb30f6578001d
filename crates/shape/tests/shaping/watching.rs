//! A watch says nothing of what will fit, and what it complains of will not.
//! Properties try both with schemas and documents that are made up.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use tidegate_shape::{Options, Schema, Violation, shape};

fn schema(schema: &Value) -> Arc<Schema> {
    Arc::new(Schema::compile(&schema.to_string()).unwrap())
}

/// What a watch says of `text`, and behind which byte, piece by piece.
fn watched(
    schema: &Arc<Schema>,
    coerce: bool,
    text: &str,
    piece: usize,
) -> Option<(usize, Violation)> {
    let mut watch = schema.watch(coerce);
    let mut at = 0;
    while at < text.len() {
        let end = (at + 1..text.len()).find(|end| end - at >= piece && text.is_char_boundary(*end));
        let end = end.unwrap_or(text.len());
        if let Some(violation) = watch.push(&text[at..end]) {
            return Some((end, violation));
        }
        at = end;
    }
    None
}

fn person() -> Value {
    json!({
        "type": "object",
        "properties": {
            "name": { "type": "string", "maxLength": 5 },
            "age": { "type": "integer", "maximum": 65 },
            "role": { "enum": ["admin", "user"] },
            "tags": { "type": "array", "items": { "type": "string" }, "minItems": 1, "maxItems": 2 },
            "home": { "type": "object", "required": ["city"], "maxProperties": 2 },
            "note": { "anyOf": [{ "type": "string" }, { "type": "null" }] },
        },
        "required": ["name"],
        "additionalProperties": false,
    })
}

/// Whether values are coerced, the answer, as much of it as shows it, and what is said.
const TOLD: &[(bool, &str, &str, &str)] = &[
    (
        false,
        r#"{"name": 5, "#,
        r#"{"name": 5,"#,
        "name must be a string",
    ),
    (
        false,
        r#"{"name": {"#,
        r#"{"name": {"#,
        "name must be a string",
    ),
    (
        false,
        r#"{"name": "toolong" }"#,
        r#"{"name": "toolon"#,
        "name must be at most 5 characters long",
    ),
    (
        true,
        r#"{"age": 999, "#,
        r#"{"age": 999,"#,
        "age must be at most 65",
    ),
    (
        true,
        r#"{"age": "999", "#,
        r#"{"age": "999""#,
        "age must be at most 65",
    ),
    (
        true,
        r#"{"age": 3.7, "#,
        r#"{"age": 3.7,"#,
        "age must be an integer",
    ),
    (
        true,
        r#"{"age": "old", "#,
        r#"{"age": "old""#,
        "age must be an integer",
    ),
    (
        true,
        r#"{"age": ["#,
        r#"{"age": ["#,
        "age must be an integer",
    ),
    (
        false,
        r#"{"age": ""#,
        r#"{"age": ""#,
        "age must be an integer",
    ),
    (
        true,
        r#"{"role": "Adult"}"#,
        r#"{"role": "Adu"#,
        "role must be one of: admin, user",
    ),
    (
        false,
        r#"{"role": "Admin"}"#,
        r#"{"role": "A"#,
        "role must be one of: admin, user",
    ),
    (
        true,
        r#"{"nam": 1}"#,
        r#"{"nam": 1}"#,
        "property nam is not allowed",
    ),
    (
        true,
        r#"{"tags": ["a", "b", "c"]"#,
        r#"{"tags": ["a", "b", ""#,
        "tags must contain no more than 2 items",
    ),
    (
        false,
        r#"{"tags": ["a", 5]"#,
        r#"{"tags": ["a", 5]"#,
        "tags[1] must be a string",
    ),
    (
        true,
        r#"{"tags": []"#,
        r#"{"tags": []"#,
        "tags must contain at least 1 items",
    ),
    (
        true,
        r#"{"home": {"street": 1}"#,
        r#"{"home": {"street": 1}"#,
        "property home.city is required",
    ),
    (
        true,
        r#"{"home": {"a":1,"b":2,"c":3}"#,
        r#"{"home": {"a":1,"b":2,"c":3}"#,
        "home must have at most 2 properties",
    ),
    (
        true,
        r#"{"age": 1}"#,
        r#"{"age": 1}"#,
        "property name is required",
    ),
    (
        true,
        "```json\n{\"age\": true}",
        "```json\n{\"age\": true",
        "age must be an integer",
    ),
    (true, "~~~\n [ {\"age\"", "", ""),
    (
        true,
        "[ {\"age\":1}",
        "[ {\"age\":",
        "the answer must be an object",
    ),
    (
        true,
        r#"{"age": 1, oops"#,
        r#"{"age": 1, o"#,
        "the answer is not JSON: expected a key in quotes",
    ),
];

#[test]
fn the_first_violation_is_told_where_it_shows() {
    let person = schema(&person());
    for (coerce, answer, shows, message) in TOLD {
        let told = watched(&person, *coerce, answer, 1);
        let (at, said) = told.map_or((0, String::new()), |(at, one)| (at, one.message));
        assert_eq!(
            (&answer[..at], said.as_str()),
            (*shows, *message),
            "{answer}"
        );
    }
}

#[test]
fn what_may_be_mended_is_not_complained_of() {
    let person = schema(&person());
    for answer in [
        // Where the document is not known.
        "Here: {\"age\": 999}",
        "{ not JSON } {\"nam\": 1}",
        "```python\n{\"age\": 999}",
        "[1, 2",
        "5 of them: {\"age\": 999}",
        "{'age': 999}",
        // What coercion turns.
        r#"{"age": "64", "name": 12, "role": "ADMIN", "tags": "a", "note": 5, "home": "{\"city\":1}"}"#,
        r#"{"age": "6"#,
        r#"{"tags": {"#,
        // What stands behind the document.
        r#"{"name": "Ann"} {"name": 5, "other": 1"#,
    ] {
        for piece in [1, 3, 1000] {
            assert_eq!(watched(&person, true, answer, piece), None, "{answer}");
        }
    }
}

#[test]
fn what_is_not_certain_is_left_to_the_end() {
    let of = |part: Value| schema(&json!({ "properties": { "x": part } }));
    for (part, answer) in [
        (
            json!({ "oneOf": [{ "type": "string" }, { "type": "integer" }] }),
            r#"{"x": [1], "#,
        ),
        (json!({ "not": { "type": "string" } }), r#"{"x": "a", "#),
        (json!({ "pattern": "^a$" }), r#"{"x": "b", "#),
        (json!({ "format": "email" }), r#"{"x": "b", "#),
        (json!({ "if": true, "then": false }), r#"{"x": "b", "#),
    ] {
        assert_eq!(watched(&of(part), true, answer, 1), None, "{answer}");
    }
}

/// Schemas of what a watch looks at, and of what it does not.
fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({ "type": "string", "maxLength": 2 })),
        Just(json!({ "type": "string", "enum": ["a", "Bc", "b"] })),
        Just(json!({ "type": "integer", "minimum": 0, "maximum": 3 })),
        Just(json!({ "type": ["boolean", "null"] })),
        Just(json!({ "const": 1 })),
        Just(json!({ "enum": ["1", 2, null] })),
        Just(json!({ "type": ["number", "string"], "maxLength": 1 })),
        Just(json!({ "maxLength": 1, "maximum": 1 })),
        Just(json!({ "type": "string", "format": "date" })),
        Just(json!(false)),
    ];
    leaf.prop_recursive(3, 16, 3, |inner| {
        let of = |n| prop::collection::vec(inner.clone(), n);
        prop_oneof![
            (of(2), any::<bool>()).prop_map(|(of, open)| json!({
                "properties": { "a": of[0], "b": of[1] }, "required": ["a"], "additionalProperties": open })),
            (of(1), 0..3_u8).prop_map(|(of, most)| json!({ "type": "array", "items": of[0], "maxItems": most })),
            of(2).prop_map(|of| json!({ "prefixItems": [of[0]], "items": of[1], "minItems": 1 })),
            of(2).prop_map(|of| json!({ "anyOf": of })),
            of(2).prop_map(|of| json!({ "oneOf": of })),
            of(2).prop_map(|of| json!({ "allOf": of })),
            of(3).prop_map(|of| json!({ "if": of[0], "then": of[1], "else": of[2] })),
            of(1).prop_map(|of| json!({ "type": "object", "patternProperties": { "^a": of[0] }, "maxProperties": 1 })),
            of(1).prop_map(|of| json!({ "type": ["object", "array"], "properties": { "a": of[0] } })),
        ]
    })
}

/// Documents that such schemas may take, and may not.
fn documents() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!("yes")),
        Just(json!("1")),
        Just(json!(1)),
        Just(json!(1.0)),
        Just(json!(5)),
        Just(json!(0.5)),
        Just(json!("a")),
        Just(json!("BC")),
        Just(json!("abc")),
        Just(json!("ä\u{1f600}")),
        Just(json!("{\"a\":1}")),
        Just(json!("2024/01/02")),
        Just(json!("")),
        Just(json!("a\"\\b")),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::Array),
            prop::collection::btree_map("[abc]", inner, 0..3).prop_map(|map| json!(map)),
        ]
    })
}

proptest! {
    /// Promise 2: of what fits, nothing is said, at any cut.
    #[test]
    fn promise_2_what_is_taken_is_not_complained_of(
        of in schemas(), document in documents(), coerce: bool, piece in 1_usize..9,
    ) {
        let of = schema(&of);
        for answer in [document.to_string(), format!("```json\n{document:#}\n```"), format!("{document} so")] {
            if shape(&answer, &of, Options { coerce, mend: false }).is_ok() {
                prop_assert_eq!(watched(&of, coerce, &answer, piece), None, "{} {}", of.text(), answer);
            }
        }
    }

    /// Promise 1: what is complained of fits in no continuation: the whole document,
    /// another one, the closed one, something else behind it.
    #[test]
    fn promise_1_what_is_complained_of_does_not_fit(
        of in schemas(), document in documents(), other in documents(), coerce: bool, cut in 0.0..1.0_f64,
    ) {
        let of = schema(&of);
        let answer = document.to_string();
        if let Some((at, said)) = watched(&of, coerce, &answer, 1) {
            let (begun, rest) = answer.split_at(at);
            let cut = (rest.len() as f64 * cut) as usize;
            let cut = (0..=cut).rev().find(|cut| rest.is_char_boundary(*cut)).unwrap_or(0);
            for more in [
                rest.to_owned(),
                rest[..cut].to_owned(),
                format!("{}{other}", &rest[..cut]),
                format!("{rest}\n```json\n{other}\n```"),
                format!("\"}}]}} {other}"),
                format!("1}}]}} {other}"),
                format!("}} {other}"),
                format!("] {other}"),
            ] {
                let answer = format!("{begun}{more}");
                let shaped = shape(&answer, &of, Options { coerce, mend: true });
                prop_assert!(
                    shaped.is_err(), "{} {answer} {said:?} {shaped:?}", of.text());
            }
        }
    }

    /// Any cut of the pieces leads to the same complaint.
    #[test]
    fn any_cut_is_complained_of_alike(of in schemas(), document in documents(), coerce: bool, piece in 2_usize..9) {
        let of = schema(&of);
        let answer = document.to_string();
        let one = watched(&of, coerce, &answer, 1).map(|told| told.1);
        prop_assert_eq!(one, watched(&of, coerce, &answer, piece).map(|told| told.1), "{} {}", of.text(), answer);
    }

    /// R-G8: what is coerced fits strictly, and is not coerced again.
    #[test]
    fn r_g8_what_is_coerced_fits_strictly(of in schemas(), document in documents()) {
        let of = schema(&of);
        if let Ok(Some(coerced)) = of.check(&document, true) {
            prop_assert_eq!(of.check(&coerced, false), Ok(None));
            prop_assert_eq!(of.check(&coerced, true), Ok(None), "{} {}", of.text(), document);
        }
    }
}
