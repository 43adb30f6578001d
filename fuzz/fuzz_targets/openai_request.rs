//! The target `openai_request`; what it holds to stands in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::run("openai_request", data));
