//! What an answer's shape costs: `cargo bench -p tidegate-shape`.
//!
//! Each of ours stands beside the plain call of the library on a value that is there
//! already, or beside reading the same bytes with serde_json.

#![expect(clippy::expect_used, reason = "a bench panics with the reason")]

use std::sync::Arc;

use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use serde_json::{Value, json};
use tidegate_shape::{Options, Schema, Schemas, extract, shape};

fn main() {
    divan::main();
}

/// A string with bounds; and an object of objects and arrays.
fn schemas() -> [Value; 2] {
    let text = json!({ "type": "object", "properties": {
        "name": { "type": "string", "minLength": 2, "maxLength": 50, "pattern": "^[A-Z]" } },
        "required": ["name"] });
    let nested = json!({ "type": "object", "properties": {
        "people": { "type": "array", "items": { "$ref": "#/$defs/person" } } },
        "$defs": { "person": { "type": "object", "properties": {
            "name": { "type": "string" }, "email": { "type": "string", "format": "email" },
            "age": { "type": "integer", "minimum": 0, "maximum": 150 },
            "tags": { "type": "array", "items": { "type": "string" } } },
            "required": ["name", "age"], "additionalProperties": false } } });
    [text, nested]
}

/// An answer that fits the first, and one of about 1 KiB that fits the second.
fn answers() -> [String; 2] {
    let person = |n: u32| json!({ "name": format!("Person {n}"), "email": format!("p{n}@example.com"), "age": 20 + n, "tags": ["a", "b"] });
    let people: Vec<Value> = (0..12).map(person).collect();
    [
        json!({ "name": "Ann" }).to_string(),
        json!({ "people": people }).to_string(),
    ]
}

fn compiled(at: usize) -> Schema {
    Schema::compile(&schemas()[at].to_string()).expect("a schema")
}

#[divan::bench(args = [0, 1])]
fn check_ours(bencher: Bencher<'_, '_>, at: usize) {
    let (schema, answer) = (compiled(at), answers()[at].clone());
    let value: Value = serde_json::from_str(&answer).expect("JSON");
    bencher.bench(|| black_box(&schema).check(black_box(&value), false));
}

#[divan::bench(args = [0, 1])]
fn check_the_library_s(bencher: Bencher<'_, '_>, at: usize) {
    let schema = jsonschema::validator_for(&schemas()[at]).expect("a schema");
    let value: Value = serde_json::from_str(&answers()[at]).expect("JSON");
    bencher.bench(|| black_box(&schema).is_valid(black_box(&value)));
}

#[divan::bench(args = [0, 1])]
fn shape_ours(bencher: Bencher<'_, '_>, at: usize) {
    let (schema, answer) = (compiled(at), answers()[at].clone());
    let bencher = bencher.counter(BytesCount::of_str(&answer));
    bencher.bench(|| shape(black_box(&answer), &schema, Options::default()));
}

#[divan::bench(args = [0, 1])]
fn shape_read_and_library(bencher: Bencher<'_, '_>, at: usize) {
    let schema = jsonschema::validator_for(&schemas()[at]).expect("a schema");
    let answer = answers()[at].clone();
    let bencher = bencher.counter(BytesCount::of_str(&answer));
    bencher.bench(|| {
        let value: Value = serde_json::from_str(black_box(&answer)).expect("JSON");
        schema.is_valid(&value)
    });
}

#[divan::bench]
fn errors(bencher: Bencher<'_, '_>) {
    let schema = compiled(1);
    let value = json!({ "people": [{ "name": 5, "age": 999, "other": 1 }] });
    bencher.bench(|| black_box(&schema).check(black_box(&value), false));
}

#[divan::bench]
fn coerce(bencher: Bencher<'_, '_>) {
    let schema = compiled(1);
    let value = json!({ "people": [{ "name": 5, "age": "42", "tags": "a" }] });
    bencher.bench(|| black_box(&schema).check(black_box(&value), true));
}

#[divan::bench(args = ["clean", "text", "markdown", "array", "large"])]
fn extraction(bencher: Bencher<'_, '_>, kind: &str) {
    let json = r#"{"name": "John", "age": 30, "tags": ["a", "b"]}"#;
    let answer = match kind {
        "clean" => json.to_owned(),
        "text" => format!("Here is the answer that you asked for: {json} I hope that it helps."),
        "markdown" => format!("Here it is:\n\n```json\n{json}\n```\n\nAnything else?"),
        "array" => format!("[{json}, {json}]"),
        _ => format!("So:\n{}\nThat was it.", answers()[1]),
    };
    let bencher = bencher.counter(BytesCount::of_str(&answer));
    bencher.bench(|| extract(black_box(&answer)).map(|found| found.text.len()));
}

#[divan::bench(args = ["{", "[", "{\"a\":", "[{\"a\"", "\""])]
fn a_mebibyte_of(bencher: Bencher<'_, '_>, part: &str) {
    let answer = part.repeat((1 << 20) / part.len());
    let bencher = bencher.counter(BytesCount::of_str(&answer));
    bencher.bench(|| extract(black_box(&answer)).is_some());
}

/// In pieces of four bytes, about what a token is.
#[divan::bench(args = [false, true])]
fn watch_1_kib(bencher: Bencher<'_, '_>, coerce: bool) {
    let (schema, answer) = (Arc::new(compiled(1)), answers()[1].clone());
    let pieces: Vec<&str> = (0..answer.len())
        .step_by(4)
        .map(|at| &answer[at..(at + 4).min(answer.len())])
        .collect();
    let bencher = bencher.counter(BytesCount::of_str(&answer));
    bencher.bench(|| {
        let mut watch = schema.watch(coerce);
        pieces
            .iter()
            .any(|piece| watch.push(black_box(piece)).is_some())
    });
}

#[divan::bench(args = [0, 1])]
fn compile(bencher: Bencher<'_, '_>, at: usize) {
    let text = schemas()[at].to_string();
    bencher.bench(|| Schema::compile(black_box(&text)).is_ok());
}

#[divan::bench(args = [0, 1])]
fn compiled_before(bencher: Bencher<'_, '_>, at: usize) {
    let (schemas_kept, text) = (Schemas::new(256, 8 << 20), schemas()[at].to_string());
    bencher.bench(|| schemas_kept.compile(black_box(&text)).is_ok());
}
