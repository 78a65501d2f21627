//! Every fixture of testdata/images: one text file is one image and what must be found in it. Adding a file adds a
//! test; no line of code changes.

use std::fs;
use std::path::Path;

use supercargo::content::Platform;
use supercargo::image::PlatformChoice;
use supercargo::inventory::Inventory;
use supercargo::{Session, SessionOptions, Silent};
use supercargo_testkit::TextImage;

use crate::support::{files, root};

#[test]
fn every_fixture_holds_exactly_the_packages_and_problems_it_says() {
    let fixtures = files(&root().join("testdata/images"), ".image");
    assert!(fixtures.len() >= 10, "only {} fixtures", fixtures.len());
    let mut wrong = String::new();
    for fixture in &fixtures {
        let image = read(fixture);
        let inventory = scan(&image, 0);
        let packages: Vec<_> = inventory.packages.iter().map(|package| package.id().to_string()).collect();
        let problems: Vec<_> = inventory.problems.iter().map(ToString::to_string).collect();
        if packages != image.expected_packages() || problems != image.expected_problems() {
            let (packages, problems) = (packages.join("\n"), problems.join("\n"));
            wrong.push_str(&format!(
                "{}\n-- packages --\n{packages}\n-- problems --\n{problems}\n\n",
                fixture.display()
            ));
        }
    }
    assert!(wrong.is_empty(), "found instead:\n{wrong}");
}

#[test]
fn the_number_of_threads_never_shows() {
    for fixture in files(&root().join("testdata/images"), ".image") {
        let image = read(&fixture);
        let one = format!("{:?}", scan(&image, 1));
        assert_eq!(one, format!("{:?}", scan(&image, 8)), "{}", fixture.display());
    }
}

#[test]
fn the_origin_is_the_first_layer_with_this_version() {
    let image = read(&root().join("testdata/images/layers-origin.image"));
    let inventory = scan(&image, 0);
    let row = |name: &str| {
        let package = inventory.packages.iter().find(|package| package.name == name).expect(name);
        let origin = package.origin.as_ref().map(|origin| origin.index);
        (origin, package.evidence[0].layer.index)
    };
    assert_eq!(row("steady"), (Some(0), 3), "in every version of the database");
    assert_eq!(row("upgraded"), (Some(1), 3), "since its upgrade");
    assert_eq!(row("returned"), (Some(3), 3), "removed in between, so it came with the last layer");
}

fn read(fixture: &Path) -> TextImage {
    let text = fs::read_to_string(fixture).expect("fixture");
    TextImage::parse_in(&text, root()).unwrap_or_else(|error| panic!("{}: {error}", fixture.display()))
}

fn scan(image: &TextImage, threads: usize) -> Inventory {
    let folder = tempfile::tempdir().expect("folder");
    image.write_oci_layout(folder.path()).expect("layout");
    let session = Session::new(SessionOptions { threads, ..SessionOptions::default() }).expect("session");
    let reference = format!("oci:{}", folder.path().display()).parse().expect("reference");
    let wish = PlatformChoice::Host(Platform::new("linux", "amd64"));
    let resolved = session.open(&reference, &wish).expect("the layout opens");
    session.scan(&resolved.images[0], &Silent).expect("the image is scanned")
}
