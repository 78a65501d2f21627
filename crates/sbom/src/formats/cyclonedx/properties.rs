//! What the format has no field for, and what scanners look for under names of their own.

use std::borrow::Cow;

use supercargo_inventory::{Distro, LayerRef, Package, RelationshipKind};

use super::parts::{Property, link_type};
use crate::Document;
use crate::document::{layer_of, location};
use crate::iri::{cpe_type, is_iri, is_mail};

/// The most problems that are listed one by one; their number is always given.
const PROBLEMS_MAX: usize = 1000;

/// How much was read, and what could not be.
pub(super) fn of_run(document: &Document) -> Vec<Property<'_>> {
    let coverage = &document.coverage;
    let counts = [
        ("supercargo:coverage:entries", coverage.entries),
        ("supercargo:coverage:files-read", coverage.files_read),
        ("supercargo:coverage:layers", coverage.layers),
        ("supercargo:coverage:layers-read", coverage.layers_read),
        ("supercargo:problems", document.problems.len() as u64),
    ];
    let mut properties: Vec<_> =
        counts.iter().map(|(name, count)| Property::new(*name, count.to_string())).collect();
    if document.layers_by_toc() > 0 {
        // Their bytes were checked against the table only, not against the digest of the layer.
        let count = document.layers_by_toc().to_string();
        properties.push(Property::new("supercargo:coverage:layers-by-table-of-contents", count));
    }
    let problems = document.problems.iter().take(PROBLEMS_MAX);
    properties.extend(
        problems
            .enumerate()
            .map(|(at, problem)| Property::new(format!("supercargo:problem:{at}"), problem.to_string())),
    );
    properties
}

/// Layers, labels and annotations of the image.
pub(super) fn of_subject(document: &Document) -> Vec<Property<'_>> {
    let subject = &document.subject;
    let mut properties = Vec::new();
    for layer in &document.layers {
        let named = |name: &str| format!("supercargo:layer:{}:{name}", layer.index);
        digests(layer, named("diffID"), named("digest"), &mut properties);
    }
    for (kind, map) in [("annotation", &subject.annotations), ("label", &subject.labels)] {
        let named = |key| format!("supercargo:image:{kind}:{key}");
        properties.extend(map.iter().map(|(key, value)| Property::new(named(key), value)));
    }
    let mut add = |name: &'static str, value: Option<String>| {
        properties.extend(value.map(|value| Property::new(name, value)));
    };
    add("supercargo:image:id", subject.image_id.as_ref().map(ToString::to_string));
    add("supercargo:image:platform", subject.platform.as_ref().map(ToString::to_string));
    add("supercargo:image:tag", subject.tag.clone());
    add("supercargo:manifest:mediaType", subject.manifest.as_ref().map(|it| it.media_type.to_string()));
    add("supercargo:manifest:size", subject.manifest.as_ref().map(|it| it.size.to_string()));
    add("aquasecurity:trivy:ImageID", subject.image_id.as_ref().map(ToString::to_string));
    for layer in &document.layers {
        add("aquasecurity:trivy:DiffID", layer.diff_id.as_ref().map(ToString::to_string));
    }
    properties
}

/// What os-release says beyond name and version.
pub(super) fn of_distro(distro: &Distro) -> Vec<Property<'_>> {
    let mut properties = vec![
        Property::new("aquasecurity:trivy:Class", "os-pkgs"),
        Property::new("aquasecurity:trivy:Type", &*distro.id),
        Property::new("supercargo:distro:path", distro.path.to_string()),
        Property::new("supercargo:distro:qualifier", distro.qualifier()),
        Property::new("syft:distro:id", &*distro.id),
    ];
    let mut add = |name: &'static str, value: Option<String>| {
        properties.extend(value.map(|value| Property::new(name, value)));
    };
    add("supercargo:distro:cpe", distro.cpe.clone().filter(|cpe| cpe_type(cpe).is_none()));
    add("supercargo:distro:homeURL", distro.home_url.clone().filter(|url| !is_iri(url)));
    add("supercargo:distro:name", distro.name.clone());
    add("syft:distro:versionCodename", distro.codename.clone());
    add("syft:distro:versionID", distro.version_id.clone());
    let likes = distro.id_like.iter().enumerate();
    properties.extend(likes.map(|(at, like)| Property::new(format!("syft:distro:idLike:{at}"), like)));
    properties
}

/// Everything about a package that has no field, sorted by name.
pub(super) fn of_package<'a>(document: &'a Document, at: usize, package: &'a Package) -> Vec<Property<'a>> {
    let mut properties = vec![Property::new("supercargo:ecosystem", package.ecosystem.0)];
    places(package, &mut properties);
    for (kind, holder) in document.holders(at) {
        properties.push(Property::new(holder_name(kind), holder));
    }
    if let Some((name, version)) = &package.source {
        properties.push(Property::new("supercargo:source:name", name));
        properties.extend(version.iter().map(|version| Property::new("supercargo:source:version", version)));
    }
    unfit(package, &mut properties);
    let own = package.properties.iter();
    properties.extend(own.map(|(key, value)| Property::new(format!("supercargo:{key}"), value)));
    if document.is_in_distro(at) {
        trivy(document, package, &mut properties);
    }
    properties.sort();
    properties
}

fn holder_name(kind: RelationshipKind) -> &'static str {
    match kind {
        RelationshipKind::Owns => "supercargo:owned-by",
        RelationshipKind::Contains => "supercargo:contained-in",
        RelationshipKind::DependsOn => "supercargo:dependency-of",
    }
}

/// Layers and paths.
fn places<'a>(package: &'a Package, out: &mut Vec<Property<'a>>) {
    if let Some(layer) = layer_of(package) {
        out.push(Property::new("supercargo:layer:index", layer.index.to_string()));
        digests(layer, "supercargo:layer:diffID", "supercargo:layer:digest", out);
    }
    if let Some(layer) = &package.origin {
        out.push(Property::new("supercargo:origin:index", layer.index.to_string()));
        digests(layer, "supercargo:origin:diffID", "supercargo:origin:digest", out);
    }
    for (at, evidence) in package.evidence.iter().enumerate() {
        out.push(Property::new(format!("supercargo:location:{at}:path"), location(evidence)));
        let layer = &evidence.layer;
        let id = layer.diff_id.as_ref().map_or_else(|| layer.index.to_string(), ToString::to_string);
        out.push(Property::new(format!("supercargo:location:{at}:layerID"), id));
    }
}

/// The digests of a layer, under these names.
fn digests<'a, N: Into<Cow<'a, str>>>(layer: &LayerRef, diff_id: N, blob: N, out: &mut Vec<Property<'a>>) {
    for (name, digest) in [(diff_id, &layer.diff_id), (blob, &layer.blob)] {
        out.extend(digest.as_ref().map(|digest| Property::new(name, digest.to_string())));
    }
}

/// Values that are kept although the field made for them refuses them.
fn unfit<'a>(package: &'a Package, out: &mut Vec<Property<'a>>) {
    for link in package.links.iter().filter(|link| !is_iri(&link.url)) {
        out.push(Property::new(format!("supercargo:link:{}", link_type(link.kind)), &link.url));
    }
    for (role, party) in [("supplier", &package.supplier), ("author", &package.author)] {
        let Some(party) = party else { continue };
        let email = party.email.as_deref().filter(|email| !is_mail(email));
        out.extend(email.map(|email| Property::new(format!("supercargo:{role}:email"), email)));
        let url = party.url.as_deref().filter(|url| role == "author" || !is_iri(url));
        out.extend(url.map(|url| Property::new(format!("supercargo:{role}:url"), url)));
    }
}

/// The names under which Trivy looks for source package, type and layer of a distribution's package.
fn trivy<'a>(document: &'a Document, package: &'a Package, out: &mut Vec<Property<'a>>) {
    if let Some(layer) = package.origin.as_ref().or(layer_of(package)) {
        digests(layer, "aquasecurity:trivy:LayerDiffID", "aquasecurity:trivy:LayerDigest", out);
    }
    let mut add = |name: &'static str, value: String| out.push(Property::new(name, value));
    if let Some(distro) = &document.distro {
        add("aquasecurity:trivy:PkgType", distro.id.clone());
    }
    if let Some(version) = &package.version {
        add("aquasecurity:trivy:PkgID", format!("{}@{version}", package.name));
    }
    if let Some((name, version)) = &package.source {
        add("aquasecurity:trivy:SrcName", name.clone());
        let parts = version.as_deref().map(|version| split_version(package.purl.kind(), version));
        for (name, value) in parts.into_iter().flatten() {
            add(name, value.to_owned());
        }
    }
}

/// Epoch, version and release, for the systems whose versions have these parts.
fn split_version<'a>(kind: &str, text: &'a str) -> Vec<(&'static str, &'a str)> {
    if !matches!(kind, "deb" | "rpm") {
        return vec![("aquasecurity:trivy:SrcVersion", text)];
    }
    let is_epoch =
        |epoch: &str| !epoch.is_empty() && epoch.len() <= 9 && epoch.bytes().all(|b| b.is_ascii_digit());
    let (epoch, rest) = match text.split_once(':') {
        Some((epoch, rest)) if is_epoch(epoch) => (Some(epoch), rest),
        _ => (None, text),
    };
    let (version, release) = match rest.rsplit_once('-') {
        Some((version, release)) => (version, Some(release)),
        None => (rest, None),
    };
    let parts = [
        ("aquasecurity:trivy:SrcEpoch", epoch),
        ("aquasecurity:trivy:SrcVersion", Some(version)),
        ("aquasecurity:trivy:SrcRelease", release),
    ];
    parts.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_versions_are_split_as_scanners_expect() {
        assert_eq!(
            split_version("deb", "1:2.3-4-5"),
            [
                ("aquasecurity:trivy:SrcEpoch", "1"),
                ("aquasecurity:trivy:SrcVersion", "2.3-4"),
                ("aquasecurity:trivy:SrcRelease", "5")
            ]
        );
        assert_eq!(split_version("apk", "1.2-r3"), [("aquasecurity:trivy:SrcVersion", "1.2-r3")]);
        assert_eq!(split_version("deb", "x:1"), [("aquasecurity:trivy:SrcVersion", "x:1")]);
        assert_eq!(split_version("rpm", "7"), [("aquasecurity:trivy:SrcVersion", "7")]);
    }
}
