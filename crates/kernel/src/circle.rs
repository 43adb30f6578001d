//! A circle through the values of a `Slots`.
//!
//! 1. Putting in, taking out and turning are constant time and allocate
//!    nothing: the links stand in the values themselves.
//! 2. A value is in at most one circle for each of its links.
//!
//! The values stay in their slots; who takes one out of those takes it out of
//! its circles before.

use std::cell::Cell;
use std::iter::successors;

use crate::slots::Slots;

/// A place in a circle; it means nothing outside of one.
#[derive(Clone, Debug, Default)]
pub(crate) struct Link {
    before: Cell<usize>,
    after: Cell<usize>,
}

/// Keys of values in order, by one of their links.
#[derive(Clone, Debug)]
pub(crate) struct Circle<T> {
    link: fn(&T) -> &Link,
    front: Option<usize>,
    len: usize,
}

impl<T> Circle<T> {
    /// An empty circle through this link.
    pub(crate) fn new(link: fn(&T) -> &Link) -> Self {
        Self {
            link,
            front: None,
            len: 0,
        }
    }

    /// The key that is first.
    pub(crate) fn front(&self) -> Option<usize> {
        self.front
    }

    /// How many are in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// All keys, the first one first.
    pub(crate) fn keys<'a>(&'a self, slots: &'a Slots<T>) -> impl Iterator<Item = usize> + 'a {
        successors(self.front, |&key| Some(self.link(slots, key).after.get())).take(self.len)
    }

    /// The first becomes the last.
    pub(crate) fn turn(&mut self, slots: &Slots<T>) {
        self.front = self.front.map(|key| self.link(slots, key).after.get());
    }

    /// Puts `key` in as the last.
    pub(crate) fn push(&mut self, slots: &Slots<T>, key: usize) {
        self.len += 1;
        let front = *self.front.get_or_insert(key);
        let first = self.link(slots, front);
        // Alone it is its own neighbour on both sides.
        let last = if front == key {
            key
        } else {
            first.before.get()
        };
        let link = self.link(slots, key);
        link.before.set(last);
        link.after.set(front);
        first.before.set(key);
        self.link(slots, last).after.set(key);
    }

    /// Takes `key` out; it must be in.
    pub(crate) fn remove(&mut self, slots: &Slots<T>, key: usize) {
        self.len -= 1;
        let link = self.link(slots, key);
        let (before, after) = (link.before.get(), link.after.get());
        self.link(slots, before).after.set(after);
        self.link(slots, after).before.set(before);
        if self.front == Some(key) {
            self.front = (self.len > 0).then_some(after);
        }
    }

    fn link<'a>(&self, slots: &'a Slots<T>, key: usize) -> &'a Link {
        (self.link)(&slots[key])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_keeps_order_while_it_turns_and_while_any_of_it_leaves() {
        let mut slots = Slots::default();
        let mut circle = Circle::new(|link: &Link| link);
        let keys: Vec<usize> = (0..5).map(|_| slots.insert(Link::default())).collect();
        for key in &keys {
            circle.push(&slots, *key);
        }
        let now = |circle: &Circle<Link>| circle.keys(&slots).collect::<Vec<_>>();
        assert_eq!(now(&circle), [0, 1, 2, 3, 4]);
        circle.turn(&slots);
        circle.remove(&slots, 3);
        assert_eq!(now(&circle), [1, 2, 4, 0]);
        circle.remove(&slots, 1);
        circle.push(&slots, 3);
        assert_eq!(now(&circle), [2, 4, 0, 3]);
        for gone in [3, 0, 2, 4] {
            circle.remove(&slots, gone);
        }
        assert_eq!(
            (circle.front(), circle.len(), now(&circle).len()),
            (None, 0, 0)
        );
        circle.push(&slots, 1);
        circle.turn(&slots);
        assert_eq!(now(&circle), [1]);
    }
}
