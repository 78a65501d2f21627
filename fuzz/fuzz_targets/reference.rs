//! Image references: what parses is written back to something that parses to the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_image::Reference;

fuzz_target!(|text: &str| {
    if let Ok(reference) = text.parse::<Reference>() {
        let again = reference.to_string().parse::<Reference>();
        assert_eq!(again.as_ref(), Ok(&reference), "{text:?}");
    }
});
