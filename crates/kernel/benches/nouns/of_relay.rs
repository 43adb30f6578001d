//! One event to 1, 10, 100 and 1,000 subscribers; beside it the runtime's
//! broadcast channel. The figures are per event; items per second are
//! deliveries. `read` polls by hand, `woken` is tasks on one thread.

use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Waker};

use divan::counter::ItemsCount;
use futures_core::Stream;
use tidegate_kernel::{Publisher, Relay, RelaySettings, Relayed, Relays, Since};
use tokio::sync::broadcast;
use tokio::task::{LocalSet, yield_now};

const SUBSCRIBERS: [usize; 4] = [1, 10, 100, 1000];

fn relay() -> (Publisher<u64>, Relay<u64>) {
    Relays::new(RelaySettings {
        events: 64,
        bytes: 1 << 20,
        subscribers: 1000,
    })
    .open()
}

#[expect(clippy::disallowed_methods, reason = "the plain tool to compare with")]
fn plain() -> broadcast::Sender<u64> {
    broadcast::channel(64).0
}

#[divan::bench(args = SUBSCRIBERS)]
fn relay_read(bencher: divan::Bencher<'_, '_>, n: usize) {
    let (mut publisher, relay) = relay();
    let mut readers: Vec<_> = (0..n)
        .map(|_| relay.subscribe(Since::Now).unwrap())
        .collect();
    let mut cx = Context::from_waker(Waker::noop());
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        publisher.publish(7, 8).unwrap();
        for reader in &mut readers {
            let told = Pin::new(reader).poll_next(&mut cx);
            assert!(told.is_ready());
        }
    });
}

#[divan::bench(args = SUBSCRIBERS)]
fn plain_broadcast_read(bencher: divan::Bencher<'_, '_>, n: usize) {
    let sender = plain();
    let mut readers: Vec<_> = (0..n).map(|_| sender.subscribe()).collect();
    bencher.counter(ItemsCount::new(n)).bench_local(|| {
        sender.send(7).unwrap();
        for reader in &mut readers {
            reader.try_recv().unwrap();
        }
    });
}

/// Runs `round` on one thread: it sends, and all readers count down.
fn woken(
    bencher: divan::Bencher<'_, '_>,
    n: usize,
    begin: impl FnOnce(&LocalSet, &Rc<Cell<usize>>),
    mut send: impl FnMut(),
) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let (tasks, unread) = (LocalSet::new(), Rc::new(Cell::new(0)));
    begin(&tasks, &unread);
    let mut round = async || {
        unread.set(n);
        send();
        while unread.get() > 0 {
            yield_now().await;
        }
    };
    // The first round lets everybody lie down.
    runtime.block_on(tasks.run_until(async { yield_now().await }));
    bencher
        .counter(ItemsCount::new(n))
        .bench_local(|| runtime.block_on(tasks.run_until(round())));
}

#[divan::bench(args = SUBSCRIBERS)]
fn relay_woken(bencher: divan::Bencher<'_, '_>, n: usize) {
    let (mut publisher, relay) = relay();
    let begin = |tasks: &LocalSet, unread: &Rc<Cell<usize>>| {
        for _ in 0..n {
            let mut reader = relay.subscribe(Since::Now).unwrap();
            let unread = Rc::clone(unread);
            tasks.spawn_local(async move {
                while let Some(Relayed::Event { .. }) = reader.next().await {
                    unread.set(unread.get() - 1);
                }
            });
        }
    };
    woken(bencher, n, begin, || {
        publisher.publish(7, 8).unwrap();
    });
}

#[divan::bench(args = SUBSCRIBERS)]
fn plain_broadcast_woken(bencher: divan::Bencher<'_, '_>, n: usize) {
    let sender = plain();
    let begin = |tasks: &LocalSet, unread: &Rc<Cell<usize>>| {
        for _ in 0..n {
            let mut reader = sender.subscribe();
            let unread = Rc::clone(unread);
            tasks.spawn_local(async move {
                while reader.recv().await.is_ok() {
                    unread.set(unread.get() - 1);
                }
            });
        }
    };
    woken(bencher, n, begin, || {
        sender.send(7).unwrap();
    });
}
