//! A permit taken and given back, alone and with 64 tenants waiting, beside
//! tokio's semaphore; a thing through a queue, beside tokio's channel.

use std::collections::VecDeque;
use std::future::Future;
use std::hint::black_box;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use tidegate_kernel::{
    Acquire, Ask, Clock, Deadline, LimitSettings, Offered, Overflow, Permit, Pool, PoolSettings,
    Queue, QueueSettings, Tag, Taken,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

fn pool(size: usize) -> Pool {
    let settings = PoolSettings {
        size,
        limit: LimitSettings::fixed(size),
        queue: 500,
        queue_bytes: 1 << 28,
        overflow: Overflow::Error,
        max_wait: Duration::from_secs(3600),
    };
    Pool::new(settings, Clock)
}

fn ask(tenant: u64) -> Ask {
    let deadline = Deadline::after(Clock, Duration::from_secs(3600));
    Ask::new(deadline).tenant(tenant).cost(1000).bytes(4096)
}

/// The answer of one that is ready.
fn now<F: Future + Unpin>(mut work: F) -> F::Output {
    let mut cx = Context::from_waker(Waker::noop());
    match Pin::new(&mut work).poll(&mut cx) {
        std::task::Poll::Ready(answer) => answer,
        std::task::Poll::Pending => unreachable!("it is ready"),
    }
}

#[divan::bench]
fn admission_uncontended(bencher: divan::Bencher<'_, '_>) {
    let pool = pool(100);
    let ask = ask(7);
    bencher.bench(|| drop(now(pool.acquire(black_box(ask))).unwrap()));
}

#[divan::bench]
fn plain_semaphore_uncontended(bencher: divan::Bencher<'_, '_>) {
    let semaphore = Arc::new(Semaphore::new(100));
    bencher.bench(|| drop(Arc::clone(&semaphore).try_acquire_owned().unwrap()));
}

/// One permit, and so many that wait, each of its own tenant: one more comes,
/// the permit goes back, and the next one gets it.
#[divan::bench(args = [64])]
fn admission_with_tenants_waiting(bencher: divan::Bencher<'_, '_>, tenants: u64) {
    let pool = pool(1);
    let ask = ask(0);
    let mut held: Option<Permit> = Some(now(pool.acquire(ask)).unwrap());
    let mut waits: Vec<Acquire> = (0..tenants).map(|t| pool.acquire(ask.tenant(t))).collect();
    let mut cx = Context::from_waker(Waker::noop());
    let mut tenant = 0;
    bencher.bench_local(|| {
        // The one that is granted is found by its turn: equal costs go round.
        held = None;
        let at = tenant as usize;
        let granted = match Pin::new(&mut waits[at]).poll(&mut cx) {
            std::task::Poll::Ready(answer) => answer.unwrap(),
            std::task::Poll::Pending => unreachable!("it is its turn"),
        };
        waits[at] = pool.acquire(black_box(ask.tenant(tenant)));
        held = Some(granted);
        tenant = (tenant + 1) % tenants;
    });
    drop(held);
}

#[divan::bench(args = [64])]
fn plain_semaphore_with_waiters(bencher: divan::Bencher<'_, '_>, waiters: usize) {
    let semaphore = Arc::new(Semaphore::new(1));
    let mut held: Option<OwnedSemaphorePermit> =
        Some(Arc::clone(&semaphore).try_acquire_owned().unwrap());
    let mut cx = Context::from_waker(Waker::noop());
    let wait = |cx: &mut Context<'_>| {
        let mut wait = Box::pin(Arc::clone(&semaphore).acquire_owned());
        assert!(wait.as_mut().poll(cx).is_pending());
        wait
    };
    let mut waits: VecDeque<_> = (0..waiters).map(|_| wait(&mut cx)).collect();
    bencher.bench_local(|| {
        held = None;
        let next = waits.pop_front().unwrap();
        held = Some(now(next).unwrap());
        waits.push_back(wait(&mut cx));
    });
    drop(held);
}

#[divan::bench]
fn queue_hand_over(bencher: divan::Bencher<'_, '_>) {
    let queue: Queue<u64> = Queue::new(QueueSettings {
        items: 100,
        bytes: 1 << 20,
        overflow: Overflow::Error,
    });
    let tag = Tag {
        tenant: 7,
        ..Tag::default()
    };
    bencher.bench(|| {
        assert!(matches!(queue.offer(black_box(7), tag), Offered::Submitted));
        assert!(matches!(queue.try_take(), Taken::Item(7)));
    });
}

#[divan::bench]
#[expect(
    clippy::disallowed_methods,
    reason = "the plain tool beside which the noun is measured"
)]
fn plain_mpsc_hand_over(bencher: divan::Bencher<'_, '_>) {
    let (sender, mut receiver) = mpsc::channel::<u64>(100);
    bencher.bench_local(|| {
        sender.try_send(black_box(7)).unwrap();
        receiver.try_recv().unwrap()
    });
}
