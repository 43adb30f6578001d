//! The target `responses_stream`; what it holds to stands in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::run("responses_stream", data));
