//! Waiting with a deadline and a name.
//!
//! The bound is generous (a shared, busy machine): it catches hangs, it does
//! not measure. Waiting for a condition is polling, never a bare sleep.

use std::future::Future;
use std::time::{Duration, Instant};

use tokio::task::{JoinError, JoinHandle, JoinSet};

/// How long anything may take before it counts as a hang.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How often a condition is looked at.
const LOOK: Duration = Duration::from_millis(5);

/// Waits until `condition` gives a value, for at most [`PATIENCE`].
///
/// # Panics
/// When the time is over; the message holds `what`.
pub async fn until<T>(what: &str, condition: impl FnMut() -> Option<T>) -> T {
    until_for(PATIENCE, what, condition).await
}

/// As [`until`], with a bound of its own.
///
/// # Panics
/// When the time is over; the message holds `what`.
pub async fn until_for<T>(
    patience: Duration,
    what: &str,
    mut condition: impl FnMut() -> Option<T>,
) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(
            start.elapsed() < patience,
            "waited {patience:?} in vain: {what}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// As [`until`], for a condition that has to ask over a socket.
///
/// # Panics
/// When the time is over; the message holds `what`.
pub async fn until_async<T, F>(what: &str, mut condition: impl FnMut() -> F) -> T
where
    F: Future<Output = Option<T>>,
{
    let start = Instant::now();
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "waited {PATIENCE:?} in vain: {what}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

/// Runs `future`, for at most [`PATIENCE`].
///
/// # Panics
/// When the time is over; the message holds `what`.
pub async fn within<F: Future>(what: &str, future: F) -> F::Output {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(output) => output,
        Err(_) => panic!("waited {PATIENCE:?} in vain: {what}"),
    }
}

/// Runs `future` for at most `time`; `None` when it was not ready by then.
pub async fn briefly<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(time, future).await.ok()
}

/// Waits this long: for load and paced clients, never for a condition.
pub async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Measures real time from its making.
#[derive(Debug, Clone, Copy)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// The time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }

    /// The time from the start to `end`; zero when `end` was before.
    pub(crate) fn until(self, end: Instant) -> Duration {
        end.saturating_duration_since(self.0)
    }
}

/// Runs jobs `0..count`, at most `width` at once, and gives their results in
/// the order of their ends.
///
/// # Panics
/// When a job panics.
pub async fn crowd<F>(count: usize, width: usize, mut job: impl FnMut(usize) -> F) -> Vec<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let mut running = JoinSet::new();
    let mut results = Vec::with_capacity(count);
    for number in 0..count {
        while running.len() >= width {
            results.extend(running.join_next().await.map(ended));
        }
        running.spawn(job(number));
    }
    while let Some(result) = running.join_next().await {
        results.push(ended(result));
    }
    results
}

/// Starts a job beside the test, which can wait for its result.
pub fn beside<F>(job: F) -> Beside<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    Beside(tokio::spawn(job))
}

/// A job that runs beside the test; dropping it ends the job.
#[derive(Debug)]
pub struct Beside<T>(JoinHandle<T>);

impl<T> Beside<T> {
    /// Waits for the result.
    ///
    /// # Panics
    /// When the job panicked, or takes longer than [`PATIENCE`].
    pub async fn result(mut self) -> T {
        ended(within("the end of a job beside the test", &mut self.0).await)
    }

    /// True once it has ended.
    pub fn is_over(&self) -> bool {
        self.0.is_finished()
    }
}

impl<T> Drop for Beside<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn ended<T>(result: Result<T, JoinError>) -> T {
    match result {
        Ok(value) => value,
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(error) => panic!("a job of the test was stopped: {error}"),
    }
}
