//! Every sample in every format, against the standards' schemas, our own check and other readers.

mod readers;
mod samples;

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::{Registry, Validator};
use serde_json::Value;
use supercargo_content::{Descriptor, MediaType};
use supercargo_sbom::{ALL, Document, FormatId, Subject, check};

fn encoded(document: &Document, format: FormatId) -> Vec<u8> {
    let mut bytes = Vec::new();
    format.format().encode(document, &mut bytes).expect("a vector takes all bytes");
    bytes
}

fn json(document: &Document, format: FormatId) -> Value {
    serde_json::from_slice(&encoded(document, format)).expect("json")
}

fn schema(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas").join(path);
    serde_json::from_slice(&std::fs::read(&path).expect("schema")).expect("json")
}

/// The validator of a schema; it never looks outside `schemas/`.
fn validator(path: &str) -> Validator {
    let mut registry = Registry::new();
    for name in ["spdx", "jsf-0.82", "cryptography-defs"] {
        let uri = format!("http://cyclonedx.org/schema/{name}.schema.json");
        registry = registry.add(uri, schema(&format!("cyclonedx/{name}.schema.json"))).expect("schema");
    }
    let registry = registry.prepare().expect("registry");
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .with_registry(&registry)
        .build(&schema(path))
        .expect("schema compiles")
}

const SCHEMAS: [(FormatId, &str); 4] = [
    (FormatId::CYCLONEDX_JSON_1_5, "cyclonedx/bom-1.5.schema.json"),
    (FormatId::CYCLONEDX_JSON_1_6, "cyclonedx/bom-1.6.schema.json"),
    (FormatId::CYCLONEDX_JSON_1_7, "cyclonedx/bom-1.7.schema.json"),
    (FormatId::SPDX_JSON_2_3, "spdx/spdx-2.3.schema.json"),
];

#[test]
fn every_sample_follows_its_schema() {
    for (format, path) in SCHEMAS {
        let validator = validator(path);
        for (name, document) in samples::all() {
            let value = json(&document, format);
            let errors: Vec<String> = validator
                .iter_errors(&value)
                .map(|error| format!("{}: {error}", error.instance_path()).chars().take(400).collect())
                .collect();
            assert!(errors.is_empty(), "{name} as {format}: {errors:#?}");
        }
        let mut broken = json(&samples::document(vec![], Subject::rootfs("x")), format);
        broken["unknown"] = Value::Null;
        assert!(!validator.is_valid(&broken), "the validator of {format} accepts an unknown field");
    }
}

#[test]
fn references_are_in_order() {
    for format in ALL.iter().map(|format| format.id()) {
        for (name, document) in samples::all() {
            let bytes = encoded(&document, format);
            let result = check(&bytes, format);
            assert!(result.is_ok(), "{name} as {format}: {:?}", result.err());
        }
    }
}

#[test]
fn the_same_document_has_the_same_bytes_and_no_control_characters() {
    for format in ALL.iter().map(|format| format.id()) {
        for ((name, one), (_, two)) in samples::all().into_iter().zip(samples::all()) {
            let bytes = encoded(&one, format);
            assert!(bytes == encoded(&two, format), "{name} as {format}");
            assert!(!bytes.ends_with(b"\n\n"), "{name} as {format}");
            let text = String::from_utf8(bytes).expect("text");
            let bad = text.chars().find(|&c| (c.is_control() && c != '\n') || "\u{202e}\u{feff}".contains(c));
            assert_eq!(bad, None, "{name} as {format}");
            let suffix = format.format().file_suffix();
            let file = format!("{name}-{}{suffix}", format.version().unwrap_or("text"));
            std::fs::write(Path::new(env!("CARGO_TARGET_TMPDIR")).join(file), text).expect("sample file");
        }
    }
}

#[test]
fn the_serial_number_follows_the_content() {
    let serial = |subject: Subject, change: &dyn Fn(&mut supercargo_sbom::DocumentOptions), format| {
        let mut options = samples::options();
        change(&mut options);
        let inventory = supercargo_inventory::Inventory::default();
        let value = json(&Document::new(inventory, subject, options), format);
        value["serialNumber"].as_str().expect("serial number").to_owned()
    };
    let other =
        Subject { manifest: Some(Descriptor::of(MediaType::OCI_MANIFEST, b"another")), ..samples::subject() };
    let (v16, v17) = (FormatId::CYCLONEDX_JSON_1_6, FormatId::CYCLONEDX_JSON_1_7);
    let serials: BTreeSet<String> = [
        serial(samples::subject(), &|_| {}, v17),
        serial(samples::subject(), &|_| {}, v16),
        serial(other, &|_| {}, v17),
        serial(samples::subject(), &|options| options.tool_version = "0.2.0".into(), v17),
        serial(samples::subject(), &|options| options.created = jiff::Timestamp::UNIX_EPOCH, v17),
        serial(samples::subject(), &|options| options.options.clear(), v17),
        serial(Subject { tag: None, ..samples::subject() }, &|_| {}, v17),
        serial(
            samples::subject(),
            &|options| options.supplier = supercargo_inventory::Party::parse("A"),
            v17,
        ),
    ]
    .into();
    assert_eq!(serials.len(), 8);
    assert!(serials.contains(&serial(samples::subject(), &|_| {}, v17)));
}

#[test]
fn folders_of_one_name_have_different_serial_numbers() {
    let serial = |name: &str| {
        let packages = vec![samples::pypi(name)];
        let settlement = supercargo_inventory::Settlement { packages, ..Default::default() };
        let document = samples::document(vec![settlement], Subject::rootfs("rootfs"));
        json(&document, FormatId::CYCLONEDX_JSON_1_7)["serialNumber"].clone()
    };
    assert_ne!(serial("a"), serial("b"));
}

#[test]
fn the_image_is_written_as_scanners_expect() {
    let (_, document) = samples::all().swap_remove(1);
    let bom = json(&document, FormatId::CYCLONEDX_JSON_1_7);
    assert_eq!(bom["metadata"]["timestamp"], "2026-11-24T02:40:00Z");
    let root = &bom["metadata"]["component"];
    let purl = root["purl"].as_str().expect("purl");
    assert!(
        purl.starts_with("pkg:oci/debian@sha256") && purl.contains("arch=amd64") && purl.contains("tag=12")
    );
    assert_eq!(root["version"], format!("sha256:{}", root["hashes"][0]["content"].as_str().expect("hash")));
    assert_eq!(bom["compositions"][0]["aggregate"], "complete");
    let system = &bom["components"][0];
    assert_eq!(
        (&system["type"], &system["name"], &system["version"]),
        (&"operating-system".into(), &"debian".into(), &"12".into())
    );
    let of = |reference: &str| {
        let entries = bom["dependencies"].as_array().expect("dependencies").iter();
        let entry = entries.clone().find(|entry| entry["ref"] == reference).expect("entry");
        entry["dependsOn"].as_array().expect("array").len()
    };
    assert_eq!((of("subject"), of("operating-system")), (3, 2));
    let bash = &bom["components"].as_array().expect("components")[1];
    let property = |name: &str| {
        let all = bash["properties"].as_array().expect("properties").iter();
        all.clone().find(|property| property["name"] == name).map(|property| property["value"].clone())
    };
    assert_eq!(property("aquasecurity:trivy:SrcName"), Some("bash-src".into()));
    assert_eq!(property("aquasecurity:trivy:SrcEpoch"), Some("1".into()));
    assert_eq!(property("aquasecurity:trivy:SrcRelease"), Some("2".into()));
    assert_eq!(property("supercargo:origin:index"), Some("0".into()));
}

#[test]
fn unreadable_parts_make_the_document_incomplete() {
    let (_, document) = samples::all().swap_remove(2);
    let bom = json(&document, FormatId::CYCLONEDX_JSON_1_6);
    assert_eq!(bom["compositions"][0]["aggregate"], "incomplete");
    let spdx = json(&document, FormatId::SPDX_JSON_2_3);
    assert!(spdx["comment"].as_str().expect("comment").starts_with("Could not be read:\n"));
}

#[test]
fn lists_for_people_are_plain_and_sorted() {
    let (_, document) = samples::all().swap_remove(1);
    let table = String::from_utf8(encoded(&document, FormatId::TABLE)).expect("text");
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("NAME") && lines[0].ends_with("LAYER"), "{table}");
    assert_eq!(lines.len(), 6);
    assert!(lines[1].starts_with("b  ") && lines[2].starts_with("bash  "), "{table}");
    let purls = String::from_utf8(encoded(&document, FormatId::PURL)).expect("text");
    assert!(purls.lines().is_sorted() && purls.lines().count() == 5);
}

#[test]
fn a_package_without_a_name_has_a_reference_but_no_purl() {
    let package = samples::pypi("");
    let settlement = supercargo_inventory::Settlement { packages: vec![package], ..Default::default() };
    let document = samples::document(vec![settlement], samples::subject());
    let bom = json(&document, FormatId::CYCLONEDX_JSON_1_7);
    assert_eq!(bom["components"][0]["bom-ref"], "pkg:pypi/@2.0");
    assert!(bom["components"][0].get("purl").is_none());
    assert!(json(&document, FormatId::SPDX_JSON_2_3)["packages"][1].get("externalRefs").is_none());
    assert!(encoded(&document, FormatId::PURL).is_empty());
}
