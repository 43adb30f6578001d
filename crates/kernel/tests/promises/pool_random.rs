//! A pool under any sequence of asks, leavers, signals, new settings and time:
//! its law holds after each step (INV-CONS), its bounds too (INV-LIM), and
//! nobody waits while nothing stands before him (R-D13, no lost wake-up).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proptest::prelude::*;
use tidegate_kernel::{
    Ask, Clock, Deadline, LimitSettings, Overflow, Permit, Pool, PoolSettings, Priority, Refusal,
    Scope, Signal, Task,
};

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Clone, Debug)]
enum Step {
    Ask {
        priority: Priority,
        who: u64,
        cost: u64,
        bytes: u64,
        seconds: Option<u64>,
    },
    Leave(prop::sample::Index),
    GiveBack(prop::sample::Index),
    Signal(Signal),
    Apply(PoolSettings),
    Wait(u64),
}

fn limits() -> impl Strategy<Value = (usize, LimitSettings)> {
    (1..6_usize, 0..3_u8, any::<bool>()).prop_map(|(size, kind, shadow)| {
        let limit = match kind {
            0 => LimitSettings::fixed(size),
            1 => LimitSettings::scaled(1, size),
            _ => LimitSettings::adaptive(1, size),
        };
        (size, LimitSettings { shadow, ..limit })
    })
}

fn settings() -> impl Strategy<Value = PoolSettings> {
    let overflow = prop::sample::select(vec![
        Overflow::Error,
        Overflow::Block,
        Overflow::Drop,
        Overflow::DropOldest,
        Overflow::DropOldest,
    ]);
    (limits(), 0..4_usize, 10..100_u64, overflow).prop_map(
        |((size, limit), queue, queue_bytes, overflow)| PoolSettings {
            size,
            limit,
            queue,
            queue_bytes,
            overflow,
            max_wait: DAY,
        },
    )
}

fn signals() -> impl Strategy<Value = Signal> {
    let seconds = || prop::option::of((0..400_u64).prop_map(Duration::from_secs));
    prop_oneof![
        2 => Just(Signal::Succeeded { first_token: None, input_tokens: 1, took: SECOND }),
        2 => seconds().prop_map(|retry_after| Signal::Overloaded { retry_after }),
        1 => (0..5_u64, seconds()).prop_map(|(requests, reset)| Signal::Remaining { requests, reset }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let ask = (
        prop::sample::select(Priority::ALL.to_vec()),
        (0..3_u64, 1..1000_u64, 0..40_u64),
        prop::option::weighted(0.2, 1..100_u64),
    );
    let ask = ask.prop_map(|(priority, (who, cost, bytes), seconds)| Step::Ask {
        priority,
        who,
        cost,
        bytes,
        seconds,
    });
    let any = any::<prop::sample::Index>;
    let step = prop_oneof![
        6 => ask,
        2 => any().prop_map(Step::Leave),
        3 => any().prop_map(Step::GiveBack),
        2 => signals().prop_map(Step::Signal),
        1 => settings().prop_map(Step::Apply),
        2 => (0..5000_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 1..30)
}

/// A pool, those who ask, and the permits they got.
struct House {
    pool: Pool,
    scope: Scope,
    asking: Vec<Task<Option<Refusal>>>,
    permits: Arc<Mutex<Vec<Permit>>>,
}

impl House {
    async fn act(&mut self, step: Step) {
        match step {
            Step::Ask {
                priority,
                who,
                cost,
                bytes,
                seconds,
            } => {
                let time = seconds.map_or(2 * DAY, Duration::from_secs);
                let ask = Ask::new(Deadline::after(Clock, time))
                    .priority(priority)
                    .tenant(who)
                    .session(who)
                    .cost(cost)
                    .bytes(bytes);
                let (acquire, permits) = (self.pool.acquire(ask), Arc::clone(&self.permits));
                let work = async move {
                    match acquire.await {
                        Ok(permit) => permits.lock().expect("whole").push(permit),
                        Err(why) => return Some(why),
                    }
                    None
                };
                self.asking
                    .push(self.scope.spawn("asks", work).expect("room"));
            }
            Step::Leave(_) if self.asking.is_empty() => {}
            Step::Leave(which) => self.asking[which.index(self.asking.len())].abort(),
            Step::GiveBack(which) => {
                let mut permits = self.permits.lock().expect("whole");
                if !permits.is_empty() {
                    let mut permit = {
                        let at = which.index(permits.len());
                        permits.swap_remove(at)
                    };
                    permit.settle(500);
                }
            }
            Step::Signal(signal) => self.pool.signal(signal),
            Step::Apply(settings) => self.pool.apply(settings),
            Step::Wait(ms) => Clock.sleep(Duration::from_millis(ms)).await,
        }
        // Whoever was woken has his turn.
        Clock.sleep(Duration::from_millis(2)).await;
        let stats = self.pool.stats();
        assert!(stats.holds(), "{stats:?}");
        let permits = self.permits.lock().expect("whole").len() as u64;
        assert_eq!(stats.busy, permits, "a permit is out that nobody has");
        assert!(stats.size <= stats.max, "{stats:?}");
        let queued: u64 = stats.waiting_by.iter().sum();
        assert!(stats.idle == 0 || queued == 0, "{stats:?}");
    }

    /// Everybody who waits is served, as permits come back and pauses end.
    async fn finish(self) {
        for _ in 0..self.asking.len() {
            self.permits.lock().expect("whole").clear();
            let before = self.pool.stats();
            Clock.sleep(400 * SECOND).await;
            let stats = self.pool.stats();
            let gone = |stats: &tidegate_kernel::PoolStats| stats.offered - stats.waiting;
            assert!(
                stats.waiting == 0 || gone(&stats) > gone(&before),
                "{stats:?}"
            );
        }
        for task in self.asking {
            let exit = task.await;
            let in_time = !matches!(exit.done(), Some(Some(Refusal::WaitedTooLong { .. })));
            assert!(in_time, "nobody had to wait for a day");
        }
        self.permits.lock().expect("whole").clear();
        let stats = self.pool.stats();
        assert_eq!((stats.busy, stats.waiting, stats.waiting_bytes), (0, 0, 0));
        assert!(stats.holds(), "{stats:?}");
    }
}

proptest! {
    #[test]
    fn inv_cons_inv_lim_whatever_comes_and_nobody_waits_for_nothing(
        first in settings(), steps in steps(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut house = House {
                pool: Pool::new(first, Clock),
                scope: Scope::root("test", 1000),
                asking: Vec::new(),
                permits: Arc::default(),
            };
            for step in steps {
                house.act(step).await;
            }
            house.finish().await;
        });
    }
}
