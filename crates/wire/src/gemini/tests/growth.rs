//! That nothing grows faster than what came in: counted, not timed. And that
//! proofs of thought stay with the dialect that gave them.

use serde_json::json;

use super::ask::{call, image, message, of, thinking};
use crate::anthropic;
use crate::chat::{Decode, Lacks, Media, Role, Where};
use crate::gemini::{Reader, write_request};

/// The reader keeps nothing of what it told.
#[test]
fn a_long_stream_costs_as_much_at_its_end_as_at_its_beginning() {
    let frame = json!({"responseId": "r", "candidates": [{"content": {"parts": [
        {"text": "x".repeat(200)}, {"text": "y".repeat(200), "thought": true}]}}]})
    .to_string();
    let mut reader = Reader::default();
    let mut read = || {
        let mut told = 0;
        let mut sink = |_: crate::chat::Event<'_>| told += 1;
        reader.frame(b"", frame.as_bytes(), &mut sink).unwrap();
        (told, format!("{reader:?}").len())
    };
    assert_eq!(read().0, 3, "the start with the first");
    let first = read();
    for _ in 0..10_000 {
        assert_eq!(read(), first);
    }
}

/// A call with large arguments is told once, as it is.
#[test]
fn a_large_call_stays_as_large_as_it_is() {
    let args = format!(r#"{{"text":  "{}"}}"#, "a".repeat(200_000));
    let frame = format!(
        r#"{{"candidates":[{{"content":{{"parts":[{{"functionCall":{{"name":"f","args":{args}}}}}]}}}}]}}"#
    );
    let mut told = String::new();
    Reader::default()
        .frame(b"", frame.as_bytes(), &mut |event| {
            if let crate::chat::Event::Arguments { text, .. } = event {
                told.push_str(text);
            }
        })
        .unwrap();
    assert_eq!(told, args);
}

/// A large image is carried once, as it is.
#[test]
fn a_large_image_stays_as_large_as_it_is() {
    let picture = |letters: usize| {
        let media = Media {
            kind: "image/png".to_owned(),
            data: "A".repeat(letters),
        };
        of(vec![message(
            Role::User,
            vec![image(Where::Data(media), None)],
        )])
    };
    let size = |letters| write_request(&picture(letters), &mut Lacks::default()).len();
    assert_eq!(size(1 << 20), size(0) + (1 << 20));
}

/// Anthropic would refuse a block whose proof is not its own.
#[test]
fn a_signature_of_gemini_does_not_go_to_another() {
    let request = of(vec![message(
        Role::Assistant,
        vec![
            thinking("Hm.", Some("gemini:c2ln")),
            call("toolu_1", "f", "{}"),
        ],
    )]);
    let mut lacks = Lacks::default();
    let body = anthropic::write_request(&request, &anthropic::Ways::default(), &mut lacks);
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains("toolu_1") && !body.contains("c2ln"), "{body}");
    assert_eq!(lacks.fields(), ["messages[0].reasoning_content"]);
}
