//! Real Berkeley DB rpm databases, read as part of a root file system.

use std::fs;

use supercargo::content::Platform;
use supercargo::image::PlatformChoice;
use supercargo::{Session, SessionOptions, Silent};

use crate::support::suite;

#[test]
fn every_database_lists_what_its_table_says() {
    let Some(suite) = suite("rpmdb") else { return };
    let mut databases = 0;
    for entry in fs::read_dir(&suite).expect("suite").flatten().filter(|entry| entry.path().is_dir()) {
        let table = fs::read_to_string(entry.path().with_extension("expected.tsv")).expect("table");
        assert_eq!(packages_of(&entry.path()), expected(&table), "{}", entry.path().display());
        databases += 1;
    }
    assert!(databases >= 2);
}

/// name, `[epoch:]version-release`, architecture.
type Row = (String, String, String);

fn packages_of(folder: &std::path::Path) -> Vec<Row> {
    let root = tempfile::tempdir().expect("folder");
    let place = root.path().join("var/lib/rpm");
    fs::create_dir_all(&place).expect("folder");
    fs::copy(folder.join("Packages"), place.join("Packages")).expect("database");
    let session = Session::new(SessionOptions::default()).expect("session");
    let reference = format!("rootfs:{}", root.path().display()).parse().expect("reference");
    let wish = PlatformChoice::Host(Platform::new("linux", "amd64"));
    let resolved = session.open(&reference, &wish).expect("the folder opens");
    let inventory = session.scan(&resolved.images[0], &Silent).expect("the folder is scanned");
    let row = |package: &supercargo::inventory::Package| {
        let arch = package.purl.qualifiers().get("arch").cloned().unwrap_or_default();
        (package.name.clone(), package.version.clone().unwrap_or_default(), arch)
    };
    inventory.packages.iter().map(row).collect()
}

fn expected(table: &str) -> Vec<Row> {
    let row = |line: &str| {
        let cells: Vec<_> = line.split('\t').collect();
        let epoch = if cells[1].is_empty() { String::new() } else { format!("{}:", cells[1]) };
        (cells[0].to_owned(), format!("{epoch}{}-{}", cells[2], cells[3]), cells[4].to_owned())
    };
    table.lines().skip(1).map(row).collect()
}
