//! Every ecosystem's reader, whole and, where it can, in pieces: the first byte picks it, the second one of the paths it
//! wants, and together the size of the pieces.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_ecosystems::{ALL, Candidate, Findings, Passer, Want};

fuzz_target!(|input: (u8, u8, &[u8])| {
    let ecosystem = ALL[usize::from(input.0) % ALL.len()];
    let wants = ecosystem.wants();
    let path = match &wants[usize::from(input.1) % wants.len()] {
        Want::Path(path) | Want::Glob(path) => path.replace("**", "opt").replace('*', "x"),
        Want::Magic(_) => "usr/bin/x".to_owned(),
    };
    let (path, limits) = (path.as_str().into(), supercargo_fuzz::limits());
    let passer = Passer { path: &path, mode: 0o755, size: input.2.len() as u64, limits: &limits };
    if let Some(mut sink) = ecosystem.stream(&passer) {
        let piece = usize::from(input.0) * usize::from(input.1) % 5000 + 1;
        input.2.chunks(piece).for_each(|piece| sink.push(piece));
        let _ = sink.finish(None, &mut Findings::default());
    }
    let _ = ecosystem.read(
        &Candidate { path: &path, mode: 0o755, bytes: input.2, sha256: None, limits: &limits },
        &mut Findings::default(),
    );
});
