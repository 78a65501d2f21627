//! A table of contents that the manifest vouches for, over a blob of two chunks.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::read_by_toc;

fuzz_target!(|table: &[u8]| {
    if let Some(pass) = read_by_toc(table) {
        assert!(!pass.verified && pass.fetched_bytes.is_some());
    }
});
