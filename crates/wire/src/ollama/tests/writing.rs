//! Requests; the promises of `request.rs` under their numbers.
//!
//! `full` has all that the dialect can say.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::chat::{
    Choose, Effort, Format, Lacks, Media, Message, Part, Reasoning, Request, Role, Tool, ToolCall,
    ToolResult, Where,
};
use crate::ollama::write_request;

fn text(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

fn image(place: Where) -> Part {
    Part::Image {
        place,
        detail: None,
        cache: None,
    }
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn result(id: &str, parts: Vec<Part>) -> Part {
    Part::Result(ToolResult {
        id: id.to_owned(),
        name: None,
        parts,
        failed: false,
        cache: None,
    })
}

fn tool(name: &str, description: Option<&str>, schema: Option<&str>) -> Tool {
    Tool {
        name: name.to_owned(),
        description: description.map(str::to_owned),
        schema: schema.map(raw),
        strict: None,
        cache: None,
    }
}

fn written(request: &Request) -> (Value, Vec<String>) {
    let mut lacks = Lacks::default();
    let body = write_request(request, &mut lacks);
    (
        serde_json::from_slice(&body).unwrap(),
        lacks.fields().to_vec(),
    )
}

fn talk() -> Vec<Message> {
    let png = Where::Data(Media {
        kind: "image/png".to_owned(),
        data: "aGVsbG8=".to_owned(),
    });
    vec![
        message(Role::System, vec![text("Be short.")]),
        message(
            Role::User,
            vec![text("What is this?"), image(png), text("And that?")],
        ),
        message(
            Role::Assistant,
            vec![
                Part::Thinking {
                    text: "Let me see.".to_owned(),
                    signature: Some("c2ln".to_owned()),
                },
                text("I look it up."),
                call("call_1", "weather", r#"{"city": "Bern", "days": 1.50}"#),
                call("call_2", "clock", ""),
            ],
        ),
        message(
            Role::User,
            vec![
                result("call_1", vec![text("rain")]),
                result("call_2", vec![text("noon")]),
                text("So?"),
            ],
        ),
    ]
}

/// A request with all that Ollama can say.
fn full() -> Request {
    Request {
        model: "qwen3:8b".to_owned(),
        stream: true,
        wants_usage: true,
        messages: talk(),
        tools: vec![
            tool(
                "weather",
                Some("The weather of a place."),
                Some(r#"{"type":"object","properties":{"city":{"type":"string"}}}"#),
            ),
            tool("clock", None, None),
        ],
        choose: Some(Choose::Auto),
        parallel_calls: Some(true),
        format: Some(Format::Schema {
            name: "sky".to_owned(),
            description: None,
            schema: raw(r#"{"type":"object","required":["sky"]}"#),
            strict: Some(true),
        }),
        reasoning: Some(Reasoning {
            effort: Some(Effort::Medium),
            budget: None,
            told: true,
        }),
        max_tokens: Some(512),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".to_owned(), "\n\n".to_owned()],
        n: Some(1),
        seed: Some(-7),
        frequency_penalty: Some(0.25),
        presence_penalty: Some(-0.5),
        logprobs: Some(3),
        user: None,
        others: Vec::new(),
    }
}

#[test]
fn promise_1_and_2_all_that_it_can_say_is_said() {
    let (body, lacks) = written(&full());
    let expected: Value = serde_json::from_str(include_str!("request.json")).unwrap();
    assert_eq!(body, expected);
    assert_eq!(lacks, Vec::<String>::new());
}

#[test]
fn arguments_and_schemas_keep_their_bytes() {
    let body = write_request(&full(), &mut Lacks::default());
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(r#""arguments":{"city": "Bern", "days": 1.50}"#));
    assert!(body.contains(r#""format":{"type":"object","required":["sky"]}"#));
}

#[test]
fn a_small_request_says_no_more_than_it_must() {
    let request = Request {
        model: "m".to_owned(),
        messages: vec![message(Role::User, vec![text("Hi")])],
        ..Request::default()
    };
    assert_eq!(
        written(&request),
        (
            json!({"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": false}),
            Vec::new()
        )
    );
}

#[test]
fn what_stands_before_a_result_stays_before_it() {
    let mut request = full();
    request.messages.truncate(3);
    request.messages.push(message(
        Role::User,
        vec![
            text("first"),
            result("call_2", vec![text("a"), text("b")]),
            text("last"),
        ],
    ));
    let (body, _) = written(&request);
    let said: Vec<_> = body["messages"].as_array().unwrap()[4..]
        .iter()
        .map(|said| {
            (
                said["role"].as_str().unwrap(),
                said["content"].as_str().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            ("user", "first"),
            ("tool", "a"),
            ("tool", "b"),
            ("user", "last")
        ]
    );
}

/// Messages with parts that it cannot say.
fn odd_talk() -> [Message; 3] {
    let cached = Part::Text {
        text: "t".to_owned(),
        cache: Some(raw(r#"{"type":"ephemeral"}"#)),
    };
    let document = Part::Document {
        place: Where::File("f".to_owned()),
        name: None,
        cache: None,
    };
    let audio = Part::Audio {
        data: String::new(),
        format: "wav".to_owned(),
    };
    let near = Part::Image {
        place: Where::Url("https://example.org/a.png".to_owned()),
        detail: Some("low".to_owned()),
        cache: None,
    };
    let parts = vec![cached, document, audio, near];
    let seen = message(Role::User, parts);
    let parts = vec![
        call("call_3", "weather", "{\"cut"),
        Part::Redacted("x".to_owned()),
    ];
    let called = message(Role::Assistant, parts);
    let failed = message(
        Role::User,
        vec![Part::Result(ToolResult {
            id: "call_3".to_owned(),
            name: None,
            parts: Vec::new(),
            failed: true,
            cache: None,
        })],
    );
    [seen, called, failed]
}

#[test]
fn what_it_cannot_say_is_named() {
    let mut request = full();
    request.choose = Some(Choose::Named("weather".to_owned()));
    request.parallel_calls = Some(false);
    request.n = Some(2);
    request.user = Some("u".to_owned());
    request.others = vec!["logit_bias".to_owned()];
    request.tools[0].strict = Some(true);
    request.reasoning = Some(Reasoning {
        effort: Some(Effort::Max),
        budget: Some(9),
        told: false,
    });
    request.messages.extend(odd_talk());
    let (body, lacks) = written(&request);
    assert_eq!(body["think"], "high", "the nearest step");
    assert_eq!(
        lacks,
        [
            "cache_control",
            "file",
            "input_audio",
            "image_url.detail",
            "image_url.url",
            "tool_calls.function.arguments",
            "redacted_thinking",
            "is_error",
            "parallel_tool_calls",
            "tool_choice",
            "tools.function.strict",
            "thinking.budget_tokens",
            "reasoning_effort",
            "n",
            "user",
            "logit_bias",
        ]
    );
}

#[test]
fn who_may_call_nothing_is_offered_nothing() {
    let mut request = full();
    request.choose = Some(Choose::Never);
    let (body, lacks) = written(&request);
    assert_eq!(body.get("tools"), None);
    assert_eq!(lacks, Vec::<String>::new());
}

#[test]
fn whether_to_think() {
    let mut request = full();
    for (effort, budget, told, expected) in [
        (Some(Effort::Nothing), None, false, json!(false)),
        (None, Some(0), false, json!(false)),
        (None, None, true, json!(true)),
        (None, None, false, Value::Null),
        (Some(Effort::High), None, false, json!("high")),
    ] {
        request.reasoning = Some(Reasoning {
            effort,
            budget,
            told,
        });
        let (body, lacks) = written(&request);
        assert_eq!(body["think"], expected);
        assert_eq!(lacks, Vec::<String>::new());
    }
}
