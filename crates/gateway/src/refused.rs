//! No permit, or no room for a body or an answer: what the caller is told, and
//! what the log.
//!
//! A refusal of the pool is nobody's failure: no upstream was asked.

use std::time::Duration;

use kernel::{ByteShare, Pool, Refusal};
use tidegate_kernel as kernel;
use tidegate_types::{Code, RequestId};

use crate::asked::Asked;
use crate::attempt::shutting_down;
use crate::failure::Failure;
use crate::request::Ticket;
use crate::wait::Ended;

/// The request's time was over in the queue: no upstream is to blame.
pub(crate) fn too_late(asked: &Asked) -> Failure {
    if asked.shortened {
        return asked.ended(Ended::Due);
    }
    let name = &asked.provider.name;
    let text = format!("No permit of `{name}` came free before `timeouts.total` was over.");
    Failure::new(Code::QueueTimeout, text).with_retry_after(Duration::from_secs(1))
}

/// Who got no permit, beside how many, and how many before it (R-S20).
pub(crate) fn tell(asked: &Asked, ticket: &Ticket, pool: &Pool, refusal: &Refusal) {
    if !tracing::enabled!(tracing::Level::DEBUG) {
        return;
    }
    let stats = pool.stats();
    let gone = stats.refused().into_iter();
    let dropped = gone.filter(|(reason, _)| *reason != "cancelled");
    tracing::debug!(
        id = ticket.id().map(tracing::field::display),
        provider = &*asked.provider.name,
        waiting = stats.waiting,
        dropped = dropped.map(|(_, n)| n).sum::<u64>(),
        why = %refusal,
        "no permit"
    );
}

/// What the caller is told of it.
pub(crate) fn failure(asked: &Asked, refusal: Refusal) -> Failure {
    let name = &asked.provider.name;
    match refusal {
        Refusal::Full {
            waiting,
            retry_after,
        } => Failure::new(
            Code::QueueFull,
            format!("The pool of `{name}` is busy and its queue is full ({waiting} waiting)."),
        )
        .with_retry_after(retry_after),
        Refusal::WaitedTooLong {
            waited,
            retry_after,
        } => Failure::new(
            Code::QueueTimeout,
            format!(
                "No permit of `{name}` came free in {} ms.",
                waited.as_millis()
            ),
        )
        .with_retry_after(retry_after),
        Refusal::Dropped => Failure::new(
            Code::Dropped,
            format!("The overflow policy of `{name}` gave this request up."),
        ),
        Refusal::Closed => shutting_down(),
        Refusal::DeadlinePassed => too_late(asked),
        Refusal::WouldWait {
            predicted,
            retry_after,
        } => Failure::new(
            Code::QueueTimeout,
            format!(
                "A permit of `{name}` would come free in about {} ms, after the request's time.",
                predicted.as_millis()
            ),
        )
        .with_retry_after(retry_after),
        Refusal::Shed => Failure::new(
            Code::QueueFull,
            format!("The pool of `{name}` takes no requests of this priority just now."),
        )
        .with_retry_after(Duration::from_secs(1)),
    }
}

/// There is no room for more bytes of this request or its answer.
pub(crate) fn no_room(id: Option<RequestId>, share: &ByteShare) -> Failure {
    tell_no_room(id, share);
    let text = "Too many large bodies and answers are held at once (`limits.bodies`); try again.";
    Failure::new(Code::Overloaded, text).with_retry_after(Duration::from_secs(1))
}

/// Its tenant holds as much as one of several may.
pub(crate) fn no_part(id: Option<RequestId>, share: &ByteShare) -> Failure {
    tell_no_room(id, share);
    let text = "The bodies of your other requests hold half of what Tidegate has for all \
                (`limits.bodies`); try again.";
    Failure::new(Code::Overloaded, text).with_retry_after(Duration::from_secs(1))
}

/// Who found no room, beside how many bytes, and how many before it (R-S20).
fn tell_no_room(id: Option<RequestId>, share: &ByteShare) {
    let budget = share.budget();
    tracing::debug!(
        id = id.map(tracing::field::display),
        held_bytes = budget.used(),
        limit_bytes = budget.limit(),
        dropped = budget.refused(),
        "no room for its bytes"
    );
}
