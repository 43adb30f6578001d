//! How to answer and what may be called: each field in its place, promise 1 of
//! `request.rs` among them.

use serde_json::{Value, json};

use super::ask::{SCHEMA, of, raw, tool, whole};
use crate::chat::{Choose, Effort, Format, Lacks, Reasoning, Request};
use crate::gemini::write_request;

#[test]
fn schemas_pass_as_they_are() {
    let mut request = of(vec![]);
    request.tools = vec![tool(None)];
    request.format = Some(Format::Schema {
        name: "answer".to_owned(),
        description: None,
        schema: raw(SCHEMA),
        strict: Some(true),
    });
    let mut lacks = Lacks::default();
    let body = String::from_utf8(write_request(&request, &mut lacks)).unwrap();
    assert!(lacks.is_empty(), "{lacks:?}");
    assert!(
        body.contains(&format!(r#""parametersJsonSchema":{SCHEMA}"#)),
        "{body}"
    );
    assert!(
        body.contains(&format!(r#""responseJsonSchema":{SCHEMA}"#)),
        "{body}"
    );
    assert!(
        body.contains(r#""responseMimeType":"application/json""#),
        "{body}"
    );
    request.format = Some(Format::Json);
    request.tools[0].schema = None;
    let body = whole(&request);
    assert_eq!(
        body["generationConfig"],
        json!({"responseMimeType": "application/json"})
    );
    assert_eq!(
        body["tools"],
        json!([{"functionDeclarations": [
            {"name": "get_weather", "description": "The weather of a city."},
        ]}])
    );
}

#[test]
fn choices_of_tools_have_their_modes() {
    let named = Choose::Named("get_weather".to_owned());
    for (choose, strict, expected) in [
        (None, None, None),
        (None, Some(false), None),
        (None, Some(true), Some(json!({"mode": "VALIDATED"}))),
        (Some(Choose::Auto), None, Some(json!({"mode": "AUTO"}))),
        (
            Some(Choose::Auto),
            Some(true),
            Some(json!({"mode": "VALIDATED"})),
        ),
        (
            Some(Choose::Never),
            Some(true),
            Some(json!({"mode": "NONE"})),
        ),
        (Some(Choose::Any), Some(true), Some(json!({"mode": "ANY"}))),
        (
            Some(named),
            None,
            Some(json!({"mode": "ANY", "allowedFunctionNames": ["get_weather"]})),
        ),
    ] {
        let mut request = of(vec![]);
        request.tools = vec![tool(strict)];
        request.choose = choose.clone();
        let body = whole(&request);
        let expected = expected.map(|calling| json!({"functionCallingConfig": calling}));
        assert_eq!(body.get("toolConfig"), expected.as_ref(), "{choose:?}");
    }
}

#[test]
fn sampling_has_every_field() {
    let body = whole(&Request {
        max_tokens: Some(256),
        temperature: Some(1.5),
        top_p: Some(0.95),
        top_k: Some(40),
        stop: vec!["END".to_owned()],
        n: Some(2),
        seed: Some(-7),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(-0.5),
        logprobs: Some(5),
        stream: true,
        wants_usage: true,
        parallel_calls: Some(true),
        ..of(vec![])
    });
    assert_eq!(
        body,
        json!({"contents": [], "generationConfig": {
            "maxOutputTokens": 256, "temperature": 1.5, "topP": 0.95, "topK": 40,
            "stopSequences": ["END"], "candidateCount": 2, "seed": -7,
            "frequencyPenalty": 0.5, "presencePenalty": -0.5,
            "responseLogprobs": true, "logprobs": 5,
        }})
    );
}

#[test]
fn thinking_is_a_level_or_a_number_by_the_model() {
    let ask = |model: &str, effort, budget, told| {
        let request = Request {
            model: model.to_owned(),
            reasoning: Some(Reasoning {
                effort,
                budget,
                told,
            }),
            ..of(vec![])
        };
        whole(&request)["generationConfig"]["thinkingConfig"].clone()
    };
    let newer = "gemini-3-flash-preview";
    let older = "gemini-2.5-flash";
    for (effort, level, budget) in [
        (Effort::Minimal, "MINIMAL", 1024),
        (Effort::Low, "LOW", 1024),
        (Effort::Medium, "MEDIUM", 8192),
        (Effort::High, "HIGH", 24_576),
    ] {
        let level = json!({"thinkingLevel": level});
        assert_eq!(ask(newer, Some(effort), None, false), level);
        assert_eq!(ask("gemini-flash-latest", Some(effort), None, false), level);
        let budget = json!({"thinkingBudget": budget});
        assert_eq!(ask(older, Some(effort), None, false), budget);
    }
    let none = json!({"thinkingBudget": 0});
    assert_eq!(ask(newer, Some(Effort::Nothing), None, false), none);
    assert_eq!(
        ask(newer, Some(Effort::Low), Some(77), true),
        json!({"includeThoughts": true, "thinkingBudget": 77})
    );
    assert_eq!(ask(older, None, None, false), Value::Null);
}
