//! What many threads share, calls with a deadline, and what costs nothing:
//! R-P40, R-P41, R-G32, R-G33, R-G39, R-D4.

use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

use tidegate_kernel::sync::Mutex;
use tidegate_kernel::{
    Ask, BudgetSettings, Clock, Deadline, Elapsed, Lane, LimitSettings, LockSettings, Overflow,
    Pool, RetryBudget,
};

use crate::pool::settings;

const MS: Duration = Duration::from_millis(1);
const EACH: u64 = 250_000;

/// R-P41: what is shared is changed under its guard or by one atomic step only.
#[test]
fn r_g32_a_million_changes_from_four_threads_are_exact() {
    let (guarded, budget) = (
        Mutex::new(0_u64),
        RetryBudget::new(BudgetSettings::default(), Clock),
    );
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..EACH {
                    *guarded.lock() += 1;
                    budget.deposit();
                }
            });
        }
    });
    assert_eq!(*guarded.lock(), 4 * EACH);
    assert_eq!(budget.stats().deposits, 4 * EACH);
}

#[test]
fn r_g33_many_readers_see_a_change_of_settings_whole() {
    let sized = |size| settings(size, size, Overflow::Error);
    let pool = Pool::new(sized(10), Clock);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for _ in 0..20_000 {
                    let stats = pool.stats();
                    let one = [stats.max, stats.size, stats.computed, stats.idle];
                    assert!(one == [10; 4] || one == [20; 4], "{one:?}");
                }
            });
        }
        for n in 0..20_000 {
            pool.apply(sized(10 + n % 2 * 10));
        }
    });
    // Also from one kind of limit to another.
    pool.apply(tidegate_kernel::PoolSettings {
        limit: LimitSettings::scaled(3, 10),
        ..sized(10)
    });
    assert_eq!((pool.stats().size, pool.stats().max), (3, 10));
}

struct Gone(Arc<AtomicU32>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn r_g39_a_call_with_a_deadline_ends_by_then_and_its_work_is_gone() {
    let gone = Arc::new(AtomicU32::new(0));
    let work = |held: Gone| async move {
        pending::<()>().await;
        drop(held);
    };
    let start = Clock.now();
    let call = Deadline::after(Clock, 5000 * MS).bound(work(Gone(Arc::clone(&gone))));
    assert_eq!(call.await, Err(Elapsed));
    assert_eq!(Clock.now() - start, 5000 * MS);
    assert_eq!(gone.load(Ordering::SeqCst), 1, "the work was stopped");
}

/// Promise 1 of `sync`; R-P40 for a lock that is held for a moment only.
#[test]
fn r_p40_a_panic_of_a_holder_poisons_no_lock() {
    let lock = Mutex::new(7);
    let panics = thread::scope(|scope| {
        let holder = scope.spawn(|| {
            let mut held = lock.lock();
            *held += 1;
            panic!("while it holds");
        });
        holder.join().is_err()
    });
    assert!(panics);
    assert_eq!(*lock.lock(), 8);
}

/// Without a runtime there are no timers: who needs none works all the same.
#[test]
fn r_d4_what_is_free_is_given_without_a_timer_and_without_a_task() {
    let mut cx = Context::from_waker(Waker::noop());
    let pool = Pool::new(settings(1, 10, Overflow::Error), Clock);
    let deadline = || Deadline::after(Clock, 60_000 * MS);
    let mut ask = pool.acquire(Ask::new(deadline()));
    let Poll::Ready(Ok(permit)) = Pin::new(&mut ask).poll(&mut cx) else {
        panic!("an idle permit")
    };
    // Who has its grant at the first look needs none either.
    let mut next = pool.acquire(Ask::new(deadline()));
    assert!(!next.is_ready());
    drop(permit);
    assert!(matches!(
        Pin::new(&mut next).poll(&mut cx),
        Poll::Ready(Ok(_))
    ));
    let bounds = LockSettings {
        places: 10,
        max_wait: 60_000 * MS,
    };
    let lane = Lane::new("free", bounds, Clock);
    let mut lock = lane.lock(1, deadline());
    assert!(Pin::new(&mut lock).poll(&mut cx).is_ready());
    assert_eq!((pool.stats().busy, lane.stats().keys), (0, 0));
}
