//! The requests in flight, as operators see and end them.
//!
//! Promises: 1. to look costs those who are looked at a short lock at most;
//! 2. a cancel reaches its request in whatever stage, and comes once: the
//! ledger says who it was.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Instant, Pool, Why};
use tidegate_kernel as kernel;
use tidegate_types::RequestId;

use crate::gateway::Gateway;
use crate::request::{Request, Stage};

/// One request at one moment.
#[derive(Debug)]
pub struct RequestView {
    /// Who it is.
    pub request: Arc<Request>,
    /// Its stage at that moment.
    pub stage: Stage,
    /// How many are granted a permit before it, if nobody else comes and all
    /// cost what was estimated; none where it does not wait for one.
    pub ahead: Option<usize>,
    /// Since it was admitted.
    pub age: Duration,
    /// Since it came to its stage.
    pub stage_age: Duration,
    /// Bytes that are held for it.
    pub held: u64,
}

impl Gateway {
    /// The requests in flight, in no promised order.
    pub fn requests(&self) -> Vec<Arc<Request>> {
        self.house.ledger.live()
    }

    /// One request in flight.
    pub fn request(&self, id: RequestId) -> Option<Arc<Request>> {
        self.house.ledger.find(|request| request.id == id)
    }

    /// The requests in flight as they are now, the oldest first.
    pub fn request_views(&self) -> Vec<RequestView> {
        let mut lines = Lines::default();
        let now = self.house.clock.now();
        let requests = self.requests().into_iter();
        let mut views: Vec<_> = requests
            .map(|request| view(request, &mut lines, now))
            .collect();
        views.sort_by_key(|view| view.request.started);
        views
    }

    /// Ends one request, and tells the stage that it was in; nothing if none in
    /// flight has this id.
    pub fn cancel(&self, id: RequestId) -> Option<Stage> {
        let request = self.request(id)?;
        let stage = request.stage();
        if request.halt.pull(Why::Operator) {
            tracing::info!(%id, stage = stage.as_str(), "an operator ends a request");
        }
        Some(stage)
    }
}

fn view(request: Arc<Request>, lines: &mut Lines, now: Instant) -> RequestView {
    RequestView {
        stage: request.stage(),
        ahead: request.line().and_then(|line| lines.ahead(line)),
        age: now.saturating_duration_since(request.started),
        stage_age: request.stage_age(now),
        held: request.held(),
        request,
    }
}

/// The queues that were looked at, each once: the places by number.
#[derive(Default)]
struct Lines(HashMap<usize, HashMap<u64, usize>>);

impl Lines {
    fn ahead(&mut self, (pool, number): (Pool, u64)) -> Option<usize> {
        let places = || pool.line().into_iter().zip(0..).collect();
        let line = self.0.entry(pool.identity()).or_insert_with(places);
        line.get(&number).copied()
    }
}
