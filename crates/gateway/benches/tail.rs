//! What it costs to keep a latency: one value into the histogram, one attempt
//! into the traffic of a provider; beside it the same value behind a mutex.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall stop")]

use std::hint::black_box;
use std::sync::Mutex;
use std::time::Duration;

use tidegate_gateway::{Ended, Load, Tail};
use tidegate_kernel::Clock;

const TOOK: Duration = Duration::from_millis(1234);

#[divan::bench]
fn tail_record(bencher: divan::Bencher<'_, '_>) {
    let tail = Tail::new();
    bencher.bench(|| tail.record(black_box(TOOK)));
}

#[divan::bench]
fn load_attempt(bencher: divan::Bencher<'_, '_>) {
    let now = Clock.now();
    let load = Load::new(now);
    let end = Ended::Good {
        took: TOOK,
        first_token: Some(TOOK / 10),
    };
    bencher.bench(|| {
        load.asked(now);
        load.began(now, false, 3);
        load.ended(now, black_box(end));
    });
}

#[divan::bench]
fn plain_mutex_list(bencher: divan::Bencher<'_, '_>) {
    let list = Mutex::new([Duration::ZERO; 1024]);
    let mut next = 0;
    bencher.bench_local(|| {
        next = (next + 1) % 1024;
        list.lock().unwrap()[next] = black_box(TOOK);
    });
}

fn main() {
    divan::main();
}
