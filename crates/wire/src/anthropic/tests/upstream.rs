//! What upstreams get: what the API lacks is named, and the rest fits it.
//!
//! A request that the API can express in full is in `request.rs`.

use serde_json::{Value, json};

use super::super::{Thinks, Ways};
use super::request::{hello, message, read, text, write, write_by};
use crate::chat::{
    Effort, Format, Media, Part, Reasoning, Request, Role, ToolCall, ToolResult, Where,
};

#[test]
fn a_bound_on_tokens_is_always_written() {
    assert_eq!(write(&hello()).0["max_tokens"], 4096);
    let ways = Ways {
        max_tokens: 9,
        ..Ways::default()
    };
    assert_eq!(write_by(&hello(), &ways).0["max_tokens"], 9);
}

#[test]
fn what_the_api_lacks_is_named_and_left_out() {
    let request = Request {
        temperature: Some(1.5),
        stop: vec!["\n".to_owned(), "END".to_owned()],
        n: Some(2),
        seed: Some(1),
        frequency_penalty: Some(0.5),
        presence_penalty: Some(0.0),
        logprobs: Some(0),
        format: Some(Format::Json),
        others: vec!["logit_bias".to_owned()],
        ..hello()
    };
    let (body, lacks) = write(&request);
    assert_eq!(
        lacks,
        [
            "response_format",
            "temperature",
            "stop",
            "n",
            "seed",
            "frequency_penalty",
            "logprobs",
            "logit_bias"
        ]
    );
    let wanted = json!({
        "model": "m", "max_tokens": 4096, "stop_sequences": ["END"],
        "messages": [{"role": "user", "content": "Hi"}],
    });
    assert_eq!(body, wanted);
}

#[test]
fn instructions_within_are_named_or_written_where_the_model_takes_them() {
    let mut request = hello();
    request
        .messages
        .insert(0, message(Role::System, vec![text("a")]));
    request
        .messages
        .insert(1, message(Role::System, vec![text("b")]));
    request
        .messages
        .push(message(Role::System, vec![text("c")]));
    let (body, lacks) = write(&request);
    assert_eq!(lacks, ["messages[3].role"]);
    let texts: Vec<_> = ["a", "b", "c"]
        .map(|text| json!({"type": "text", "text": text}))
        .into();
    assert_eq!(body["system"], json!(texts));

    let ways = Ways {
        system_within: true,
        ..Ways::default()
    };
    let (body, lacks) = write_by(&request, &ways);
    assert_eq!(lacks, Vec::<String>::new());
    assert_eq!(
        body["messages"][1],
        json!({"role": "system", "content": "c"})
    );
    assert_eq!(read(&body).messages.len(), 3);
}

#[test]
fn results_of_parallel_calls_become_one_message_and_their_ids_fit() {
    let call = |id: &str, arguments: &str| {
        Part::Call(ToolCall {
            id: id.to_owned(),
            name: "f".to_owned(),
            arguments: arguments.to_owned(),
        })
    };
    let result = |id: &str| {
        let result = ToolResult {
            id: id.to_owned(),
            name: None,
            parts: vec![text("ok")],
            failed: false,
            cache: None,
        };
        message(Role::User, vec![Part::Result(result)])
    };
    let mut request = hello();
    let calls = vec![
        call("functions.f:0", ""),
        call("b", "{\"x\": 1.0}"),
        call("c", "{\"x"),
    ];
    request.messages.push(message(Role::Assistant, calls));
    request
        .messages
        .extend([result("functions.f:0"), result("b"), result("c")]);
    let (body, lacks) = write(&request);
    assert_eq!(lacks, Vec::<String>::new());
    assert_eq!(body["messages"].as_array().map(Vec::len), Some(3));
    let ids = |message: usize, name: &str| {
        [0, 1, 2].map(|index| body["messages"][message]["content"][index][name].clone())
    };
    assert_eq!(ids(1, "id"), ["functions_2ef_3a0", "b", "c"]);
    assert_eq!(ids(1, "id"), ids(2, "tool_use_id"));
    let inputs = [
        json!({}),
        json!({"x": 1.0}),
        json!({"INVALID_JSON": "{\"x"}),
    ];
    assert_eq!(ids(1, "input"), inputs);
}

#[test]
fn parts_without_a_place_are_named() {
    let media = |kind: &str| {
        Where::Data(Media {
            kind: kind.to_owned(),
            data: "AAAA".to_owned(),
        })
    };
    let mut request = hello();
    request.messages[0].parts.extend([
        Part::Audio {
            data: "AAAA".to_owned(),
            format: "wav".to_owned(),
        },
        Part::Image {
            place: media("image/png"),
            detail: Some("high".to_owned()),
            cache: None,
        },
        Part::Document {
            place: media("application/zip"),
            name: None,
            cache: None,
        },
    ]);
    let thought = Part::Thinking {
        text: "hm".to_owned(),
        signature: None,
    };
    let refusal = Part::Refusal("No.".to_owned());
    request
        .messages
        .push(message(Role::Assistant, vec![thought, text(""), refusal]));
    let (body, lacks) = write(&request);
    let wanted = [
        "input_audio",
        "image_url.detail",
        "file.file_data",
        "messages[1].reasoning_content",
    ];
    assert_eq!(lacks, wanted);
    assert_eq!(
        body["messages"][1],
        json!({"role": "assistant", "content": "No."})
    );
    assert_eq!(
        body["messages"][0]["content"].as_array().map(Vec::len),
        Some(2)
    );
}

/// The `thinking`, effort and bound that are written, and what lacks.
fn ask(
    reasoning: Reasoning,
    max_tokens: Option<u64>,
    thinking: Thinks,
) -> (Value, Value, Option<u64>, Vec<String>) {
    let request = Request {
        reasoning: Some(reasoning),
        max_tokens,
        ..hello()
    };
    let ways = Ways {
        thinking,
        ..Ways::default()
    };
    let (mut body, lacks) = write_by(&request, &ways);
    let effort = body["output_config"]["effort"].take();
    let bound = body["max_tokens"].as_u64();
    (body["thinking"].take(), effort, bound, lacks)
}

fn effort(effort: Effort) -> Reasoning {
    Reasoning {
        effort: Some(effort),
        ..Reasoning::default()
    }
}

#[test]
fn effort_is_told_to_models_that_adapt() {
    let ask = |reasoning| ask(reasoning, None, Thinks::Adaptive);
    let hidden = json!({"type": "adaptive", "display": "omitted"});
    let none = Vec::new;
    let high = (hidden.clone(), json!("high"), Some(4096), none());
    assert_eq!(ask(effort(Effort::High)), high);
    let minimal = vec!["reasoning_effort".to_owned()];
    let low = (hidden, json!("low"), Some(4096), minimal);
    assert_eq!(ask(effort(Effort::Minimal)), low);
    let off = (json!({"type": "disabled"}), Value::Null, Some(4096), none());
    assert_eq!(ask(effort(Effort::Nothing)), off);
    let told = Reasoning {
        told: true,
        ..Reasoning::default()
    };
    let shown = json!({"type": "adaptive", "display": "summarized"});
    assert_eq!(ask(told), (shown, Value::Null, Some(4096), none()));
}

/// By its name alone: a caller says how much, and not how a model is told.
#[test]
fn a_models_name_says_how_it_is_told() {
    let request = |model: &str| Request {
        model: model.to_owned(),
        reasoning: Some(effort(Effort::Low)),
        ..hello()
    };
    for (model, kind) in [
        ("claude-sonnet-4-5", "enabled"),
        ("claude-opus-5", "adaptive"),
    ] {
        let (body, lacks) = write_by(&request(model), &Ways::of(model));
        assert_eq!(body["thinking"]["type"], kind, "{body}");
        assert_eq!(body["output_config"].is_object(), kind == "adaptive");
        assert_eq!(lacks, Vec::<String>::new());
    }
    let both = Request {
        reasoning: Some(Reasoning {
            budget: Some(2000),
            ..effort(Effort::Low)
        }),
        ..hello()
    };
    let (body, _) = write_by(&both, &Ways::of("claude-sonnet-4-5"));
    assert_eq!(body["thinking"]["budget_tokens"], 2000);
    assert!(body["output_config"].is_null(), "{body}");
}

#[test]
fn effort_is_a_budget_for_models_that_have_no_other() {
    let ask = |step, max_tokens| ask(effort(step), max_tokens, Thinks::Budget);
    let budget =
        |tokens: u64| json!({"type": "enabled", "budget_tokens": tokens, "display": "omitted"});
    let none = Vec::new;
    let low = (budget(2048), Value::Null, Some(6144), none());
    assert_eq!(ask(Effort::Low, None), low);
    let high = (budget(1999), Value::Null, Some(2000), none());
    assert_eq!(ask(Effort::High, Some(2000)), high);
    let lacks = vec!["reasoning_effort".to_owned()];
    let small = (Value::Null, Value::Null, Some(1000), lacks);
    assert_eq!(ask(Effort::High, Some(1000)), small);
}
