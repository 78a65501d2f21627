//! Release files from before os-release: one line for people, or only a version.

use supercargo_inventory::Distro;

/// How the names in release files begin, and the `ID` that os-release of the same distribution has.
const NAMES: &[(&str, &str)] = &[
    ("red hat enterprise linux", "rhel"),
    ("redhatenterprise", "rhel"),
    ("red hat linux", "redhat"),
    ("rocky", "rocky"),
    ("almalinux", "almalinux"),
    ("oracle", "ol"),
    ("centos", "centos"),
    ("fedora", "fedora"),
    ("amazon linux", "amzn"),
    ("amazonami", "amzn"),
    ("scientific linux", "scientific"),
    ("opensuse leap", "opensuse-leap"),
    ("opensuse tumbleweed", "opensuse-tumbleweed"),
    ("opensuse", "opensuse"),
    ("suse linux enterprise desktop", "sled"),
    ("suse linux enterprise", "sles"),
    ("suse", "sles"),
    ("gentoo", "gentoo"),
    ("photon", "photon"),
    ("vmware photon", "photon"),
    ("mageia", "mageia"),
    ("debian", "debian"),
    ("ubuntu", "ubuntu"),
    ("linuxmint", "linuxmint"),
    ("arch", "arch"),
    ("alpine", "alpine"),
];

/// What the file of this name says; `None` when it says nothing that is understood.
pub(super) fn read(name: &str, text: &str) -> Option<Distro> {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty());
    match name {
        "arch-release" => Some(distro("arch", "Arch Linux", None)),
        "alpine-release" => Some(distro("alpine", "Alpine Linux", Some(version(first?)?))),
        "debian_version" => debian(first?),
        "SuSE-release" => suse(text),
        _ => sentence(first?),
    }
}

/// The `ID` of a distribution by its name; an unknown name of one word stands for itself.
pub(super) fn id_of_name(name: &str) -> Option<String> {
    let lower = name.trim().to_ascii_lowercase();
    let known = NAMES.iter().find(|(begin, _)| lower.starts_with(begin)).map(|(_, id)| (*id).to_owned());
    known.or_else(|| (!lower.is_empty() && !lower.contains(char::is_whitespace)).then_some(lower))
}

/// `CentOS Linux release 7.9.2009 (Core)`: a known name, the word `release`, a version, a code name.
fn sentence(line: &str) -> Option<Distro> {
    let (name, rest) = line.split_once(" release ")?;
    let id = NAMES.iter().find(|(begin, _)| name.to_ascii_lowercase().starts_with(begin))?.1;
    let codename = rest.split_once('(').and_then(|(_, inner)| inner.split(')').next());
    Some(Distro {
        codename: codename.map(str::to_ascii_lowercase).filter(|word| !word.contains(char::is_control)),
        pretty_name: Some(line.to_owned()).filter(|line| !line.contains(char::is_control)),
        ..distro(id, name, version(rest))
    })
}

/// `12.7`, or `trixie/sid` before a release. os-release of Debian has the major version only.
fn debian(line: &str) -> Option<Distro> {
    match version(line) {
        Some(version) => {
            let major = version.split('.').next().unwrap_or_default().to_owned();
            Some(distro("debian", "Debian GNU/Linux", Some(major)))
        }
        None => {
            let codename =
                line.split('/').next().filter(|word| word.bytes().all(|b| b.is_ascii_lowercase()))?;
            Some(Distro { codename: Some(codename.to_owned()), ..distro("debian", "Debian GNU/Linux", None) })
        }
    }
}

/// A name, then `VERSION = 12` and perhaps `PATCHLEVEL = 5`.
fn suse(text: &str) -> Option<Distro> {
    let name = text.lines().next()?.split(|c: char| c.is_ascii_digit()).next()?.trim();
    let value = |key: &str| {
        let assigned = text.lines().filter_map(|line| line.split_once('='));
        assigned.filter(|(name, _)| name.trim() == key).find_map(|(_, value)| version(value.trim()))
    };
    let version = match (value("VERSION"), value("PATCHLEVEL")) {
        (Some(version), Some(patch)) if patch != "0" && !version.contains('.') => {
            Some(format!("{version}.{patch}"))
        }
        (version, _) => version,
    };
    Some(distro(&id_of_name(name)?, name, version))
}

fn distro(id: &str, name: &str, version: Option<String>) -> Distro {
    Distro { id: id.to_owned(), name: Some(name.to_owned()), version_id: version, ..Distro::default() }
}

/// The first word when it begins with a digit and looks like a version.
fn version(text: &str) -> Option<String> {
    let word = text.split_whitespace().next()?;
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"._-+~".contains(&byte);
    let is_version =
        word.len() <= 64 && word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(fits);
    is_version.then(|| word.to_owned())
}
