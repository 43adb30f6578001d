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
use kernel::{
    ByteBudget, Clock, Dice, Gatherings, Labels, Ledger, Level, Observe, Priority, Scope, Snapshot,
    Visitor, Watchdog, Why,
};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId, RequestIds};
use tidegate_wire::json::Limits;

use crate::advice::Measured;
use crate::attempt::{Good, GoodBody, settled};
use crate::cached;
use crate::catalogue::Facts;
use crate::errand::Subject;
use crate::failure::{Failure, Spent};
use crate::feed::Feed;
use crate::house::House;
use crate::legs::{Caller, Legs};
use crate::prepare::{Prepared, Said, beside, prepare};
use crate::probe::{self, Finding};
use crate::provider::Link;
use crate::request::{Request, SLACK, Ticket};
use crate::roster::Roster;
use crate::settings::Settings;
use crate::setup::{Changes, Setup};
use crate::shadow;
use crate::stage::Stage;
use crate::stream::{Oddities, Reply};
use crate::translate::Once;
use crate::upstream::Upload;
use crate::view::{self, PoolView};

/// What calls are called that are made for several requests.
const INNER: &str = "inner";

/// How often resting connections are looked through.
const PRUNE_EVERY: Duration = Duration::from_secs(15);

/// Everything between a request and the upstreams, as one configuration wants
/// it. A clone is the same gateway; [`Gateway::apply`] makes the next one, and
/// both are of one house until the last call of the earlier one has ended.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) house: Arc<House>,
    setup: Arc<Setup>,
}

/// What of the gateway is the same under every configuration, for whoever
/// watches the process. It keeps none of them alive.
#[derive(Clone)]
pub struct Steward(pub(crate) Arc<House>);

/// What a caller asks.
pub struct Call {
    /// What it is about.
    pub subject: Subject,
    /// The whole body.
    pub body: Bytes,
    /// Instead of it a body that is passed on as it comes.
    pub upload: Option<Upload>,
    /// Those of the caller's headers that stand in [`crate::FORWARDED`].
    pub forwarded: HeaderMap,
    /// How long the caller will wait, if it said so.
    pub patience: Option<Duration>,
    /// Who pays, as a number from 0.
    pub tenant: u64,
    /// How urgent it is.
    pub priority: Priority,
    /// What else it said of itself.
    pub said: Said,
}

impl Call {
    /// The same once more, but for what can be read once only.
    pub(crate) fn again(&self) -> Self {
        Self {
            subject: self.subject.clone(),
            body: self.body.clone(),
            upload: None,
            forwarded: self.forwarded.clone(),
            patience: self.patience,
            tenant: self.tenant,
            priority: self.priority,
            said: self.said.clone(),
        }
    }
}

/// A good answer.
pub struct Answer {
    /// The upstream's status.
    pub status: StatusCode,
    /// The upstream's headers that pass.
    pub headers: HeaderMap,
    /// Whether the body comes in time, and not at once.
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
    /// What is known of it.
    pub facts: Facts,
}

impl Gateway {
    /// Builds pools, queues and links, in this order; `scope` owns its tasks,
    /// `watchdog` names the requests that do not go on, and is started by
    /// whoever made it.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn start(
        settings: Settings,
        limits: Limits,
        watchdog: Watchdog,
        clock: Clock,
        scope: &Scope,
    ) -> Result<Self, String> {
        let seed = seed(clock);
        let house = Arc::new(House {
            ledger: Ledger::new(),
            inner: Ledger::new(),
            bodies: ByteBudget::new(settings.bounds.bodies),
            ids: Arc::new(RequestIds::new(seed)),
            clock,
            scope: scope.child("gateway"),
            closed: AtomicBool::new(false),
            oddities: Oddities::default(),
            looks: Gatherings::default(),
            dice: Dice::seeded(seed),
            level: Arc::default(),
            watchdog,
            seed,
            roster: Roster::default(),
            feed: Arc::new(Feed::new(seed, clock)),
            shadows: Arc::default(),
            silent: Arc::new(Feed::new(seed, clock)),
        });
        let (setup, _) = Setup::build(settings, limits, None, &house)?;
        prune_regularly(&house).map_err(|error| format!("the gateway's task: {error}"))?;
        let setup = Arc::new(setup);
        Ok(Self { house, setup })
    }

    /// The gateway as new settings want it: what cannot be used is told, and
    /// nothing has changed then. Permits, queues and what was learned go on;
    /// calls that have begun end as they began, those that wait among them.
    ///
    /// It reads files, so it belongs beside the runtime's workers. One at a
    /// time: two at once would both go on from the same one.
    ///
    /// # Errors
    /// What of the settings cannot be used.
    pub fn apply(&self, settings: Settings, limits: Limits) -> Result<(Self, Changes), String> {
        let (setup, changes) = Setup::build(settings, limits, Some(&self.setup), &self.house)?;
        let next = Self {
            house: Arc::clone(&self.house),
            setup: Arc::new(setup),
        };
        Ok((next, changes))
    }

    /// What stays the same under every configuration.
    pub fn steward(&self) -> Steward {
        Steward(Arc::clone(&self.house))
    }

    /// Opens the ledger's entry for one call of `endpoint`, under a new id.
    pub fn admit(&self, endpoint: &'static str) -> Ticket {
        let house = &self.house;
        self.admit_as(house.ids.next(house.clock.unix_millis()), endpoint)
    }

    /// The same under this id, which is one of [`ids`](Self::ids).
    pub fn admit_as(&self, id: RequestId, endpoint: &'static str) -> Ticket {
        let house = &self.house;
        let request = Request::new(id, endpoint, house.clock.now());
        let pulse = house.watchdog.watch(
            "request",
            request.id.low(),
            request.stage().as_str(),
            self.setup.bounds.caller + SLACK,
        );
        Ticket::new(
            house.ledger.open(request),
            house.bodies.share(),
            (pulse, self.setup.bounds.caller),
            house.clock,
            Arc::clone(&house.feed),
        )
    }

    /// The bytes of this request's body are `tenant`'s from here on: one of
    /// several holds at most half of what there is.
    pub fn charge(&self, ticket: &mut Ticket, tenant: u64) {
        let index = usize::try_from(tenant).unwrap_or(usize::MAX);
        if let Some(part) = self.setup.parts.get(index) {
            ticket.charge(part.share());
        }
    }

    /// Where ids come from, also for what is answered without a ticket; the same
    /// for every configuration.
    pub fn ids(&self) -> Arc<RequestIds> {
        Arc::clone(&self.house.ids)
    }

    /// The way of a request: cache, prepare, route, attempts, answer.
    ///
    /// The ticket is settled on it when it fails, and by the reply otherwise.
    pub async fn ask(&self, ticket: Ticket, call: Call) -> Result<Answer, Failure> {
        match (&self.setup.cache, &call.subject) {
            (Some(cache), Subject::Model(_)) => {
                Box::pin(cached::ask(self, cache, ticket, call)).await
            }
            _ => self.direct(ticket, call).await,
        }
    }

    /// The same without the cache.
    pub(crate) async fn direct(&self, mut ticket: Ticket, call: Call) -> Result<Answer, Failure> {
        let result = self.pipeline(&mut ticket, call).await;
        let spent = ticket.spent();
        match result {
            Ok((good, legs)) => {
                let stream = !matches!(good.body, GoodBody::Whole(_));
                if !stream && let Err(mut failure) = ticket.close() {
                    ticket.let_body_go();
                    failure.spent = spent;
                    ticket.fail(&failure);
                    return Err(failure);
                }
                let reply = match good.body {
                    GoodBody::Whole(bytes) => Reply::whole(bytes, ticket),
                    GoodBody::Stream(flow) => {
                        let manner = legs.manner();
                        Reply::stream(flow, ticket, Some(legs), manner)
                    }
                    GoodBody::Later => Reply::later(ticket, legs),
                    GoodBody::Download(download) => Reply::download(download, ticket),
                };
                Ok(Answer {
                    status: good.status,
                    headers: good.headers,
                    stream,
                    spent,
                    reply,
                })
            }
            Err(mut failure) => {
                ticket.let_body_go();
                failure.spent = spent;
                ticket.fail(&failure);
                Err(failure)
            }
        }
    }

    /// A ticket for a call that is made for several requests; it holds a body of so
    /// many bytes for as long as it needs it.
    pub(crate) fn inner(&self, body: u64) -> Result<Ticket, Failure> {
        let house = &self.house;
        let id = house.ids.next(house.clock.unix_millis());
        let request = Request::new(id, INNER, house.clock.now());
        let caller = self.setup.bounds.caller;
        let stage = request.stage().as_str();
        let pulse = house.watchdog.watch(INNER, id.low(), stage, caller + SLACK);
        let mut ticket = Ticket::new(
            house.inner.open(request),
            house.bodies.share(),
            (pulse, caller),
            house.clock,
            Arc::clone(&house.silent),
        );
        match ticket.hold_body(body) {
            Ok(()) => Ok(ticket),
            Err(failure) => {
                ticket.fail(&failure);
                Err(failure)
            }
        }
    }

    /// How many bytes of JSON are read on a worker.
    pub(crate) fn inline_json(&self) -> usize {
        self.setup.bounds.inline_json
    }

    /// What a caller's JSON may be.
    pub(crate) fn json_limits(&self) -> Limits {
        self.setup.limits
    }

    /// How long any call may take.
    pub(crate) fn longest(&self) -> Duration {
        let providers = self.setup.routes.providers().iter();
        let totals = providers.map(|provider| provider.timeouts.total);
        totals.max().unwrap_or_default()
    }

    async fn pipeline(
        &self,
        ticket: &mut Ticket,
        call: Call,
    ) -> Result<(Good, Box<Legs>), Failure> {
        let house = &self.house;
        if house.closed.load(Ordering::Acquire) {
            let text = "Tidegate is shutting down; send the request again.";
            let second = Duration::from_secs(1);
            return Err(Failure::new(Code::ShuttingDown, text).with_retry_after(second));
        }
        self.takes(call.priority)?;
        let started = ticket
            .request()
            .map_or_else(|| house.clock.now(), |known| known.started);
        let caller = Caller {
            once: Once {
                id: ticket.id().ok_or_else(settled)?,
                at: house.clock.unix_millis() / 1000,
                most: self.setup.bounds.response,
            },
            subject: call.subject,
            forwarded: call.forwarded,
            started,
            patience: call.patience,
            priority: call.priority,
            tenant: call.tenant,
        };
        let mut prepared = self.prepare(ticket, &caller, call.body, call.said).await?;
        if let Some((target, body)) = prepared.shadow.take() {
            shadow::cast(self, ticket.id(), target, caller.asks(body));
        }
        let prepared = (prepared, call.upload);
        let mut legs = Box::new(Legs::new(house, &self.setup, ticket, caller, prepared));
        let good = legs.run(ticket, None).await?;
        Ok((good, legs))
    }

    /// What the overload level refuses (controls A.15), best before a body is
    /// read: it would take of what is short.
    ///
    /// # Errors
    /// `overloaded`, with when to come back.
    pub fn takes(&self, priority: Priority) -> Result<(), Failure> {
        let refused = match self.house.level.get() {
            Level::Calm => false,
            Level::Busy | Level::High => priority == Priority::Batch,
            Level::Critical | Level::Extreme => priority != Priority::Control,
        };
        match refused {
            false => Ok(()),
            true => {
                let text =
                    "Tidegate is near its bounds and sheds load; `/debug/overload` says which.";
                let second = Duration::from_secs(1);
                Err(Failure::new(Code::Overloaded, text).with_retry_after(second))
            }
        }
    }

    /// Large bodies are read beside the runtime's workers.
    async fn prepare(
        &self,
        ticket: &mut Ticket,
        caller: &Caller,
        body: Bytes,
        said: Said,
    ) -> Result<Prepared, Failure> {
        let setup = &self.setup;
        let size = body.len();
        let inline = size <= setup.bounds.inline_json;
        let prepared = match inline {
            // Without a copy of anything.
            true => prepare(&caller.subject, &body, setup, &said, caller.once)?,
            false => {
                let (setup, subject, once) =
                    (Arc::clone(setup), caller.subject.clone(), caller.once);
                let work = move || prepare(&subject, &body, &setup, &said, once);
                beside(&self.house, ticket, false, work).await?
            }
        };
        if prepared.course.is_some() {
            // It is kept beside what goes out.
            ticket.hold_body(size as u64)?;
        }
        Ok(prepared)
    }

    /// Looks at every provider at the same time; see [`Finding`].
    pub async fn probe(&self) -> Vec<Finding> {
        probe::some(&self.house, &self.setup.routes, |_| true).await
    }

    /// The same for those of these names that there are.
    pub async fn probe_named(&self, names: &[String]) -> Vec<Finding> {
        let wanted = |name: &str| names.iter().any(|one| one == name);
        probe::some(&self.house, &self.setup.routes, wanted).await
    }

    /// Every name that can be asked for.
    pub fn models(&self) -> Vec<ModelName> {
        let listed = self.setup.routes.listed().into_iter();
        listed
            .map(|(id, provider)| ModelName {
                facts: self.setup.facts(&provider, &id),
                id,
                provider,
            })
            .collect()
    }

    /// The ledger's numbers; the conservation law holds in each snapshot.
    pub fn snapshot(&self) -> Snapshot {
        self.house.ledger.snapshot()
    }

    /// The same of the calls that were made for several requests; they are no
    /// requests.
    pub fn inner_snapshot(&self) -> Snapshot {
        self.house.inner.snapshot()
    }

    /// The pools, for an operator to look at.
    pub fn pools(&self) -> Vec<PoolView> {
        let now = self.house.clock.now();
        let providers = self.setup.routes.providers().iter();
        providers
            .map(|provider| view::pool(provider, now))
            .collect()
    }

    /// What was measured at each provider, for advice (R-D15).
    pub fn measured(&self) -> Vec<Measured> {
        let now = self.house.clock.now();
        let providers = self.setup.routes.providers().iter();
        providers
            .map(|provider| view::measured(provider, now))
            .collect()
    }

    /// Takes no new call, and gives up those that wait: in a queue, or for the
    /// time of their next attempt, which no pool would let begin.
    pub fn close(&self) {
        self.house.close();
        let waits = |one: &Arc<Request>| one.stage() == Stage::Pausing;
        let all = self.requests().into_iter().chain(self.house.inner.live());
        for request in all.filter(waits) {
            request.halt.pull(Why::Shutdown);
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

impl Steward {
    /// How many bytes of bodies and buffers are held, and how many may be.
    pub fn bodies(&self) -> (u64, u64) {
        (self.0.bodies.used(), self.0.bodies.limit())
    }

    /// How near the process is to its bounds: what that refuses, it refuses
    /// from now on; at the last level the request that holds most is ended.
    pub fn set_level(&self, level: Level) {
        self.0.set_level(level);
        // Who ends already is not ended twice, nor who is done, and who holds nothing in vain.
        let holds = |one: &Arc<Request>| one.held() > 0 && one.halt.is_open();
        let holders = || self.0.ledger.live().into_iter().filter(holds);
        if level == Level::Extreme
            && let Some(largest) = holders().max_by_key(|one| one.held())
        {
            let (id, bytes) = (largest.id, largest.held());
            tracing::warn!(%id, bytes, "ended the request that holds most");
            largest.halt.pull(Why::Overload);
        }
    }
}

/// Of providers those that calls still use, too, also if no configuration
/// names them any more.
impl Observe for Gateway {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let house = &self.house;
        house.ledger.observe(labels, to);
        house.bodies.observe(labels, to);
        for provider in house.roster.by_name() {
            let labels = [labels, &[("provider", &*provider.name)]].concat();
            provider.observe(&labels, to);
        }
        self.setup.budget.observe(labels, to);
        if let Some(cache) = &self.setup.cache {
            cache.observe(labels, to);
        }
        let looks = [labels, &[("kind", "look_at_provider")]].concat();
        house.looks.observe(&looks, to);
        house.oddities.observe(labels, to);
        let kind = [labels, &[("kind", "requests")]].concat();
        house.feed.observe(&kind, to);
        house.shadows.observe(labels, to);
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
            for provider in house.roster.all() {
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
            .setup
            .routes
            .providers()
            .iter()
            .map(|provider| &*provider.name);
        f.debug_struct("Gateway")
            .field("providers", &names.collect::<Vec<_>>())
            .finish()
    }
}
