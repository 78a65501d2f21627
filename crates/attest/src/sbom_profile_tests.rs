use super::*;

use serde_json::{Value, json};

fn cyclonedx() -> Value {
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.7", "serialNumber": "urn:uuid:1",
        "metadata": {
            "timestamp": "2026-01-01T00:00:00Z",
            "authors": [{"name": "a", "email": "a@example.org"}],
            "lifecycles": [{"phase": "post-build"}],
            "tools": {"components": [{"type": "application", "name": "t", "version": "1"}]},
            "component": {"type": "container", "name": "app"}
        },
        "components": [{
            "bom-ref": "a", "type": "library", "name": "a", "version": "1", "purl": "pkg:npm/a@1",
            "supplier": {"name": "s", "url": ["https://s.example"]},
            "hashes": [{"alg": "SHA-256", "content": "00"}],
            "licenses": [{"expression": "MIT", "acknowledgement": "concluded"}],
            "externalReferences": [{"type": "distribution", "url": "https://s.example/a",
                                    "hashes": [{"alg": "SHA-512", "content": "00"}]}],
            "properties": [
                {"name": "bsi:component:filename", "value": "a.tgz"},
                {"name": "bsi:component:executable", "value": "non-executable"},
                {"name": "bsi:component:archive", "value": "archive"},
                {"name": "bsi:component:structured", "value": "structured"}
            ]
        }],
        "dependencies": [{"ref": "a"}],
        "compositions": [{"aggregate": "complete"}]
    })
}

fn spdx() -> Value {
    json!({
        "spdxVersion": "SPDX-2.3", "documentNamespace": "https://s.example/1",
        "creationInfo": {"created": "2026-01-01T00:00:00Z", "comment": "Analyzed",
                         "creators": ["Tool: t-1.0", "Organization: o (o@example.org)"]},
        "packages": [
            {"SPDXID": "root", "name": "app"},
            {"SPDXID": "a", "name": "a", "versionInfo": "1", "supplier": "Organization: s",
             "licenseDeclared": "MIT", "checksums": [{"algorithm": "SHA256", "checksumValue": "00"}],
             "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:npm/a@1"}]}
        ],
        "relationships": [
            {"spdxElementId": "DOC", "relationshipType": "DESCRIBES", "relatedSpdxElement": "root"},
            {"spdxElementId": "root", "relationshipType": "CONTAINS", "relatedSpdxElement": "a"},
            {"spdxElementId": "a", "relationshipType": "DEPENDS_ON", "relatedSpdxElement": "NONE"}
        ]
    })
}

fn gaps(profile: &str, document: &Value) -> Vec<&'static str> {
    let gaps = Profile::by_name(profile).unwrap().gaps(document.to_string().as_bytes()).unwrap();
    gaps.iter().map(|gap| gap.field.as_str()).collect()
}

#[test]
fn the_table_is_sorted_and_rules_are_not_repeated() {
    assert!(PROFILES.is_sorted_by_key(|profile| profile.name));
    for profile in PROFILES {
        let fields: std::collections::BTreeSet<_> = profile.rules.iter().map(|rule| rule.field).collect();
        assert_eq!(fields.len(), profile.rules.len(), "{}", profile.name);
    }
}

#[test]
fn what_says_everything_passes() {
    for profile in PROFILES {
        assert_eq!(gaps(profile.name, &cyclonedx()), [""; 0], "{}", profile.name);
    }
    for name in ["ntia-2021", "cisa-2025", "cisa-2026"] {
        assert_eq!(gaps(name, &spdx()), [""; 0], "{name}");
    }
    assert_eq!(gaps("bsi-tr-03183-2", &spdx())[0], "format");
}

/// Each field that a document can lose, and what each profile then misses: BSI, CISA 2025, CISA 2026, NTIA.
#[test]
fn each_loss_is_seen_in_cyclonedx() {
    let losses: &[(&str, [&[&str]; 4])] = &[
        ("/metadata/timestamp", [&["timestamp"]; 4]),
        ("/metadata/authors", [&["author contact"], &["author"], &["author"], &["author"]]),
        ("/metadata/lifecycles", [&[], &["generation context"], &["generation context"], &[]]),
        ("/metadata/tools", [&[], &["tool name"], &["tool name", "tool version"], &[]]),
        ("/metadata/component", [&[], &[], &["primary component"], &[]]),
        ("/serialNumber", [&[], &[], &["sbom identifier"], &[]]),
        ("/specVersion", [&["format"], &[], &["format"], &[]]),
        ("/compositions", [&["completeness"], &[], &[], &[]]),
        (
            "/dependencies",
            [
                &["dependencies"],
                &["dependency relationship"],
                &["dependencies"],
                &["dependency relationship"],
            ],
        ),
        ("/components/0/name", [&["component name"]; 4]),
        ("/components/0/version", [&["component version"]; 4]),
        ("/components/0/supplier", [&["producer contact"], &["producer"], &["producer"], &["supplier"]]),
        ("/components/0/purl", [&[], &["identifier"], &["identifier"], &["identifier"]]),
        ("/components/0/hashes", [&[], &["hash"], &["hash"], &[]]),
        ("/components/0/licenses", [&["distribution licence"], &["licence"], &["licence"], &[]]),
        ("/components/0/externalReferences", [&["deployable hash"], &[], &[], &[]]),
        ("/components/0/properties", [&["file name", "executable", "archive", "structured"], &[], &[], &[]]),
    ];
    for (pointer, expected) in losses {
        let document = without(cyclonedx(), pointer);
        for (profile, expected) in PROFILES.iter().zip(expected) {
            assert_eq!(gaps(profile.name, &document), *expected, "{} without {pointer}", profile.name);
        }
    }
}

#[test]
fn each_loss_is_seen_in_spdx() {
    for (pointer, expected) in [
        ("/creationInfo/created", vec!["timestamp"]),
        ("/creationInfo/comment", vec!["generation context"]),
        ("/creationInfo/creators/0", vec!["tool name", "tool version"]),
        ("/creationInfo/creators/1", vec!["author"]),
        ("/documentNamespace", vec!["sbom identifier"]),
        ("/packages/1/versionInfo", vec!["component version"]),
        ("/packages/1/supplier", vec!["producer"]),
        ("/packages/1/licenseDeclared", vec!["licence"]),
        ("/packages/1/checksums", vec!["hash"]),
        ("/packages/1/externalRefs", vec!["identifier"]),
        ("/relationships/2", vec!["dependencies"]),
    ] {
        assert_eq!(gaps("cisa-2026", &without(spdx(), pointer)), expected, "{pointer}");
    }
}

#[test]
fn what_is_said_to_be_unknown_is_told_apart() {
    let mut document = spdx();
    document["packages"][1]["supplier"] = "NOASSERTION".into();
    document["packages"][1]["licenseDeclared"] = "NOASSERTION".into();
    assert_eq!(gaps("cisa-2026", &document), [""; 0]);
    assert_eq!(gaps("ntia-2021", &document), ["supplier"]);
}

#[test]
fn weak_hashes_and_old_formats_do_not_count() {
    let mut document = cyclonedx();
    document["components"][0]["hashes"][0]["alg"] = "SHA-1".into();
    assert_eq!(gaps("cisa-2026", &document), ["hash"]);
    document["specVersion"] = "1.5".into();
    assert_eq!(gaps("bsi-tr-03183-2", &document), ["format"]);
    document["specVersion"] = "1.10".into();
    assert_eq!(gaps("bsi-tr-03183-2", &document), [""; 0]);
}

#[test]
fn names_are_bounded_and_the_rest_is_counted() {
    let mut document = cyclonedx();
    let bare = |number: usize| json!({"type": "library", "name": format!("p{number}")});
    document["components"] = (0..50).map(bare).collect();
    let gaps = Profile::by_name("ntia-2021").unwrap().gaps(document.to_string().as_bytes()).unwrap();
    let version = &gaps[0];
    assert_eq!((version.missing, version.of, version.packages.len()), (50, 50, 20));
    assert!(version.place().starts_with("50 of 50 packages have none: `p0`, `p1`"), "{}", version.place());
    assert!(version.place().ends_with("`p19` and 30 more"));
}

fn without(mut document: Value, pointer: &str) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    match document.pointer_mut(parent).unwrap() {
        Value::Object(members) => drop(members.remove(name)),
        Value::Array(items) => drop(items.remove(name.parse().unwrap())),
        _ => panic!("{pointer}"),
    }
    document
}
