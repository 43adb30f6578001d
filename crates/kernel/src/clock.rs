//! Time: the only way to it, so that a test can pause it.
//!
//! 1. `Deadline::bound` says which came first, the work or the deadline, and
//!    never begins work whose deadline has passed.
//! 2. An `Alarm` fires for the due time that was set last, never for an
//!    earlier one; setting it later is a store (R-P5, R-P6, R-P9).
//! 3. No number of a caller can overflow a time: it is cut to a far future.
//!
//! No wall-clock scheduling here; `unix_millis` is for stamps in records.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub use tokio::time::Instant;
use tokio::time::Sleep;

/// What a duration too large for the clock is cut to: about 30 years.
const FAR: Duration = Duration::from_secs(30 * 365 * 24 * 3600);

/// A plain face of the runtime's time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Clock;

impl Clock {
    /// This moment, monotonic.
    #[expect(clippy::disallowed_methods, reason = "this is the one way to time")]
    pub fn now(self) -> Instant {
        Instant::now()
    }

    /// Waits for `time`. Dropping it ends the wait.
    pub async fn sleep(self, time: Duration) {
        self.sleep_until(self.after(time)).await;
    }

    /// Waits until `due`. Dropping it ends the wait.
    #[expect(clippy::disallowed_methods, reason = "this is the one way to time")]
    pub async fn sleep_until(self, due: Instant) {
        tokio::time::sleep_until(due).await;
    }

    /// Milliseconds since 1970 in UTC, for stamps; 0 if the machine's clock is before that.
    #[expect(clippy::disallowed_methods, reason = "this is the one way to time")]
    pub fn unix_millis(self) -> u64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment `time` from now; a time beyond the clock's range is cut to a far future.
    pub fn after(self, time: Duration) -> Instant {
        let now = self.now();
        now.checked_add(time).unwrap_or(now + FAR)
    }
}

/// A moment by which something must have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline(Instant);

/// The deadline passed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline passed")]
pub struct Elapsed;

impl Deadline {
    /// The deadline `time` from now.
    pub fn after(clock: Clock, time: Duration) -> Self {
        Self(clock.after(time))
    }

    /// The deadline at this moment.
    pub fn at(due: Instant) -> Self {
        Self(due)
    }

    /// The moment itself.
    pub fn instant(self) -> Instant {
        self.0
    }

    /// How long is left; zero when it is past.
    pub fn remaining(self, clock: Clock) -> Duration {
        self.0.saturating_duration_since(clock.now())
    }

    /// Whether nothing is left.
    pub fn is_past(self, clock: Clock) -> bool {
        self.0 <= clock.now()
    }

    /// The earlier of the two.
    pub fn earlier(self, other: Self) -> Self {
        self.min(other)
    }

    /// Runs `work` until it ends or the deadline passes; when both are true at
    /// one poll, the work has won. Work whose deadline has passed already is
    /// not begun. Dropping this drops the work.
    #[expect(clippy::disallowed_methods, reason = "this is the one way to time")]
    pub async fn bound<F: Future>(self, work: F) -> Result<F::Output, Elapsed> {
        if self.is_past(Clock) {
            return Err(Elapsed);
        }
        tokio::time::timeout_at(self.0, work)
            .await
            .map_err(|_| Elapsed)
    }
}

/// One timer that is moved often and fires rarely, such as an idle limit.
///
/// `set` to a later time is a store; the runtime's timer is touched when the
/// due time moves earlier, and when it fires and finds that it must go on.
/// Nothing is registered before the first poll with a due time.
///
/// After `set`, poll it once from the task that is to be woken.
#[derive(Debug, Default)]
pub struct Alarm {
    due: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// Who the timer wakes; known, so that most polls need not touch it.
    wakes: Option<Waker>,
}

impl Alarm {
    /// An alarm with nothing due.
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes it due at this moment and at no other.
    pub fn set(&mut self, due: Instant) {
        self.due = Some(due);
        if let Some(timer) = &mut self.timer
            && due < timer.deadline()
        {
            timer.as_mut().reset(due);
        }
    }

    /// Makes it never due.
    pub fn clear(&mut self) {
        self.due = None;
    }

    /// When it is due.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Ready once for each due time that has come; it is clear afterwards.
    pub fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(due) = self.due else {
            return Poll::Pending;
        };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleeper(due)));
        let known = self
            .wakes
            .as_ref()
            .is_some_and(|waker| waker.will_wake(cx.waker()));
        if known && !timer.is_elapsed() {
            return Poll::Pending;
        }
        // Unconstrained: a poll that the runtime's budget refuses would not
        // register the waker that is remembered below.
        while pin!(tokio::task::unconstrained(timer.as_mut()))
            .poll(cx)
            .is_ready()
        {
            if due <= Clock.now() {
                self.due = None;
                return Poll::Ready(());
            }
            timer.as_mut().reset(due);
        }
        if !known {
            self.wakes = Some(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one way to time")]
fn sleeper(due: Instant) -> Sleep {
    tokio::time::sleep_until(due)
}
