//! Who is watched, and who of them does not go on.
//!
//! 1. A stall is found once, and its end once, also when the end is the end of
//!    the watched thing itself.
//! 2. No alarm comes early: what happened since the last look counts as now.
//!    It comes late by the time between two looks at most.

use std::time::Duration;

use crate::clock::{Clock, Instant};
use crate::pulse::{Finding, PulseStats, Stall};
use crate::sync::atomic::{AtomicBool, Ordering};
use crate::sync::{Arc, Mutex};

/// What one watched thing says of itself.
#[derive(Debug)]
pub(crate) struct Life {
    pub(crate) name: &'static str,
    pub(crate) id: u64,
    /// Set by each sign of life, cleared by each look.
    alive: AtomicBool,
    place: Mutex<Place>,
}

#[derive(Debug)]
struct Place {
    stage: &'static str,
    max: Duration,
    /// The zones it is in, with the end of each one's own limit.
    zones: Vec<Zoned>,
    entered: u64,
}

#[derive(Clone, Copy, Debug)]
struct Zoned {
    key: u64,
    name: &'static str,
    until: Instant,
}

impl Life {
    pub(crate) fn new(name: &'static str, id: u64, stage: &'static str, max: Duration) -> Self {
        let place = Place {
            stage,
            max,
            zones: Vec::new(),
            entered: 0,
        };
        Self {
            name,
            id,
            alive: AtomicBool::new(false),
            place: Mutex::new(place),
        }
    }

    pub(crate) fn beat(&self) {
        self.alive.store(true, Ordering::Relaxed);
    }

    pub(crate) fn enter(&self, stage: &'static str, max: Duration) {
        let mut place = self.place.lock();
        (place.stage, place.max) = (stage, max);
        // Under the lock: who sees the new stage sees the sign of life too.
        self.beat();
    }

    pub(crate) fn enter_zone(&self, name: &'static str, until: Instant) -> u64 {
        let mut place = self.place.lock();
        place.entered += 1;
        let key = place.entered;
        place.zones.push(Zoned { key, name, until });
        self.beat();
        key
    }

    pub(crate) fn leave_zone(&self, key: u64) {
        let mut place = self.place.lock();
        place.zones.retain(|zone| zone.key != key);
        self.beat();
    }
}

/// A watched thing, as the looks see it.
#[derive(Debug)]
struct Watched {
    life: Arc<Life>,
    /// The look, or the beginning, before which its last sign of life was.
    seen: Instant,
    stalled: Option<Stall>,
}

impl Watched {
    fn look(&mut self, now: Instant) -> Option<Finding> {
        let (beat, stall) = {
            let place = self.life.place.lock();
            let beat = self.life.alive.swap(false, Ordering::Relaxed);
            (beat, self.stall(&place, now))
        };
        if beat {
            let before = self.stalled.take();
            let still = now.saturating_duration_since(self.seen);
            self.seen = now;
            return before.map(|stall| Finding::Recovered(Stall { still, ..stall }));
        }
        match (stall, &mut self.stalled) {
            (Some(stall), Some(known)) => *known = stall,
            (Some(stall), None) => {
                self.stalled = Some(stall);
                return Some(Finding::Stalled(stall));
            }
            (None, _) => {}
        }
        None
    }

    fn stall(&self, place: &Place, now: Instant) -> Option<Stall> {
        let still = now.saturating_duration_since(self.seen);
        let zone = place.zones.iter().max_by_key(|zone| zone.until);
        let late = match zone {
            Some(zone) => now > zone.until,
            None => still > place.max,
        };
        late.then_some(Stall {
            name: self.life.name,
            id: self.life.id,
            stage: place.stage,
            zone: zone.map(|zone| zone.name),
            still,
        })
    }
}

/// All that are watched.
#[derive(Debug, Default)]
pub(crate) struct Book {
    watched: Vec<Option<Watched>>,
    free: Vec<usize>,
    /// Ends of stalls whose watched thing has ended, for the next look: not
    /// more than the last look had found.
    ended: Vec<Finding>,
    stats: PulseStats,
}

impl Book {
    /// Its place in the book; none if there are `most` already.
    pub(crate) fn add(&mut self, life: &Arc<Life>, most: usize, now: Instant) -> Option<usize> {
        let watched = Watched {
            life: Arc::clone(life),
            seen: now,
            stalled: None,
        };
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.watched.len() < most => {
                self.watched.push(None);
                self.watched.len() - 1
            }
            None => {
                self.stats.unwatched += 1;
                return None;
            }
        };
        self.watched[at] = Some(watched);
        self.stats.watched += 1;
        Some(at)
    }

    pub(crate) fn remove(&mut self, at: usize, clock: Clock) {
        let Some(watched) = self.watched.get_mut(at).and_then(Option::take) else {
            return;
        };
        self.free.push(at);
        self.stats.watched -= 1;
        if let Some(stall) = watched.stalled {
            let still = clock.now().saturating_duration_since(watched.seen);
            self.ended
                .push(Finding::Recovered(Stall { still, ..stall }));
        }
    }

    /// What has changed since the last look.
    pub(crate) fn look(&mut self, now: Instant) -> Vec<Finding> {
        let mut found = std::mem::take(&mut self.ended);
        let watched = self.watched.iter_mut().flatten();
        found.extend(watched.filter_map(|watched| watched.look(now)));
        for finding in &found {
            match finding {
                Finding::Stalled(_) => self.stats.stalls += 1,
                Finding::Recovered(_) => self.stats.recoveries += 1,
            }
        }
        found
    }

    pub(crate) fn stalled(&self) -> impl Iterator<Item = Stall> {
        let watched = self.watched.iter().flatten();
        watched.filter_map(|watched| watched.stalled)
    }

    pub(crate) fn stats(&self) -> PulseStats {
        PulseStats {
            stalled: self.stalled().count() as u64,
            ..self.stats
        }
    }
}
