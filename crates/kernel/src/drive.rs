//! Work that is driven inside another task's poll, such as a connection.
//!
//! 1. What wakes the work while it is polled polls it again there, and gives
//!    the task no second turn; [`ROUNDS`] times at the most, then others run.
//! 2. Any other wake reaches the task that polled last; none is lost.
//! 3. A poll that nothing has asked for is one short lock: the work is not met.
//! 4. At rest it wakes nobody, and holds no waker of a task.
//!
//! Whatever the work waits for must hold the waker that it is polled with.

use std::task::{Context, Poll, Wake, Waker};

use crate::sync::{Arc, Mutex};

/// How often the work may ask for more before the task lets others run.
const ROUNDS: usize = 3;

/// See the module's text.
#[derive(Debug)]
pub struct Drive {
    shared: Arc<Shared>,
    waker: Waker,
}

#[derive(Debug)]
struct Shared(Mutex<State>);

#[derive(Debug)]
struct State {
    /// The work wants to be polled.
    called: bool,
    /// The work is being polled.
    driven: bool,
    task: Option<Waker>,
}

impl Default for Drive {
    fn default() -> Self {
        Self::new()
    }
}

impl Drive {
    /// At rest. The first poll meets the work.
    pub fn new() -> Self {
        let shared = Arc::new(Shared(Mutex::new(State {
            called: true,
            driven: false,
            task: None,
        })));
        let waker = Waker::from(Arc::clone(&shared));
        Self { shared, waker }
    }

    /// Polls the work, if something has called for it since it was pending. Work
    /// that was ready is always met again.
    pub fn poll<T>(
        &mut self,
        cx: &mut Context<'_>,
        mut work: impl FnMut(&mut Context<'_>) -> Poll<T>,
    ) -> Poll<T> {
        if !self.begin(cx.waker()) {
            return Poll::Pending;
        }
        let driving = Driving(&self.shared);
        let mut inside = Context::from_waker(&self.waker);
        for _ in 0..ROUNDS {
            if let Poll::Ready(value) = work(&mut inside) {
                return Poll::Ready(value);
            }
            if self.shared.rests() {
                std::mem::forget(driving);
                return Poll::Pending;
            }
        }
        // The task is on: it comes back when the others had their turn.
        drop(driving);
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// The work changes hands: nobody is woken until the next poll, and that
    /// meets it.
    pub fn rest(&mut self) {
        let mut state = self.shared.0.lock();
        state.called = true;
        let task = state.task.take();
        drop(state);
        drop(task);
    }

    /// Whether there is something to do; from here on `task` is who is woken.
    fn begin(&self, task: &Waker) -> bool {
        let mut state = self.shared.0.lock();
        let called = std::mem::replace(&mut state.called, false);
        state.driven = called;
        let known = state.task.as_ref();
        if known.is_some_and(|known| known.will_wake(task)) {
            return called;
        }
        let before = state.task.replace(task.clone());
        drop(state);
        drop(before);
        called
    }
}

impl Shared {
    /// Whether nothing called while the work was polled: then it is pending.
    fn rests(&self) -> bool {
        let mut state = self.0.lock();
        let called = std::mem::replace(&mut state.called, false);
        state.driven = called;
        !called
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut state = self.0.lock();
        state.called = true;
        let task = match state.driven {
            true => None,
            false => state.task.take(),
        };
        drop(state);
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// The work is being polled. Whichever way that ends, but for "pending", the
/// next poll meets the work again.
struct Driving<'a>(&'a Shared);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        let mut state = self.0.0.lock();
        (state.driven, state.called) = (false, true);
    }
}
