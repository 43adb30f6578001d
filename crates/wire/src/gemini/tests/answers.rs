//! Whole answers: what they say, how they end, and what is no answer.
//! The long example stands in `answer.json`.

use serde_json::{Value, json};

use crate::chat::{Answer, Malformed, Part, Stop, Tokens, Where};
use crate::gemini::read_answer;

fn read(answer: &Value) -> Result<Answer, Malformed> {
    read_answer(answer.to_string().as_bytes())
}

fn ended(reason: &str) -> Result<Answer, Malformed> {
    read(&json!({"candidates": [{
        "content": {"parts": [{"text": "Well"}]}, "finishReason": reason,
    }]}))
}

#[test]
fn the_documented_answer_with_thoughts_and_calls() {
    let answer = read_answer(include_bytes!("answer.json")).unwrap();
    assert_eq!(answer.id, "n2MUaZHqBfKWkdUP8Y7J-Q4");
    assert_eq!(answer.model, "gemini-3-pro-preview");
    assert_eq!(answer.created, None);
    assert_eq!(
        answer.tokens,
        Some(Tokens {
            input: 96,
            output: 27 + 204,
            cached: Some(64),
            cache_written: None,
            reasoning: Some(204),
        })
    );
    let [choice] = answer.choices.as_slice() else {
        panic!("one choice, not {:?}", answer.choices);
    };
    assert_eq!(choice.stop, Some(Stop::Calls));
    let [
        Part::Thinking { text, signature },
        Part::Call(weather),
        Part::Call(now),
    ] = choice.parts.as_slice()
    else {
        panic!("{:?}", choice.parts);
    };
    assert!(text.starts_with("**Looking it up**\n\n"), "{text}");
    assert_eq!(signature.as_deref(), Some("gemini:EtwDCtkDAXLI2nw="));
    assert_eq!(weather.name, "get_weather");
    // Byte for byte: the order, the blanks, and a number that no float holds.
    assert_eq!(
        weather.arguments,
        r#"{"unit": "celsius",  "city": "Zürich", "at": 12345678901234567890}"#
    );
    assert_eq!(
        (now.name.as_str(), now.arguments.as_str()),
        ("now", "{}"),
        "no arguments are an empty object"
    );
    // Stable: the answer's id and the place, within OpenAI's 40 letters.
    assert_eq!(weather.id, "call_n2MUaZHqBfKWkdUP8Y7J-Q4_00");
    assert_eq!(now.id, "call_n2MUaZHqBfKWkdUP8Y7J-Q4_01");
}

#[test]
fn calls_of_an_answer_without_an_id_have_stable_ones() {
    let ids = |args: Value| -> Vec<String> {
        let call = json!({"functionCall": {"name": "f", "args": args}});
        let answer = read(&json!({"candidates": [{
            "content": {"parts": [call, call]}, "finishReason": "STOP",
        }]}));
        let parts = answer.unwrap().choices.remove(0).parts;
        let id = |part| match part {
            Part::Call(call) => call.id,
            other => panic!("{other:?}"),
        };
        parts.into_iter().map(id).collect()
    };
    let once = ids(json!({"a": 1}));
    assert_eq!(once, ids(json!({"a": 1})));
    assert_ne!(once[0], once[1]);
    assert_ne!(once, ids(json!({"a": 2})));
    assert!(once[0].len() <= 40, "{}", once[0]);
}

#[test]
fn reasons_become_stops() {
    for (reason, stop) in [
        ("STOP", Stop::End),
        ("MAX_TOKENS", Stop::Length),
        ("SAFETY", Stop::Filter),
        ("RECITATION", Stop::Filter),
        ("LANGUAGE", Stop::Filter),
        ("BLOCKLIST", Stop::Filter),
        ("PROHIBITED_CONTENT", Stop::Filter),
        ("SPII", Stop::Filter),
    ] {
        let answer = ended(reason).unwrap();
        assert_eq!(answer.choices[0].stop, Some(stop), "{reason}");
    }
    let untold = ended("FINISH_REASON_UNSPECIFIED").unwrap();
    assert_eq!(untold.choices[0].stop, None);
}

/// An ending that is no answer is told with its name, or in Google's words.
#[test]
fn promise_3_what_failed_is_no_answer() {
    for reason in ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "OTHER"] {
        let Err(Malformed::Error(error)) = ended(reason) else {
            panic!("{reason} is an error");
        };
        assert_eq!(error.kind.as_deref(), Some(reason));
        assert!(error.message.contains(reason), "{}", error.message);
    }
    let told = read(&json!({"candidates": [{
        "finishReason": "MALFORMED_FUNCTION_CALL",
        "finishMessage": "Malformed function call: print(now())",
    }]}));
    let Err(Malformed::Error(error)) = told else {
        panic!("{told:?}");
    };
    assert_eq!(error.message, "Malformed function call: print(now())");
}

#[test]
fn a_prompt_that_was_held_back_is_a_filtered_answer() {
    let answer = read(&json!({
        "promptFeedback": {"blockReason": "PROHIBITED_CONTENT"},
        "usageMetadata": {"promptTokenCount": 7, "totalTokenCount": 7},
        "modelVersion": "gemini-2.5-pro", "responseId": "r",
    }))
    .unwrap();
    assert_eq!(answer.choices.len(), 1);
    assert_eq!(answer.choices[0].stop, Some(Stop::Filter));
    assert!(answer.choices[0].parts.is_empty());
    let tokens = answer.tokens.unwrap();
    assert_eq!((tokens.input, tokens.output), (7, 0));
    assert_eq!((tokens.cached, tokens.reasoning), (None, None));
}

#[test]
fn promise_1_a_body_without_an_answer_is_none() {
    for body in [
        "{}",
        "[]",
        "",
        "null",
        r#"{"candidates":[]}"#,
        r#"{"promptFeedback":{"blockReason":"BLOCK_REASON_UNSPECIFIED"}}"#,
        r#"{"candidates":[{"content":{"parts":[{"functionCall":{"args":{}}}]}}]}"#,
        "<html>busy</html>",
    ] {
        let read = read_answer(body.as_bytes());
        assert!(matches!(read, Err(Malformed::Frame)), "{body}: {read:?}");
    }
    let nine = json!({"candidates": vec![json!({"finishReason": "STOP"}); 9]});
    assert!(matches!(read(&nine), Err(Malformed::Frame)));
    let calls = vec![json!({"functionCall": {"name": "f"}}); 129];
    let many = json!({"candidates": [{"content": {"parts": calls}, "finishReason": "STOP"}]});
    assert!(matches!(read(&many), Err(Malformed::Frame)));
}

#[test]
fn an_error_with_a_good_status_is_an_error() {
    let read = read(&json!({"error": {"code": 503, "message": "Busy", "status": "UNAVAILABLE"}}));
    let Err(Malformed::Error(error)) = read else {
        panic!("{read:?}");
    };
    assert_eq!(
        (error.message.as_str(), error.kind.as_deref()),
        ("Busy", Some("UNAVAILABLE"))
    );
}

#[test]
fn promise_2_nothing_is_made_up() {
    let answer = ended("STOP").unwrap();
    assert_eq!((answer.id.as_str(), answer.model.as_str()), ("", ""));
    assert_eq!(answer.tokens, None);
    assert!(answer.choices[0].logprobs.is_none());
    let empty = json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {}});
    assert_eq!(read(&empty).unwrap().tokens, None);
}

#[test]
fn signatures_behind_text_and_pictures_of_several_choices() {
    let answer = read(&json!({"candidates": [
        {"content": {"parts": [{"text": "Done", "thoughtSignature": "c2ln"}]}, "finishReason": "STOP"},
        {"content": {"parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBO"}}]},
            "finishReason": "STOP", "index": 1},
    ]}))
    .unwrap();
    let [
        Part::Text { text, .. },
        Part::Thinking {
            text: thought,
            signature,
        },
    ] = answer.choices[0].parts.as_slice()
    else {
        panic!("{:?}", answer.choices[0].parts);
    };
    assert_eq!((text.as_str(), thought.as_str()), ("Done", ""));
    assert_eq!(signature.as_deref(), Some("gemini:c2ln"));
    let [
        Part::Image {
            place: Where::Data(media),
            ..
        },
    ] = answer.choices[1].parts.as_slice()
    else {
        panic!("{:?}", answer.choices[1].parts);
    };
    assert_eq!(
        (media.kind.as_str(), media.data.as_str()),
        ("image/png", "iVBO")
    );
}

#[test]
fn log_probabilities_take_the_form_of_openai() {
    let answer = read(&json!({"candidates": [{
        "content": {"parts": [{"text": "Hi"}]}, "finishReason": "STOP",
        "logprobsResult": {
            "topCandidates": [{"candidates": [
                {"token": "Hi", "tokenId": 1, "logProbability": -0.25},
                {"token": "Yo", "tokenId": 2, "logProbability": -1.5},
            ]}],
            "chosenCandidates": [{"token": "Hi", "tokenId": 1, "logProbability": -0.25}],
        },
    }]}))
    .unwrap();
    let logprobs: Value =
        serde_json::from_str(answer.choices[0].logprobs.as_ref().unwrap().get()).unwrap();
    let likely =
        |token: &str, logprob: f64| json!({"token": token, "logprob": logprob, "bytes": null});
    let mut token = likely("Hi", -0.25);
    token["top_logprobs"] = json!([likely("Hi", -0.25), likely("Yo", -1.5)]);
    assert_eq!(logprobs, json!({"content": [token], "refusal": null}));
}
