//! The lines of a lane or share, by key, and the answers to those who wait.
//!
//! 1. Every change is one call under the lock, and leaves the law of
//!    `LockStats::holds` true.
//! 2. The front of a line never stands outside when it could be in: whatever
//!    changes a line, also a leaver between two reads, looks at it in the same call.
//! 3. A line without users is gone (R-P14), in the call that ends its use.
//! 4. Wakers are given back to the caller, who wakes after the lock.
//!
//! A plain value: no lock, no timer. The memory stays at its high-water mark.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::task::Waker;
use std::time::Duration;

use crate::after::After;
use crate::clock::{Deadline, Instant};
use crate::lock::line::{Key, Line, Mode};
use crate::lock::{LockRefusal, LockSettings, LockStats};
use crate::order::{Blocked, Holding, Owner, Resource};
use crate::slots::Slots;

#[derive(Debug)]
pub(crate) struct Lines<K, M> {
    settings: LockSettings,
    keys: HashMap<K, usize>,
    lines: Slots<(K, Line<M>)>,
    /// One slot for each `Locking` that had to wait, until it knows its answer.
    waiters: Slots<Waiter>,
    closed: bool,
    /// All but `keys`.
    counts: LockStats,
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
    /// In the line; noted in the graph if it has an owner.
    Awaited(Option<Blocked>),
    /// Inside, and does not know it yet.
    Granted(Option<Holding>),
    /// Out of the line, counted as refused, and does not know it yet.
    Refused(LockRefusal),
}

/// One who asks.
#[derive(Debug)]
pub(crate) struct Asking<K, M> {
    pub(crate) key: K,
    pub(crate) mode: M,
    pub(crate) deadline: Deadline,
    /// For the graph: who it is, and what it calls the key.
    pub(crate) owner: Option<(Owner, Resource)>,
}

/// The answer to a newcomer.
#[derive(Debug)]
pub(crate) enum Admission {
    Granted(Granted),
    Refused(LockRefusal),
    Waiting(Place),
}

/// One is inside.
#[derive(Debug)]
pub(crate) struct Granted {
    pub(crate) line: usize,
    pub(crate) holding: Option<Holding>,
    pub(crate) waited: Duration,
}

/// Where one waits.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    line: usize,
    ticket: u64,
    waiter: usize,
    /// When its time is over, by `max_wait` or by its deadline.
    pub(crate) due: Instant,
}

impl<K: Key, M: Mode> Lines<K, M> {
    pub(crate) fn new(settings: LockSettings) -> Self {
        Self {
            settings,
            keys: HashMap::new(),
            lines: Slots::default(),
            waiters: Slots::default(),
            closed: false,
            counts: LockStats::default(),
        }
    }

    pub(crate) fn close(&mut self, after: &mut After) {
        self.closed = true;
        let mut lines: Vec<usize> = self.keys.values().copied().collect();
        lines.sort_unstable();
        for line in lines {
            while let Some((ticket, waiter)) = self.front(line) {
                self.refuse(line, ticket, waiter, LockRefusal::Closed, after);
            }
        }
    }

    /// A newcomer: in, in the line, or no.
    pub(crate) fn admit(
        &mut self,
        asking: Asking<K, M>,
        now: Instant,
        after: &mut After,
    ) -> Admission {
        self.counts.offered += 1;
        let refusal = if self.closed {
            LockRefusal::Closed
        } else if asking.deadline.instant() <= now {
            LockRefusal::DeadlinePassed
        } else {
            let Asking {
                key,
                mode,
                deadline,
                owner,
            } = asking;
            let line = self.line(key);
            if self.step_in(line, &mode) {
                let holding = owner.map(|(owner, resource)| owner.hold(resource));
                return Admission::Granted(Granted {
                    line,
                    holding,
                    waited: Duration::ZERO,
                });
            }
            let waiting = self.lines.get(line).map_or(0, |(_, line)| line.waiting());
            if waiting < self.settings.places {
                let waiter = self.waiter(deadline, owner, now, after);
                return Admission::Waiting(self.line_up(line, mode, waiter));
            }
            LockRefusal::Full { waiting }
        };
        self.counts.count(&refusal);
        Admission::Refused(refusal)
    }

    /// A waiter asks for its answer. `None`: it waits on, and `waker` is told.
    /// A grant belongs to the asker from here on.
    pub(crate) fn answer(
        &mut self,
        place: Place,
        now: Instant,
        waker: &Waker,
        after: &mut After,
    ) -> Option<Result<Granted, LockRefusal>> {
        let why = self
            .waiters
            .get_mut(place.waiter)?
            .news(now, waker, after)?;
        if let Some(why) = why {
            self.refuse(place.line, place.ticket, place.waiter, why, after);
            self.look(place.line, now, after);
        }
        let waiter = self.waiters.remove(place.waiter)?;
        after.let_go(waiter.waker);
        let (line, waited) = (place.line, now.saturating_duration_since(waiter.since));
        match waiter.answer {
            Answer::Awaited(_) => None,
            Answer::Refused(why) => Some(Err(why)),
            Answer::Granted(holding) if now < waiter.deadline.instant() => {
                self.counts.waiting -= 1;
                self.count_granted(waited);
                Some(Ok(Granted {
                    line,
                    holding,
                    waited,
                }))
            }
            // Granted, but nothing may begin after its deadline.
            Answer::Granted(holding) => {
                self.counts.waiting -= 1;
                self.counts.expired += 1;
                self.exit(line, holding, || now, after);
                Some(Err(LockRefusal::DeadlinePassed))
            }
        }
    }

    /// A waiter goes away without having asked for its answer.
    pub(crate) fn leave(&mut self, place: Place, now: impl FnOnce() -> Instant, after: &mut After) {
        let Some(waiter) = self.waiters.remove(place.waiter) else {
            return;
        };
        after.let_go(waiter.waker);
        match waiter.answer {
            // It was counted when it was refused.
            Answer::Refused(_) => return,
            Answer::Awaited(blocked) => {
                if let Some(blocked) = blocked {
                    blocked.end(after);
                }
                self.unqueue(place.line, place.ticket);
                self.look(place.line, now(), after);
            }
            Answer::Granted(holding) => self.exit(place.line, holding, now, after),
        }
        self.counts.waiting -= 1;
        self.counts.cancelled += 1;
    }

    /// One who is inside goes. `now` is asked only if somebody waits.
    pub(crate) fn exit(
        &mut self,
        line: usize,
        holding: Option<Holding>,
        now: impl FnOnce() -> Instant,
        after: &mut After,
    ) {
        drop(holding);
        self.counts.held -= 1;
        if let Some((_, inside)) = self.lines.get_mut(line) {
            inside.exit();
            if inside.waiting() > 0 {
                self.look(line, now(), after);
            } else {
                self.forget_unused(line);
            }
        }
    }

    /// How many will get in before this one.
    pub(crate) fn ahead(&self, place: Place) -> usize {
        let waiter = self.waiters.get(place.waiter);
        if !waiter.is_some_and(|waiter| matches!(waiter.answer, Answer::Awaited(_))) {
            // Its line may be another key's by now.
            return 0;
        }
        let line = self.lines.get(place.line);
        line.and_then(|(_, line)| line.ahead(place.ticket))
            .unwrap_or(0)
    }

    /// How many wait for this key.
    pub(crate) fn waiting(&self, key: &K) -> usize {
        let line = self.keys.get(key).and_then(|line| self.lines.get(*line));
        line.map_or(0, |(_, line)| line.waiting())
    }

    pub(crate) fn stats(&self) -> LockStats {
        LockStats {
            keys: self.keys.len() as u64,
            ..self.counts
        }
    }

    /// The line of this key; a new one if nobody uses the key.
    fn line(&mut self, key: K) -> usize {
        match self.keys.entry(key) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let line = self.lines.insert((free.key().clone(), Line::default()));
                *free.insert(line)
            }
        }
    }

    /// In at once, if that passes nobody and disturbs nobody.
    fn step_in(&mut self, line: usize, mode: &M) -> bool {
        let open = match self.lines.get_mut(line) {
            Some((_, line)) if line.is_open_to(mode) => line,
            _ => return false,
        };
        open.enter(mode.clone());
        self.counts.held += 1;
        self.count_granted(Duration::ZERO);
        true
    }

    fn waiter(
        &self,
        deadline: Deadline,
        owner: Option<(Owner, Resource)>,
        now: Instant,
        after: &mut After,
    ) -> Waiter {
        let patience = now.checked_add(self.settings.max_wait);
        let due = patience.map_or(deadline, Deadline::at).earlier(deadline);
        let blocked = owner.map(|(owner, resource)| {
            let (blocked, gave_way) = owner.block(resource);
            gave_way
                .into_iter()
                .for_each(|waker| after.wake(Some(waker)));
            blocked
        });
        Waiter {
            since: now,
            due: due.instant(),
            deadline,
            waker: None,
            answer: Answer::Awaited(blocked),
        }
    }

    fn line_up(&mut self, line: usize, mode: M, waiter: Waiter) -> Place {
        self.counts.queued += 1;
        self.counts.waiting += 1;
        let due = waiter.due;
        let waiter = self.waiters.insert(waiter);
        let ticket = match self.lines.get_mut(line) {
            Some((_, line)) => line.push(mode, waiter),
            None => 0,
        };
        Place {
            line,
            ticket,
            waiter,
            due,
        }
    }

    /// Lets the front in for as long as it gets along with who is inside. One
    /// whose time is over, or who gave way, gets its refusal instead.
    fn look(&mut self, line: usize, now: Instant, after: &mut After) {
        while let Some((_, inside)) = self.lines.get_mut(line)
            && let Some(front) = inside.front()
            && let Some(waiter) = self.waiters.get_mut(front.waiter)
        {
            let (ticket, key) = (front.ticket, front.waiter);
            let answer = if waiter.due <= now {
                Err(waiter.too_late(now))
            } else if inside.fits(&front.mode) {
                waiter.granted(after)
            } else {
                return;
            };
            match answer {
                Err(why) => self.refuse(line, ticket, key, why, after),
                Ok(waker) => {
                    if let Some(front) = inside.remove(ticket) {
                        inside.enter(front.mode);
                    }
                    self.counts.held += 1;
                    after.wake(waker);
                }
            }
        }
        self.forget_unused(line);
    }

    fn front(&self, line: usize) -> Option<(u64, usize)> {
        let (_, line) = self.lines.get(line)?;
        line.front().map(|front| (front.ticket, front.waiter))
    }

    /// Takes one out of the line and writes its refusal.
    fn refuse(
        &mut self,
        line: usize,
        ticket: u64,
        waiter: usize,
        why: LockRefusal,
        after: &mut After,
    ) {
        self.unqueue(line, ticket);
        self.counts.waiting -= 1;
        self.counts.count(&why);
        if let Some(waiter) = self.waiters.get_mut(waiter) {
            let before = std::mem::replace(&mut waiter.answer, Answer::Refused(why));
            if let Answer::Awaited(Some(blocked)) = before {
                blocked.end(after);
            }
            after.wake(waiter.waker.take());
        }
    }

    fn unqueue(&mut self, line: usize, ticket: u64) {
        if let Some((_, line)) = self.lines.get_mut(line) {
            line.remove(ticket);
        }
    }

    fn forget_unused(&mut self, line: usize) {
        if self
            .lines
            .get(line)
            .is_some_and(|(_, line)| line.is_unused())
            && let Some((key, _)) = self.lines.remove(line)
        {
            self.keys.remove(&key);
        }
    }

    fn count_granted(&mut self, waited: Duration) {
        self.counts.granted += 1;
        self.counts.wait_total_micros += u64::try_from(waited.as_micros()).unwrap_or(u64::MAX);
    }
}

impl Waiter {
    /// `None`: it waits on, and `waker` is told. Otherwise there is an answer,
    /// or a reason to refuse it.
    fn news(
        &mut self,
        now: Instant,
        waker: &Waker,
        after: &mut After,
    ) -> Option<Option<LockRefusal>> {
        let Answer::Awaited(blocked) = &self.answer else {
            return Some(None);
        };
        let victim = blocked
            .as_ref()
            .and_then(|blocked| blocked.victim(waker, after));
        if let Some(victim) = victim {
            return Some(Some(LockRefusal::Deadlock(victim)));
        }
        if self.due <= now {
            return Some(Some(self.too_late(now)));
        }
        after.keep(&mut self.waker, waker);
        None
    }

    /// It is inside from here on, unless it has given way.
    fn granted(&mut self, after: &mut After) -> Result<Option<Waker>, LockRefusal> {
        let blocked = match &mut self.answer {
            Answer::Awaited(blocked) => blocked.take(),
            Answer::Granted(_) | Answer::Refused(_) => None,
        };
        let holding = blocked.map(|blocked| blocked.grant(after)).transpose()?;
        self.answer = Answer::Granted(holding);
        Ok(self.waker.take())
    }

    /// Which of its two limits is over.
    fn too_late(&self, now: Instant) -> LockRefusal {
        if self.deadline.instant() <= now {
            return LockRefusal::DeadlinePassed;
        }
        let waited = now.saturating_duration_since(self.since);
        LockRefusal::WaitedTooLong { waited }
    }
}
