//! The stated order in which the process takes its mutexes, in one list.
//!
//! 1. A lock is taken only while every lock that this thread holds stands
//!    before it in the list; so no circle of waiting threads can close.
//! 2. Debug builds check each `lock` and name both locks (R-G41, R-D17);
//!    release builds carry no rank and check nothing.
//! 3. A mutex without a rank is a leaf: it may be taken under any other, and
//!    nothing under it.
//!
//! Only mutexes of `sync`: what one awaits (keys, permits) is `order`'s.

#[cfg(debug_assertions)]
use std::cell::RefCell;

/// A place in the list; a lower level is taken first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rank {
    #[cfg(debug_assertions)]
    level: u16,
    #[cfg(debug_assertions)]
    name: &'static str,
}

// The list. Whoever needs two locks at once puts both of them here; the levels
// below 100 are for the crates above the kernel.
impl Rank {
    /// The lines of one lane or share; it notes holds and waits while it is held.
    pub const LINES: Self = Self::new(100, "lines of a lane or share");
    /// Who holds and who waits, of all nouns.
    pub const GRAPH: Self = Self::new(200, "wait-for graph");
    /// The flights of a `Once`, by key; the inside of one is looked at under it.
    pub const FLIGHTS: Self = Self::new(300, "flights of a once");
    /// Who is watched; each one's own place is looked at under it.
    pub const WATCHED: Self = Self::new(400, "the watchdog's book");
    /// Everything else: nothing is taken under it.
    pub const LEAF: Self = Self::new(u16::MAX, "a lock without a rank");
}

impl Rank {
    /// A rank of that level; the name stands in the message of the check.
    #[cfg_attr(
        not(debug_assertions),
        expect(unused_variables, reason = "a rank is nothing in a release build")
    )]
    pub const fn new(level: u16, name: &'static str) -> Self {
        Self {
            #[cfg(debug_assertions)]
            level,
            #[cfg(debug_assertions)]
            name,
        }
    }
}

#[cfg(debug_assertions)]
thread_local! {
    /// The ranks that this thread holds, in the order in which it took them.
    static HELD: RefCell<Vec<Rank>> = const { RefCell::new(Vec::new()) };
}

/// That a lock of this rank is held; made before the lock, dropped after it.
#[derive(Debug)]
pub(crate) struct Taken {
    #[cfg(debug_assertions)]
    rank: Rank,
}

#[cfg(not(debug_assertions))]
impl Taken {
    pub(crate) fn check(_: Rank) -> Self {
        Self {}
    }
}

#[cfg(debug_assertions)]
impl Taken {
    /// Notes the rank, after a look at what is held already.
    pub(crate) fn check(rank: Rank) -> Self {
        // At the end of a thread there may be no list any more.
        let worst = HELD.try_with(|held| {
            let held = held.borrow();
            held.iter().max_by_key(|held| held.level).copied()
        });
        if let Ok(Some(worst)) = worst {
            assert!(
                worst.level < rank.level,
                "lock order: \"{}\" is taken while \"{}\" is held, see the list in kernel::rank",
                rank.name,
                worst.name,
            );
        }
        let _ = HELD.try_with(|held| held.borrow_mut().push(rank));
        Self { rank }
    }
}

#[cfg(debug_assertions)]
impl Drop for Taken {
    fn drop(&mut self) {
        let _ = HELD.try_with(|held| {
            let mut held = held.borrow_mut();
            let last = held.iter().rposition(|rank| *rank == self.rank);
            last.map(|at| held.remove(at))
        });
    }
}
