//! What the tests of several ecosystems share: a whole image in a few lines, and files built byte by byte.

mod programs;
mod zip_writer;

use supercargo_content::{Digest, Limits};
use supercargo_inventory::{ImagePath, LayerRef, Package, Problem, ProblemKind, Settlement};
use supercargo_layer::{DeltaEntry, EntryKind, FileTree, LayerDelta};

pub(crate) use self::programs::{mach_o, pe};
pub(crate) use self::zip_writer::{ZipEntry, ZipStyle, entry, styled_zip, zip};

use crate::{Candidate, Ecosystem, EcosystemSet, Finding, Findings, ImageView, Matcher, PartedFile, Passer};

/// One layer of files and links.
#[derive(Default)]
pub(crate) struct Layer {
    files: Vec<(String, Vec<u8>)>,
    links: Vec<(String, String)>,
    pub(crate) limits: Limits,
}

impl Layer {
    pub(crate) fn file(mut self, path: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.push((path.to_owned(), bytes.as_ref().to_vec()));
        self
    }

    pub(crate) fn link(mut self, path: &str, target: &str) -> Self {
        self.links.push((path.to_owned(), target.to_owned()));
        self
    }

    /// Reads the files that the ecosystem wants and settles; problems of both steps together.
    pub(crate) fn scan(&self, ecosystem: &'static dyn Ecosystem) -> Settlement {
        let matcher = Matcher::compile(&[ecosystem]).unwrap();
        let layer = LayerRef { index: 3, diff_id: None, blob: None };
        let origin = LayerRef { index: 1, ..layer.clone() };
        let (mut visible, mut problems) = (Vec::new(), Vec::new());
        for (path, bytes) in &self.files {
            let path = ImagePath::new(path);
            let head = bytes.get(..Matcher::HEAD_BYTES).unwrap_or(bytes);
            let wanted = matcher.by_path(&path).with(matcher.by_magic(head));
            if wanted != EcosystemSet::default() {
                let mut out = whole(ecosystem, path.as_str(), bytes, &self.limits);
                problems.append(&mut out.problems);
                visible.extend(out.facts.into_iter().map(|fact| {
                    let (layer, origin) = (layer.clone(), origin.clone());
                    Finding { path: path.clone(), layer, origin, fact }
                }));
            }
        }
        let tree = FileTree::stack([&self.delta()]);
        let view = ImageView { tree: &tree, distro: None, layers: std::slice::from_ref(&layer) };
        let mut settlement = ecosystem.settle(&view, visible);
        settlement.problems.extend(problems);
        settlement
    }

    fn delta(&self) -> LayerDelta {
        let entry =
            |path: &String, kind| DeltaEntry { path: ImagePath::new(path), kind, mode: 0o755, size: 1 };
        let mut entries: Vec<_> = self.files.iter().map(|(path, _)| entry(path, EntryKind::File)).collect();
        let links = self.links.iter();
        entries.extend(links.map(|(path, target)| entry(path, EntryKind::Symlink(target.clone()))));
        LayerDelta { entries, ..LayerDelta::default() }
    }
}

/// Bytes that do not pack, always the same.
pub(crate) fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// What a file says whole, the problem of a failed read included. Where its parts are enough, they must say the same.
#[track_caller]
pub(crate) fn whole(ecosystem: &dyn Ecosystem, path: &str, bytes: &[u8], limits: &Limits) -> Findings {
    let (path, mut out) = (ImagePath::new(path), Findings::default());
    let file = Candidate { path: &path, mode: 0o755, bytes, sha256: None, limits };
    let error = ecosystem.read(&file, &mut out).err();
    out.problems.extend(error);
    if let Some(found) = in_parts(ecosystem, &path, bytes, limits) {
        assert_eq!(found, out, "in parts");
    }
    out
}

/// What the parts of a file say; `None` where they are not enough.
pub(crate) fn in_parts(
    ecosystem: &dyn Ecosystem,
    path: &ImagePath,
    mut bytes: &[u8],
    limits: &Limits,
) -> Option<Findings> {
    let mut out = Findings::default();
    let size = bytes.len() as u64;
    let file = PartedFile::new(path, size, limits, &mut bytes);
    let error = ecosystem.read_parts(&file, &mut out)?.err();
    out.problems.extend(error);
    file.finish().unwrap().then_some(out)
}

/// The same as it passes in pieces of this size.
pub(crate) fn streamed(
    ecosystem: &dyn Ecosystem,
    path: &str,
    bytes: &[u8],
    piece: usize,
    limits: &Limits,
) -> Findings {
    let (path, mut out) = (ImagePath::new(path), Findings::default());
    let file = Passer { path: &path, mode: 0o755, size: bytes.len() as u64, limits };
    let mut sink = ecosystem.stream(&file).unwrap();
    bytes.chunks(piece).for_each(|piece| sink.push(piece));
    let error = sink.finish(Some(&Digest::sha256_of(bytes)), &mut out).err();
    out.problems.extend(error);
    out
}

/// Both must say the same, in pieces of any size.
#[track_caller]
pub(crate) fn same_both_ways(what: &str, ecosystem: &dyn Ecosystem, path: &str, bytes: &[u8]) -> Findings {
    let limits = Limits::default();
    let expected = whole(ecosystem, path, bytes, &limits);
    let is_small = bytes.len() < 50_000;
    for piece in [1, 7, 23, 300, 4096, usize::MAX].into_iter().filter(|piece| is_small || *piece > 200) {
        let found = streamed(ecosystem, path, bytes, piece, &limits);
        assert_eq!(found, expected, "{what}, pieces of {piece}");
    }
    expected
}

/// The canonical purls, sorted.
pub(crate) fn purls(settlement: &Settlement) -> Vec<String> {
    let mut purls: Vec<String> = settlement.packages.iter().map(|package| package.purl.to_string()).collect();
    purls.sort();
    purls
}

/// The edges as `from kind to` by name and version, sorted.
pub(crate) fn edges(settlement: &Settlement) -> Vec<String> {
    let name = |at: usize| {
        let package = &settlement.packages[at];
        format!("{}@{}", package.name, package.version.as_deref().unwrap_or_default())
    };
    let mut edges: Vec<String> = settlement
        .edges
        .iter()
        .map(|(from, kind, to)| format!("{} {kind:?} {}", name(*from), name(*to)))
        .collect();
    edges.sort();
    edges
}

/// The one package of a name.
pub(crate) fn named<'a>(settlement: &'a Settlement, name: &str) -> &'a Package {
    let found: Vec<_> = settlement.packages.iter().filter(|package| package.name == name).collect();
    assert_eq!(found.len(), 1, "packages called {name}: {:?}", purls(settlement));
    found[0]
}

/// The kinds of all problems, in order.
pub(crate) fn kinds(settlement: &Settlement) -> Vec<ProblemKind> {
    settlement.problems.iter().map(|problem: &Problem| problem.kind).collect()
}

/// The address at which [`elf`] loads the file.
pub(crate) const ELF_BASE: u64 = 0x40_0000;
/// The offset of the first section's bytes in [`elf`].
pub(crate) const ELF_FIRST: usize = 128;

/// A 64-bit little-endian ELF program whose one segment is the whole file, with these sections.
pub(crate) fn elf(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = vec![0; ELF_FIRST];
    let (mut names, mut headers) = (vec![0], vec![0; 64]);
    let mut header = |name: usize, kind: u32, offset: usize, size: usize| {
        headers.extend((name as u32).to_le_bytes());
        headers.extend(kind.to_le_bytes());
        headers.extend(3_u64.to_le_bytes());
        headers.extend((ELF_BASE + offset as u64).to_le_bytes());
        headers.extend((offset as u64).to_le_bytes());
        headers.extend((size as u64).to_le_bytes());
        headers.extend([0; 8]);
        headers.extend(16_u64.to_le_bytes());
        headers.extend([0; 8]);
    };
    for (name, bytes) in sections.iter().chain([&(".shstrtab", &[][..])]) {
        body.resize(body.len().next_multiple_of(16), 0);
        let at = names.len();
        names.extend(name.as_bytes());
        names.push(0);
        let is_names = *name == ".shstrtab";
        let bytes = if is_names { names.as_slice() } else { bytes };
        header(at, if is_names { 3 } else { 1 }, body.len(), bytes.len());
        body.extend(bytes);
    }
    body.resize(body.len().next_multiple_of(16), 0);
    let table = body.len() as u64;
    let length = table + headers.len() as u64;
    body.extend(headers);
    let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0".to_vec();
    head.extend([2, 0, 62, 0, 1, 0, 0, 0]);
    head.extend(ELF_BASE.to_le_bytes());
    head.extend(64_u64.to_le_bytes());
    head.extend(table.to_le_bytes());
    head.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0]);
    head.extend((sections.len() as u16 + 2).to_le_bytes());
    head.extend((sections.len() as u16 + 1).to_le_bytes());
    head.extend([1, 0, 0, 0, 6, 0, 0, 0]);
    head.extend(0_u64.to_le_bytes());
    head.extend(ELF_BASE.to_le_bytes());
    head.extend(ELF_BASE.to_le_bytes());
    head.extend(length.to_le_bytes());
    head.extend(length.to_le_bytes());
    head.extend(4096_u64.to_le_bytes());
    body[..head.len()].copy_from_slice(&head);
    body
}
