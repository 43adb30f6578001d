//! The kernel's nouns under a model checker.
//!
//! The files of `src` are compiled once more, as they stand; only `sync` and
//! `clock` are replaced, by locks whose steps the checker schedules and a time
//! that a model moves. A lost wake-up is a deadlock, a lost permit a count.
//!
//! `PROPTEST_CASES` sets the schedules per model, `TIDEGATE_SEED` the seed; a
//! failure prints its schedule, with which `shuttle::replay` repeats it.
#![allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "the nouns come whole, a model uses a part"
)]

#[path = "../../src/after.rs"]
mod after;
#[path = "../../src/bell.rs"]
mod bell;
#[path = "../../src/breaker.rs"]
mod breaker;
#[path = "../../src/budget.rs"]
mod budget;
#[path = "../../src/byte_budget.rs"]
mod byte_budget;
#[path = "../../src/circle.rs"]
mod circle;
#[path = "../../src/circuit.rs"]
mod circuit;
mod clock;
#[path = "../../src/dice.rs"]
mod dice;
#[path = "../../src/drive.rs"]
mod drive;
#[path = "../../src/exit.rs"]
mod exit;
#[path = "../../src/fair/mod.rs"]
mod fair;
#[path = "../../src/lag.rs"]
mod lag;
#[path = "../../src/lane.rs"]
mod lane;
#[path = "../../src/ledger.rs"]
mod ledger;
#[path = "../../src/limit/mod.rs"]
mod limit;
#[path = "../../src/lock/mod.rs"]
mod lock;
#[path = "../../src/merge.rs"]
mod merge;
#[path = "../../src/merges.rs"]
mod merges;
#[path = "../../src/names.rs"]
mod names;
#[path = "../../src/nudges.rs"]
mod nudges;
#[path = "../../src/observe.rs"]
mod observe;
#[path = "../../src/once.rs"]
mod once;
#[path = "../../src/order/mod.rs"]
mod order;
#[path = "../../src/overflow.rs"]
mod overflow;
#[path = "../../src/pool/mod.rs"]
mod pool;
#[path = "../../src/pulse.rs"]
mod pulse;
#[path = "../../src/queue/mod.rs"]
mod queue;
#[path = "../../src/rank.rs"]
mod rank;
#[path = "../../src/relay.rs"]
mod relay;
#[path = "../../src/reuse.rs"]
mod reuse;
#[path = "../../src/ring.rs"]
mod ring;
#[path = "../../src/scope.rs"]
mod scope;
#[path = "../../src/share.rs"]
mod share;
#[path = "../../src/shelf.rs"]
mod shelf;
#[path = "../../src/slots.rs"]
mod slots;
#[path = "../../src/stalls.rs"]
mod stalls;
#[path = "../../src/subscriber.rs"]
mod subscriber;
mod sync;
#[path = "../../src/tag.rs"]
mod tag;
#[path = "../../src/tally.rs"]
mod tally;
#[path = "../../src/task.rs"]
mod task;
#[path = "../../src/tree.rs"]
mod tree;
#[path = "../../src/verdict.rs"]
mod verdict;
#[path = "../../src/workers/mod.rs"]
mod workers;

#[cfg(test)]
mod of_breaker;
#[cfg(test)]
mod of_budget;
#[cfg(test)]
mod of_byte_budget;
#[cfg(test)]
mod of_checker;
#[cfg(test)]
mod of_drive;
#[cfg(test)]
mod of_lane;
#[cfg(test)]
mod of_ledger;
#[cfg(test)]
mod of_limit;
#[cfg(test)]
mod of_merge;
#[cfg(test)]
mod of_once;
#[cfg(test)]
mod of_order;
#[cfg(test)]
mod of_pool;
#[cfg(test)]
mod of_pulse;
#[cfg(test)]
mod of_queue;
#[cfg(test)]
mod of_relay;
#[cfg(test)]
mod of_reuse;
#[cfg(test)]
mod of_scope;
#[cfg(test)]
mod of_share;
#[cfg(test)]
mod of_workers;

/// Runs `model` under random schedules, and under those that switch rarely but
/// at bad moments.
#[cfg(test)]
fn check(model: impl Fn() + Send + Sync + 'static) {
    let runs = from_env("PROPTEST_CASES").unwrap_or(1500);
    let model = std::sync::Arc::new(move || {
        clock::reset();
        model();
        clock::reset();
    });
    let again = std::sync::Arc::clone(&model);
    match from_env("TIDEGATE_SEED") {
        Some(seed) => shuttle::check_random_with_seed(move || model(), seed, runs),
        None => shuttle::check_random(move || model(), runs),
    }
    shuttle::check_pct(move || again(), runs, 3);
}

#[cfg(test)]
fn from_env<N: std::str::FromStr>(name: &str) -> Option<N> {
    std::env::var(name).ok()?.parse().ok()
}
