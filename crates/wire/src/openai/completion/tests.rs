//! Whole answers, and the streams made of them; every promise of
//! `completion.rs` under its number.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::openai::{Look, look};
use crate::sse::{Framer, Tail};

#[test]
fn promise_1_answers_are_measured() {
    let chat = br#"{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"H\u00e4","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":2}}"#;
    let usage = Some(Usage {
        input: 9,
        output: 2,
        estimated: false,
    });
    assert_eq!(
        look_answer(chat),
        Answer::Ok {
            usage,
            text_bytes: 6
        }
    );
    let text = br#"{"choices":[{"text":"abc"},{"text":"de"}]}"#;
    assert_eq!(
        look_answer(text),
        Answer::Ok {
            usage: None,
            text_bytes: 5
        }
    );
    let embedded =
        br#"{"data":[{"embedding":[0.1,-2e-3]}],"usage":{"prompt_tokens":4,"total_tokens":4}}"#;
    let usage = Some(Usage {
        input: 4,
        output: 0,
        estimated: false,
    });
    assert_eq!(
        look_answer(embedded),
        Answer::Ok {
            usage,
            text_bytes: 0
        }
    );
}

#[test]
fn promise_1_what_is_no_answer_is_not_taken_for_one() {
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        r#"{"choices":null}"#,
        r#"{"choices":{}}"#,
        r#"{"choices":[]"#,
        r#"{"choices":[]} x"#,
    ] {
        assert_eq!(look_answer(body.as_bytes()), Answer::Malformed, "{body}");
    }
    for body in [
        r#"{"error":{"message":"m"}}"#,
        r#"{"choices":[],"error":{"message":"m"}}"#,
        r#"{"message":"m"}"#,
        r#"[{"error":{"message":"m"}}]"#,
    ] {
        let Answer::Error(error) = look_answer(body.as_bytes()) else {
            panic!("{body}")
        };
        assert_eq!(error.message, "m");
    }
}

#[test]
fn promise_2_a_chat_answer_becomes_a_stream() {
    let body = br#"{
      "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "m",
      "choices": [{"index": 0, "message": {"role": "assistant", "content": null,
        "tool_calls": [{"id": "c1", "function": {"name": "f"}}, {}]},
        "logprobs": null, "finish_reason": "tool_calls"}],
      "usage": {"prompt_tokens": 3,
                "completion_tokens": 1}
    }"#;
    let out = to_stream(Endpoint::Chat, body, true).expect("an answer");
    let common = r#"data: {"object":"chat.completion.chunk","id":"chatcmpl-1","created":1,"model":"m","choices":["#;
    let mut lines = std::str::from_utf8(&out).expect("text").split("\n\n");
    let mut next = || {
        lines
            .next()
            .and_then(|line| line.strip_prefix(common))
            .expect("a piece")
            .replace(' ', "")
    };
    assert_eq!(
        next(),
        r#"{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"c1","function":{"name":"f"}},{"index":1}]},"logprobs":null,"finish_reason":null}]}"#
    );
    assert_eq!(
        next(),
        r#"{"index":0,"delta":{},"finish_reason":"tool_calls"}]}"#
    );
    assert_eq!(
        next(),
        r#"],"usage":{"prompt_tokens":3,"completion_tokens":1}}"#
    );
    assert_eq!(lines.collect::<Vec<_>>(), ["data: [DONE]", ""]);
    let quiet = to_stream(Endpoint::Chat, body, false).expect("an answer");
    assert!(!quiet.windows(7).any(|window| window == b"\"usage\""));
}

#[test]
fn promise_2_what_is_no_answer_becomes_none() {
    let text = br#"{"choices":[{"text":"a"}]}"#;
    assert!(to_stream(Endpoint::Completions, text, false).is_some());
    assert!(to_stream(Endpoint::Chat, text, false).is_none());
    assert!(to_stream(Endpoint::Embeddings, text, false).is_none());
    for body in [
        "{}",
        "[]",
        r#"{"choices":[]}"#,
        r#"{"choices":[1]}"#,
        r#"{"choices":[{"message":"x"}]}"#,
        r#"{"choices":[{"message":{}}],"error":"x"}"#,
        r#"{"choices":[{"message":{}}]"#,
    ] {
        assert!(
            to_stream(Endpoint::Chat, body.as_bytes(), true).is_none(),
            "{body}"
        );
    }
}

/// The pieces of a stream, and what was seen of it.
fn pieces(stream: &[u8]) -> (Vec<Value>, Vec<Look>) {
    let mut framer = Framer::new(1 << 20);
    framer.push(stream);
    let (mut values, mut looks) = (Vec::new(), Vec::new());
    while let Some(Ok(event)) = framer.next() {
        looks.push(look(&event.data()));
        values.extend(serde_json::from_slice::<Value>(&event.data()));
    }
    assert_eq!(framer.finish(), Tail::Clean);
    (values, looks)
}

proptest! {
    #[test]
    fn promise_2_text_calls_and_ends_stay(
        texts in prop::collection::vec((any::<String>(), any::<String>()), 1..4), pretty in any::<bool>(),
    ) {
        let choices: Vec<_> = texts.iter().enumerate().map(|(index, (text, arguments))| json!({
            "index": index, "finish_reason": "stop", "text": text,
            "message": {"role": "assistant", "content": text,
                        "tool_calls": [{"function": {"arguments": arguments}}]},
        })).collect();
        let answer = json!({"choices": choices, "usage": {"prompt_tokens": 1}});
        let body = if pretty { serde_json::to_vec_pretty(&answer)? } else { serde_json::to_vec(&answer)? };
        for endpoint in [Endpoint::Chat, Endpoint::Completions] {
            let stream = to_stream(endpoint, &body, true).expect("an answer");
            let (values, looks) = pieces(&stream);
            prop_assert_eq!(values.len(), 2 * texts.len() + 1);
            prop_assert_eq!(looks.last(), Some(&Look::Done));
            for (index, (text, arguments)) in texts.iter().enumerate() {
                let first = &values[index]["choices"][0];
                let told = if endpoint == Endpoint::Chat { &first["delta"]["content"] } else { &first["text"] };
                prop_assert_eq!(told, text);
                if endpoint == Endpoint::Chat {
                    let call = &first["delta"]["tool_calls"][0];
                    prop_assert_eq!(&call["function"]["arguments"], arguments);
                    prop_assert_eq!(&call["index"], 0);
                }
                prop_assert_eq!(&values[texts.len() + index]["choices"][0]["finish_reason"], "stop");
                let ends = matches!(looks[index], Look::Chunk(chunk) if !chunk.finish);
                prop_assert!(ends);
            }
        }
    }

    #[test]
    fn any_bytes_are_looked_at(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        prop_assert_eq!(look_answer(&bytes), Answer::Malformed);
        prop_assert!(to_stream(Endpoint::Chat, &bytes, true).is_none());
    }
}

#[test]
fn usage_is_found_in_an_answer_of_any_form() {
    let of = |body: &str| look_usage(body.as_bytes()).map(|told| (told.input, told.output));
    let image = r#"{"created":1,"data":[{"b64_json":"AA=="}],"usage":{"total_tokens":60,
        "input_tokens":50,"output_tokens":10,"input_tokens_details":{"text_tokens":50}}}"#;
    assert_eq!(of(image), Some((50, 10)));
    let text = r#"{"text":"Hi.","usage":{"type":"tokens","input_tokens":14,"output_tokens":2}}"#;
    assert_eq!(of(text), Some((14, 2)));
    for none in [
        r#"{"text":"Hi.","usage":{"type":"duration","seconds":9}}"#,
        r#"{"text":"Hi.","usage":null}"#,
        r#"{"nested":{"usage":{"input_tokens":1}}}"#,
        r#"{"usage":{"input_tokens":1}"#,
        r#"[{"usage":{"input_tokens":1}}]"#,
        "Hi.",
        "",
    ] {
        assert_eq!(of(none), None, "{none}");
    }
}
