//! Waiting with a deadline and a name.
//!
//! The bound is generous (a shared, busy machine): it catches hangs, it does
//! not measure. Waiting for a condition is polling, never a bare sleep.

use std::future::Future;
use std::time::{Duration, Instant};

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
