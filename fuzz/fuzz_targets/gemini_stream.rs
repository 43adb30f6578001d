//! The target `gemini_stream`; what it holds to stands in the library.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| tidegate_fuzz::run("gemini_stream", data));
