//! One who watches the requests: first all of them, then every change.
//!
//! Promises: 1. after a gap comes the state anew, once a second at most, and
//! nothing from before it; 2. whoever is silent says so every 15 s; 3. places
//! in queues are told anew once a second, for all who watch together; 4. it ends
//! with the feed, also while it is not polled: then its connection sees it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use kernel::{Alarm, Instant, Relay, Relayed};
use tidegate_kernel as kernel;

use crate::failure::Failure;
use crate::feed::{Mark, Notice, Seat};
use crate::house::House;
use crate::live::{self, RequestView};

/// How often the state is told to one who cannot follow.
const STATE_EVERY: Duration = Duration::from_secs(1);

/// How often what was told is looked at again, and how much of it is told.
const LOOK_EVERY: Duration = Duration::from_secs(1);
const RETOLD: usize = 512;

/// How long one who has nothing to tell is silent.
const SILENCE: Duration = Duration::from_secs(15);

/// Changes are told together that came within this time.
const REST: Duration = Duration::from_millis(20);

/// See the module's text.
pub struct Watcher {
    house: Arc<House>,
    seat: Seat,
    alarm: Alarm,
    /// The state is to be told, and not before this.
    state_at: Option<Instant>,
    told_state: Option<Instant>,
    rests_until: Instant,
    looks_at: Instant,
    said: Instant,
}

/// What one who watches is told.
#[derive(Debug)]
pub enum Told {
    /// All requests in flight, the oldest first; it replaces what was told.
    State(Mark, Vec<RequestView>),
    /// One change.
    Notice(Mark, Arc<Notice>),
    /// Nothing has happened for a while.
    Alive,
}

impl Watcher {
    pub(crate) fn new(house: &Arc<House>, last: Option<Mark>) -> Result<Self, Failure> {
        let seat = house.feed.subscribe(last)?;
        let now = house.clock.now();
        Ok(Self {
            house: Arc::clone(house),
            state_at: (!seat.goes_on).then_some(now),
            seat,
            alarm: Alarm::new(),
            told_state: None,
            rests_until: now,
            looks_at: now + LOOK_EVERY,
            said: now,
        })
    }

    /// What its connection sees the end by.
    pub fn relay(&self) -> &Relay<Notice> {
        &self.seat.relay
    }

    /// Everything was told; what comes next is told with what follows it soon.
    pub fn rest(&mut self) {
        self.rests_until = self.house.clock.after(REST);
    }

    /// The next thing to be told; `None` when the feed has ended.
    pub fn poll_told(&mut self, cx: &mut Context<'_>) -> Poll<Option<Told>> {
        loop {
            let now = self.house.clock.now();
            if let Some(told) = self.told(cx, now) {
                self.said = now;
                return Poll::Ready(told);
            }
            if now >= self.looks_at {
                self.looks_at = now + LOOK_EVERY;
                if self.house.feed.is_stale(LOOK_EVERY) {
                    live::retell(&self.house, RETOLD);
                }
            }
            let alive = self.said + SILENCE;
            if now >= alive {
                self.said = now;
                return Poll::Ready(Some(Told::Alive));
            }
            let rests = Some(self.rests_until).filter(|until| now < *until);
            let soon = [self.state_at, rests].into_iter().flatten();
            let due = soon.fold(self.looks_at.min(alive), Instant::min);
            self.alarm.set(due);
            std::task::ready!(self.alarm.poll_due(cx));
        }
    }

    /// What there is to be told now; `Some(None)` is the end.
    fn told(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<Option<Told>> {
        if self.seat.relay.ended().is_some() {
            return Some(None);
        }
        if now < self.rests_until {
            return None;
        }
        if self.state_at.is_none() {
            match self.seat.subscriber.poll_relayed(cx) {
                Poll::Pending => return None,
                Poll::Ready(Some(Relayed::Event { number, event })) => {
                    let mark = Mark::new(self.seat.epoch, number);
                    return Some(Some(Told::Notice(mark, event)));
                }
                Poll::Ready(Some(Relayed::End { .. }) | None) => return Some(None),
                Poll::Ready(Some(Relayed::Gap { missed, .. })) => {
                    tracing::debug!(missed, "who watches the requests reads too slowly");
                    let next = self.told_state.map_or(now, |told| told + STATE_EVERY);
                    self.state_at = Some(next);
                }
            }
        }
        self.state_at.filter(|at| now >= *at)?;
        Some(Some(self.state(now)))
    }

    fn state(&mut self, now: Instant) -> Told {
        (self.state_at, self.told_state) = (None, Some(now));
        // What led to it is not told any more; what comes after it is.
        self.seat.subscriber.skip();
        let views = live::views(&self.house);
        for view in &views {
            if view.request.told().is_none() {
                view.request.is_told(view.told());
            }
        }
        let mark = Mark::new(self.seat.epoch, self.seat.subscriber.seen());
        Told::State(mark, views)
    }
}
