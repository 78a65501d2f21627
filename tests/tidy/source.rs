//! Rules that every source file follows.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{files, root};

/// Lines of a function, of a file without its tests, and of `main.rs`.
const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 800;
const MAIN_LINES_MAX: usize = 26;

/// Folders of crates that do not ship.
const DEV_ONLY: &[&str] = &["bench", "testkit", "xtask"];

#[test]
fn only_the_cli_prints_and_reads_the_environment() {
    let words = ["println!", "eprintln!", "print!(", "std::env::", "env::var", "process::exit"];
    for (path, text) in product_sources() {
        if path.starts_with(root().join("crates/cli")) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            let hit = words.iter().find(|word| line.contains(**word));
            assert!(
                hit.is_none(),
                "{}:{number}: `{}` belongs in crates/cli",
                path.display(),
                hit.unwrap_or(&"")
            );
        }
    }
}

#[test]
fn nobody_but_the_cli_asks_the_clock() {
    for (path, text) in product_sources() {
        if path.starts_with(root().join("crates/cli")) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            let asks =
                ["SystemTime::now", "Timestamp::now", "Zoned::now"].iter().any(|word| line.contains(word));
            assert!(!asks, "{}:{number}: time comes in as an argument", path.display());
        }
    }
}

#[test]
fn output_is_free_of_chance() {
    for (path, text) in product_sources() {
        let writes = ["crates/sbom", "crates/supercargo", "crates/inventory"]
            .iter()
            .any(|part| path.starts_with(root().join(part)));
        for (number, line) in code_lines(&text).filter(|_| writes) {
            for word in ["HashMap", "HashSet", "getrandom", "rand::", "Uuid::new_v4", "RandomState"] {
                assert!(!line.contains(word), "{}:{number}: `{word}` has no fixed order", path.display());
            }
        }
    }
}

/// Source files that may open files; everybody else gets bytes or a reader.
const OPENS_FILES: &[&str] = &[
    "crates/image/",
    "crates/layer/src/folder.rs",
    "crates/registry/",
    "crates/scan/src/cache/",
    "crates/signing/src/spiffe.rs",
    "crates/supercargo/",
    "crates/cli/",
];

#[test]
fn only_the_listed_files_open_files() {
    for (path, text) in product_sources() {
        if OPENS_FILES.iter().any(|part| path.starts_with(root().join(part))) {
            continue;
        }
        for (number, line) in code_lines(&text) {
            for word in ["std::fs", "fs::", "OpenOptions", "TcpStream", "UdpSocket", "UnixStream"] {
                assert!(!line.contains(word), "{}:{number}: `{word}`", path.display());
            }
        }
    }
}

#[test]
fn the_lower_crates_know_no_ecosystem_and_no_format() {
    for (path, text) in product_sources() {
        let is_neutral =
            ["crates/inventory", "crates/content"].iter().any(|part| path.starts_with(root().join(part)));
        for (number, line) in code_lines(&text).filter(|_| is_neutral) {
            for word in
                ["Dpkg", "Apk", "Rpm", "Npm", "Pypi", "Maven", "CycloneDx", "struct Spdx", "enum Spdx"]
            {
                assert!(!line.contains(word), "{}:{number}: `{word}`", path.display());
            }
        }
    }
}

#[test]
fn the_cli_uses_the_facade_only() {
    for (path, text) in product_sources() {
        for (number, line) in code_lines(&text).filter(|_| path.starts_with(root().join("crates/cli"))) {
            assert!(
                !line.contains("supercargo_"),
                "{}:{number}: the cli knows the façade only",
                path.display()
            );
        }
    }
}

#[test]
fn no_stubs_and_no_silenced_lints() {
    for (path, text) in product_sources() {
        for (number, line) in code_lines(&text) {
            for word in ["todo!(", "unimplemented!(", "#[allow(", "#![allow(", "dbg!("] {
                assert!(!line.contains(word), "{}:{number}: `{word}`", path.display());
            }
        }
    }
}

#[test]
fn functions_and_files_stay_small() {
    for (path, text) in product_sources() {
        let product = text.split("\n#[cfg(test)]").next().unwrap_or_default();
        let lines = product.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{} has {lines} lines", path.display());
        for (name, length) in functions(product) {
            assert!(length <= FUNCTION_LINES_MAX, "{}: `{name}` has {length} lines", path.display());
        }
    }
}

#[test]
fn main_is_a_page() {
    let main = fs::read_to_string(root().join("crates/cli/main.rs")).expect("main.rs");
    let lines = main.lines().count();
    assert!(lines <= MAIN_LINES_MAX, "main.rs has {lines} lines");
    let body: Vec<_> = functions(&main).into_iter().filter(|(name, _)| name == "main").collect();
    assert!(matches!(body.as_slice(), [(_, length)] if *length < 20), "fn main: {body:?}");
}

#[test]
fn no_module_is_called_util() {
    for path in files(&root().join("crates"), ".rs") {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        assert!(
            !["util", "utils", "helpers", "common", "misc"].contains(&stem.as_str()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_crate_explains_itself_in_the_same_order() {
    let order = ["**Where in the flow.**", "**Key type.**", "**The one decision.**"];
    for path in files(&root().join("crates"), "/lib.rs") {
        if DEV_ONLY.iter().any(|name| path.starts_with(root().join("crates").join(name))) {
            continue;
        }
        let text = fs::read_to_string(&path).expect("lib.rs");
        let places: Vec<_> = order.iter().map(|part| text.find(part)).collect();
        assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{}: {places:?}", path.display());
    }
}

#[test]
fn every_crate_takes_the_lints_of_the_workspace() {
    for path in files(&root().join("crates"), "/Cargo.toml") {
        let text = fs::read_to_string(&path).expect("Cargo.toml");
        assert!(text.contains("[lints]\nworkspace = true"), "{}", path.display());
    }
}

#[test]
fn one_call_is_unsafe_and_no_more() {
    let mut found = Vec::new();
    for (path, text) in product_sources() {
        let lines = code_lines(&text).filter(|(_, line)| line.split(' ').any(|word| word == "unsafe"));
        found.extend(lines.map(|(_, line)| (path.clone(), line.trim().to_owned())));
    }
    assert_eq!(found, [(root().join("crates/content/src/lanes.rs"), "unsafe {".to_owned())]);
}

/// The sources that ship.
fn product_sources() -> Vec<(PathBuf, String)> {
    let dev_only = |path: &Path| {
        DEV_ONLY.iter().any(|name| path.starts_with(root().join("crates").join(name)))
            || path.components().any(|part| {
                ["tests", "examples", "benches"].contains(&part.as_os_str().to_str().unwrap_or_default())
            })
            || path
                .file_stem()
                .is_some_and(|name| name.to_string_lossy().ends_with("tests") || name == "testing")
    };
    let sources: Vec<_> = files(&root().join("crates"), ".rs")
        .into_iter()
        .filter(|path| !dev_only(path))
        .map(|path| (path.clone(), fs::read_to_string(path).expect("source")))
        .collect();
    assert!(sources.len() > 30, "only {} sources found", sources.len());
    sources
}

/// Numbered lines before the tests, without comments.
fn code_lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let product = text.split("\n#[cfg(test)]").next().unwrap_or_default();
    product
        .lines()
        .enumerate()
        .map(|(number, line)| (number + 1, line))
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

/// Name and length of each function, by its indentation; the sources are formatted.
fn functions(text: &str) -> Vec<(String, usize)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, usize, String)> = None;
    for (number, line) in text.lines().enumerate() {
        let indent = line.len() - line.trim_start().len();
        if let Some((start, depth, name)) = &open {
            if indent == *depth && line.trim_start().starts_with('}') {
                found.push((name.clone(), number - start + 1));
                open = None;
            }
        } else if let Some(at) =
            line.find("fn ").filter(|_| line.trim_end().ends_with('{') || line.trim_end().ends_with('('))
        {
            let name = line[at + 3..].split(['(', '<']).next().unwrap_or_default().to_owned();
            open = Some((number, indent, name));
        }
    }
    found
}
