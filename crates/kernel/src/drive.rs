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

use crate::sync::atomic::{AtomicU8, Ordering};
use crate::sync::{Arc, Mutex};

/// How often the work may ask for more before the task lets others run.
const ROUNDS: usize = 3;

/// The work wants to be polled.
const CALLED: u8 = 1;
/// The work is being polled.
const DRIVEN: u8 = 2;

/// See the module's text.
#[derive(Debug)]
pub struct Drive {
    shared: Arc<Shared>,
    waker: Waker,
}

#[derive(Debug)]
struct Shared {
    /// Zero while a task waits: the first call then wakes it, and later ones
    /// find that it was called.
    state: AtomicU8,
    task: Mutex<Option<Waker>>,
}

impl Default for Drive {
    fn default() -> Self {
        Self::new()
    }
}

impl Drive {
    /// At rest. The first poll meets the work.
    pub fn new() -> Self {
        let shared = Arc::new(Shared {
            state: AtomicU8::new(CALLED),
            task: Mutex::new(None),
        });
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
        self.shared.knows(cx.waker());
        // After the task is known: whoever calls from here on finds it.
        if self.shared.state.load(Ordering::Acquire) == 0 {
            return Poll::Pending;
        }
        let mut driving = Driving(Some(&self.shared.state));
        let mut inside = Context::from_waker(&self.waker);
        for _ in 0..ROUNDS {
            self.shared.state.swap(DRIVEN, Ordering::AcqRel);
            if let Poll::Ready(value) = work(&mut inside) {
                return Poll::Ready(value);
            }
            if self.shared.rests() {
                driving.0 = None;
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
        self.shared.state.store(CALLED, Ordering::Release);
        let task = self.shared.task.lock().take();
        drop(task);
    }
}

impl Shared {
    /// From here on `task` is who is woken.
    fn knows(&self, task: &Waker) {
        let mut known = self.task.lock();
        if known.as_ref().is_some_and(|known| known.will_wake(task)) {
            return;
        }
        let before = known.replace(task.clone());
        drop(known);
        drop(before);
    }

    /// Whether nothing called while the work was polled: then it is pending.
    fn rests(&self) -> bool {
        let (success, failure) = (Ordering::AcqRel, Ordering::Acquire);
        let rests = self.state.compare_exchange(DRIVEN, 0, success, failure);
        rests.is_ok()
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.fetch_or(CALLED, Ordering::AcqRel) != 0 {
            // It is being polled, or it was called already.
            return;
        }
        let task = self.task.lock().take();
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// The work is being polled. Whichever way that ends, but for "pending", the
/// next poll meets the work again.
struct Driving<'a>(Option<&'a AtomicU8>);

impl Drop for Driving<'_> {
    fn drop(&mut self) {
        if let Some(state) = self.0 {
            state.store(CALLED, Ordering::Release);
        }
    }
}
