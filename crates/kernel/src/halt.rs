//! A leaf of cancellation for work that is not a task: one request.
//!
//! Promises: 1. the first reason stays, later ones change nothing; 2. whoever
//! waits in [`Halt::poll_halted`] is woken by the pull, also when both happen
//! at the same time; 3. a halt that is never pulled costs one uncontended lock
//! a wait; 4. of a pull and a close at the same time one is first, and both are
//! told. It holds one waiter: the task that drives the request. It does not
//! reach children, that is the scope's work.

use std::task::{Context, Poll, Waker};

use crate::scope::Why;
use crate::sync::Mutex;

/// See the module's text.
#[derive(Debug, Default)]
pub struct Halt {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    why: Option<Why>,
    closed: bool,
    waiter: Option<Waker>,
}

impl Halt {
    /// A halt that nobody has pulled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the work. Returns whether this call was the first, and in time.
    pub fn pull(&self, why: Why) -> bool {
        let waiter = {
            let mut state = self.state.lock();
            if state.why.is_some() || state.closed {
                return false;
            }
            state.why = Some(why);
            state.waiter.take()
        };
        if let Some(waiter) = waiter {
            waiter.wake();
        }
        true
    }

    /// The work is done: nobody ends it any more. Returns why somebody did
    /// before, which is then for whoever closes to tell.
    pub fn close(&self) -> Option<Why> {
        let mut state = self.state.lock();
        state.closed = true;
        state.why
    }

    /// Whether a pull would still do something.
    pub fn is_open(&self) -> bool {
        let state = self.state.lock();
        state.why.is_none() && !state.closed
    }

    /// Why it was pulled, if it was.
    pub fn why(&self) -> Option<Why> {
        self.state.lock().why
    }

    /// Ready once it was pulled; otherwise the task is woken when it is.
    pub fn poll_halted(&self, cx: &mut Context<'_>) -> Poll<Why> {
        let mut state = self.state.lock();
        if let Some(why) = state.why {
            return Poll::Ready(why);
        }
        let waiter = state.waiter.as_ref();
        if !waiter.is_some_and(|known| known.will_wake(cx.waker())) {
            let before = state.waiter.replace(cx.waker().clone());
            drop(state);
            drop(before);
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::sync::Arc;

    use super::*;

    #[test]
    fn the_first_reason_stays() {
        let halt = Halt::new();
        assert!(halt.pull(Why::Operator));
        assert!(!halt.pull(Why::Shutdown));
        assert_eq!(halt.why(), Some(Why::Operator));
    }

    #[test]
    fn promise_4_who_comes_second_is_told() {
        let halt = Halt::new();
        assert!(halt.is_open() && halt.close().is_none());
        assert!(!halt.pull(Why::Operator) && !halt.is_open());
        assert_eq!((halt.why(), halt.close()), (None, None));
        for _ in 0..1_000 {
            let halt = Arc::new(Halt::new());
            let pulled = Arc::clone(&halt);
            let thread = std::thread::spawn(move || pulled.pull(Why::Operator));
            let found = halt.close();
            assert_eq!(thread.join().unwrap(), found.is_some(), "one of them");
        }
    }

    #[tokio::test]
    async fn a_waiter_is_woken_also_when_pull_and_wait_race() {
        for _ in 0..1_000 {
            let halt = Arc::new(Halt::new());
            let pulled = Arc::clone(&halt);
            let thread = std::thread::spawn(move || pulled.pull(Why::Shutdown));
            assert_eq!(poll_fn(|cx| halt.poll_halted(cx)).await, Why::Shutdown);
            assert!(thread.join().unwrap());
        }
    }
}
