//! The last events of a stream, under numbers that have no holes.
//!
//! 1. Numbers begin with 1 and each push takes the next; a number is never
//!    given twice.
//! 2. Events and bytes stay within the bounds at every moment; what does not
//!    fit pushes the oldest out.
//! 3. Asking for a number gives its event, how many are gone before the oldest
//!    that is left, or that it is not there yet: never another's event.
//!
//! A plain value without lock or waker; the relay has those.

use std::collections::VecDeque;

use crate::sync::Arc;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) events: usize,
    pub(crate) bytes: u64,
}

#[derive(Debug)]
pub(crate) struct Ring<E> {
    bounds: Bounds,
    kept: VecDeque<Kept<E>>,
    /// The number of the oldest that is kept, or of the next if none is.
    first: u64,
    bytes: u64,
}

#[derive(Debug)]
struct Kept<E> {
    event: Arc<E>,
    bytes: u64,
}

/// What stands under a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<E> {
    Event(Arc<E>),
    /// So many are gone, from the asked one to the one before the oldest.
    Gone(u64),
    NotYet,
}

impl<E> Ring<E> {
    pub(crate) fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            kept: VecDeque::new(),
            first: 1,
            bytes: 0,
        }
    }

    /// The number that the next push takes.
    pub(crate) fn next(&self) -> u64 {
        self.first + self.kept.len() as u64
    }

    /// Bytes of what is kept.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Whether an event of so many bytes fits without pushing out any from the
    /// number `unread` on.
    pub(crate) fn fits(&self, bytes: u64, unread: u64) -> bool {
        let (mut count, mut sum) = (self.kept.len(), self.bytes);
        for (kept, number) in self.kept.iter().zip(self.first..) {
            if self.has_room(count, sum, bytes) || number >= unread {
                break;
            }
            count -= 1;
            sum -= kept.bytes;
        }
        self.has_room(count, sum, bytes)
    }

    fn has_room(&self, count: usize, sum: u64, more: u64) -> bool {
        let sum = sum.checked_add(more);
        count < self.bounds.events && sum.is_some_and(|sum| sum <= self.bounds.bytes)
    }

    /// Puts an event at the end and tells its number. What it pushes out goes
    /// to `gone`, to be dropped after the lock. It must fit an empty ring.
    pub(crate) fn push(&mut self, event: Arc<E>, bytes: u64, gone: &mut Vec<Arc<E>>) -> u64 {
        debug_assert!(self.has_room(0, 0, bytes));
        while !self.has_room(self.kept.len(), self.bytes, bytes) {
            let Some(oldest) = self.kept.pop_front() else {
                break;
            };
            self.first += 1;
            self.bytes -= oldest.bytes;
            gone.push(oldest.event);
        }
        let number = self.next();
        self.bytes += bytes;
        self.kept.push_back(Kept { event, bytes });
        number
    }

    pub(crate) fn get(&self, number: u64) -> Found<E> {
        let Some(place) = number.checked_sub(self.first) else {
            return Found::Gone(self.first - number);
        };
        let kept = usize::try_from(place).ok().and_then(|n| self.kept.get(n));
        kept.map_or(Found::NotYet, |kept| Found::Event(Arc::clone(&kept.event)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn promises_1_to_3_against_a_list_that_keeps_everything(
            events in 1_usize..6,
            sizes in prop::collection::vec(0_u64..12, 0..60),
            unread in 0_u64..60,
        ) {
            let mut ring = Ring::new(Bounds { events, bytes: 12 });
            let mut gone = Vec::new();
            for (n, bytes) in sizes.iter().enumerate() {
                let (next, first) = (ring.next(), ring.first);
                let fits = ring.fits(*bytes, unread);
                prop_assert_eq!(ring.push(Arc::new(n), *bytes, &mut gone), next);
                prop_assert_eq!(next, n as u64 + 1);
                // It fitted exactly if nothing unread was pushed out.
                prop_assert_eq!(fits, ring.first <= unread.max(first));
                prop_assert!(ring.kept.len() <= events && ring.bytes() <= 12);
                for number in 1..=next + 1 {
                    let expected = match number {
                        _ if number > next => Found::NotYet,
                        _ if number < ring.first => Found::Gone(ring.first - number),
                        _ => Found::Event(Arc::new(number as usize - 1)),
                    };
                    prop_assert_eq!(ring.get(number), expected);
                }
            }
            // Pushed out in order, each once.
            let order: Vec<usize> = gone.iter().map(|event| **event).collect();
            prop_assert_eq!(order, (0..ring.first as usize - 1).collect::<Vec<_>>());
            let kept: u64 = sizes[gone.len()..].iter().sum();
            prop_assert_eq!(ring.bytes(), kept);
        }
    }
}
