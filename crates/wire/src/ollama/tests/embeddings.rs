//! Texts and their vectors: all are asked for, and all come back, or there is
//! no answer.

use crate::chat::{Lacks, Malformed};
use crate::embed::Embed;
use crate::ollama::{read_embedded, write_embed};

fn asked(inputs: &[&str]) -> Embed {
    Embed {
        model: "all-minilm".to_owned(),
        inputs: inputs.iter().map(|&text| text.to_owned()).collect(),
        ..Embed::default()
    }
}

#[test]
fn every_text_is_asked_for_and_none_is_cut() {
    let mut embed = asked(&["a", "b"]);
    (embed.dimensions, embed.user) = (Some(2), Some("ann".to_owned()));
    let mut lacks = Lacks::default();
    let body = write_embed(&embed, &mut lacks);
    assert_eq!(
        String::from_utf8(body).unwrap(),
        r#"{"model":"all-minilm","input":["a","b"],"truncate":false,"dimensions":2}"#
    );
    assert_eq!(lacks.fields(), ["user"]);
}

#[test]
fn there_is_a_vector_for_each_text_or_no_answer() {
    let body = br#"{"model":"all-minilm","embeddings":[[0.5,-1],[2,3]],"prompt_eval_count":8}"#;
    let read = read_embedded(body, &asked(&["a", "b"])).unwrap();
    assert_eq!(read.vectors, [[0.5, -1.0], [2.0, 3.0]]);
    assert_eq!((read.model.as_str(), read.tokens), ("all-minilm", Some(8)));
    let one = read_embedded(body, &asked(&["a"]));
    assert!(matches!(one, Err(Malformed::Frame)));
    let failed = read_embedded(br#"{"error":"no such model"}"#, &asked(&["a"]));
    let Err(Malformed::Error(said)) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(said.message, "no such model");
}
