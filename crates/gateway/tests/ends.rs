//! Ends that are hard to tell: streams that never pause, callers who leave
//! when everything is said, time that ran out in the queue.

#![expect(clippy::unwrap_used, reason = "a test panics with the reason")]

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use kernel::{Clock, LimitSettings, Observe, Overflow, PoolSettings, Scope, Visitor, Why};
use tidegate_gateway::{
    BaseUrl, Bounds, Call, Failure, Gateway, ProviderSettings, Reply, Settings, SimSettings,
    Timeouts,
};
use tidegate_kernel as kernel;
use tidegate_testkit::{Script, Upstream, openai};
use tidegate_types::Code;
use tidegate_wire::json::Limits;
use tidegate_wire::openai::Endpoint;

const POOL: PoolSettings = PoolSettings {
    size: 1,
    limit: LimitSettings::fixed(1),
    queue: 4,
    queue_bytes: 1 << 20,
    overflow: Overflow::Block,
    max_wait: Duration::from_secs(10),
};

fn timeouts() -> Timeouts {
    let seconds = Duration::from_secs;
    Timeouts {
        connect: seconds(5),
        first_byte: seconds(60),
        first_content: seconds(120),
        idle: seconds(60),
        total: seconds(300),
    }
}

/// A gateway with the simulated provider, and one over HTTP if there is one.
struct House {
    gateway: Gateway,
    scope: Scope,
}

impl House {
    fn new(timeouts: Timeouts, upstream: Option<&Upstream>) -> Self {
        let http = upstream.map(|upstream| ProviderSettings {
            name: "up".to_owned(),
            base: BaseUrl {
                tls: false,
                host: upstream.address().ip().to_string(),
                port: upstream.address().port(),
                path: "/v1".to_owned(),
            },
            key: None,
            models: vec!["*".to_owned()],
            pool: POOL,
            timeouts,
            ask_usage: false,
            ca_file: None,
        });
        let settings = Settings {
            providers: http.into_iter().collect(),
            default_provider: None,
            sim: Some(SimSettings {
                pool: POOL,
                timeouts,
            }),
            bounds: Bounds::default(),
        };
        let scope = Scope::root("test", 100);
        let gateway = Gateway::start(settings, Limits::default(), Clock, &scope).unwrap();
        Self { gateway, scope }
    }

    async fn ask(&self, model: &str, patience: Option<Duration>) -> Result<Reply, Failure> {
        let body = format!(
            r#"{{"model":"{model}","stream":true,"messages":[{{"role":"user","content":"one"}}]}}"#
        );
        let call = Call {
            endpoint: Endpoint::Chat,
            body: Bytes::from(body),
            forwarded: HeaderMap::new(),
            patience,
        };
        let ticket = self.gateway.admit("/chat/completions");
        let answer = self.gateway.ask(ticket, call).await;
        answer.map(|answer| answer.reply)
    }

    /// Every counter by name and the value of its last label.
    fn counts(&self) -> BTreeMap<(String, String), u64> {
        let mut counts = Counts::default();
        self.gateway.observe(&mut counts);
        counts.0
    }

    /// How the one request ended.
    async fn outcome(self) -> (&'static str, &'static str) {
        let snapshot = self.gateway.snapshot();
        self.scope.close().await;
        assert_eq!((snapshot.received, snapshot.in_flight), (1, 0));
        let (class, label, n) = snapshot.by_label[0];
        assert_eq!(n, 1);
        (class.as_str(), label)
    }
}

#[derive(Default)]
struct Counts(BTreeMap<(String, String), u64>);

impl Visitor for Counts {
    fn counter(
        &mut self,
        name: &'static str,
        _: &'static str,
        of: &[(&'static str, &str)],
        n: u64,
    ) {
        let label = of.last().map_or("", |(_, value)| value);
        *self.0.entry((name.into(), label.into())).or_default() += n;
    }

    fn gauge(&mut self, _: &'static str, _: &'static str, _: &[(&'static str, &str)], _: f64) {}
}

async fn frame(reply: &mut Reply) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *reply).poll_frame(cx)).await?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
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
        let house = House::new(timeouts(), None);
        let mut reply = house.ask("sim-0-1000000-0-100", patience).await.unwrap();
        frame(&mut reply).await.unwrap();
        match halt {
            Some(why) => drop(house.gateway.halt(why)),
            None => Clock.sleep(Duration::from_secs(2)).await,
        }
        let last = frame(&mut reply).await.unwrap();
        assert!(last.contains(code), "{code}: {} bytes", last.len());
        assert_eq!(frame(&mut reply).await, None);
        assert_eq!(house.outcome().await, outcome);
    }
}

/// Failures row 29: what a caller left behind has cost tokens.
#[tokio::test(start_paused = true)]
async fn row_29_tokens_of_a_caller_who_left_are_counted() {
    let house = House::new(timeouts(), None);
    let mut reply = house.ask("sim-0-50-1000-100", None).await.unwrap();
    frame(&mut reply).await.unwrap();
    drop(reply);
    let counts = house.counts();
    for direction in ["input", "output"] {
        let key = ("tidegate_tokens_total".to_owned(), direction.to_owned());
        assert!(counts[&key] > 0, "{direction}: {counts:?}");
    }
    assert_eq!(house.outcome().await, ("cancelled", "caller"));
}

/// Failures row 8: the input may be billed, though nothing was answered; row
/// 4: an error status costs nothing.
#[tokio::test(start_paused = true)]
async fn row_8_the_input_of_an_unanswered_call_is_counted() {
    for (model, counted) in [("fault-hang", true), ("fault-500", false)] {
        let house = House::new(timeouts(), None);
        house.ask(model, None).await.err().unwrap();
        let key = ("tidegate_tokens_total".to_owned(), "input".to_owned());
        assert_eq!(house.counts()[&key] > 0, counted, "{model}");
        house.scope.close().await;
    }
}

/// Time that ran out in the queue is our refusal, not an upstream's failure.
#[tokio::test(start_paused = true)]
async fn time_that_ends_in_the_queue_blames_no_upstream() {
    let total = Duration::from_secs(5);
    let house = House::new(
        Timeouts {
            total,
            ..timeouts()
        },
        None,
    );
    let held = house.ask("sim-0-50-1000-4", None).await.unwrap();
    let failure = house.ask("echo", None).await.err().unwrap();
    assert_eq!((failure.code, failure.status()), (Code::QueueTimeout, 503));
    let counts = house.counts();
    let key = |class: &str| ("tidegate_requests_total".to_owned(), class.to_owned());
    assert_eq!(counts[&key("queue_timeout")], 1, "{counts:?}");
    assert!(!counts.contains_key(&key("upstream_timeout")), "{counts:?}");
    drop(held);
    house.scope.close().await;
}

/// Who leaves behind `[DONE]` has got everything, also while we still wait for
/// the connection's sake.
#[tokio::test]
async fn a_caller_who_leaves_behind_done_has_completed() {
    let upstream = Upstream::start().await;
    upstream.next(Script::stream_of(&["tide"]).stall());
    let house = House::new(timeouts(), Some(&upstream));
    let mut reply = house.ask("up/any", None).await.unwrap();
    let mut text = String::new();
    while !text.contains("[DONE]") {
        text.push_str(&frame(&mut reply).await.unwrap());
    }
    drop(reply);
    assert_eq!(house.outcome().await, ("completed", "completed"));
}

/// `timeouts.first_content` runs from the request, not from the answer's head.
#[tokio::test]
async fn row_9_the_first_content_is_awaited_from_the_request_on() {
    let upstream = Upstream::start().await;
    let pause = Duration::from_millis(300);
    let late = Script::sse().late(pause).wait(pause);
    upstream.next(late.event(&openai::content_chunk("tide")).done());
    let first_content = Duration::from_millis(450);
    let house = House::new(
        Timeouts {
            first_content,
            ..timeouts()
        },
        Some(&upstream),
    );
    let failure = house.ask("up/any", None).await.err().unwrap();
    assert_eq!(failure.code, Code::UpstreamTimeout, "{failure:?}");
    assert_eq!(house.outcome().await, ("failed", "upstream_timeout"));
}

/// Failures row 17: a whole completion made into a stream keeps its usage in
/// the counts, and from a caller who did not ask for it.
#[tokio::test]
async fn row_17_the_usage_of_a_whole_completion_is_counted_as_told() {
    let upstream = Upstream::start().await;
    upstream.next(Script::json(200, &openai::completion("tide")));
    let house = House::new(timeouts(), Some(&upstream));
    let mut reply = house.ask("up/any", None).await.unwrap();
    let mut text = String::new();
    while let Some(more) = frame(&mut reply).await {
        text.push_str(&more);
    }
    assert!(text.contains("tide") && text.ends_with("data: [DONE]\n\n"));
    assert!(!text.contains("\"usage\""), "{text}");
    let key = ("tidegate_usage_estimated_total".to_owned(), "up".to_owned());
    assert_eq!(house.counts()[&key], 0);
    assert_eq!(house.outcome().await, ("completed", "completed"));
}
