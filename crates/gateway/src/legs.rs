//! The legs of one request: attempts at one target of its route, then at another
//! one, until one of them answers or nobody is left.
//!
//! Promises: 1. another target is asked only while no content has gone out, after
//! what its route says (`fallback`), within the request's time and the retry
//! budgets; 2. a target that rests is passed over; where all do, and the route
//! waits, nobody holds a permit meanwhile; 3. a caller whose targets all failed is
//! told of the last failure, who failed before, and when the first is back.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use kernel::{Clock, Instant, Priority};
use tidegate_kernel as kernel;
use tidegate_types::{Code, Fault};

use crate::asked::Asked;
use crate::attempt::{Good, GoodBody};
use crate::attempts::Attempts;
use crate::endpoint::{Endpoint, Manner};
use crate::errand::Subject;
use crate::failure::Failure;
use crate::fallback::Reason;
use crate::gateway::Call;
use crate::house::House;
use crate::prepare::{self, Prepared, Said, Written};
use crate::request::Ticket;
use crate::route::{Course, Exhausted};
use crate::setup::Setup;
use crate::translate::Once;
use crate::upstream::{Load, Upload, headers};

/// Who answered, of several who could have.
const TARGET: HeaderName = HeaderName::from_static("x-tidegate-target");

/// The most legs of one request, those after a rest included.
const MOST_LEGS: usize = 32;

/// So many of the targets that failed are named.
const MOST_NAMED: usize = 8;

/// What is the same on every leg.
pub(crate) struct Caller {
    pub(crate) subject: Subject,
    pub(crate) forwarded: HeaderMap,
    pub(crate) started: Instant,
    pub(crate) patience: Option<Duration>,
    pub(crate) priority: Priority,
    pub(crate) tenant: u64,
    pub(crate) once: Once,
}

impl Caller {
    /// The same with another body.
    pub(crate) fn asks(&self, body: Bytes) -> Call {
        Call {
            subject: self.subject.clone(),
            body,
            upload: None,
            forwarded: self.forwarded.clone(),
            patience: self.patience,
            tenant: self.tenant,
            priority: self.priority,
            said: Said::default(),
        }
    }
}

/// See the module's text.
pub(crate) struct Legs {
    house: Arc<House>,
    attempts: Attempts,
    manner: Manner,
    /// Where there is more than one target.
    more: Option<Box<More>>,
}

/// What asking another target needs.
struct More {
    setup: Arc<Setup>,
    caller: Caller,
    endpoint: Endpoint,
    /// As the caller sent it.
    body: Bytes,
    course: Course,
    /// What is the same of each [`Asked`].
    stream: bool,
    session: u64,
    cost: u64,
    /// The targets that failed, and with what.
    missed: Vec<(String, Code)>,
    /// The first of those that rest is back then.
    back: Option<Duration>,
    /// The caller has the head of a stream, and is told of its end by an event.
    head_out: bool,
    /// All rest, and the next leg begins after this.
    pause: Option<Duration>,
}

impl Legs {
    /// With the first leg prepared; the ticket is its provider's from here on.
    pub(crate) fn new(
        house: &Arc<House>,
        setup: &Arc<Setup>,
        ticket: &mut Ticket,
        caller: Caller,
        (prepared, upload): (Prepared, Option<Upload>),
    ) -> Self {
        let manner = caller.subject.manner();
        let Prepared {
            model,
            written,
            stream,
            session,
            cost,
            course,
            ..
        } = prepared;
        ticket.assign(&written.provider, &model);
        let endpoint = match caller.subject {
            Subject::Model(endpoint) => Some(endpoint),
            Subject::Errand(_) => None,
        };
        let leg = Leg {
            caller: &caller,
            setup,
            stream,
            session,
            cost,
            course: course.as_ref().map(|(course, _)| course),
            now: house.clock.now(),
        };
        let asked = leg.asked(written, upload);
        let attempts = Attempts::new(house, asked, true);
        let more = course.zip(endpoint).map(|((course, body), endpoint)| {
            Box::new(More {
                setup: Arc::clone(setup),
                caller,
                endpoint,
                body,
                course,
                stream,
                session,
                cost,
                missed: Vec::new(),
                back: None,
                head_out: false,
                pause: None,
            })
        });
        Self {
            house: Arc::clone(house),
            attempts,
            manner,
            more,
        }
    }

    /// How the caller is told of failures.
    pub(crate) fn manner(&self) -> Manner {
        self.manner
    }

    pub(crate) fn clock(&self) -> Clock {
        self.house.clock
    }

    /// Makes attempts; `failed` is what ended the last one after it had begun to
    /// answer, but not with content.
    pub(crate) async fn run(
        &mut self,
        ticket: &mut Ticket,
        mut failed: Option<Failure>,
    ) -> Result<Good, Failure> {
        loop {
            if let Some(wait) = self.more.as_mut().and_then(|more| more.pause.take()) {
                self.attempts.pause(ticket, wait).await?;
                self.leave(ticket).await?;
            }
            match self.attempts.run(ticket, failed.take()).await {
                Ok(good) => return Ok(self.marked(good)),
                Err(failure) => {
                    if let Some(good) = self.another(ticket, failure).await? {
                        return Ok(good);
                    }
                }
            }
        }
    }

    /// The next leg stands ready, or the head goes out and the caller waits.
    ///
    /// # Errors
    /// The last word, where there is no further leg.
    async fn another(
        &mut self,
        ticket: &mut Ticket,
        failure: Failure,
    ) -> Result<Option<Good>, Failure> {
        let Some(more) = &mut self.more else {
            return Err(failure);
        };
        let reason = Reason::of(&failure, more.course.policy.fallback);
        let Some(reason) = reason.filter(|_| more.missed.len() < MOST_LEGS) else {
            return Err(more.last_word(failure));
        };
        more.remember(&failure);
        match reason {
            Reason::Context => more.course.wants_larger(),
            _ if Reason::rests(&failure) => more.course.forgive(),
            _ => {}
        }
        tracing::debug!(
            id = ticket.id().map(tracing::field::display),
            code = failure.code.as_str(),
            why = reason.as_str(),
            from = more.missed.last().map(|(name, _)| &**name),
            "a leg failed"
        );
        // What never went out costs nobody anything.
        let cost = u32::from(self.attempts.made() > 0);
        match self.go(ticket, cost, Some(reason)).await {
            Ok(()) => Ok(None),
            Err(Stay::Rest(wait)) if self.waits(wait) => Ok(self.head()),
            Err(Stay::Over(end)) => Err(end),
            Err(_) => Err(match &mut self.more {
                Some(more) => more.last_word(failure),
                None => failure,
            }),
        }
    }

    /// After a rest: whoever is back.
    async fn leave(&mut self, ticket: &mut Ticket) -> Result<(), Failure> {
        match self.go(ticket, 1, None).await {
            Ok(()) => Ok(()),
            Err(Stay::Over(end)) => Err(end),
            // Somebody else was quicker: his attempts say how long it is now.
            Err(Stay::Rest(_) | Stay::Nobody) => Ok(()),
        }
    }

    /// Goes to the next target that can be asked.
    async fn go(
        &mut self,
        ticket: &mut Ticket,
        mut cost: u32,
        reason: Option<Reason>,
    ) -> Result<(), Stay> {
        let now = self.house.clock.now();
        let Some(more) = &mut self.more else {
            return Err(Stay::Nobody);
        };
        loop {
            let member = match more.course.next(now) {
                Ok(member) => member,
                Err(Exhausted::Asked) => return Err(Stay::Nobody),
                Err(Exhausted::Rest(nobody)) => return Err(Stay::Rest(nobody.after())),
            };
            let (provider, model) = (Arc::clone(&member.provider), member.model.clone());
            let budget = &more.setup.budget;
            if cost > 0 && !provider.budgets.withdraw(more.caller.tenant, cost, budget) {
                provider.meter.over_budget();
                return Err(Stay::Nobody);
            }
            // One leg is paid once, whoever cannot be told of it.
            cost = 0;
            let work = {
                let (setup, body, endpoint) =
                    (Arc::clone(&more.setup), more.body.clone(), more.endpoint);
                let (provider, once) = (Arc::clone(&provider), more.caller.once);
                move || prepare::again(endpoint, &body, &setup, &provider, &model, once)
            };
            let size = more.body.len();
            let inline = more.setup.bounds.inline_json;
            let written = match prepare::beside(&self.house, ticket, size <= inline, work).await {
                Ok(written) => written,
                // It cannot be told what is asked, but another one may.
                Err(no) if no.code.fault() == Fault::Caller => continue,
                Err(end) => return Err(Stay::Over(end)),
            };
            if let Some(reason) = reason {
                provider.meter.fell_back(reason);
            }
            ticket.moves_to(&provider);
            let leg = Leg {
                caller: &more.caller,
                setup: &more.setup,
                stream: more.stream,
                session: more.session,
                cost: more.cost,
                course: Some(&more.course),
                now,
            };
            self.attempts = Attempts::new(&self.house, leg.asked(written, None), false);
            return Ok(());
        }
    }

    /// Whether the caller waits for the first target that is back.
    fn waits(&mut self, wait: Duration) -> bool {
        let left = self.attempts.remaining();
        let Some(more) = &mut self.more else {
            return false;
        };
        let waits = more.course.policy.wait_out && wait < left;
        more.pause = waits.then_some(wait);
        waits
    }

    /// The head of a stream whose content is waited for; none if it went out, or
    /// if there is none before the whole answer.
    fn head(&mut self) -> Option<Good> {
        let more = self.more.as_mut()?;
        if !more.stream || std::mem::replace(&mut more.head_out, true) {
            return None;
        }
        Some(Good {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: GoodBody::Later,
        })
    }

    /// The same with who answered.
    fn marked(&self, mut good: Good) -> Good {
        if let Some(more) = &self.more
            && let Some(member) = more.course.last()
            && let Ok(name) = HeaderValue::from_str(&member.name())
        {
            good.headers.insert(TARGET, name);
        }
        good
    }
}

/// Why there is no next leg.
enum Stay {
    /// Nobody is left, or nobody may be asked.
    Nobody,
    /// All rest, for so long.
    Rest(Duration),
    /// The request ends here.
    Over(Failure),
}

impl More {
    fn remember(&mut self, failure: &Failure) {
        let name = self.course.last().map(|member| member.name());
        self.missed.push((name.unwrap_or_default(), failure.code));
        if let Some(after) = failure.retry_after {
            self.back = Some(self.back.map_or(after, |known| known.min(after)));
        }
    }

    /// The failure that the caller is told, with those that came before it.
    fn last_word(&mut self, mut failure: Failure) -> Failure {
        let last = self.course.last().map(|member| member.name());
        let before = self
            .missed
            .iter()
            .filter(|(name, _)| Some(name) != last.as_ref());
        let names: Vec<_> = before
            .map(|(name, code)| format!("`{name}` ({})", code.as_str()))
            .collect();
        if !names.is_empty() {
            let shown = names
                .iter()
                .take(MOST_NAMED)
                .cloned()
                .collect::<Vec<_>>()
                .join(", ");
            let more = match names.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let text = format!("{} Before it failed: {shown}{more}.", failure.message);
            failure.message = text.into();
        }
        if let (Some(known), Some(after)) = (failure.retry_after, self.back) {
            failure.retry_after = Some(known.min(after));
        }
        failure.gave_up |= failure.code.fault() == Fault::Provider;
        failure
    }
}

/// What makes an [`Asked`] of what is written for one provider.
struct Leg<'a> {
    caller: &'a Caller,
    setup: &'a Setup,
    stream: bool,
    session: u64,
    cost: u64,
    course: Option<&'a Course>,
    now: Instant,
}

impl Leg<'_> {
    fn asked(&self, written: Written, upload: Option<Upload>) -> Asked {
        let caller = self.caller;
        let timeouts = written.provider.timeouts_of(&written.model);
        let total = timeouts.total;
        let shortened = caller.patience.filter(|patience| *patience < total);
        let manner = caller.subject.manner();
        let forwarded = headers::forwarded(caller.forwarded.clone(), manner);
        let mut translation = written.translation;
        let (subject, forwarded) = match &mut translation {
            None => (caller.subject.clone(), forwarded),
            // They are of the caller's dialect.
            Some(translation) => {
                translation.drops_features(&forwarded);
                (Subject::Model(translation.endpoint()), HeaderMap::new())
            }
        };
        Asked {
            provider: written.provider,
            translation,
            model: written.model,
            subject,
            manner,
            load: Load::new(written.body, upload),
            forwarded,
            stream: self.stream,
            wants_usage: written.wants_usage,
            timeouts,
            total: caller.started + shortened.unwrap_or(total),
            shortened: shortened.is_some(),
            slow_after: self
                .course
                .filter(|course| course.has_more(self.now))
                .and_then(|course| course.policy.slow_after),
            elsewhere: self.course.is_some_and(|course| !course.is_alone()),
            priority: caller.priority,
            tenant: caller.tenant,
            session: self.session,
            cost: self.cost,
            bounds: self.setup.bounds,
            budget: self.setup.budget.clone(),
        }
    }
}
