//! Answers that are known already: what a tenant asked before is not asked again,
//! and what several of its callers ask at once is asked once.
//!
//! 1. A question is all that decides its answer (`question`), its tenant included.
//! 2. Only a whole, good answer is kept, no longer and no more bytes than was said
//!    (R-G11, R-G14); first goes what was asked for least (TinyLFU).
//! 3. No lock is held while anybody answers; failures are not kept (R-G34, R-G35).

mod flight;
mod question;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, StatusCode};
use kernel::{Clock, Instant, Labels, Observe, Visitor};
use tidegate_kernel as kernel;

use crate::failure::Spent;
use crate::names;
use crate::settings::CacheSettings;

pub(crate) use flight::{Flight, Flights, Head, Next, Seat, TURN, Told, turn};
pub(crate) use question::{Question, question};

/// What a question comes to.
pub(crate) type Key = [u8; 32];

/// How a call met the cache, as its caller is told.
pub(crate) const CACHE: HeaderName = HeaderName::from_static("x-tidegate-cache");

/// See the module's text.
pub(crate) struct Cache {
    pub(crate) settings: CacheSettings,
    known: moka::sync::Cache<Key, Arc<Known>>,
    pub(crate) flights: Arc<Flights>,
    counts: Counts,
    clock: Clock,
}

/// An answer as its caller got it.
pub(crate) struct Known {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) stream: bool,
    /// In the pieces in which it went out; one if it is no stream.
    pub(crate) pieces: Vec<Bytes>,
    bytes: u32,
    since: Instant,
    /// How often it was given again.
    uses: AtomicU64,
}

#[derive(Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    shared: AtomicU64,
    bypassed: AtomicU64,
    kept: AtomicU64,
    too_large: AtomicU64,
}

/// How a call met the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Met {
    /// The answer was there.
    Hit,
    /// It was not, and is asked for.
    Miss,
    /// It was being asked for already.
    Shared,
    /// The cache was not asked.
    Bypass,
}

impl Met {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Hit => "hit",
            Self::Miss => "miss",
            Self::Shared => "shared",
            Self::Bypass => "bypass",
        }
    }
}

impl Cache {
    /// `event` is the most that one piece of an answer can have.
    pub(crate) fn new(settings: CacheSettings, event: usize, clock: Clock) -> Self {
        let weigh = |_: &Key, known: &Arc<Known>| known.bytes;
        let known = moka::sync::Cache::builder()
            .max_capacity(settings.max_bytes)
            .weigher(weigh)
            .time_to_live(settings.ttl)
            .build();
        Self {
            known,
            flights: Arc::new(Flights::new(settings.max_entry.max(2 * event))),
            settings,
            counts: Counts::default(),
            clock,
        }
    }

    /// The answer to this question, if it is there and not older than the asker
    /// wants it. An answer is not older by the cache's clock than by ours.
    pub(crate) fn look(&self, question: &Question) -> Option<(Arc<Known>, Duration)> {
        let known = self.known.get(&question.key)?;
        let age = self.clock.now().saturating_duration_since(known.since);
        let most = question.max_age.unwrap_or(self.settings.ttl);
        if age > most.min(self.settings.ttl) {
            return None;
        }
        known.uses.fetch_add(1, Ordering::Relaxed);
        Some((known, age))
    }

    /// Keeps a whole, good answer.
    pub(crate) fn keep(&self, key: Key, head: &Head, pieces: Vec<Bytes>) {
        let bytes: usize = pieces.iter().map(Bytes::len).sum::<usize>() + OVERHEAD;
        let fits = u32::try_from(bytes)
            .ok()
            .filter(|_| bytes <= self.settings.max_entry);
        let Some(bytes) = fits else {
            self.counts.too_large.fetch_add(1, Ordering::Relaxed);
            return;
        };
        // A piece may be a part of something larger, which would live as long.
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece));
        let known = Known {
            status: head.status,
            headers: lasting(&head.headers),
            stream: head.stream,
            pieces: pieces.collect(),
            bytes,
            since: self.clock.now(),
            uses: AtomicU64::new(0),
        };
        self.known.insert(key, Arc::new(known));
        self.counts.kept.fetch_add(1, Ordering::Relaxed);
    }

    /// A call met the cache like this.
    pub(crate) fn count(&self, met: Met) {
        let count = match met {
            Met::Hit => &self.counts.hits,
            Met::Miss => &self.counts.misses,
            Met::Shared => &self.counts.shared,
            Met::Bypass => &self.counts.bypassed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// What an entry takes beside its bytes, about.
const OVERHEAD: usize = 512;

/// Where the time of an answer went that was there.
pub(crate) const AT_ONCE: Spent = Spent {
    queued: Duration::ZERO,
    upstream: Duration::ZERO,
};

/// The headers that are of the answer, and not of the call that brought it.
fn lasting(headers: &HeaderMap) -> HeaderMap {
    let passing = |name: &HeaderName| {
        let name = name.as_str();
        name.starts_with("x-ratelimit-")
            || name.starts_with("anthropic-ratelimit-")
            || matches!(name, "retry-after" | "x-upstream-request-id")
            || name == CACHE.as_str()
    };
    let kept = headers.iter().filter(|(name, _)| !passing(name));
    kept.map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

impl Observe for Cache {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let counts = &self.counts;
        for (result, number) in [
            (Met::Hit, &counts.hits),
            (Met::Miss, &counts.misses),
            (Met::Shared, &counts.shared),
            (Met::Bypass, &counts.bypassed),
        ] {
            let labels = [labels, &[("result", result.as_str())]].concat();
            to.counter(names::CACHE_CALLS, &labels, read(number));
        }
        to.counter(names::CACHE_KEPT, labels, read(&counts.kept));
        to.counter(names::CACHE_TOO_LARGE, labels, read(&counts.too_large));
        self.known.run_pending_tasks();
        to.gauge(
            names::CACHE_ENTRIES,
            labels,
            self.known.entry_count() as f64,
        );
        to.gauge(
            names::CACHE_BYTES,
            labels,
            self.known.weighted_size() as f64,
        );
        let kind = [labels, &[("kind", "answers")]].concat();
        self.flights.observe(&kind, to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(key: Key, max_age: Option<Duration>) -> Question {
        Question {
            key,
            reads: true,
            keeps: true,
            only: false,
            max_age,
        }
    }

    fn head() -> Head {
        Head {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            stream: false,
            spent: AT_ONCE,
            whole: None,
        }
    }

    fn cache() -> Cache {
        let settings = CacheSettings {
            ttl: Duration::from_secs(60),
            max_bytes: 1 << 20,
            max_entry: 1 << 16,
        };
        Cache::new(settings, 1 << 10, Clock)
    }

    /// R-G12, and R-G11 for a key that nobody asked.
    #[test]
    fn r_g12_each_use_is_counted_once_by_however_many() {
        let cache = cache();
        let key = [7; 32];
        assert!(cache.look(&asked(key, None)).is_none());
        cache.keep(key, &head(), vec![Bytes::from_static(b"tide")]);
        std::thread::scope(|threads| {
            for _ in 0..8 {
                threads.spawn(|| {
                    for _ in 0..125 {
                        assert!(cache.look(&asked(key, None)).is_some());
                    }
                });
            }
        });
        let (known, _) = cache.look(&asked(key, None)).unwrap();
        assert_eq!(known.uses.load(Ordering::Relaxed), 1001);
        // R-G13: a newer answer takes the place of the older one.
        cache.keep(key, &head(), vec![Bytes::from_static(b"ebb")]);
        let (known, _) = cache.look(&asked(key, None)).unwrap();
        assert_eq!(known.pieces, ["ebb"]);
    }

    /// R-G11: what is older than its asker wants it, or than it may be, is not given.
    #[tokio::test(start_paused = true)]
    async fn r_g11_what_is_too_old_is_not_given() {
        let cache = cache();
        let key = [7; 32];
        cache.keep(key, &head(), vec![Bytes::from_static(b"tide")]);
        Clock.sleep(Duration::from_secs(10)).await;
        let seconds = Duration::from_secs;
        assert!(cache.look(&asked(key, Some(seconds(9)))).is_none());
        let (_, age) = cache.look(&asked(key, Some(seconds(10)))).unwrap();
        assert_eq!(age, seconds(10));
        Clock.sleep(seconds(51)).await;
        assert!(cache.look(&asked(key, None)).is_none());
    }
}
