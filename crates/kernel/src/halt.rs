//! A leaf of cancellation for work that is not a task: one request.
//!
//! Promises: 1. the first reason stays, later ones change nothing; 2. whoever
//! waits in [`Halt::poll_halted`] is woken by the pull, also when both happen
//! at the same time; 3. a halt that is never pulled costs one uncontended lock
//! a wait. It holds one waiter: the task that drives the request. What it does
//! not do: reach children, that is the scope's work.

use std::task::{Context, Poll, Waker};

use crate::after::After;
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
    waiter: Option<Waker>,
}

impl Halt {
    /// A halt that nobody has pulled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Ends the work. Returns whether this call was the first.
    pub fn pull(&self, why: Why) -> bool {
        let waiter = {
            let mut state = self.state.lock();
            if state.why.is_some() {
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

    /// Why it was pulled, if it was.
    pub fn why(&self) -> Option<Why> {
        self.state.lock().why
    }

    /// Ready once it was pulled; otherwise the task is woken when it is.
    pub fn poll_halted(&self, cx: &mut Context<'_>) -> Poll<Why> {
        let mut after = After::default();
        let why = {
            let mut state = self.state.lock();
            if state.why.is_none() {
                after.keep(&mut state.waiter, cx.waker());
            }
            state.why
        };
        after.run();
        why.map_or(Poll::Pending, Poll::Ready)
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
