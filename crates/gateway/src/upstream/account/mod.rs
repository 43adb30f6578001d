//! Who signs for an upstream: an account whose credential is known, or is lent
//! for a while and fetched again before it ends.
//!
//! Promises: 1. while a credential is good nobody waits for another, which a task
//! of the scope fetches from [`EARLY`] before its end on; 2. of those who need one
//! and have none, one fetches for all, and who leaves strands nobody; 3. a fetch
//! ends within [`PATIENCE`], and after one that failed there is none for [`PAUSE`];
//! 4. nothing of a credential is in a text, a log or an error.

mod place;
mod steps;
mod unlent;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_credential_types::Credentials;
use http::request;
use kernel::sync::Mutex;
use kernel::{Clock, Deadline, Instant, Labels, Observe, Once, OnceError, Scope, Visitor};
use rustls::pki_types::CertificateDer;
use secrecy::ExposeSecret;
use tidegate_kernel as kernel;
use tidegate_types::Code;

use self::steps::Steps;
pub(crate) use self::unlent::Unlent;
use super::sign::{Service, Signer, Unsigned};
use super::tls::Trust;
use crate::failure::Failure;
use crate::names;
use crate::settings::{AwsKeys, AwsSettings, AwsSource};
use crate::view::CredentialView;

/// So long before its end a credential is fetched anew, or from the middle of a
/// shorter life on.
const EARLY: Duration = Duration::from_secs(300);

/// For one fetch, with all its steps.
const PATIENCE: Duration = Duration::from_secs(5);

/// Between a fetch that failed and the next.
const PAUSE: Duration = Duration::from_secs(1);

/// One that is refused is fetched anew, but not sooner after it was lent: whoever
/// asks for what the account may not have would have it fetched each time.
const TRUSTED: Duration = Duration::from_secs(60);

/// See the module's text.
pub(crate) struct Account {
    signer: Signer,
    clock: Clock,
    credential: Credential,
}

enum Credential {
    Known(Credentials),
    Lent(Arc<Lender>),
}

/// What making an account needs beside its settings.
pub(crate) struct Means<'a> {
    pub(crate) trust: &'a Trust,
    /// What its services are trusted by, beside the platform's certificates.
    pub(crate) roots: &'a [CertificateDer<'static>],
    pub(crate) clock: Clock,
    /// Whose tasks fetch.
    pub(crate) scope: &'a Scope,
}

impl Account {
    /// # Errors
    /// What cannot be used, such as a host that is no name for TLS.
    pub(crate) fn new(settings: &AwsSettings, means: &Means<'_>) -> Result<Self, String> {
        let credential = match &settings.source {
            AwsSource::Keys(keys) if settings.roles.is_empty() => Credential::Known(known(keys)),
            _ => {
                let steps = Steps::new(settings, means)?;
                Credential::Lent(Arc::new(Lender::new(steps, means)))
            }
        };
        Ok(Self {
            signer: Signer::new(&settings.region, Service::Bedrock),
            clock: means.clock,
            credential,
        })
    }

    /// What it signs with, if it is there; never waits.
    pub(crate) fn ready(&self) -> Option<Credentials> {
        match &self.credential {
            Credential::Known(known) => Some(known.clone()),
            Credential::Lent(lender) => lender.ready(),
        }
    }

    /// What it signs with, fetched if it must be. Dropping it leaves the others
    /// what they wait for.
    ///
    /// # Errors
    /// `upstream_auth`: which source gave nothing, and what to do.
    pub(crate) async fn credential(&self) -> Result<Credentials, Failure> {
        match &self.credential {
            Credential::Known(known) => Ok(known.clone()),
            Credential::Lent(lender) => lender.credential().await.map_err(|why| why.failure()),
        }
    }

    /// The upstream takes nothing that is signed with it: it may have been called
    /// back.
    pub(crate) fn refused(&self) {
        if let Credential::Lent(lender) = &self.credential {
            lender.refused();
        }
    }

    /// Who lends it, if somebody does.
    pub(crate) fn lender(&self) -> Option<&Arc<Lender>> {
        match &self.credential {
            Credential::Known(_) => None,
            Credential::Lent(lender) => Some(lender),
        }
    }

    /// Signs a request that goes out now.
    ///
    /// # Errors
    /// `upstream_auth`; the request stays as it was.
    pub(crate) fn sign(
        &self,
        credential: &Credentials,
        head: &mut request::Parts,
        body: &[u8],
    ) -> Result<(), Failure> {
        let signed = self.signer.sign(credential, head, body, now(self.clock));
        signed.map_err(|unsigned: Unsigned| Failure::new(Code::UpstreamAuth, unsigned.to_string()))
    }
}

/// The time that a signature names.
fn now(clock: Clock) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(clock.unix_millis())
}

/// A credential that does not end.
fn known(keys: &AwsKeys) -> Credentials {
    let token = keys.session_token.as_ref();
    Credentials::new(
        keys.access_key.expose_secret(),
        keys.secret_key.expose_secret(),
        token.map(|token| token.expose_secret().to_owned()),
        None,
        "configuration",
    )
}

/// Fetches credentials, and holds the last.
pub(crate) struct Lender {
    steps: Steps,
    held: Mutex<Held>,
    flights: Once<(), Credentials, Unlent>,
    clock: Clock,
    scope: Scope,
}

#[derive(Default)]
struct Held {
    lent: Option<Lent>,
    /// The one before: requests that are under way were signed with it.
    before: Option<Credentials>,
    /// Why the last fetch failed, and until when there is no other.
    failed: Option<(Instant, Unlent)>,
    /// Whether a task fetches another one.
    renewing: bool,
}

struct Lent {
    credential: Credentials,
    since: Instant,
    /// When it is fetched anew.
    renew: Instant,
    ends: Instant,
    /// The same in milliseconds since 1970: a machine that slept counts no time.
    ends_unix: u64,
}

impl Lender {
    fn new(steps: Steps, means: &Means<'_>) -> Self {
        Self {
            steps,
            held: Mutex::new(Held::default()),
            flights: Once::new(1),
            clock: means.clock,
            scope: means.scope.clone(),
        }
    }

    fn ready(self: &Arc<Self>) -> Option<Credentials> {
        let (now, unix) = (self.clock.now(), self.clock.unix_millis());
        let mut held = self.held.lock();
        let lent = held.lent.as_ref().filter(|lent| lent.is_good(now, unix))?;
        let (credential, due) = (lent.credential.clone(), now >= lent.renew);
        if due && !held.renewing && held.failure(now).is_none() {
            held.renewing = true;
            drop(held);
            self.renew();
        }
        Some(credential)
    }

    async fn credential(self: &Arc<Self>) -> Result<Credentials, Unlent> {
        match self.ready() {
            Some(credential) => Ok(credential),
            None => self.fly().await,
        }
    }

    /// Fetches another one while the one that is held still serves.
    fn renew(self: &Arc<Self>) {
        let renewing = Renewing(Arc::clone(self));
        // A scope that takes no more is about to end, and then nobody asks.
        let _ = self.scope.spawn("renew a credential", async move {
            let Renewing(lender) = &renewing;
            // The fetch has its own end, and says what it came to; a scope that ends
            // does not wait for that.
            let due = Deadline::after(lender.clock, PATIENCE + PAUSE);
            let _ = lender.scope.run(due, lender.fly()).await;
        });
    }

    fn refused(&self) {
        let now = self.clock.now();
        let mut held = self.held.lock();
        let lent = held.lent.as_mut();
        if let Some(lent) = lent.filter(|lent| now >= lent.since + TRUSTED) {
            // It serves until the next one is there: who was refused may have asked
            // for what is not to be had.
            lent.renew = now;
        }
    }

    async fn fly(self: &Arc<Self>) -> Result<Credentials, Unlent> {
        let lender = Arc::clone(self);
        let flown = self.flights.run((), move || lender.fetch()).await;
        flown.map_err(|error| match error {
            OnceError::Failed(why) => why,
            OnceError::Panicked(what) => self.fails(self.steps.broke(&what)),
            // There is one key, and one may be worked on.
            OnceError::TooMany { .. } => self.fails(self.steps.broke("no flight")),
        })
    }

    async fn fetch(self: Arc<Self>) -> Result<Credentials, Unlent> {
        // Who comes just after an end finds what that has brought.
        if let Some(known) = self.known() {
            return known;
        }
        let due = Deadline::after(self.clock, PATIENCE);
        let fetched = due.bound(self.steps.take()).await;
        self.keep(fetched.unwrap_or_else(|_| Err(self.steps.late(PATIENCE))))
    }

    fn known(&self) -> Option<Result<Credentials, Unlent>> {
        let (now, unix) = (self.clock.now(), self.clock.unix_millis());
        let held = self.held.lock();
        match &held.lent {
            Some(lent) if lent.is_good(now, unix) && now < lent.renew => {
                Some(Ok(lent.credential.clone()))
            }
            _ => held.failure(now).map(Err),
        }
    }

    /// Holds what was fetched, or why nothing was.
    fn keep(&self, fetched: Result<Credentials, Unlent>) -> Result<Credentials, Unlent> {
        let (now, unix) = (self.clock.now(), self.clock.unix_millis());
        let fetched = fetched.and_then(|credential| {
            let lent = Lent::new(credential, now, unix);
            lent.ok_or_else(|| self.steps.ended())
        });
        let source = self.steps.source();
        let mut held = self.held.lock();
        match fetched {
            Ok(lent) => {
                let credential = lent.credential.clone();
                let seconds = lent.ends.saturating_duration_since(now).as_secs();
                held.before = held.lent.replace(lent).map(|old| old.credential);
                held.failed = None;
                drop(held);
                tracing::info!(source, seconds, "an AWS credential was fetched");
                Ok(credential)
            }
            Err(why) => {
                drop(held);
                Err(self.fails(why))
            }
        }
    }

    /// Holds why nothing was fetched, so that nobody asks again at once.
    fn fails(&self, why: Unlent) -> Unlent {
        let until = self.clock.now() + PAUSE;
        self.held.lock().failed = Some((until, why.clone()));
        tracing::warn!(
            source = self.steps.source(),
            why = why.text(),
            said = why.aside(),
            "no AWS credential"
        );
        why
    }

    /// What an operator sees of it.
    pub(crate) fn view(&self, now: Instant) -> CredentialView {
        let held = self.held.lock();
        let lent = held.lent.as_ref().filter(|lent| now < lent.ends);
        CredentialView {
            source: self.steps.source(),
            left: lent.map(|lent| lent.ends - now),
            failed: held.failed.as_ref().map(|(_, why)| why.text().to_owned()),
        }
    }

    /// What it has lent to requests that may still be under way.
    pub(crate) fn lent(&self) -> impl Iterator<Item = Credentials> + use<> {
        let held = self.held.lock();
        let lent = held.lent.as_ref().map(|lent| lent.credential.clone());
        let all = [lent, held.before.clone()];
        drop(held);
        all.into_iter().flatten()
    }

    /// Whether `is` is true of a text of these.
    pub(crate) fn any(&self, mut is: impl FnMut(&str) -> bool) -> bool {
        self.lent()
            .any(|one| is(one.secret_access_key()) || one.session_token().is_some_and(&mut is))
    }
}

impl Lent {
    /// None if it has ended already.
    fn new(credential: Credentials, now: Instant, unix: u64) -> Option<Self> {
        let ends = credential.expiry()?.duration_since(UNIX_EPOCH).ok()?;
        let ends_unix = u64::try_from(ends.as_millis()).ok()?;
        let left = Duration::from_millis(ends_unix.checked_sub(unix)?);
        let ends = now.checked_add(left).filter(|ends| *ends > now)?;
        Some(Self {
            credential,
            since: now,
            renew: ends - EARLY.min(left / 2),
            ends,
            ends_unix,
        })
    }

    fn is_good(&self, now: Instant, unix: u64) -> bool {
        now < self.ends && unix < self.ends_unix
    }
}

impl Held {
    fn failure(&self, now: Instant) -> Option<Unlent> {
        let (until, why) = self.failed.as_ref()?;
        (now < *until).then(|| why.clone())
    }
}

/// A task fetches; it ends, or is dropped, and another may.
struct Renewing(Arc<Lender>);

impl Drop for Renewing {
    fn drop(&mut self) {
        self.0.held.lock().renewing = false;
    }
}

impl Observe for Lender {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let now = self.clock.now();
        let held = self.held.lock();
        let left = held.lent.as_ref().map_or(Duration::ZERO, |lent| {
            lent.ends.saturating_duration_since(now)
        });
        drop(held);
        to.gauge(names::CREDENTIAL_LEFT, labels, left.as_secs_f64());
        self.flights.observe(labels, to);
    }
}
