//! One entry opened and settled; beside it a mutex around a map, which knows
//! neither outcomes nor the conservation law.

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Mutex;

use tidegate_kernel::{Class, Ledger};

#[divan::bench]
fn ledger_entry(bencher: divan::Bencher<'_, '_>) {
    let ledger = Ledger::new();
    bencher.bench(|| {
        ledger
            .open(black_box(7_u64))
            .settle(Class::Completed, "completed")
    });
}

#[divan::bench]
fn plain_mutex_map(bencher: divan::Bencher<'_, '_>) {
    let map = Mutex::new(HashMap::new());
    let mut id = 0_u64;
    bencher.bench_local(|| {
        id += 1;
        map.lock().unwrap().insert(id, black_box(7_u64));
        map.lock().unwrap().remove(&id)
    });
}
