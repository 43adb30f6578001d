//! One call through a flight of its own, and one that joins a flight and
//! leaves; beside them a cell that is built, and a mutex around a map.

use std::collections::HashMap;
use std::future::{pending, ready};
use std::hint::black_box;
use std::pin::pin;
use std::sync::Mutex;
use std::task::{Context, Waker};

use tidegate_kernel::{Once, OnceCell};

fn poll_once<F: Future>(future: F) -> bool {
    let mut cx = Context::from_waker(Waker::noop());
    pin!(future).poll(&mut cx).is_ready()
}

#[divan::bench]
fn once_alone(bencher: divan::Bencher<'_, '_>) {
    let once = Once::<u64, u64, ()>::new(10);
    bencher.bench(|| poll_once(once.run(black_box(7), || ready(Ok(7)))));
}

#[divan::bench]
fn once_join_and_leave(bencher: divan::Bencher<'_, '_>) {
    let once = Once::<u64, u64, ()>::new(10);
    let mut cx = Context::from_waker(Waker::noop());
    let mut first = pin!(once.run(7, pending));
    assert!(first.as_mut().poll(&mut cx).is_pending());
    bencher.bench(|| poll_once(once.run(black_box(7), pending)));
}

#[divan::bench]
fn once_cell_built(bencher: divan::Bencher<'_, '_>) {
    let cell = OnceCell::new();
    cell.set(7_u64).unwrap();
    bencher.bench(|| black_box(cell.get()).copied());
}

#[divan::bench]
fn plain_mutex_map_hit(bencher: divan::Bencher<'_, '_>) {
    let map = Mutex::new(HashMap::from([(7_u64, 7_u64)]));
    bencher.bench(|| map.lock().unwrap().get(black_box(&7)).copied());
}
