//! What developers run: derived schemas, the image of the demo, and its tampered bundles.

mod demo_image;
mod schemas;
mod tamper;

use std::path::Path;
use std::process::ExitCode;

const USAGE: &str = "usage: xtask schemas OFFICIAL_FOLDER TARGET_FOLDER
       xtask demo-image BINARY TARGET_FOLDER
       xtask tamper BUNDLE signature|sbom TARGET_FILE";

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["schemas", from, to] => schemas::derive(Path::new(from), Path::new(to)),
        ["demo-image", binary, to] => demo_image::make(Path::new(binary), Path::new(to)),
        ["tamper", bundle, part, to] => tamper::tamper(Path::new(bundle), part, Path::new(to)),
        _ => Err(USAGE.into()),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report(&*error);
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "a program for developers reports on stderr")]
fn report(error: &dyn std::error::Error) {
    eprintln!("xtask: {error}");
}
