//! The gateway: what lives as long as the process, and the pipeline.
//!
//! Promises: 1. a call that is refused here has a ticket that says so; 2. a
//! panic, a halt or a close never leaves a request without its outcome. What a
//! step does stands in the file of its name.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use kernel::{ByteBudget, Clock, Ledger, Observe, Scope, Snapshot, Visitor, Why};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId, RequestIds};
use tidegate_wire::json::Limits;
use tidegate_wire::openai::Endpoint;

use crate::attempt::{Attempt, Good, GoodBody};
use crate::failure::{Failure, Spent};
use crate::prepare::{Prepared, prepare};
use crate::probe::{self, Finding};
use crate::provider::{Link, Provider};
use crate::request::{Request, Ticket};
use crate::route::Routes;
use crate::settings::{Bounds, Settings};
use crate::stream::{Oddities, Reply};

/// How often resting connections are looked through.
const PRUNE_EVERY: Duration = Duration::from_secs(15);

/// Everything between a request and the upstreams. A clone is the same gateway.
#[derive(Clone)]
pub struct Gateway {
    house: Arc<House>,
}

struct House {
    routes: Routes,
    ledger: Ledger<Request>,
    bodies: ByteBudget,
    ids: RequestIds,
    clock: Clock,
    limits: Limits,
    bounds: Bounds,
    scope: Scope,
    closed: AtomicBool,
    oddities: Oddities,
}

/// What a caller asks.
pub struct Call {
    /// The endpoint.
    pub endpoint: Endpoint,
    /// The whole body.
    pub body: Bytes,
    /// Those of the caller's headers that stand in [`crate::FORWARDED`].
    pub forwarded: HeaderMap,
    /// How long the caller will wait, if it said so.
    pub patience: Option<Duration>,
}

/// A good answer.
pub struct Answer {
    /// The upstream's status.
    pub status: StatusCode,
    /// The upstream's headers that pass.
    pub headers: HeaderMap,
    /// Whether the body is a stream of events.
    pub stream: bool,
    /// Where the time went until now.
    pub spent: Spent,
    /// The body.
    pub reply: Reply,
}

/// A name that can be asked for.
pub struct ModelName {
    /// As it is asked for.
    pub id: String,
    /// The provider that answers it.
    pub provider: Arc<str>,
}

impl Gateway {
    /// Builds pools, queues and links, in this order; `scope` owns its tasks.
    pub fn start(
        settings: Settings,
        limits: Limits,
        clock: Clock,
        scope: &Scope,
    ) -> Result<Self, String> {
        let mut providers = Vec::with_capacity(settings.providers.len() + 1);
        for one in settings.providers {
            let name = one.name.clone();
            let provider =
                Provider::http(one, clock).map_err(|error| format!("providers.{name}: {error}"))?;
            providers.push(provider);
        }
        if let Some(sim) = settings.sim {
            providers.push(Provider::sim(sim, clock));
        }
        let house = Arc::new(House {
            routes: Routes::new(providers, settings.default_provider.as_deref()),
            ledger: Ledger::new(),
            bodies: ByteBudget::new(settings.bounds.bodies),
            ids: RequestIds::new(seed(clock)),
            clock,
            limits,
            bounds: settings.bounds,
            scope: scope.child("gateway"),
            closed: AtomicBool::new(false),
            oddities: Oddities::default(),
        });
        prune_regularly(&house).map_err(|error| format!("the gateway's task: {error}"))?;
        Ok(Self { house })
    }

    /// Opens the ledger's entry for one call of `endpoint`.
    pub fn admit(&self, endpoint: &'static str) -> Ticket {
        let house = &self.house;
        let request = Request::new(self.next_id(), endpoint, house.clock.now());
        Ticket::new(
            house.ledger.open(request),
            house.bodies.share(),
            house.clock,
        )
    }

    /// An id for what is answered without a ticket.
    pub fn next_id(&self) -> RequestId {
        self.house.ids.next(self.house.clock.unix_millis())
    }

    /// The way of a request: prepare, route, attempt, answer.
    ///
    /// The ticket is settled here when it fails, and by the reply otherwise.
    pub async fn ask(&self, mut ticket: Ticket, call: Call) -> Result<Answer, Failure> {
        let result = self.pipeline(&mut ticket, call).await;
        ticket.let_body_go();
        let spent = ticket.spent();
        match result {
            Ok(Good {
                status,
                headers,
                body,
            }) => {
                let stream = matches!(body, GoodBody::Stream(_));
                let reply = match body {
                    GoodBody::Whole(bytes) => Reply::whole(bytes, ticket),
                    GoodBody::Stream(flow) => Reply::stream(flow, ticket),
                };
                Ok(Answer {
                    status,
                    headers,
                    stream,
                    spent,
                    reply,
                })
            }
            Err(mut failure) => {
                failure.spent = spent;
                ticket.fail(&failure);
                Err(failure)
            }
        }
    }

    async fn pipeline(&self, ticket: &mut Ticket, call: Call) -> Result<Good, Failure> {
        let house = &self.house;
        if house.closed.load(Ordering::Acquire) {
            let text = "Tidegate is shutting down; send the request again.";
            let second = Duration::from_secs(1);
            return Err(Failure::new(Code::ShuttingDown, text).with_retry_after(second));
        }
        let prepared = self.prepare(call.endpoint, call.body).await?;
        let provider = prepared.provider;
        ticket.assign(&provider, &prepared.model);
        let total = provider.timeouts.total;
        let shortened = call.patience.filter(|patience| *patience < total);
        let started = ticket
            .request()
            .map_or_else(|| house.clock.now(), |known| known.started);
        let attempt = Attempt {
            provider: &provider,
            endpoint: call.endpoint,
            body: prepared.body,
            forwarded: call.forwarded,
            stream: prepared.stream,
            wants_usage: prepared.wants_usage,
            bounds: house.bounds,
            oddities: &house.oddities,
            clock: house.clock,
            total: started + shortened.unwrap_or(total),
            shortened: shortened.is_some(),
        };
        attempt.run(ticket).await
    }

    /// Large bodies are read beside the runtime's workers.
    async fn prepare(&self, endpoint: Endpoint, body: Bytes) -> Result<Prepared, Failure> {
        let house = &self.house;
        if body.len() <= house.bounds.inline_json {
            return prepare(endpoint, &body, &house.limits, &house.routes);
        }
        let theirs = Arc::clone(house);
        let work = move || prepare(endpoint, &body, &theirs.limits, &theirs.routes);
        let task = house
            .scope
            .spawn_blocking("read a large body", work)
            .map_err(|_| {
                Failure::new(
                    Code::Overloaded,
                    "Too many large bodies at once; try again.",
                )
            })?;
        match task.await {
            kernel::Exit::Done(prepared) => prepared,
            _ => Err(Failure::new(Code::Internal, "Reading the body failed.")),
        }
    }

    /// Looks at every provider at the same time; see [`Finding`].
    pub async fn probe(&self) -> Vec<Finding> {
        let providers = self.house.routes.providers().iter();
        let looks: Vec<_> = providers
            .filter_map(|provider| {
                let (provider, clock) = (Arc::clone(provider), self.house.clock);
                let look = async move { probe::look(&provider, clock).await };
                self.house.scope.spawn("look at a provider", look).ok()
            })
            .collect();
        let mut findings = Vec::with_capacity(looks.len());
        for look in looks {
            findings.extend(look.await.done().flatten());
        }
        findings
    }

    /// Every name that can be asked for.
    pub fn models(&self) -> Vec<ModelName> {
        let listed = self.house.routes.listed().into_iter();
        listed
            .map(|(id, provider)| ModelName { id, provider })
            .collect()
    }

    /// The requests in flight.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.house.ledger.live()
    }

    /// One request in flight.
    pub fn request(&self, id: RequestId) -> Option<Arc<Request>> {
        self.house.ledger.find(|request| request.id == id)
    }

    /// The ledger's numbers; the conservation law holds in each snapshot.
    pub fn snapshot(&self) -> Snapshot {
        self.house.ledger.snapshot()
    }

    /// Takes no new call, and gives the queued ones up.
    pub fn close(&self) {
        self.house.closed.store(true, Ordering::Release);
        for provider in self.house.routes.providers() {
            provider.pool.close();
        }
    }

    /// Ends what is in flight; every stream gets its error event.
    pub fn halt(&self, why: Why) -> Vec<Arc<Request>> {
        let live = self.requests();
        for request in &live {
            request.halt.pull(why);
        }
        live
    }
}

impl Observe for Gateway {
    fn observe(&self, to: &mut dyn Visitor) {
        let house = &self.house;
        house.ledger.observe(to);
        house.bodies.observe(&[], to);
        for provider in house.routes.providers() {
            let labels = [("provider", &*provider.name)];
            provider.pool.observe(&labels, to);
            provider.meter.observe(&provider.name, to);
            if let Link::Http(http) = &provider.link {
                let resting = http.idle().len() as f64;
                to.gauge(
                    "tidegate_upstream_connections_idle",
                    "Connections to the upstream that rest between two calls.",
                    &labels,
                    resting,
                );
            }
        }
        house.oddities.observe(to);
    }
}

/// One task for the process: a connection that rests too long is closed.
fn prune_regularly(house: &Arc<House>) -> Result<(), kernel::SpawnRefused> {
    let theirs = Arc::downgrade(house);
    let clock = house.clock;
    house.scope.spawn("close resting connections", async move {
        loop {
            clock.sleep(PRUNE_EVERY).await;
            let Some(house) = theirs.upgrade() else {
                return;
            };
            for provider in house.routes.providers() {
                if let Link::Http(http) = &provider.link {
                    http.idle().prune(clock.now());
                }
            }
        }
    })?;
    Ok(())
}

/// A number that differs between two processes and two starts.
fn seed(clock: Clock) -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(clock.unix_millis())
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names = self
            .house
            .routes
            .providers()
            .iter()
            .map(|provider| &*provider.name);
        f.debug_struct("Gateway")
            .field("providers", &names.collect::<Vec<_>>())
            .finish()
    }
}
