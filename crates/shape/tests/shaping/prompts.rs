//! What a model is told, before its answer and after one that did not fit.
//! What it has said itself stays inside of its block.

use serde_json::json;
use tidegate_shape::{Misfit, Options, Schema, instruct, repair, shape};

fn schema() -> Schema {
    let schema =
        json!({ "required": ["a"], "properties": { "a": { "description": "not ``` yet" } } });
    Schema::compile(&schema.to_string()).unwrap()
}

#[test]
fn a_model_is_told_the_whole_schema() {
    let told = instruct(&schema());
    assert!(
        told.contains(&format!("````json\n{}\n````", schema().text())),
        "{told}"
    );
    assert!(told.len() < schema().text().len() + 1024);
}

/// Models write properties in the order in which they read them.
#[test]
fn a_model_is_told_the_properties_in_their_order() {
    let text =
        "{ \"properties\": {\n \"why\": {\"title\": \"a \\\" { b\\\\\"}, \"answer\": true } }";
    let schema = Schema::compile(text).unwrap();
    let expected = "{\"properties\":{\"why\":{\"title\":\"a \\\" { b\\\\\"},\"answer\":true}}";
    assert_eq!(schema.text(), expected);
    assert!(instruct(&schema).contains(expected));
}

#[test]
fn a_model_is_told_what_was_wrong() {
    let answer = "```json\n{}\n```";
    let misfit = shape(answer, &schema(), Options::default()).unwrap_err();
    let told = repair(&misfit, answer);
    assert!(told.contains("- property a is required\n"), "{told}");
    assert!(told.contains(&format!("````\n{answer}\n````\n")), "{told}");
    let told = repair(&Misfit::NoJson, "I cannot.");
    assert!(
        told.contains("I cannot.") && told.contains("no JSON"),
        "{told}"
    );
}

#[test]
fn what_a_model_is_told_is_bounded() {
    let answer = "ä`".repeat(100_000);
    let told = repair(&Misfit::NoJson, &answer);
    assert!(
        told.len() < 10 << 10 && told.contains("bytes more"),
        "{}",
        told.len()
    );
}
