//! Fields that are Tidegate's own, in all three dialects: they are read, and no
//! upstream sees them.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::json::Limits;
use crate::openai::{self, Peek};
use crate::{anthropic, responses};

fn scan(body: &[u8]) -> Vec<Result<Peek<'_>, Refused>> {
    let limits = Limits::default();
    vec![
        openai::scan(openai::Endpoint::Chat, body, &limits),
        anthropic::scan(anthropic::Endpoint::Messages, body, &limits),
        responses::scan(body, &limits),
    ]
}

const REST: &str =
    r#""model":"m","messages":[{"role":"user","content":"x"}],"input":"x","max_tokens":7"#;

#[test]
fn they_are_read_and_cut_wherever_they_stand() {
    let own = r#""fallbacks" : ["a", "b/c"]"#;
    let bodies = [
        format!("{{{own},{REST}}}"),
        format!("{{ {own} , {REST}}}"),
        format!("{{{REST},{own}}}"),
        format!("{{{REST} , {own} }}"),
        format!("{{\"x\":1,{own},{REST}}}"),
    ];
    for body in bodies {
        for peek in scan(body.as_bytes()) {
            let own = peek.unwrap().own;
            assert_eq!(own.fallbacks, ["a", "b/c"], "{body}");
            let stripped = own.strip(&Bytes::from(body.clone()));
            let mut wanted: Value = serde_json::from_str(&body).unwrap();
            wanted.as_object_mut().unwrap().remove("fallbacks");
            let left: Value = serde_json::from_slice(&stripped).unwrap();
            assert_eq!(left, wanted, "{body}");
            assert!(
                scan(&stripped)
                    .into_iter()
                    .all(|peek| peek.unwrap().own.is_empty())
            );
        }
    }
}

#[test]
fn what_is_no_list_of_names_is_refused_by_its_name() {
    let many = json!(vec!["m"; 9]).to_string();
    for value in ["\"a\"", "[]", "[1]", "[\"\"]", "{}", &many] {
        let body = format!("{{\"fallbacks\":{value},{REST}}}");
        for peek in scan(body.as_bytes()) {
            assert_eq!(
                peek.unwrap_err().param.as_deref(),
                Some("fallbacks"),
                "{body}"
            );
        }
    }
    let twice = format!("{{\"fallbacks\":[\"a\"],{REST},\"fallbacks\":[\"a\"]}}");
    assert!(scan(twice.as_bytes()).into_iter().all(|peek| peek.is_err()));
    let null = format!("{{\"fallbacks\":null,{REST}}}");
    for peek in scan(null.as_bytes()) {
        let own = peek.unwrap().own;
        assert!(
            own.fallbacks.is_empty() && !own.is_empty(),
            "it goes to nobody"
        );
    }
}

proptest! {
    /// Every other byte stays.
    #[test]
    fn what_is_cut_is_the_member_and_one_comma(
        front in prop::collection::vec("[a-e]{1,3}", 0..4),
        back in prop::collection::vec("[f-j]{1,3}", 0..4),
        space in "[ \n]{0,3}",
    ) {
        let member = |name: &String| format!("\"{name}\":1");
        let front: Vec<_> = front.iter().map(member).collect();
        let back: Vec<_> = back.iter().map(member).collect();
        let own = "\"fallbacks\":[\"m\"]".to_owned();
        let rest = vec![REST.to_owned()];
        let with: Vec<_> = [front.clone(), vec![own], rest.clone(), back.clone()].concat();
        let without: Vec<_> = [front, rest, back].concat();
        let comma = format!(",{space}");
        let body = Bytes::from(format!("{{{}}}", with.join(&comma)));
        let peek = openai::scan(openai::Endpoint::Chat, &body, &Limits::default()).unwrap();
        let wanted = format!("{{{}}}", without.join(&comma));
        prop_assert_eq!(peek.own.strip(&body), wanted);
    }
}
