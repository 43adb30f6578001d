//! The pipeline over the simulated provider, on a paused clock: every request
//! has one outcome, every permit comes back, every ending is true.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use kernel::{Clock, Overflow, Why};
use tidegate_gateway::Manner;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use crate::house::{House, Plan, frame, pool, text};

fn house(size: usize, queue: usize, overflow: Overflow) -> House {
    let pool = pool(size, queue, overflow);
    House::new(
        Plan {
            pool,
            ..Plan::default()
        },
        None,
    )
}

fn one(class: &str, label: &str) -> Vec<(String, String, u64)> {
    vec![(class.into(), label.into(), 1)]
}

#[tokio::test(start_paused = true)]
async fn unary_and_stream_complete_once() {
    let house = House::usual();
    let answer = text(house.ask("echo", false).await.unwrap()).await;
    assert!(answer.contains("one two"), "{answer}");
    let answer = text(house.ask("sim-10-5-10-4", true).await.unwrap()).await;
    assert!(answer.ends_with("data: [DONE]\n\n"), "{answer}");
    assert_eq!(answer.matches("[DONE]").count(), 1);
    assert_eq!(
        house.outcomes().await,
        vec![("completed".to_owned(), "completed".to_owned(), 2)]
    );
}

/// INV-TRUNC: whatever goes wrong, it never looks finished.
#[tokio::test(start_paused = true)]
async fn inv_trunc_streams_that_fail_end_with_one_error_event() {
    for (model, code) in [
        ("fault-stall", "stream_idle_timeout"),
        ("fault-cut", "upstream_disconnected"),
        ("fault-cutmidevent", "upstream_disconnected"),
    ] {
        let house = House::usual();
        let answer = match house.ask(model, true).await {
            Ok(reply) => text(reply).await,
            Err(failure) => panic!("{model} failed before its content: {failure:?}"),
        };
        assert!(!answer.contains("[DONE]"), "{model}: {answer}");
        let last = answer.trim_end().rsplit("\n\n").next().unwrap();
        assert!(
            last.contains(&format!("\"code\":\"{code}")),
            "{model}: {last}"
        );
        assert_eq!(answer.matches("\"error\":{").count(), 1, "{model}");
        let outcomes = house.outcomes().await;
        assert_eq!(outcomes.len(), 1, "{model}: {outcomes:?}");
        assert_eq!(outcomes[0].0, "failed", "{model}");
    }
}

#[tokio::test(start_paused = true)]
async fn failures_before_content_keep_their_status() {
    for (model, stream, status, code) in [
        ("fault-429", false, 429, Code::UpstreamRateLimited),
        ("fault-500", true, 502, Code::UpstreamError),
        ("fault-529", false, 503, Code::UpstreamOverloaded),
        ("fault-hang", true, 504, Code::UpstreamTimeout),
        ("fault-hang", false, 504, Code::UpstreamTimeout),
        ("fault-close", true, 502, Code::UpstreamDisconnected),
        // Its error comes together with its first content: nothing went out yet.
        ("fault-errorevent", true, 502, Code::UpstreamError),
        ("fault-cut", false, 502, Code::UpstreamDisconnected),
        ("no-such-model", false, 404, Code::ModelNotFound),
    ] {
        let house = House::usual();
        let failure = house.ask(model, stream).await.err().unwrap();
        assert_eq!(
            (failure.status(Manner::OpenAi), failure.code),
            (status, code),
            "{model}"
        );
        let class = if code == Code::ModelNotFound {
            "refused"
        } else {
            "failed"
        };
        assert_eq!(house.outcomes().await, one(class, code.as_str()), "{model}");
    }
}

/// R-P7, R-P8: a stream's silence is measured between events.
#[tokio::test(start_paused = true)]
async fn r_p7_idle_ends_within_its_time() {
    let house = House::usual();
    let reply = house.ask("fault-stall", true).await.unwrap();
    let began = Clock.now();
    let answer = text(reply).await;
    let took = Clock.now().duration_since(began);
    assert!(answer.contains("stream_idle_timeout"), "{answer}");
    assert!((60..=66).contains(&took.as_secs()), "{took:?}");
    // Row 33: the caller saw that somebody is there.
    assert_eq!(answer.matches(": ping\n\n").count(), 3, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn inv_deadline_a_caller_may_shorten_the_total() {
    let house = House::usual();
    let mut call = House::call("fault-hang", false);
    call.patience = Some(Duration::from_millis(250));
    let began = Clock.now();
    let failure = house.gateway.ask(house.admit(), call).await.err().unwrap();
    assert_eq!(failure.code, Code::DeadlineExceeded);
    assert!(Clock.now().duration_since(began) <= Duration::from_millis(350));
    assert_eq!(house.outcomes().await, one("failed", "deadline_exceeded"));
}

/// INV-ONE, INV-PERMIT: a caller who leaves is one cancelled request, at every stage.
#[tokio::test(start_paused = true)]
async fn inv_one_a_caller_may_leave_at_every_stage() {
    let house = house(1, 4, Overflow::Error);
    let mut streaming = house.ask("sim-10-50-1000-4", true).await.unwrap();
    assert!(frame(&mut streaming).await.is_some());
    {
        // Queued behind it.
        let call = house.gateway.ask(house.admit(), House::call("echo", false));
        let mut call = std::pin::pin!(call);
        assert!(futures_pending(call.as_mut()).await);
    }
    drop(streaming);
    {
        // Sent, and the upstream is silent.
        let call = house
            .gateway
            .ask(house.admit(), House::call("fault-hang", false));
        let mut call = std::pin::pin!(call);
        assert!(futures_pending(call.as_mut()).await);
    }
    // Never read at all.
    drop(house.ask("echo", false).await.unwrap());
    drop(house.ask("echo", true).await.unwrap());
    assert_eq!(
        house.outcomes().await,
        vec![("cancelled".to_owned(), "caller".to_owned(), 5)]
    );
}

async fn futures_pending<F: Future>(mut future: Pin<&mut F>) -> bool {
    poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
}

#[tokio::test(start_paused = true)]
async fn operators_and_shutdown_end_a_stream_with_its_event() {
    for (why, label, code) in [
        (Why::Operator, "operator", "cancelled_by_operator"),
        (Why::Shutdown, "shutdown", "shutting_down"),
    ] {
        let house = House::usual();
        let mut reply = house.ask("sim-10-50-1000-4", true).await.unwrap();
        frame(&mut reply).await.unwrap();
        assert_eq!(house.gateway.halt(why).len(), 1);
        let rest = text(reply).await;
        assert!(rest.contains(code) && !rest.contains("[DONE]"), "{rest}");
        assert_eq!(house.outcomes().await, one("cancelled", label));
    }
}

/// R-D5: each policy has its own meaning and its own number.
#[tokio::test(start_paused = true)]
async fn r_d5_overflow_policies_are_told_apart() {
    let house = house(1, 0, Overflow::Error);
    let held = house.ask("sim-10-50-1000-4", true).await.unwrap();
    let failure = house.ask("echo", false).await.err().unwrap();
    assert_eq!(
        (failure.status(Manner::OpenAi), failure.code),
        (503, Code::QueueFull)
    );
    assert!(failure.retry_after.is_some());
    drop(held);
    let outcomes = house.outcomes().await;
    assert!(
        outcomes.contains(&("refused".into(), "queue_full".into(), 1)),
        "{outcomes:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_gateway_refuses_and_says_so() {
    let house = House::usual();
    house.gateway.close();
    let failure = house.ask("echo", false).await.err().unwrap();
    assert_eq!(failure.code, Code::ShuttingDown);
    assert_eq!(house.outcomes().await, one("refused", "shutting_down"));
}
