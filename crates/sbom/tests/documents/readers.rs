//! Readers that share no code with us: `cyclonedx-bom` for CycloneDX 1.5, `spdx-rs` for SPDX 2.3.

use std::collections::BTreeMap;

use cyclonedx_bom::models::bom::{Bom, SpecVersion};
use cyclonedx_bom::models::component::Component;
use cyclonedx_bom::validation::Validate;
use serde_json::Value;
use supercargo_sbom::FormatId;

use crate::{encoded, json, samples};

/// What both sides can say of a component: reference, name, version, purl, hashes and the number of licences.
type Facts = (String, String, Option<String>, Option<String>, Vec<String>, usize);

#[test]
fn cyclonedx_bom_reads_every_component_and_dependency() {
    for (name, document) in samples::all() {
        let bytes = encoded(&document, FormatId::CYCLONEDX_JSON_1_5);
        let read = Bom::parse_from_json_v1_5(bytes.as_slice()).expect(name);
        let written = json(&document, FormatId::CYCLONEDX_JSON_1_5);
        let components = read.components.iter().flat_map(|components| &components.0);
        assert_eq!(components.map(facts_read).collect::<Vec<_>>(), facts_written(&written), "{name}");
        let dependencies = read.dependencies.iter().flat_map(|dependencies| &dependencies.0);
        let read: BTreeMap<_, _> =
            dependencies.map(|it| (it.dependency_ref.clone(), it.dependencies.clone())).collect();
        assert_eq!(read, dependencies_written(&written), "{name}");
    }
}

#[test]
fn cyclonedx_bom_finds_nothing_wrong_with_an_image() {
    let (_, document) = samples::all().swap_remove(1);
    let bytes = encoded(&document, FormatId::CYCLONEDX_JSON_1_5);
    let read = Bom::parse_from_json_v1_5(bytes.as_slice()).expect("read");
    let verdict = read.validate_version(SpecVersion::V1_5);
    assert!(verdict.passed(), "{verdict:?}");
    let root = read.metadata.and_then(|metadata| metadata.component).expect("root component");
    assert_eq!(root.name.to_string(), "docker.io/library/debian");
}

fn facts_read(component: &Component) -> Facts {
    let hashes = component.hashes.iter().flat_map(|hashes| &hashes.0);
    (
        component.bom_ref.clone().unwrap_or_default(),
        component.name.to_string(),
        component.version.as_ref().map(ToString::to_string),
        component.purl.as_ref().map(ToString::to_string),
        hashes.map(|hash| hash.content.0.clone()).collect(),
        component.licenses.as_ref().map_or(0, |licenses| licenses.0.len()),
    )
}

fn facts_written(bom: &Value) -> Vec<Facts> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let hashes = |of: &Value| {
        let hashes = of["hashes"].as_array().into_iter().flatten();
        hashes.filter_map(|hash| text(&hash["content"])).collect()
    };
    let facts = |of: &Value| {
        let (reference, name) = (text(&of["bom-ref"]), text(&of["name"]));
        let licenses = of["licenses"].as_array().map_or(0, Vec::len);
        let (reference, name) = (reference.unwrap_or_default(), name.unwrap_or_default());
        (reference, name, text(&of["version"]), text(&of["purl"]), hashes(of), licenses)
    };
    bom["components"].as_array().into_iter().flatten().map(facts).collect()
}

fn dependencies_written(bom: &Value) -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().expect("text").to_owned();
    let dependencies = bom["dependencies"].as_array().into_iter().flatten();
    let of = |entry: &Value| entry["dependsOn"].as_array().into_iter().flatten().map(text).collect();
    dependencies.map(|entry| (text(&entry["ref"]), of(entry))).collect()
}

#[test]
fn spdx_rs_reads_every_package() {
    for (name, document) in samples::all() {
        let bytes = encoded(&document, FormatId::SPDX_JSON_2_3);
        let read: spdx_rs::models::SPDX = serde_json::from_slice(&bytes).expect(name);
        let is_package = |id: &str| id.starts_with("SPDXRef-Package-");
        let packages = read.package_information.iter();
        let count = packages.filter(|package| is_package(&package.package_spdx_identifier)).count();
        assert_eq!(count, document.packages().len(), "{name}");
    }
}
