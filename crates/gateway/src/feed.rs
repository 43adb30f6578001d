//! What happens to the requests, as numbered events for those who watch.
//!
//! Promises: 1. while nobody watches, a change costs one relaxed load; 2. who
//! watches is told the state and then every change of it, or the state anew;
//! 3. a slow watcher delays nobody; events and watchers are bounded; 4. a number
//! that was told is good for coming back while the events behind it are kept;
//! 5. it ends with the drain. A watch is no request and stands in no ledger.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kernel::rank::Rank;
use kernel::sync::Mutex;
use kernel::{
    Class, Clock, End, Instant, Labels, Observe, Publisher, Relay, RelaySettings, Relays, Since,
    SubscribeRefused, Subscriber, Visitor, Why,
};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId};

use crate::attempt::shutting_down;
use crate::failure::Failure;
use crate::live::RequestView;
use crate::request::Request;

/// What is kept for who comes back, or is slow, and how many may watch.
const BOUNDS: RelaySettings = RelaySettings {
    events: 4096,
    bytes: 4096 * WEIGHT,
    subscribers: 16,
};

/// About what one event keeps: its request with its names.
const WEIGHT: u64 = 512;

/// So long after the last watcher left the events go on, for who comes back.
const LINGER: Duration = Duration::from_secs(10);

/// Taken before those of the relay.
const RANK: Rank = Rank::new(50, "the feed of requests");

/// One change.
#[derive(Debug)]
pub enum Notice {
    /// A request as it is from this moment on: new, or changed.
    Changed(RequestView),
    /// A request has its outcome.
    Ended {
        /// Whose.
        id: RequestId,
        /// The ledger's class of it.
        class: Class,
        /// The ledger's label of it.
        outcome: &'static str,
        /// From its admission to its end.
        total: Duration,
    },
}

/// The place of an event among all: of which feed, and its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    epoch: u64,
    number: u64,
}

impl Mark {
    pub(crate) fn new(epoch: u64, number: u64) -> Self {
        Self { epoch, number }
    }

    /// Reads the form that is written; nothing if it is none of ours.
    pub fn parse(text: &str) -> Option<Self> {
        let (epoch, number) = text.split_once('-')?;
        Some(Self {
            epoch: u64::from_str_radix(epoch, 16).ok()?,
            number: number.parse().ok()?,
        })
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{}", self.epoch, self.number)
    }
}

/// See the module's text.
#[derive(Debug)]
pub(crate) struct Feed {
    on: AtomicBool,
    state: Mutex<State>,
    relays: Relays,
    clock: Clock,
}

#[derive(Debug)]
struct State {
    /// None once the feed has ended.
    publisher: Option<Publisher<Notice>>,
    relay: Relay<Notice>,
    /// Another one whenever something was not published.
    epoch: u64,
    /// Since when a change was seen by nobody.
    deserted: Option<Instant>,
    refreshed: Instant,
}

/// A seat at the feed.
pub(crate) struct Seat {
    pub(crate) subscriber: Subscriber<Notice>,
    pub(crate) relay: Relay<Notice>,
    pub(crate) epoch: u64,
    /// Whether it goes on where it was.
    pub(crate) goes_on: bool,
}

impl Feed {
    /// `seed` differs between processes.
    pub(crate) fn new(seed: u64, clock: Clock) -> Self {
        let relays = Relays::new(BOUNDS);
        let (publisher, relay) = relays.open();
        let state = State {
            publisher: Some(publisher),
            relay,
            epoch: seed,
            deserted: None,
            refreshed: clock.now(),
        };
        Self {
            on: AtomicBool::new(false),
            state: Mutex::ranked(RANK, state),
            relays,
            clock,
        }
    }

    /// Whether somebody watches. Who changes something asks after the change:
    /// then either the first look of a watcher sees it, or this sees the
    /// watcher. Without a fence that is not promised, which is why a watcher
    /// looks again; see `watcher`.
    pub(crate) fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// This request is new, or has changed.
    pub(crate) fn changed(&self, request: &Arc<Request>, ahead: impl FnOnce() -> Option<usize>) {
        if self.is_on() {
            self.tell_change(request, ahead());
        }
    }

    #[cold]
    fn tell_change(&self, request: &Arc<Request>, ahead: Option<usize>) {
        let view = RequestView::new(Arc::clone(request), ahead, self.clock.now());
        request.is_told(view.told());
        self.publish(Notice::Changed(view));
    }

    /// Tells this request again, if it is not as it was told last; whether it
    /// was. Under the lock, so that nothing newer is told before it.
    pub(crate) fn tell_again(&self, request: &Arc<Request>, ahead: Option<usize>) -> bool {
        let mut state = self.state.lock();
        let view = RequestView::new(Arc::clone(request), ahead, self.clock.now());
        let stale = !request.has_ended() && request.told() != Some(view.told());
        if stale {
            request.is_told(view.told());
            state.publish(Notice::Changed(view));
        }
        stale
    }

    /// A request has left the ledger.
    pub(crate) fn ended(
        &self,
        (id, started): (RequestId, Instant),
        class: Class,
        outcome: &'static str,
    ) {
        if self.is_on() {
            let total = self.clock.now().saturating_duration_since(started);
            self.publish(Notice::Ended {
                id,
                class,
                outcome,
                total,
            });
        }
    }

    #[cold]
    fn publish(&self, notice: Notice) {
        let mut state = self.state.lock();
        if state.is_deserted(self.clock) {
            self.on.store(false, Ordering::Relaxed);
            state.begin_anew(&self.relays);
        } else {
            state.publish(notice);
        }
    }

    /// A seat for a watcher, who was told the event of that mark last.
    pub(crate) fn subscribe(&self, last: Option<Mark>) -> Result<Seat, Failure> {
        let mut state = self.state.lock();
        if state.publisher.is_none() {
            return Err(shutting_down());
        }
        let known = last.filter(|last| last.epoch == state.epoch && self.is_on());
        let since = known.map_or(Since::Now, |last| Since::After(last.number));
        let seat = state.relay.subscribe(since);
        let (subscriber, goes_on) = match seat {
            Err(SubscribeRefused::Unknown { .. }) => (state.relay.subscribe(Since::Now), false),
            seat => (seat, known.is_some()),
        };
        let subscriber = subscriber.map_err(|_| too_many())?;
        state.deserted = None;
        self.on.store(true, Ordering::SeqCst);
        Ok(Seat {
            subscriber,
            relay: state.relay.clone(),
            epoch: state.epoch,
            goes_on,
        })
    }

    /// Whether it is time to look again at what was told: once in this
    /// time, however many watch.
    pub(crate) fn is_stale(&self, after: Duration) -> bool {
        let now = self.clock.now();
        let mut state = self.state.lock();
        let stale = now.saturating_duration_since(state.refreshed) >= after;
        if stale {
            state.refreshed = now;
        }
        stale
    }

    /// Ends it, for all who watch.
    pub(crate) fn close(&self) {
        let publisher = {
            let mut state = self.state.lock();
            self.on.store(false, Ordering::Relaxed);
            state.publisher.take()
        };
        if let Some(publisher) = publisher {
            publisher.end(End::Aborted(Why::Shutdown));
        }
    }
}

impl State {
    /// Whether nobody has watched for so long that nobody will come back.
    fn is_deserted(&mut self, clock: Clock) -> bool {
        if self.relay.subscribers() > 0 {
            self.deserted = None;
            return false;
        }
        let now = clock.now();
        let since = *self.deserted.get_or_insert(now);
        now.saturating_duration_since(since) > LINGER
    }

    fn publish(&mut self, notice: Notice) {
        if let Some(publisher) = &mut self.publisher {
            // It fits, and only `close` ends it.
            let _ = publisher.publish(notice, WEIGHT);
        }
    }

    /// Lets go of what is kept; marks of before are not taken any more.
    fn begin_anew(&mut self, relays: &Relays) {
        if self.publisher.is_some() {
            let (publisher, relay) = relays.open();
            (self.publisher, self.relay) = (Some(publisher), relay);
            self.epoch = self.epoch.wrapping_add(1);
            self.deserted = None;
        }
    }
}

impl Observe for Feed {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.relays.observe(labels, to);
    }
}

fn too_many() -> Failure {
    let text = format!(
        "{} watch the requests already, and no more may; `GET /debug/requests` shows them once.",
        BOUNDS.subscribers
    );
    Failure::new(Code::Overloaded, text).with_retry_after(Duration::from_secs(5))
}
