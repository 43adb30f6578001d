//! What the request itself asks for: tools, a form, choices, bounds.
//!
//! Streams are put together as an SDK does it, and must come to what the unary answer says.

use serde_json::json;

use super::*;

/// The choices of a stream, put together: content, refusal, calls, finish.
fn gathered(events: &[String]) -> Vec<Value> {
    let mut choices: Vec<Value> = Vec::new();
    for event in events.iter().filter(|event| *event != "[DONE]") {
        for part in super::json(event.as_bytes())["choices"]
            .as_array()
            .expect("choices")
        {
            let index = part["index"].as_u64().expect("an index") as usize;
            while choices.len() <= index {
                choices.push(json!({"content": "", "calls": [], "finish": null}));
            }
            let choice = &mut choices[index];
            assert_eq!(
                choice["finish"],
                Value::Null,
                "nothing comes after the finish"
            );
            let text = choice["content"].as_str().expect("a text").to_owned();
            choice["content"] = (text + part["delta"]["content"].as_str().unwrap_or("")).into();
            choice["finish"] = part["finish_reason"].clone();
            for call in part["delta"]["tool_calls"].as_array().into_iter().flatten() {
                let calls = choice["calls"].as_array_mut().expect("a list");
                let at = call["index"].as_u64().expect("an index") as usize;
                if at == calls.len() {
                    assert_eq!(
                        call["function"]["arguments"], "",
                        "opened without arguments"
                    );
                    calls.push(json!({"id": call["id"], "type": call["type"], "function": call["function"]}));
                    continue;
                }
                let before = calls[at]["function"]["arguments"]
                    .as_str()
                    .expect("a text")
                    .to_owned();
                let piece = call["function"]["arguments"].as_str().expect("a piece");
                calls[at]["function"]["arguments"] = (before + piece).into();
            }
        }
    }
    choices
}

async fn unary(sim: &Sim, body: &Value) -> Value {
    let answer = call(sim, "/chat/completions", body)
        .await
        .expect("answered");
    super::json(&play(answer).await.text())
}

/// Both forms of the same call agree; gives the unary one.
async fn both(body: Value) -> Value {
    let (sim, other) = (Sim::new(Clock), Sim::new(Clock));
    let whole = unary(&sim, &body).await;
    let mut body = body;
    body["stream"] = true.into();
    let streamed = call(&other, "/chat/completions", &body)
        .await
        .expect("answered");
    let choices = gathered(&play(streamed).await.events());
    let expected = whole["choices"].as_array().expect("choices");
    assert_eq!(choices.len(), expected.len());
    for (choice, expected) in choices.iter().zip(expected) {
        let message = &expected["message"];
        assert_eq!(choice["content"], message["content"].as_str().unwrap_or(""));
        let calls = message.get("tool_calls").cloned();
        assert_eq!(choice["calls"], calls.unwrap_or_else(|| json!([])));
        assert_eq!(choice["finish"], expected["finish_reason"]);
    }
    whole
}

fn tool(name: &str, parameters: Value) -> Value {
    json!({"type": "function", "function": {"name": name, "parameters": parameters}})
}

fn weather() -> Value {
    tool(
        "get_weather",
        json!({
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"enum": ["celsius", "fahrenheit"]},
                "days": {"type": "integer", "minimum": 3},
            },
            "required": ["city"],
        }),
    )
}

fn asks(model: &str, more: Value) -> Value {
    let mut body = ask(model, false);
    let fields = more.as_object().expect("an object").clone();
    body.as_object_mut().expect("an object").extend(fields);
    body
}

#[tokio::test(start_paused = true)]
async fn a_forced_tool_is_called_with_arguments_that_fit() {
    for model in ["echo", "sim-0-20-0-4", "tools"] {
        let named = json!({"type": "function", "function": {"name": "get_weather"}});
        for choice in [json!("required"), named] {
            let body = asks(model, json!({"tools": [weather()], "tool_choice": choice}));
            let answer = both(body).await;
            let message = &answer["choices"][0]["message"];
            assert_eq!(message["content"], Value::Null);
            assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
            let call = &message["tool_calls"][0];
            assert_eq!(
                (&call["id"], &call["type"]),
                (&"call_sim_1_0_0".into(), &"function".into())
            );
            let arguments = call["function"]["arguments"]
                .as_str()
                .expect("JSON as a text");
            let arguments = super::json(arguments.as_bytes());
            assert_eq!(
                arguments,
                json!({"city": "city", "unit": "celsius", "days": 3})
            );
        }
    }
}

#[tokio::test(start_paused = true)]
async fn tools_are_called_freely_by_the_models_that_do_so() {
    let time = tool("get_time", json!({"type": "object", "properties": {}}));
    let tools = json!([weather(), time]);
    let names = async |model: &str, more: Value| {
        let mut body = asks(model, json!({"tools": tools}));
        body.as_object_mut()
            .expect("an object")
            .extend(more.as_object().expect("one").clone());
        let answer = both(body).await;
        let calls = answer["choices"][0]["message"]["tool_calls"].clone();
        let names = calls.as_array().cloned().unwrap_or_default();
        let names = names.iter().map(|call| {
            call["function"]["name"]
                .as_str()
                .expect("a name")
                .to_owned()
        });
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(names("echo", json!({})).await, "");
    assert_eq!(names("tools", json!({})).await, "get_weather");
    assert_eq!(
        names("tools-3", json!({})).await,
        "get_weather get_time get_weather"
    );
    assert_eq!(
        names("tools-3", json!({"parallel_tool_calls": false})).await,
        "get_weather"
    );
    assert_eq!(names("tools-2", json!({"tool_choice": "none"})).await, "");
    let said = json!({"messages": [{"role": "user", "content": "please get_time"}]});
    assert_eq!(names("tools", said).await, "get_time");
    let done = json!({"tool_choice": "required", "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "tool_calls": []},
        {"role": "tool", "tool_call_id": "call_sim_1_0_0", "content": "12 degrees"},
    ]});
    let follow = both(asks(
        "tools",
        json!({"tools": tools, "messages": done["messages"]}),
    ))
    .await;
    assert_eq!(follow["choices"][0]["message"]["content"], "12 degrees");
    assert_eq!(
        names("sim-0-20-0-4", done).await,
        "",
        "a result gets a text"
    );
}

#[tokio::test(start_paused = true)]
async fn a_form_that_is_asked_for_is_kept() {
    let schema = json!({"$ref": "#/$defs/Plan", "$defs": {
        "Plan": {"type": "object", "properties": {"steps": {"type": "array", "items": {"$ref": "#/$defs/Step"}}}},
        "Step": {"type": "object", "properties": {"title": {"type": "string"}, "done": {"type": "boolean"}}},
    }});
    let format = json!({"type": "json_schema", "json_schema": {"name": "plan", "strict": true, "schema": schema}});
    for model in ["echo", "sim-10-1-5-3", "tools"] {
        let answer = both(asks(model, json!({"response_format": format}))).await;
        let text = answer["choices"][0]["message"]["content"]
            .as_str()
            .expect("a text");
        let value = super::json(text.as_bytes());
        assert_eq!(value, json!({"steps": [{"title": "title", "done": true}]}));
        assert_eq!(answer["choices"][0]["finish_reason"], "stop");
    }
    let object = json!({"response_format": {"type": "json_object"}});
    let answer = both(asks("echo", object)).await;
    let text = answer["choices"][0]["message"]["content"]
        .as_str()
        .expect("a text");
    assert_eq!(
        super::json(text.as_bytes()),
        json!({"answer": "what does the tide do"})
    );
}

#[tokio::test(start_paused = true)]
async fn choices_say_the_same_and_are_counted_together() {
    let answer = both(asks("echo", json!({"n": 3}))).await;
    assert_eq!(answer["choices"].as_array().expect("choices").len(), 3);
    assert_eq!(answer["usage"]["completion_tokens"], 15);
    let calls = json!({"n": 2, "tools": [weather()], "tool_choice": "required"});
    let answer = both(asks("echo", calls)).await;
    let id = |at: usize| answer["choices"][at]["message"]["tool_calls"][0]["id"].clone();
    assert_ne!(id(0), id(1));
}

#[tokio::test(start_paused = true)]
async fn bounds_end_an_answer_and_say_why() {
    for (model, more, text, finish) in [
        ("echo", json!({"max_tokens": 2}), "what does", "length"),
        (
            "echo",
            json!({"max_tokens": 2, "max_completion_tokens": 3}),
            "what does the",
            "length",
        ),
        (
            "echo",
            json!({"max_tokens": 5}),
            "what does the tide do",
            "stop",
        ),
        ("echo", json!({"stop": " tide"}), "what does the", "stop"),
        ("echo", json!({"stop": ["do", "the"]}), "what ", "stop"),
        (
            "sim-0-20-0-4",
            json!({"max_tokens": 4}),
            "the tide comes in",
            "length",
        ),
        (
            "sim-0-20-0-4",
            json!({"stop": ["twice"]}),
            "the tide comes in ",
            "stop",
        ),
    ] {
        let answer = both(asks(model, more)).await;
        assert_eq!(answer["choices"][0]["message"]["content"], text);
        assert_eq!(answer["choices"][0]["finish_reason"], finish);
        let words = text.split_whitespace().count();
        assert_eq!(answer["usage"]["completion_tokens"], words);
    }
    let sim = Sim::new(Clock);
    let start = Clock.now();
    let short = asks("sim-100-20-10-4", json!({"max_tokens": 4}));
    unary(&sim, &short).await;
    let took = Clock.now() - start;
    assert_eq!(
        took,
        Duration::from_millis(150),
        "five chunks of 20, no more"
    );
}

#[tokio::test(start_paused = true)]
async fn drawn_delays_are_the_same_for_the_same_seed() {
    let took = async |sim: &Sim, seed: i64, stream: bool| {
        let start = Clock.now();
        let mut body = asks("sim-100..900-20-10~5-4", json!({"seed": seed}));
        body["stream"] = stream.into();
        let answer = call(sim, "/chat/completions", &body)
            .await
            .expect("answered");
        play(answer).await;
        Clock.now() - start
    };
    let (one, other) = (Sim::new(Clock), Sim::new(Clock));
    let first = took(&one, 7, false).await;
    let near = |a: Duration, b: Duration| a.abs_diff(b) <= Duration::from_millis(1);
    assert!(near(first, took(&one, 7, true).await), "streamed or not");
    assert!(near(first, took(&other, 7, false).await));
    assert!(!near(first, took(&other, 8, false).await));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_met_is_refused_and_says_which_field() {
    let sim = Sim::new(Clock);
    let endless = json!({"$ref": "#"});
    for (more, param) in [
        (json!({"n": 0}), "n"),
        (json!({"n": 129}), "n"),
        (json!({"tools": [[[]]], "tool_choice": "required"}), "tools"),
        (json!({"tools": [], "tool_choice": "required"}), "tools"),
        (
            json!({"tools": [weather()], "tool_choice": "perhaps"}),
            "tool_choice",
        ),
        (
            json!({"tools": [weather()], "tool_choice": {"type": "function", "function": {"name": "x"}}}),
            "tool_choice",
        ),
        (
            json!({"tools": [tool("t", endless)], "tool_choice": "required"}),
            "tools",
        ),
        (
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}}),
            "response_format",
        ),
        (
            json!({"response_format": {"type": "xml"}}),
            "response_format",
        ),
    ] {
        let answer = unary(&sim, &asks("echo", more.clone())).await;
        assert_eq!(answer["error"]["param"], param, "{more}");
        assert_eq!(answer["error"]["code"], "invalid_value", "{more}");
    }
    let many = asks("sim-0-1-0-200000000", json!({"n": 2}));
    assert_eq!(unary(&sim, &many).await["error"]["param"], "n");
}
