//! Real time for the benchmark, in one place.
//!
//! What is measured are other processes, so a clock that tests can pause would
//! measure nothing. The rest of the benchmark asks here and nowhere else.

use std::time::{Duration, Instant};

/// This moment.
#[expect(
    clippy::disallowed_methods,
    reason = "measures other processes, which live in real time"
)]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Sleeps on the calling thread; there is no runtime whose worker it could block.
#[expect(
    clippy::disallowed_methods,
    reason = "no runtime here: the thread is ours alone"
)]
pub(crate) fn pause(time: Duration) {
    std::thread::sleep(time);
}
