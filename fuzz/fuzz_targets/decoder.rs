//! The program of every target: libFuzzer makes up the bytes, and the variable
//! `TARGET` says what they are for.
#![no_main]

use std::env;
use std::sync::LazyLock;

// Beside the library, which the wire's tests take whole.
#[path = "../src/shapes.rs"]
mod shapes;

/// The target's name.
static TARGET: LazyLock<String> = LazyLock::new(|| env::var("TARGET").unwrap_or_default());

libfuzzer_sys::fuzz_target!(|data: &[u8]| if !shapes::run(&TARGET, data) {
    tidegate_fuzz::run(&TARGET, data);
});
