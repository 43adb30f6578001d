//! The attempts of one request: one after the other, until one is good or no
//! further one can help.
//!
//! Promises: 1. a further attempt is made only while no byte of an answer has
//! gone out, only where it can help (see `consequence`), only within the retry
//! budgets and the request's time; 2. whoever waits for the next one holds no
//! permit, and only so many wait; 3. a caller is told whether coming back is of
//! use: when we gave up, its SDK shall not go on (controls A.5).

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{Ordering, fence};
use std::time::Duration;

use kernel::Alarm;
use tidegate_kernel as kernel;
use tidegate_types::{Code, Fault};

use crate::asked::Asked;
use crate::attempt::{Attempt, Good, settled, shutting_down};
use crate::consequence::{Again, Consequence, KeyIs};
use crate::failure::Failure;
use crate::house::House;
use crate::keys::Unfit;
use crate::request::Ticket;
use crate::stake::Stake;
use crate::target::{Nobody, Set, Tried};
use crate::wait::{Ended, until};

/// Those who waited for the same moment come back spread over at most this.
const SPREAD: Duration = Duration::from_millis(500);

/// See the module's text.
pub(crate) struct Attempts {
    house: Arc<House>,
    asked: Asked,
    targets: Set,
    /// How many were made.
    made: u32,
    /// Whether the one attempt more of `Again::Once` was made.
    once: bool,
    /// The keys that failed.
    tried: Tried,
    /// What the last attempt failed with.
    said: Option<Failure>,
}

/// Why an attempt gave nothing.
enum Missed {
    /// It was made, and failed.
    Failed(Failure),
    /// None was made: there was no room, or no time.
    Room(Failure),
    /// None was made: nobody can be asked now.
    Nobody(Nobody),
}

impl Attempts {
    /// `first` are those of the request's first leg: it pays for the retries of the
    /// process once.
    pub(crate) fn new(house: &Arc<House>, asked: Asked, first: bool) -> Self {
        let provider = &asked.provider;
        let now = house.clock.now();
        provider.budgets.deposit(asked.tenant, now);
        if first {
            asked.budget.deposit_at(now);
        }
        provider.load.asked(now);
        Self {
            house: Arc::clone(house),
            targets: provider.targets.of(&asked.model),
            asked,
            made: 0,
            once: false,
            tried: Tried::default(),
            said: None,
        }
    }

    /// How many were made.
    pub(crate) fn made(&self) -> u32 {
        self.made
    }

    /// Makes attempts; `failed` is what ended the last one after it had begun
    /// to answer, but not with content.
    pub(crate) async fn run(
        &mut self,
        ticket: &mut Ticket,
        mut failed: Option<Failure>,
    ) -> Result<Good, Failure> {
        loop {
            if let Some(failure) = failed.take() {
                ticket.end_attempt(&failure);
                self.tell(ticket, &failure);
                self.go_on(ticket, failure).await?;
            }
            match self.make(ticket).await {
                Ok(good) => return Ok(good),
                Err(Missed::Failed(failure)) => failed = Some(failure),
                Err(Missed::Nobody(nobody)) => self.wait_out(ticket, nobody).await?,
                Err(Missed::Room(failure)) => return Err(self.no_room(failure)),
            }
        }
    }

    /// Waits until the next attempt may be made, or says why there is none.
    async fn go_on(&mut self, ticket: &mut Ticket, failure: Failure) -> Result<(), Failure> {
        let Some(wait) = self.again(&failure) else {
            return Err(self.last_word(failure));
        };
        self.said = Some(failure);
        self.pause(ticket, wait).await
    }

    /// One attempt at the target that is best just now.
    async fn make(&mut self, ticket: &mut Ticket) -> Result<Good, Missed> {
        let Asked { provider, .. } = &self.asked;
        // As often as there are targets: each round one more may have opened.
        for _ in 0..=self.targets.len() {
            let target = provider
                .targets
                .choose(&self.targets, self.tried)
                .map_err(Missed::Nobody)?;
            let attempt = Attempt::new(&self.house, &self.asked, &target);
            let permits = attempt.permits(ticket).await.map_err(Missed::Room)?;
            let (index, clock) = (target.index, self.house.clock);
            let Some(stake) = Stake::new(target, permits, &self.asked, clock) else {
                continue;
            };
            provider.meter.attempted();
            if let Some(said) = &self.said {
                provider.meter.retried(said.code);
            }
            ticket.hold(stake);
            self.made += 1;
            self.tried.last = Some(index);
            return self.attempt(ticket, index).await;
        }
        Err(Missed::Nobody(Nobody::Open(Duration::from_secs(1))))
    }

    async fn attempt(&self, ticket: &mut Ticket, index: usize) -> Result<Good, Missed> {
        let Some(target) = self.targets.get(index) else {
            return Err(Missed::Nobody(Nobody::Open(Duration::from_secs(1))));
        };
        let attempt = Attempt::new(&self.house, &self.asked, target);
        attempt.run(ticket).await.map_err(Missed::Failed)
    }

    /// What is the operator's to correct, or to know of; with the request, since
    /// its caller may ask about it.
    fn tell(&self, ticket: &Ticket, failure: &Failure) {
        let said = failure.aside();
        let what = match (failure.code, said) {
            (Code::UpstreamAuth, _) if failure.upstream_status().is_none() => {
                "there is no credential to sign with"
            }
            (Code::UpstreamAuth, _) => "the upstream refused our key",
            (Code::UpstreamUnreachable, Some(_)) => "no connection to the upstream",
            (Code::UpstreamTls, Some(_)) => "TLS with the upstream failed",
            (Code::UpstreamDisconnected | Code::UpstreamProtocol, Some(_)) => {
                "the upstream's connection broke before its answer"
            }
            (Code::Overloaded, Some(_)) => "no file is left for a connection to an upstream",
            _ => return,
        };
        let target = self.tried.last.and_then(|index| self.targets.get(index));
        tracing::warn!(
            id = ticket.id().map(tracing::field::display),
            provider = &*self.asked.provider.name,
            key = target.map(|target| &*target.key.name),
            model = target.map(|target| &*target.model),
            said,
            "{what}"
        );
    }

    /// How long to wait for another attempt; `None` if there is none.
    fn again(&mut self, failure: &Failure) -> Option<Duration> {
        let Asked { provider, .. } = &self.asked;
        if self.made >= provider.retry.attempts || !self.asked.repeats_after(failure) {
            return None;
        }
        let remaining = self.remaining();
        let is = Consequence::of(failure);
        let (wait, cost) = match is.again {
            Again::Never => return None,
            Again::Once { .. } if self.once => return None,
            Again::Once { cost } => {
                let after = failure.retry_after.unwrap_or(Duration::ZERO);
                let another = self.asked.elsewhere && !after.is_zero();
                if after > provider.retry.max_wait || another {
                    return None;
                }
                let retry = self.made.saturating_sub(1);
                let delay = provider.backoff().delay(retry, self.house.dice.roll());
                // Those who were refused together come back one by one.
                let wait = match after.is_zero() {
                    true => delay,
                    false => self.spread(after).max(delay),
                };
                (wait, cost)
            }
            Again::WhenFit => {
                if let (true, Some(index)) = (is.key.bars(), self.tried.last) {
                    self.tried.bar(index);
                }
                (self.until_fit(is.key, remaining)?, 1)
            }
        };
        // There must be time left for the attempt itself.
        if wait >= remaining || !self.withdraw(cost) {
            return None;
        }
        self.once |= matches!(is.again, Again::Once { .. });
        Some(wait)
    }

    /// When a key can be used, after one could not.
    fn until_fit(&self, key: KeyIs, remaining: Duration) -> Option<Duration> {
        let Asked { provider, .. } = &self.asked;
        match provider.targets.choose(&self.targets, self.tried) {
            Ok(target) if self.tried.last != Some(target.index) => Some(Duration::ZERO),
            // The same key again helps only if it has had its rest.
            Ok(_) if key == KeyIs::Limited => Some(self.spread(Duration::ZERO)),
            Ok(_) => None,
            Err(nobody) => self.worth_waiting(nobody, remaining),
        }
    }

    /// How long to wait for a key that rests, if that is not too long.
    fn worth_waiting(&self, nobody: Nobody, remaining: Duration) -> Option<Duration> {
        let Nobody::Rests(after) = nobody else {
            return None;
        };
        let most = match self.asked.elsewhere {
            // Somebody else need not be waited for.
            true => Duration::ZERO,
            false => self.asked.provider.retry.max_wait,
        };
        let wait = self.spread(after);
        (after <= most && wait < remaining).then_some(wait)
    }

    /// A moment that many wait for is spread: by a tenth of the wait.
    fn spread(&self, wait: Duration) -> Duration {
        let most = (wait / 10).clamp(Duration::from_millis(10), SPREAD);
        let micros = u64::try_from(most.as_micros()).unwrap_or(u64::MAX);
        wait + Duration::from_micros(self.house.dice.below(micros.max(1)))
    }

    /// From the tenant's budget and from that of the process, or from neither.
    fn withdraw(&self, cost: u32) -> bool {
        let Asked {
            provider,
            tenant,
            budget,
            ..
        } = &self.asked;
        let paid = provider.budgets.withdraw(*tenant, cost, budget);
        if !paid {
            provider.meter.over_budget();
        }
        paid
    }

    /// Nobody can be asked before the first, or before a further attempt.
    async fn wait_out(&mut self, ticket: &mut Ticket, nobody: Nobody) -> Result<(), Failure> {
        match self.worth_waiting(nobody, self.remaining()) {
            Some(wait) => self.pause(ticket, wait).await,
            None => Err(match self.said.take() {
                Some(said) => self.last_word(said),
                None => self.nobody(nobody),
            }),
        }
    }

    /// Waits without a permit, in one of the bounded places.
    pub(crate) async fn pause(
        &mut self,
        ticket: &mut Ticket,
        wait: Duration,
    ) -> Result<(), Failure> {
        if wait.is_zero() {
            return Ok(());
        }
        let provider = Arc::clone(&self.asked.provider);
        let Some(_place) = Pausing::enter(&provider.pausing, provider.places) else {
            provider.meter.no_place();
            tracing::debug!(
                id = ticket.id().map(tracing::field::display),
                provider = &*provider.name,
                waiting = provider.places,
                dropped = provider.meter.without_place(),
                "no place to wait for the next attempt"
            );
            let text = "Too many requests wait for their next attempt.";
            let full = Failure::new(Code::QueueFull, text).with_retry_after(wait);
            return Err(self.no_room(full));
        };
        ticket.pauses();
        // Either this sees that the gateway closed, or its closing sees the stage.
        fence(Ordering::SeqCst);
        if self.house.closed.load(Ordering::Acquire) {
            return Err(shutting_down());
        }
        let clock = self.house.clock;
        let (mut alarm, due) = (Alarm::new(), clock.now() + wait);
        let halt = ticket.halt().ok_or_else(settled)?;
        let never = pin!(std::future::pending::<()>());
        let work = pin!(self.asked.load.watched(&self.house.bodies, never));
        let due = due.min(self.asked.total);
        match until(halt, &mut alarm, due, work).await {
            Err(Ended::Due) if due < self.asked.total => Ok(()),
            Err(ended) => Err(self.asked.ended(ended)),
            Ok(Err(unsent)) => Err(unsent.told(ticket)),
            Ok(Ok(())) => Ok(()),
        }
    }

    /// Until the request's end.
    pub(crate) fn remaining(&self) -> Duration {
        let now = self.house.clock.now();
        self.asked.total.saturating_duration_since(now)
    }

    /// There was no room for another attempt: what an upstream said is then the
    /// better reason. An end from outside is the end, whatever was said.
    fn no_room(&mut self, failure: Failure) -> Failure {
        let full = matches!(
            failure.code,
            Code::QueueFull | Code::QueueTimeout | Code::Dropped
        );
        match self.said.take().filter(|_| full) {
            Some(said) => self.last_word(said),
            None => failure,
        }
    }

    /// The failure of the last attempt, as its caller gets it.
    fn last_word(&self, mut failure: Failure) -> Failure {
        let Asked { provider, .. } = &self.asked;
        match failure.code {
            // The first key that comes back, whichever it is (row 1).
            Code::UpstreamRateLimited => {
                if let Err(no) = provider.targets.choose(&self.targets, Tried::default()) {
                    failure.retry_after = Some(no.after());
                }
            }
            // When the next fetch may be made was for us: an SDK is told not to.
            Code::UpstreamAuth if failure.upstream_status().is_none() => {
                failure.retry_after = None;
            }
            // This key is out, but another one only rests: its time is told.
            Code::InsufficientQuota | Code::UpstreamAuth => {
                if let Err(no @ Nobody::Rests(_)) =
                    provider.targets.choose(&self.targets, self.tried)
                {
                    return self.nobody(no);
                }
            }
            _ => {}
        }
        failure.gave_up |= provider.retry.attempts > 1 && failure.code.fault() == Fault::Provider;
        failure
    }

    /// What a caller is told when nobody could be asked at all.
    fn nobody(&self, nobody: Nobody) -> Failure {
        let name = &self.asked.provider.name;
        let (code, text) = match nobody {
            Nobody::Open(_) => (
                Code::UpstreamUnavailable,
                format!("`{name}` failed repeatedly and is left alone for a while."),
            ),
            Nobody::Rests(_) => (
                Code::UpstreamRateLimited,
                format!("`{name}` limits the rate of the keys that Tidegate has for it."),
            ),
            Nobody::Unfit(Unfit::Spent(_)) => (
                Code::InsufficientQuota,
                format!("No key that Tidegate has for `{name}` has credit left."),
            ),
            Nobody::Unfit(Unfit::Refused(_)) => (
                Code::UpstreamAuth,
                format!(
                    "`{name}` refuses every key that Tidegate has for it; the operator must correct them."
                ),
            ),
        };
        let failure = Failure::new(code, text);
        match nobody {
            Nobody::Open(after) | Nobody::Rests(after) => failure.with_retry_after(after),
            Nobody::Unfit(_) => failure,
        }
    }
}

/// One of the bounded places of those who wait for their next attempt.
struct Pausing<'a>(&'a std::sync::atomic::AtomicUsize);

impl<'a> Pausing<'a> {
    fn enter(taken: &'a std::sync::atomic::AtomicUsize, places: usize) -> Option<Self> {
        let fits = |taken: usize| (taken < places).then_some(taken + 1);
        taken
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits)
            .ok()
            .map(|_| Self(taken))
    }
}

impl Drop for Pausing<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
