//! The requests in flight, as operators see and end them.
//!
//! Promises: 1. to look costs those who are looked at a short lock at most;
//! 2. a cancel reaches its request in whatever stage, and comes once: the
//! ledger says who it was, and who comes too late is told so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use kernel::{Instant, Pool, Why};
use tidegate_kernel as kernel;
use tidegate_types::RequestId;

use crate::failure::Failure;
use crate::feed::Mark;
use crate::gateway::Gateway;
use crate::house::House;
use crate::request::Request;
use crate::stage::Stage;
use crate::watcher::Watcher;

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

/// Why a request does not end by a cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotCancelled {
    /// None in flight has this id.
    Unknown,
    /// Something else ends it already.
    Ending,
    /// Its end is decided; what is left of its answer is on its way.
    Done,
}

impl RequestView {
    pub(crate) fn new(request: Arc<Request>, ahead: Option<usize>, now: Instant) -> Self {
        let stage = request.stage();
        Self {
            stage,
            ahead: ahead.filter(|_| stage == Stage::Queued),
            age: now.saturating_duration_since(request.started),
            stage_age: request.stage_age(now),
            held: request.held(),
            request,
        }
    }

    /// Stage and place in one number: what those who watch are told of when it
    /// changes.
    pub(crate) fn told(&self) -> u64 {
        told(self.stage, self.ahead)
    }
}

fn told(stage: Stage, ahead: Option<usize>) -> u64 {
    let place = ahead.map_or(0, |ahead| ahead.saturating_add(1));
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    (stage as u64) << 32 | u64::from(place)
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
        views(&self.house)
    }

    /// Tells from now on what happens to the requests; or goes on behind `last`,
    /// if all since then is still known.
    ///
    /// # Errors
    /// `overloaded` if as many watch as may, and `shutting_down` in the drain.
    pub fn watch(&self, last: Option<Mark>) -> Result<Watcher, Failure> {
        Watcher::new(&self.house, last)
    }

    /// Ends one request, and tells the stage that it was in.
    ///
    /// # Errors
    /// Why it does not end by this.
    pub fn cancel(&self, id: RequestId) -> Result<Stage, NotCancelled> {
        let request = self.request(id).ok_or(NotCancelled::Unknown)?;
        let stage = request.stage();
        if request.halt.pull(Why::Operator) {
            tracing::info!(%id, stage = stage.as_str(), "an operator ends a request");
            return Ok(stage);
        }
        match request.halt.why() {
            // Told once more: it ends, and the outcome says so.
            Some(Why::Operator) => Ok(stage),
            Some(_) => Err(NotCancelled::Ending),
            None => Err(NotCancelled::Done),
        }
    }
}

pub(crate) fn views(house: &House) -> Vec<RequestView> {
    let mut lines = Lines::default();
    let now = house.clock.now();
    let requests = house.ledger.live().into_iter();
    let mut views: Vec<_> = requests
        .map(|request| {
            let ahead = lines.ahead(&request);
            RequestView::new(request, ahead, now)
        })
        .collect();
    views.sort_by_key(|view| view.request.started);
    views
}

/// Those who watch learn here what no change told them: that others ahead of a
/// request have gone. The next ones in line are told first, `most` at a time.
pub(crate) fn retell(house: &House, most: usize) {
    let mut lines = Lines::default();
    let requests = house.ledger.live().into_iter();
    let mut stale: Vec<_> = requests
        .map(|request| (lines.ahead(&request), request))
        .filter(|(ahead, request)| request.told() != Some(told(request.stage(), *ahead)))
        .collect();
    stale.sort_by_key(|(ahead, _)| *ahead);
    let retold = stale
        .iter()
        .filter(|(ahead, request)| house.feed.tell_again(request, *ahead));
    // Each one taken was told.
    retold.take(most).for_each(drop);
}

/// The queues that were looked at, each once: the places by number.
#[derive(Default)]
struct Lines(HashMap<usize, HashMap<u64, usize>>);

impl Lines {
    fn ahead(&mut self, request: &Request) -> Option<usize> {
        let (pool, number): (Pool, u64) = request.line()?;
        let places = || pool.line().into_iter().zip(0..).collect();
        let line = self.0.entry(pool.identity()).or_insert_with(places);
        line.get(&number).copied()
    }
}
