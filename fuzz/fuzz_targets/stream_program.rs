//! Programs whole and as they pass: no damage makes either panic, and without a problem both say the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_fuzz::both_ways::{Damage, compare};
use supercargo_fuzz::program::Script;

fuzz_target!(|input: (Damage, Script<'_>)| {
    let (damage, script) = input;
    let program = damage.of(script.write());
    compare("go", "usr/bin/x", &program, &damage);
    compare("cargo", "usr/bin/x", &program, &damage);
});
