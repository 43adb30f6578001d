//! The target `aws_events`; what it holds to stands in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::run("aws_events", data));
