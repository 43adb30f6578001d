//! Embeddings: one text, several, and answers that are none; every promise of
//! `embeddings.rs` under its number.

use serde_json::{Value, json};

use crate::chat::{Lacks, Malformed};
use crate::embed::{Embed, Embedded};
use crate::gemini::{embed_path, read_embedded, write_embed};
use crate::openai::embeddings::{read_request, write_answer};

fn asked(inputs: &[&str]) -> Embed {
    Embed {
        model: "gemini-embedding-001".to_owned(),
        inputs: inputs.iter().map(|&text| text.to_owned()).collect(),
        ..Embed::default()
    }
}

fn read(answer: &Value, inputs: &[&str]) -> Result<Embedded, Malformed> {
    read_embedded(answer.to_string().as_bytes(), &asked(inputs))
}

#[test]
fn one_text_and_several_have_their_calls() {
    let body = |embed: &Embed| -> Value {
        let mut lacks = Lacks::default();
        let body = write_embed(embed, &mut lacks);
        assert!(lacks.is_empty(), "{lacks:?}");
        serde_json::from_slice(&body).unwrap()
    };
    let mut one = asked(&["Hello"]);
    assert_eq!(
        embed_path(&one),
        "/models/gemini-embedding-001:embedContent"
    );
    let model = "models/gemini-embedding-001";
    let content = |text: &str| json!({"parts": [{"text": text}]});
    assert_eq!(
        body(&one),
        json!({"model": model, "content": content("Hello")})
    );
    one.dimensions = Some(768);
    assert_eq!(body(&one)["outputDimensionality"], 768);
    let two = asked(&["a", "b"]);
    assert_eq!(
        embed_path(&two),
        "/models/gemini-embedding-001:batchEmbedContents"
    );
    assert_eq!(
        body(&two),
        json!({"requests": [
            {"model": model, "content": content("a")},
            {"model": model, "content": content("b")},
        ]})
    );
}

#[test]
fn what_has_no_place_is_named() {
    let mut lacks = Lacks::default();
    let embed = Embed {
        user: Some("u".to_owned()),
        others: vec!["input_type".to_owned()],
        ..asked(&["a"])
    };
    write_embed(&embed, &mut lacks);
    assert_eq!(lacks.fields(), ["user", "input_type"]);
}

#[test]
fn promise_2_answers_of_both_forms() {
    let one = read(&json!({"embedding": {"values": [0.25, -1]}}), &["a"]).unwrap();
    assert_eq!(one.vectors, [[0.25, -1.0]]);
    assert_eq!(one.tokens, None);
    let two = json!({
        "embeddings": [{"values": [1.0]}, {"values": [2.0]}],
        "usageMetadata": {"promptTokenCount": 4},
    });
    let two = read(&two, &["a", "b"]).unwrap();
    assert_eq!(two.vectors, [[1.0], [2.0]]);
    assert_eq!(two.tokens, Some(4));
}

#[test]
fn promise_1_an_answer_that_does_not_fit_is_none() {
    for answer in [
        json!({}),
        json!([]),
        json!({"embeddings": []}),
        json!({"embedding": {"values": [1.0]}}),
        json!({"embeddings": [{"values": [1.0]}, {"values": []}]}),
        json!({"embeddings": [{"values": [1.0]}, {"values": [1e300]}]}),
        json!({"embeddings": [{"values": [1.0]}, {"values": ["1"]}]}),
    ] {
        let read = read(&answer, &["a", "b"]);
        assert!(matches!(read, Err(Malformed::Frame)), "{answer}: {read:?}");
    }
    let failed = json!({"error": {"code": 400, "message": "at most 100 requests", "status": "INVALID_ARGUMENT"}});
    let Err(Malformed::Error(error)) = read(&failed, &["a"]) else {
        panic!("an error is one");
    };
    assert_eq!(error.message, "at most 100 requests");
}

/// From a caller of OpenAI's dialect and back.
#[test]
fn the_whole_way() {
    let asked = read_request(
        br#"{"model":"gemini-embedding-001","input":["a","b"],"encoding_format":"base64"}"#,
    )
    .unwrap();
    let upstream = br#"{"embeddings":[{"values":[1.0,-0.5]},{"values":[0.1,0]}]}"#;
    let embedded = read_embedded(upstream, &asked).unwrap();
    let answer: Value = serde_json::from_slice(&write_answer(&embedded, &asked)).unwrap();
    assert_eq!(
        answer,
        json!({"object": "list", "model": "gemini-embedding-001", "data": [
            {"object": "embedding", "index": 0, "embedding": "AACAPwAAAL8="},
            {"object": "embedding", "index": 1, "embedding": "zczMPQAAAAA="},
        ]})
    );
}
