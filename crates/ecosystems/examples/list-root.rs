//! Lists what the readers find in a folder: one line per package with ecosystem, name, version, purl and licences. For
//! comparisons with the installers' own lists.
//!
//! usage: `list-root FOLDER [--edges]`

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for developers")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use supercargo_content::Limits;
use supercargo_ecosystems::{ALL, Candidate, Finding, Findings, ImageView, Matcher, distro};
use supercargo_inventory::{EcosystemId, ImagePath, LayerRef};
use supercargo_layer::{DeltaEntry, EntryKind, FileTree, LayerDelta};

type Found = BTreeMap<EcosystemId, Vec<Finding>>;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().collect();
    let root = Path::new(arguments.get(1).ok_or("usage: list-root FOLDER [--edges]")?);
    let mut delta = LayerDelta::default();
    walk(root, root, &mut delta)?;
    let (matcher, mut found) = (Matcher::compile(ALL)?, Found::new());
    for entry in delta.entries.iter().filter(|entry| entry.kind == EntryKind::File) {
        read(root, &matcher, &entry.path, &mut found);
    }
    let tree = FileTree::stack([&delta]);
    let view = ImageView { tree: &tree, distro: None, layers: &[] };
    let distro = distro::detect(&view, found.get(&distro::ID).map_or(&[], Vec::as_slice));
    let view = ImageView { distro: distro.as_ref(), ..view };
    for ecosystem in ALL {
        let settled = ecosystem.settle(&view, found.remove(&ecosystem.id()).unwrap_or_default());
        for package in &settled.packages {
            let version = package.version.as_deref().unwrap_or_default();
            let licenses = package.licenses.iter();
            let licenses: Vec<_> =
                licenses.map(|claim| claim.expression.as_ref().unwrap_or(&claim.text).clone()).collect();
            println!(
                "{}\t{}\t{version}\t{}\t{}",
                ecosystem.id(),
                package.name,
                package.purl,
                licenses.join(", ")
            );
        }
        let (packages, edges) = (settled.packages.len(), settled.edges.len());
        let files: usize = settled.packages.iter().map(|package| package.files.len()).sum();
        eprintln!("{}: {packages} packages, {edges} dependencies, {files} files", ecosystem.id());
        settled.problems.iter().for_each(|problem| eprintln!("{problem}"));
        if arguments.iter().any(|argument| argument == "--edges") {
            for (from, _, to) in settled.edges {
                println!("{} -> {}", settled.packages[from].name, settled.packages[to].name);
            }
        }
    }
    Ok(())
}

fn read(root: &Path, matcher: &Matcher, path: &ImagePath, found: &mut Found) {
    let set = matcher.by_path(path);
    if set.is_empty() {
        return;
    }
    let Ok(bytes) = fs::read(root.join(path.as_str())) else { return };
    let limits = Limits::default();
    let layer = LayerRef { index: 0, diff_id: None, blob: None };
    for position in set.iter() {
        let file = Candidate { path, mode: 0o644, bytes: &bytes, sha256: None, limits: &limits };
        let mut out = Findings::default();
        if let Err(problem) = ALL[position].read(&file, &mut out) {
            out.problem(problem);
        }
        out.problems.into_iter().for_each(|problem| eprintln!("{}", problem.at(path)));
        let findings = out.facts.into_iter().map(|fact| Finding {
            path: path.clone(),
            layer: layer.clone(),
            origin: layer.clone(),
            fact,
        });
        found.entry(ALL[position].id()).or_default().extend(findings);
    }
}

fn walk(root: &Path, folder: &Path, delta: &mut LayerDelta) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (kind, full) = (entry.file_type()?, entry.path());
        let relative = full.strip_prefix(root).map_err(std::io::Error::other)?;
        let path = ImagePath::from_bytes(relative.as_os_str().as_bytes());
        let kind = if kind.is_symlink() {
            EntryKind::Symlink(fs::read_link(&full)?.to_string_lossy().into_owned())
        } else if kind.is_dir() {
            EntryKind::Directory
        } else if kind.is_file() {
            EntryKind::File
        } else {
            EntryKind::Special
        };
        let is_folder = kind == EntryKind::Directory;
        delta.entries.push(DeltaEntry { path, kind, mode: 0o644, size: 0 });
        if is_folder && !["proc", "sys", "dev", "tmp"].iter().any(|name| full == root.join(name)) {
            walk(root, &full, delta)?;
        }
    }
    Ok(())
}
