//! Tidegate's own keys for one upstream: who may be used now, and who rests.
//!
//! Promises: 1. a key that the upstream refused (401) or whose credit is spent
//! leaves the rotation, and comes back by itself: one call at a time tries it
//! (R-D7); 2. a key under a `Retry-After` rests until then, at most
//! [`RETRY_AFTER_CAP`]; 3. the keys' text leaves this file only as a header
//! that is marked sensitive, or to be kept out of a text.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::HeaderValue;
use kernel::{Breaker, BreakerSettings, Clock, Instant};
use secrecy::{ExposeSecret, SecretString};
use tidegate_kernel as kernel;

use crate::settings::KeySettings;
use crate::upstream::RETRY_AFTER_CAP;

/// A refused key is tried again after this, and each time it is refused again
/// after twice as long, up to [`REFUSED_MOST`]: somebody has to correct it.
const REFUSED: Duration = Duration::from_secs(30);
const REFUSED_MOST: Duration = Duration::from_secs(600);

/// A key without credit is tried again after this, if nobody said when.
const SPENT: Duration = Duration::from_secs(300);

/// One key, or the place of one at an upstream that wants none.
pub(crate) struct Key {
    /// Its name in logs and metrics.
    pub(crate) name: Arc<str>,
    /// Its share of the calls when keys are picked by weight.
    pub(crate) weight: u32,
    /// What goes into `authorization`.
    pub(crate) bearer: Option<HeaderValue>,
    /// Open while the upstream does not take it.
    pub(crate) breaker: Breaker,
    clock: Clock,
    born: Instant,
    /// Until when it rests, in microseconds since `born`.
    rests: AtomicU64,
    /// Whether it is open for want of credit, and not for want of trust.
    spent: AtomicU64,
}

/// Why a key is not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// It rests: the upstream said when to come back.
    Rests(Duration),
    /// Its account has no credit.
    Spent(Duration),
    /// The upstream does not take it.
    Refused(Duration),
}

impl Key {
    pub(crate) fn new(settings: Option<KeySettings>, clock: Clock) -> Result<Self, String> {
        let refused = BreakerSettings {
            consecutive: 1,
            // A key is taken or it is not: there is no ratio.
            min_requests: u32::MAX,
            open_min: REFUSED,
            open_max: REFUSED_MOST,
            ..BreakerSettings::default()
        };
        let (name, weight, value) = match settings {
            Some(known) => (known.name, known.weight, Some(known.value)),
            None => ("none".to_owned(), 1, None),
        };
        Ok(Self {
            bearer: value.map(|value| bearer(&value)).transpose()?,
            name: Arc::from(name),
            weight,
            breaker: Breaker::new(refused, clock),
            clock,
            born: clock.now(),
            rests: AtomicU64::new(0),
            spent: AtomicU64::new(0),
        })
    }

    /// Whether it may be used now.
    pub(crate) fn fit(&self, now: Instant) -> Result<(), Unfit> {
        let since = self.micros(now);
        let left = |until: u64| Duration::from_micros(until.saturating_sub(since));
        let rests = left(self.rests.load(Ordering::Relaxed));
        if !rests.is_zero() {
            return Err(Unfit::Rests(rests));
        }
        let open = self.breaker.retry_after();
        if open.is_zero() {
            return Ok(());
        }
        match left(self.spent.load(Ordering::Relaxed)).is_zero() {
            true => Err(Unfit::Refused(open)),
            false => Err(Unfit::Spent(open)),
        }
    }

    /// It rests for `after`, or longer if it was told so before.
    pub(crate) fn rest(&self, after: Duration) {
        let until = self.clock.now() + after.min(RETRY_AFTER_CAP);
        self.rests.fetch_max(self.micros(until), Ordering::Relaxed);
    }

    /// Its account has no credit until then.
    pub(crate) fn spent(&self, reset: Option<Duration>) {
        let until = self.clock.now() + reset.filter(|time| !time.is_zero()).unwrap_or(SPENT);
        self.spent.store(self.micros(until), Ordering::Relaxed);
        self.breaker.open_until(until);
    }

    fn micros(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.born).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX)
    }
}

fn bearer(value: &SecretString) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(&format!("Bearer {}", value.expose_secret()))
        .map_err(|_| "the key cannot be sent as a header".to_owned())?;
    value.set_sensitive(true);
    Ok(value)
}

/// What must never be seen in an answer of a provider: all of its keys.
#[derive(Clone, Default)]
pub(crate) struct Secrets(Arc<[SecretString]>);

impl Secrets {
    pub(crate) fn of(keys: &[KeySettings]) -> Self {
        Self(keys.iter().map(|key| key.value.clone()).collect())
    }

    /// Their texts, to be looked for and not to be kept.
    pub(crate) fn exposed(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(ExposeSecret::expose_secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn r_d7_a_key_leaves_the_rotation_and_comes_back_by_itself() {
        let key = Key::new(None, Clock).unwrap();
        assert_eq!(key.fit(Clock.now()), Ok(()));
        key.rest(Duration::from_secs(5));
        key.rest(Duration::from_secs(2));
        assert_eq!(
            key.fit(Clock.now()),
            Err(Unfit::Rests(Duration::from_secs(5)))
        );
        Clock.sleep(Duration::from_secs(5)).await;
        assert_eq!(key.fit(Clock.now()), Ok(()));
        key.rest(Duration::from_secs(1_000_000));
        assert_eq!(key.fit(Clock.now()), Err(Unfit::Rests(RETRY_AFTER_CAP)));
        Clock.sleep(RETRY_AFTER_CAP).await;
        key.spent(None);
        assert!(matches!(key.fit(Clock.now()), Err(Unfit::Spent(_))));
        Clock.sleep(SPENT + Duration::from_millis(1)).await;
        assert_eq!(key.fit(Clock.now()), Ok(()));
    }

    #[test]
    fn the_header_of_a_key_hides_it() {
        let key = KeySettings {
            name: "main".to_owned(),
            value: SecretString::from("canary-key"),
            weight: 1,
        };
        let shown = format!("{:?}", bearer(&key.value).unwrap());
        assert!(!shown.contains("canary"), "{shown}");
    }
}
