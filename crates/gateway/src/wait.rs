//! One bounded wait of a request: the work, a due time, and whoever halts it.
//!
//! Promises: 1. work that is ready costs neither a timer nor a waker; 2. the
//! first of done, halted and due wins, and it is said which (R-P13); 3. the
//! work is dropped, and thereby cancelled, when it loses.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::Poll;

use kernel::{Alarm, Halt, Instant, Why};
use tidegate_kernel as kernel;

/// Why the work did not get done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    Due,
    Halted(Why),
}

/// Waits for `work` until `due`, unless `halt` is pulled.
///
/// It is pinned by its caller: taken by value it would be kept twice.
pub(crate) async fn until<F: Future>(
    halt: &Halt,
    alarm: &mut Alarm,
    due: Instant,
    work: Pin<&mut F>,
) -> Result<F::Output, Ended> {
    until_by(halt, alarm, || due, work).await
}

/// The same, where `due` need be known only when the work is not done at once;
/// it is asked for whenever the work waits, which may have moved it.
pub(crate) async fn until_by<F: Future>(
    halt: &Halt,
    alarm: &mut Alarm,
    mut due: impl FnMut() -> Instant,
    mut work: Pin<&mut F>,
) -> Result<F::Output, Ended> {
    poll_fn(|cx| {
        if let Poll::Ready(output) = work.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Poll::Ready(why) = halt.poll_halted(cx) {
            return Poll::Ready(Err(Ended::Halted(why)));
        }
        alarm.set(due());
        alarm.poll_due(cx).map(|()| Err(Ended::Due))
    })
    .await
}
