//! An upstream for simulations: so many calls at once, the others refused, and
//! nobody told how many; its capacity moves. With the client that calls it.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tidegate_kernel::{Clock, Dice, Instant, Permit, Pool, Signal};

/// One way through the network.
const WAY: Duration = Duration::from_millis(25);

/// What its answers say about its load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// A refusal is a refusal.
    None,
    /// A refusal says when to come back.
    RetryAfter,
    /// Each answer says how many more it would take.
    Remaining,
    /// Both.
    Both,
}

/// How many calls at once, by seconds since the start.
pub(crate) type Capacity = fn(f64) -> usize;

pub(crate) struct Upstream {
    start: Instant,
    capacity: Capacity,
    /// What an answer takes on average, network not counted.
    mean: Duration,
    hint: Hint,
    dice: Dice,
    in_flight: AtomicUsize,
    pub(crate) answered: AtomicU64,
    pub(crate) refused: AtomicU64,
}

impl Upstream {
    pub(crate) fn new(capacity: Capacity, mean: Duration, hint: Hint, seed: u64) -> Self {
        Self {
            start: Clock.now(),
            capacity,
            mean,
            hint,
            dice: Dice::seeded(seed),
            in_flight: AtomicUsize::new(0),
            answered: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    pub(crate) fn capacity(&self) -> usize {
        (self.capacity)((Clock.now() - self.start).as_secs_f64())
    }

    /// One call under a permit, as the gateway makes it; whether it was answered.
    pub(crate) async fn call(&self, pool: &Pool, permit: Permit) -> bool {
        let began = Clock.now();
        Clock.sleep(WAY).await;
        let taken = self.in_flight.load(Ordering::Relaxed);
        let capacity = self.capacity();
        if taken >= capacity {
            Clock.sleep(WAY).await;
            self.refused.fetch_add(1, Ordering::Relaxed);
            let says_when = matches!(self.hint, Hint::RetryAfter | Hint::Both);
            let retry_after = says_when.then_some(Duration::from_secs(1));
            pool.signal(Signal::Overloaded { retry_after });
            return false;
        }
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        // Between half and one and a half of the mean.
        let spread = self.dice.below(1001) as u32;
        let works = self.mean / 2 + self.mean * spread / 1000;
        Clock.sleep(WAY).await;
        if matches!(self.hint, Hint::Remaining | Hint::Both) {
            let requests = (capacity - taken - 1) as u64;
            let reset = None;
            pool.signal(Signal::Remaining { requests, reset });
        }
        Clock.sleep(works.saturating_sub(WAY)).await;
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
        Clock.sleep(WAY).await;
        self.answered.fetch_add(1, Ordering::Relaxed);
        pool.signal(Signal::Succeeded {
            first_token: None,
            input_tokens: 0,
            took: Clock.now() - began,
        });
        drop(permit);
        true
    }
}
