//! How much a target has to do: the peak-sensitive moving average of its time
//! to the first content, times its calls in flight (the load of Finagle's and
//! Linkerd's "peak EWMA", decay 10 s).
//!
//! It rises at once and falls slowly; a failure counts as five seconds, or a
//! target that fails fast would draw everybody. A call counts while its
//! upstream has something to do: not while it waits for its caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use kernel::Instant;
use kernel::sync::Mutex;
use tidegate_kernel as kernel;

/// What is told of the past fades to 1/e in this time.
const DECAY: Duration = Duration::from_secs(10);

/// Nobody was asked yet: neither attractive nor repelling.
const UNKNOWN: f64 = 1.0;

/// A failure weighs as an answer that took this long.
const FAILURE: Duration = Duration::from_secs(5);

/// The load of one target.
pub(crate) struct Burden {
    pending: AtomicU32,
    /// Those of them that wait for their callers.
    paused: AtomicU32,
    average: Mutex<Average>,
}

struct Average {
    seconds: f64,
    at: Instant,
    known: bool,
}

impl Burden {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            pending: AtomicU32::new(0),
            paused: AtomicU32::new(0),
            average: Mutex::new(Average {
                seconds: UNKNOWN,
                at: now,
                known: false,
            }),
        }
    }

    pub(crate) fn begin(&self) {
        self.pending.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.pending.fetch_sub(1, Ordering::Relaxed);
    }

    /// One of its calls waits for its caller, for as long as the guard lives.
    pub(crate) fn pause(self: &Arc<Self>) -> Paused {
        self.paused.fetch_add(1, Ordering::Relaxed);
        Paused(Arc::clone(self))
    }

    /// The first content came after so long, without the caller's part of it.
    pub(crate) fn answered(&self, took: Duration, now: Instant) {
        self.average.lock().take(took.as_secs_f64(), now);
    }

    pub(crate) fn failed(&self, now: Instant) {
        self.average.lock().take(FAILURE.as_secs_f64(), now);
    }

    pub(crate) fn pending(&self) -> u32 {
        self.pending.load(Ordering::Relaxed)
    }

    pub(crate) fn paused(&self) -> u32 {
        self.paused.load(Ordering::Relaxed)
    }

    /// Whether anything was ever learnt of it, and when last: what a target is
    /// worth when one has to be forgotten.
    pub(crate) fn worth(&self) -> (bool, Instant) {
        let average = self.average.lock();
        (average.known, average.at)
    }

    /// Whether nothing was ever learnt of it, and nobody is about to.
    pub(crate) fn is_new(&self) -> bool {
        self.pending() == 0 && !self.average.lock().known
    }

    /// Seconds of work before a newcomer, roughly; comparable with others'.
    pub(crate) fn weigh(&self, now: Instant) -> f64 {
        let average = self.average.lock();
        // A peak that nobody renews is forgotten, or its target would starve.
        let faded = average.seconds * average.left(now);
        // A guard may outlive its call by a moment.
        let carried = self.pending().saturating_sub(self.paused());
        faded * (f64::from(carried) + 1.0)
    }
}

/// See [`Burden::pause`].
pub(crate) struct Paused(Arc<Burden>);

impl Drop for Paused {
    fn drop(&mut self) {
        self.0.paused.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Average {
    fn left(&self, now: Instant) -> f64 {
        let age = now.saturating_duration_since(self.at).as_secs_f64();
        (-age / DECAY.as_secs_f64()).exp()
    }

    fn take(&mut self, seconds: f64, now: Instant) {
        let left = self.left(now);
        self.seconds = match self.known && seconds < self.seconds {
            true => self.seconds * left + seconds * (1.0 - left),
            false => seconds,
        };
        (self.at, self.known) = (now, true);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kernel::Clock;

    #[test]
    fn it_rises_at_once_falls_slowly_and_forgets() {
        let start = Clock.now();
        let load = Burden::new(start);
        let second = Duration::from_secs(1);
        load.answered(second, start);
        load.failed(start);
        assert_eq!(load.weigh(start), 5.0);
        load.answered(second, start + second);
        let weight = load.weigh(start + second);
        assert!((4.0..5.0).contains(&weight), "{weight}");
        assert!(load.weigh(start + 60 * second) < 0.1);
        load.begin();
        assert_eq!(load.weigh(start + second), 2.0 * weight);
        load.end();
    }

    #[test]
    fn a_call_that_waits_for_its_caller_weighs_nothing() {
        let now = Clock.now();
        let load = Arc::new(Burden::new(now));
        let free = load.weigh(now);
        load.begin();
        load.begin();
        assert_eq!(load.weigh(now), 3.0 * free);
        let paused = load.pause();
        assert_eq!((load.weigh(now), load.pending()), (2.0 * free, 2));
        drop(paused);
        assert_eq!(load.weigh(now), 3.0 * free);
        let late = load.pause();
        load.end();
        load.end();
        assert_eq!(load.weigh(now), free, "never less than nothing");
        drop(late);
    }
}
