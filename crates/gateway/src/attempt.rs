//! One attempt at a target: permits, connection, head, and what it promises.
//!
//! The steps stand in the order in which they happen. Each wait is bounded by
//! its own timer and the request's end, can be halted, and shows as the
//! request's stage. Whatever fails here fails before a byte went to the caller.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use kernel::{Alarm, Halt, Instant, Permit, Pool, Signal, Why};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Usage};

use crate::asked::Asked;
use crate::errand::{Subject, not_simulated};
use crate::failure::Failure;
use crate::house::House;
use crate::provider::Link;
use crate::refused;
use crate::request::Ticket;
use crate::stage::Stage;
use crate::stake::Permits;
use crate::stream::{Download, Flow, FlowSettings, Reads};
use crate::target::Target;
use crate::unary::{self, Bound, Short};
use crate::upstream::classify::{self, Promise};
use crate::upstream::{HttpUpstream, Missed, Source, allowance};
use crate::wait::{Ended, until};

mod answer;
mod credential;
mod errand;

/// The body of an error may stand still this long; its status is known.
const ERROR_IDLE: Duration = Duration::from_secs(5);

/// One attempt, at one target.
pub(crate) struct Attempt<'a> {
    house: &'a House,
    asked: &'a Asked,
    target: &'a Target,
}

/// A good answer, whole or as a stream that has shown its first content.
pub(crate) struct Good {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: GoodBody,
}

pub(crate) enum GoodBody {
    Whole(Bytes),
    Stream(Box<Flow>),
    /// Nobody can be asked just now, and the caller of a stream waits.
    Later,
    Download(Box<Download>),
}

/// The head of an answer, and where its body comes from.
struct Head {
    status: StatusCode,
    headers: HeaderMap,
    source: Source,
    /// When the request was sent.
    sent: Instant,
}

impl<'a> Attempt<'a> {
    pub(crate) fn new(house: &'a House, asked: &'a Asked, target: &'a Target) -> Self {
        Self {
            house,
            asked,
            target,
        }
    }

    /// The right to begin: a place at the target, where it has a limit of its
    /// own, then one at the provider.
    pub(crate) async fn permits(&self, ticket: &mut Ticket) -> Result<Permits, Failure> {
        let mut alarm = Alarm::new();
        ticket.ask();
        let gate = match &self.target.gate {
            Some(gate) => Some(self.permit(gate, ticket, &mut alarm).await?),
            None => None,
        };
        let pool = self
            .permit(&self.asked.provider.pool, ticket, &mut alarm)
            .await?;
        let since = ticket.permitted();
        Ok(Permits { pool, gate, since })
    }

    async fn permit(
        &self,
        pool: &Pool,
        ticket: &Ticket,
        alarm: &mut Alarm,
    ) -> Result<Permit, Failure> {
        let acquire = pool.acquire(self.asked.ask());
        ticket.lines_up(pool, &acquire);
        let acquire = pin!(acquire);
        let work = pin!(self.asked.load.watched(&self.house.bodies, acquire));
        match until(self.halt(ticket)?, alarm, self.asked.total, work).await {
            Ok(Ok(Ok(permit))) => Ok(permit),
            Ok(Err(unsent)) => Err(unsent.told(ticket)),
            Ok(Ok(Err(refusal))) => {
                refused::tell(self.asked, ticket, pool, &refusal);
                Err(refused::failure(self.asked, refusal))
            }
            Err(Ended::Due) => Err(refused::too_late(self.asked)),
            Err(ended) => Err(self.asked.ended(ended)),
        }
    }

    /// Runs the attempt; on success the ticket holds the stake of a stream.
    pub(crate) async fn run(&self, ticket: &mut Ticket) -> Result<Good, Failure> {
        let mut alarm = Alarm::new();
        let head = self.head(ticket, &mut alarm).await?;
        self.heed(ticket, &head.headers);
        let endpoint = match &self.asked.subject {
            Subject::Model(endpoint) => *endpoint,
            Subject::Errand(errand) => {
                return self.carried(ticket, alarm, head, errand.kind).await;
            }
        };
        let events = match self.asked.translation {
            Some(_) => self.asked.provider.speaks().framing().1,
            None => classify::EVENTS,
        };
        match classify::promise(head.status, &head.headers, events) {
            Promise::Events if self.asked.stream => {
                let reads = match &self.asked.translation {
                    Some(translation) => translation.reads(),
                    None => self.same(),
                };
                let flow = self.flow(ticket, alarm, head.source, head.sent, reads);
                let flow = flow.await?;
                let body = GoodBody::Stream(flow);
                Ok(self.good(StatusCode::OK, &head.headers, body))
            }
            Promise::Json => self.json(ticket, alarm, head, endpoint).await,
            Promise::Error => Err(self.error(ticket, alarm, head).await),
            Promise::Redirect => Err(redirected()),
            Promise::Events | Promise::Foreign => Err(foreign()),
        }
    }

    /// What the upstream says of how many more it takes.
    fn heed(&self, ticket: &Ticket, upstream: &HeaderMap) {
        if let Some(limit) = allowance::limit(upstream) {
            let known = &self.asked.provider.rate_limit;
            known.store(limit, Ordering::Relaxed);
        }
        if self.asked.provider.heeds
            && let now = self.house.clock.unix_millis() / 1000
            && let Some((requests, reset)) = allowance::remaining(upstream, now)
            && let Some(stake) = ticket.stake()
        {
            stake.signal(
                Signal::Remaining { requests, reset },
                self.house.clock.now(),
            );
        }
    }

    /// A connection, the request on it, and the head of the answer.
    async fn head(&self, ticket: &mut Ticket, alarm: &mut Alarm) -> Result<Head, Failure> {
        match &self.asked.provider.link {
            Link::Http(http) => self.http_head(http, ticket, alarm).await,
            Link::Sim(sim) => {
                let Subject::Model(endpoint) = &self.asked.subject else {
                    return Err(not_simulated());
                };
                let sent = self.sends(ticket);
                let (path, body) = (endpoint.path(), self.asked.load.whole());
                let work = sim.ask(&http::Method::POST, path, &self.asked.forwarded, body);
                let answer = self.first_byte(ticket, alarm, sent, pin!(work)).await?;
                let answer = answer.map_err(|_| disconnected())?;
                let (parts, script) = answer.into_parts();
                let source = Source::Sim(Box::new(script));
                Ok(Head {
                    status: parts.status,
                    headers: parts.headers,
                    source,
                    sent,
                })
            }
        }
    }

    /// The request goes out now. From here on it may cost tokens, also if no
    /// answer ever comes.
    fn sends(&self, ticket: &mut Ticket) -> Instant {
        let usage = match self.asked.subject {
            Subject::Model(_) if !self.asked.subject.counts() => {
                Some(Usage::estimate(self.asked.load.len() as u64, 0))
            }
            _ => None,
        };
        ticket.uses(usage);
        ticket.sends()
    }

    async fn http_head(
        &self,
        http: &HttpUpstream,
        ticket: &mut Ticket,
        alarm: &mut Alarm,
    ) -> Result<Head, Failure> {
        let credential = self.credential(http, ticket, alarm).await?;
        let rested = self.asked.may_be_sent_twice().then(|| http.rested());
        let mut opened = rested.flatten();
        loop {
            let line = match opened.take() {
                Some(line) => line,
                None => {
                    ticket.enter(Stage::Connecting);
                    let limit = self.house.clock.now() + self.asked.timeouts.connect;
                    let due = limit.min(self.asked.total);
                    let connect = pin!(http.connect());
                    let work = pin!(self.asked.load.watched(&self.house.bodies, connect));
                    match until(self.halt(ticket)?, alarm, due, work).await {
                        Ok(Ok(line)) => line?,
                        Ok(Err(unsent)) => return Err(unsent.told(ticket)),
                        Err(Ended::Due) if limit < self.asked.total => {
                            return Err(connect_timeout());
                        }
                        Err(ended) => return Err(self.asked.ended(ended)),
                    }
                }
            };
            let sent = self.sends(ticket);
            let outgoing = self
                .asked
                .load
                .outgoing(&self.target.burden, self.house.clock);
            let (body, course) = outgoing.ok_or_else(settled)?;
            course.iter().for_each(|course| ticket.carries(course));
            let request = http.request(
                &self.asked.target(),
                body,
                &self.asked.load.whole(),
                self.asked.forwarded.clone(),
                &self.target.key,
                credential.as_ref(),
            )?;
            let work = pin!(http.send(line, request));
            let heard = match &course {
                None => self.first_byte(ticket, alarm, sent, work).await?,
                Some(course) => self.rises(ticket, alarm, course, work).await?,
            };
            match heard {
                Ok((head, source)) => {
                    let (parts, ()) = head.into_parts();
                    if !parts.status.is_success() {
                        course.inspect(|course| course.stop());
                    }
                    return Ok(Head {
                        status: parts.status,
                        headers: parts.headers,
                        source,
                        sent,
                    });
                }
                // The next round makes a connection of its own, which is heard.
                Err(Missed::Unheard) => {}
                Err(Missed::Failed(failure)) => {
                    let unsent = course.and_then(|course| self.unsent(ticket, &course));
                    return Err(unsent.unwrap_or(failure));
                }
            }
        }
    }

    /// Waits for a head: a stream's has a timer, a unary call's only the total.
    async fn first_byte<F: Future>(
        &self,
        ticket: &Ticket,
        alarm: &mut Alarm,
        sent: Instant,
        work: Pin<&mut F>,
    ) -> Result<F::Output, Failure> {
        let limit = sent + self.asked.timeouts.first_byte;
        let due = match self.asked.stream {
            true => limit.min(self.asked.total),
            false => self.asked.total,
        };
        let slow = self.asked.slow_after.map(|after| sent + after);
        let slow = slow.filter(|slow| *slow < due);
        let due = slow.unwrap_or(due);
        match until(self.halt(ticket)?, alarm, due, work).await {
            Ok(output) => Ok(output),
            Err(Ended::Due) if slow.is_some() => Err(too_slow()),
            Err(Ended::Due) if due < self.asked.total => Err(Failure::new(
                Code::UpstreamTimeout,
                "The provider did not begin to answer within `timeouts.first_byte`.",
            )),
            Err(ended) => Err(self.asked.ended(ended)),
        }
    }

    /// The events of an answer, once its first content has come.
    async fn flow(
        &self,
        ticket: &mut Ticket,
        alarm: Alarm,
        source: Source,
        sent: Instant,
        reads: Reads,
    ) -> Result<Box<Flow>, Failure> {
        ticket.enter(Stage::Prefill);
        let settings = FlowSettings {
            id: ticket.id(),
            timeouts: self.asked.timeouts,
            slow_after: self.asked.slow_after,
            bounds: self.asked.bounds,
            prompt_bytes: self.asked.load.len() as u64,
            sent,
            total: self.asked.total,
            shortened: self.asked.shortened,
            secrets: self.asked.provider.secrets.clone(),
            level: Arc::clone(&self.house.level),
            room: self.house.bodies.share(),
        };
        let oddities = self.house.oddities.clone();
        let mut flow = Box::new(Flow::new(
            settings,
            reads,
            source,
            alarm,
            self.house.clock,
            oddities,
        ));
        if let Err(failure) = flow.hold(self.halt(ticket)?).await {
            ticket.uses(Some(flow.usage()));
            return Err(failure);
        }
        Ok(flow)
    }

    async fn error(&self, ticket: &mut Ticket, mut alarm: Alarm, mut head: Head) -> Failure {
        ticket.uses(None);
        let most = classify::ERROR_BODY;
        let idle = self.asked.timeouts.idle.min(ERROR_IDLE);
        // A body that does not come, or is too long, leaves the status to tell.
        let body = match self
            .whole(ticket, &mut alarm, &mut head.source, most, idle)
            .await
        {
            Ok(body) => body,
            Err(failure) if failure.code.fault() != tidegate_types::Fault::Provider => {
                return failure;
            }
            Err(_) => Bytes::new(),
        };
        let now = self.house.clock.unix_millis() / 1000;
        let provider = &self.asked.provider;
        let mut failure = classify::by_status(
            provider.speaks(),
            head.status,
            &head.headers,
            &body,
            now,
            &provider.secrets,
        );
        self.heed_refusal(&failure);
        if self.asked.translation.is_some() {
            // It is a field of our request, and none of the caller's.
            failure.param = None;
        }
        failure
    }

    async fn whole(
        &self,
        ticket: &mut Ticket,
        alarm: &mut Alarm,
        source: &mut Source,
        most: usize,
        idle: Duration,
    ) -> Result<Bytes, Failure> {
        let (request, room, pulse) = ticket.reading().ok_or_else(settled)?;
        let bound = Bound {
            halt: &request.halt,
            clock: self.house.clock,
            idle,
            total: self.asked.total,
            most,
            room,
            pulse: Some(pulse),
            holder: Some(request),
        };
        unary::gather(source, alarm, bound)
            .await
            .map_err(|short| match short {
                Short::Ended(ended) => self.asked.ended(ended),
                Short::Failed(failure) => failure,
            })
    }

    fn halt<'t>(&self, ticket: &'t Ticket) -> Result<&'t Halt, Failure> {
        ticket.halt().ok_or_else(settled)
    }
}

/// What a caller is told when its request was ended from outside.
pub(crate) fn ended_failure(ended: Ended, shortened: bool) -> Failure {
    match ended {
        Ended::Due if shortened => Failure::new(
            Code::DeadlineExceeded,
            "The time that `x-request-timeout-ms` allowed is over.",
        ),
        Ended::Due => Failure::new(
            Code::UpstreamTimeout,
            "The provider did not finish within `timeouts.total`.",
        ),
        Ended::Halted(Why::Operator) => {
            Failure::new(Code::CancelledByOperator, "An operator ended this request.")
        }
        Ended::Halted(Why::Overload) => Failure::new(
            Code::Overloaded,
            "Tidegate is near its bounds, and this request held most of its memory.",
        )
        .with_retry_after(Duration::from_secs(1)),
        Ended::Halted(_) => shutting_down(),
    }
}

pub(crate) fn settled() -> Failure {
    Failure::new(Code::Internal, "The request was settled early.")
}

pub(crate) fn shutting_down() -> Failure {
    Failure::new(
        Code::ShuttingDown,
        "Tidegate is shutting down; send the request again.",
    )
    .with_retry_after(Duration::from_secs(1))
}

fn redirected() -> Failure {
    Failure::new(
        Code::UpstreamRedirect,
        "The provider answered with a redirect, which is never followed.",
    )
}

fn foreign() -> Failure {
    Failure::new(
        Code::UpstreamProtocol,
        "The provider's answer has a content type or encoding that its API does not.",
    )
}

/// Another target is asked in its place.
pub(crate) fn too_slow() -> Failure {
    Failure::new(
        Code::UpstreamSlow,
        "The provider gave no content within `slow_after` of its route.",
    )
}

fn connect_timeout() -> Failure {
    Failure::new(
        Code::UpstreamUnreachable,
        "No connection to the provider within `timeouts.connect`.",
    )
}

fn disconnected() -> Failure {
    Failure::new(
        Code::UpstreamDisconnected,
        "The provider closed the connection before it answered.",
    )
}
