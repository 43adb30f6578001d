//! Requests for embeddings and their answers; every promise of
//! `embeddings.rs` under its number.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tidegate_types::Code;

use super::*;

fn read(body: &Value) -> Result<Embed, Refused> {
    read_request(body.to_string().as_bytes())
}

#[test]
fn a_request_is_read() {
    let one = read(&json!({"model": "m", "input": "Hëllo"})).unwrap();
    assert_eq!(
        one,
        Embed {
            model: "m".to_owned(),
            inputs: vec!["Hëllo".to_owned()],
            ..Embed::default()
        }
    );
    let all = read(&json!({
        "model": "m", "input": ["a", "", "b"], "dimensions": 256, "encoding_format": "base64",
        "user": "u", "input_type": "query", "nothing": null,
    }))
    .unwrap();
    assert_eq!(
        all,
        Embed {
            model: "m".to_owned(),
            inputs: vec!["a".to_owned(), String::new(), "b".to_owned()],
            dimensions: Some(256),
            base64: true,
            user: Some("u".to_owned()),
            others: vec!["input_type".to_owned()],
        }
    );
    let plain = json!({"model": "m", "input": "a", "encoding_format": "float", "user": null});
    assert!(!read(&plain).unwrap().base64);
}

#[test]
fn promise_1_a_refusal_names_the_field() {
    for (body, field) in [
        (json!({"input": "a"}), "model"),
        (json!({"model": "", "input": "a"}), "model"),
        (json!({"model": "m"}), "input"),
        (json!({"model": "m", "input": []}), "input"),
        (json!({"model": "m", "input": {"text": "a"}}), "input"),
        (json!({"model": "m", "input": ["a", null]}), "input"),
        (json!({"model": "m", "input": vec!["a"; 2049]}), "input"),
        (
            json!({"model": "m", "input": "a", "dimensions": 0}),
            "dimensions",
        ),
        (
            json!({"model": "m", "input": "a", "dimensions": "256"}),
            "dimensions",
        ),
        (
            json!({"model": "m", "input": "a", "dimensions": 1.5}),
            "dimensions",
        ),
        (
            json!({"model": "m", "input": "a", "encoding_format": "f16"}),
            "encoding_format",
        ),
        (json!({"model": "m", "input": "a", "user": 1}), "user"),
    ] {
        let refused = read(&body).unwrap_err();
        assert_eq!(refused.code, Code::InvalidValue, "{field}");
        assert_eq!(refused.param.as_deref(), Some(field));
        assert!(refused.message.contains(field), "{}", refused.message);
    }
    let twice = read_request(br#"{"model":"m","input":"a","input":"b"}"#).unwrap_err();
    assert_eq!(twice.param.as_deref(), Some("input"));
    let taken = read(&json!({"model": "m", "input": "a", "api_base": "http://x"})).unwrap_err();
    assert_eq!(taken.code, Code::UnsupportedParameter);
    assert!(read_request(b"[]").is_err());
}

#[test]
fn promise_3_tokens_are_refused() {
    for input in [json!([1, 2]), json!([[1, 2], [3]])] {
        let refused = read(&json!({"model": "m", "input": input})).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some("input"));
        assert!(refused.message.contains("tokens"), "{}", refused.message);
    }
}

#[test]
fn promise_2_both_encodings_carry_the_same_numbers() {
    let answer = Embedded {
        model: String::new(),
        vectors: vec![
            vec![0.1, -2.5e-8, 1.0],
            vec![f32::MIN_POSITIVE, 0.333_333_34],
        ],
        tokens: Some(5),
    };
    let mut asked = read(&json!({"model": "m", "input": ["a", "b"]})).unwrap();
    let body: Value = serde_json::from_slice(&write_answer(&answer, &asked)).unwrap();
    let usage = json!({"prompt_tokens": 5, "total_tokens": 5});
    assert_eq!(
        (&body["object"], &body["model"], &body["usage"]),
        (&json!("list"), &json!("m"), &usage)
    );
    let text = String::from_utf8(write_answer(&answer, &asked)).unwrap();
    assert!(
        text.contains("[0.1,-2.5e-8,1.0]"),
        "no digit more than there is: {text}"
    );
    asked.base64 = true;
    let encoded: Value = serde_json::from_slice(&write_answer(&answer, &asked)).unwrap();
    for (index, vector) in answer.vectors.iter().enumerate() {
        let item = &body["data"][index];
        assert_eq!(item["object"], "embedding");
        assert_eq!(item["index"], index);
        let numbers: Vec<f32> = serde_json::from_value(item["embedding"].clone()).unwrap();
        assert_eq!(&numbers, vector);
        let bytes = STANDARD
            .decode(encoded["data"][index]["embedding"].as_str().unwrap())
            .unwrap();
        let numbers: Vec<f32> = bytes
            .chunks_exact(4)
            .map(|four| f32::from_le_bytes(four.try_into().unwrap()))
            .collect();
        assert_eq!(&numbers, vector);
    }
}

#[test]
fn tokens_that_are_not_known_are_not_told() {
    let asked = read(&json!({"model": "m", "input": "a"})).unwrap();
    let answer = Embedded {
        model: "told".to_owned(),
        vectors: vec![vec![1.0]],
        tokens: None,
    };
    let body: Value = serde_json::from_slice(&write_answer(&answer, &asked)).unwrap();
    assert_eq!(body["model"], "told");
    assert_eq!(body.get("usage"), None);
}
