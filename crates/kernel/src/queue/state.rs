//! The state of a queue: what is in, what waits before the door, who takes.
//!
//! 1. Every change is one call under the queue's lock, and leaves the law of
//!    `QueueStats::holds` true.
//! 2. Nothing waits before the door that has room, and nobody overtakes there.
//! 3. As many takers are woken as there are things in; one that was woken and
//!    leaves wakes another.
//!
//! A plain value: no lock, no timer. The queue has those.

use std::task::{Poll, Waker};

use super::{Offered, QueueSettings, QueueStats, Taken};
use crate::after::After;
use crate::circle::{Circle, Link};
use crate::fair::{Bounds, Fair, Room};
use crate::overflow::Overflow;
use crate::slots::Slots;
use crate::tag::{Priority, Tag};

pub(super) struct State<T> {
    settings: QueueSettings,
    fair: Fair<T>,
    /// One slot for each `Submit` that had to wait, until it knows its answer.
    visitors: Slots<Visitor<T>>,
    /// Those of them who wait, in order.
    door: Circle<Visitor<T>>,
    door_bytes: u64,
    takers: Slots<Taker>,
    /// Those who were not woken, the longest waiting first.
    idle: Circle<Taker>,
    closed: bool,
    counts: QueueStats,
    dropped: Vec<(T, Tag)>,
}

struct Visitor<T> {
    tag: Tag,
    link: Link,
    waker: Option<Waker>,
    answer: Answer<T>,
}

enum Answer<T> {
    Waits(T),
    Entered,
    Closed(T),
}

struct Taker {
    link: Link,
    /// `None`: it was woken.
    waker: Option<Waker>,
}

/// The answer to one who submits.
pub(super) enum Entry<T> {
    Known(Offered<T>),
    /// It waits before the door, under this key.
    Waits(usize),
}

fn bounds(settings: &QueueSettings) -> Bounds {
    Bounds {
        items: settings.items,
        bytes: settings.bytes,
    }
}

impl<T> State<T> {
    pub(super) fn new(settings: &QueueSettings) -> Self {
        Self {
            settings: *settings,
            fair: Fair::new(bounds(settings)),
            visitors: Slots::default(),
            door: Circle::new(|visitor| &visitor.link),
            door_bytes: 0,
            takers: Slots::default(),
            idle: Circle::new(|taker| &taker.link),
            closed: false,
            counts: QueueStats::default(),
            dropped: Vec::new(),
        }
    }

    pub(super) fn apply(&mut self, settings: &QueueSettings, after: &mut After) {
        self.settings = *settings;
        self.fair.rebound(bounds(settings));
        self.let_in(after);
    }

    pub(super) fn offer(&mut self, item: T, tag: Tag, after: &mut After) -> Offered<T> {
        self.counts.offered += 1;
        match self.enter(item, &tag, after) {
            Ok(()) => Offered::Submitted,
            Err(item) => self.refuse(item, &tag),
        }
    }

    pub(super) fn submit(&mut self, item: T, tag: Tag, after: &mut After) -> Entry<T> {
        self.counts.offered += 1;
        let item = match self.enter(item, &tag, after) {
            Ok(()) => return Entry::Known(Offered::Submitted),
            Err(item) => item,
        };
        let QueueSettings { items, bytes, .. } = self.settings;
        let waits = self.settings.overflow == Overflow::Block
            && tag.priority != Priority::Control
            && !self.closed
            && self.door.len() < items
            && self
                .door_bytes
                .checked_add(tag.bytes)
                .is_some_and(|sum| sum <= bytes);
        if !waits {
            return Entry::Known(self.refuse(item, &tag));
        }
        let key = self.visitors.insert(Visitor {
            tag,
            link: Link::default(),
            waker: None,
            answer: Answer::Waits(item),
        });
        self.door.push(&self.visitors, key);
        self.door_bytes += tag.bytes;
        Entry::Waits(key)
    }

    /// What was dropped by the last step.
    pub(super) fn dropped(&mut self) -> Vec<(T, Tag)> {
        std::mem::take(&mut self.dropped)
    }

    /// Whether one who submits knows its answer; otherwise `waker` is told.
    pub(super) fn answer(
        &mut self,
        key: usize,
        waker: &Waker,
        after: &mut After,
    ) -> Poll<Offered<T>> {
        if let Some(visitor) = self.visitors.get_mut(key)
            && matches!(visitor.answer, Answer::Waits(_))
        {
            after.keep(&mut visitor.waker, waker);
            return Poll::Pending;
        }
        let visitor = self.visitors.remove(key);
        Poll::Ready(match visitor.map(|visitor| visitor.answer) {
            Some(Answer::Closed(item)) => Offered::Closed(item),
            Some(Answer::Waits(item)) => Offered::Full(item),
            Some(Answer::Entered) | None => Offered::Submitted,
        })
    }

    /// The time of one who submits is over.
    pub(super) fn too_late(&mut self, key: usize, after: &mut After) -> Offered<T> {
        match self.leave_door(key, after) {
            Some(Answer::Waits(item)) => {
                self.counts.timed_out += 1;
                Offered::Full(item)
            }
            Some(Answer::Closed(item)) => Offered::Closed(item),
            Some(Answer::Entered) | None => Offered::Submitted,
        }
    }

    /// One who submits goes away; what it still had comes back, to be dropped.
    pub(super) fn leave(&mut self, key: usize, after: &mut After) -> Option<T> {
        match self.leave_door(key, after)? {
            Answer::Waits(item) => {
                self.counts.cancelled += 1;
                Some(item)
            }
            Answer::Closed(item) => Some(item),
            Answer::Entered => None,
        }
    }

    pub(super) fn try_take(&mut self, after: &mut After) -> Taken<T> {
        match self.fair.pop() {
            Some((item, _)) => {
                self.counts.delivered += 1;
                self.let_in(after);
                Taken::Item(item)
            }
            None if self.closed => Taken::Closed,
            None => Taken::Empty,
        }
    }

    /// A taker asks for the next one. `seat` is its key once it waits.
    pub(super) fn take(
        &mut self,
        seat: &mut Option<usize>,
        waker: &Waker,
        after: &mut After,
    ) -> Poll<Option<T>> {
        let taken = match self.try_take(after) {
            Taken::Item(item) => Some(item),
            Taken::Closed => None,
            Taken::Empty => {
                self.wait(seat, waker, after);
                return Poll::Pending;
            }
        };
        if let Some(key) = seat.take() {
            after.let_go(self.stand_up(key).and_then(|taker| taker.waker));
        }
        Poll::Ready(taken)
    }

    /// A taker that waited goes away; what it was woken for wakes another.
    pub(super) fn leave_seat(&mut self, key: usize, after: &mut After) {
        match self.stand_up(key) {
            Some(Taker { waker: None, .. }) if self.fair.len() > 0 => self.wake_taker(after),
            Some(taker) => after.let_go(taker.waker),
            None => {}
        }
    }

    pub(super) fn close(&mut self, after: &mut After) {
        self.closed = true;
        while let Some(key) = self.door.front() {
            let Some(Answer::Waits(item)) = self.answered(key, Answer::Entered, after) else {
                return;
            };
            self.counts.closed += 1;
            self.visitors[key].answer = Answer::Closed(item);
        }
        while self.idle.len() > 0 {
            self.wake_taker(after);
        }
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn stats(&self) -> QueueStats {
        QueueStats {
            queued: self.fair.len() as u64,
            queued_by: Priority::ALL.map(|priority| self.fair.waiting(priority) as u64),
            door: self.door.len() as u64,
            bytes: self.fair.bytes(),
            door_bytes: self.door_bytes,
            capacity: self.settings.items as u64,
            takers: self.takers.len() as u64,
            ..self.counts
        }
    }

    /// Puts one in if there is room now, perhaps instead of older ones.
    fn enter(&mut self, item: T, tag: &Tag, after: &mut After) -> Result<(), T> {
        let behind = self.door.len() > 0 && tag.priority != Priority::Control;
        if self.closed || behind {
            return Err(item);
        }
        let mut room = self.fair.room(tag);
        while room == Room::AfterOldest
            && self.settings.overflow == Overflow::DropOldest
            && let Some(oldest) = self.fair.give_up(tag.priority)
        {
            self.counts.dropped += 1;
            self.dropped.push(oldest);
            room = self.fair.room(tag);
        }
        if room != Room::Yes {
            return Err(item);
        }
        self.fair.push(*tag, item);
        self.wake_taker(after);
        Ok(())
    }

    fn refuse(&mut self, item: T, tag: &Tag) -> Offered<T> {
        if self.closed {
            self.counts.closed += 1;
            return Offered::Closed(item);
        }
        match self.settings.overflow {
            Overflow::Drop | Overflow::DropOldest if tag.priority != Priority::Control => {
                self.counts.dropped += 1;
            }
            _ => self.counts.full += 1,
        }
        Offered::Full(item)
    }

    /// Lets those in who wait before the door, as far as there is room.
    fn let_in(&mut self, after: &mut After) {
        while let Some(key) = self.door.front() {
            let tag = self.visitors[key].tag;
            if self.fair.room(&tag) != Room::Yes {
                return;
            }
            if let Some(Answer::Waits(item)) = self.answered(key, Answer::Entered, after) {
                self.fair.push(tag, item);
                self.wake_taker(after);
            }
        }
    }

    /// One leaves the door with this answer and is told; gives what it was.
    fn answered(&mut self, key: usize, now: Answer<T>, after: &mut After) -> Option<Answer<T>> {
        self.door.remove(&self.visitors, key);
        let visitor = self.visitors.get_mut(key)?;
        self.door_bytes -= visitor.tag.bytes;
        after.wake(visitor.waker.take());
        Some(std::mem::replace(&mut visitor.answer, now))
    }

    fn leave_door(&mut self, key: usize, after: &mut After) -> Option<Answer<T>> {
        let waits = |visitor: &Visitor<T>| matches!(visitor.answer, Answer::Waits(_));
        if self.visitors.get(key).is_some_and(waits) {
            self.door.remove(&self.visitors, key);
            self.door_bytes -= self.visitors[key].tag.bytes;
        }
        let visitor = self.visitors.remove(key)?;
        after.let_go(visitor.waker);
        // It may have kept smaller ones behind it from coming in.
        self.let_in(after);
        Some(visitor.answer)
    }

    fn wait(&mut self, seat: &mut Option<usize>, waker: &Waker, after: &mut After) {
        let key = *seat.get_or_insert_with(|| {
            self.takers.insert(Taker {
                link: Link::default(),
                waker: None,
            })
        });
        let taker = &mut self.takers[key];
        let was_idle = taker.waker.is_some();
        after.keep(&mut taker.waker, waker);
        if !was_idle {
            self.idle.push(&self.takers, key);
        }
    }

    fn stand_up(&mut self, key: usize) -> Option<Taker> {
        if self.takers.get(key)?.waker.is_some() {
            self.idle.remove(&self.takers, key);
        }
        self.takers.remove(key)
    }

    fn wake_taker(&mut self, after: &mut After) {
        if let Some(key) = self.idle.front() {
            self.idle.remove(&self.takers, key);
            after.wake(self.takers[key].waker.take());
        }
    }
}
