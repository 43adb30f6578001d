//! What a caller asks for, through the neutral form and back: the promises of `request.rs`
//! and the folder's first.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::{Ways, read_request, write_request};
use crate::chat::{Choose, Effort, Format, Lacks, Media, Message, Part, Request, Role, Where};

const FULL: &str = include_str!("full.json");

fn read(body: &Value) -> Request {
    read_request(body.to_string().as_bytes()).unwrap()
}

/// Reads a request with one more field.
fn with(name: &str, value: Value) -> Request {
    let mut body = json!({"model": "m", "messages": []});
    body[name] = value;
    read(&body)
}

fn write(request: &Request, ways: Ways) -> (Value, Vec<String>) {
    let mut lacks = Lacks::default();
    let body = write_request(request, ways, &mut lacks);
    (
        serde_json::from_slice(&body).unwrap(),
        lacks.fields().to_vec(),
    )
}

#[test]
fn promise_1_all_of_the_api_is_read_and_written() {
    let request = read_request(FULL.as_bytes()).unwrap();
    assert_eq!(request.others, [""; 0]);
    let (written, lacks) = write(&request, Ways::OPENAI);
    let mut expected: Value = serde_json::from_str(FULL).unwrap();
    // Both are the same to the API.
    expected["messages"][0]["role"] = json!("system");
    expected["messages"][5] =
        json!({"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]});
    assert_eq!(written, expected);
    assert_eq!(lacks, [""; 0]);
}

#[test]
fn promise_1_what_was_written_reads_the_same() {
    let request = read_request(FULL.as_bytes()).unwrap();
    for ways in [Ways::OPENAI, Ways::COMPATIBLE] {
        let body = write_request(&request, ways, &mut Lacks::default());
        let again = read_request(&body).unwrap();
        assert_eq!(format!("{request:?}"), format!("{again:?}"));
    }
}

#[test]
fn request_promise_3_schemas_and_arguments_keep_every_byte() {
    let schema = r#"{"z": 1.0,  "a":{"é":"\u00e9"}}"#;
    let arguments = r#"{ "b":1e3, "a":"\u00fc" , "big":12345678901234567890123}"#;
    let body = format!(
        r#"{{"model":"m","messages":[{{"role":"assistant","tool_calls":[{{"id":"c","type":"function","function":{{"name":"f","arguments":{}}}}}]}}],
        "tools":[{{"type":"function","function":{{"name":"f","parameters":{schema}}}}}]}}"#,
        json!(arguments)
    );
    let request = read_request(body.as_bytes()).unwrap();
    let body = write_request(&request, Ways::OPENAI, &mut Lacks::default());
    let body = String::from_utf8(body).unwrap();
    assert!(body.contains(schema), "{body}");
    assert!(body.contains(&json!(arguments).to_string()), "{body}");
}

#[test]
fn forms_of_a_field_are_all_read() {
    assert_eq!(with("stop", json!("x")).stop, ["x"]);
    assert_eq!(with("max_tokens", json!(5)).max_tokens, Some(5));
    assert_eq!(with("tool_choice", json!("auto")).choose, None);
    let tools = json!([{"type": "function", "function": {"name": "f"}}]);
    for (word, choose) in [("none", Choose::Never), ("required", Choose::Any)] {
        let body = json!({"model": "m", "messages": [], "tools": tools, "tool_choice": word});
        assert_eq!(read(&body).choose, Some(choose));
    }
    assert!(
        with("response_format", json!({"type": "text"}))
            .format
            .is_none()
    );
    let object = with("response_format", json!({"type": "json_object"}));
    assert!(matches!(object.format, Some(Format::Json)));
    assert_eq!(with("logprobs", json!(true)).logprobs, Some(0));
    assert_eq!(
        with("safety_identifier", json!("s")).user.as_deref(),
        Some("s")
    );
    let thinks = with("reasoning", json!({"effort": "low", "max_tokens": 9}));
    let thinks = thinks.reasoning.unwrap();
    assert_eq!(
        (thinks.effort, thinks.budget, thinks.told),
        (Some(Effort::Low), Some(9), true)
    );
    let thinks = with("thinking", json!({"type": "disabled"})).reasoning;
    assert_eq!(thinks.unwrap().effort, Some(Effort::Nothing));
    let both = json!({"model": "m", "messages": [], "max_completion_tokens": 7, "max_tokens": 5});
    assert_eq!(read(&both).max_tokens, Some(7));
}

#[test]
fn a_default_says_nothing() {
    let body = json!({
        "model": "m", "messages": [{"role": "user", "content": "x", "name": null}],
        "n": 1, "frequency_penalty": 0, "presence_penalty": 0.0, "logprobs": false, "store": false,
        "service_tier": "auto", "verbosity": "medium", "modalities": ["text"], "metadata": {},
        "logit_bias": {}, "tools": [], "tool_choice": "auto", "parallel_tool_calls": true,
        "temperature": null, "stop": null, "seed": null, "web_search_options": null,
        "response_format": null, "reasoning_effort": null, "stream": false, "stream_options": null,
        "user": null, "max_tokens": null,
    });
    let (written, lacks) = write(&read(&body), Ways::OPENAI);
    let bare = json!({"model": "m", "messages": [{"role": "user", "content": "x"}]});
    assert_eq!((written, lacks), (bare, vec![]));
}

#[test]
fn request_promise_2_what_has_no_place_is_named() {
    let body = json!({
        "model": "m",
        "messages": [
            {"role": "user", "name": "Ann", "content": [{"type": "video_url", "video_url": {}}]},
            {"role": "assistant", "audio": {"id": "a"}, "tool_calls": [{"id": "c", "type": "custom", "custom": {}}]},
            {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "x"},
        ],
        "logit_bias": {"5": 1}, "metadata": {"a": "b"}, "store": true, "modalities": ["text", "audio"],
        "audio": {"voice": "x"}, "prediction": {}, "service_tier": "flex", "web_search_options": {},
        "functions": [{"name": "f"}], "verbosity": "low", "prompt_cache_key": "k",
        "tools": [{"type": "custom", "custom": {"name": "x"}}],
        "tool_choice": {"type": "allowed_tools", "allowed_tools": {}},
        "response_format": {"type": "grammar"}, "best_of_all": 3,
    });
    let mut named = read(&body).others;
    named.sort();
    let mut expected = [
        "messages[0].name",
        "messages[0].content[0]",
        "messages[1].audio",
        "messages[1].tool_calls[0]",
        "messages[2].function_call",
        "messages[3].name",
        "messages[3].role",
        "logit_bias",
        "metadata",
        "store",
        "modalities",
        "audio",
        "prediction",
        "service_tier",
        "web_search_options",
        "functions",
        "verbosity",
        "prompt_cache_key",
        "tools[0]",
        "tool_choice",
        "response_format",
        "best_of_all",
    ];
    expected.sort_unstable();
    assert_eq!(named, expected);
    let (_, lacks) = write(&read(&body), Ways::OPENAI);
    assert_eq!(lacks.len(), expected.len());
}

#[test]
fn request_promise_1_a_refusal_names_the_field() {
    let message = |message: Value| json!({"model": "m", "messages": [message]});
    let field = |name: &str, value: Value| {
        let mut body = json!({"model": "m", "messages": []});
        body[name] = value;
        body
    };
    let call = json!({"role": "assistant", "tool_calls": [{"id": "c", "function": {}}]});
    let image =
        json!({"role": "user", "content": [{"type": "image_url", "image_url": {"url": 1}}]});
    for (body, param) in [
        (json!({"messages": []}), "model"),
        (json!({"model": "", "messages": []}), "model"),
        (json!({"model": "m"}), "messages"),
        (field("messages", json!("x")), "messages"),
        (message(json!("x")), "messages[0]"),
        (message(json!({"content": "x"})), "messages[0].role"),
        (message(json!({"role": "god"})), "messages[0].role"),
        (
            message(json!({"role": "user", "content": 1})),
            "messages[0].content",
        ),
        (
            message(json!({"role": "tool", "content": ""})),
            "messages[0].tool_call_id",
        ),
        (message(call), "messages[0].tool_calls[0].function.name"),
        (message(image), "messages[0].content[0].image_url.url"),
        (field("temperature", json!("hot")), "temperature"),
        (field("n", json!(9)), "n"),
        (field("seed", json!(1.5)), "seed"),
        (field("top_logprobs", json!(1)), "logprobs"),
        (field("stop", json!([1])), "stop[0]"),
        (field("stop", json!(vec!["x"; 17])), "stop"),
        (
            field("tools", json!(vec![json!({"type": "custom"}); 129])),
            "tools",
        ),
        (
            field("tools", json!([{"type": "function"}])),
            "tools[0].function",
        ),
        (field("tool_choice", json!("maybe")), "tool_choice"),
        (field("tool_choice", json!("required")), "tool_choice"),
        (field("reasoning_effort", json!("huge")), "reasoning_effort"),
        (
            field("response_format", json!({"type": "json_schema"})),
            "response_format.json_schema",
        ),
        (field("api_base", json!("http://x")), "api_base"),
    ] {
        let refused = read_request(body.to_string().as_bytes()).unwrap_err();
        assert_eq!(refused.param.as_deref(), Some(param), "{body}: {refused}");
    }
}

#[test]
fn messages_promise_1_results_stand_together_and_know_their_call() {
    let request = read_request(FULL.as_bytes()).unwrap();
    let roles: Vec<_> = request
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    use Role::{Assistant, System, User};
    assert_eq!(roles, [System, User, Assistant, User, Assistant, User]);
    let names: Vec<_> = (request.messages[3].parts.iter())
        .map(|part| match part {
            Part::Result(result) => result.name.clone().unwrap(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(names, ["weather", "time"]);
}

#[test]
fn ways_are_kept() {
    let mut request = with("max_tokens", json!(5));
    request.messages.push(Message {
        role: Role::Assistant,
        parts: vec![Part::Thinking {
            text: "hm".into(),
            signature: Some("s".into()),
        }],
    });
    request.stream = true;
    let (openai, lacks) = write(&request, Ways::OPENAI);
    assert_eq!(openai["max_completion_tokens"], 5);
    assert_eq!(openai["stream_options"]["include_usage"], true);
    assert_eq!(lacks, ["assistant.reasoning_content"]);
    let ways = Ways {
        usage: false,
        ..Ways::COMPATIBLE
    };
    let (compatible, lacks) = write(&request, ways);
    assert_eq!(compatible["max_tokens"], 5);
    assert_eq!(compatible["messages"][0]["reasoning_content"], "hm");
    assert!(compatible.get("stream_options").is_none());
    assert_eq!(lacks, [""; 0]);
}

#[test]
fn what_other_dialects_have_and_this_one_has_not_is_named() {
    let mut request = with("reasoning", json!({"max_tokens": 1000}));
    request.top_k = Some(5);
    let image = |place| Part::Image {
        place,
        detail: None,
        cache: None,
    };
    let media = Media {
        kind: "image/png".into(),
        data: "AA==".into(),
    };
    let result = crate::chat::ToolResult {
        id: "c".into(),
        name: None,
        parts: vec![image(Where::Data(media.clone()))],
        failed: true,
        cache: None,
    };
    let document = Part::Document {
        place: Where::Url("https://example.com/a.pdf".into()),
        name: None,
        cache: None,
    };
    request.messages.push(Message {
        role: Role::User,
        parts: vec![
            Part::Result(result),
            image(Where::File("f".into())),
            document,
        ],
    });
    request.messages.push(Message {
        role: Role::Assistant,
        parts: vec![image(Where::Data(media)), Part::Redacted("x".into())],
    });
    let (_, lacks) = write(&request, Ways::OPENAI);
    assert_eq!(
        lacks,
        [
            "top_k",
            "is_error",
            "tool.image_url",
            "image_url.file_id",
            "file.file_url",
            "assistant.image_url",
            "assistant.redacted_thinking",
            "reasoning.summary",
            "thinking.budget_tokens",
        ]
    );
}

/// The crate's promise 1, and that what was read can be written and reads the same: with
/// each byte in turn another one, or the last one.
#[test]
fn promise_1_no_body_makes_it_panic() {
    for at in 0..FULL.len() {
        for byte in *b"#\"}\xff" {
            let mut body = FULL.as_bytes().to_vec();
            body[at] = byte;
            reads_back(&body);
        }
        reads_back(&FULL.as_bytes()[..at]);
    }
}

fn reads_back(body: &[u8]) {
    let Ok(request) = read_request(body) else {
        return;
    };
    let mut lacks = Lacks::default();
    let written = write_request(&request, Ways::COMPATIBLE, &mut lacks);
    let mut again = read_request(&written).unwrap();
    // Neither goes upstream.
    again.others.clone_from(&request.others);
    again.wants_usage = request.wants_usage;
    if lacks.fields() == request.others {
        assert_eq!(format!("{request:?}"), format!("{again:?}"));
    }
}

proptest! {
    #[test]
    fn promise_1_any_text_reads_back(text in "\\PC*", name in "[a-z]{1,9}", arguments in ".*") {
        let body = json!({"model": name, "messages": [
            {"role": "user", "content": text},
            {"role": "assistant", "content": null, "tool_calls": [
                {"id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}]},
        ]});
        let (written, _) = write(&read(&body), Ways::OPENAI);
        prop_assert_eq!(written, body);
    }
}
