//! What a value is turned into so that it fits, and what is never done to it.
//! Each document that comes back is checked again, strictly.

use serde_json::{Value, json};
use tidegate_shape::{Misfit, Options, Schema, shape};

const COERCE: Options = Options {
    coerce: true,
    mend: false,
};

fn schema(schema: &Value) -> Schema {
    Schema::compile(&schema.to_string()).unwrap()
}

/// `value` at the one property of a document, coerced: the document's text, or what
/// is wrong.
fn coerced(of: &Value, value: &str) -> Result<String, String> {
    let schema = schema(&json!({ "properties": { "x": of } }));
    match shape(&format!("{{\"x\":{value}}}"), &schema, COERCE) {
        Ok(shaped) => {
            let whole: Value = serde_json::from_str(&shaped.document).unwrap();
            assert_eq!(whole, shaped.value);
            assert!(schema.check(&shaped.value, false).is_ok(), "strictly");
            let text = &shaped.document["{\"x\":".len()..shaped.document.len() - 1];
            assert_eq!(shaped.coerced, text != value, "{value}");
            Ok(text.to_owned())
        }
        Err(Misfit::Violations(wrong)) => Err(wrong.list()[0].message.clone()),
        Err(Misfit::NoJson) => panic!("{value} is JSON"),
    }
}

fn typed(name: &str, value: &str) -> Result<String, String> {
    coerced(&json!({ "type": name }), value)
}

#[test]
fn r_g8_a_value_becomes_the_type_that_is_asked_for() {
    for (name, value, expected) in [
        ("string", "42", "\"42\""),
        ("string", "1.10", "\"1.10\""),
        (
            "string",
            "12345678901234567890123",
            "\"12345678901234567890123\"",
        ),
        ("string", "1e3", "\"1e3\""),
        ("string", "true", "\"true\""),
        ("integer", "\"42\"", "42"),
        ("integer", "\" -7 \"", "-7"),
        ("integer", "\"3.0\"", "3"),
        ("integer", "\"1e3\"", "1000"),
        ("number", "\"3.70\"", "3.7"),
        ("number", "\"42\"", "42"),
        ("boolean", "\"true\"", "true"),
        ("boolean", "\"Yes\"", "true"),
        ("boolean", "\"1\"", "true"),
        ("boolean", "1", "true"),
        ("boolean", "\"FALSE\"", "false"),
        ("boolean", "\"no\"", "false"),
        ("boolean", "\"0\"", "false"),
        ("boolean", "0", "false"),
        ("null", "\"null\"", "null"),
        ("null", "\"\"", "null"),
        ("array", "\"[1, 2]\"", "[1,2]"),
        ("array", "{\"b\":1.50, \"a\":2}", "[{\"b\":1.50, \"a\":2}]"),
        ("array", "\"a\"", "[\"a\"]"),
        ("object", "\"{\\\"a\\\": 1}\"", "{\"a\":1}"),
        // What fits is not touched.
        ("string", "\"42\"", "\"42\""),
        ("integer", "3.0", "3.0"),
        (
            "number",
            "12345678901234567890123.450",
            "12345678901234567890123.450",
        ),
        (
            "integer",
            "12345678901234567890123",
            "12345678901234567890123",
        ),
    ] {
        assert_eq!(
            typed(name, value).as_deref(),
            Ok(expected),
            "{name} {value}"
        );
    }
}

#[test]
fn r_g8_nothing_is_lost_or_made_up() {
    for (name, value) in [
        ("integer", "3.7"),
        ("integer", "\"3.7\""),
        ("integer", "\"12345678901234567890123\""),
        ("integer", "\"9007199254740993.0\""),
        ("number", "\"0.1234567890123456789\""),
        ("integer", "\"0x10\""),
        ("integer", "\"1,000\""),
        ("integer", "\"\""),
        ("integer", "true"),
        ("integer", "null"),
        ("number", "\"NaN\""),
        ("boolean", "2"),
        ("boolean", "\"maybe\""),
        ("string", "null"),
        ("string", "[1]"),
        ("string", "{}"),
        ("array", "null"),
        ("object", "[]"),
        ("object", "\"[]\""),
        ("object", "\"{\\\"a\\\":1,\\\"a\\\":2}\""),
        ("null", "0"),
        ("null", "false"),
    ] {
        let wrong = typed(name, value).unwrap_err();
        assert!(wrong.starts_with("x must be "), "{name} {value}: {wrong}");
    }
    let filled =
        json!({ "type": "object", "required": ["a"], "properties": { "a": { "default": 1 } } });
    assert_eq!(
        coerced(&filled, "{}").unwrap_err(),
        "property x.a is required"
    );
}

#[test]
fn r_g8_bounds_hold_for_the_coerced_value() {
    let age = json!({ "type": "integer", "minimum": 0, "maximum": 65 });
    assert_eq!(coerced(&age, "\"64\"").unwrap(), "64");
    for value in ["999", "\"999\""] {
        assert_eq!(coerced(&age, value).unwrap_err(), "x must be at most 65");
    }
    let short = json!({ "type": "string", "maxLength": 3, "pattern": "^[0-9]+$" });
    assert_eq!(coerced(&short, "123").unwrap(), "\"123\"");
    assert_eq!(
        coerced(&short, "1234").unwrap_err(),
        "x must be at most 3 characters long"
    );
    // Characters, not bytes.
    assert_eq!(
        coerced(&short, "\"äöü\"").unwrap_err(),
        "x must match pattern: ^[0-9]+$"
    );
}

#[test]
fn choices_and_formats_are_found_where_one_alone_is_meant() {
    let choice = json!({ "enum": ["red", "Green", "GREEN", 5, null] });
    for (value, expected) in [
        ("\"RED\"", Some("\"red\"")),
        ("\" red \"", Some("\"red\"")),
        ("\"GREEN\"", Some("\"GREEN\"")),
        ("\"green\"", None),
        ("\"5\"", Some("5")),
        ("\"null\"", Some("null")),
        ("\"blue\"", None),
    ] {
        assert_eq!(coerced(&choice, value).ok().as_deref(), expected, "{value}");
    }
    assert_eq!(coerced(&json!({ "const": "5" }), "5").unwrap(), "\"5\"");
    for (format, value, expected) in [
        ("email", "Ann <ann@example.com>", Some("ann@example.com")),
        ("email", "mailto:ann@example.com", Some("ann@example.com")),
        ("email", "ann at example.com", None),
        (
            "uuid",
            "{67E55044-10B1-426F-9247-BB680E5FE0C8}",
            Some("67e55044-10b1-426f-9247-bb680e5fe0c8"),
        ),
        (
            "uuid",
            "67e5504410b1426f9247bb680e5fe0c8",
            Some("67e55044-10b1-426f-9247-bb680e5fe0c8"),
        ),
        ("date", "2024/02/29", Some("2024-02-29")),
        ("date", "2024-02-29T00:00:00Z", Some("2024-02-29")),
        ("date", "2024-02-29T12:00:00Z", None),
        ("date", "2023-02-29", None),
        ("date", "29.02.2024", None),
        (
            "date-time",
            "2024-02-29 12:00:00Z",
            Some("2024-02-29T12:00:00Z"),
        ),
        (
            "date-time",
            "2024-02-29 12:00:00 UTC",
            Some("2024-02-29T12:00:00Z"),
        ),
        ("date-time", "2024-02-29 12:00:00", None),
        (
            "uri",
            " https://example.com/a ",
            Some("https://example.com/a"),
        ),
        ("uri", "example.com", None),
        ("ipv4", "10.0.0.1\n", Some("10.0.0.1")),
        ("of-our-own", "anything", Some("anything")),
    ] {
        let of = json!({ "type": "string", "format": format });
        let told = coerced(&of, &json!(value).to_string()).ok();
        let expected = expected.map(|text| json!(text).to_string());
        assert_eq!(told, expected, "{format} {value}");
    }
}

#[test]
fn what_can_be_meant_in_two_ways_is_an_error() {
    let either = json!({ "oneOf": [{ "type": "string" }, { "type": "number" }] });
    let more = "x matches more than one schema when it should match exactly one";
    assert_eq!(coerced(&either, "\"123\"").unwrap_err(), more);
    assert_eq!(coerced(&either, "123").unwrap(), "123");
    assert_eq!(coerced(&either, "\"test\"").unwrap(), "\"test\"");
    assert_eq!(
        coerced(&either, "null").unwrap_err(),
        "x does not match any of the required schemas"
    );
    let neither = json!({ "oneOf": [{ "type": "integer" }, { "type": "boolean" }] });
    assert_eq!(coerced(&neither, "\"1\"").unwrap_err(), more);
    assert_eq!(coerced(&neither, "\"7\"").unwrap(), "7");
    // Where a text fits, these are no other reading of it.
    for other in [
        json!({ "type": "null" }),
        json!({ "type": "array", "items": { "type": "string" } }),
    ] {
        let of = json!({ "oneOf": [{ "type": "string" }, other] });
        for text in ["\"\"", "\"null\"", "\"a\""] {
            assert_eq!(coerced(&of, text).unwrap(), text);
        }
    }
    let named = json!({ "oneOf": [{ "const": "5" }, { "type": "integer" }] });
    assert_eq!(coerced(&named, "\"5\"").unwrap(), "\"5\"");
    // An array around a value is the last that is tried.
    let list = json!({ "oneOf": [{ "type": "array", "items": { "type": "string" } }, { "type": "string" }] });
    assert_eq!(coerced(&list, "5").unwrap(), "\"5\"");
    assert_eq!(
        coerced(&json!({ "anyOf": list["oneOf"] }), "5").unwrap(),
        "\"5\""
    );
    let only = json!({ "oneOf": [{ "type": "array" }, { "type": "null" }] });
    assert_eq!(coerced(&only, "5").unwrap(), "[5]");
    // Of several kinds that a text can be read as, JSON's reading is the one.
    let list = json!({ "type": ["integer", "boolean"] });
    assert_eq!(coerced(&list, "\"1\"").unwrap(), "1");
    assert_eq!(coerced(&list, "\"yes\"").unwrap(), "true");
    // In `anyOf` what fits comes before what would fit, and the first before the others.
    let any = json!({ "anyOf": [{ "type": "number" }, { "type": "string" }] });
    assert_eq!(coerced(&any, "\"123\"").unwrap(), "\"123\"");
    assert_eq!(coerced(&any, "true").unwrap(), "\"true\"");
}

#[test]
fn coercion_reaches_every_place() {
    let schema = schema(&json!({
        "$defs": { "n": { "type": "integer" }, "tree": { "properties": {
            "n": { "$ref": "#/$defs/n" }, "of": { "items": { "$ref": "#/$defs/tree" } } } } },
        "properties": {
            "ref": { "$ref": "#/$defs/n" },
            "all": { "allOf": [{ "type": ["integer", "string"] }, { "type": ["integer", "null"] }] },
            "first": { "prefixItems": [{ "type": "string" }], "items": { "type": "integer" } },
            "tree": { "$ref": "#/$defs/tree" },
            "maybe": { "anyOf": [{ "type": "null" }, { "properties": { "n": { "type": "integer" } } }] },
            "kind": { "oneOf": [
                { "properties": { "is": { "const": "a" }, "v": { "type": "integer" } } },
                { "properties": { "is": { "const": "b" }, "v": { "type": "boolean" } } } ] },
            "text": { "type": "object", "properties": { "n": { "type": "integer" } } },
        },
        "patternProperties": { "^n_": { "type": "integer" } },
        "additionalProperties": { "type": "boolean" },
        "if": { "required": ["strict"] },
        "then": { "properties": { "strict": { "type": "boolean" } } },
        "dependentSchemas": { "all": { "properties": { "with": { "type": "boolean" } } } },
    }));
    let answer = r#"Sure:
{ "with": "yes", "ref": "1", "all": "2", "first": [3, "4"],
  "tree": {"of": [{"n": "5", "of": []}], "n": "6"}, "maybe": {"n": "7"},
  "kind": {"is": "b", "v": "no"}, "text": "{\"n\": \"8\"}", "n_x": "9", "strict": "no", "other": "1" }"#;
    let shaped = shape(answer, &schema, COERCE).unwrap();
    assert!(shaped.extracted && shaped.coerced && !shaped.mended);
    assert_eq!(
        shaped.document,
        r#"{ "with": true, "ref": 1, "all": 2, "first": ["3", 4],
  "tree": {"of": [{"n": 5, "of": []}], "n": 6}, "maybe": {"n": 7},
  "kind": {"is": "b", "v": false}, "text": {"n":8}, "n_x": 9, "strict": false, "other": true }"#
    );
}

#[test]
fn older_drafts_are_held_by_their_own_rules() {
    let four = "http://json-schema.org/draft-04/schema#";
    let draft4 = schema(&json!({ "$schema": four, "type": "integer", "const": 5 }));
    assert_eq!(shape("3.0", &draft4, COERCE).unwrap().document, "3");
    assert!(shape("3.0", &draft4, Options::default()).is_err());
    let seven = "http://json-schema.org/draft-07/schema#";
    let beside = schema(&json!({
        "$schema": seven,
        "definitions": { "n": { "type": "integer" } },
        "items": [{ "$ref": "#/definitions/n", "maximum": 1 }], "additionalItems": { "type": "string" },
    }));
    assert_eq!(
        shape("[\"7\", 8]", &beside, COERCE).unwrap().document,
        "[7, \"8\"]"
    );
}
