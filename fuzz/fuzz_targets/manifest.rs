//! Manifests, indexes and configurations: no bytes make the parsers panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_content::Limits;
use supercargo_image::{parse_config, parse_document, parse_index, parse_manifest};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    let document = parse_document(bytes, None, &limits);
    assert!(
        document.is_err() || parse_index(bytes, &limits).is_ok() || parse_manifest(bytes, &limits).is_ok()
    );
    let _config = parse_config(bytes, &limits);
});
