//! Golden transcripts: odd upstreams whose answers are still whole.
//!
//! Rows 14, 16, 20 to 24, 26, 27, 31, 32 and 33 of the failure matrix, and
//! INV-STREAM from outside: what can be understood reaches the caller, byte
//! for byte where the dialect is the caller's own.

use std::time::Duration;

use tidegate_e2e::{Scene, transcript};
use tidegate_testkit::openai::{
    chat, chunk, completion, content_chunk, finish_chunk, role_chunk, usage_chunk,
};
use tidegate_testkit::{Script, Signal};

const SSE: &str = "200 text/event-stream; charset=utf-8";
const WHOLE: [&str; 5] = [SSE, "role", "text a", "finish stop", "[DONE]"];

fn one() -> Script {
    Script::sse()
        .event(&role_chunk())
        .event(&content_chunk("a"))
}

async fn is_whole(script: Script, lines: &[&str]) -> Scene {
    let scene = Scene::start().await;
    let reply = scene.stream(script).await;
    scene.told(&reply, lines, "completed", "completed").await;
    scene
}

async fn oddities(scene: &Scene, kind: &str) -> f64 {
    scene
        .gate
        .metric("tidegate_upstream_oddities_total", &[("kind", kind)])
        .await
}

#[tokio::test]
async fn row_14_a_missing_end_marker_is_added_and_counted() {
    let scene = is_whole(one().event(&finish_chunk()), &WHOLE).await;
    assert_eq!(oddities(&scene, "missing_done").await, 1.0);
}

#[tokio::test]
async fn row_14_the_same_when_the_connection_closes() {
    let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\r\n";
    let script = Script::raw(head)
        .event(&role_chunk())
        .event(&content_chunk("a"));
    is_whole(script.event(&finish_chunk()).fin(), &WHOLE).await;
}

#[tokio::test]
async fn row_16_one_malformed_event_is_skipped() {
    let script = one().event("{\"choices\":[").event(&finish_chunk()).done();
    let scene = is_whole(script, &WHOLE).await;
    assert_eq!(oddities(&scene, "bad_event").await, 1.0);
}

#[tokio::test]
async fn row_20_inv_stream_any_split_gives_the_same_bytes() {
    let content = "caf\u{e9} \u{1f30a} \u{65e5}\u{672c}";
    let (role, text, finish) = (role_chunk(), content_chunk(content), finish_chunk());
    let newlines = ["\n", "\r\n"];
    for (size, newline) in [(1, 0), (2, 1), (3, 0), (7, 1), (64, 0)] {
        let newline = newlines[newline];
        let mut body = String::new();
        for data in [&role, &text, &finish, &"[DONE]".to_owned()] {
            body.push_str(&format!("data:{data}{newline}{newline}"));
        }
        let scene = Scene::start().await;
        let reply = scene
            .stream(Script::sse().split(body.as_bytes(), size))
            .await;
        assert_eq!(reply.text(), body, "in pieces of {size}");
        assert_eq!(reply.content(), content);
        scene.settled("completed", "completed").await;
    }
}

#[tokio::test]
async fn row_20_a_byte_order_mark_and_several_data_lines() {
    let (before, after) = content_chunk("a")
        .split_once(',')
        .map(own)
        .expect("a comma");
    let script = Script::sse()
        .bytes(format!("\u{feff}data: {}\n\n", role_chunk()))
        .bytes(format!(
            "event: message\nid: 7\ndata: {before},\ndata: {after}\n\n"
        ))
        .event(&finish_chunk())
        .done();
    let scene = Scene::start().await;
    let reply = scene.stream(script).await;
    assert_eq!(transcript(&reply), WHOLE, "{}", reply.text());
    assert!(
        !reply.text().contains('\u{feff}'),
        "the mark is not the stream's content"
    );
    scene.settled("completed", "completed").await;
}

fn own((one, two): (&str, &str)) -> (String, String) {
    (one.to_owned(), two.to_owned())
}

#[tokio::test]
async fn row_21_invalid_utf8_is_replaced_and_counted() {
    let scene = Scene::start().await;
    let mut broken = format!("data: {}\n\n", content_chunk("aXb")).into_bytes();
    for byte in &mut broken {
        if *byte == b'X' {
            *byte = 0xff;
        }
    }
    let script = Script::sse()
        .event(&role_chunk())
        .bytes(broken)
        .event(&finish_chunk())
        .done();
    let reply = scene.stream(script).await;
    assert_eq!(reply.content(), "a\u{fffd}b");
    assert!(
        std::str::from_utf8(reply.body()).is_ok(),
        "invalid UTF-8 reached the caller"
    );
    scene.settled("completed", "completed").await;
    assert_eq!(oddities(&scene, "upstream_invalid_utf8").await, 1.0);
}

#[tokio::test]
async fn row_22_what_follows_the_end_marker_is_ignored() {
    let script = one()
        .event(&finish_chunk())
        .done()
        .event(&content_chunk("late"))
        .done();
    let scene = is_whole(script, &WHOLE).await;
    assert_eq!(scene.upstream.count(), 1);
}

#[tokio::test]
async fn row_22_an_upstream_that_never_ends_after_its_end_marker_is_let_go() {
    let script = one().event(&finish_chunk()).done().stall();
    let scene = is_whole(script, &WHOLE).await;
    scene.upstream_let_go().await;
}

#[tokio::test]
async fn row_23_cut_tool_arguments_pass_through() {
    let call = r#"{"tool_calls":[{"index":0,"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\": [1,"}}]}"#;
    let script = Script::sse()
        .event(&chunk(call, "null"))
        .event(&chunk("{}", r#""length""#))
        .done();
    let scene = Scene::start().await;
    let reply = scene.stream(script).await;
    assert!(reply.text().contains(call), "{}", reply.text());
    assert!(transcript(&reply).ends_with(&["finish length".to_owned(), "[DONE]".to_owned()]));
    scene.settled("completed", "completed").await;
    assert_eq!(oddities(&scene, "tool_json_incomplete").await, 1.0);
}

#[tokio::test]
async fn row_24_a_stream_with_or_without_usage_is_whole() {
    is_whole(one().event(&finish_chunk()).done(), &WHOLE).await;
    // Nobody asked for it: the chunk with empty choices is withheld.
    is_whole(
        one().event(&finish_chunk()).event(&usage_chunk()).done(),
        &WHOLE,
    )
    .await;
}

#[tokio::test]
async fn row_26_early_hints_and_trailers() {
    let body = completion("hinted");
    let hinted = format!(
        "HTTP/1.1 103 Early Hints\r\nlink: </x>; rel=preload\r\n\r\n\
         HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let scene = Scene::start().await;
    let reply = scene.unary(Script::raw(hinted)).await;
    assert_eq!((reply.status(), reply.text()), (200, body));
    scene.settled("completed", "completed").await;

    let chunks = one().event(&finish_chunk()).done();
    let trailed = chunks.unframed("0\r\nx-checksum: 1\r\n\r\n").stall();
    is_whole(trailed, &WHOLE).await;
}

#[tokio::test]
async fn row_27_an_idle_connection_that_the_upstream_closed_is_not_used() {
    let scene = Scene::start().await;
    for number in 1..=5 {
        let json = [("content-type", "application/json")];
        let script = Script::whole(200, &json, completion("x").as_bytes()).fin();
        assert_eq!(scene.unary(script).await.status(), 200);
        // Whether the end is seen before the next use or in it, is a race.
        assert_eq!(scene.upstream.accepted(), number);
    }
}

#[tokio::test]
async fn row_27_an_idle_connection_that_is_reset_on_use_costs_the_caller_nothing() {
    let scene = Scene::start().await;
    assert_eq!(
        scene
            .unary(Script::json(200, &completion("x")))
            .await
            .status(),
        200
    );
    scene.gate.until_quiet().await;
    // The race: the upstream gives the connection up just as it is used.
    scene.upstream.next(Script::raw("").rst());
    let reply = scene.unary(Script::json(200, &completion("fresh"))).await;
    assert_eq!((reply.status(), reply.text()), (200, completion("fresh")));
    assert_eq!(scene.upstream.accepted(), 2);
}

#[tokio::test]
async fn an_idle_connection_is_used_again() {
    let scene = Scene::start().await;
    for _ in 0..3 {
        assert_eq!(
            scene
                .unary(Script::json(200, &completion("x")))
                .await
                .status(),
            200
        );
        assert_eq!(scene.stream(Script::stream_of(&["x"])).await.status(), 200);
        scene.gate.until_quiet().await;
    }
    assert_eq!(
        scene.upstream.accepted(),
        1,
        "a connection is thrown away after each answer"
    );
}

#[tokio::test]
async fn row_31_an_empty_filtered_answer_is_no_error() {
    let script = Script::sse()
        .event(&role_chunk())
        .event(&chunk("{}", r#""content_filter""#));
    is_whole(
        script.done(),
        &[SSE, "role", "finish content_filter", "[DONE]"],
    )
    .await;
}

#[tokio::test]
async fn row_32_nonsense_in_id_and_created_does_not_break_a_stream() {
    let odd = r#"{"id":null,"object":"chat.completion.chunk","created":-1e99,"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    let headers = [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("x-request-id", "up-7"),
    ];
    let script = Script::chunked(200, &headers)
        .event(odd)
        .event(&finish_chunk())
        .done();
    let scene = Scene::start().await;
    let reply = scene.stream(script).await;
    assert_eq!(transcript(&reply), [SSE, "text a", "finish stop", "[DONE]"]);
    assert_eq!(reply.header("x-upstream-request-id"), Some("up-7"));
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn row_33_the_head_does_not_wait_for_content_beyond_the_hold() {
    let scene = Scene::start().await;
    let held = Signal::new();
    scene.upstream.next(
        Script::sse()
            .until(&held)
            .event(&content_chunk("a"))
            .event(&finish_chunk())
            .done(),
    );
    let mut client = scene.gate.connect().await;
    client
        .post("/v1/chat/completions", &chat("m-1", true))
        .await;
    let head = client.head().await;
    assert_eq!(head.status, 200);
    held.fire();
    let reply = client.rest(head).await;
    assert_eq!(transcript(&reply), [SSE, "text a", "finish stop", "[DONE]"]);
    scene.settled("completed", "completed").await;
}

#[tokio::test]
async fn row_33_a_slow_model_is_waited_for_with_pings() {
    let timeouts =
        r#"connect = "1s", first_byte = "60s", first_content = "60s", idle = "60s", total = "90s""#;
    let scene = Scene::with_timeouts(timeouts).await;
    let script = Script::sse()
        .event(&role_chunk())
        .wait(Duration::from_secs(19));
    let script = script
        .event(&content_chunk("a"))
        .event(&finish_chunk())
        .done();
    let reply = scene.stream(script).await;
    assert_eq!(transcript(&reply), WHOLE);
    let pings = reply
        .all_events()
        .iter()
        .filter(|event| event.is_comment())
        .count();
    // The headers went after 2 s, so there was one 15 s later.
    assert!((1..=2).contains(&pings), "{pings} pings: {}", reply.text());
    scene.settled("completed", "completed").await;
}
