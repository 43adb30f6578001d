//! Single flight: of those who ask the same at once, one works for all.
//!
//! 1. One run a key at a time; who comes meanwhile shares its end (R-G35). One
//!    that all have left is never polled again, but may still be dropping.
//! 2. No lock is held while the work runs; other keys go on (R-G34).
//! 3. Nothing is kept: after an end, good or bad, the next call begins anew.
//! 4. Who leaves, or stays and is not polled, strands nobody; a panic is an end.
//! 5. Flights are bounded and counted. What is to be kept has an [`OnceCell`].

use std::collections::HashMap;
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::Hash;
use std::pin::Pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Wake, Waker};

/// A value that is built when it is first asked for, by one of those who ask,
/// and kept: later access takes no lock, and a build that failed or was
/// cancelled is tried again by the next (R-G15). The runtime's own does this.
pub use tokio::sync::OnceCell;

use crate::bell::Bell;
use crate::exit::Exit;
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::rank::Rank;
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};
use crate::task::caught;

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OnceError<E> {
    /// The work gave this error, to everybody who waited for it.
    #[error("{0}")]
    Failed(E),
    /// The work panicked; the message of the panic.
    #[error("the work panicked: {0}")]
    Panicked(Arc<str>),
    /// As many keys are worked on as may be.
    #[error("{limit} keys are worked on, and no more may be")]
    TooMany {
        /// How many may be.
        limit: usize,
    },
}

type Shared<V, E> = Result<V, OnceError<E>>;
type Work<V, E> = Pin<Box<dyn Future<Output = Exit<Result<V, E>>> + Send>>;

/// The work in flight, by key.
///
/// The work belongs to no caller: it is polled by whichever of them is woken
/// first. So it needs no task, and goes on at once when any caller leaves or
/// is stuck elsewhere; the price is that all who wait are woken at each step
/// of the work, of whom one polls it and the others lie down again.
pub struct Once<K, V, E> {
    limit: usize,
    /// Locked before the inside of a flight, never after it.
    flights: Mutex<HashMap<K, Arc<Flight<V, E>>>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    started: AtomicU64,
    joined: AtomicU64,
    refused: AtomicU64,
    done: AtomicU64,
    failed: AtomicU64,
    abandoned: AtomicU64,
}

struct Flight<V, E> {
    inside: Mutex<Inside<V, E>>,
    /// Set once, before the last ring.
    landed: OnceLock<Shared<V, E>>,
}

struct Inside<V, E> {
    /// Not here while somebody polls it.
    work: Option<Work<V, E>>,
    /// It was woken, or never polled.
    due: bool,
    callers: Bell,
}

impl<K, V, E> Once<K, V, E>
where
    K: Eq + Hash + Clone,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    /// Nothing in flight, and never more keys at once than `limit`.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            flights: Mutex::ranked(Rank::FLIGHTS, HashMap::new()),
            counts: Counts::default(),
        }
    }

    /// The result of the work for this key: of the one in flight, else of this
    /// one. Dropping it leaves the others what they wait for.
    ///
    /// Who found nothing in a cache and comes here may come just after an end:
    /// the work does well to look into the cache first. Work that asks for its
    /// own key waits for itself.
    ///
    /// # Errors
    /// [`OnceError`]: the work failed or panicked, or there are too many.
    pub async fn run<F>(&self, key: K, work: impl FnOnce() -> F + Send + 'static) -> Shared<V, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let caller = self.join(key, work)?;
        poll_fn(|cx| caller.poll(cx)).await
    }

    fn join<F>(
        &self,
        key: K,
        work: impl FnOnce() -> F + Send + 'static,
    ) -> Result<Caller<'_, K, V, E>, OnceError<E>>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let limit = self.limit;
        let mut flights = self.flights.lock();
        let (flight, count) = match flights.get(&key) {
            Some(flight) => (Arc::clone(flight), &self.counts.joined),
            None if flights.len() >= limit => {
                drop(flights);
                count(&self.counts.refused);
                return Err(OnceError::TooMany { limit });
            }
            None => {
                // Begun at the first poll, so that nothing of it runs in here.
                let work = Box::pin(caught(async move { work().await }));
                let flight = Arc::new(Flight::new(work));
                flights.insert(key.clone(), Arc::clone(&flight));
                (flight, &self.counts.started)
            }
        };
        // Before the map is free, so that a flight never lacks its callers.
        let seat = flight.inside.lock().callers.sit();
        drop(flights);
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Caller {
            once: self,
            key,
            flight,
            seat,
        })
    }

    /// How many keys are worked on.
    pub fn flying(&self) -> usize {
        self.flights.lock().len()
    }
}

/// At rest, started = done + failed + abandoned.
impl<K, V, E> Observe for Once<K, V, E>
where
    K: Eq + Hash + Clone,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let flying = gauge(self.flying() as u64);
        to.gauge(names::ONCE_FLYING, labels, flying);
        for (metric, total) in [
            (names::ONCE_STARTED, &self.counts.started),
            (names::ONCE_JOINED, &self.counts.joined),
            (names::ONCE_REFUSED, &self.counts.refused),
            (names::ONCE_DONE, &self.counts.done),
            (names::ONCE_FAILED, &self.counts.failed),
            (names::ONCE_ABANDONED, &self.counts.abandoned),
        ] {
            let total = total.load(Ordering::Relaxed);
            to.counter(metric, labels, total);
        }
    }
}

impl<K, V, E> fmt::Debug for Once<K, V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Once")
            .field("limit", &self.limit)
            .field("counts", &self.counts)
            .finish_non_exhaustive()
    }
}

fn count(total: &AtomicU64) {
    total.fetch_add(1, Ordering::Relaxed);
}

impl<V, E> Flight<V, E> {
    fn new(work: Work<V, E>) -> Self {
        let inside = Inside {
            work: Some(work),
            due: true,
            callers: Bell::default(),
        };
        Self {
            inside: Mutex::new(inside),
            landed: OnceLock::new(),
        }
    }

    /// One step under the lock; wakes after it.
    fn change<R>(&self, step: impl FnOnce(&mut Inside<V, E>, &mut Vec<Waker>) -> R) -> R {
        let mut woken = Vec::new();
        let result = step(&mut self.inside.lock(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
        result
    }
}

/// The waker of the work: all who wait are told, and one of them polls it.
impl<V: Send + Sync, E: Send + Sync> Wake for Flight<V, E> {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.change(|inside, woken| {
            inside.due = true;
            // While it is polled the poller sees `due` when it puts it back.
            if inside.work.is_some() {
                inside.callers.ring(woken);
            }
        });
    }
}

/// One who waits for a flight.
struct Caller<'a, K: Eq + Hash, V, E> {
    once: &'a Once<K, V, E>,
    key: K,
    flight: Arc<Flight<V, E>>,
    seat: usize,
}

impl<K, V, E> Caller<'_, K, V, E>
where
    K: Eq + Hash,
    V: Clone + Send + Sync + 'static,
    E: Clone + Send + Sync + 'static,
{
    fn poll(&self, cx: &Context<'_>) -> Poll<Shared<V, E>> {
        let mut before = None;
        let work = self.flight.change(|inside, _| {
            // The end is told before the last ring: not seen here, it rings.
            if self.flight.landed.get().is_some() {
                return None;
            }
            before = inside.callers.wait(self.seat, cx.waker());
            let work = inside.work.take_if(|_| inside.due);
            inside.due &= work.is_none();
            work
        });
        drop(before);
        if let Some(result) = self.flight.landed.get() {
            return Poll::Ready(result.clone());
        }
        match work {
            Some(work) => self.work(work),
            None => Poll::Pending,
        }
    }

    fn work(&self, mut work: Work<V, E>) -> Poll<Shared<V, E>> {
        let waker = Waker::from(Arc::clone(&self.flight));
        let Poll::Ready(exit) = work.as_mut().poll(&mut Context::from_waker(&waker)) else {
            self.flight.change(|inside, woken| {
                inside.work = Some(work);
                if inside.due {
                    inside.callers.ring(woken);
                }
            });
            return Poll::Pending;
        };
        drop(work);
        let result = match exit {
            Exit::Done(Ok(value)) => Ok(value),
            Exit::Done(Err(error)) => Err(OnceError::Failed(error)),
            // A caught future ends in no third way; what it says is told.
            other => Err(OnceError::Panicked(panic_of(other).into())),
        };
        self.land(result);
        // The clone is not our code: it comes when all the others are told.
        self.flight
            .landed
            .get()
            .map_or(Poll::Pending, |result| Poll::Ready(result.clone()))
    }

    fn land(&self, result: Shared<V, E>) {
        let counts = &self.once.counts;
        count(if result.is_ok() {
            &counts.done
        } else {
            &counts.failed
        });
        // Out of the map first: who is told the end and asks again begins anew.
        let entry = self.once.flights.lock().remove_entry(&self.key);
        let set = self.flight.landed.set(result);
        debug_assert!(set.is_ok(), "one flight lands once");
        self.flight
            .change(|inside, woken| inside.callers.ring(woken));
        drop(entry);
    }
}

fn panic_of<T>(exit: Exit<T>) -> String {
    match exit {
        Exit::Panicked(message) => message,
        other => other.label().to_owned(),
    }
}

impl<K: Eq + Hash, V, E> Drop for Caller<'_, K, V, E> {
    fn drop(&mut self) {
        if self.flight.landed.get().is_some() {
            return;
        }
        let mut flights = self.once.flights.lock();
        let mut inside = self.flight.inside.lock();
        let waker = inside.callers.leave(self.seat);
        let last = inside.callers.len() == 0 && self.flight.landed.get().is_none();
        let work = inside.work.take_if(|_| last);
        drop(inside);
        let entry = last.then(|| flights.remove_entry(&self.key));
        drop(flights);
        if last {
            count(&self.once.counts.abandoned);
        }
        drop((waker, work, entry));
    }
}
