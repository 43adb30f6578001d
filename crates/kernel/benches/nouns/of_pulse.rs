//! What a watched thing pays for its watchdog, and a look at ten thousand.
//! Beside the beat a plain relaxed store.

use std::hint::black_box;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tidegate_kernel::{Clock, PulseSettings, Watchdog};

const MAX: Duration = Duration::from_secs(60);

fn watchdog() -> Watchdog {
    Watchdog::new(PulseSettings::default(), Clock)
}

#[divan::bench]
fn pulse_beat(bencher: divan::Bencher<'_, '_>) {
    let pulse = watchdog().watch("request", 1, "model", MAX);
    bencher.bench_local(|| pulse.beat());
}

#[divan::bench]
fn plain_relaxed_store(bencher: divan::Bencher<'_, '_>) {
    let alive = AtomicBool::new(false);
    bencher.bench_local(|| alive.store(black_box(true), Ordering::Relaxed));
}

#[divan::bench]
fn pulse_enter(bencher: divan::Bencher<'_, '_>) {
    let pulse = watchdog().watch("request", 1, "model", MAX);
    bencher.bench_local(|| pulse.enter(black_box("write"), MAX));
}

#[divan::bench(threads = [1, 2])]
fn pulse_watch_and_drop(bencher: divan::Bencher<'_, '_>) {
    let dog = watchdog();
    bencher.bench(|| drop(dog.watch("request", 1, "model", MAX)));
}

#[divan::bench]
fn pulse_look_at_ten_thousand(bencher: divan::Bencher<'_, '_>) {
    let dog = watchdog();
    let pulses: Vec<_> = (0..10_000)
        .map(|id| dog.watch("request", id, "model", MAX))
        .collect();
    bencher.bench_local(|| dog.look());
    drop(pulses);
}
