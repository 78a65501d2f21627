//! Every ecosystem's reader: the first byte picks it, the second one of the paths it wants.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_ecosystems::{ALL, Candidate, Findings, Want};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let ecosystem = ALL[usize::from(input.0) % ALL.len()];
    let wants = ecosystem.wants();
    let path = match &wants[usize::from(input.1) % wants.len()] {
        Want::Path(path) | Want::Glob(path) => path.replace("**", "opt").replace('*', "x"),
        Want::Magic(_) => "usr/bin/x".to_owned(),
    };
    let (path, limits) = (path.as_str().into(), supercargo_fuzz::limits());
    let _ = ecosystem.read(
        &Candidate { path: &path, mode: 0o755, bytes: input.2, limits: &limits },
        &mut Findings::default(),
    );
});
