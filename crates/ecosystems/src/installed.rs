//! What the readers of distribution package databases share: identity, provenance, owned files, dependencies.

use std::collections::{BTreeMap, BTreeSet};

use supercargo_content::Limits;
use supercargo_inventory::{
    Distro, Evidence, ImagePath, Package, Problem, ProblemKind, Purl, RelationshipKind, Requirement,
    RequirementKind, Settlement, Technique,
};
use supercargo_layer::FileTree;

use crate::{Finding, Findings};

/// Characters of a description line.
const LINE_CHARS_MAX: usize = 1000;
/// Dependencies of one settlement.
const DEPENDENCIES_MAX: usize = 2_000_000;
/// Packages that satisfy one requirement and are named.
const PROVIDERS_MAX: usize = 64;
/// Names that one relation field may list.
pub(crate) const RELATIONS_MAX: usize = 20_000;
/// Problems of one file that are told one by one.
const PROBLEMS_PER_FILE_MAX: usize = 16;

/// One line for people; `None` when nothing is left.
pub(crate) fn line(text: &str) -> Option<String> {
    let first = text.trim_start().lines().next().unwrap_or_default().trim();
    let line: String = first.chars().filter(|c| !c.is_control()).take(LINE_CHARS_MAX).collect();
    (!line.is_empty()).then_some(line)
}

/// The package of a finding with its evidence and origin.
pub(crate) fn placed(mut package: Package, finding: &Finding) -> Package {
    package.evidence = vec![Evidence {
        path: finding.path.clone(),
        inner: String::new(),
        layer: finding.layer.clone(),
        technique: Technique::ManifestAnalysis,
    }];
    package.origin = Some(finding.origin.clone());
    package
}

/// The purl with what only the whole image knows: namespace and `distro` qualifier. Without a distribution
/// it keeps neither, because a vendor would be a guess.
pub(crate) fn of_distro(purl: &Purl, distro: Option<&Distro>, namespace: fn(&str) -> &str) -> Purl {
    match distro {
        Some(distro) => purl.clone().namespace(namespace(&distro.id)).qualifier("distro", distro.qualifier()),
        None => purl.clone(),
    }
}

/// How much one database may hold: packages, their files, and what they require and provide.
#[derive(Debug)]
pub(crate) struct Budget {
    left: u64,
    limit: u64,
}

impl Budget {
    /// The budget of one file.
    pub(crate) fn new(limits: &Limits) -> Self {
        Self { left: limits.entries_max, limit: limits.entries_max }
    }

    /// Takes a package and everything that it lists.
    pub(crate) fn spend(&mut self, package: &Package) -> Result<(), Problem> {
        let items = 1 + package.files.len() + package.requires.len() + package.provides.len();
        let left = u64::try_from(items).ok().and_then(|items| self.left.checked_sub(items));
        self.left = left.ok_or_else(|| {
            let message =
                format!("more than {} packages, files and relations (limit `entries_max`)", self.limit);
            Problem::new(ProblemKind::LimitHit, message)
        })?;
        Ok(())
    }
}

/// Adds problems of one file up to a number, and then one that counts the rest.
#[derive(Debug, Default)]
pub(crate) struct ProblemCount(usize);

impl ProblemCount {
    /// Tells of a problem, unless there were too many.
    pub(crate) fn add(&mut self, out: &mut Findings, problem: Problem) {
        self.0 += 1;
        if self.0 <= PROBLEMS_PER_FILE_MAX {
            out.problem(problem);
        }
    }

    /// Tells how many were not told.
    pub(crate) fn finish(self, out: &mut Findings) {
        if let Some(more) = self.0.checked_sub(PROBLEMS_PER_FILE_MAX).filter(|more| *more > 0) {
            out.problem(Problem::malformed(format!("{more} more problems of this kind in the same file")));
        }
    }
}

/// Where the paths of a package database lie in the finished image: `/bin/sh` is `/usr/bin/sh` where `/bin`
/// is a link. Folders are resolved once each.
pub(crate) struct Folders<'a> {
    tree: &'a FileTree,
    known: BTreeMap<ImagePath, ImagePath>,
}

impl<'a> Folders<'a> {
    /// Nothing resolved yet.
    pub(crate) fn new(tree: &'a FileTree) -> Self {
        Self { tree, known: BTreeMap::new() }
    }

    /// The path with the links of its folder followed; as it is where they lead nowhere.
    pub(crate) fn real(&mut self, path: &ImagePath) -> ImagePath {
        let Some(folder) = path.parent() else { return path.clone() };
        let tree = self.tree;
        let real = self
            .known
            .entry(folder.clone())
            .or_insert_with(|| tree.resolve(&folder).unwrap_or(folder.clone()));
        if *real == folder { path.clone() } else { real.join(path.file_name()) }
    }

    /// All of them, sorted, each once.
    pub(crate) fn all_real(&mut self, paths: &[ImagePath]) -> Vec<ImagePath> {
        let real: BTreeSet<_> = paths.iter().map(|path| self.real(path)).collect();
        real.into_iter().collect()
    }
}

/// Drops the folders from a list of installed paths in which folders stand before what they hold.
pub(crate) fn without_folders(paths: Vec<ImagePath>) -> Vec<ImagePath> {
    let is_folder = |at: usize, path: &ImagePath| {
        path.is_root() || paths.get(at + 1).is_some_and(|next| next.starts_with(path))
    };
    paths
        .iter()
        .enumerate()
        .filter(|(at, path)| !is_folder(*at, path))
        .map(|(_, path)| path.clone())
        .collect()
}

/// Who offers what: package names, and the names they provide.
#[derive(Debug, Default)]
pub(crate) struct Capabilities {
    by_name: BTreeMap<String, BTreeSet<usize>>,
    by_provision: BTreeMap<String, BTreeSet<usize>>,
}

impl Capabilities {
    /// Indexes packages by position.
    pub(crate) fn of(packages: &[Package]) -> Self {
        let mut index = Self::default();
        for (position, package) in packages.iter().enumerate() {
            index.by_name.entry(package.name.clone()).or_default().insert(position);
            for provision in &package.provides {
                index.add(provision.clone(), position);
            }
        }
        index
    }

    /// The same, and the files that somebody requires by path (`/bin/sh`).
    pub(crate) fn with_paths(packages: &[Package], folders: &mut Folders<'_>) -> Self {
        let mut index = Self::of(packages);
        let required = packages.iter().flat_map(|package| &package.requires).flat_map(|need| &need.any_of);
        let required: BTreeSet<_> = required.filter(|name| name.starts_with('/')).collect();
        let mut paths: BTreeMap<ImagePath, Vec<&String>> = BTreeMap::new();
        for name in required {
            paths.entry(folders.real(&ImagePath::new(name))).or_default().push(name);
        }
        for (position, package) in packages.iter().enumerate() {
            for name in package.files.iter().filter_map(|file| paths.get(file)).flatten() {
                index.add((*name).clone(), position);
            }
        }
        index
    }

    fn add(&mut self, provision: String, position: usize) {
        self.by_provision.entry(provision).or_default().insert(position);
    }

    /// The packages of that name, or else those that provide it; the first in order where they are very many.
    pub(crate) fn find(&self, name: &str) -> Vec<usize> {
        let found = self.by_name.get(name).or_else(|| self.by_provision.get(name));
        found.into_iter().flatten().copied().take(PROVIDERS_MAX).collect()
    }
}

/// Adds `DependsOn` for every runtime requirement, from its first alternative that is installed. `choose` picks
/// from the packages of the settlement that satisfy the alternative: requiring package, name as written.
pub(crate) fn add_dependencies<F>(settlement: &mut Settlement, choose: F)
where
    F: Fn(&[Package], usize, &str) -> Vec<usize>,
{
    let mut edges = BTreeSet::new();
    for (from, package) in settlement.packages.iter().enumerate() {
        for requirement in package.requires.iter().filter(|need| need.kind == RequirementKind::Runtime) {
            let found = satisfied(requirement, |name| choose(&settlement.packages, from, name));
            edges.extend(found.into_iter().filter(|to| *to != from).map(|to| (from, to)));
        }
        if edges.len() > DEPENDENCIES_MAX {
            let message =
                format!("more than {DEPENDENCIES_MAX} dependencies; those of later packages are missing");
            settlement.problems.push(Problem::new(ProblemKind::LimitHit, message));
            break;
        }
    }
    settlement.edges = edges.into_iter().map(|(from, to)| (from, RelationshipKind::DependsOn, to)).collect();
}

fn satisfied(requirement: &Requirement, choose: impl Fn(&str) -> Vec<usize>) -> Vec<usize> {
    requirement.any_of.iter().map(|name| choose(name)).find(|found| !found.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use supercargo_inventory::EcosystemId;

    use super::*;

    fn paths(list: &[&str]) -> Vec<ImagePath> {
        list.iter().map(|path| ImagePath::new(path)).collect()
    }

    #[test]
    fn folders_are_no_files() {
        let listed = paths(&["/.", "/usr", "/usr/bin", "/usr/bin/a", "/usr/binary", "/usr/share/empty"]);
        assert_eq!(without_folders(listed), paths(&["usr/bin/a", "usr/binary", "usr/share/empty"]));
    }

    #[test]
    fn a_line_is_the_first_one() {
        assert_eq!(line("  one\ntwo"), Some("one".to_owned()));
        assert_eq!(line("\u{7}"), None);
    }

    #[test]
    fn a_crowd_that_needs_itself_does_not_multiply() {
        let mut package = Package::new(EcosystemId("x"), Purl::new("x", "a"), "a");
        let any_of = vec!["a".to_owned()];
        package.requires = vec![Requirement { any_of, constraint: None, kind: RequirementKind::Runtime }];
        let mut settlement = Settlement { packages: vec![package; 40_000], ..Settlement::default() };
        let index = Capabilities::of(&settlement.packages);
        add_dependencies(&mut settlement, |_, _, name| index.find(name));
        assert!(settlement.edges.len() <= DEPENDENCIES_MAX + PROVIDERS_MAX);
        assert_eq!(settlement.problems[0].kind, ProblemKind::LimitHit);
    }

    #[test]
    fn a_thousand_problems_are_told_in_seventeen() {
        let (mut out, mut count) = (Findings::default(), ProblemCount::default());
        (0..1000).for_each(|_| count.add(&mut out, Problem::malformed("x")));
        count.finish(&mut out);
        assert_eq!(out.problems.len(), 17);
        assert!(out.problems.last().is_some_and(|last| last.message.starts_with("984 more")));
    }
}
