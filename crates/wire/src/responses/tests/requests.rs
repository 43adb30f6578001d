//! What is read of a request, and what is refused.
//!
//! The promises are those of `request.rs`.

use serde_json::json;

use super::*;
use crate::chat::{
    Choose, Effort, Format, Media, Message, Part, Reasoning, Request, Role, Tool, Where,
};

fn read(body: &Value) -> Request {
    read_request(body.to_string().as_bytes()).unwrap()
}

/// A request with these members besides a model and an input.
pub(super) fn with(members: Value) -> Value {
    let mut body = json!({"model": "gpt-5", "input": "Hi"});
    let all = body.as_object_mut().unwrap();
    all.extend(members.as_object().unwrap().clone());
    body
}

/// The messages of an input.
fn messages(input: Value) -> (Vec<Message>, Vec<String>) {
    let request = read(&with(json!({"input": input})));
    (request.messages, request.others)
}

/// The one part of a user's message with this content.
fn part(content: Value) -> (Part, Vec<String>) {
    let (mut messages, others) = messages(json!([{"role": "user", "content": [content]}]));
    let part = messages.pop().unwrap().parts.pop().unwrap();
    (part, others)
}

fn text(part: &Part) -> &str {
    match part {
        Part::Text { text, cache: None } => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_input_of_text_is_the_users_message_behind_the_instructions() {
    let request = read(&json!({
        "model": "gpt-5", "instructions": "Be brief.", "input": "Hi", "stream": true,
    }));
    assert_eq!(request.model, "gpt-5");
    assert!(request.stream && request.wants_usage);
    let roles: Vec<_> = request
        .messages
        .iter()
        .map(|message| message.role)
        .collect();
    assert_eq!(roles, [Role::System, Role::User]);
    assert_eq!(text(&request.messages[0].parts[0]), "Be brief.");
    assert_eq!(text(&request.messages[1].parts[0]), "Hi");
    assert!(request.others.is_empty());
}

#[test]
fn a_whole_conversation() {
    let request = read_request(include_bytes!("conversation.json")).unwrap();
    assert_eq!(request.others, Vec::<String>::new());
    let shape: Vec<_> = request
        .messages
        .iter()
        .map(|message| {
            let parts: Vec<_> = message.parts.iter().map(sketch).collect();
            format!("{:?}: {}", message.role, parts.join(" "))
        })
        .collect();
    assert_eq!(
        shape,
        [
            "System: text",
            "System: text",
            "User: text image",
            "Assistant: thinking text call(call_a weather) call(call_b weather)",
            "User: result(call_a weather) result(call_b weather)",
            "Assistant: text",
            "User: text",
        ]
    );
    let Part::Call(call) = &request.messages[3].parts[2] else {
        panic!("no call");
    };
    assert_eq!(call.arguments, "{\"city\": \"Z\\u00fcrich\",  \"days\":1}");
    let Part::Thinking { text, signature } = &request.messages[3].parts[0] else {
        panic!("no thinking");
    };
    assert_eq!(text, "First one city,\n\nthen the other.");
    assert_eq!(signature.as_deref(), Some("gAAAAABproof"));
}

/// A part in few words.
fn sketch(part: &Part) -> String {
    match part {
        Part::Text { .. } => "text".to_owned(),
        Part::Image { .. } => "image".to_owned(),
        Part::Thinking { .. } => "thinking".to_owned(),
        Part::Call(call) => format!("call({} {})", call.id, call.name),
        Part::Result(result) => {
            let name = result.name.as_deref().unwrap_or_default();
            format!("result({} {name})", result.id)
        }
        other => format!("{other:?}"),
    }
}

#[test]
fn roles_and_messages_that_follow_each_other() {
    let (messages, others) = messages(json!([
        {"role": "developer", "content": "a"},
        {"role": "user", "content": "b"},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "c"}]},
        {"role": "assistant", "content": "d"},
        {"type": "message", "role": "assistant", "id": "msg_1", "status": "completed",
         "content": [{"type": "output_text", "text": "e", "annotations": [], "logprobs": []},
                     {"type": "refusal", "refusal": "f"}]},
    ]));
    let told: Vec<_> = messages
        .iter()
        .map(|message| (message.role, message.parts.len()))
        .collect();
    assert_eq!(
        told,
        [
            (Role::System, 1),
            (Role::User, 1),
            (Role::User, 1),
            (Role::Assistant, 1),
            (Role::Assistant, 2),
        ]
    );
    assert!(matches!(&messages[4].parts[1], Part::Refusal(text) if text == "f"));
    assert!(others.is_empty());
}

#[test]
fn pictures_by_address_data_and_id() {
    for (member, value, place) in [
        (
            "image_url",
            "https://a.b/c.png",
            Where::Url("https://a.b/c.png".into()),
        ),
        (
            "image_url",
            "data:image/png;base64,iVBORw0KGgo=",
            Where::Data(Media {
                kind: "image/png".into(),
                data: "iVBORw0KGgo=".into(),
            }),
        ),
        ("image_url", "data:,text", Where::Url("data:,text".into())),
        ("file_id", "file-1", Where::File("file-1".into())),
    ] {
        let (part, others) = part(json!({"type": "input_image", member: value, "detail": "low"}));
        let Part::Image {
            place: read,
            detail,
            cache: None,
        } = part
        else {
            panic!("{part:?}");
        };
        assert_eq!((read, detail.as_deref()), (place, Some("low")));
        assert!(others.is_empty());
    }
    let (part, _) = part(json!({"type": "input_image", "file_id": "f", "detail": "auto"}));
    assert!(matches!(part, Part::Image { detail: None, .. }));
}

#[test]
fn documents_by_data_address_and_id() {
    let pdf = |kind: &str| {
        Where::Data(Media {
            kind: kind.into(),
            data: "JVBERi0=".into(),
        })
    };
    for (content, place) in [
        (
            json!({"file_data": "data:application/pdf;base64,JVBERi0=", "filename": "a.pdf"}),
            pdf("application/pdf"),
        ),
        (
            json!({"file_data": "JVBERi0=", "filename": "a.TXT"}),
            pdf("text/plain"),
        ),
        (
            json!({"file_data": "JVBERi0=", "filename": "a"}),
            pdf("application/pdf"),
        ),
        (
            json!({"file_url": "https://a.b/c.pdf", "filename": "c"}),
            Where::Url("https://a.b/c.pdf".into()),
        ),
        (
            json!({"file_id": "file-1", "filename": "d"}),
            Where::File("file-1".into()),
        ),
    ] {
        let mut content = content;
        content["type"] = json!("input_file");
        let (part, others) = part(content.clone());
        let Part::Document {
            place: read, name, ..
        } = part
        else {
            panic!("{part:?}");
        };
        assert_eq!(read, place);
        assert_eq!(name.as_deref(), content["filename"].as_str());
        assert!(others.is_empty());
    }
}

#[test]
fn sound_and_what_is_hidden_of_thinking() {
    let audio = json!({"type": "input_audio", "input_audio": {"data": "UklG", "format": "wav"}});
    let (part, _) = part(audio);
    assert!(matches!(part, Part::Audio { data, format } if data == "UklG" && format == "wav"));
    let (messages, _) = messages(json!([
        {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "secret"},
        {"type": "reasoning", "id": "rs_2", "summary": [{"type": "summary_text", "text": ""}],
         "encrypted_content": "proof"},
        {"type": "reasoning", "id": "rs_3", "summary": [],
         "content": [{"type": "reasoning_text", "text": "Aloud."}]},
    ]));
    let [
        Part::Redacted(data),
        Part::Thinking { text, signature },
        Part::Thinking {
            text: aloud,
            signature: None,
        },
    ] = messages[0].parts.as_slice()
    else {
        panic!("{messages:?}");
    };
    assert_eq!(
        (data.as_str(), text.as_str(), aloud.as_str()),
        ("secret", "", "Aloud.")
    );
    assert_eq!(signature.as_deref(), Some("proof"));
}

#[test]
fn results_of_text_and_parts_know_their_tool() {
    let (messages, others) = messages(json!([
        {"type": "function_call", "call_id": "c1", "name": "look", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": [
            {"type": "input_text", "text": "seen"},
            {"type": "input_image", "image_url": "https://a.b/c.png"}]},
        {"type": "function_call_output", "call_id": "c0", "output": "older"},
    ]));
    let [Part::Result(first), Part::Result(second)] = messages[1].parts.as_slice() else {
        panic!("{messages:?}");
    };
    assert_eq!(
        (first.id.as_str(), first.name.as_deref()),
        ("c1", Some("look"))
    );
    assert_eq!(first.parts.len(), 2);
    assert_eq!((second.id.as_str(), second.name.as_deref()), ("c0", None));
    assert_eq!(text(&second.parts[0]), "older");
    assert!(others.is_empty());
}

#[test]
fn tools_keep_every_byte_of_their_schema() {
    let body = r#"{"model":"m","input":"Hi","parallel_tool_calls":false,"tools":[
        {"type":"function","name":"f","description":"Finds.","strict":true,
         "parameters":{"type":"object", "properties": {"a":{"const":1.50}}}},
        {"type":"function","name":"g"}],
        "tool_choice":{"type":"function","name":"g"}}"#;
    let request = read_request(body.as_bytes()).unwrap();
    let [
        Tool {
            name,
            description,
            schema: Some(schema),
            strict: Some(true),
            cache: None,
        },
        second,
    ] = request.tools.as_slice()
    else {
        panic!("{:?}", request.tools);
    };
    assert_eq!(
        (name.as_str(), description.as_deref()),
        ("f", Some("Finds."))
    );
    assert_eq!(
        schema.get(),
        r#"{"type":"object", "properties": {"a":{"const":1.50}}}"#
    );
    assert!(second.schema.is_none() && second.strict.is_none());
    assert_eq!(request.choose, Some(Choose::Named("g".into())));
    assert_eq!(request.parallel_calls, Some(false));
}

#[test]
fn the_form_of_the_answer() {
    let plain = read(&with(
        json!({"text": {"format": {"type": "text"}, "verbosity": "medium"}}),
    ));
    assert!(plain.format.is_none() && plain.others.is_empty());
    let json = read(&with(json!({"text": {"format": {"type": "json_object"}}})));
    assert!(matches!(json.format, Some(Format::Json)));
    let schema = read(&with(json!({"text": {"format": {
        "type": "json_schema", "name": "answer", "strict": true,
        "schema": {"type": "object"}, "description": "The answer."}}})));
    let Some(Format::Schema {
        name,
        description,
        schema,
        strict: Some(true),
    }) = schema.format
    else {
        panic!("{:?}", schema.format);
    };
    assert_eq!(
        (name.as_str(), schema.get()),
        ("answer", r#"{"type":"object"}"#)
    );
    assert_eq!(description.as_deref(), Some("The answer."));
}

#[test]
fn settings_that_chat_has() {
    let request = read(&with(json!({
        "max_output_tokens": 100, "temperature": 0.5, "top_p": 0.9, "user": "u-1",
        "reasoning": {"effort": "high", "summary": "auto"}, "tool_choice": "required",
        "tools": [{"type": "function", "name": "f", "strict": false}],
        "include": ["message.output_text.logprobs", "reasoning.encrypted_content"],
        "top_logprobs": 3, "store": false, "background": false, "truncation": "disabled",
        "metadata": {"a": "b"}, "previous_response_id": null, "service_tier": "auto",
        "parallel_tool_calls": true, "stream_options": {"include_obfuscation": false},
    })));
    assert_eq!(request.others, Vec::<String>::new());
    assert_eq!(request.max_tokens, Some(100));
    assert_eq!((request.temperature, request.top_p), (Some(0.5), Some(0.9)));
    assert_eq!(request.user.as_deref(), Some("u-1"));
    assert_eq!(request.choose, Some(Choose::Any));
    assert_eq!(request.logprobs, Some(3));
    assert_eq!(request.parallel_calls, None);
    assert_eq!(
        request.reasoning,
        Some(Reasoning {
            effort: Some(Effort::High),
            budget: None,
            told: true,
        })
    );
    let safe = read(&with(json!({"safety_identifier": "s-1"})));
    assert_eq!((safe.user.as_deref(), safe.others.len()), (Some("s-1"), 0));
}

#[test]
fn promise_2_what_has_no_place_is_named_by_its_path() {
    let request = read(&json!({
        "model": "m",
        "input": [
            {"role": "user", "content": [
                {"type": "input_text", "text": "Hi", "prompt_cache_breakpoint": {"mode": "explicit"}},
                {"type": "input_video", "video_url": "x"}]},
            {"type": "item_reference", "id": "msg_1"},
            {"id": "msg_2"},
            {"type": "web_search_call", "id": "ws_1", "status": "completed"},
            {"role": "assistant", "content": "So.", "phase": "commentary"},
        ],
        "tools": [{"type": "web_search"}, {"type": "function", "name": "f", "defer_loading": true}],
        "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": []},
        "text": {"verbosity": "low"},
        "reasoning": {"effort": "utmost", "mode": "pro"},
        "include": ["web_search_call.results"],
        "truncation": "auto", "service_tier": "flex", "prompt_cache_key": "k", "max_tool_calls": 3,
        "user": "u", "safety_identifier": "s", "prompt": {"id": "pmpt_1"}, "seed": 1,
        "stream_options": {"include_obfuscation": true}, "moderation": null, "image": {},
    }));
    assert_eq!(
        request.others,
        [
            "input[0].content[0].prompt_cache_breakpoint",
            "input[0].content[1]",
            "input[1]",
            "input[2]",
            "input[3]",
            "input[4].phase",
            "tools[0]",
            "tools[1].defer_loading",
            "tool_choice",
            "text.verbosity",
            "reasoning.effort",
            "reasoning.mode",
            "include[0]",
            "truncation",
            "service_tier",
            "stream_options.include_obfuscation",
            "max_tool_calls",
            "prompt",
            "prompt_cache_key",
            "safety_identifier",
            "seed",
        ]
    );
}

#[test]
fn what_is_about_tools_says_nothing_without_them() {
    let request = read(&with(
        json!({"tool_choice": "none", "parallel_tool_calls": false}),
    ));
    assert_eq!((request.choose, request.parallel_calls), (None, None));
    let built_in = json!({"tools": [{"type": "web_search"}], "tool_choice": "required"});
    let request = read(&with(built_in));
    assert_eq!(
        (request.choose, request.others),
        (None, vec!["tools[0]".to_owned()])
    );
}

#[test]
fn promise_2_paths_are_bounded() {
    let many: Vec<_> = (0..1000)
        .map(|_| json!({"type": "item_reference", "id": "x"}))
        .collect();
    let (messages, others) = messages(json!(many));
    assert_eq!((messages.len(), others.len()), (0, 64));
}
