//! The tar reader alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_layer::{MemberKind, TarReader};

fuzz_target!(|bytes: &[u8]| {
    let mut reader = TarReader::new(bytes);
    while let Ok(Some(member)) = reader.next_member() {
        // A member of an unknown kind has a size of 0 whatever is stored behind it; nobody asks for its body.
        if !matches!(member.kind, MemberKind::File) {
            continue;
        }
        let Ok((head, len)) = reader.head() else { continue };
        if let Ok(Some(body)) = reader.body(1 << 20) {
            assert!(body.len() as u64 == member.size && body.starts_with(&head[..len]));
        }
    }
});
