//! The target `openai_answer`; what it holds to stands in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::run("openai_answer", data));
