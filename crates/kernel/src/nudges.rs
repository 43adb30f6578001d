//! Who of many pieces, driven by one task, wants to be polled.
//!
//! 1. A piece that was woken is told once, however often it was; one that is
//!    woken while it is polled is told again (no lost wake-up).
//! 2. In the order in which they were woken, so that all have their turn.
//! 3. Polling one piece touches no other, and a piece that wakes itself does
//!    not keep the task: the task is woken, and others run in between.
//!
//! The pieces themselves belong to who drives them.

use std::collections::VecDeque;
use std::task::{Wake, Waker};

use crate::sync::{Arc, Mutex};

/// The pieces by number, from 0.
#[derive(Debug, Default)]
pub(crate) struct Nudges(Arc<Mutex<Inside>>);

#[derive(Debug, Default)]
struct Inside {
    order: VecDeque<usize>,
    /// Whether the number stands in `order`.
    nudged: Vec<bool>,
    task: Option<Waker>,
}

impl Inside {
    fn nudge(&mut self, piece: usize) -> bool {
        if self.nudged.len() <= piece {
            self.nudged.resize(piece + 1, false);
        }
        let news = !std::mem::replace(&mut self.nudged[piece], true);
        if news {
            self.order.push_back(piece);
        }
        news
    }
}

impl Nudges {
    /// The next nudge wakes this task. Said before the pieces are asked for.
    pub(crate) fn listen(&self, task: &Waker) {
        let mut inside = self.0.lock();
        let known = inside.task.as_ref();
        if known.is_some_and(|known| known.will_wake(task)) {
            return;
        }
        let before = inside.task.replace(task.clone());
        drop(inside);
        drop(before);
    }

    /// How many are nudged.
    pub(crate) fn len(&self) -> usize {
        self.0.lock().order.len()
    }

    /// The one that was nudged first, now to be polled.
    pub(crate) fn next(&self) -> Option<usize> {
        let mut inside = self.0.lock();
        let piece = inside.order.pop_front()?;
        inside.nudged[piece] = false;
        Some(piece)
    }

    /// This one is to be polled, and the task needs not be woken for it.
    pub(crate) fn queue(&self, piece: usize) {
        self.0.lock().nudge(piece);
    }

    /// What wakes this piece.
    pub(crate) fn waker(&self, piece: usize) -> Waker {
        let all = Arc::clone(&self.0);
        Waker::from(Arc::new(Nudge { all, piece }))
    }
}

struct Nudge {
    all: Arc<Mutex<Inside>>,
    piece: usize,
}

impl Wake for Nudge {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut inside = self.all.lock();
        let task = if inside.nudge(self.piece) {
            inside.task.take()
        } else {
            None
        };
        drop(inside);
        if let Some(task) = task {
            task.wake();
        }
    }
}
