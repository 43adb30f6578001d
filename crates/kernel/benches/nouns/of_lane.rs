//! A lane taken and given back, free and handed over to one who waits; beside
//! it tokio's mutex (one key, no deadline, no bound, no numbers) and a task
//! that owns the key behind a channel.

use std::future::Future;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use divan::Bencher;
use tidegate_kernel::{Clock, Deadline, Lane, LockSettings, Order, Until};

const HOUR: Duration = Duration::from_secs(3600);

pub(crate) fn settings() -> LockSettings {
    LockSettings {
        places: 100,
        max_wait: HOUR,
    }
}

pub(crate) fn until() -> Until {
    Deadline::after(Clock, HOUR).into()
}

pub(crate) fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
}

/// Polls once; nobody is woken.
pub(crate) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// What is there at once.
pub(crate) fn now<F: Future>(future: F) -> F::Output {
    match poll(pin!(future)) {
        Poll::Ready(value) => value,
        Poll::Pending => unreachable!("it is free"),
    }
}

#[divan::bench]
fn lane_free(bencher: Bencher<'_, '_>) {
    let (lane, until) = (Lane::new("bench", settings(), Clock), until());
    bencher.bench_local(|| drop(now(lane.lock(black_box(7_u64), until.clone())).unwrap()));
}

#[divan::bench]
fn lane_free_among_10_000_keys_of_text(bencher: Bencher<'_, '_>) {
    let (lane, until) = (Lane::new("bench", settings(), Clock), until());
    let others = (0..10_000).map(|n| lane.lock(format!("session {n}"), until.clone()));
    let _others: Vec<_> = others.collect();
    bencher
        .bench_local(|| drop(now(lane.lock(black_box("mine").to_owned(), until.clone())).unwrap()));
}

#[divan::bench]
fn lane_free_with_an_owner(bencher: Bencher<'_, '_>) {
    let (lane, order) = (Lane::new("bench", settings(), Clock), Order::new());
    let until = order.owner("bench").until(Deadline::after(Clock, HOUR));
    bencher.bench_local(|| drop(now(lane.lock(black_box(7_u64), until.clone())).unwrap()));
}

#[divan::bench]
fn plain_tokio_mutex_free(bencher: Bencher<'_, '_>) {
    let mutex = Arc::new(tokio::sync::Mutex::new(()));
    bencher.bench_local(|| drop(now(Arc::clone(black_box(&mutex)).lock_owned())));
}

/// One waits (asked, polled); the holder lets go; the one that waited has it.
#[divan::bench]
fn lane_hand_over(bencher: Bencher<'_, '_>) {
    hand_over(bencher, &until(), &until());
}

#[divan::bench]
fn lane_hand_over_with_owners(bencher: Bencher<'_, '_>) {
    let (order, deadline) = (Order::new(), Deadline::after(Clock, HOUR));
    let (one, two) = (order.owner("one"), order.owner("two"));
    hand_over(bencher, &one.until(deadline), &two.until(deadline));
}

fn hand_over(bencher: Bencher<'_, '_>, one: &Until, two: &Until) {
    let (runtime, lane) = (runtime(), Lane::new("bench", settings(), Clock));
    let _inside = runtime.enter();
    let mut held = Some(now(lane.lock(7_u64, one.clone())).unwrap());
    let mut turns = [two, one].into_iter().cycle();
    bencher.bench_local(|| {
        let until = turns.next().unwrap();
        let mut waits = pin!(lane.lock(black_box(7), until.clone()));
        assert!(poll(waits.as_mut()).is_pending());
        drop(held.take());
        let Poll::Ready(next) = poll(waits) else {
            unreachable!("handed over");
        };
        held = Some(next.unwrap());
    });
}

#[divan::bench]
fn plain_tokio_mutex_hand_over(bencher: Bencher<'_, '_>) {
    let mutex = Arc::new(tokio::sync::Mutex::new(()));
    let mut held = Some(now(Arc::clone(&mutex).lock_owned()));
    bencher.bench_local(|| {
        let mut waits = pin!(Arc::clone(black_box(&mutex)).lock_owned());
        assert!(poll(waits.as_mut()).is_pending());
        drop(held.take());
        let Poll::Ready(next) = poll(waits) else {
            unreachable!("handed over");
        };
        held = Some(next);
    });
}

/// From task to task, wake-up included: two tasks take turns.
#[divan::bench]
fn lane_between_two_tasks_100_turns(bencher: Bencher<'_, '_>) {
    let (runtime, lane) = (runtime(), Lane::new("bench", settings(), Clock));
    let until = until();
    let turns = || async {
        for _ in 0..50 {
            let turn = lane.lock(7_u64, until.clone()).await.unwrap();
            tokio::task::yield_now().await;
            drop(turn);
        }
    };
    bencher.bench_local(|| runtime.block_on(async { tokio::join!(turns(), turns()) }));
}

#[divan::bench]
fn plain_tokio_mutex_between_two_tasks_100_turns(bencher: Bencher<'_, '_>) {
    let (runtime, mutex) = (runtime(), tokio::sync::Mutex::new(()));
    let turns = || async {
        for _ in 0..50 {
            let turn = mutex.lock().await;
            tokio::task::yield_now().await;
            drop(turn);
        }
    };
    bencher.bench_local(|| runtime.block_on(async { tokio::join!(turns(), turns()) }));
}

/// The other plain way: a task owns the key, a channel brings it its turns.
#[divan::bench]
fn plain_channel_to_a_task_100_turns(bencher: Bencher<'_, '_>) {
    let runtime = runtime();
    #[expect(clippy::disallowed_methods, reason = "what it is compared with")]
    let (to, mut from) = tokio::sync::mpsc::channel::<u64>(100);
    bencher.bench_local(|| {
        let send = async {
            for n in 0..100 {
                to.send(n).await.unwrap();
                tokio::task::yield_now().await;
            }
        };
        let receive = async {
            for _ in 0..100 {
                black_box(from.recv().await);
            }
        };
        runtime.block_on(async { tokio::join!(send, receive) })
    });
}
