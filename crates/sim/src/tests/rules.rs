//! Scripts: which rule answers, and what it answers with.
//!
//! The clock is paused, so times are exact; each script stands beside what it must do.

use serde_json::json;

use super::*;
use crate::Rules;

fn scripted(text: &str) -> Sim {
    let rules = Rules::read(text).unwrap_or_else(|problems| panic!("{problems:#?}"));
    Sim::scripted(Clock, rules)
}

fn says(model: &str, text: &str) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}]})
}

async fn unary(sim: &Sim, body: &Value) -> (u16, Value) {
    let answer = call(sim, "/chat/completions", body)
        .await
        .expect("answered");
    (
        answer.status().as_u16(),
        super::json(&play(answer).await.text()),
    )
}

/// The text of a unary answer, or the code of the error.
async fn told(sim: &Sim, model: &str, text: &str) -> String {
    let (status, answer) = unary(sim, &says(model, text)).await;
    let told = match status {
        200 => &answer["choices"][0]["message"]["content"],
        _ => &answer["error"]["code"],
    };
    told.as_str().unwrap_or_default().to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_first_rule_that_fits_answers_and_its_holes_are_filled() {
    let sim = scripted(
        r#"
        [[rule]]
        match = { model = "gpt-*", regex = '(?i)weather in (\w+)' }
        respond.text = "{{model}}: rain in {{1}}"
        [[rule]]
        match = { model = "gpt-*", contains = "secret" }
        respond.refusal = "No."
        [[rule]]
        match = { model = "gpt-*" }
        respond.text = "call {{call}}, you said {{user}}"
        "#,
    );
    assert_eq!(
        told(&sim, "gpt-4o", "Weather in Oslo?").await,
        "gpt-4o: rain in Oslo"
    );
    assert_eq!(
        told(&sim, "gpt-4o", "{{model}}").await,
        "call 2, you said {{model}}"
    );
    let (_, answer) = unary(&sim, &says("gpt-4o", "a secret")).await;
    assert_eq!(answer["choices"][0]["message"]["refusal"], "No.");
    assert_eq!(answer["choices"][0]["message"]["content"], Value::Null);
    assert_eq!(told(&sim, "echo", "no rule").await, "no rule");
    assert_eq!(
        told(&sim, "llama", "no rule, no name").await,
        "model_not_found"
    );
    let met: Vec<_> = sim
        .rules()
        .iter()
        .map(|rule| (rule.line, rule.met, rule.answered))
        .collect();
    assert_eq!(met, [(2, 1, 1), (5, 1, 1), (8, 1, 1)]);
}

#[tokio::test(start_paused = true)]
async fn calls_shares_and_times_choose_among_the_calls_that_fit() {
    let sim = scripted(
        r#"
        [[rule]]
        match = { model = "m", call = [2, 4] }
        respond.text = "even"
        [[rule]]
        match = { model = "m" }
        respond.text = "twice"
        times = 2
        [[rule]]
        match = { model = "m", share = 50 }
        status = 503
        [[rule]]
        match = { model = "m" }
        respond.text = "rest"
        "#,
    );
    let mut all = Vec::new();
    for _ in 0..8 {
        all.push(told(&sim, "m", "x").await);
    }
    assert_eq!(
        all,
        ["twice", "even", "twice", "even", "rest", "", "rest", ""]
    );
    assert_eq!(sim.rules()[1].answered, 2);
    sim.reset();
    assert_eq!(
        told(&sim, "m", "x").await,
        "twice",
        "counted from the beginning"
    );
    assert_eq!(sim.stats().seen, 9);
}

#[tokio::test(start_paused = true)]
async fn conditions_on_more_than_the_text() {
    let sim = scripted(
        r#"
        [[rule]]
        match = { model = "m", headers = { x-tenant = "blue*" } }
        respond.text = "blue"
        [[rule]]
        match = { model = "m", tools = true, tool_result = false }
        respond.tool_call = "look"
        [[rule]]
        match = { model = "m", tool_result = true }
        respond.text = "seen"
        [[rule]]
        match = { model = "m", stream = true }
        respond.text = "streamed"
        [[rule]]
        match = { model = "m", endpoint = "completions" }
        respond.text = "completed"
        [[rule]]
        match = { model = "m" }
        respond.text = "plain"
        "#,
    );
    let mut body = says("m", "x");
    assert_eq!(
        unary(&sim, &body).await.1["choices"][0]["message"]["content"],
        "plain"
    );
    let headers = http::HeaderMap::from_iter([(
        http::HeaderName::from_static("x-tenant"),
        "blue-7".parse().expect("a value"),
    )]);
    let text = body.to_string();
    let decided = sim.decide(
        &Method::POST,
        "/chat/completions",
        &headers,
        text.as_bytes(),
    );
    assert_eq!(decided.rule.as_deref(), Some("rule 1"));
    drop(sim.carry_out(decided.decision).await);
    let schema = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    body["tools"] =
        json!([{"type": "function", "function": {"name": "look", "parameters": schema}}]);
    let (_, answer) = unary(&sim, &body).await;
    let function = json!({"name": "look", "arguments": "{\"q\":\"q\"}"});
    assert_eq!(
        answer["choices"][0]["message"]["tool_calls"][0]["function"],
        function
    );
    body["messages"] = json!([{"role": "user", "content": "x"}, {"role": "tool", "content": "y"}]);
    assert_eq!(
        unary(&sim, &body).await.1["choices"][0]["message"]["content"],
        "seen"
    );
    let mut body = says("m", "x");
    body["stream"] = true.into();
    let answer = call(&sim, "/chat/completions", &body)
        .await
        .expect("answered");
    assert_eq!(content(&play(answer).await.events()), "streamed");
    let body = json!({"model": "m", "prompt": "x"});
    let answer = call(&sim, "/completions", &body).await.expect("answered");
    assert_eq!(
        super::json(&play(answer).await.text())["choices"][0]["text"],
        "completed"
    );
}

#[tokio::test(start_paused = true)]
async fn every_way_to_respond() {
    let sim = scripted(
        r#"
        [[rule]]
        match.model = "json"
        respond.json = { city = "Oslo", days = [1, 2.5, true] }
        [[rule]]
        match.model = "fit"
        respond.json = true
        [[rule]]
        match.model = "calls"
        respond.tool_call = [{ name = "a", arguments = { x = 1 } }, { name = "b", arguments = "{oops" }, "c"]
        [[rule]]
        match.model = "like"
        respond.like = "sim-100-4-10-8"
        finish = "content_filter"
        usage = { prompt = 1000, completion = 70, cached = 900, reasoning = 50 }
        headers = { x-ratelimit-remaining-requests = "9" }
        "#,
    );
    let json_text = told(&sim, "json", "x").await;
    assert_eq!(
        super::json(json_text.as_bytes()),
        json!({"city": "Oslo", "days": [1, 2.5, true]})
    );
    let mut body = says("fit", "x");
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"schema": {"const": [1]}}});
    assert_eq!(
        unary(&sim, &body).await.1["choices"][0]["message"]["content"],
        "[1]"
    );
    let (_, answer) = unary(&sim, &says("calls", "x")).await;
    let calls = answer["choices"][0]["message"]["tool_calls"]
        .as_array()
        .expect("calls")
        .clone();
    let told: Vec<_> = calls
        .iter()
        .map(|call| &call["function"]["arguments"])
        .collect();
    assert_eq!(told, ["{\"x\":1}", "{oops", "{}"]);
    assert_eq!(answer["choices"][0]["finish_reason"], "tool_calls");
    let start = Clock.now();
    let answer = call(&sim, "/chat/completions", &says("like", "x"))
        .await
        .expect("answered");
    assert_eq!(Clock.now() - start, Duration::from_millis(140));
    assert_eq!(answer.headers()["x-ratelimit-remaining-requests"], "9");
    let answer = super::json(&play(answer).await.text());
    assert_eq!(answer["choices"][0]["finish_reason"], "content_filter");
    assert_eq!(
        answer["choices"][0]["message"]["content"],
        "the tide comes in twice a day an"
    );
    let usage = json!({
        "prompt_tokens": 1000, "completion_tokens": 70, "total_tokens": 1070,
        "prompt_tokens_details": {"cached_tokens": 900},
        "completion_tokens_details": {"reasoning_tokens": 50},
    });
    assert_eq!(answer["usage"], usage);
}

#[tokio::test(start_paused = true)]
async fn a_rule_s_pace_is_kept() {
    let sim = scripted(
        r#"
        [[rule]]
        match.model = "m"
        respond.text = "abcdefghij"
        delay = "300ms"
        gap = "20ms"
        chunks = 5
        [[rule]]
        match.model = "slow"
        delay = "1s..2s"
        "#,
    );
    let mut body = says("m", "x");
    body["stream"] = true.into();
    let played = play(
        call(&sim, "/chat/completions", &body)
            .await
            .expect("answered"),
    )
    .await;
    let times: Vec<u64> = played.frames.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [300, 300, 320, 340, 360, 380, 400, 400]);
    let start = Clock.now();
    assert_eq!(told(&sim, "m", "x").await, "abcdefghij");
    assert_eq!(Clock.now() - start, Duration::from_millis(400));
    let start = Clock.now();
    assert_eq!(told(&sim, "slow", "said back").await, "said back");
    let took = (Clock.now() - start).as_secs_f64();
    assert!((1.0..2.1).contains(&took), "{took}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_nothing_answers_says_what_to_add() {
    let sim = scripted("[[rule]]\nmatch = { model = \"gpt\", contains = \"x\" }\n");
    let (status, answer) = unary(&sim, &says("gpt", "y")).await;
    assert_eq!(
        (status, &answer["error"]["code"]),
        (404, &"model_not_found".into())
    );
    let message = answer["error"]["message"].as_str().expect("a text");
    assert!(message.starts_with("No rule of the script") && message.contains("add a rule"));
}

#[tokio::test(start_paused = true)]
async fn statuses_are_errors_of_the_openai_form_and_come_at_their_time() {
    let sim = scripted(
        r#"
        [[rule]]
        match.model = "limited"
        status = 429
        headers = { retry-after = "7" }
        delay = "2s"
        [[rule]]
        match.model = "long"
        status = 400
        error = { message = "Too long.", code = "context_length_exceeded", param = "messages" }
        [[rule]]
        match.model = "flaky"
        respond.like = "fault-500"
        "#,
    );
    let start = Clock.now();
    let answer = call(&sim, "/chat/completions", &says("limited", "x"))
        .await
        .expect("answered");
    assert_eq!(Clock.now() - start, Duration::from_secs(2));
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()["retry-after"]),
        (429, &"7".parse().expect("one"))
    );
    assert_eq!(
        super::json(&play(answer).await.text())["error"]["code"],
        "rate_limit_exceeded"
    );
    let (status, answer) = unary(&sim, &says("long", "x")).await;
    let error = json!({
        "message": "Too long.", "type": "invalid_request_error",
        "param": "messages", "code": "context_length_exceeded",
    });
    assert_eq!((status, &answer["error"]), (400, &error));
    assert_eq!(unary(&sim, &says("flaky", "x")).await.0, 500);
}

/// A fault for each text.
const FAULTS: &str = r#"
        [[rule]]
        match.model = "*"
        match.contains = "cut"
        respond.text = "one two three four"
        fault = "cut"
        after = 2
        gap = "10ms"
        [[rule]]
        match.contains = "reset"
        fault = "reset"
        after = 0
        [[rule]]
        match.contains = "bad"
        respond.tool_call = "t"
        fault = "bad-json"
        [[rule]]
        match.contains = "event"
        fault = "error-event"
        [[rule]]
        match.contains = "close"
        fault = "close"
        delay = "3s"
        [[rule]]
        match.contains = "hang"
        fault = "hang"
        "#;

#[tokio::test(start_paused = true)]
async fn faults_come_after_their_chunks() {
    let sim = scripted(FAULTS);
    let streamed = async |text: &str| {
        let mut body = says("m", text);
        body["stream"] = true.into();
        play(
            call(&sim, "/chat/completions", &body)
                .await
                .expect("answered"),
        )
        .await
    };
    let cut = streamed("cut").await;
    assert_eq!(
        (content(&cut.events()).as_str(), cut.end),
        ("one two ", End::Broken)
    );
    let reset = streamed("reset").await;
    assert_eq!(
        (content(&reset.events()).as_str(), reset.end),
        ("", End::Broken)
    );
    let bad = streamed("bad").await;
    let broken = |event: &&String| serde_json::from_str::<Value>(event).is_err();
    let told: Vec<_> = bad.events();
    assert_eq!(
        told.iter().filter(broken).count(),
        2,
        "the malformed one and [DONE]"
    );
    assert_eq!(bad.end, End::Whole);
    assert!(
        streamed("event")
            .await
            .text()
            .windows(8)
            .any(|text| text == b"\"error\":")
    );
    let start = Clock.now();
    let closed = call(&sim, "/chat/completions", &says("m", "close")).await;
    assert_eq!(
        (closed.err(), Clock.now() - start),
        (Some(Broken), Duration::from_secs(3))
    );
    let hang = says("m", "hang");
    tokio::select! {
        _ = call(&sim, "/chat/completions", &hang) => panic!("it answered"),
        () = Clock.sleep(Duration::from_secs(86_400)) => {}
    }
    let stats = sim.stats();
    assert_eq!(stats.seen, stats.completed + stats.aborted + stats.open);
    assert_eq!((stats.open, stats.aborted), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn embeddings_and_models_know_the_rules() {
    let sim = scripted(
        r#"
        [[rule]]
        match = { endpoint = "embeddings", model = "text-*", call = 1 }
        status = 500
        [[rule]]
        match = { endpoint = "embeddings", model = "text-embedding-3-small" }
        delay = "50ms"
        "#,
    );
    let body = json!({"model": "text-embedding-3-small", "input": ["a", "b"], "dimensions": 4});
    let failed = call(&sim, "/embeddings", &body).await.expect("answered");
    assert_eq!(failed.status(), 500);
    drop(failed);
    let start = Clock.now();
    let answer = call(&sim, "/embeddings", &body).await.expect("answered");
    assert_eq!(Clock.now() - start, Duration::from_millis(50));
    let answer = super::json(&play(answer).await.text());
    assert_eq!(
        (answer["data"].as_array().map(Vec::len), &answer["model"]),
        (Some(2), &body["model"])
    );
    let get = async |path: &str| {
        let answer = sim
            .answer(&Method::GET, path, Bytes::new())
            .await
            .expect("answered");
        play(answer).await.text()
    };
    let listed = String::from_utf8(get("/models").await).expect("UTF-8");
    assert!(listed.contains("\"text-embedding-3-small\"") && !listed.contains("text-*"));
    assert_eq!(
        super::json(&get("/models/text-embedding-3-small").await)["object"],
        "model"
    );
}
