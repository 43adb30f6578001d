//! Tidegate's own keys for one upstream: who may be used now, and who rests.
//!
//! Promises: 1. a key that the upstream refused (401) or whose credit is spent
//! leaves the rotation, and comes back by itself: one call at a time tries it
//! (R-D7); 2. the keys' text leaves this file only as a header that is marked
//! sensitive, or to be kept out of a text. A rate that is limited is not the
//! key's matter but its target's: upstreams count by model.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use kernel::{Breaker, BreakerSettings, Clock, Instant};
use secrecy::{ExposeSecret, SecretString};
use tidegate_kernel as kernel;

use crate::dialect::Dialect;
use crate::settings::{AwsSettings, AwsSource, KeySettings};
use crate::upstream::Lender;

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
    /// The header that shows it.
    pub(crate) credential: Option<(HeaderName, HeaderValue)>,
    /// Open while the upstream does not take it.
    pub(crate) breaker: Breaker,
    clock: Clock,
    /// Until when it is open for want of credit, and not for want of trust.
    spent: Arc<Until>,
}

/// Why a key is not to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// Its account has no credit.
    Spent(Duration),
    /// The upstream does not take it.
    Refused(Duration),
}

impl Key {
    /// # Errors
    /// If it cannot be sent.
    pub(crate) fn new(
        settings: Option<KeySettings>,
        dialect: Dialect,
        clock: Clock,
    ) -> Result<Self, String> {
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
            credential: value.map(|key| dialect.speaks().show(&key)).transpose()?,
            name: Arc::from(name),
            weight,
            breaker: Breaker::new(refused, clock),
            clock,
            spent: Arc::new(Until::new(clock.now())),
        })
    }

    /// The key of a new configuration: the same one if it is among `known`, by
    /// name and value, with whatever was learned of it.
    pub(crate) fn next(
        settings: KeySettings,
        known: &[Arc<Self>],
        dialect: Dialect,
        clock: Clock,
    ) -> Result<Arc<Self>, String> {
        let weight = settings.weight;
        let fresh = Self::new(Some(settings), dialect, clock)?;
        let same = |old: &&Arc<Self>| old.name == fresh.name && old.credential == fresh.credential;
        Ok(match known.iter().find(same) {
            Some(old) if old.weight == weight => Arc::clone(old),
            Some(old) => Arc::new(Self {
                breaker: old.breaker.clone(),
                spent: Arc::clone(&old.spent),
                ..fresh
            }),
            None => Arc::new(fresh),
        })
    }

    /// Whether what is learned of one is learned of the other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.spent, &other.spent)
    }

    /// Whether it may be used now.
    pub(crate) fn fit(&self, now: Instant) -> Result<(), Unfit> {
        let open = self.breaker.retry_after();
        if open.is_zero() {
            return Ok(());
        }
        match self.spent.left(now).is_zero() {
            true => Err(Unfit::Refused(open)),
            false => Err(Unfit::Spent(open)),
        }
    }

    /// Its account has no credit until then.
    pub(crate) fn spent(&self, reset: Option<Duration>) {
        let until = self.clock.now() + reset.filter(|time| !time.is_zero()).unwrap_or(SPENT);
        self.spent.extend(until);
        self.breaker.open_until(until);
    }
}

/// A moment that only moves later; told and read without a lock.
pub(crate) struct Until {
    born: Instant,
    /// Microseconds since `born`.
    at: AtomicU64,
}

impl Until {
    /// Over already.
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            born: now,
            at: AtomicU64::new(0),
        }
    }

    pub(crate) fn extend(&self, until: Instant) {
        self.at.fetch_max(self.micros(until), Ordering::Relaxed);
    }

    /// How long until then.
    pub(crate) fn left(&self, now: Instant) -> Duration {
        let at = self.at.load(Ordering::Relaxed);
        Duration::from_micros(at.saturating_sub(self.micros(now)))
    }

    fn micros(&self, at: Instant) -> u64 {
        let micros = at.saturating_duration_since(self.born).as_micros();
        u64::try_from(micros).unwrap_or(u64::MAX)
    }
}

/// What must never be seen in an answer of a provider: all of its keys, also
/// those that are lent to it just now.
#[derive(Clone, Default)]
pub(crate) struct Secrets {
    known: Arc<[SecretString]>,
    lender: Option<Arc<Lender>>,
}

impl Secrets {
    pub(crate) fn of(
        keys: &[KeySettings],
        aws: Option<&AwsSettings>,
        lender: Option<&Arc<Lender>>,
    ) -> Self {
        let keys = keys.iter().map(|key| key.value.clone());
        let account = aws.and_then(|aws| match &aws.source {
            AwsSource::Keys(keys) => Some(keys),
            _ => None,
        });
        let account = account.into_iter().flat_map(|keys| {
            let token = keys.session_token.clone();
            [Some(keys.secret_key.clone()), token].into_iter().flatten()
        });
        Self {
            known: keys.chain(account).collect(),
            lender: lender.cloned(),
        }
    }

    /// Whether `is` is true of one of their texts.
    pub(crate) fn any(&self, mut is: impl FnMut(&str) -> bool) -> bool {
        let known = self.known.iter().map(ExposeSecret::expose_secret);
        known.into_iter().any(&mut is) || self.lender.as_ref().is_some_and(|lender| lender.any(is))
    }

    /// Their texts, to be looked for and not to be kept.
    pub(crate) fn with<R>(&self, look: impl FnOnce(&[&str]) -> R) -> R {
        let lent = self.lender.iter().flat_map(|lender| lender.lent());
        let lent: Vec<_> = lent.collect();
        let lent = lent
            .iter()
            .flat_map(|one| [Some(one.secret_access_key()), one.session_token()]);
        let known = self.known.iter().map(ExposeSecret::expose_secret);
        let all: Vec<_> = known.chain(lent.flatten()).collect();
        look(&all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn r_d7_a_key_leaves_the_rotation_and_comes_back_by_itself() {
        let key = Key::new(None, Dialect::OpenAi, Clock).unwrap();
        assert_eq!(key.fit(Clock.now()), Ok(()));
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
        for dialect in Dialect::ALL {
            let shown = format!("{:?}", dialect.speaks().show(&key.value).unwrap());
            assert!(!shown.contains("canary"), "{shown}");
        }
    }
}
