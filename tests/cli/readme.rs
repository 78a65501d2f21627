//! Every command in the README runs: those of console blocks, in order, in one folder with an image in it.

use std::fs;

use super::stage::Stage;
use crate::support::root;

/// The image that the README's examples name; the test has it in a layout.
const IMAGE: &str = "ghcr.io/org/app:1";

#[test]
fn every_command_of_the_readme_runs() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let stage = Stage::new();
    let mut ran = 0;
    for line in commands(&readme) {
        let line = line.replace(IMAGE, "oci:layout").replace("oci:layout:app", "oci:layout");
        if line.starts_with("key generate") {
            continue;
        }
        // What needs a tampered bundle belongs to the demo, which runs it and checks the reason.
        if !line.contains("tampered") && !line.contains("damaged") {
            stage.run(&line).succeeds();
            ran += 1;
        }
    }
    assert!(ran >= 8, "only {ran} commands found");
}

#[test]
fn the_readme_lists_every_flag_and_code() {
    let readme = fs::read_to_string(root().join("README.md")).expect("README.md");
    let stage = Stage::new();
    let help = stage.run("scan --help").succeeds().stdout;
    let flags = help.split_whitespace().filter(|word| word.starts_with("--") && word.ends_with("-max"));
    let mut found = 0;
    for flag in flags {
        assert!(readme.contains(&format!("`{flag}`")), "README.md lacks `{flag}`");
        found += 1;
    }
    assert!(found >= 10, "only {found} limits in the help");
    for code in 0..=7 {
        assert!(readme.contains(&format!("| {code} |")), "README.md lacks exit code {code}");
    }
}

/// The command lines behind `$ supercargo` in console blocks.
fn commands(readme: &str) -> Vec<String> {
    let blocks = readme.split("```console\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines = blocks.flat_map(str::lines).filter_map(|line| line.strip_prefix("$ supercargo "));
    lines.map(|line| line.split(" #").next().unwrap_or(line).trim().to_owned()).collect()
}
