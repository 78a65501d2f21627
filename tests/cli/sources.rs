//! Where images come from: archives on stdin, compressed archives, layers of which only parts are fetched.

use std::fs::{self, File};
use std::io::Write as _;
use std::process::Stdio;

use flate2::write::GzEncoder;
use supercargo::content::MediaType;
use supercargo_testkit::TextImage;
use supercargo_testkit::registry::TestRegistry;

use super::stage::{Done, SMALL, Stage};
use crate::support::supercargo;

/// Runs a command line with a file as standard input.
fn run_with(stage: &Stage, line: &str, input: &str) -> Done {
    let mut command = supercargo();
    command.current_dir(stage.path("")).args(line.split_whitespace());
    command.stdin(Stdio::from(File::open(stage.path(input)).expect("input")));
    Done::of(command.output().expect("the binary runs"))
}

fn archived() -> Stage {
    let stage = Stage::with(SMALL);
    TextImage::parse(SMALL).expect("image").write_docker_archive(&stage.path("app.tar")).expect("archive");
    let mut packed =
        GzEncoder::new(File::create(stage.path("app.tar.gz")).expect("file"), flate2::Compression::fast());
    packed.write_all(&fs::read(stage.path("app.tar")).expect("file")).expect("gzip");
    packed.finish().expect("gzip");
    stage
}

#[test]
fn an_archive_on_stdin_gives_the_bytes_of_its_file() {
    let stage = archived();
    for format in ["cyclonedx-json", "spdx-json", "purl"] {
        let expected = stage.run(&format!("scan docker-archive:app.tar -o {format}")).succeeds().stdout;
        assert!(expected.contains("left-pad"));
        for reference in ["-", "docker-archive:-"] {
            for input in ["app.tar", "app.tar.gz"] {
                let found = run_with(&stage, &format!("scan {reference} -o {format}"), input).succeeds();
                assert_eq!(found.stdout, expected, "{reference} {input}");
            }
        }
        let found = stage.run(&format!("scan docker-archive:app.tar.gz -o {format}")).succeeds();
        assert_eq!(found.stdout, expected);
    }
}

#[test]
fn stdin_that_is_no_archive_is_refused() {
    let stage = archived();
    fs::write(stage.path("text"), "not an archive").expect("file");
    run_with(&stage, "scan -", "text").fails(3, "is not an archive");
    fs::write(stage.path("empty"), "").expect("file");
    run_with(&stage, "scan -", "empty").fails(3, "is not an archive");
    run_with(&stage, "scan docker-archive:-:other", "app.tar").fails(3, "no image `other`");
    run_with(&stage, "scan oci-archive:-", "app.tar").fails(3, "not an OCI image layout");
}

/// The layout, put into a registry.
fn push(stage: &Stage, registry: &TestRegistry) {
    let blobs = stage.path("layout/blobs/sha256");
    for blob in fs::read_dir(blobs).expect("blobs") {
        let bytes = fs::read(blob.expect("blob").path()).expect("blob");
        registry.put_blob("app", &MediaType::OCI_LAYER, &bytes);
        if bytes.starts_with(b"{\"schemaVersion\"")
            || String::from_utf8_lossy(&bytes).contains("\"layers\":[{")
        {
            registry.put_manifest("app", "1", &MediaType::OCI_MANIFEST, &bytes);
        }
    }
}

fn serial_number(document: &str) -> String {
    let json: serde_json::Value = serde_json::from_str(document).expect("json");
    json["serialNumber"].as_str().expect("serial number").to_owned()
}

#[test]
fn only_parts_of_a_layer_with_a_table_travel() {
    for format in ["estargz", "zstd:chunked"] {
        let text = SMALL.replace("layer 0 gzip", &format!("layer 0 {format}"));
        let stage = Stage::with(&text.replace("layer 1 zstd", &format!("layer 1 {format}")));
        let registry = TestRegistry::start().expect("registry");
        push(&stage, &registry);
        let scan = |flags: &str| stage.run(&format!("scan {}/app:1 {flags}", registry.host())).succeeds();
        let (lazily, fully) = (scan("-o purl"), scan("-o purl --full"));
        assert_eq!(lazily.stdout, fully.stdout);
        assert!(
            lazily.stderr.contains("2 of 2 layers were read through their table of contents"),
            "{lazily:?}"
        );
        assert!(!fully.stderr.contains("table of contents"), "{fully:?}");
        let document = scan("-o cyclonedx-json").stdout;
        assert!(document.contains("supercargo:coverage:layers-by-table-of-contents"));
        assert!(
            document.contains("\"aggregate\": \"unknown\"") || document.contains("\"aggregate\":\"unknown\"")
        );
        let checked = scan("-o cyclonedx-json --full").stdout;
        assert!(!checked.contains("layers-by-table"));
        assert_ne!(serial_number(&document), serial_number(&checked));
        registry.change(|quirks| quirks.no_ranges = true);
        let whole = scan("-o purl");
        assert_eq!(whole.stdout, fully.stdout);
        assert!(!whole.stderr.contains("table of contents"), "{whole:?}");
    }
}
