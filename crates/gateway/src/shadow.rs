//! Shadows: a share of a route's calls, asked of another model as well. Nobody gets
//! the answer; what it came to is counted.
//!
//! Promises: 1. a shadow delays nobody: it is batch work, in a task of its own, and
//! its failure is nobody's; 2. so many at once and no more; what is left out is
//! counted; 3. it ends with the process at the latest, and its tokens are counted at
//! its provider.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use http_body::Body;
use kernel::{Labels, Observe, Priority, Visitor};
use tidegate_kernel as kernel;
use tidegate_types::RequestId;

use crate::gateway::{Call, Gateway};
use crate::names;

/// Shadows at one time, of all routes.
const MOST: usize = 64;

/// How shadows went.
#[derive(Debug, Default)]
pub(crate) struct Shadows {
    running: AtomicUsize,
    completed: AtomicU64,
    failed: AtomicU64,
    skipped: AtomicU64,
}

/// One of the places; given back when it is dropped.
struct Place(Arc<Shadows>);

impl Shadows {
    fn place(self: &Arc<Self>) -> Option<Place> {
        let fits = |running: usize| (running < MOST).then_some(running + 1);
        let taken = self
            .running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, fits);
        taken.ok().map(|_| Place(Arc::clone(self)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks `target` what `call` asks, whose body names it already.
pub(crate) fn cast(gateway: &Gateway, of: Option<RequestId>, target: Arc<str>, call: Call) {
    let shadows = &gateway.house.shadows;
    let skip = || {
        shadows.skipped.fetch_add(1, Ordering::Relaxed);
    };
    let Some(place) = shadows.place() else {
        return skip();
    };
    let theirs = gateway.clone();
    let task = async move {
        let good = ask(&theirs, of, &target, call).await;
        let count = match good {
            true => &place.0.completed,
            false => &place.0.failed,
        };
        count.fetch_add(1, Ordering::Relaxed);
    };
    if gateway.house.scope.spawn("a shadow", task).is_err() {
        skip();
    }
}

async fn ask(gateway: &Gateway, of: Option<RequestId>, target: &str, call: Call) -> bool {
    let call = Call {
        priority: Priority::Batch,
        patience: None,
        ..call
    };
    let Ok(ticket) = gateway.inner(call.body.len() as u64) else {
        return false;
    };
    let request = ticket.shared();
    let began = gateway.house.clock.now();
    let answer = gateway.direct(ticket, call).await;
    let mut bytes = 0;
    if let Ok(answer) = answer {
        let mut reply = answer.reply;
        while let Some(Ok(frame)) = poll_fn(|cx| Pin::new(&mut reply).poll_frame(cx)).await {
            bytes += frame.data_ref().map_or(0, |data| data.len());
        }
    }
    let broke = request.and_then(|request| request.broke());
    tracing::debug!(
        of = of.map(tracing::field::display),
        target,
        outcome = broke.map_or("completed", |code| code.as_str()),
        total_ms = gateway.house.clock.now().duration_since(began).as_millis() as u64,
        bytes,
        "a shadow ended"
    );
    broke.is_none()
}

impl Observe for Shadows {
    fn observe(&self, labels: &Labels<'_>, to: &mut dyn Visitor) {
        for (result, number) in [
            ("completed", &self.completed),
            ("failed", &self.failed),
            ("skipped", &self.skipped),
        ] {
            let labels = [labels, &[("result", result)]].concat();
            let number = number.load(Ordering::Relaxed);
            to.counter(names::SHADOWS, &labels, number);
        }
        let running = self.running.load(Ordering::Relaxed) as f64;
        to.gauge(names::SHADOWS_RUNNING, labels, running);
    }
}
