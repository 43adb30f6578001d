//! INV-PERMIT: ten thousand random cancels leave nothing behind, in simulated
//! time and on threads; a seed names a run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_kernel::{Ask, Clock, Deadline, LimitSettings, Overflow, Pool, PoolSettings, Scope};

const POLICIES: [Overflow; 4] = [
    Overflow::Error,
    Overflow::Block,
    Overflow::Drop,
    Overflow::DropOldest,
];

/// A small generator of our own, so that a seed names a run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % below
    }
}

fn pool(size: usize, overflow: Overflow) -> Pool {
    let max_wait = Duration::from_micros(1500);
    Pool::new(
        PoolSettings {
            size,
            limit: LimitSettings::fixed(size),
            queue: 8,
            queue_bytes: 5000,
            overflow,
            max_wait,
        },
        Clock,
    )
}

/// One caller: asks, perhaps leaves, perhaps holds the permit for a while.
async fn call(pool: Pool, mut dice: Dice, at_work: Arc<AtomicUsize>, size: usize) {
    let patience = Deadline::after(Clock, Duration::from_micros(dice.roll(3000)));
    let deadline = Deadline::after(Clock, Duration::from_micros(dice.roll(4000)));
    let acquire = pool.acquire(Ask::new(deadline).bytes(dice.roll(1500)));
    if dice.roll(6) == 0 {
        return;
    }
    let Ok(Ok(permit)) = patience.bound(acquire).await else {
        return;
    };
    assert!(
        at_work.fetch_add(1, Ordering::SeqCst) < size,
        "more at work than permits"
    );
    if dice.roll(2) == 0 {
        tokio::task::yield_now().await;
    } else {
        Clock.sleep(Duration::from_micros(dice.roll(700))).await;
    }
    at_work.fetch_sub(1, Ordering::SeqCst);
    drop(permit);
}

async fn ten_thousand(seed: u64) {
    let size = 3;
    let scope = Scope::root("test", 10_000);
    for overflow in POLICIES {
        let (pool, at_work) = (pool(size, overflow), Arc::new(AtomicUsize::new(0)));
        for n in 0..2500 {
            let mut dice = Dice(seed.wrapping_add(n).max(1));
            dice.roll(9);
            let work = call(pool.clone(), dice, Arc::clone(&at_work), size);
            let task = scope.spawn("caller", work).expect("room");
            if n % 16 == 0 {
                Clock.sleep(Duration::from_micros(300)).await;
            }
            if n % 7 == 0 && !task.is_finished() {
                // Not in the middle of its work, or the counter would be off.
                pool.apply(PoolSettings {
                    size: 1 + (n as usize % size),
                    limit: LimitSettings::fixed(1 + (n as usize % size)),
                    queue: 8,
                    queue_bytes: 5000,
                    overflow,
                    max_wait: Duration::from_millis(1),
                });
            }
            let stats = pool.stats();
            assert!(
                stats.holds() && stats.waiting_bytes <= 5000,
                "seed {seed}: {stats:?}"
            );
        }
        let left = scope
            .drain(Deadline::after(Clock, Duration::from_secs(20)))
            .await;
        assert_eq!(
            left,
            [],
            "seed {seed}, {overflow:?}: somebody was never woken"
        );
        let stats = pool.stats();
        assert_eq!(
            (stats.busy, stats.waiting, stats.waiting_bytes),
            (0, 0, 0),
            "{overflow:?}"
        );
        assert!(stats.holds() && stats.offered == 2500);
        assert!(
            stats.granted > 100 && stats.cancelled > 100,
            "a run that proves: {stats:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn inv_permit_10_000_random_cancels_in_simulated_time() {
    let extra = std::env::var("TIDEGATE_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok());
    for seed in [11, 7_000_003].into_iter().chain(extra) {
        ten_thousand(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn inv_permit_10_000_random_cancels_on_threads() {
    ten_thousand(5_000_011).await;
}
