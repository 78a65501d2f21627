//! Generates schemas and documentation tables.

mod schemas;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let result = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["schemas", from, to] => schemas::derive(Path::new(from), Path::new(to)),
        _ => Err("usage: xtask schemas OFFICIAL_FOLDER TARGET_FOLDER".into()),
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
