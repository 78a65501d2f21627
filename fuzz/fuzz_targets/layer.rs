//! A whole layer: gzip or zstd, tar, names, hard links.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::read_layer;

fuzz_target!(|blob: &[u8]| {
    let _ = read_layer(blob);
});
