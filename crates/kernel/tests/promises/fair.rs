//! Who is served when: INV-FAIR, INV-STARVE, and costs that are settled. Time
//! is simulated, chance comes from a seed; the figures show with `--nocapture`.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tidegate_kernel::{Ask, Clock, Deadline, Dice, LimitSettings, Overflow, Pool};
use tidegate_kernel::{PoolSettings, Priority, Refusal, Scope};

const MS: Duration = Duration::from_millis(1);
/// What serving one request takes.
const SERVICE: Duration = Duration::from_millis(100);

fn pool(size: usize) -> Pool {
    let settings = PoolSettings {
        size,
        limit: LimitSettings::fixed(size),
        queue: 10_000,
        queue_bytes: u64::MAX,
        overflow: Overflow::Error,
        max_wait: Duration::from_secs(3600),
    };
    Pool::new(settings, Clock)
}

fn ask() -> Ask {
    Ask::new(Deadline::after(Clock, Duration::from_secs(3600)))
}

/// Mean and longest wait of one tenant's requests, in milliseconds.
type Waits = (u64, u64);

/// One request after the other, with pauses of `pause` on the average.
async fn light(pool: Pool, tenant: u64, requests: u64, pause: Duration, dice: Arc<Dice>) -> Waits {
    let (mut sum, mut longest) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..requests {
        let twice = u64::try_from(pause.as_millis()).expect("short") * 2;
        Clock.sleep(MS * (dice.below(twice + 1) as u32)).await;
        let permit = pool.acquire(ask().tenant(tenant).cost(100)).await;
        let permit = permit.expect("patient");
        sum += permit.waited();
        longest = longest.max(permit.waited());
        Clock.sleep(SERVICE).await;
    }
    let mean = sum.as_millis() as u64 / requests;
    (mean, longest.as_millis() as u64)
}

/// Twenty light tenants, perhaps beside one that has 200 requests in the queue
/// at all times; the waits of the light ones.
async fn twenty(pause: Duration, heavy: bool, seed: u64) -> Vec<Waits> {
    let (pool, scope) = (pool(4), Scope::root("test", 1000));
    let dice = Arc::new(Dice::seeded(seed));
    for _ in 0..if heavy { 200 } else { 0 } {
        let (pool, dice) = (pool.clone(), Arc::clone(&dice));
        let flood = async move {
            loop {
                let cost = 100 + dice.below(400);
                let permit = pool.acquire(ask().tenant(999).cost(cost)).await;
                Clock.sleep(SERVICE).await;
                drop(permit);
            }
        };
        drop(scope.spawn("heavy", flood).expect("room"));
    }
    let lights: Vec<_> = (0..20)
        .map(|tenant| {
            let work = light(pool.clone(), tenant, 60, pause, Arc::clone(&dice));
            scope.spawn("light", work).expect("room")
        })
        .collect();
    let mut waits = Vec::new();
    for light in lights {
        waits.push(light.await.done().expect("done"));
    }
    assert!(pool.stats().holds());
    scope.close().await;
    waits
}

#[tokio::test(start_paused = true)]
async fn inv_fair_twenty_light_tenants_hardly_feel_a_heavy_one() {
    let service = SERVICE.as_millis() as u64;
    // Light tenants that always want more, that fill the pool, and that do not.
    for pause in [Duration::ZERO, 400 * MS, 1000 * MS] {
        for seed in [1, 7] {
            let alone = twenty(pause, false, seed).await;
            let beside = twenty(pause, true, seed).await;
            let mean = |waits: &[Waits]| waits.iter().map(|w| w.0).sum::<u64>() / 20;
            let most = |waits: &[Waits]| waits.iter().map(|w| w.1).max().unwrap_or(0);
            println!(
                "pause {pause:?}: mean wait {} -> {} ms, longest {} -> {} ms",
                mean(&alone),
                mean(&beside),
                most(&alone),
                most(&beside)
            );
            for (alone, beside) in alone.iter().zip(&beside) {
                let bound = alone.0 * 3 / 2 + service;
                assert!(beside.0 <= bound, "{pause:?}: {alone:?} -> {beside:?}");
            }
            assert!(most(&beside) <= most(&alone) * 3 / 2 + service, "{pause:?}");
        }
    }
}

/// INV-FAIR: a queue that one tenant filled has room for the others, up to an
/// equal part; who came last of the one that has most gives way.
#[tokio::test(start_paused = true)]
async fn inv_fair_a_queue_that_one_tenant_filled_is_not_full_for_others() {
    for (overflow, places) in [
        (Overflow::Error, 8_usize),
        (Overflow::Drop, 8),
        // As many again wait at the door.
        (Overflow::Block, 16),
    ] {
        let settings = PoolSettings {
            size: 1,
            limit: LimitSettings::fixed(1),
            queue: 8,
            queue_bytes: 1000,
            overflow,
            max_wait: Duration::from_secs(3600),
        };
        let (pool, scope) = (Pool::new(settings, Clock), Scope::root("test", 100));
        let held = pool.acquire(ask()).await.expect("free");
        let send = |ask: Ask| {
            let pool = pool.clone();
            let asked = async move { pool.acquire(ask).await.map(drop) };
            scope.spawn("ask", asked).expect("room")
        };
        let heavy: Vec<_> = (0..places).map(|_| send(ask().tenant(1))).collect();
        Clock.sleep(MS).await;
        let light: Vec<_> = (0..places).map(|_| send(ask().tenant(2))).collect();
        Clock.sleep(MS).await;
        let large = send(ask().tenant(3).bytes(1001));
        Clock.sleep(MS).await;
        assert_eq!(pool.stats().waiting, places as u64, "{overflow:?}");
        drop(held);
        let refused = large.await.done().expect("done").expect_err("too large");
        let full = matches!(refused, Refusal::Full { .. } | Refusal::Dropped);
        assert!(full, "{refused:?}");
        for tenant in [heavy, light] {
            for (at, one) in tenant.into_iter().enumerate() {
                let got = one.await.done().expect("done").is_ok();
                assert_eq!(got, at < places / 2, "{overflow:?} {at}");
            }
        }
        assert!(pool.stats().holds());
        scope.close().await;
    }
}

/// Keeps thirty requests of each priority in the queue; their parts of what
/// was served in `time`.
async fn parts<const N: usize>(priorities: [Priority; N], time: Duration) -> [f64; N] {
    let (pool, scope) = (pool(3), Scope::root("test", 1000));
    let served = priorities.map(|priority| {
        let served = Arc::new(AtomicU64::new(0));
        for _ in 0..30 {
            let (pool, served) = (pool.clone(), Arc::clone(&served));
            let work = async move {
                loop {
                    let permit = pool.acquire(ask().priority(priority)).await;
                    Clock.sleep(10 * MS).await;
                    served.fetch_add(1, Ordering::Relaxed);
                    drop(permit);
                }
            };
            drop(scope.spawn("flood", work).expect("room"));
        }
        served
    });
    Clock.sleep(time).await;
    scope.close().await;
    let served = served.map(|served| served.load(Ordering::Relaxed) as f64);
    let all: f64 = served.iter().sum();
    served.map(|n| n / all)
}

#[tokio::test(start_paused = true)]
async fn inv_starve_batch_keeps_its_part_under_full_load() {
    let time = Duration::from_secs(100);
    let share = parts([Priority::Interactive, Priority::Batch], time).await;
    println!("interactive, batch: {share:?}");
    assert!((0.18..=0.22).contains(&share[1]), "one of five: {share:?}");
    let share = parts(Priority::ALL, time).await;
    println!("control, interactive, batch: {share:?}");
    assert!(share[2] >= 0.05, "never starved: {share:?}");
    for (share, part) in share.iter().zip([8.0 / 13.0, 4.0 / 13.0, 1.0 / 13.0]) {
        assert!((share - part).abs() < 0.02, "{share} is not {part}");
    }
}

#[tokio::test(start_paused = true)]
async fn promise_2_tenants_share_by_true_cost_whatever_they_estimate() {
    let (pool, scope) = (pool(2), Scope::root("test", 100));
    // One is honest, one says 1 and takes 1000, one says 5000 and takes 200.
    let spent: Vec<_> = [(500, 500), (1, 1000), (5000, 200)]
        .into_iter()
        .enumerate()
        .map(|(tenant, (says, takes))| {
            let spent = Arc::new(AtomicU64::new(0));
            for _ in 0..8 {
                let (pool, spent) = (pool.clone(), Arc::clone(&spent));
                let work = async move {
                    loop {
                        let ask = ask().tenant(tenant as u64).cost(says);
                        let mut permit = pool.acquire(ask).await.expect("patient");
                        Clock.sleep(10 * MS).await;
                        permit.settle(takes);
                        permit.settle(1_000_000); // only the first word counts
                        spent.fetch_add(takes, Ordering::Relaxed);
                    }
                };
                drop(scope.spawn("tenant", work).expect("room"));
            }
            spent
        })
        .collect();
    Clock.sleep(Duration::from_secs(300)).await;
    scope.close().await;
    let spent: Vec<u64> = spent
        .iter()
        .map(|spent| spent.load(Ordering::Relaxed))
        .collect();
    println!("spent: {spent:?}");
    let (least, most) = (
        spent.iter().min().expect("three"),
        spent.iter().max().expect("three"),
    );
    // What is out when it ends can be off: a few requests of each.
    assert!(most - least <= 20_000, "{spent:?}");
    assert!(*least > 1_000_000, "a run that proves: {spent:?}");
}

#[tokio::test(start_paused = true)]
async fn promise_2_sessions_of_a_tenant_take_turns_and_a_session_keeps_its_order() {
    let (pool, scope) = (pool(1), Scope::root("test", 100));
    let busy = pool.acquire(ask()).await.expect("idle");
    let served = Arc::new(std::sync::Mutex::new(Vec::new()));
    // Five of one session came before two of another.
    for (session, n) in [(1, 5), (2, 2)] {
        for at in 0..n {
            let (acquire, served) = (pool.acquire(ask().session(session)), Arc::clone(&served));
            let work = async move {
                let _permit = acquire.await.expect("patient");
                served.lock().expect("whole").push((session, at));
            };
            drop(scope.spawn("caller", work).expect("room"));
        }
    }
    drop(busy);
    assert_eq!(scope.drain(Deadline::after(Clock, 1000 * MS)).await, []);
    let turns = [(1, 0), (2, 0), (1, 1), (2, 1), (1, 2), (1, 3), (1, 4)];
    assert_eq!(*served.lock().expect("whole"), turns);
}

/// What comes back of a heavy one's estimates was paid while it was alone, and
/// is no credit beside somebody who comes now.
#[tokio::test(start_paused = true)]
async fn inv_fair_estimates_that_come_back_hold_no_newcomer_up() {
    let (pool, scope) = (pool(100), Scope::root("test", 1000));
    let dice = Arc::new(Dice::seeded(3));
    for _ in 0..500 {
        let (pool, dice) = (pool.clone(), Arc::clone(&dice));
        let flood = async move {
            loop {
                let permit = pool.acquire(ask().tenant(999).cost(4096)).await;
                let mut permit = permit.expect("patient");
                Clock.sleep(MS * (500 + dice.below(1000) as u32)).await;
                permit.settle(300);
            }
        };
        drop(scope.spawn("heavy", flood).expect("room"));
    }
    Clock.sleep(Duration::from_secs(20)).await;
    // One permit in ten milliseconds comes free; batch has one of five.
    for (priority, most) in [(Priority::Interactive, 100), (Priority::Batch, 200)] {
        let mut waits = Vec::new();
        for n in 0..20 {
            // A newcomer each time.
            let ask = ask().tenant(n).cost(300).priority(priority);
            let mut permit = pool.acquire(ask).await.expect("patient");
            waits.push(permit.waited().as_millis());
            Clock.sleep(SERVICE).await;
            permit.settle(300);
        }
        println!("{}: {waits:?} ms", priority.as_str());
        assert!(waits.iter().all(|wait| *wait <= most), "{waits:?}");
    }
}

/// What an operator is shown is what happens, if nobody else comes: for any
/// mixture of tenants, sessions, priorities and costs.
#[tokio::test(start_paused = true)]
async fn the_line_is_the_order_in_which_those_who_wait_are_granted() {
    for seed in 0..20 {
        let (pool, dice) = (pool(1), Dice::seeded(seed));
        let mut busy = pool.acquire(ask()).await.expect("idle");
        let some = || {
            let priority = Priority::ALL[dice.below(3) as usize];
            let ask = ask().tenant(dice.below(4)).session(dice.below(3));
            pool.acquire(ask.cost(1 + dice.below(900)).priority(priority))
        };
        let mut waiting: Vec<_> = (0..60).map(|_| some()).collect();
        // Who leaves is not in it.
        waiting.retain(|one| one.number().is_none_or(|number| number % 7 > 0));
        let line = pool.line();
        assert_eq!(line.len(), waiting.len());
        assert_eq!(pool.line(), line, "to look changes nothing");
        for (ahead, number) in line.iter().enumerate() {
            drop(busy);
            let is_next = |one: &tidegate_kernel::Acquire| one.number() == Some(*number);
            let next = waiting.iter().position(is_next);
            let next = waiting.remove(next.expect("it waits"));
            busy = next
                .await
                .unwrap_or_else(|why| panic!("place {ahead}: {why}"));
            assert_eq!(pool.line(), line[ahead + 1..], "seed {seed}");
        }
        assert!(pool.stats().holds());
        assert_eq!(
            pool.acquire(ask()).number(),
            Some(61),
            "a number is never another's"
        );
    }
}
