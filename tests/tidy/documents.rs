//! The documents say what the code is.

use std::collections::BTreeSet;
use std::fs;

use supercargo::ecosystems;

use crate::support::{files, root};

#[test]
fn the_changelog_names_this_version() {
    let text = read("CHANGELOG.md");
    assert!(
        text.contains(concat!("## ", env!("CARGO_PKG_VERSION"))),
        "CHANGELOG.md lacks {}",
        env!("CARGO_PKG_VERSION")
    );
}

#[test]
fn every_crate_stands_in_the_code_map() {
    let text = read("ARCHITECTURE.md");
    for folder in fs::read_dir(root().join("crates")).expect("crates").flatten() {
        let name = folder.file_name().to_string_lossy().into_owned();
        assert!(text.contains(&format!("`crates/{name}`")), "ARCHITECTURE.md lacks `crates/{name}`");
    }
}

#[test]
fn the_table_of_ecosystems_is_sorted_and_unique() {
    let ids: Vec<_> = ecosystems::ALL.iter().map(|ecosystem| ecosystem.id().0).collect();
    let unique: BTreeSet<_> = ids.iter().collect();
    assert_eq!(unique.len(), ids.len());
    assert!(ids.is_sorted(), "{ids:?}");
    assert!(ids.len() >= 8, "{ids:?}");
}

#[test]
fn every_ecosystem_has_a_fixture_and_a_row() {
    let fixtures = files(&root().join("testdata/images"), ".image");
    let names: BTreeSet<_> = fixtures.iter().filter_map(|path| path.file_stem()?.to_str()).collect();
    let readme = read("README.md");
    for ecosystem in ecosystems::ALL {
        let (id, description) = (ecosystem.id().0, ecosystem.description());
        assert!(names.iter().any(|name| name.starts_with(id)), "no fixture testdata/images/{id}*.image");
        assert!(
            readme.contains(&format!("| {} (`{id}`) | {} |", description.title, description.reads)),
            "README.md lacks the row of `{id}`"
        );
        assert!(!ecosystem.wants().is_empty() && ecosystem.revision() > 0, "{id}");
    }
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    for name in ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", "SHORTCOMINGS.md"] {
        for link in read(name).split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if !link.starts_with("http") && !link.starts_with('#') {
                let file = link.split('#').next().unwrap_or_default();
                assert!(root().join(file).exists(), "{name} links to `{link}`");
            }
        }
    }
}

fn read(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}
