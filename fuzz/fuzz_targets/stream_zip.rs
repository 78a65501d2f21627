//! Java archives whole and as they pass: no damage makes either panic, and without a problem both say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::both_ways::{Damage, compare};
use supercargo_fuzz::zip::Script;

fuzz_target!(|input: (Damage, Script<'_>)| {
    let (damage, script) = input;
    compare("java", "lib/a-1.0.jar", &damage.of(script.write()), &damage);
});
