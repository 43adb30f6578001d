//! Requests; the promises of `request.rs`, `turns.rs` and `model.rs`.
//!
//! `full` has nearly all that the dialect can say.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::bedrock::write_request;
use crate::chat::{
    Choose, Effort, Format, Lacks, Media, Message, Part, Reasoning, Request, Role, Tool, ToolCall,
    ToolResult, Where,
};

const CLAUDE: &str = "us.anthropic.claude-3-7-sonnet-20250219-v1:0";

fn text(text: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: None,
    }
}

fn raw(json: &str) -> Box<RawValue> {
    RawValue::from_string(json.to_owned()).unwrap()
}

fn cached(text: &str, cache: &str) -> Part {
    Part::Text {
        text: text.to_owned(),
        cache: Some(raw(cache)),
    }
}

fn data(kind: &str, data: &str) -> Where {
    Where::Data(Media {
        kind: kind.to_owned(),
        data: data.to_owned(),
    })
}

fn image(place: Where) -> Part {
    Part::Image {
        place,
        detail: Some("auto".to_owned()),
        cache: None,
    }
}

fn document(place: Where, name: Option<&str>) -> Part {
    Part::Document {
        place,
        name: name.map(str::to_owned),
        cache: None,
    }
}

fn message(role: Role, parts: Vec<Part>) -> Message {
    Message { role, parts }
}

fn call(id: &str, name: &str, arguments: &str) -> Part {
    Part::Call(ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    })
}

fn result(id: &str, parts: Vec<Part>, failed: bool) -> Part {
    Part::Result(ToolResult {
        id: id.to_owned(),
        name: None,
        parts,
        failed,
        cache: None,
    })
}

fn said(parts: Vec<Part>) -> Request {
    Request {
        model: CLAUDE.to_owned(),
        messages: vec![message(Role::User, parts)],
        ..Request::default()
    }
}

fn written(request: &Request) -> (Value, Vec<String>) {
    let mut lacks = Lacks::default();
    let body = write_request(request, &mut lacks);
    let body = serde_json::from_slice(&body).unwrap();
    (body, lacks.fields().to_vec())
}

fn talk() -> Vec<Message> {
    let asked = vec![
        text("What is this?"),
        text(""),
        image(data("image/png", "aGVsbG8=")),
        image(Where::Url("s3://bucket/a.jpg".to_owned())),
        document(
            data("application/pdf", "JVBERg=="),
            Some("annual_report  (2024).pdf"),
        ),
        document(data("text/plain", "aGk="), None),
        Part::Audio {
            data: "UklGRg==".to_owned(),
            format: "wav".to_owned(),
        },
        cached("", r#"{"type":"ephemeral"}"#),
    ];
    let answered = vec![
        Part::Thinking {
            text: "Let me see.".to_owned(),
            signature: Some("c2ln".to_owned()),
        },
        Part::Redacted("cmVkYWN0ZWQ=".to_owned()),
        text("I look it up."),
        call("call_1", "weather", r#"{"city": "Bern", "days": 1.50}"#),
        call("call_2", "clock", ""),
    ];
    let seen = vec![text("rain"), image(data("image/png", "aGVsbG8="))];
    vec![
        message(
            Role::System,
            vec![cached("Be short.", r#"{"type":"ephemeral","ttl":"1h"}"#)],
        ),
        message(Role::User, asked),
        message(Role::Assistant, answered),
        message(Role::User, vec![result("call_1", seen, false)]),
        message(
            Role::User,
            vec![result("call_2", vec![text("no clock")], true)],
        ),
        message(Role::User, vec![text("So?")]),
    ]
}

fn full() -> Request {
    let schema = r#"{"type":"object","properties":{"city":{"type":"string"}}}"#;
    Request {
        stream: true,
        wants_usage: true,
        messages: talk(),
        tools: vec![
            Tool {
                name: "weather".to_owned(),
                description: Some("The weather of a place.".to_owned()),
                schema: Some(raw(schema)),
                strict: Some(true),
                cache: None,
            },
            Tool {
                name: "clock".to_owned(),
                description: None,
                schema: None,
                strict: Some(false),
                cache: Some(raw(r#"{"type":"ephemeral"}"#)),
            },
        ],
        choose: Some(Choose::Named("weather".to_owned())),
        parallel_calls: Some(true),
        format: Some(Format::Schema {
            name: "sky".to_owned(),
            description: Some("The sky.".to_owned()),
            schema: raw(r#"{"type":"object","required":["sky"]}"#),
            strict: Some(true),
        }),
        reasoning: Some(Reasoning {
            effort: Some(Effort::Medium),
            budget: None,
            told: true,
        }),
        max_tokens: Some(20_000),
        temperature: Some(0.5),
        top_p: Some(0.9),
        top_k: Some(40),
        stop: vec!["END".to_owned()],
        n: Some(1),
        user: Some("user-42".to_owned()),
        ..said(Vec::new())
    }
}

#[test]
fn all_that_it_can_say_is_said() {
    let (body, lacks) = written(&full());
    let expected: Value = serde_json::from_str(include_str!("request.json")).unwrap();
    assert_eq!(body, expected);
    assert_eq!(lacks, Vec::<String>::new());
}

#[test]
fn arguments_keep_their_bytes() {
    let body = String::from_utf8(write_request(&full(), &mut Lacks::default())).unwrap();
    assert!(body.contains(r#""input":{"city": "Bern", "days": 1.50}"#));
}

#[test]
fn a_small_request_says_no_more_than_it_must() {
    assert_eq!(
        written(&said(vec![text("Hi")])),
        (
            json!({"messages": [{"role": "user", "content": [{"text": "Hi"}]}]}),
            Vec::new()
        )
    );
    // Even nothing is said, so that the upstream can tell.
    let (body, _) = written(&said(vec![text("")]));
    assert_eq!(body["messages"][0]["content"], json!([{"text": ""}]));
}

#[test]
fn promise_1_what_it_cannot_say_is_named() {
    let mut request = full();
    request.parallel_calls = Some(false);
    request.format = Some(Format::Json);
    request.n = Some(2);
    request.seed = Some(1);
    request.frequency_penalty = Some(0.5);
    request.presence_penalty = Some(0.0);
    request.logprobs = Some(0);
    request.user = Some("jürg".to_owned());
    request.others = vec!["logit_bias".to_owned()];
    request.choose = Some(Choose::Never);
    let far = Part::Image {
        place: Where::Url("https://example.org/a.png".to_owned()),
        detail: Some("low".to_owned()),
        cache: None,
    };
    request.messages = vec![
        message(
            Role::User,
            vec![
                far,
                image(data("image/tiff", "")),
                document(Where::File("f".to_owned()), None),
                document(data("application/zip", ""), None),
                document(Where::Url("https://example.org/a.pdf".to_owned()), None),
                Part::Audio {
                    data: String::new(),
                    format: "amr".to_owned(),
                },
                result("c", vec![cached("t", r#"{"type":"ephemeral"}"#)], false),
            ],
        ),
        message(Role::Assistant, vec![call("c", "f", "[1]")]),
        message(
            Role::System,
            vec![text("Now be long."), call("c", "f", "{}")],
        ),
    ];
    let (body, lacks) = written(&request);
    assert_eq!(body["system"], json!([{"text": "Now be long."}]));
    assert_eq!(
        lacks,
        [
            "image_url.detail",
            "image_url.url",
            "file.file_id",
            "file.file_data",
            "file.url",
            "input_audio.format",
            "cache_control",
            "tool_calls.function.arguments",
            "messages[2].role",
            "messages[2].content",
            "parallel_tool_calls",
            "tool_choice",
            "response_format",
            "user",
            "n",
            "seed",
            "frequency_penalty",
            "logprobs",
            "logit_bias",
        ]
    );
}

#[test]
fn turns_alternate() {
    let mut request = said(vec![text("a")]);
    request.messages.push(message(Role::User, vec![text("b")]));
    request.messages.push(message(
        Role::Assistant,
        vec![Part::Refusal("no".to_owned())],
    ));
    request
        .messages
        .push(message(Role::Assistant, vec![text("c")]));
    assert_eq!(
        written(&request).0["messages"],
        json!([
            {"role": "user", "content": [{"text": "a"}, {"text": "b"}]},
            {"role": "assistant", "content": [{"text": "no"}, {"text": "c"}]},
        ])
    );
}

#[test]
fn no_two_documents_have_one_name() {
    let pdf = |name: Option<&str>| document(data("application/pdf", ""), name);
    let parts = vec![
        pdf(Some("a.pdf")),
        pdf(Some("a.pdf")),
        pdf(None),
        pdf(Some(".pdf")),
        pdf(Some("straße/../x")),
    ];
    let (body, lacks) = written(&said(parts));
    let names: Vec<_> = (0..5)
        .map(|at| body["messages"][0]["content"][at]["document"]["name"].clone())
        .collect();
    assert_eq!(
        names,
        ["a", "a-2", "document-3", "document-4", "stra-e----x"]
    );
    assert_eq!(lacks, Vec::<String>::new());
}

#[test]
fn whether_to_call() {
    let mut request = full();
    request.messages.truncate(2);
    for (choose, expected) in [
        (None, Value::Null),
        (Some(Choose::Auto), json!({"auto": {}})),
        (Some(Choose::Any), json!({"any": {}})),
    ] {
        request.choose = choose;
        assert_eq!(written(&request).0["toolConfig"]["toolChoice"], expected);
    }
    request.choose = Some(Choose::Never);
    let (body, lacks) = written(&request);
    assert_eq!(body.get("toolConfig"), None);
    assert_eq!(lacks, Vec::<String>::new());
}

/// How `model` is asked to think, and what is lacking.
fn thinks(model: &str, reasoning: Reasoning) -> (Value, Vec<String>) {
    let request = Request {
        model: model.to_owned(),
        max_tokens: Some(10_000),
        reasoning: Some(reasoning),
        ..said(vec![text("Hi")])
    };
    let (body, lacks) = written(&request);
    (body["additionalModelRequestFields"].clone(), lacks)
}

fn effort(effort: Effort) -> Reasoning {
    Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    }
}

fn budget(budget: u64) -> Reasoning {
    Reasoning {
        budget: Some(budget),
        ..Reasoning::default()
    }
}

#[test]
fn promise_2_claude_thinks_by_a_budget_or_as_it_sees_fit() {
    let enabled = |budget: u64| json!({"thinking": {"type": "enabled", "budget_tokens": budget}});
    let told = Reasoning {
        told: true,
        ..Reasoning::default()
    };
    let older = "anthropic.claude-opus-4-20250514-v1:0";
    let newer = "anthropic.claude-opus-4-6-v1";
    let unversioned = "global.anthropic.claude-mythos-preview";
    let adaptive = json!({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}});
    for (model, reasoning, expected) in [
        (CLAUDE, budget(4000), enabled(4000)),
        (CLAUDE, budget(0), Value::Null),
        (CLAUDE, effort(Effort::Nothing), Value::Null),
        // There must be room for the answer.
        (CLAUDE, effort(Effort::Max), enabled(9999)),
        (older, effort(Effort::Low), enabled(2048)),
        (newer, effort(Effort::Highest), adaptive),
        (
            unversioned,
            told,
            json!({"thinking": {"type": "adaptive", "display": "summarized"}}),
        ),
    ] {
        let (extra, lacks) = thinks(model, reasoning);
        assert_eq!(extra, expected, "{model} {reasoning:?}");
        assert_eq!(lacks, Vec::<String>::new());
    }
}

#[test]
fn promise_2_other_families_think_in_steps_or_not_at_all() {
    let nova = "us.amazon.nova-2-lite-v1:0";
    let gpt = "openai.gpt-oss-120b-1:0";
    let llama = "meta.llama3-1-70b-instruct-v1:0";
    let arn = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/x1";
    let high = json!({"reasoningConfig": {"type": "enabled", "maxReasoningEffort": "high"}});
    let low = json!({"reasoning_effort": "low"});
    for (model, reasoning, expected, lacking) in [
        (nova, effort(Effort::High), high, None),
        (gpt, effort(Effort::Low), low.clone(), None),
        (gpt, effort(Effort::Minimal), low, Some("reasoning_effort")),
        (gpt, budget(9), Value::Null, Some("thinking.budget_tokens")),
        (
            llama,
            effort(Effort::Low),
            Value::Null,
            Some("reasoning_effort"),
        ),
        (arn, budget(9), Value::Null, Some("thinking.budget_tokens")),
    ] {
        let (extra, lacks) = thinks(model, reasoning);
        assert_eq!(extra, expected, "{model} {reasoning:?}");
        assert_eq!(lacks, Vec::from_iter(lacking));
    }
}

#[test]
fn nova_takes_top_k_at_a_place_of_its_own() {
    let mut request = said(vec![text("Hi")]);
    request.top_k = Some(7);
    request.model = "amazon.nova-pro-v1:0".to_owned();
    assert_eq!(
        written(&request).0["additionalModelRequestFields"],
        json!({"inferenceConfig": {"topK": 7}})
    );
}
