//! The floor program: `floor oci LAYOUT` or `floor archive FILE`. Prints how much it read.

use std::path::Path;
use std::process::ExitCode;

use supercargo_bench::floor;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let amount = match words.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["oci", layout] => floor::layout(Path::new(layout)),
        ["archive", file] => floor::archive(Path::new(file)),
        _ => Err(std::io::Error::other("usage: floor oci LAYOUT | floor archive FILE")),
    };
    match amount {
        Ok(amount) => say(&format!(
            "layers={} stored={} plain={} members={}",
            amount.layers, amount.stored_bytes, amount.plain_bytes, amount.members
        )),
        Err(error) => {
            say(&format!("floor: {error}"));
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

#[expect(clippy::print_stdout, reason = "a program for developers")]
fn say(text: &str) {
    println!("{text}");
}
