//! Answers that are on their way, for all who ask the same at once.
//!
//! 1. One of them asks; all get the same head and the same bytes, each at its own
//!    pace: whoever reads slowly delays nobody.
//! 2. The work belongs to none of them: whoever is woken first drives it, it goes on
//!    when any of them leaves, and ends when all have left.
//! 3. What is kept for who comes later, or reads slower, is bounded: who falls
//!    behind by more is told so, by an error.

use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use kernel::sync::Mutex;
use kernel::{
    End, Labels, Observe, Once, OnceError, Publisher, Relay, RelaySettings, Relayed, Relays, Since,
    Subscriber, Visitor,
};
use tidegate_kernel as kernel;
use tidegate_types::Code;

use super::Key;
use crate::failure::{Failure, Spent};

/// Answers on their way at one time, at most; beyond it everybody asks for himself.
const MOST: usize = 1024;

/// Who reads one of them, at most.
const MOST_READERS: usize = 4096;

/// Pieces of an answer that are kept for who reads slowly.
const PIECES: usize = 1 << 16;

/// So many bytes are made before those who read have their turn.
pub(crate) const TURN: usize = 64 << 10;

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module's text.
pub(crate) struct Flights {
    once: Arc<Once<u64, (), ()>>,
    map: Mutex<HashMap<Key, Arc<Flight>>>,
    relays: Relays,
    next: AtomicU64,
}

/// What comes before the bytes of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) stream: bool,
    pub(crate) spent: Spent,
    /// All of it, if it is no stream.
    pub(crate) whole: Option<Bytes>,
}

/// The head, or why there is none, and whether that was before anybody was asked.
pub(crate) type Told = Result<Head, (Failure, bool)>;

/// One answer on its way.
pub(crate) struct Flight {
    id: u64,
    relay: Relay<Bytes>,
    head: OnceLock<Told>,
    /// Until somebody begins to drive it.
    work: Mutex<Option<Work>>,
    seats: AtomicUsize,
}

/// What one of those who ask holds.
pub(crate) struct Seat {
    flights: Arc<Flights>,
    key: Key,
    flight: Arc<Flight>,
    join: Pin<Box<dyn Future<Output = Result<(), OnceError<()>>> + Send + Sync>>,
    joined: bool,
    pieces: Subscriber<Bytes>,
    /// Whether it was the one that began.
    pub(crate) leads: bool,
}

/// How an answer goes on.
pub(crate) enum Next {
    Piece(Bytes),
    /// Everything was said.
    Finished,
    /// It broke; with the code that its readers were told, if they were.
    Broken(Option<Code>),
    /// This reader is too far behind.
    Behind,
}

impl Flights {
    /// `bytes` are kept of each answer.
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            once: Arc::new(Once::new(MOST)),
            map: Mutex::new(HashMap::new()),
            relays: Relays::new(RelaySettings {
                events: PIECES,
                bytes: bytes.max(2 * TURN) as u64,
                subscribers: MOST_READERS,
            }),
            next: AtomicU64::new(0),
        }
    }

    /// A seat in the flight for `key`, or in the one that `work` makes. None if
    /// there are too many.
    pub(crate) fn join(
        self: &Arc<Self>,
        key: Key,
        work: impl FnOnce(Arc<Flight>, Publisher<Bytes>) -> Work,
    ) -> Option<Seat> {
        let (flight, leads) = match self.board(&key)? {
            Some(flight) => (flight, false),
            None => self.take_off(key, work),
        };
        let Ok(pieces) = flight.relay.subscribe(Since::Start) else {
            self.leave(&key, &flight);
            return None;
        };
        let (once, theirs) = (Arc::clone(&self.once), Arc::clone(&flight));
        let begin = move || {
            let work = theirs.work.lock().take();
            async move {
                if let Some(work) = work {
                    work.await;
                }
                Ok(())
            }
        };
        let id = flight.id;
        Some(Seat {
            flights: Arc::clone(self),
            key,
            flight,
            join: Box::pin(async move { once.run(id, begin).await }),
            joined: false,
            pieces,
            leads,
        })
    }

    /// A place in the flight that there is, if there is one; none at all where there
    /// are too many for another one.
    #[expect(clippy::option_option, reason = "no flight, and no room for one")]
    fn board(&self, key: &Key) -> Option<Option<Arc<Flight>>> {
        let map = self.map.lock();
        match map.get(key) {
            Some(flight) => {
                flight.seats.fetch_add(1, Ordering::Relaxed);
                Some(Some(Arc::clone(flight)))
            }
            None => (map.len() < MOST).then_some(None),
        }
    }

    /// A new flight, unless another caller was quicker; whether it is ours. It is
    /// made before anybody can see it, and without a lock.
    fn take_off(
        &self,
        key: Key,
        work: impl FnOnce(Arc<Flight>, Publisher<Bytes>) -> Work,
    ) -> (Arc<Flight>, bool) {
        let (publisher, relay) = self.relays.open();
        let ours = Arc::new(Flight {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            relay,
            head: OnceLock::new(),
            work: Mutex::new(None),
            seats: AtomicUsize::new(1),
        });
        let work = work(Arc::clone(&ours), publisher);
        *ours.work.lock() = Some(work);
        let mut map = self.map.lock();
        let theirs = map.get(&key).map(|known| {
            known.seats.fetch_add(1, Ordering::Relaxed);
            Arc::clone(known)
        });
        if theirs.is_none() {
            map.insert(key, Arc::clone(&ours));
        }
        drop(map);
        match theirs {
            None => (ours, true),
            Some(theirs) => {
                ours.scrap();
                (theirs, false)
            }
        }
    }

    /// One of its seats is empty; without any it is nobody's.
    fn leave(&self, key: &Key, flight: &Flight) {
        let mut map = self.map.lock();
        let last = flight.seats.fetch_sub(1, Ordering::Relaxed) == 1;
        let gone = match map.get(key) {
            Some(known) if last && known.id == flight.id => map.remove(key),
            _ => None,
        };
        drop(map);
        drop(gone);
        if last {
            flight.scrap();
        }
    }

    /// Nobody joins this one from here on.
    pub(crate) fn land(&self, key: &Key, flight: &Flight) {
        let mut map = self.map.lock();
        let gone = match map.get(key) {
            Some(known) if known.id == flight.id => map.remove(key),
            _ => None,
        };
        drop(map);
        drop(gone);
    }
}

impl Observe for Flights {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.once.observe(labels, to);
        self.relays.observe(labels, to);
    }
}

impl Flight {
    /// Nobody has begun it, and nobody will: it holds itself until then.
    fn scrap(&self) {
        let work = self.work.lock().take();
        drop(work);
    }

    /// What all of them are told first. Once.
    pub(crate) fn tell(&self, head: Told) {
        let told = self.head.set(head);
        debug_assert!(told.is_ok(), "an answer has one head");
    }
}

impl Seat {
    /// The head of the answer; none if whoever asked left before there was one,
    /// and nobody asks any more.
    pub(crate) fn poll_head(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told>> {
        if let Some(head) = self.flight.head.get() {
            return Poll::Ready(Some(head.clone()));
        }
        let ended = self.drive(cx);
        match self.flight.head.get() {
            Some(head) => Poll::Ready(Some(head.clone())),
            None if ended => Poll::Ready(None),
            None => Poll::Pending,
        }
    }

    /// The next piece of it, or its end.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Poll::Ready(next) = self.poll_piece(cx) {
            return Poll::Ready(next);
        }
        if self.drive(cx) {
            // All that there is stands in the relay.
            return self.poll_piece(cx);
        }
        self.poll_piece(cx)
    }

    fn poll_piece(&mut self, cx: &Context<'_>) -> Poll<Next> {
        let relayed = std::task::ready!(self.pieces.poll_relayed(cx));
        Poll::Ready(match relayed {
            Some(Relayed::Event { event, .. }) => Next::Piece((*event).clone()),
            Some(Relayed::Gap { .. }) => Next::Behind,
            Some(Relayed::End { end, .. }) => match end {
                End::Finished => Next::Finished,
                End::Failed(code) => {
                    let known = Code::ALL.iter().find(|known| known.as_str() == &*code);
                    Next::Broken(known.copied())
                }
                End::Aborted(_) => Next::Broken(None),
            },
            None => Next::Broken(None),
        })
    }

    /// One step of the work, if it is due; whether it has ended.
    fn drive(&mut self, cx: &mut Context<'_>) -> bool {
        if !self.joined {
            self.joined = self.join.as_mut().poll(cx).is_ready();
        }
        self.joined
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.flights.leave(&self.key, &self.flight);
    }
}

/// Lets those who read have their turn.
pub(crate) async fn turn() {
    let mut waited = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
