//! Three real images saved as OCI layouts: exactly the listed packages.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;
use supercargo::content::Platform;
use supercargo::image::PlatformChoice;
use supercargo::{Session, SessionOptions, Silent};

use crate::support::suite;

#[test]
fn the_packages_of_the_real_images_are_exactly_the_listed_ones() {
    let Some(suite) = suite("layouts") else { return };
    let cases: Vec<Value> =
        serde_json::from_slice(&fs::read(suite.join("cases.json")).expect("cases")).expect("json");
    let session = Session::new(SessionOptions::default()).expect("session");
    for case in &cases {
        let layout = suite.join(case["layout"].as_str().expect("layout"));
        let reference =
            format!("oci:{}@{}", layout.display(), case["image_digest"].as_str().expect("digest"));
        let reference = reference.parse().expect("reference");
        let wish = PlatformChoice::Only(Platform::new("linux", "amd64"));
        let resolved = session.open(&reference, &wish).expect("the layout opens");
        let inventory = session.scan(&resolved.images[0], &Silent).expect("the image is scanned");
        let found: BTreeSet<_> = inventory
            .packages
            .iter()
            .map(|package| {
                (
                    package.purl.kind().to_owned(),
                    package.name.clone(),
                    package.version.clone().unwrap_or_default(),
                )
            })
            .collect();
        assert_eq!(found, expected(case), "{reference}: {:?}", inventory.problems);
    }
    assert_eq!(cases.len(), 3);
}

fn expected(case: &Value) -> BTreeSet<(String, String, String)> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let rows = case["packages"].as_array().expect("packages").iter();
    rows.map(|row| (text(&row[0]), text(&row[1]), text(&row[2]))).collect()
}
