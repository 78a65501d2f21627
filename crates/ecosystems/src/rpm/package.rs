//! Header → package.

use std::collections::BTreeSet;

use supercargo_inventory::{
    EcosystemId, ImagePath, LicenseSource, LinkKind, Package, Party, Problem, Purl, Requirement,
    RequirementKind,
};

use super::header::Header;
use super::license_names::LICENSE_NAMES;
use crate::{installed, license_terms, text};

pub(super) const ID: EcosystemId = EcosystemId("rpm");

mod tag {
    pub(super) const SIGNATURE_MD5: u32 = 261;
    pub(super) const NAME: u32 = 1000;
    pub(super) const VERSION: u32 = 1001;
    pub(super) const RELEASE: u32 = 1002;
    pub(super) const EPOCH: u32 = 1003;
    pub(super) const SUMMARY: u32 = 1004;
    pub(super) const VENDOR: u32 = 1011;
    pub(super) const LICENSE: u32 = 1014;
    pub(super) const URL: u32 = 1020;
    pub(super) const ARCH: u32 = 1022;
    pub(super) const OLD_FILE_NAMES: u32 = 1027;
    pub(super) const SOURCE_RPM: u32 = 1044;
    pub(super) const PROVIDE_NAME: u32 = 1047;
    pub(super) const REQUIRE_FLAGS: u32 = 1048;
    pub(super) const REQUIRE_NAME: u32 = 1049;
    pub(super) const REQUIRE_VERSION: u32 = 1050;
    pub(super) const DIR_INDEXES: u32 = 1116;
    pub(super) const BASE_NAMES: u32 = 1117;
    pub(super) const DIR_NAMES: u32 = 1118;
    pub(super) const RECOMMEND_NAME: u32 = 5046;
    pub(super) const RECOMMEND_VERSION: u32 = 5047;
    pub(super) const RECOMMEND_FLAGS: u32 = 5048;
    pub(super) const SUGGEST_NAME: u32 = 5049;
    pub(super) const SUGGEST_VERSION: u32 = 5050;
    pub(super) const SUGGEST_FLAGS: u32 = 5051;
}

/// Strings that are kept as properties. The digests are of the header and of the payload, never of the package
/// file as it was delivered.
const PROPERTIES: &[(u32, &str)] = &[
    (269, "rpm:header-sha1"),
    (273, "rpm:header-sha256"),
    (1010, "rpm:distribution"),
    (1015, "rpm:packager"),
    (5092, "rpm:payload-digest"),
    (5096, "rpm:modularity-label"),
    (5097, "rpm:payload-digest-alt"),
];
/// The same for numbers.
const NUMBERS: &[(u32, &str)] = &[(1006, "rpm:build-time"), (1009, "rpm:installed-bytes")];

/// Bytes of all paths per byte of data; in real packages modes, owners and digests make it less than 1.
const PATH_EXPANSION_MAX: usize = 8;
/// Comparison bits of a requirement.
const LESS: u64 = 2;
const GREATER: u64 = 4;
const EQUAL: u64 = 8;

/// The package of a header and what of it is damaged; no package for a public key, which rpm keeps in the same
/// table.
pub(super) fn of(header: &Header<'_>) -> Result<(Option<Package>, Option<Problem>), Problem> {
    let name = word(header, tag::NAME)
        .ok_or_else(|| Problem::malformed("a package header without a usable name"))?;
    if name == "gpg-pubkey" {
        return Ok((None, None));
    }
    let unusable = |what: &str| Problem::malformed(format!("package `{name}` has no usable {what}"));
    let version = word(header, tag::VERSION).ok_or_else(|| unusable("version"))?;
    let release = word(header, tag::RELEASE).ok_or_else(|| unusable("release"))?;
    let identity = Identity {
        epoch: header.numbers(tag::EPOCH).next(),
        version_release: format!("{version}-{release}"),
        architecture: word(header, tag::ARCH).unwrap_or_default(),
        source_rpm: word(header, tag::SOURCE_RPM).unwrap_or_default(),
        name,
    };
    let damage = (header.damaged > 0).then(|| {
        let (name, count) = (&identity.name, header.damaged);
        Problem::malformed(format!("package `{name}`: {count} index entries lie outside the header's data"))
    });
    Ok((Some(filled(identity.package(), header)), damage))
}

/// What tells a package from others.
pub(super) struct Identity {
    pub(super) name: String,
    pub(super) epoch: Option<u64>,
    pub(super) version_release: String,
    pub(super) architecture: String,
    /// File name of the source package; may be empty.
    pub(super) source_rpm: String,
}

impl Identity {
    /// The package, without what only the whole image knows.
    pub(super) fn package(self) -> Package {
        let epoch = self.epoch.map(|epoch| epoch.to_string());
        let purl = Purl::new("rpm", self.name.clone())
            .version(self.version_release.clone())
            .qualifier("arch", self.architecture)
            .qualifier("epoch", epoch.clone().unwrap_or_default())
            .qualifier("upstream", self.source_rpm.clone());
        let mut package = Package::new(ID, purl, self.name);
        package.version = Some(match epoch {
            Some(epoch) => format!("{epoch}:{}", self.version_release),
            None => self.version_release,
        });
        package.source = source(&self.source_rpm);
        package
    }
}

/// `bash-5.1.8-6.el9.src.rpm` → `bash`, `5.1.8-6.el9`.
fn source(file_name: &str) -> Option<(String, Option<String>)> {
    let stem = file_name.strip_suffix(".src.rpm").or_else(|| file_name.strip_suffix(".nosrc.rpm"))?;
    let (rest, release) = stem.rsplit_once('-')?;
    let (name, version) = rest.rsplit_once('-')?;
    (!name.is_empty()).then(|| (name.to_owned(), Some(format!("{version}-{release}"))))
}

fn filled(mut package: Package, header: &Header<'_>) -> Package {
    let license = header.string(tag::LICENSE).and_then(|text| installed::line(&text));
    package.licenses = license
        .map(|text| license_terms::claim(&text, LicenseSource::Declared, LICENSE_NAMES, false))
        .into_iter()
        .collect();
    package.supplier = header.string(tag::VENDOR).and_then(|text| Party::parse(&installed::line(&text)?));
    package.description = header.string(tag::SUMMARY).and_then(|text| installed::line(&text));
    package.links =
        header.string(tag::URL).and_then(|url| text::link(LinkKind::Website, &url)).into_iter().collect();
    package.provides = provides(header, &package.name);
    package.requires = requirements(header);
    package.files = files(header);
    for (number, name) in PROPERTIES {
        if let Some(value) = header.string(*number).and_then(|text| installed::line(&text)) {
            package.properties.insert((*name).to_owned(), value);
        }
    }
    for (number, name) in NUMBERS {
        if let Some(value) = header.numbers(*number).next() {
            package.properties.insert((*name).to_owned(), value.to_string());
        }
    }
    if let Some(md5) = header.bytes(tag::SIGNATURE_MD5) {
        package.properties.insert("rpm:header-and-payload-md5".to_owned(), text::hex(md5));
    }
    package
}

fn provides(header: &Header<'_>, own: &str) -> Vec<String> {
    let names = header.strings(tag::PROVIDE_NAME).filter_map(|name| text::word(&name).map(str::to_owned));
    let unique: BTreeSet<String> = names.filter(|name| name != own).collect();
    unique.into_iter().collect()
}

fn requirements(header: &Header<'_>) -> Vec<Requirement> {
    let runtime = [tag::REQUIRE_NAME, tag::REQUIRE_FLAGS, tag::REQUIRE_VERSION];
    let recommended = [tag::RECOMMEND_NAME, tag::RECOMMEND_FLAGS, tag::RECOMMEND_VERSION];
    let suggested = [tag::SUGGEST_NAME, tag::SUGGEST_FLAGS, tag::SUGGEST_VERSION];
    let mut unique = BTreeSet::new();
    for (tags, kind) in [
        (runtime, RequirementKind::Runtime),
        (recommended, RequirementKind::Optional),
        (suggested, RequirementKind::Optional),
    ] {
        unique.extend(requirements_of(header, tags, kind));
    }
    unique.into_iter().collect()
}

fn requirements_of<'a>(
    header: &'a Header<'_>,
    [names, flags, versions]: [u32; 3],
    kind: RequirementKind,
) -> impl Iterator<Item = Requirement> + 'a {
    let flags = header.numbers(flags).map(Some).chain(std::iter::repeat(None));
    let versions = header.strings(versions).map(Some).chain(std::iter::repeat(None));
    let all = header.strings(names).zip(flags).zip(versions);
    all.filter_map(move |((name, flags), version)| {
        // `rpmlib(…)` are features of rpm itself.
        let name = text::word(&name).filter(|name| !name.starts_with("rpmlib("))?.to_owned();
        let constraint = constraint(flags.unwrap_or_default(), version.as_deref().unwrap_or_default());
        Some(Requirement { any_of: vec![name], constraint, kind })
    })
}

fn constraint(flags: u64, version: &str) -> Option<String> {
    let version = text::token(version)?;
    let signs = [(LESS, "<"), (GREATER, ">"), (EQUAL, "=")];
    let sign: String = signs.into_iter().filter(|(bit, _)| flags & bit != 0).map(|(_, sign)| sign).collect();
    (!sign.is_empty()).then(|| format!("{sign} {version}"))
}

/// Installed paths: base names, each with the position of its folder; before rpm 4.0 whole paths. Folders are
/// shared, so that paths could become much longer than the header; they may not.
fn files(header: &Header<'_>) -> Vec<ImagePath> {
    let folders: Vec<_> = header.strings(tag::DIR_NAMES).collect();
    let mut bytes_left = header.data_bytes().saturating_mul(PATH_EXPANSION_MAX);
    let split =
        header.strings(tag::BASE_NAMES).zip(header.numbers(tag::DIR_INDEXES)).filter_map(|(name, at)| {
            let folder = folders.get(usize::try_from(at).ok()?)?;
            bytes_left = bytes_left.checked_sub(folder.len() + name.len())?;
            Some(ImagePath::new(&format!("{folder}{name}")))
        });
    let mut files: Vec<_> = split.collect();
    files.extend(header.strings(tag::OLD_FILE_NAMES).map(|path| ImagePath::new(&path)));
    files
}

fn word(header: &Header<'_>, tag: u32) -> Option<String> {
    header.string(tag).and_then(|text| text::token(&text).map(str::to_owned))
}
