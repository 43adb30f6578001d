//! One item of each of 1, 10, 100 and 1,000 inputs, and one item of one input
//! beside idle others; beside them a task an input that forwards into one
//! channel. The figures are per round; all is on one thread.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use divan::counter::ItemsCount;
use futures_core::Stream;
use tidegate_kernel::{Merge, Merged};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::LocalSet;

const INPUTS: [usize; 4] = [1, 10, 100, 1000];

#[derive(Default)]
struct Held {
    item: Option<u64>,
    waker: Option<Waker>,
}

/// A stream that gives what was put into it.
#[derive(Clone, Default)]
struct Tap(Arc<Mutex<Held>>);

impl Tap {
    fn put(&self, item: u64) {
        let mut held = self.0.lock().unwrap();
        held.item = Some(item);
        let waker = held.waker.take();
        drop(held);
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

impl Stream for Tap {
    type Item = u64;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<u64>> {
        let mut held = self.0.lock().unwrap();
        if let Some(item) = held.item.take() {
            return Poll::Ready(Some(item));
        }
        match &mut held.waker {
            Some(waker) => waker.clone_from(cx.waker()),
            none => *none = Some(cx.waker().clone()),
        }
        Poll::Pending
    }
}

fn taps(n: usize) -> Vec<Tap> {
    (0..n).map(|_| Tap::default()).collect()
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

fn merge(bencher: divan::Bencher<'_, '_>, inputs: usize, busy: usize) {
    let (runtime, taps) = (runtime(), taps(inputs));
    let mut merge = Merge::new(inputs);
    for tap in &taps {
        merge.add(tap.clone()).unwrap();
    }
    let mut round = async || {
        taps[..busy].iter().for_each(|tap| tap.put(7));
        for _ in 0..busy {
            let news = merge.next().await;
            assert!(matches!(news, Some(Merged::Item { item: 7, .. })));
        }
    };
    // The first round lets everybody lie down.
    runtime.block_on(round());
    bencher
        .counter(ItemsCount::new(busy))
        .bench_local(|| runtime.block_on(round()));
}

#[expect(clippy::disallowed_methods, reason = "the plain tool to compare with")]
fn channel() -> (mpsc::Sender<u64>, mpsc::Receiver<u64>) {
    mpsc::channel(64)
}

fn forward(bencher: divan::Bencher<'_, '_>, inputs: usize, busy: usize) {
    let (runtime, tasks, taps) = (runtime(), LocalSet::new(), taps(inputs));
    let (sender, mut receiver) = channel();
    for mut tap in taps.clone() {
        let sender = sender.clone();
        tasks.spawn_local(async move {
            loop {
                let item = std::future::poll_fn(|cx| Pin::new(&mut tap).poll_next(cx)).await;
                match item {
                    Some(item) if sender.send(item).await.is_ok() => {}
                    _ => break,
                }
            }
        });
    }
    let mut round = async || {
        taps[..busy].iter().for_each(|tap| tap.put(7));
        for _ in 0..busy {
            assert_eq!(receiver.recv().await, Some(7));
        }
    };
    runtime.block_on(tasks.run_until(round()));
    bencher
        .counter(ItemsCount::new(busy))
        .bench_local(|| runtime.block_on(tasks.run_until(round())));
}

#[divan::bench(args = INPUTS)]
fn merge_of_each(bencher: divan::Bencher<'_, '_>, n: usize) {
    merge(bencher, n, n);
}

#[divan::bench(args = INPUTS)]
fn plain_forwarding_of_each(bencher: divan::Bencher<'_, '_>, n: usize) {
    forward(bencher, n, n);
}

#[divan::bench(args = INPUTS)]
fn merge_of_one(bencher: divan::Bencher<'_, '_>, n: usize) {
    merge(bencher, n, 1);
}

#[divan::bench(args = INPUTS)]
fn plain_forwarding_of_one(bencher: divan::Bencher<'_, '_>, n: usize) {
    forward(bencher, n, 1);
}
