//! Every format on every fixture: valid, free of dangling references, and the same from the same bytes.

use std::fs;

use supercargo::sbom::{ALL, check};

use crate::support::{files, root, supercargo};

#[test]
fn every_format_of_every_fixture_checks() {
    for fixture in files(&root().join("testdata/images"), ".image") {
        let folder = tempfile::tempdir().expect("folder");
        let text = fs::read_to_string(&fixture).expect("fixture");
        let image = supercargo_testkit::TextImage::parse_in(&text, root()).expect("fixture");
        image.write_oci_layout(&folder.path().join("layout")).expect("layout");
        for format in ALL {
            let id = format.id().to_string();
            let run = |threads: &str, zone: &str| {
                let mut command = supercargo();
                command.current_dir(folder.path()).env("TZ", zone);
                let output = command
                    .args(["scan", "oci:layout", "--no-cache", "--threads", threads, "-o", &id])
                    .output()
                    .expect("it runs");
                assert!(
                    output.status.success(),
                    "{}: {}",
                    fixture.display(),
                    String::from_utf8_lossy(&output.stderr)
                );
                output.stdout
            };
            let bytes = run("1", "UTC");
            assert_eq!(bytes, run("8", "Asia/Kathmandu"), "{} as {id}", fixture.display());
            if format.predicate_type().is_some() {
                check(&bytes, format.id())
                    .unwrap_or_else(|error| panic!("{} as {id}: {error}", fixture.display()));
            }
        }
    }
}
