//! A list of things with stable keys: put in, take out, both at once.
//!
//! 1. `insert` and `remove` are constant time; freed places are used again.
//! 2. A key is valid from its `insert` to its `remove`, and only its owner
//!    holds it, so that it needs no generation.
//!
//! The memory stays at its high-water mark; what is put in is bounded by the
//! noun that uses it.

use std::ops::{Index, IndexMut};

/// Things by key.
#[derive(Clone, Debug)]
pub(crate) struct Slots<T> {
    cells: Vec<Cell<T>>,
    free: Option<usize>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Cell<T> {
    Taken(T),
    Free { next: Option<usize> },
}

impl<T> Default for Slots<T> {
    fn default() -> Self {
        Self {
            cells: Vec::new(),
            free: None,
            len: 0,
        }
    }
}

impl<T> Slots<T> {
    /// Puts `value` in and tells its key.
    pub(crate) fn insert(&mut self, value: T) -> usize {
        self.len += 1;
        let key = match self.free {
            Some(key) => key,
            None => {
                self.cells.push(Cell::Taken(value));
                return self.cells.len() - 1;
            }
        };
        if let Cell::Free { next } = self.cells[key] {
            self.free = next;
        }
        self.cells[key] = Cell::Taken(value);
        key
    }

    /// Takes the value of `key` out; `None` if it is not there.
    pub(crate) fn remove(&mut self, key: usize) -> Option<T> {
        let cell = self.cells.get_mut(key)?;
        if matches!(cell, Cell::Free { .. }) {
            return None;
        }
        let taken = std::mem::replace(cell, Cell::Free { next: self.free });
        self.free = Some(key);
        self.len -= 1;
        match taken {
            Cell::Taken(value) => Some(value),
            Cell::Free { .. } => None,
        }
    }

    /// The value of `key`, to be changed in place.
    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut T> {
        match self.cells.get_mut(key) {
            Some(Cell::Taken(value)) => Some(value),
            _ => None,
        }
    }

    /// The value of `key`.
    pub(crate) fn get(&self, key: usize) -> Option<&T> {
        match self.cells.get(key) {
            Some(Cell::Taken(value)) => Some(value),
            _ => None,
        }
    }

    /// All values, in no promised order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.cells.iter().filter_map(|cell| match cell {
            Cell::Taken(value) => Some(value),
            Cell::Free { .. } => None,
        })
    }

    /// All keys and values, in the order of the keys.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (usize, &T)> {
        let cells = self.cells.iter().enumerate();
        cells.filter_map(|(key, cell)| match cell {
            Cell::Taken(value) => Some((key, value)),
            Cell::Free { .. } => None,
        })
    }

    /// All values, to be changed in place, in no promised order.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.entries_mut().map(|(_, value)| value)
    }

    /// All keys and values, in no promised order.
    pub(crate) fn entries_mut(&mut self) -> impl Iterator<Item = (usize, &mut T)> {
        let cells = self.cells.iter_mut().enumerate();
        cells.filter_map(|(key, cell)| match cell {
            Cell::Taken(value) => Some((key, value)),
            Cell::Free { .. } => None,
        })
    }

    /// All values, taken out.
    pub(crate) fn into_values(self) -> impl Iterator<Item = T> {
        self.cells.into_iter().filter_map(|cell| match cell {
            Cell::Taken(value) => Some(value),
            Cell::Free { .. } => None,
        })
    }

    /// How many are in.
    pub(crate) fn len(&self) -> usize {
        self.len
    }
}

// For who knows that the key is valid, as with the index of a `Vec`.

impl<T> Index<usize> for Slots<T> {
    type Output = T;

    fn index(&self, key: usize) -> &T {
        match &self.cells[key] {
            Cell::Taken(value) => value,
            Cell::Free { .. } => unreachable!("a key after its remove"),
        }
    }
}

impl<T> IndexMut<usize> for Slots<T> {
    fn index_mut(&mut self, key: usize) -> &mut T {
        match &mut self.cells[key] {
            Cell::Taken(value) => value,
            Cell::Free { .. } => unreachable!("a key after its remove"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_places_are_used_again_and_keys_stay_with_their_values() {
        let mut slots = Slots::default();
        let keys: Vec<usize> = (0..8).map(|n| slots.insert(n)).collect();
        for round in 0..100 {
            for (n, key) in keys.iter().enumerate().skip(round % 3).step_by(2) {
                assert_eq!(slots.remove(*key), Some(n));
                assert_eq!(slots.remove(*key), None, "taken twice");
            }
            assert_eq!(slots.len(), slots.iter().count());
            // Put back in reverse, so that each gets the place it had.
            for (n, key) in keys.iter().enumerate().skip(round % 3).step_by(2).rev() {
                assert_eq!(slots.insert(n), *key);
                assert_eq!(slots.get_mut(*key), Some(&mut { n }));
            }
        }
        assert_eq!((slots.len(), slots.cells.len()), (8, 8));
        assert_eq!(slots.into_values().sum::<usize>(), 28);
    }
}
