//! A gateway for one test, and what is asked of it: one plan says what differs,
//! one look says what it shows of itself.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::Body;
use kernel::{
    BreakerSettings, BudgetSettings, Clock, Counter, Gauge, Labels, LimitSettings, Metric, Observe,
    Overflow, PoolSettings, Priority, PulseSettings, Scope, Visitor, Watchdog,
};
use tidegate_gateway::{
    AwsSettings, BaseUrl, Bounds, CacheSettings, Call, Changes, Dialect, Endpoint, Facts, Failure,
    Gateway, KeySettings, OnUnsupported, Pick, ProviderSettings, Reply, RetrySettings,
    RouteSettings, Said, Settings, SimSettings, Slow, Subject, Ticket, Timeouts,
};
use tidegate_kernel as kernel;
use tidegate_testkit::Upstream;
use tidegate_wire::json::Limits;

/// What differs from test to test.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) pool: PoolSettings,
    pub(crate) timeouts: Timeouts,
    pub(crate) slow: Slow,
    pub(crate) retry: RetrySettings,
    pub(crate) breaker: BreakerSettings,
    /// Of the provider `up`.
    pub(crate) keys: usize,
    /// What it speaks.
    pub(crate) dialect: Dialect,
    pub(crate) responses: bool,
    pub(crate) ask_usage: bool,
    pub(crate) on_unsupported: OnUnsupported,
    pub(crate) aws: Option<AwsSettings>,
    /// Which of them comes first.
    pub(crate) pick: Pick,
    pub(crate) tenants: usize,
    /// Of the simulated provider.
    pub(crate) script: &'static str,
    /// Retries of the whole process.
    pub(crate) budget: BudgetSettings,
    pub(crate) routes: Vec<RouteSettings>,
    pub(crate) cache: Option<CacheSettings>,
    /// What is known of models.
    pub(crate) catalogue: BTreeMap<String, Facts>,
}

impl Default for Plan {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            pool: pool(4, 4, Overflow::Error),
            slow: Slow::default(),
            timeouts: Timeouts {
                connect: seconds(5),
                first_byte: seconds(60),
                first_content: seconds(120),
                idle: seconds(60),
                total: seconds(300),
            },
            retry: RetrySettings::default(),
            breaker: BreakerSettings::default(),
            keys: 1,
            dialect: Dialect::OpenAi,
            responses: true,
            ask_usage: false,
            on_unsupported: OnUnsupported::Refuse,
            aws: None,
            pick: Pick::RoundRobin,
            tenants: 1,
            script: "",
            budget: BudgetSettings {
                percent: 20,
                ..BudgetSettings::default()
            },
            routes: Vec::new(),
            cache: None,
            catalogue: BTreeMap::new(),
        }
    }
}

impl Plan {
    /// Attempts soon after one another, and a budget that is not tested.
    pub(crate) fn trying() -> Self {
        let mut plan = Self::default();
        plan.retry.base = Duration::from_millis(1);
        plan.retry.cap = Duration::from_millis(10);
        plan.retry.budget = BudgetSettings {
            percent: 100,
            per_second: 100,
        };
        plan.budget = plan.retry.budget;
        plan
    }
}

pub(crate) fn pool(size: usize, queue: usize, overflow: Overflow) -> PoolSettings {
    PoolSettings {
        size,
        queue,
        queue_bytes: 1 << 20,
        overflow,
        max_wait: Duration::from_secs(10),
        limit: LimitSettings::fixed(size),
    }
}

/// A gateway with the simulated provider, and `up` over HTTP if it is there.
pub(crate) struct House {
    pub(crate) gateway: Gateway,
    pub(crate) scope: Scope,
    /// It looks when it is asked to.
    pub(crate) watchdog: Watchdog,
}

impl House {
    pub(crate) fn usual() -> Self {
        Self::new(Plan::default(), None)
    }

    pub(crate) fn new(plan: Plan, upstream: Option<&Upstream>) -> Self {
        let watchdog = Watchdog::new(PulseSettings::default(), Clock);
        let (told, limits) = (settings(&plan, upstream), Limits::default());
        let scope = Scope::root("test", 100);
        let gateway = Gateway::start(told, limits, watchdog.clone(), Clock, &scope).unwrap();
        Self {
            gateway,
            scope,
            watchdog,
        }
    }

    /// The same house under another configuration; what was asked of this one
    /// goes on.
    pub(crate) fn apply(&self, settings: Settings) -> (Self, Changes) {
        let (gateway, changes) = self.gateway.apply(settings, Limits::default()).unwrap();
        let next = Self {
            gateway,
            scope: self.scope.clone(),
            watchdog: self.watchdog.clone(),
        };
        (next, changes)
    }

    pub(crate) fn call(model: &str, stream: bool) -> Call {
        let body = format!(
            r#"{{"model":"{model}","stream":{stream},"messages":[{{"role":"user","content":"one two"}}]}}"#
        );
        Call {
            subject: Subject::Model(Endpoint::Chat),
            upload: None,
            body: Bytes::from(body),
            forwarded: HeaderMap::new(),
            patience: None,
            tenant: 0,
            priority: Priority::Interactive,
            said: Said::default(),
        }
    }

    pub(crate) fn admit(&self) -> Ticket {
        self.gateway.admit("/chat/completions")
    }

    pub(crate) async fn ask(&self, model: &str, stream: bool) -> Result<Reply, Failure> {
        self.send(Self::call(model, stream)).await
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let answer = self.gateway.ask(self.admit(), call).await;
        answer.map(|answer| answer.reply)
    }

    /// Every counter and gauge by its name and the values of its labels.
    pub(crate) fn samples(&self) -> Samples {
        let mut samples = Samples::default();
        self.gateway.observe(&[], &mut samples);
        samples
    }

    /// (class, label) of everything settled, and that nothing is left.
    pub(crate) async fn outcomes(self) -> Vec<(String, String, u64)> {
        let snapshot = self.gateway.snapshot();
        assert!(snapshot.holds(), "{snapshot:?}");
        assert_eq!(snapshot.in_flight, 0);
        let inner = self.gateway.inner_snapshot();
        assert!(inner.holds() && inner.in_flight == 0, "{inner:?}");
        let samples = self.samples();
        for name in ["tidegate_pool_permits_busy", "tidegate_pool_waiting"] {
            assert_eq!(samples.sum(name, &[]), 0.0, "{name}");
        }
        assert_eq!(self.gateway.steward().bodies().0, 0, "bytes are held");
        self.scope.close().await;
        let labels = snapshot.by_label.iter();
        labels
            .map(|(class, label, n)| (class.as_str().into(), (*label).into(), *n))
            .collect()
    }

    /// How the one request ended.
    pub(crate) async fn outcome(self) -> (String, String) {
        let mut outcomes = self.outcomes().await;
        assert_eq!(outcomes.len(), 1, "{outcomes:?}");
        let (class, label, n) = outcomes.remove(0);
        assert_eq!(n, 1);
        (class, label)
    }
}

/// What the plan means for the simulated provider and for `up`.
pub(crate) fn settings(plan: &Plan, upstream: Option<&Upstream>) -> Settings {
    let sim = SimSettings {
        script: plan.script.into(),
        pool: plan.pool,
        retry: plan.retry,
        breaker: plan.breaker,
        timeouts: plan.timeouts,
    };
    Settings {
        providers: upstream.map(|at| provider(plan, at)).into_iter().collect(),
        default_provider: None,
        sim: Some(sim),
        catalogue: plan.catalogue.clone(),
        routes: plan.routes.clone(),
        cache: plan.cache,
        bounds: Bounds::default(),
        tenants: (0..plan.tenants as u64).collect(),
        era: 0,
        budget: plan.budget,
    }
}

fn provider(plan: &Plan, upstream: &Upstream) -> ProviderSettings {
    let key = |n: usize| KeySettings {
        name: format!("k{n}"),
        value: format!("sk-canary-{n}").into(),
        weight: 1,
    };
    ProviderSettings {
        name: "up".to_owned(),
        dialect: plan.dialect,
        base: BaseUrl {
            tls: false,
            host: upstream.address().ip().to_string(),
            port: upstream.address().port(),
            // As the SDK of its dialect takes it.
            path: match plan.dialect {
                Dialect::OpenAi => "/v1".to_owned(),
                Dialect::Gemini => "/v1beta".to_owned(),
                _ => String::new(),
            },
        },
        keys: (0..plan.keys).map(key).collect(),
        pick: plan.pick,
        models: vec!["*".to_owned()],
        pool: plan.pool,
        retry: plan.retry,
        breaker: plan.breaker,
        timeouts: plan.timeouts,
        slow: plan.slow.clone(),
        api_version: None,
        deployments: BTreeMap::default(),
        ask_usage: plan.ask_usage,
        responses: plan.responses,
        on_unsupported: plan.on_unsupported,
        max_tokens: 4096,
        aws: plan.aws.clone(),
        ca_file: None,
    }
}

/// What the gateway shows of itself.
#[derive(Default, Debug)]
pub(crate) struct Samples(BTreeMap<(String, Vec<String>), f64>);

impl Samples {
    /// The sum over all samples of this name that have these label values.
    pub(crate) fn sum(&self, name: &str, values: &[&str]) -> f64 {
        let fits = |(known, labels): &(String, Vec<String>)| {
            known == name
                && values
                    .iter()
                    .all(|value| labels.iter().any(|one| one == value))
        };
        self.0
            .iter()
            .filter(|(key, _)| fits(key))
            .map(|(_, n)| n)
            .sum()
    }

    fn add(&mut self, metric: Metric, labels: &Labels<'_>, value: f64) {
        assert!(metric.has_its_own(labels), "{metric:?} with {labels:?}");
        let labels = labels
            .iter()
            .map(|(_, value)| (*value).to_owned())
            .collect();
        *self.0.entry((metric.name.to_owned(), labels)).or_default() += value;
    }
}

impl Visitor for Samples {
    fn counter(&mut self, metric: Counter, of: &Labels<'_>, n: u64) {
        self.add(metric.0, of, n as f64);
    }

    fn gauge(&mut self, metric: Gauge, of: &Labels<'_>, value: f64) {
        self.add(metric.0, of, value);
    }
}

pub(crate) async fn frame(reply: &mut Reply) -> Option<String> {
    let frame = poll_fn(|cx| Pin::new(&mut *reply).poll_frame(cx)).await?;
    Some(String::from_utf8(frame.unwrap().into_data().unwrap().to_vec()).unwrap())
}

pub(crate) async fn text(mut reply: Reply) -> String {
    let mut text = String::new();
    while let Some(more) = frame(&mut reply).await {
        text.push_str(&more);
    }
    text
}
