//! A zTOC of SOCI over a gzip layer of one file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::read_by_ztoc;

fuzz_target!(|ztoc: &[u8]| {
    if let Some(pass) = read_by_ztoc(ztoc) {
        assert!(!pass.verified && pass.fetched_bytes.is_some());
    }
});
