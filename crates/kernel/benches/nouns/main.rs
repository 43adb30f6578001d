//! What the nouns cost, each beside the nearest plain tool in the same run.
//!
//! `cargo bench -p tidegate-kernel` runs all of them; a name filters.
#![expect(clippy::unwrap_used, reason = "a bench that cannot go on shall stop")]

mod of_breaker;
mod of_gather;
mod of_lane;
mod of_ledger;
mod of_merge;
mod of_once;
mod of_pool;
mod of_pulse;
mod of_relay;
mod of_reuse;
mod of_share;

fn main() {
    divan::main();
}
