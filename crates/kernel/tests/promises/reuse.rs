//! R-D10 and R-G21: one owner, empty for the next, back on every path, bounded.
//! Debug builds also know each object by its id.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tidegate_kernel::{Clock, LowHits, Reusable, Reuse, ReuseSettings};

fn settings() -> ReuseSettings {
    ReuseSettings {
        items: 2,
        item_bytes: 1024,
        warn_below_percent: 85,
        judged: 10,
    }
}

fn buffers() -> Reuse<Vec<u8>> {
    Reuse::new(settings(), Clock, || Vec::with_capacity(512))
}

#[test]
fn promise_1_and_3_two_leases_never_share_and_both_come_back() {
    let shelf = buffers();
    let (mut one, mut two) = (shelf.take(), shelf.take());
    one.extend_from_slice(b"one");
    two.extend_from_slice(b"two");
    assert_ne!(one.as_ptr(), two.as_ptr());
    assert_eq!((&one[..], &two[..]), (&b"one"[..], &b"two"[..]));
    drop(one);
    drop(two);
    let stats = shelf.stats();
    assert!(stats.holds(), "{stats:?}");
    assert_eq!((stats.in_use, stats.kept, stats.kept_bytes), (0, 2, 1024));
}

#[test]
fn r_g21_the_next_owner_sees_nothing_of_the_last() {
    let shelf = buffers();
    let mut first = shelf.take();
    first.extend_from_slice(b"a secret of the first");
    let address = first.as_ptr();
    drop(first);
    let second = shelf.take();
    assert_eq!(second.as_ptr(), address, "it is the same memory");
    assert!(second.is_empty() && second.capacity() == 512);
    let stats = shelf.stats();
    assert_eq!((stats.requests, stats.hits, stats.misses), (2, 1, 1));
    assert_eq!(stats.saved_bytes, 512);
}

#[test]
fn promise_4_large_spoiled_and_surplus_ones_are_not_kept() {
    let shelf = buffers();
    let mut large = shelf.take();
    large.resize(1025, 7);
    drop(large);
    let mut spoiled = shelf.take();
    spoiled.spoil();
    drop(spoiled);
    let three = [shelf.take(), shelf.take(), shelf.take()];
    assert_eq!(shelf.stats().in_use, 3);
    drop(three);
    let stats = shelf.stats();
    assert!(stats.holds(), "{stats:?}");
    let discarded = (stats.too_large, stats.spoiled, stats.too_many);
    assert_eq!((discarded, stats.returns, stats.kept), ((1, 1, 1), 2, 2));
}

#[test]
fn r_d13_a_lease_comes_back_also_from_a_panic() {
    let shelf = buffers();
    let held = shelf.clone();
    let panic = catch_unwind(AssertUnwindSafe(move || {
        let mut lease = held.take();
        lease.push(1);
        panic!("with a lease in hand");
    }));
    assert!(panic.is_err());
    let stats = shelf.stats();
    assert!(stats.holds() && stats.in_use == 0 && stats.kept == 1);
    assert!(shelf.take().is_empty());
}

/// Its reset can be made to panic.
#[derive(Default)]
struct Stubborn(Arc<AtomicBool>);

impl Reusable for Stubborn {
    fn reset(&mut self) {
        assert!(!self.0.load(Ordering::Relaxed), "it cannot be emptied");
    }

    fn bytes(&self) -> usize {
        8
    }
}

#[test]
fn promise_2_what_cannot_be_emptied_is_not_for_the_next() {
    let stubborn = Arc::new(AtomicBool::new(true));
    let own = Arc::clone(&stubborn);
    let shelf = Reuse::new(settings(), Clock, move || Stubborn(Arc::clone(&own)));
    drop(shelf.take());
    assert_eq!((shelf.stats().spoiled, shelf.stats().kept), (1, 0));
    stubborn.store(false, Ordering::Relaxed);
    drop(shelf.take());
    assert!(shelf.stats().kept == 1 && shelf.stats().holds());
}

#[test]
fn an_object_whose_making_panics_is_counted_as_a_miss_only() {
    let fails = Arc::new(AtomicBool::new(true));
    let own = Arc::clone(&fails);
    let shelf = Reuse::new(settings(), Clock, move || {
        assert!(!own.load(Ordering::Relaxed), "no memory");
        String::new()
    });
    assert!(catch_unwind(AssertUnwindSafe(|| shelf.take())).is_err());
    fails.store(false, Ordering::Relaxed);
    let lease = shelf.take();
    let stats = shelf.stats();
    assert!(stats.holds(), "{stats:?}");
    assert_eq!((stats.misses, stats.creations, stats.in_use), (2, 1, 1));
    drop(lease);
}

#[test]
fn r_d10_low_hits_are_told_once_until_they_recover() {
    let shelf = buffers();
    let told = Arc::new(Mutex::new(Vec::new()));
    let own = Arc::new(Mutex::new(Some(shelf.clone())));
    let (log, asked) = (Arc::clone(&told), Arc::clone(&own));
    shelf.on_low_hits(move |low: &LowHits| {
        let own = asked.lock().unwrap().clone();
        let _ = own.unwrap().stats();
        log.lock().unwrap().push(*low);
    });
    let all_miss = |rounds: usize| {
        let leases: Vec<_> = (0..10 * rounds).map(|_| shelf.take()).collect();
        let leases = leases.into_iter().map(|mut lease| {
            lease.spoil();
            lease
        });
        leases.for_each(drop);
    };
    all_miss(1);
    assert!(told.lock().unwrap().is_empty(), "the first are not judged");
    all_miss(3);
    let low = LowHits {
        hits: 0,
        requests: 10,
    };
    assert_eq!(*told.lock().unwrap(), [low]);
    // Nine of ten hit: the one that misses fills the shelf.
    (0..10).for_each(|_| drop(shelf.take()));
    all_miss(2);
    let again = LowHits {
        hits: 1,
        requests: 10,
    };
    assert_eq!(*told.lock().unwrap(), [low, again]);
    assert_eq!(shelf.stats().low_hits, 2);
    // A hook that keeps its shelf keeps both for ever.
    *own.lock().unwrap() = None;
}

#[tokio::test(start_paused = true)]
async fn r_d10_debug_builds_know_each_object() {
    let shelf = buffers();
    let lease = shelf.take();
    assert_eq!(lease.history().is_some(), cfg!(debug_assertions));
    let Some(first) = lease.history() else {
        return;
    };
    drop(lease);
    tokio::time::advance(Duration::from_secs(3)).await;
    let lease = shelf.take();
    let second = lease.history().expect("as before");
    assert_eq!((first.owners, second.owners, second.id), (1, 2, first.id));
    assert_eq!((second.made, second.taken), (first.made, Clock.now()));
    let other = shelf.take().history().expect("as before");
    assert_ne!(other.id, second.id);
    drop(lease);
}

#[test]
fn r_d10_the_time_spent_is_estimated_from_samples() {
    let slow = || {
        let until = Clock.now() + Duration::from_millis(2);
        while Clock.now() < until {
            std::hint::spin_loop();
        }
        String::new()
    };
    let shelf = Reuse::new(settings(), Clock, slow);
    drop(shelf.take());
    let first = shelf.stats().spent;
    assert!(first >= Duration::from_millis(2 * 64), "{first:?}");
    (0..63).for_each(|_| drop(shelf.take()));
    assert_eq!(shelf.stats().spent, first, "the others are not timed");
}

#[test]
fn threads_take_and_return_and_every_count_holds() {
    let shelf = Reuse::new(settings(), Clock, || Vec::with_capacity(64));
    let ids = AtomicU64::new(1);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..2000 {
                    let mut lease = shelf.take();
                    assert!(lease.is_empty());
                    let id = ids.fetch_add(1, Ordering::Relaxed).to_le_bytes();
                    lease.extend_from_slice(&id);
                    std::thread::yield_now();
                    assert_eq!(lease[..], id);
                }
            });
        }
    });
    let stats = shelf.stats();
    assert!(stats.holds() && stats.in_use == 0, "{stats:?}");
    assert_eq!(stats.requests, 8000);
}

/// Cannot say what it holds.
#[derive(Default)]
struct Unweighable;

impl Reusable for Unweighable {
    fn reset(&mut self) {}

    fn bytes(&self) -> usize {
        panic!("on the scales")
    }
}

#[test]
fn r_d13_one_that_cannot_be_weighed_is_spoiled_and_a_shelf_may_be_endless() {
    let endless = ReuseSettings {
        items: usize::MAX,
        ..settings()
    };
    let shelf = Reuse::new(endless, Clock, Unweighable::default);
    drop(shelf.take());
    let stats = shelf.stats();
    assert_eq!((stats.spoiled, stats.in_use, stats.kept), (1, 0, 0));
    assert!(stats.holds());
}
