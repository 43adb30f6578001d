//! The state of a pool: who is granted, who waits, who is refused.
//!
//! 1. Every change is one call under the pool's lock, and leaves the law of
//!    `PoolStats::holds` true.
//! 2. An idle permit and a waiting request never stand side by side: whatever
//!    frees a permit hands it on in the same call. One that time alone frees
//!    is looked for by one of the waiters, the keeper.
//! 3. Wakers go into an `After`, to be woken after the lock.
//!
//! A plain value: no lock, no timer. The pool has those.

use std::collections::VecDeque;
use std::task::Waker;
use std::time::Duration;

use super::pace::Pace;
use super::{Ask, PoolSettings, PoolStats, Refusal};
use crate::after::After;
use crate::clock::{Deadline, Instant};
use crate::fair::{Bounds, Fair, Room};
use crate::limit::{Decision, Limit, LimitSettings, Signal};
use crate::overflow::Overflow;
use crate::slots::Slots;
use crate::tag::{Priority, Tag};

/// Decisions of the limit that are kept to be shown.
const DECISIONS: usize = 16;

/// How soon the keeper looks again at the earliest.
const AGAIN: Duration = Duration::from_millis(1);

#[derive(Debug)]
pub(super) struct State {
    limit: Limit,
    /// Keys of `waiters`, in order.
    fair: Fair<usize>,
    overflow: Overflow,
    max_wait: Duration,
    /// Newcomers of a lower priority are refused.
    least: Priority,
    /// One slot for each `Acquire` that had to wait, until it knows its answer.
    waiters: Slots<Waiter>,
    /// How many of them were refused and do not know it.
    refused: usize,
    /// The waiter whose alarm rings when the limit may give more, and when.
    keeper: Option<(usize, Instant)>,
    pace: Pace,
    closed: bool,
    counts: PoolStats,
    decisions: VecDeque<Decision>,
    /// Decisions by reason.
    reasons: Vec<(&'static str, u64)>,
}

#[derive(Debug)]
struct Waiter {
    /// Which one it is of all that ever waited here.
    number: u64,
    since: Instant,
    due: Instant,
    deadline: Deadline,
    waker: Option<Waker>,
    answer: Answer,
}

impl Waiter {
    fn waits(&self) -> bool {
        matches!(self.answer, Answer::Awaited)
    }
}

#[derive(Debug)]
enum Answer {
    /// In the queue.
    Awaited,
    /// Out of the queue, a permit is taken for it, its tenant is charged, and
    /// it does not know yet.
    Granted(Tag),
    /// Out of the queue, counted as refused, and it does not know yet.
    Refused(Refusal),
}

/// The answer to a newcomer.
#[derive(Debug)]
pub(super) enum Admission {
    Granted,
    Refused(Refusal),
    Waiting(Place),
}

/// The answer to one who waits.
#[derive(Debug)]
pub(super) enum Heard {
    Granted(Grant),
    Refused(Refusal),
    /// It waits on, and asks again at this time if nobody wakes it before.
    Nothing {
        look: Instant,
    },
}

/// What comes with a permit.
#[derive(Debug)]
pub(super) struct Grant {
    pub(super) since: Instant,
    pub(super) waited: Duration,
    /// What its tenant was charged for; nothing if nobody waited. Boxed, since
    /// a permit travels with the answer's body.
    pub(super) charged: Option<Box<Tag>>,
}

/// Where one waits.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    key: usize,
    /// Never another's, as the key may be later.
    pub(super) number: u64,
    /// Its key in the fair order, while it is in it.
    ticket: usize,
    /// When its time is over, by `max_wait` or by its deadline.
    pub(super) due: Instant,
}

fn bounds(settings: &PoolSettings) -> Bounds {
    let door = match settings.overflow {
        Overflow::Block => settings.queue,
        Overflow::Error | Overflow::Drop | Overflow::DropOldest => 0,
    };
    Bounds {
        items: settings.queue.saturating_add(door),
        bytes: settings.queue_bytes,
    }
}

fn limit(settings: &PoolSettings) -> LimitSettings {
    LimitSettings {
        max: settings.size,
        ..settings.limit
    }
}

impl State {
    pub(super) fn new(settings: &PoolSettings, now: Instant) -> Self {
        Self {
            limit: Limit::new(&limit(settings), now),
            fair: Fair::new(bounds(settings)),
            overflow: settings.overflow,
            max_wait: settings.max_wait,
            least: Priority::Batch,
            waiters: Slots::default(),
            refused: 0,
            keeper: None,
            pace: Pace::new(now),
            closed: false,
            counts: PoolStats::default(),
            decisions: VecDeque::new(),
            reasons: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, settings: &PoolSettings, now: Instant, after: &mut After) {
        self.limit.apply(&limit(settings), now);
        self.fair.rebound(bounds(settings));
        self.overflow = settings.overflow;
        self.max_wait = settings.max_wait;
        self.dispatch(now, after);
    }

    pub(super) fn refuse_below(&mut self, least: Option<Priority>) {
        self.least = least.unwrap_or(Priority::Batch);
    }

    pub(super) fn signal(&mut self, signal: Signal, now: Instant, after: &mut After) {
        self.limit.signal(signal, now);
        self.dispatch(now, after);
    }

    pub(super) fn close(&mut self, after: &mut After) {
        self.closed = true;
        while let Some((key, _)) = self.fair.pop() {
            self.refuse(key, Refusal::Closed, after);
        }
        self.keeper = None;
    }

    /// A newcomer: a permit, a place, or no.
    pub(super) fn admit(&mut self, ask: &Ask, now: Instant, after: &mut After) -> Admission {
        self.counts.offered += 1;
        self.enter(ask, now, after).unwrap_or_else(|why| {
            self.counts.count_refused(&why);
            Admission::Refused(why)
        })
    }

    fn enter(&mut self, ask: &Ask, now: Instant, after: &mut After) -> Result<Admission, Refusal> {
        if self.closed {
            return Err(Refusal::Closed);
        }
        if ask.deadline.instant() <= now {
            return Err(Refusal::DeadlinePassed);
        }
        if ask.priority < self.least {
            return Err(Refusal::Shed);
        }
        // Whoever waits is before a newcomer, also for what time has freed.
        if self.limit.due().is_some_and(|due| due <= now) {
            self.dispatch(now, after);
        }
        if self.fair.len() == 0 && self.limit.take(now) {
            self.grant(now, Duration::ZERO);
            return Ok(Admission::Granted);
        }
        let tag = ask.tag();
        let room = self.fair.room(&tag);
        let oldest = room == Room::AfterOldest && self.overflow == Overflow::DropOldest;
        let way = match self.overflow {
            Overflow::Error | Overflow::Block | Overflow::Drop if room != Room::Yes => {
                self.fair.gives_way(&tag)
            }
            _ => None,
        };
        if room != Room::Yes && !oldest && way.is_none() {
            return Err(self.full(&tag, now));
        }
        self.in_time(&tag, ask.deadline, now)?;
        if oldest {
            self.make_room(&tag, after);
        }
        if let Some(newest) = way {
            self.send_away(newest, now, after);
        }
        Ok(Admission::Waiting(self.line_up(tag, ask.deadline, now)))
    }

    /// The queue is full for this one, whose tenant has most in it.
    fn send_away(&mut self, newest: usize, now: Instant, after: &mut After) {
        if let Some((key, gone)) = self.fair.remove(newest) {
            let why = self.full(&gone, now);
            self.refuse(key, why, after);
        }
        self.keep(after);
    }

    /// Gives up the oldest ones until there is room.
    fn make_room(&mut self, tag: &Tag, after: &mut After) {
        while self.fair.room(tag) == Room::AfterOldest
            && let Some((oldest, _)) = self.fair.give_up(tag.priority)
        {
            self.refuse(oldest, Refusal::Dropped, after);
        }
        // The keeper may have been among them.
        self.keep(after);
    }

    fn full(&mut self, tag: &Tag, now: Instant) -> Refusal {
        let given_up = matches!(self.overflow, Overflow::Drop | Overflow::DropOldest);
        if given_up && tag.priority != Priority::Control {
            return Refusal::Dropped;
        }
        let waiting = self.fair.len();
        Refusal::Full {
            waiting,
            retry_after: self.pace.retry_after(now, waiting),
        }
    }

    /// Whether a newcomer can still be served before its deadline, as far as
    /// that is known.
    fn in_time(&mut self, tag: &Tag, deadline: Deadline, now: Instant) -> Result<(), Refusal> {
        let left = deadline.instant().saturating_duration_since(now);
        let size = self.limit.size();
        let wait = |pace: &mut Pace, ahead| {
            let wait = pace.wait(now, ahead, size);
            wait.filter(|wait| *wait > left)
        };
        // If the very last one is in time, so is this one.
        if wait(&mut self.pace, self.fair.len()).is_none() {
            return Ok(());
        }
        let ahead = self.fair.behind(tag);
        match wait(&mut self.pace, ahead) {
            None => Ok(()),
            Some(predicted) => Err(Refusal::WouldWait {
                predicted,
                retry_after: self.pace.retry_after(now, ahead),
            }),
        }
    }

    /// A permit comes back after so long, and goes on.
    pub(super) fn give_back(&mut self, now: Instant, held: Duration, after: &mut After) {
        self.counts.count_held(held);
        self.pace.held(held);
        self.limit.give_back(now);
        self.dispatch(now, after);
    }

    /// What a granted request really cost.
    pub(super) fn settle(&mut self, tag: &Tag, cost: u64) {
        self.fair.settle(tag, cost);
    }

    /// A waiter asks for its answer. Without one `waker` is told of it. A
    /// grant belongs to the asker from here on.
    pub(super) fn answer(
        &mut self,
        place: Place,
        now: Instant,
        waker: &Waker,
        after: &mut After,
    ) -> Heard {
        if self.limit.due().is_some_and(|due| due <= now) {
            self.dispatch(now, after);
        }
        if let Some(waiter) = self.waiters.get_mut(place.key)
            && waiter.waits()
            && now < place.due
        {
            after.keep(&mut waiter.waker, waker);
            return Heard::Nothing {
                look: self.look(place, now),
            };
        }
        let Some(waiter) = self.waiters.remove(place.key) else {
            return Heard::Refused(Refusal::Closed);
        };
        after.let_go(waiter.waker);
        let waited = now.saturating_duration_since(waiter.since);
        let why = match waiter.answer {
            Answer::Refused(why) => {
                self.refused -= 1;
                return Heard::Refused(why);
            }
            Answer::Granted(tag) if now < waiter.deadline.instant() => {
                self.grant(now, waited);
                return Heard::Granted(Grant {
                    since: now,
                    waited,
                    charged: Some(Box::new(tag)),
                });
            }
            Answer::Granted(tag) => {
                // Granted, but nothing may begin after its deadline.
                self.return_unused(&tag, now, after);
                Refusal::DeadlinePassed
            }
            Answer::Awaited => {
                self.step_out(place, after);
                self.too_late(&waiter.deadline, waited, now)
            }
        };
        self.counts.count_refused(&why);
        Heard::Refused(why)
    }

    /// A waiter goes away without having asked for its answer.
    pub(super) fn leave(&mut self, place: Place, now: Instant, after: &mut After) {
        let Some(waiter) = self.waiters.remove(place.key) else {
            return;
        };
        after.let_go(waiter.waker);
        match waiter.answer {
            // It was counted when it was refused.
            Answer::Refused(_) => {
                self.refused -= 1;
                return;
            }
            Answer::Awaited => self.step_out(place, after),
            Answer::Granted(tag) => self.return_unused(&tag, now, after),
        }
        self.counts.cancelled += 1;
    }

    /// How many will be granted before this one.
    pub(super) fn ahead(&self, place: Place) -> usize {
        match self.waiters.get(place.key) {
            Some(waiter) if waiter.waits() => self.fair.ahead(place.ticket),
            _ => 0,
        }
    }

    /// A copy of the order, and the numbers of those in it by their keys; both
    /// are read after the lock.
    pub(super) fn line(&self) -> (Fair<usize>, Vec<(usize, u64)>) {
        let waits = self.waiters.entries().filter(|(_, waiter)| waiter.waits());
        let numbers = waits.map(|(key, waiter)| (key, waiter.number)).collect();
        (self.fair.clone(), numbers)
    }

    /// What the limit decided since the last call.
    pub(super) fn decided(&mut self) -> Vec<Decision> {
        let mut fresh = Vec::new();
        while let Some(decision) = self.limit.decided() {
            fresh.push(decision);
            self.decisions.truncate(DECISIONS - 1);
            self.decisions.push_front(decision);
            let reason = decision.reason.as_str();
            match self.reasons.iter_mut().find(|(name, _)| *name == reason) {
                Some((_, n)) => *n += 1,
                None => self.reasons.push((reason, 1)),
            }
        }
        fresh
    }

    pub(super) fn decisions(&self) -> Vec<Decision> {
        self.decisions.iter().rev().copied().collect()
    }

    pub(super) fn reasons(&self) -> Vec<(&'static str, u64)> {
        self.reasons.clone()
    }

    pub(super) fn stats(&self) -> PoolStats {
        let (size, busy) = (self.limit.size() as u64, self.limit.busy() as u64);
        PoolStats {
            size,
            busy,
            idle: size.saturating_sub(busy),
            computed: self.limit.computed() as u64,
            max: self.limit.max() as u64,
            waiting: (self.waiters.len() - self.refused) as u64,
            waiting_by: Priority::ALL.map(|priority| self.fair.waiting(priority) as u64),
            waiting_bytes: self.fair.bytes(),
            ..self.counts
        }
    }

    fn line_up(&mut self, tag: Tag, deadline: Deadline, now: Instant) -> Place {
        let patience = now
            .checked_add(self.max_wait)
            .map_or(deadline, Deadline::at);
        let due = patience.earlier(deadline).instant();
        self.counts.queued += 1;
        let number = self.counts.queued;
        let key = self.waiters.insert(Waiter {
            number,
            since: now,
            due,
            deadline,
            waker: None,
            answer: Answer::Awaited,
        });
        let ticket = self.fair.push(tag, key);
        Place {
            key,
            number,
            ticket,
            due,
        }
    }

    /// Hands idle permits to the queue, in order.
    fn dispatch(&mut self, now: Instant, after: &mut After) {
        self.limit.tick(now);
        while self.fair.len() > 0 && self.limit.take(now) {
            if !self.hand_on(now, after) {
                self.limit.give_back(now);
            }
        }
        self.keep(after);
    }

    /// Gives a permit to the next in order. One whose time is over gets its
    /// refusal instead, also if its own timer was not polled yet.
    fn hand_on(&mut self, now: Instant, after: &mut After) -> bool {
        while let Some((key, tag)) = self.fair.pop() {
            let Some(waiter) = self.waiters.get_mut(key) else {
                continue;
            };
            if now < waiter.due {
                waiter.answer = Answer::Granted(tag);
                after.wake(waiter.waker.take());
                return true;
            }
            let waited = now.saturating_duration_since(waiter.since);
            let deadline = waiter.deadline;
            self.fair.settle(&tag, 0);
            let why = self.too_late(&deadline, waited, now);
            self.refuse(key, why, after);
        }
        false
    }

    /// A permit comes back whose owner never learned of it.
    fn return_unused(&mut self, tag: &Tag, now: Instant, after: &mut After) {
        self.fair.settle(tag, 0);
        self.limit.give_back(now);
        self.dispatch(now, after);
    }

    /// One who waited is out of `waiters`, and now out of the order as well.
    fn step_out(&mut self, place: Place, after: &mut After) {
        self.fair.remove(place.ticket);
        if self.keeper.is_some_and(|(key, _)| key == place.key) {
            self.keeper = None;
            self.keep(after);
        }
    }

    /// Sees to it that somebody looks when the limit may give more. A new
    /// keeper is woken to set its alarm; one that was never polled will be.
    fn keep(&mut self, after: &mut After) {
        let due = self.limit.due().filter(|_| self.fair.len() > 0);
        let Some(due) = due else {
            self.keeper = None;
            return;
        };
        if let Some((key, looks)) = self.keeper
            && looks <= due
            && self.waiters.get(key).is_some_and(Waiter::waits)
        {
            return;
        }
        let mut waiters = self.waiters.entries_mut();
        let polled = waiters.find(|(_, waiter)| waiter.waits() && waiter.waker.is_some());
        self.keeper = polled.map(|(key, waiter)| {
            after.wake(waiter.waker.take());
            (key, due)
        });
    }

    /// When this waiter looks by itself: at its end, or before as the keeper.
    fn look(&mut self, place: Place, now: Instant) -> Instant {
        let keeps = self.keeper.is_none_or(|(key, _)| key == place.key);
        match self.limit.due().filter(|_| keeps) {
            Some(due) => {
                let look = due.max(now + AGAIN);
                self.keeper = Some((place.key, look));
                look.min(place.due)
            }
            None => place.due,
        }
    }

    /// Which of a waiter's two limits is over.
    fn too_late(&mut self, deadline: &Deadline, waited: Duration, now: Instant) -> Refusal {
        if deadline.instant() <= now {
            return Refusal::DeadlinePassed;
        }
        let retry_after = self.pace.retry_after(now, self.fair.len());
        Refusal::WaitedTooLong {
            waited,
            retry_after,
        }
    }

    /// Writes a refusal for one who is out of the queue.
    fn refuse(&mut self, key: usize, why: Refusal, after: &mut After) {
        self.counts.count_refused(&why);
        if let Some(waiter) = self.waiters.get_mut(key) {
            waiter.answer = Answer::Refused(why);
            self.refused += 1;
            after.wake(waiter.waker.take());
        }
    }

    fn grant(&mut self, now: Instant, waited: Duration) {
        self.counts.count_granted(waited);
        self.pace.mark(now);
    }
}
