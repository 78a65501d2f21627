//! Docker's and Podman's credential files: a refusal shows nothing of what they hold but addresses.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_registry::fuzzing::credential_file;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = credential_file(bytes) {
        let shown = error.to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
        // No longer than the reason and one address, so no member of the file can be in it whole.
        assert!(shown.chars().count() < 300, "{shown:?}");
    }
});
