//! Each name, streamed and unary, on a paused clock.
//!
//! Times are exact, because nothing but the alarm lets the clock go on; every event is read as
//! JSON, so that a form that is not legal does not pass.

use super::*;

/// The first 80 bytes of the endless text: what `sim-0-20-0-4` and the faults say.
const USUAL: &str =
    "the tide comes in twice a day and nobody asks it to and the gate stands open whi";

#[tokio::test(start_paused = true)]
async fn a_stream_has_one_event_a_frame_in_the_legal_order_at_its_times() {
    let sim = Sim::new(Clock);
    let answer = chat(&sim, "sim-300-3-25-8", true).await;
    assert_eq!(
        answer.headers()["content-type"],
        "text/event-stream; charset=utf-8"
    );
    let played = play(answer).await;
    let times: Vec<u64> = played.frames.iter().map(|(at, _)| *at).collect();
    assert_eq!(times, [300, 300, 325, 350, 375, 375]);
    assert_eq!(played.end, End::Whole);
    let events = played.events();
    assert_eq!(events.last().map(String::as_str), Some("[DONE]"));
    for event in &events[..5] {
        let event = json(event.as_bytes());
        assert_eq!(event["object"], "chat.completion.chunk");
        assert_eq!(event["id"], "chatcmpl-sim-1");
        assert_eq!(event["model"], "sim-300-3-25-8");
        assert!(event.get("usage").is_none());
    }
    assert_eq!(
        json(events[0].as_bytes())["choices"][0]["delta"]["role"],
        "assistant"
    );
    for event in &events[1..4] {
        assert_eq!(content(std::slice::from_ref(event)).len(), 8);
    }
    assert_eq!(
        json(events[4].as_bytes())["choices"][0]["finish_reason"],
        "stop"
    );
    assert_eq!(content(&events), "the tide comes in twice ");
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_ready_at_once_and_the_same_each_time() {
    let sim = Sim::new(Clock);
    let first = play(chat(&sim, "sim-0-20-0-4", true).await).await;
    assert_eq!(first.frames.len(), 23);
    assert!(first.frames.iter().all(|(at, _)| *at == 0));
    assert_eq!(content(&first.events()), USUAL);
    let other = play(chat(&Sim::new(Clock), "sim-0-20-0-4", true).await).await;
    assert_eq!(first.text(), other.text());
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_finds_the_late_chunks_ready() {
    let sim = Sim::new(Clock);
    let mut body = chat(&sim, "sim-0-10-100-4", true).await.into_body();
    Clock.sleep(Duration::from_millis(650)).await;
    let start = Clock.now();
    for _ in 0..8 {
        body.frame().await.expect("a frame").expect("whole");
    }
    assert_eq!(
        Clock.now(),
        start,
        "the role and the chunks 0 to 6 were due"
    );
    body.frame().await.expect("a frame").expect("whole");
    assert_eq!(Clock.now() - start, Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn usage_comes_last_with_empty_choices_and_counts_words() {
    let sim = Sim::new(Clock);
    let mut body = ask("sim-0-20-0-4", true);
    body["stream_options"] = serde_json::json!({"include_usage": true});
    let events = play(
        call(&sim, "/chat/completions", &body)
            .await
            .expect("answered"),
    )
    .await;
    let events = events.events();
    assert!(
        events[..22]
            .iter()
            .all(|event| json(event.as_bytes())["usage"].is_null())
    );
    assert!(
        events[..22]
            .iter()
            .all(|event| event.contains("\"usage\":null"))
    );
    let last = json(events[22].as_bytes());
    assert_eq!(last["choices"], serde_json::json!([]));
    let words = USUAL.split(' ').count();
    let usage = serde_json::json!({
        "prompt_tokens": 5, "completion_tokens": words, "total_tokens": 5 + words,
        "prompt_tokens_details": {"cached_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    });
    assert_eq!(last["usage"], usage);
    let unary = play(chat(&sim, "sim-0-20-0-4", false).await).await;
    assert_eq!(json(&unary.text())["usage"], usage);
}

#[tokio::test(start_paused = true)]
async fn a_unary_answer_comes_whole_when_its_last_chunk_would_have() {
    let sim = Sim::new(Clock);
    let start = Clock.now();
    let answer = chat(&sim, "sim-300-20-25-4", false).await;
    assert_eq!(Clock.now() - start, Duration::from_millis(800));
    let length = answer.headers()["content-length"].clone();
    assert_eq!(answer.headers()["x-request-id"], "req-sim-1");
    let played = play(answer).await;
    assert_eq!((played.frames.len(), played.end), (1, End::Whole));
    assert_eq!(length, played.text().len().to_string());
    let answer = json(&played.text());
    assert_eq!(answer["object"], "chat.completion");
    assert_eq!(answer["choices"][0]["message"]["content"], USUAL);
    assert_eq!(answer["choices"][0]["message"]["role"], "assistant");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}

#[tokio::test(start_paused = true)]
async fn a_long_unary_answer_is_written_while_it_is_read_and_keeps_its_length() {
    let sim = Sim::new(Clock);
    let answer = chat(&sim, "sim-0-3-0-100000", false).await;
    let length = answer.headers()["content-length"].clone();
    let played = play(answer).await;
    assert!(played.frames.len() > 4 && played.frames.iter().all(|(_, frame)| frame.len() <= 65536));
    assert_eq!(length, played.text().len().to_string());
    let answer = json(&played.text());
    let text = answer["choices"][0]["message"]["content"]
        .as_str()
        .expect("a text");
    assert_eq!(text.len(), 300_000);
    assert_eq!(
        answer["usage"]["completion_tokens"],
        text.split_whitespace().count()
    );
}

#[tokio::test(start_paused = true)]
async fn echo_says_the_last_user_message_in_both_endpoints() {
    let sim = Sim::new(Clock);
    let message = "größe  \"quoted\"\n\\ end";
    let body = |stream: bool| {
        serde_json::json!({
            "model": "echo", "stream": stream, "prompt": message,
            "messages": [{"role": "user", "content": message}, {"role": "assistant", "content": "x"}],
        })
    };
    let chat = play(
        call(&sim, "/chat/completions", &body(true))
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(content(&chat.events()), message);
    assert_eq!(
        chat.frames.len(),
        1 + 5 + 2,
        "four words, and the second of two spaces"
    );
    let unary = play(
        call(&sim, "/chat/completions", &body(false))
            .await
            .expect("answered"),
    )
    .await;
    assert_eq!(
        json(&unary.text())["choices"][0]["message"]["content"],
        message
    );
    let old = play(
        call(&sim, "/completions", &body(true))
            .await
            .expect("answered"),
    )
    .await;
    let events = old.events();
    let texts = events[..events.len() - 1]
        .iter()
        .map(|event| json(event.as_bytes()));
    let texts = texts.inspect(|event| assert_eq!(event["object"], "text_completion"));
    let text: String = texts
        .map(|event| {
            event["choices"][0]["text"]
                .as_str()
                .expect("a text")
                .to_owned()
        })
        .collect();
    assert_eq!(text, message);
    let unary = play(
        call(&sim, "/completions", &body(false))
            .await
            .expect("answered"),
    )
    .await;
    let answer = json(&unary.text());
    assert_eq!(
        (&answer["object"], &answer["choices"][0]["text"]),
        (&"text_completion".into(), &message.into())
    );
}

#[tokio::test(start_paused = true)]
async fn the_statuses() {
    let sim = Sim::new(Clock);
    for (model, status, kind) in [
        ("fault-429", 429, "requests"),
        ("fault-500", 500, "server_error"),
        ("fault-529", 529, "overloaded_error"),
    ] {
        for stream in [false, true] {
            let answer = chat(&sim, model, stream).await;
            assert_eq!(answer.status(), status);
            assert_eq!(answer.headers().contains_key("retry-after"), status == 429);
            assert_eq!(
                answer.headers().contains_key("x-ratelimit-limit-requests"),
                status == 429
            );
            assert_eq!(json(&play(answer).await.text())["error"]["type"], kind);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn flaky_fails_its_share_of_every_hundred() {
    for (percent, failures) in [(0, 0), (10, 10), (33, 33), (100, 100)] {
        let sim = Sim::new(Clock);
        let mut failed = 0;
        for _ in 0..100 {
            let answer = chat(&sim, &format!("fault-flaky-{percent}"), false).await;
            failed += u32::from(answer.status() == 500);
        }
        assert_eq!(failed, failures);
    }
}

#[tokio::test(start_paused = true)]
async fn hang_never_answers_and_close_answers_with_nothing() {
    let sim = Sim::new(Clock);
    for stream in [false, true] {
        let body = ask("fault-hang", stream);
        tokio::select! {
            _ = call(&sim, "/chat/completions", &body) => panic!("it answered"),
            () = Clock.sleep(Duration::from_secs(86_400)) => {}
        }
        let closed = call(&sim, "/chat/completions", &ask("fault-close", stream)).await;
        assert_eq!(closed.err(), Some(Broken));
    }
}

#[tokio::test(start_paused = true)]
async fn streams_with_a_flaw() {
    let sim = Sim::new(Clock);
    let stall = play(chat(&sim, "fault-stall", true).await).await;
    assert_eq!((stall.frames.len(), stall.end), (4, End::Silent));
    assert_eq!(content(&stall.events()), USUAL[..12]);

    let cut = play(chat(&sim, "fault-cut", true).await).await;
    assert_eq!((cut.frames.len(), cut.end), (4, End::Broken));
    assert_eq!(content(&cut.events()), USUAL[..12]);

    let torn = play(chat(&sim, "fault-cutmidevent", true).await).await;
    assert_eq!((torn.frames.len(), torn.end), (5, End::Broken));
    let whole = torn.text();
    let why = std::str::from_utf8(&whole).expect_err("cut inside a character");
    assert_eq!(
        (why.valid_up_to(), why.error_len()),
        (whole.len() - 1, None)
    );
    assert!(!whole.ends_with(b"\n\n"));

    let bad = play(chat(&sim, "fault-badjson", true).await).await;
    assert_eq!((bad.frames.len(), bad.end), (24, End::Whole));
    let events = bad.events();
    let broken = |event: &String| serde_json::from_str::<Value>(event).is_err();
    let broken: Vec<usize> = (0..23).filter(|at| broken(&events[*at])).collect();
    assert_eq!(broken, [11]);
    assert_eq!(
        content(&events),
        USUAL,
        "the malformed event carries no text"
    );

    let error = play(chat(&sim, "fault-errorevent", true).await).await;
    assert_eq!((error.frames.len(), error.end), (5, End::Whole));
    assert_eq!(
        json(error.events()[4].as_bytes())["error"]["type"],
        "server_error"
    );
}

#[tokio::test(start_paused = true)]
async fn slowdrip_flows_but_its_events_hardly_do() {
    let sim = Sim::new(Clock);
    let drip = play(chat(&sim, "fault-slowdrip", true).await).await;
    assert_eq!(drip.end, End::Whole);
    assert!(drip.frames[..4].iter().all(|(at, _)| *at == 0));
    for (at, (time, frame)) in drip.frames[4..].iter().enumerate() {
        assert_eq!((frame.len(), *time), (1, (at as u64 + 1) * 100));
    }
    let sound = play(chat(&Sim::new(Clock), "sim-0-20-0-4", true).await).await;
    let dripped = String::from_utf8(drip.text()).expect("UTF-8");
    assert_eq!(
        dripped.replace("fault-slowdrip", "sim-0-20-0-4").as_bytes(),
        sound.text()
    );
}

#[tokio::test(start_paused = true)]
async fn documents_with_a_flaw() {
    for path in ["/chat/completions", "/completions", "/embeddings"] {
        let sim = Sim::new(Clock);
        let flawed = async |model: &str| {
            let mut body = ask(model, false);
            body["prompt"] = "x".into();
            body["input"] = "x".into();
            body["dimensions"] = 8.into();
            let answer = call(&sim, path, &body).await.expect("answered");
            assert_eq!(answer.status(), 200);
            let length = answer.headers()["content-length"]
                .to_str()
                .expect("a number")
                .to_owned();
            (
                length.parse::<usize>().expect("a number"),
                play(answer).await,
            )
        };
        for (model, end) in [
            ("fault-stall", End::Silent),
            ("fault-cut", End::Broken),
            ("fault-cutmidevent", End::Broken),
        ] {
            let (length, played) = flawed(model).await;
            assert_eq!(played.end, end, "{model}");
            assert!(
                !played.text().is_empty() && played.text().len() < length,
                "{model}"
            );
        }
        let (length, bad) = flawed("fault-badjson").await;
        assert_eq!((length, bad.end), (bad.text().len(), End::Whole));
        assert!(serde_json::from_slice::<Value>(&bad.text()).is_err());
        let (length, error) = flawed("fault-errorevent").await;
        assert_eq!((length, error.end), (error.text().len(), End::Whole));
        assert_eq!(json(&error.text())["error"]["code"], "server_error");
        let (length, drip) = flawed("fault-slowdrip").await;
        assert_eq!((length, drip.end), (drip.frames.len(), End::Whole));
        json(&drip.text());
    }
    let sim = Sim::new(Clock);
    let torn = play(chat(&sim, "fault-cutmidevent", false).await)
        .await
        .text();
    assert!(
        std::str::from_utf8(&torn)
            .expect_err("torn")
            .error_len()
            .is_none()
    );
}

#[tokio::test(start_paused = true)]
async fn models_are_listed_and_found() {
    let sim = Sim::new(Clock);
    let get = async |path: &str| {
        let answer = sim
            .answer(&Method::GET, path, Bytes::new())
            .await
            .expect("answered");
        (answer.status().as_u16(), json(&play(answer).await.text()))
    };
    let (status, list) = get("/models").await;
    let ids: Vec<_> = list["data"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|m| &m["id"])
        .collect();
    assert_eq!(
        (status, ids),
        (
            200,
            Sim::models()
                .iter()
                .map(|n| (*n).into())
                .collect::<Vec<Value>>()
                .iter()
                .collect()
        )
    );
    assert_eq!(get("/models/sim-1-2-3-4").await.1["id"], "sim-1-2-3-4");
    assert_eq!(
        get("/models/gpt-4o").await.1["error"]["code"],
        "model_not_found"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_is_refused_in_the_openai_form() {
    let sim = Sim::new(Clock);
    let chat = "/chat/completions";
    for (path, body, status, code) in [
        (
            chat,
            r#"{"model":"gpt-4o","messages":[{"role":"user","content":"x"}]}"#,
            404,
            "model_not_found",
        ),
        (chat, r#"{"model":"gpt-\"4o"}"#, 404, "model_not_found"),
        (chat, r#"{"messages":[]}"#, 400, "invalid_value"),
        (chat, r#"{"model":"echo"}"#, 400, "invalid_value"),
        (chat, r#"{"model":7}"#, 400, "invalid_value"),
        (chat, r#"{"model":"#, 400, "invalid_json"),
        (chat, "", 400, "invalid_json"),
        ("/completions", r#"{"model":"echo"}"#, 400, "invalid_value"),
        ("/embeddings", r#"{"model":"echo"}"#, 400, "invalid_value"),
        ("/models", "", 405, "method_not_allowed"),
        ("/chat", "{}", 404, "not_found"),
    ] {
        let answer = sim
            .answer(&Method::POST, path, body.into())
            .await
            .expect("answered");
        assert_eq!(answer.status(), status, "{path} {body}");
        let error = json(&play(answer).await.text());
        assert_eq!(error["error"]["code"], code, "{path} {body}");
    }
    let wrong = sim
        .answer(&Method::GET, chat, Bytes::new())
        .await
        .expect("answered");
    assert_eq!(
        (wrong.status().as_u16(), &wrong.headers()["allow"]),
        (405, &"POST".parse().expect("a value"))
    );
}
