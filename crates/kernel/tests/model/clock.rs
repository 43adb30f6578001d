//! The face of the kernel's clock, over a time that a model moves by hand.
//! Timers ring in the step that makes them due, never by themselves.

use std::cell::RefCell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub use tokio::time::Instant;

struct Time {
    now: Instant,
    timers: Vec<(Instant, Waker)>,
}

thread_local! {
    // The checker runs all threads of a model on one thread.
    static TIME: RefCell<Option<Time>> = const { RefCell::new(None) };
}

fn with<R>(step: impl FnOnce(&mut Time) -> R) -> R {
    TIME.with(|time| {
        let mut time = time.borrow_mut();
        step(time.get_or_insert_with(|| Time {
            now: start(),
            timers: Vec::new(),
        }))
    })
}

/// Any moment does for a start, but it must be the same one in each replay.
fn start() -> Instant {
    thread_local!(static START: Instant = real_now());
    START.with(|start| *start)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one read of the real clock, before the model"
)]
fn real_now() -> Instant {
    Instant::now()
}

/// Forgets the timers of the run before.
pub fn reset() {
    drop(TIME.with(|time| time.borrow_mut().take()));
}

/// Lets time pass, and rings what is due.
pub fn advance(by: Duration) {
    let due = with(|time| {
        time.now += by;
        let now = time.now;
        time.timers
            .extract_if(.., |(due, _)| *due <= now)
            .collect::<Vec<_>>()
    });
    for (_, waker) in due {
        waker.wake();
    }
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    pub fn now(self) -> Instant {
        with(|time| time.now)
    }

    pub fn after(self, time: Duration) -> Instant {
        self.now() + time
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

impl Deadline {
    pub fn after(clock: Clock, time: Duration) -> Self {
        Self(clock.now() + time)
    }

    pub fn at(due: Instant) -> Self {
        Self(due)
    }

    pub fn instant(self) -> Instant {
        self.0
    }

    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    pub async fn bound<F: Future>(self, work: F) -> Result<F::Output, ()> {
        let mut work = pin!(work);
        let mut alarm = Alarm::new();
        alarm.set(self.0);
        poll_fn(|cx| match work.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Ok(value)),
            Poll::Pending => alarm.poll_due(cx).map(|()| Err(())),
        })
        .await
    }
}

#[derive(Debug, Default)]
pub struct Alarm {
    due: Option<Instant>,
}

impl Alarm {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn set(&mut self, due: Instant) {
        self.due = Some(due);
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else {
            return Poll::Pending;
        };
        if due <= Clock.now() {
            self.due = None;
            return Poll::Ready(());
        }
        with(|time| time.timers.push((due, cx.waker().clone())));
        Poll::Pending
    }
}
