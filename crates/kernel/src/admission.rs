//! The state of a pool: who is granted, who waits, who is refused.
//!
//! 1. Every change is one call under the pool's lock, and leaves the law of
//!    `PoolStats::holds` true.
//! 2. An idle permit and a waiting request never stand side by side: whatever
//!    frees a permit hands it on in the same call.
//! 3. Wakers are given back to the caller, who wakes after the lock.
//!
//! A plain value: no lock, no timer. The pool has those.

use std::task::Waker;
use std::time::Duration;

use crate::ask::Ask;
use crate::clock::{Deadline, Instant};
use crate::limit::{Limit, LimitSettings};
use crate::pace::Pace;
use crate::pool::{PoolSettings, PoolStats, Refusal};
use crate::queue::{Bounds, Queue, Room, Ticket};
use crate::slots::Slots;

#[derive(Debug)]
pub(crate) struct State {
    limit: Limit,
    /// Keys of `waiters`, in order.
    queue: Queue<usize>,
    max_wait: Duration,
    /// One slot for each `Acquire` that had to wait, until it knows its answer.
    waiters: Slots<Waiter>,
    pace: Pace,
    closed: bool,
    counts: PoolStats,
}

#[derive(Debug)]
struct Waiter {
    since: Instant,
    due: Instant,
    deadline: Deadline,
    waker: Option<Waker>,
    answer: Answer,
}

#[derive(Debug)]
enum Answer {
    /// In the queue.
    Awaited,
    /// Out of the queue, a permit is taken for it, and it does not know yet.
    Granted,
    /// Out of the queue, counted as refused, and it does not know yet.
    Refused(Refusal),
}

/// The answer to a newcomer.
#[derive(Debug)]
pub(crate) enum Admission {
    Granted,
    Refused(Refusal),
    Waiting(Place),
}

/// Where one waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    key: usize,
    ticket: Ticket,
    /// When its time is over, by `max_wait` or by its deadline.
    pub(crate) due: Instant,
}

/// Who has to be woken once the lock is free.
pub(crate) type Woken = Vec<Waker>;

fn bounds(settings: &PoolSettings) -> Bounds {
    Bounds {
        items: settings.queue,
        bytes: settings.queue_bytes,
        overflow: settings.overflow,
    }
}

impl State {
    pub(crate) fn new(settings: &PoolSettings, now: Instant) -> Self {
        Self {
            limit: Limit::new(&LimitSettings::fixed(settings.size), now),
            queue: Queue::new(bounds(settings)),
            max_wait: settings.max_wait,
            waiters: Slots::default(),
            pace: Pace::new(now),
            closed: false,
            counts: PoolStats::default(),
        }
    }

    pub(crate) fn apply(&mut self, settings: &PoolSettings, now: Instant) -> Woken {
        self.limit.apply(&LimitSettings::fixed(settings.size), now);
        self.queue.rebound(bounds(settings));
        self.max_wait = settings.max_wait;
        self.dispatch(now)
    }

    pub(crate) fn close(&mut self) -> Woken {
        self.closed = true;
        let mut woken = Vec::new();
        while let Some(key) = self.queue.pop() {
            woken.extend(self.refuse(key, Refusal::Closed));
        }
        woken
    }

    /// A newcomer: a permit, a place, or no.
    pub(crate) fn admit(
        &mut self,
        &Ask {
            bytes, deadline, ..
        }: &Ask,
        now: Instant,
    ) -> (Admission, Woken) {
        self.counts.offered += 1;
        let mut woken = Vec::new();
        let refusal = if self.closed {
            Refusal::Closed
        } else if deadline.instant() <= now {
            Refusal::DeadlinePassed
        } else if self.limit.take(now) {
            // By promise 2 nobody waits who could be overtaken here.
            debug_assert_eq!(self.queue.len(), 0);
            self.count_granted(now, Duration::ZERO);
            return (Admission::Granted, woken);
        } else {
            match self.make_room(bytes, &mut woken) {
                Room::Yes => {
                    let place = self.line_up(bytes, deadline, now);
                    return (Admission::Waiting(place), woken);
                }
                Room::Full => {
                    let waiting = self.queue.len();
                    Refusal::Full {
                        waiting,
                        retry_after: self.pace.retry_after(now, waiting),
                    }
                }
                Room::Dropped | Room::AfterOldest => Refusal::Dropped,
            }
        };
        self.count_refused(&refusal);
        (Admission::Refused(refusal), woken)
    }

    /// A permit comes back and goes on.
    pub(crate) fn give_back(&mut self, now: Instant) -> Woken {
        self.limit.give_back(now);
        self.dispatch(now)
    }

    /// A waiter asks for its answer. `None`: it waits on, and `waker` is told.
    /// A grant gives how long it waited, and belongs to the asker from here on.
    pub(crate) fn answer(
        &mut self,
        place: Place,
        now: Instant,
        waker: &Waker,
    ) -> Option<(Result<Duration, Refusal>, Woken)> {
        let waiter = self.waiters.get_mut(place.key)?;
        if matches!(waiter.answer, Answer::Awaited) && now < place.due {
            match &mut waiter.waker {
                Some(known) => known.clone_from(waker),
                none => *none = Some(waker.clone()),
            }
            return None;
        }
        let waiter = self.waiters.remove(place.key)?;
        let waited = now.saturating_duration_since(waiter.since);
        let (answer, woken) = match waiter.answer {
            Answer::Refused(why) => return Some((Err(why), Vec::new())),
            Answer::Granted if now < waiter.deadline.instant() => {
                self.count_granted(now, waited);
                return Some((Ok(waited), Vec::new()));
            }
            // Granted, but nothing may begin after its deadline.
            Answer::Granted => (Refusal::DeadlinePassed, self.give_back(now)),
            Answer::Awaited => {
                self.queue.remove(place.ticket);
                (self.too_late(&waiter.deadline, waited, now), Vec::new())
            }
        };
        self.count_refused(&answer);
        Some((Err(answer), woken))
    }

    /// A waiter goes away without having asked for its answer.
    pub(crate) fn leave(&mut self, place: Place, now: Instant) -> Woken {
        let Some(waiter) = self.waiters.remove(place.key) else {
            return Vec::new();
        };
        match waiter.answer {
            // It was counted when it was refused.
            Answer::Refused(_) => Vec::new(),
            Answer::Awaited => {
                self.counts.cancelled += 1;
                self.queue.remove(place.ticket);
                Vec::new()
            }
            Answer::Granted => {
                self.counts.cancelled += 1;
                self.give_back(now)
            }
        }
    }

    /// How many will be granted before this one.
    pub(crate) fn ahead(&self, place: Place) -> usize {
        self.queue.ahead(place.ticket).unwrap_or(0)
    }

    pub(crate) fn stats(&self) -> PoolStats {
        let answered = self
            .waiters
            .iter()
            .filter(|w| matches!(w.answer, Answer::Refused(_)));
        let (size, busy) = (self.limit.size() as u64, self.limit.busy() as u64);
        PoolStats {
            size,
            busy,
            idle: size.saturating_sub(busy),
            waiting: (self.waiters.len() - answered.count()) as u64,
            waiting_bytes: self.queue.bytes(),
            ..self.counts
        }
    }

    /// Gives up the oldest for as long as the policy says so.
    fn make_room(&mut self, bytes: u64, woken: &mut Woken) -> Room {
        loop {
            let room = self.queue.room(bytes);
            if room != Room::AfterOldest {
                return room;
            }
            let Some(oldest) = self.queue.pop() else {
                return room;
            };
            woken.extend(self.refuse(oldest, Refusal::Dropped));
        }
    }

    fn line_up(&mut self, bytes: u64, deadline: Deadline, now: Instant) -> Place {
        let patience = now
            .checked_add(self.max_wait)
            .map_or(deadline, Deadline::at);
        let due = patience.earlier(deadline).instant();
        let answer = Answer::Awaited;
        let key = self.waiters.insert(Waiter {
            since: now,
            due,
            deadline,
            waker: None,
            answer,
        });
        self.counts.queued += 1;
        Place {
            key,
            ticket: self.queue.push(bytes, key),
            due,
        }
    }

    /// Hands idle permits to the queue, in order. One whose time is over gets
    /// its refusal instead, also if its own timer was not polled yet.
    fn dispatch(&mut self, now: Instant) -> Woken {
        let mut woken = Vec::new();
        while self.queue.len() > 0 && self.limit.take(now) {
            let next = self
                .queue
                .pop()
                .and_then(|key| Some((key, self.waiters.get_mut(key)?)));
            match next {
                Some((_, waiter)) if now < waiter.due => {
                    waiter.answer = Answer::Granted;
                    woken.extend(waiter.waker.take());
                }
                Some((key, waiter)) => {
                    let waited = now.saturating_duration_since(waiter.since);
                    let deadline = waiter.deadline;
                    self.limit.give_back(now);
                    let why = self.too_late(&deadline, waited, now);
                    woken.extend(self.refuse(key, why));
                }
                None => self.limit.give_back(now),
            }
        }
        woken
    }

    /// Which of a waiter's two limits is over.
    fn too_late(&mut self, deadline: &Deadline, waited: Duration, now: Instant) -> Refusal {
        if deadline.instant() <= now {
            return Refusal::DeadlinePassed;
        }
        let retry_after = self.pace.retry_after(now, self.queue.len());
        Refusal::WaitedTooLong {
            waited,
            retry_after,
        }
    }

    /// Writes a refusal for one who is out of the queue.
    fn refuse(&mut self, key: usize, why: Refusal) -> Option<Waker> {
        self.count_refused(&why);
        let waiter = self.waiters.get_mut(key)?;
        waiter.answer = Answer::Refused(why);
        waiter.waker.take()
    }

    fn count_granted(&mut self, now: Instant, waited: Duration) {
        self.counts.granted += 1;
        self.counts.wait_total_micros += u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
        self.pace.mark(now);
    }

    fn count_refused(&mut self, why: &Refusal) {
        let counter = match why {
            Refusal::Full { .. } => &mut self.counts.full,
            Refusal::WaitedTooLong { .. } => &mut self.counts.timed_out,
            Refusal::Dropped => &mut self.counts.dropped,
            Refusal::Closed => &mut self.counts.closed,
            Refusal::DeadlinePassed => &mut self.counts.expired,
            Refusal::WouldWait { .. } => &mut self.counts.would_wait,
            Refusal::Shed => &mut self.counts.shed,
        };
        *counter += 1;
    }
}
