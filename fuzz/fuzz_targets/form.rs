#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| slippers_server::fuzz::run("form", data));
