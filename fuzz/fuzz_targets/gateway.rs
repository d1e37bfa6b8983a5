#![no_main]
//! The body is `relay_tests::fuzz::gateway`, where it says what it checks.

libfuzzer_sys::fuzz_target!(|data: &[u8]| relay_tests::fuzz::gateway(data));
