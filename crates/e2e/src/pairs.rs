//! Every caller before every upstream: one gate, a scripted upstream of each
//! dialect behind it, and the three callers, who ask one after the other.
//!
//! A fault is told once, in the bytes of each dialect; what each caller is told
//! of it is held against a list, and what the ledger has of it against one word.

use tidegate_testkit::gate::Start;
use tidegate_testkit::native::Dialect;
use tidegate_testkit::{Gate, Provider, Reply, Script, Settings, Signal, Upstream, until};

use crate::natives::{PATIENT, provider, signing};
use crate::voices::Caller;

/// A caller before an upstream.
pub type Pair = (Caller, Dialect);

/// The gate, and what is behind it.
#[derive(Debug)]
pub struct Pairs {
    /// The process under test.
    pub gate: Gate,
    /// In the order of [`Dialect::ALL`].
    pub upstreams: Vec<Upstream>,
    callers: Vec<Caller>,
    left_out: Vec<Pair>,
}

impl Pairs {
    /// With timers that no test meets by chance.
    pub async fn start() -> Self {
        Self::with(|provider| provider, "").await
    }

    /// With other timers, as the members of `timeouts`.
    pub async fn with_timeouts(members: &str) -> Self {
        Self::with(|provider| provider.timeouts(members), "").await
    }

    /// With adjusted providers, and more tables.
    pub async fn with(adjust: impl Fn(Provider) -> Provider, tables: &str) -> Self {
        let mut upstreams = Vec::new();
        let mut settings = Settings::default().tables(tables);
        for dialect in Dialect::ALL {
            let upstream = Upstream::start().await;
            settings = settings.and(adjust(provider(dialect, &upstream).line(PATIENT)));
            upstreams.push(upstream);
        }
        let gate = signing(Start::with(&settings)).start().await;
        let callers = Caller::ALL.to_vec();
        Self {
            gate,
            upstreams,
            callers,
            left_out: Vec::new(),
        }
    }

    /// But for these pairs.
    #[must_use]
    pub fn without(mut self, pairs: &[Pair]) -> Self {
        self.left_out = pairs.to_vec();
        self
    }

    /// With one caller: for faults after which a key rests.
    pub async fn of(caller: Caller) -> Self {
        Self::start().await.only(caller)
    }

    /// But for the other callers.
    #[must_use]
    pub fn only(mut self, caller: Caller) -> Self {
        self.callers = vec![caller];
        self
    }

    /// The upstream of this dialect.
    pub fn upstream(&self, dialect: Dialect) -> &Upstream {
        let place = Dialect::ALL.iter().position(|one| *one == dialect);
        &self.upstreams[place.unwrap_or_default()]
    }

    /// All pairs ask, and meet what `script` has for their dialect and the path
    /// that was asked; those for which it has nothing are left out.
    ///
    /// # Panics
    /// When one of them is told other lines than `told` has for it, or when the
    /// ledger has another outcome than this class and label.
    pub async fn are_told(
        &self,
        stream: bool,
        script: impl Fn(Dialect, &str) -> Option<Script> + Clone + Send + Sync + 'static,
        told: impl Fn(Pair) -> Vec<String>,
        outcome: (&str, &str),
    ) -> Vec<(Pair, Reply)> {
        let before = self.outcomes(outcome).await;
        let replies = self.ask(stream, script).await;
        let mut wrong = Vec::new();
        for (pair, reply) in &replies {
            compare(*pair, reply, &told, &mut wrong);
        }
        self.settled(before, outcome, replies.len(), &mut wrong)
            .await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
        replies
    }

    /// All pairs ask, and meet what `script` has for them; see [`Self::are_told`].
    pub async fn ask(
        &self,
        stream: bool,
        script: impl Fn(Dialect, &str) -> Option<Script> + Clone + Send + Sync + 'static,
    ) -> Vec<(Pair, Reply)> {
        let mut replies = Vec::new();
        for dialect in Dialect::ALL {
            let plays = script.clone();
            if plays(dialect, "").is_none() {
                continue;
            }
            let upstream = self.upstream(dialect);
            upstream.by(move |request| plays(dialect, &request.line().1));
            for caller in self.callers_of(dialect) {
                let body = caller.asks(&model(dialect), stream);
                let reply = self.gate.post_with(caller.path(), caller.headers(), &body);
                replies.push(((caller, dialect), reply.await));
            }
        }
        replies
    }

    /// All pairs are told "a b" by a stream, which ends in this way once its
    /// caller has both.
    ///
    /// # Panics
    /// As with [`Self::are_told`].
    pub async fn are_told_then(
        &self,
        ends: impl Fn(Dialect, &str, Script) -> Option<Script>,
        told: impl Fn(Pair) -> Vec<String>,
        outcome: (&str, &str),
    ) {
        let before = self.outcomes(outcome).await;
        let mut wrong = Vec::new();
        let mut asked = 0;
        for dialect in Dialect::ALL {
            for caller in self.callers_of(dialect) {
                let read = Signal::new();
                let target = Self::target(caller, dialect);
                let begun = begun(dialect, target).until(&read);
                let Some(script) = ends(dialect, target, begun) else {
                    continue;
                };
                let upstream = self.upstream(dialect);
                upstream.by(move |_| Some(script.clone()));
                let mut client = self.gate.connect().await;
                let body = caller.asks(&model(dialect), true);
                client
                    .post_with(caller.path(), caller.headers(), &body)
                    .await;
                let head = client.head().await;
                loop {
                    let lines = caller.event_lines(&client.event().await);
                    if lines.iter().any(|line| line == "text b") {
                        break;
                    }
                }
                read.fire();
                let reply = client.rest(head).await;
                compare((caller, dialect), &reply, &told, &mut wrong);
                asked += 1;
            }
        }
        self.settled(before, outcome, asked, &mut wrong).await;
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    fn callers_of(&self, dialect: Dialect) -> impl Iterator<Item = Caller> {
        let asks = move |caller: &Caller| !self.left_out.contains(&(*caller, dialect));
        self.callers.iter().copied().filter(asks)
    }

    /// The path that the upstream of this pair is asked at for a stream.
    fn target(caller: Caller, dialect: Dialect) -> &'static str {
        match (dialect, caller) {
            (Dialect::OpenAi, Caller::Responses) => "/v1/responses",
            (Dialect::OpenAi, _) => "/v1/chat/completions",
            (Dialect::Azure, Caller::Responses) => "/openai/v1/responses",
            (Dialect::Azure, _) => "/openai/v1/chat/completions",
            (Dialect::Anthropic, _) => "/v1/messages",
            (Dialect::Gemini, _) => "/v1beta/models/m-1:streamGenerateContent?alt=sse",
            (Dialect::Bedrock, _) => "/model/m-1/converse-stream",
            (Dialect::Ollama, _) => "/api/chat",
        }
    }

    async fn outcomes(&self, (class, label): (&str, &str)) -> f64 {
        let metrics = self.gate.until_quiet().await;
        let labels = [("class", class), ("label", label)];
        metrics.sum("tidegate_requests_total", &labels)
    }

    async fn settled(
        &self,
        before: f64,
        outcome: (&str, &str),
        asked: usize,
        wrong: &mut Vec<String>,
    ) {
        let counted = self.outcomes(outcome).await - before;
        if counted != asked as f64 {
            let metrics = self.gate.until_quiet().await;
            wrong.push(format!("{counted} of {asked} are {outcome:?}: {metrics:?}"));
        }
    }

    /// Waits until no upstream has a connection of the gate any more.
    ///
    /// # Panics
    /// When one stays open.
    pub async fn let_go(&self) {
        for upstream in &self.upstreams {
            let open = || (upstream.open() == 0).then_some(());
            until("the gateway closes its upstream connections", open).await;
        }
    }
}

fn compare(
    pair: Pair,
    reply: &Reply,
    told: &impl Fn(Pair) -> Vec<String>,
    wrong: &mut Vec<String>,
) {
    let (seen, right) = (pair.0.transcript(reply), told(pair));
    if seen != right {
        let text = reply.text();
        wrong.push(format!(
            "{pair:?} was told {seen:?}, not {right:?}:\n{text}"
        ));
    }
}

/// A stream of this dialect that has said "a b".
pub fn begun(dialect: Dialect, target: &str) -> Script {
    let frames = dialect.flow(target, "a b").begun;
    frames
        .into_iter()
        .fold(dialect.stream_head(), Script::bytes)
}

/// The name of the model that this upstream has.
pub fn model(dialect: Dialect) -> String {
    format!("{}/m-1", dialect.kind())
}
