//! A bounded queue of things, in fair order, for jobs and events.
//!
//! 1. `offered` = delivered + refused + dropped + cancelled + waiting, always.
//! 2. What is in it is taken once, in the order of `fair`; who leaves while it
//!    offers or takes loses nothing that was in.
//! 3. A full queue answers by its policy; control is never dropped. Whose thing
//!    is dropped is told (R-G38, R-M4). 4. After `close` what is in is still
//!    taken; then, and only then, takers hear the end (R-G31).

mod state;
mod stats;
mod wait;

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;

use self::state::State;
pub use self::stats::QueueStats;
pub use self::wait::{Submit, Take};
use crate::after::After;
use crate::clock::Deadline;
use crate::observe::{Labels, Observe, Visitor};
use crate::overflow::Overflow;
use crate::sync::{Arc, Mutex};
use crate::tag::Tag;

/// How much may wait, and what happens beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QueueSettings {
    /// Places. The door of `Block` has as many again, and control has a few of
    /// its own.
    pub items: usize,
    /// Bytes of all that is in; the door has as many again.
    pub bytes: u64,
    /// What a full queue does with a newcomer.
    pub overflow: Overflow,
}

/// What became of an offer.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "what was not taken comes back in here"]
pub enum Offered<T> {
    /// It is in.
    Submitted,
    /// There is no room, or none came in time; it comes back.
    Full(T),
    /// The queue takes no more; it comes back.
    Closed(T),
}

/// What a look into the queue found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken<T> {
    /// The next one.
    Item(T),
    /// Nothing just now.
    Empty,
    /// Nothing, and nothing will come.
    Closed,
}

type Hook<T> = Box<dyn Fn(T, Tag) + Send + Sync>;

/// The queue; a handle, cheap to clone.
pub struct Queue<T>(Arc<Shared<T>>);

struct Shared<T> {
    state: Mutex<State<T>>,
    on_drop: OnceLock<Hook<T>>,
}

impl<T> Queue<T> {
    /// An empty queue; it allocates when the first one waits.
    pub fn new(settings: QueueSettings) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State::new(&settings)),
            on_drop: OnceLock::new(),
        }))
    }

    /// Changes the settings in place. Who waits stays; who waits before the
    /// door comes in if there is room now.
    pub fn apply(&self, settings: QueueSettings) {
        self.change(|state, after| state.apply(&settings, after));
    }

    /// Gives what the policy drops out of the queue to `hook`, without a lock,
    /// so that its owner is told; without a hook it is dropped as a value is.
    /// The first hook stays; what it panics with goes nowhere.
    pub fn on_drop(&self, hook: impl Fn(T, Tag) + Send + Sync + 'static) {
        let _ = self.0.on_drop.set(Box::new(hook));
    }

    /// Puts `item` in if there is room now; it never waits.
    pub fn offer(&self, item: T, tag: Tag) -> Offered<T> {
        let (offered, dropped) = self.change(|state, after| {
            let offered = state.offer(item, tag, after);
            (offered, state.dropped())
        });
        self.told(dropped);
        offered
    }

    /// Puts `item` in, and with [`Overflow::Block`] waits for room until the
    /// deadline; the place before the door is taken by this call. Control does
    /// not wait: it has room of its own, or is refused.
    ///
    /// Dropping the answer while it waits takes the item back and drops it.
    pub fn submit(&self, item: T, tag: Tag, deadline: Deadline) -> Submit<T> {
        let (entry, dropped) = self.change(|state, after| {
            let entry = state.submit(item, tag, after);
            (entry, state.dropped())
        });
        self.told(dropped);
        Submit::new(self.clone(), entry, deadline)
    }

    /// The next one, as soon as there is one; `None` once the queue is closed
    /// and empty. Dropping it loses nothing.
    pub fn take(&self) -> Take<T> {
        Take::new(self.clone())
    }

    /// The next one if there is one now.
    pub fn try_take(&self) -> Taken<T> {
        self.change(State::try_take)
    }

    /// Refuses what comes from here on, and what waits before the door. What is
    /// in is still taken.
    pub fn close(&self) {
        self.change(State::close);
    }

    /// Whether it takes no more.
    pub fn is_closed(&self) -> bool {
        self.0.state.lock().is_closed()
    }

    /// The numbers of this moment, under one lock.
    pub fn stats(&self) -> QueueStats {
        self.0.state.lock().stats()
    }

    fn change<R>(&self, step: impl FnOnce(&mut State<T>, &mut After) -> R) -> R {
        let mut after = After::default();
        let result = step(&mut self.0.state.lock(), &mut after);
        after.run();
        result
    }

    fn told(&self, dropped: Vec<(T, Tag)>) {
        if let Some(hook) = self.0.on_drop.get() {
            for (item, tag) in dropped {
                // A hook that panics must not keep the others from being told.
                let _ = catch_unwind(AssertUnwindSafe(|| hook(item, tag)));
            }
        }
    }
}

impl<T> Observe for Queue<T> {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        self.stats().observe(labels, to);
    }
}

impl<T> Clone for Queue<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Queue<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").finish_non_exhaustive()
    }
}
