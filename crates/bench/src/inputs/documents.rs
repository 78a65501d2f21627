//! A document as a large image gives it.

use std::collections::BTreeMap;

use supercargo_content::Digest;
use supercargo_inventory::{
    Coverage, EcosystemId, Evidence, HashAlgorithm, ImagePath, Inventory, LayerRef, LicenseClaim, Link,
    LinkKind, Package, PackageHash, Party, Purl, RelationshipKind, Settlement, Technique,
};
use supercargo_sbom::{Document, DocumentOptions, Subject};

use super::Random;

/// A document of so many packages, each with licence, supplier, hash, links, evidence and two dependencies.
pub fn document(packages: usize) -> Document {
    let mut random = Random::new(7);
    let layers: Vec<LayerRef> = (0..8).map(layer).collect();
    let made = (0..packages).map(|at| package(at, &layers, &mut random)).collect();
    let edge =
        |at: usize| [(at, RelationshipKind::DependsOn, at / 2), (at, RelationshipKind::DependsOn, at / 3)];
    let edges = (1..packages).flat_map(edge).collect();
    let settlement = Settlement { packages: made, edges, problems: Vec::new() };
    let inventory = Inventory::assemble(None, layers, vec![settlement], Vec::new(), Coverage::default());
    let subject = Subject::container("registry.example.org/team/app");
    Document::new(inventory, subject, DocumentOptions::new("supercargo", "0.0.0"))
}

fn layer(index: u32) -> LayerRef {
    let digest = |what: &str| Some(Digest::sha256_of(format!("{what} {index}").as_bytes()));
    LayerRef { index, diff_id: digest("diff"), blob: digest("blob") }
}

fn package(at: usize, layers: &[LayerRef], random: &mut Random) -> Package {
    let name = format!("package-{at}");
    let purl = Purl::new("deb", &name)
        .namespace("debian")
        .version(format!("1.{at}-2+b1"))
        .qualifier("arch", "amd64");
    let layer = layers.get(at % layers.len()).cloned();
    let path = ImagePath::new("var/lib/dpkg/status");
    let evidence = layer.iter().map(|layer| Evidence {
        path: path.clone(),
        inner: String::new(),
        layer: layer.clone(),
        technique: Technique::ManifestAnalysis,
    });
    Package {
        source: Some((format!("source-{}", at / 3), Some(format!("1.{at}-2")))),
        licenses: vec![
            LicenseClaim::from_text("GPL-2.0-or-later"),
            LicenseClaim::declared("MIT OR Apache-2.0"),
        ],
        supplier: Party::parse("Example Team <team@example.org>"),
        description: Some(random.word()),
        links: vec![Link { kind: LinkKind::Website, url: format!("https://example.org/{at}") }],
        hashes: vec![PackageHash { algorithm: HashAlgorithm::Sha256, hex: random.hex(64) }],
        evidence: evidence.collect(),
        origin: layer,
        properties: BTreeMap::from([("dpkg:section".to_owned(), "libs".to_owned())]),
        ..Package::new(EcosystemId("dpkg"), purl, name)
    }
}
