//! A share read and written, free and handed over; beside it tokio's
//! read-write lock (one key, no branches, no deadline, no bound, no numbers).

use std::hint::black_box;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use divan::Bencher;
use tidegate_kernel::{Access, Clock, Share};

use crate::of_lane::{now, poll, runtime, settings, until};

fn plans() -> Share<u64, &'static str> {
    Share::new("bench", settings(), Clock)
}

#[divan::bench]
fn share_free_read(bencher: Bencher<'_, '_>) {
    let (plans, until) = (plans(), until());
    let read = || Access::Read(black_box("main"));
    bencher.bench_local(|| drop(now(plans.lock(7, read(), until.clone())).unwrap()));
}

#[divan::bench]
fn share_read_that_joins_a_batch(bencher: Bencher<'_, '_>) {
    let (plans, until) = (plans(), until());
    let read = || Access::Read(black_box("main"));
    let _batch = now(plans.lock(7, read(), until.clone())).unwrap();
    bencher.bench_local(|| drop(now(plans.lock(7, read(), until.clone())).unwrap()));
}

#[divan::bench]
fn plain_tokio_rwlock_free_read(bencher: Bencher<'_, '_>) {
    let lock = Arc::new(tokio::sync::RwLock::new(()));
    bencher.bench_local(|| drop(now(Arc::clone(black_box(&lock)).read_owned())));
}

/// A write waits behind a read and gets in, then the same the other way round:
/// two hand-overs.
#[divan::bench]
fn share_hand_over_to_a_write_and_back(bencher: Bencher<'_, '_>) {
    let (runtime, plans, until) = (runtime(), plans(), until());
    let _inside = runtime.enter();
    let mut held = Some(now(plans.lock(7, Access::Read("main"), until.clone())).unwrap());
    bencher.bench_local(|| {
        for access in [Access::Write, Access::Read(black_box("main"))] {
            let mut waits = pin!(plans.lock(7, access, until.clone()));
            assert!(poll(waits.as_mut()).is_pending());
            drop(held.take());
            let Poll::Ready(next) = poll(waits) else {
                unreachable!("handed over");
            };
            held = Some(next.unwrap());
        }
    });
}

#[divan::bench]
fn plain_tokio_rwlock_hand_over_to_a_write_and_back(bencher: Bencher<'_, '_>) {
    let lock = Arc::new(tokio::sync::RwLock::new(()));
    let mut read = Some(now(Arc::clone(&lock).read_owned()));
    bencher.bench_local(|| {
        let mut writes = pin!(Arc::clone(black_box(&lock)).write_owned());
        assert!(poll(writes.as_mut()).is_pending());
        drop(read.take());
        let Poll::Ready(write) = poll(writes) else {
            unreachable!("handed over");
        };
        let mut reads = pin!(Arc::clone(&lock).read_owned());
        assert!(poll(reads.as_mut()).is_pending());
        drop(write);
        let Poll::Ready(next) = poll(reads) else {
            unreachable!("handed over");
        };
        read = Some(next);
    });
}

/// Sixteen readers wait behind a write and come in together.
#[divan::bench]
fn share_a_batch_of_16_behind_a_write(bencher: Bencher<'_, '_>) {
    let (runtime, plans, until) = (runtime(), plans(), until());
    let _inside = runtime.enter();
    bencher.bench_local(|| {
        let write = now(plans.lock(7, Access::Write, until.clone())).unwrap();
        let read = |_| plans.lock(7, Access::Read(black_box("main")), until.clone());
        let reads: Vec<_> = (0..16).map(read).collect();
        drop(write);
        reads.into_iter().map(now).filter(Result::is_ok).count()
    });
}
