//! Debian packages: dpkg's status file, distroless `status.d`, the lists of installed files, and machine-readable
//! copyright files.
//!
//! A package counts when files of it are unpacked: every state but `not-installed` and `config-files`. Sources:
//! deb-control(5), dpkg-query(1), the format of debian/copyright 1.0.

mod copyright;
mod relations;
mod status;

use std::collections::BTreeMap;

use supercargo_inventory::{EcosystemId, ImagePath, LicenseClaim, Package, Problem, ProblemKind, Settlement};

use crate::installed::{self, Capabilities, Folders};
use crate::{Candidate, Description, Ecosystem, Fact, Finding, Findings, ImageView, Want};

pub(crate) const ID: EcosystemId = EcosystemId("dpkg");

/// Reader of dpkg's database.
pub(crate) struct Dpkg;

impl Ecosystem for Dpkg {
    fn id(&self) -> EcosystemId {
        ID
    }

    fn description(&self) -> Description {
        Description {
            title: "Debian packages",
            purl_types: &["deb"],
            reads: "var/lib/dpkg/status and status.d, the file lists beside them, copyright files in DEP-5 form",
        }
    }

    fn revision(&self) -> u32 {
        1
    }

    fn wants(&self) -> &'static [Want] {
        &[
            Want::Path("var/lib/dpkg/status"),
            Want::Glob("var/lib/dpkg/status.d/*"),
            Want::Glob("var/lib/dpkg/info/*.list"),
            Want::Glob("var/lib/dpkg/info/*.md5sums"),
            Want::Glob("usr/share/doc/*/copyright"),
        ]
    }

    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem> {
        let text = crate::text::lossy(file.bytes);
        let name = file.path.file_name();
        if name == "copyright" {
            copyright::read(file.path, &text, out);
        } else if let Some(owner) = name.strip_suffix(".list") {
            let listed = text.lines().filter(|line| line.starts_with('/'));
            files(owner, installed::without_folders(listed.map(ImagePath::new).collect()), file, out)?;
        } else if let Some(owner) = name.strip_suffix(".md5sums") {
            files(owner, summed(&text), file, out)?;
        } else {
            status::read(file, &text, out)?;
        }
        Ok(())
    }

    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement {
        let lists = file_lists(&visible);
        let licenses = licenses(&visible);
        let mut folders = Folders::new(view.tree);
        let mut packages = Vec::new();
        for finding in &visible {
            if let Fact::Package(package) = &finding.fact {
                let mut package = installed::placed((**package).clone(), finding);
                package.purl = installed::of_distro(&package.purl, view.distro, |id| id);
                package.files = lists.of(&package).map(|files| folders.all_real(files)).unwrap_or_default();
                package.licenses = licenses_of(view, &licenses, &package.name);
                packages.push(package);
            }
        }
        let index = Capabilities::of(&packages);
        let mut settlement = Settlement { packages, ..Settlement::default() };
        installed::add_dependencies(&mut settlement, |packages, from, name| {
            packages.get(from).map(|package| choose(packages, &index, package, name)).unwrap_or_default()
        });
        settlement
    }
}

/// The paths of an `md5sums` file: a digest, two spaces, a path without leading slash.
fn summed(text: &str) -> Vec<ImagePath> {
    text.lines().filter_map(|line| line.split_once("  ")).map(|(_, path)| ImagePath::new(path)).collect()
}

fn files(
    owner: &str,
    paths: Vec<ImagePath>,
    file: &Candidate<'_>,
    out: &mut Findings,
) -> Result<(), Problem> {
    let limit = usize::try_from(file.limits.entries_max).unwrap_or(usize::MAX);
    let is_cut = paths.len() > limit;
    let files = paths.into_iter().take(limit).map(|path| (path, None)).collect();
    out.facts.push(Fact::Files { owner: owner.to_owned(), files });
    if is_cut {
        return Err(Problem::new(
            ProblemKind::LimitHit,
            format!("more than {limit} files (limit `entries_max`)"),
        ));
    }
    Ok(())
}

/// The files of packages by `name` or `name:architecture`; lists go before checksums, which leave out
/// configuration files and links.
struct FileLists {
    lists: BTreeMap<String, Vec<ImagePath>>,
    sums: BTreeMap<String, Vec<ImagePath>>,
}

impl FileLists {
    fn of(&self, package: &Package) -> Option<&Vec<ImagePath>> {
        let architecture = package.purl.qualifiers().get("arch").map_or("", String::as_str);
        let qualified = format!("{}:{architecture}", package.name);
        [&self.lists, &self.sums]
            .into_iter()
            .find_map(|table| table.get(&qualified).or_else(|| table.get(&package.name)))
    }
}

fn file_lists(visible: &[Finding]) -> FileLists {
    let mut found = FileLists { lists: BTreeMap::new(), sums: BTreeMap::new() };
    for finding in visible {
        if let Fact::Files { owner, files } = &finding.fact {
            let is_list = finding.path.file_name().ends_with(".list");
            let table = if is_list { &mut found.lists } else { &mut found.sums };
            table.insert(owner.clone(), files.iter().map(|(path, _)| path.clone()).collect());
        }
    }
    found
}

fn licenses(visible: &[Finding]) -> BTreeMap<&ImagePath, Vec<&LicenseClaim>> {
    let mut claims: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for finding in visible {
        if let Fact::License { claim, .. } = &finding.fact {
            claims.entry(&finding.path).or_default().push(claim);
        }
    }
    claims
}

/// The claims of the copyright file of a package, which may be another package's behind a link.
fn licenses_of(
    view: &ImageView<'_>,
    claims: &BTreeMap<&ImagePath, Vec<&LicenseClaim>>,
    name: &str,
) -> Vec<LicenseClaim> {
    let file = ImagePath::new("usr/share/doc").join(name).join("copyright");
    let found = view.tree.resolve(&file).and_then(|real| claims.get(&real));
    found.into_iter().flatten().map(|claim| (*claim).clone()).collect()
}

/// The packages that satisfy one alternative: of the architecture that it names, else of the same one or `all`,
/// else (Multi-Arch: foreign) of any.
fn choose(packages: &[Package], index: &Capabilities, from: &Package, name: &str) -> Vec<usize> {
    let (name, wanted) = name.split_once(':').unwrap_or((name, ""));
    let found = index.find(name);
    let architecture = |package: &Package| package.purl.qualifiers().get("arch").cloned().unwrap_or_default();
    let wanted = if matches!(wanted, "" | "any" | "native") { architecture(from) } else { wanted.to_owned() };
    let of_architecture = |at: &usize| {
        packages.get(*at).map(architecture).is_some_and(|found| found == wanted || found == "all")
    };
    let near: Vec<usize> = found.iter().copied().filter(of_architecture).collect();
    if near.is_empty() { found } else { near }
}

#[cfg(test)]
mod tests;
