//! One producer, many subscribers: numbered events, the last ones kept.
//!
//! 1. A subscriber sees the numbers without a hole, or is told of the hole.
//! 2. Exactly one end, last, also for who comes after it (INV-TRUNC).
//! 3. A slow subscriber delays nobody and stays (R-S28); only for a required
//!    one does `publish_in_step` wait, up to a deadline (R-G18).
//! 4. Events, bytes and subscribers are bounded, and all is counted.
//! 5. The producer can learn that nobody needs more (R-G17).

use std::future::poll_fn;
use std::task::{Context, Poll, Waker};

use crate::bell::Bell;
use crate::clock::Deadline;
use crate::names;
use crate::observe::{Labels, Observe, Visitor, gauge};
use crate::ring::{Bounds, Found, Ring};
use crate::scope::Why;
use crate::subscriber::{Since, SubscribeRefused, Subscriber};
use crate::sync::atomic::{AtomicU64, Ordering};
use crate::sync::{Arc, Mutex};

/// The bounds of each relay of a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RelaySettings {
    /// Events that are kept for those who read later; at least 1.
    pub events: usize,
    /// Bytes of the events that are kept, together.
    pub bytes: u64,
    /// Subscribers at once.
    pub subscribers: usize,
}

/// How a stream ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything was said.
    Finished,
    /// It was stopped before its end.
    Aborted(Why),
    /// It broke; what happened, as subscribers are told.
    Failed(Arc<str>),
}

/// Why an event was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unpublished {
    /// The stream has ended; nothing follows an end.
    #[error("the stream has ended")]
    Ended(End),
    /// The event alone is larger than all that may be kept.
    #[error("an event of {bytes} bytes, and {limit} may be kept")]
    TooLarge {
        /// Its bytes.
        bytes: u64,
        /// The most that is kept.
        limit: u64,
    },
    /// The required subscriber did not read in time.
    #[error("the required subscriber did not read in time")]
    TooSlow,
}

/// Why nobody needs more events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unneeded {
    /// The stream has ended.
    Ended(End),
    /// The last subscriber left. One may come again.
    Deserted,
}

/// The relays of one kind: their bounds and their numbers.
///
/// Each relay is one ring; a subscriber is a cursor and a waker. What the
/// events mean, and how they are written down, is nobody's business here.
#[derive(Clone, Debug)]
pub struct Relays {
    settings: RelaySettings,
    totals: Arc<Totals>,
}

#[derive(Debug, Default)]
pub(crate) struct Totals {
    open: AtomicU64,
    bytes: AtomicU64,
    published: AtomicU64,
    pub(crate) subscribers: AtomicU64,
    pub(crate) delivered: AtomicU64,
    pub(crate) missed: AtomicU64,
    refused: AtomicU64,
}

impl Relays {
    /// A kind of relay. Nothing is held for it until one is opened.
    pub fn new(settings: RelaySettings) -> Self {
        Self {
            settings,
            totals: Arc::default(),
        }
    }

    /// A new stream without events and subscribers. The relay is the handle of
    /// everybody but the producer; what is kept lives as long as any handle.
    pub fn open<E>(&self) -> (Publisher<E>, Relay<E>) {
        let RelaySettings { events, bytes, .. } = self.settings;
        let bounds = Bounds {
            events: events.max(1),
            bytes,
        };
        self.totals.open.fetch_add(1, Ordering::Relaxed);
        let relay = Relay(Arc::new(Shared {
            settings: self.settings,
            totals: Arc::clone(&self.totals),
            state: Mutex::new(State::new(Ring::new(bounds))),
        }));
        let publisher = Publisher {
            relay: relay.clone(),
            gone: Vec::new(),
            woken: Vec::new(),
        };
        (publisher, relay)
    }
}

/// The numbers of all relays of this kind. Each number that a subscriber came
/// past is in delivered or in missed.
impl Observe for Relays {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        let totals = &*self.totals;
        for (metric, level) in [
            (names::RELAYS_OPEN, &totals.open),
            (names::RELAY_BYTES, &totals.bytes),
            (names::RELAY_SUBSCRIBERS, &totals.subscribers),
        ] {
            let level = gauge(level.load(Ordering::Relaxed));
            to.gauge(metric, labels, level);
        }
        for (metric, total) in [
            (names::RELAY_PUBLISHED, &totals.published),
            (names::RELAY_DELIVERED, &totals.delivered),
            (names::RELAY_MISSED, &totals.missed),
            (names::RELAY_REFUSED, &totals.refused),
        ] {
            let total = total.load(Ordering::Relaxed);
            to.counter(metric, labels, total);
        }
    }
}

#[derive(Debug)]
pub(crate) struct Shared<E> {
    settings: RelaySettings,
    pub(crate) totals: Arc<Totals>,
    state: Mutex<State<E>>,
}

#[derive(Debug)]
pub(crate) struct State<E> {
    ring: Ring<E>,
    end: Option<End>,
    subscribers: Bell,
    /// The number that the required subscriber reads next.
    required: Option<u64>,
    /// Whether there was a subscriber yet.
    attended: bool,
    /// The producer, waiting for room.
    room: Bell,
    /// Those who wait until nobody needs more.
    unneeded: Bell,
}

/// What a subscriber finds at its number.
pub(crate) enum Next<E> {
    Found(Found<E>),
    End(End),
}

impl<E> State<E> {
    fn new(ring: Ring<E>) -> Self {
        Self {
            ring,
            end: None,
            subscribers: Bell::default(),
            required: None,
            attended: false,
            room: Bell::default(),
            unneeded: Bell::default(),
        }
    }

    pub(crate) fn look(&self, number: u64) -> Next<E> {
        match (self.ring.get(number), &self.end) {
            (Found::NotYet, Some(end)) => Next::End(end.clone()),
            (found, _) => Next::Found(found),
        }
    }

    pub(crate) fn wait(&mut self, seat: usize, waker: &Waker) -> Option<Waker> {
        self.subscribers.wait(seat, waker)
    }

    /// The number of what is published next, or of the end.
    pub(crate) fn next(&self) -> u64 {
        self.ring.next()
    }

    /// The required subscriber will read this number next.
    pub(crate) fn step(&mut self, number: u64, woken: &mut Vec<Waker>) {
        self.required = Some(number);
        self.room.ring(woken);
    }

    pub(crate) fn leave(&mut self, seat: usize, required: bool, woken: &mut Vec<Waker>) {
        // To be woken is no harm, and it is dropped after the lock that way.
        woken.extend(self.subscribers.leave(seat));
        if required {
            self.required = None;
            self.room.ring(woken);
        }
        if self.subscribers.len() == 0 {
            self.unneeded.ring(woken);
        }
    }

    fn end(&mut self, end: End, woken: &mut Vec<Waker>) -> bool {
        if self.end.is_some() {
            return false;
        }
        self.end = Some(end);
        self.subscribers.ring(woken);
        self.room.ring(woken);
        self.unneeded.ring(woken);
        true
    }

    fn unneeded(&self) -> Option<Unneeded> {
        if let Some(end) = &self.end {
            return Some(Unneeded::Ended(end.clone()));
        }
        (self.attended && self.subscribers.len() == 0).then_some(Unneeded::Deserted)
    }

    /// The first number for a newcomer, and its seat.
    fn seat(
        &mut self,
        since: Since,
        required: bool,
        limit: usize,
    ) -> Result<(u64, usize), SubscribeRefused> {
        let next = match since {
            Since::Start => 1,
            Since::Now => self.ring.next(),
            Since::After(number) => {
                // The end has a number too, and may have been the last seen.
                let last = self.ring.next() - u64::from(self.end.is_none());
                if number > last {
                    return Err(SubscribeRefused::Unknown { last });
                }
                (number + 1).min(self.ring.next())
            }
        };
        if required && self.required.is_some() {
            return Err(SubscribeRefused::RequiredTaken);
        }
        if self.subscribers.len() >= limit {
            return Err(SubscribeRefused::TooMany { limit });
        }
        if required {
            self.required = Some(next);
        }
        self.attended = true;
        Ok((next, self.subscribers.sit()))
    }
}

impl<E> Shared<E> {
    /// One step under the lock; wakes after it.
    pub(crate) fn change<R>(&self, step: impl FnOnce(&mut State<E>, &mut Vec<Waker>) -> R) -> R {
        let mut woken = Vec::new();
        let result = step(&mut self.state.lock(), &mut woken);
        woken.into_iter().for_each(Waker::wake);
        result
    }
}

impl<E> Drop for Shared<E> {
    fn drop(&mut self) {
        let bytes = self.state.lock().ring.bytes();
        self.totals.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.totals.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A stream, as everybody but its producer holds it; cheap to clone.
#[derive(Debug)]
pub struct Relay<E>(Arc<Shared<E>>);

impl<E> Clone for Relay<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<E> Relay<E> {
    /// A subscriber who reads from there: first what is still kept, or how
    /// much is not, then what comes. Nothing is lost or seen twice between
    /// the two.
    ///
    /// # Errors
    /// [`SubscribeRefused`] if there are too many, or its number is not ours.
    pub fn subscribe(&self, since: Since) -> Result<Subscriber<E>, SubscribeRefused> {
        self.admit(since, false)
    }

    /// The one subscriber for whom [`Publisher::publish_in_step`] waits.
    ///
    /// # Errors
    /// As `subscribe`, or if there is a required one already.
    pub fn subscribe_required(&self, since: Since) -> Result<Subscriber<E>, SubscribeRefused> {
        self.admit(since, true)
    }

    fn admit(&self, since: Since, required: bool) -> Result<Subscriber<E>, SubscribeRefused> {
        let shared = &self.0;
        let limit = shared.settings.subscribers;
        match shared.change(|state, _| state.seat(since, required, limit)) {
            Ok((next, seat)) => Ok(Subscriber::new(Arc::clone(shared), seat, next, required)),
            Err(why) => {
                shared.totals.refused.fetch_add(1, Ordering::Relaxed);
                Err(why)
            }
        }
    }

    /// Ends the stream, for the producer too. The first end stays; whether
    /// this was it.
    pub fn end(&self, end: End) -> bool {
        self.0.change(|state, woken| state.end(end, woken))
    }

    /// How it ended, if it has.
    pub fn ended(&self) -> Option<End> {
        self.0.state.lock().end.clone()
    }

    /// The number of the last event; 0 before the first.
    pub fn last(&self) -> u64 {
        self.0.state.lock().ring.next() - 1
    }

    /// How many listen.
    pub fn subscribers(&self) -> usize {
        self.0.state.lock().subscribers.len()
    }

    /// Waits until nobody needs more: the stream has ended, or there were
    /// subscribers and the last one has left. Cancel safe.
    pub async fn unneeded(&self) -> Unneeded {
        let waiting = Waiting::new(&self.0, |state| &mut state.unneeded);
        poll_fn(|cx| waiting.poll(cx, State::unneeded)).await
    }
}

/// The producer's handle. Dropped before an end was told, the stream failed.
#[derive(Debug)]
pub struct Publisher<E> {
    relay: Relay<E>,
    /// Kept empty, for their memory.
    gone: Vec<Arc<E>>,
    woken: Vec<Waker>,
}

impl<E> Publisher<E> {
    /// The other handle of this stream.
    pub fn relay(&self) -> &Relay<E> {
        &self.relay
    }

    /// Gives the event, which weighs so many bytes, the next number and tells
    /// everybody. Waits for nobody: who is too slow is told what it missed.
    ///
    /// # Errors
    /// [`Unpublished`] if the stream has ended or the event is too large.
    pub fn publish(&mut self, event: E, bytes: u64) -> Result<u64, Unpublished> {
        let Shared {
            settings,
            totals,
            state,
        } = &*self.relay.0;
        too_large(settings, bytes)?;
        let event = Arc::new(event);
        let (number, before, after) = {
            let mut state = state.lock();
            if let Some(end) = &state.end {
                return Err(Unpublished::Ended(end.clone()));
            }
            let before = state.ring.bytes();
            let number = state.ring.push(event, bytes, &mut self.gone);
            state.subscribers.ring(&mut self.woken);
            (number, before, state.ring.bytes())
        };
        // Wraps where it shrinks, and so does the sum: it comes out right.
        let grown = after.wrapping_sub(before);
        totals.bytes.fetch_add(grown, Ordering::Relaxed);
        totals.published.fetch_add(1, Ordering::Relaxed);
        self.woken.drain(..).for_each(Waker::wake);
        // Last, since the drop of an event is not our code.
        self.gone.clear();
        Ok(number)
    }

    /// As `publish`, but first waits until the event pushes out none that the
    /// required subscriber has not read. Dropped while it waits, the event is
    /// not published. Without a required subscriber it does not wait.
    ///
    /// # Errors
    /// As `publish`, and [`Unpublished::TooSlow`] when the deadline passed.
    pub async fn publish_in_step(
        &mut self,
        event: E,
        bytes: u64,
        deadline: Deadline,
    ) -> Result<u64, Unpublished> {
        too_large(&self.relay.0.settings, bytes)?;
        let fits = |state: &State<E>| {
            let unread = state.required.unwrap_or(u64::MAX);
            (state.end.is_some() || state.ring.fits(bytes, unread)).then_some(())
        };
        let now = fits(&self.relay.0.state.lock());
        if now.is_none() {
            let waiting = Waiting::new(&self.relay.0, |state| &mut state.room);
            let room = deadline.bound(poll_fn(|cx| waiting.poll(cx, fits))).await;
            room.map_err(|_| Unpublished::TooSlow)?;
        }
        self.publish(event, bytes)
    }

    /// Ends the stream. Whether this was the first end.
    pub fn end(self, end: End) -> bool {
        self.relay.end(end)
    }
}

impl<E> Drop for Publisher<E> {
    fn drop(&mut self) {
        let what = if std::thread::panicking() {
            "the producer panicked"
        } else {
            "the producer left before the end"
        };
        self.relay.end(End::Failed(what.into()));
    }
}

fn too_large(settings: &RelaySettings, bytes: u64) -> Result<(), Unpublished> {
    let limit = settings.bytes;
    if bytes > limit {
        return Err(Unpublished::TooLarge { bytes, limit });
    }
    Ok(())
}

/// A seat at one of the bells, given up when it is dropped.
struct Waiting<'a, E> {
    shared: &'a Shared<E>,
    bell: fn(&mut State<E>) -> &mut Bell,
    seat: usize,
}

impl<'a, E> Waiting<'a, E> {
    fn new(shared: &'a Shared<E>, bell: fn(&mut State<E>) -> &mut Bell) -> Self {
        let seat = shared.change(|state, _| bell(state).sit());
        Self { shared, bell, seat }
    }

    fn poll<R>(&self, cx: &Context<'_>, ready: impl Fn(&State<E>) -> Option<R>) -> Poll<R> {
        let mut state = self.shared.state.lock();
        if let Some(ready) = ready(&state) {
            return Poll::Ready(ready);
        }
        let before = (self.bell)(&mut state).wait(self.seat, cx.waker());
        drop(state);
        drop(before);
        Poll::Pending
    }
}

impl<E> Drop for Waiting<'_, E> {
    fn drop(&mut self) {
        let waker = (self.bell)(&mut self.shared.state.lock()).leave(self.seat);
        drop(waker);
    }
}
