//! Who said what: each part in its place, or named as lacking. Promises are
//! those of the folder and of `contents.rs`.

use serde_json::{Value, json};

use super::ask::{call, image, message, of, png, raw, result, text, thinking, whole, written};
use crate::chat::{Effort, Format, Lacks, Media, Part, Reasoning, Request, Role, Where};
use crate::gemini::{path, write_request};

#[test]
fn a_plain_conversation_has_its_roles() {
    let body = whole(&of(vec![
        message(Role::System, vec![text("Be brief.")]),
        message(Role::System, vec![text("Be kind.")]),
        message(Role::User, vec![text("Hello"), text("there")]),
        message(Role::Assistant, vec![text("Hi!")]),
        message(Role::User, vec![text("")]),
        message(Role::User, vec![text("Bye")]),
    ]));
    assert_eq!(
        body,
        json!({
            "systemInstruction": {"parts": [{"text": "Be brief."}, {"text": "Be kind."}]},
            "contents": [
                {"role": "user", "parts": [{"text": "Hello"}, {"text": "there"}]},
                {"role": "model", "parts": [{"text": "Hi!"}]},
                {"role": "user", "parts": [{"text": "Bye"}]},
            ],
        }),
        "and nothing that was not given"
    );
}

#[test]
fn paths_name_the_model_and_the_way() {
    for (model, stream, expected) in [
        (
            "gemini-2.5-flash",
            false,
            "/models/gemini-2.5-flash:generateContent",
        ),
        (
            "models/gemini-2.5-flash",
            true,
            "/models/gemini-2.5-flash:streamGenerateContent?alt=sse",
        ),
        (
            "tunedModels/mine-1",
            false,
            "/tunedModels/mine-1:generateContent",
        ),
        (
            "../x?key=1#/é",
            false,
            "/models/..%2Fx%3Fkey%3D1%23%2F%C3%A9:generateContent",
        ),
    ] {
        assert_eq!(path(model, stream), expected);
    }
}

#[test]
fn images_documents_and_sound_have_their_forms() {
    let document = |place, name: Option<&str>| Part::Document {
        place,
        name: name.map(str::to_owned),
        cache: None,
    };
    let pdf = Where::Data(Media {
        kind: "application/pdf".to_owned(),
        data: "JVBERi0=".to_owned(),
    });
    let body = whole(&of(vec![message(
        Role::User,
        vec![
            text("What is this?"),
            image(png(), None),
            image(
                Where::Url("https://example.com/a/cat.JPG?size=2".to_owned()),
                Some("auto"),
            ),
            image(Where::Url("https://example.com/cat".to_owned()), None),
            document(pdf, Some("report.pdf")),
            document(Where::File("files/abc-123".to_owned()), None),
            Part::Audio {
                data: "UklGRg==".to_owned(),
                format: "wav".to_owned(),
            },
        ],
    )]));
    assert_eq!(
        body["contents"][0]["parts"],
        json!([
            {"text": "What is this?"},
            {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}},
            {"fileData": {"mimeType": "image/jpeg", "fileUri": "https://example.com/a/cat.JPG?size=2"}},
            {"fileData": {"fileUri": "https://example.com/cat"}},
            {"text": "report.pdf"},
            {"inlineData": {"mimeType": "application/pdf", "data": "JVBERi0="}},
            {"fileData": {"fileUri": "files/abc-123"}},
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
        ])
    );
}

#[test]
fn one_detail_of_all_images_is_the_resolution() {
    let ask = |details: &[Option<&str>]| {
        let images = details.iter().map(|detail| image(png(), *detail)).collect();
        let (body, lacks) = written(&of(vec![message(Role::User, images)]));
        (body["generationConfig"]["mediaResolution"].clone(), lacks)
    };
    let low = json!("MEDIA_RESOLUTION_LOW");
    assert_eq!(ask(&[Some("low"), Some("low")]), (low, vec![]));
    let high = json!("MEDIA_RESOLUTION_HIGH");
    assert_eq!(ask(&[Some("high")]), (high, vec![]));
    assert_eq!(ask(&[Some("auto"), None]), (Value::Null, vec![]));
    let lacking = vec!["image_url.detail".to_owned()];
    assert_eq!(ask(&[Some("low"), None]), (Value::Null, lacking.clone()));
    assert_eq!(ask(&[Some("original")]), (Value::Null, lacking));
}

/// What OpenAI's dialect carries of a turn with tools: no thoughts, no
/// signatures, and each result in a message of its own.
#[test]
fn a_turn_with_tools_through_a_caller_that_knows_no_signatures() {
    let mut request = of(vec![
        message(Role::User, vec![text("Weather and time?")]),
        message(
            Role::Assistant,
            vec![
                text("Let me see."),
                call(
                    "c1",
                    "get_weather",
                    r#"{"b": "Rome",  "a":9007199254740993}"#,
                ),
                call("c2", "now", ""),
            ],
        ),
        message(
            Role::User,
            vec![result("c1", vec![text(r#"{"t":9007199254740993}"#)])],
        ),
        message(
            Role::User,
            vec![result("c2", vec![text("12:"), text("30")])],
        ),
        message(Role::Assistant, vec![call("c3", "now", "{}")]),
        message(Role::User, vec![result("c3", vec![])]),
    ]);
    let skip = "skip_thought_signature_validator";
    assert_eq!(
        whole(&request)["contents"],
        json!([
            {"role": "user", "parts": [{"text": "Weather and time?"}]},
            {"role": "model", "parts": [
                {"text": "Let me see."},
                {"functionCall": {"id": "c1", "name": "get_weather",
                    "args": {"b": "Rome", "a": 9_007_199_254_740_993_i64}}, "thoughtSignature": skip},
                {"functionCall": {"id": "c2", "name": "now", "args": {}}},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "c1", "name": "get_weather",
                    "response": {"output": "{\"t\":9007199254740993}"}}},
                {"functionResponse": {"id": "c2", "name": "now",
                    "response": {"output": ["12:", "30"]}}},
            ]},
            {"role": "model", "parts": [
                {"functionCall": {"id": "c3", "name": "now", "args": {}}, "thoughtSignature": skip},
            ]},
            {"role": "user", "parts": [
                {"functionResponse": {"id": "c3", "name": "now", "response": {"output": ""}}},
            ]},
        ])
    );
    let body = write_request(&request, &mut Lacks::default());
    let body = String::from_utf8(body).unwrap();
    // Byte for byte.
    assert!(body.contains(r#""args":{"b": "Rome",  "a":9007199254740993}"#));
    // Models that give no signatures get none.
    for model in [
        "gemini-2.5-flash",
        "models/gemini-1.5-pro",
        "gemma-3-27b-it",
    ] {
        request.model = model.to_owned();
        let body = write_request(&request, &mut Lacks::default());
        assert!(!String::from_utf8(body).unwrap().contains(skip), "{model}");
    }
}

/// Anthropic's dialect carries thoughts with their signatures.
#[test]
fn signatures_go_back_to_where_they_were() {
    let body = whole(&of(vec![
        message(
            Role::Assistant,
            vec![
                thinking("Hm.", Some("gemini:c2ln")),
                call("c1", "f", "{}"),
                call("c2", "g", "{}"),
            ],
        ),
        message(Role::User, vec![result("c1", vec![]), result("c2", vec![])]),
        message(
            Role::Assistant,
            vec![text("Done."), thinking("", Some("gemini:ZW5k"))],
        ),
        message(Role::User, vec![text("Thanks")]),
        message(
            Role::Assistant,
            vec![thinking("Polite.", Some("gemini:cA==")), text("Welcome.")],
        ),
        // Of another provider: what it thought is told, its proof is not.
        message(Role::User, vec![text("More")]),
        message(
            Role::Assistant,
            vec![thinking("Claude's.", Some("EqQB")), call("c3", "f", "{}")],
        ),
    ]));
    let turn = |at: usize| body["contents"][at]["parts"].clone();
    let called = |id: &str, name: &str| json!({"id": id, "name": name, "args": {}});
    assert_eq!(
        turn(0),
        json!([
            {"text": "Hm.", "thought": true},
            {"functionCall": called("c1", "f"), "thoughtSignature": "c2ln"},
            {"functionCall": called("c2", "g")},
        ])
    );
    assert_eq!(
        turn(2),
        json!([{"text": "Done."}, {"text": "", "thoughtSignature": "ZW5k"}])
    );
    assert_eq!(
        turn(4),
        json!([
            {"text": "Polite.", "thought": true, "thoughtSignature": "cA=="},
            {"text": "Welcome."},
        ])
    );
    assert_eq!(
        turn(6),
        json!([
            {"text": "Claude's.", "thought": true},
            {"functionCall": called("c3", "f"),
                "thoughtSignature": "skip_thought_signature_validator"},
        ])
    );
}

#[test]
fn results_may_have_failed_and_may_have_pictures() {
    let Part::Result(mut failed) = result("c1", vec![text("No such city."), image(png(), None)])
    else {
        unreachable!();
    };
    failed.failed = true;
    failed.name = Some("get_weather".to_owned());
    let body = whole(&of(vec![message(Role::User, vec![Part::Result(failed)])]));
    assert_eq!(
        body["contents"][0]["parts"][0]["functionResponse"],
        json!({
            "id": "c1", "name": "get_weather",
            "response": {"error": "No such city."},
            "parts": [{"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}],
        })
    );
}

/// Promise 1 of the folder: every field that has no place is named.
#[test]
fn promise_1_what_has_no_place_is_named() {
    let cached = Part::Text {
        text: "x".to_owned(),
        cache: Some(raw(r#"{"type":"ephemeral"}"#)),
    };
    let request = Request {
        reasoning: Some(Reasoning {
            effort: Some(Effort::Highest),
            ..Reasoning::default()
        }),
        format: Some(Format::Schema {
            name: "n".to_owned(),
            description: Some("d".to_owned()),
            schema: raw("{}"),
            strict: None,
        }),
        parallel_calls: Some(false),
        seed: Some(1 << 40),
        user: Some("u".to_owned()),
        others: vec!["logit_bias".to_owned()],
        ..of(vec![
            message(Role::User, vec![cached, Part::Redacted("r".to_owned())]),
            message(Role::System, vec![text("late"), image(png(), None)]),
            message(
                Role::User,
                vec![
                    image(Where::File("file-abc".to_owned()), None),
                    Part::Audio {
                        data: String::new(),
                        format: "pcm16".to_owned(),
                    },
                    result("who", vec![image(Where::Url("https://x".to_owned()), None)]),
                ],
            ),
            message(Role::Assistant, vec![call("c", "f", "[1]")]),
        ])
    };
    let (_, lacks) = written(&request);
    assert_eq!(
        lacks,
        [
            "cache_control",
            "redacted_thinking",
            "messages[1].role",
            "messages[1].content[1]",
            "messages[2].content[0].file_id",
            "messages[2].content[1].input_audio.format",
            "messages[2].tool_call_id",
            "messages[2].content[2]",
            "messages[3].tool_calls.function.arguments",
            "seed",
            "reasoning_effort",
            "response_format.json_schema.description",
            "user",
            "parallel_tool_calls",
            "logit_bias",
        ]
    );
}
