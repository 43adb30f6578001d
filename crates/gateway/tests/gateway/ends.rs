//! Ends that are hard to tell: streams that never pause, callers who leave
//! when everything is said, time that ran out in the queue.

use std::time::Duration;

use kernel::{Clock, Overflow, Why};
use tidegate_gateway::{Failure, Manner, NotCancelled, Reply};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream, openai};
use tidegate_types::{Code, RequestId};

use crate::house::{House, Plan, frame, pool};

/// One permit, so that the second request waits.
fn plan() -> Plan {
    let pool = pool(1, 4, Overflow::Block);
    Plan {
        pool,
        ..Plan::default()
    }
}

async fn ask(house: &House, model: &str, patience: Option<Duration>) -> Result<Reply, Failure> {
    let mut call = House::call(model, true);
    call.patience = patience;
    house.send(call).await
}

fn pair(class: &str, label: &str) -> (String, String) {
    (class.into(), label.into())
}

fn within(change: impl FnOnce(&mut Plan), upstream: Option<&Upstream>) -> House {
    let mut plan = plan();
    // One attempt: these are about how it ends.
    plan.retry.attempts = 1;
    change(&mut plan);
    House::new(plan, upstream)
}

/// INV-STOP, INV-DEADLINE: a stream that always has more to say is ended all
/// the same, and at once.
#[tokio::test(start_paused = true)]
async fn a_stream_that_never_pauses_ends_when_it_must() {
    for (halt, patience, code, outcome) in [
        (
            Some(Why::Operator),
            None,
            "cancelled_by_operator",
            ("cancelled", "operator"),
        ),
        (
            None,
            Some(Duration::from_secs(1)),
            "deadline_exceeded",
            ("failed", "deadline_exceeded"),
        ),
    ] {
        let house = House::new(plan(), None);
        let mut reply = ask(&house, "sim-0-1000000-0-100", patience).await.unwrap();
        frame(&mut reply).await.unwrap();
        match halt {
            Some(why) => drop(house.gateway.halt(why)),
            None => Clock.sleep(Duration::from_secs(2)).await,
        }
        let last = frame(&mut reply).await.unwrap();
        assert!(last.contains(code), "{code}: {} bytes", last.len());
        assert_eq!(frame(&mut reply).await, None);
        assert_eq!(house.outcome().await, pair(outcome.0, outcome.1));
    }
}

/// Failures row 29: what a caller left behind has cost tokens.
#[tokio::test(start_paused = true)]
async fn row_29_tokens_of_a_caller_who_left_are_counted() {
    let house = House::new(plan(), None);
    let mut reply = ask(&house, "sim-0-50-1000-100", None).await.unwrap();
    frame(&mut reply).await.unwrap();
    drop(reply);
    let samples = house.samples();
    for direction in ["input", "output"] {
        let tokens = samples.sum("tidegate_tokens_total", &[direction]);
        assert!(tokens > 0.0, "{direction}: {samples:?}");
    }
    assert_eq!(house.outcome().await, pair("cancelled", "caller"));
}

/// Failures row 8: the input may be billed, though nothing was answered; row
/// 4: an error status costs nothing.
#[tokio::test(start_paused = true)]
async fn row_8_the_input_of_an_unanswered_call_is_counted() {
    for (model, counted) in [("fault-hang", true), ("fault-500", false)] {
        let house = House::new(plan(), None);
        ask(&house, model, None).await.err().unwrap();
        let tokens = house.samples().sum("tidegate_tokens_total", &["input"]);
        assert_eq!(tokens > 0.0, counted, "{model}");
        house.scope.close().await;
    }
}

/// Time that ran out in the queue is our refusal, not an upstream's failure.
#[tokio::test(start_paused = true)]
async fn time_that_ends_in_the_queue_blames_no_upstream() {
    let total = Duration::from_secs(5);
    let house = within(|plan| plan.timeouts.total = total, None);
    let held = ask(&house, "sim-0-50-1000-4", None).await.unwrap();
    let failure = ask(&house, "echo", None).await.err().unwrap();
    assert_eq!(
        (failure.code, failure.status(Manner::OpenAi)),
        (Code::QueueTimeout, 503)
    );
    let samples = house.samples();
    let ended = |label: &str| samples.sum("tidegate_requests_total", &[label]);
    assert_eq!(ended("queue_timeout"), 1.0, "{samples:?}");
    assert_eq!(ended("upstream_timeout"), 0.0, "{samples:?}");
    drop(held);
    house.scope.close().await;
}

/// Who leaves behind `[DONE]` has got everything, also while we still wait for
/// the connection's sake.
#[tokio::test]
async fn a_caller_who_leaves_behind_done_has_completed() {
    let upstream = Upstream::start().await;
    upstream.next(Script::stream_of(&["tide"]).stall());
    let house = House::new(plan(), Some(&upstream));
    let mut reply = ask(&house, "up/any", None).await.unwrap();
    let mut text = String::new();
    while !text.contains("[DONE]") {
        text.push_str(&frame(&mut reply).await.unwrap());
    }
    drop(reply);
    assert_eq!(house.outcome().await, pair("completed", "completed"));
}

/// Row 33: a model that may think for long is waited for beyond the timers of the
/// others, and those are not.
#[tokio::test]
async fn row_33_a_slow_model_has_timers_of_its_own() {
    for (model, good) in [("up/thinks-long", true), ("up/other", false)] {
        for stream in [false, true] {
            let upstream = Upstream::start().await;
            let done = r#"{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}]}"#;
            let content = openai::content_chunk("hi");
            let pause = Duration::from_millis(600);
            let late = match stream {
                false => Script::json(200, done).late(pause),
                true => Script::sse().late(pause).event(&content).done(),
            };
            upstream.always(late);
            let house = within(
                |plan| {
                    plan.timeouts.first_byte = pause / 4;
                    plan.timeouts.first_content = pause / 3;
                    plan.timeouts.total = pause / 2;
                    plan.slow.models = vec!["thinks-*".to_owned()];
                    plan.slow.time = Duration::from_secs(20);
                },
                Some(&upstream),
            );
            let answer = house.ask(model, stream).await;
            assert_eq!(answer.is_ok(), good, "{model} {stream}");
        }
    }
}

/// `timeouts.first_content` runs from the request, not from the answer's head.
#[tokio::test]
async fn row_9_the_first_content_is_awaited_from_the_request_on() {
    let upstream = Upstream::start().await;
    let pause = Duration::from_millis(300);
    let late = Script::sse().late(pause).wait(pause);
    upstream.next(late.event(&openai::content_chunk("tide")).done());
    let first_content = Duration::from_millis(450);
    let house = within(
        |plan| plan.timeouts.first_content = first_content,
        Some(&upstream),
    );
    let failure = ask(&house, "up/any", None).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamTimeout, "{failure:?}");
    assert_eq!(house.outcome().await, pair("failed", "upstream_timeout"));
}

/// Failures row 17: a whole completion made into a stream keeps its usage in
/// the counts, and from a caller who did not ask for it.
#[tokio::test]
async fn row_17_the_usage_of_a_whole_completion_is_counted_as_told() {
    let upstream = Upstream::start().await;
    upstream.next(Script::json(200, &openai::completion("tide")));
    let house = House::new(plan(), Some(&upstream));
    let mut reply = ask(&house, "up/any", None).await.unwrap();
    let mut text = String::new();
    while let Some(more) = frame(&mut reply).await {
        text.push_str(&more);
    }
    assert!(text.contains("tide") && text.ends_with("data: [DONE]\n\n"));
    assert!(!text.contains("\"usage\""), "{text}");
    let estimated = house
        .samples()
        .sum("tidegate_usage_estimated_total", &["up"]);
    assert_eq!(estimated, 0.0);
    assert_eq!(house.outcome().await, pair("completed", "completed"));
}

/// The id of the one request that is in flight.
fn the_one(house: &House) -> RequestId {
    let requests = house.gateway.requests();
    assert_eq!(requests.len(), 1);
    requests[0].id
}

/// INV-ONE: what an operator is told is what the ledger says.
#[tokio::test(start_paused = true)]
async fn a_whole_answer_is_not_cancelled_and_says_so() {
    let house = House::new(plan(), None);
    let call = House::call("echo", false);
    let mut reply = house.send(call).await.unwrap();
    let id = the_one(&house);
    assert_eq!(house.gateway.cancel(id), Err(NotCancelled::Done));
    assert!(frame(&mut reply).await.unwrap().contains("one two"));
    assert_eq!(house.gateway.cancel(id), Err(NotCancelled::Unknown));
    assert_eq!(house.outcome().await, pair("completed", "completed"));
}

#[tokio::test]
async fn a_stream_behind_done_is_not_cancelled_and_says_so() {
    let upstream = Upstream::start().await;
    upstream.next(Script::stream_of(&["tide"]).stall());
    let house = House::new(plan(), Some(&upstream));
    let mut reply = ask(&house, "up/any", None).await.unwrap();
    let id = the_one(&house);
    let mut text = String::new();
    while !text.contains("[DONE]") {
        text.push_str(&frame(&mut reply).await.unwrap());
    }
    // It is still there for the connection's sake.
    assert_eq!(house.gateway.cancel(id), Err(NotCancelled::Done));
    assert_eq!(frame(&mut reply).await, None);
    assert_eq!(house.outcome().await, pair("completed", "completed"));
}

/// All of it is here, `[DONE]` too, and none of it went out: who was told that it
/// ends is right.
#[tokio::test(start_paused = true)]
async fn a_stream_that_is_cancelled_before_its_end_goes_out_has_no_done() {
    let house = House::new(plan(), None);
    let mut reply = ask(&house, "sim-0-1-0-4", None).await.unwrap();
    let id = the_one(&house);
    for _ in 0..2 {
        assert!(house.gateway.cancel(id).is_ok(), "and once more");
    }
    let mut text = String::new();
    while let Some(more) = frame(&mut reply).await {
        text.push_str(&more);
    }
    assert!(text.contains("cancelled_by_operator"), "{text}");
    assert!(!text.contains("[DONE]"), "{text}");
    assert_eq!(house.outcome().await, pair("cancelled", "operator"));
}

#[tokio::test(start_paused = true)]
async fn what_something_else_ends_is_not_cancelled() {
    let house = House::new(plan(), None);
    let mut reply = ask(&house, "sim-0-50-1000-4", None).await.unwrap();
    let id = the_one(&house);
    house.gateway.halt(Why::Shutdown);
    assert_eq!(house.gateway.cancel(id), Err(NotCancelled::Ending));
    while frame(&mut reply).await.is_some() {}
    assert_eq!(house.outcome().await, pair("cancelled", "shutdown"));
}
