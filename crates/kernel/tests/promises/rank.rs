//! The stated order of mutexes, as debug builds check it (R-G41, R-D17).
//! A release build checks nothing, and this file is empty there.
#![cfg(debug_assertions)]

use std::panic::{AssertUnwindSafe, catch_unwind};

use tidegate_kernel::rank::Rank;
use tidegate_kernel::sync::Mutex;

const OUTER: Rank = Rank::new(10, "the outer lock");
const INNER: Rank = Rank::new(20, "the inner lock");

#[test]
fn r_g41_locks_in_the_stated_order_are_fine_and_can_be_dropped_in_any() {
    let (outer, inner) = (Mutex::ranked(OUTER, 1), Mutex::ranked(INNER, 2));
    let leaf = Mutex::new(3);
    for _ in 0..2 {
        let (one, two, three) = (outer.lock(), inner.lock(), leaf.lock());
        assert_eq!((*one, *two, *three), (1, 2, 3));
        drop(one);
        drop(three);
    }
    // Nothing is remembered of what was dropped out of turn.
    assert_eq!(*outer.lock(), 1);
}

#[test]
#[should_panic(expected = "\"the outer lock\" is taken while \"the inner lock\" is held")]
fn r_d17_the_other_order_is_told_with_both_names() {
    let (outer, inner) = (Mutex::ranked(OUTER, 1), Mutex::ranked(INNER, 2));
    let _inner = inner.lock();
    let _outer = outer.lock();
}

#[test]
#[should_panic(expected = "\"the outer lock\" is taken while \"the outer lock\" is held")]
fn r_g40_the_same_object_twice_is_told_and_does_not_hang() {
    let outer = Mutex::ranked(OUTER, 1);
    let _once = outer.lock();
    let _twice = outer.lock();
}

#[test]
fn promise_3_nothing_is_taken_under_a_leaf_and_a_failed_check_leaves_no_trace() {
    let (leaf, other) = (Mutex::new(1), Mutex::new(2));
    let nested = catch_unwind(AssertUnwindSafe(|| {
        let _leaf = leaf.lock();
        let _other = other.lock();
    }));
    assert!(nested.is_err());
    for (lock, value) in [(&leaf, 1), (&other, 2)] {
        assert_eq!(*lock.lock(), value, "one after the other");
    }
}
