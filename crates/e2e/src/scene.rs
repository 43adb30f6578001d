//! One scripted upstream and one gate in front of it.
//!
//! Every test has its own pair, so that a ledger holds only what the test did.

use std::time::Duration;

use tidegate_testkit::gate::Start;
use tidegate_testkit::port::Unanswered;
use tidegate_testkit::{
    Gate, Provider, Reply, Script, Settings, Signal, Stopwatch, Upstream, openai, until,
};

use crate::answer::transcript;

/// An upstream named `mock` that takes every model, and the gate.
#[derive(Debug)]
pub struct Scene {
    /// The scripted upstream.
    pub upstream: Upstream,
    /// The process under test.
    pub gate: Gate,
}

impl Scene {
    /// With timers that no test meets by chance.
    pub async fn start() -> Self {
        Self::with(|provider| provider).await
    }

    /// With another timer set, as the members of `timeouts`.
    pub async fn with_timeouts(members: &str) -> Self {
        Self::with(|provider| provider.timeouts(members)).await
    }

    /// With an adjusted provider.
    pub async fn with(adjust: impl FnOnce(Provider) -> Provider) -> Self {
        Self::with_settings(|provider| Settings::with(adjust(provider))).await
    }

    /// With more tables, such as `[limits]`.
    pub async fn with_tables(text: &str) -> Self {
        Self::with_settings(|provider| Settings::with(provider).tables(text)).await
    }

    /// With any file around the provider.
    pub async fn with_settings(build: impl FnOnce(Provider) -> Settings) -> Self {
        let upstream = Upstream::start().await;
        let settings = build(Provider::new("mock", &upstream.base_url()));
        let gate = Start::with(&settings).start().await;
        Self { upstream, gate }
    }

    /// With a provider that nobody answers for: a request stays where it
    /// connects, longer than any test looks.
    pub async fn connecting() -> (Self, Unanswered) {
        let unanswered = Unanswered::new().await;
        let base_url = format!("http://{}/v1", unanswered.address());
        let timeouts = r#"connect = "15s", first_byte = "16s", idle = "16s", total = "20s""#;
        let provider = Provider::new("mock", &base_url).timeouts(timeouts);
        let scene = Self::with_settings(|_| Settings::with(provider)).await;
        (scene, unanswered)
    }

    /// A streaming chat that meets this script.
    pub async fn stream(&self, script: Script) -> Reply {
        self.upstream.next(script);
        self.gate
            .post("/v1/chat/completions", &openai::chat("m-1", true))
            .await
    }

    /// A streaming chat whose upstream goes on with `then` only once the caller
    /// has read this many events.
    pub async fn stream_then(
        &self,
        begun: Script,
        events: usize,
        then: impl FnOnce(Script) -> Script,
    ) -> Reply {
        let read = Signal::new();
        self.upstream.next(then(begun.until(&read)));
        let mut client = self.gate.connect().await;
        client
            .post("/v1/chat/completions", &openai::chat("m-1", true))
            .await;
        let head = client.head().await;
        for _ in 0..events {
            client.event().await;
        }
        read.fire();
        client.rest(head).await
    }

    /// A unary chat that meets this script.
    pub async fn unary(&self, script: Script) -> Reply {
        self.upstream.next(script);
        self.gate
            .post("/v1/chat/completions", &openai::chat("m-1", false))
            .await
    }

    /// Checks what the only request so far came to: the caller's transcript,
    /// the one outcome of the ledger, and that nothing is held any more.
    ///
    /// # Panics
    /// When one of them differs.
    pub async fn told(&self, reply: &Reply, lines: &[&str], class: &str, label: &str) {
        assert_eq!(transcript(reply), lines, "{}", reply.text());
        self.settled(class, label).await;
    }

    /// Checks the outcome of the only request so far.
    ///
    /// # Panics
    /// When the ledger holds another one, or more than one.
    pub async fn settled(&self, class: &str, label: &str) {
        let metrics = self.gate.until_quiet().await;
        let all = metrics.sum("tidegate_requests_total", &[]);
        let these = metrics.sum(
            "tidegate_requests_total",
            &[("class", class), ("label", label)],
        );
        assert_eq!(
            (all, these),
            (1.0, 1.0),
            "not once {class} {label}: {metrics:?}"
        );
        assert_eq!(metrics.conserved(), Ok(1));
    }

    /// Waits until the gateway has closed every connection to the upstream:
    /// what must happen after an answer that did not end as it should.
    ///
    /// # Panics
    /// When one stays open.
    pub async fn upstream_let_go(&self) {
        let open = || (self.upstream.open() == 0).then_some(());
        until("the gateway closes its upstream connection", open).await;
    }

    /// Checks that the connection of the only request closes soon after now.
    ///
    /// # Panics
    /// When it takes longer than `bound`.
    pub async fn upstream_stops_within(&self, bound: Duration, since: Stopwatch) {
        let took = self.upstream.request(0).await.closed_after(since).await;
        assert!(took < bound, "the upstream was stopped after {took:?}");
    }
}
