//! What the tests of several ecosystems share: a whole image in a few lines, and files built byte by byte.

use supercargo_content::Limits;
use supercargo_inventory::{ImagePath, LayerRef, Package, Problem, ProblemKind, Settlement};
use supercargo_layer::{DeltaEntry, EntryKind, FileTree, LayerDelta};

use crate::{Candidate, Ecosystem, EcosystemSet, Finding, Findings, ImageView, Matcher};

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
                let mut out = Findings::default();
                let file = Candidate { path: &path, mode: 0o755, bytes, limits: &self.limits };
                out.problems.extend(ecosystem.read(&file, &mut Findings::default()).err());
                let _ = ecosystem.read(&file, &mut out);
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

/// A zip entry, and the lies that can be told about it.
#[derive(Clone)]
pub(crate) struct ZipEntry {
    pub(crate) name: String,
    pub(crate) local_name: Option<String>,
    pub(crate) bytes: Vec<u8>,
    pub(crate) deflate: bool,
    pub(crate) size: Option<u32>,
    pub(crate) crc: Option<u32>,
    pub(crate) flags: u16,
    pub(crate) offset: Option<u32>,
}

pub(crate) fn entry(name: &str, bytes: impl AsRef<[u8]>) -> ZipEntry {
    ZipEntry {
        name: name.to_owned(),
        local_name: None,
        bytes: bytes.as_ref().to_vec(),
        deflate: true,
        size: None,
        crc: None,
        flags: 0,
        offset: None,
    }
}

/// A zip archive of entries as they claim to be.
pub(crate) fn zip(entries: &[ZipEntry]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for entry in entries {
        let packed = if entry.deflate { deflated(&entry.bytes) } else { entry.bytes.clone() };
        let offset = entry.offset.unwrap_or(out.len() as u32);
        let size = entry.size.unwrap_or(entry.bytes.len() as u32);
        let mut common = Vec::new();
        common.extend(entry.flags.to_le_bytes());
        common.extend((if entry.deflate { 8_u16 } else { 0 }).to_le_bytes());
        common.extend([0; 4]);
        common.extend(entry.crc.unwrap_or_else(|| rawzip::crc32(&entry.bytes)).to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend(size.to_le_bytes());
        let local_name = entry.local_name.as_ref().unwrap_or(&entry.name);
        if entry.offset.is_none() {
            out.extend(b"PK\x03\x04\x14\x00");
            out.extend(&common);
            out.extend((local_name.len() as u16).to_le_bytes());
            out.extend([0; 2]);
            out.extend(local_name.as_bytes());
            out.extend(&packed);
        }
        directory.extend(b"PK\x01\x02\x14\x00\x14\x00");
        directory.extend(&common);
        directory.extend((entry.name.len() as u16).to_le_bytes());
        directory.extend([0; 12]);
        directory.extend(offset.to_le_bytes());
        directory.extend(entry.name.as_bytes());
    }
    let start = out.len() as u32;
    let (count, length) = (entries.len() as u16, directory.len() as u32);
    out.extend(directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend(count.to_le_bytes());
    out.extend(count.to_le_bytes());
    out.extend(length.to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0; 2]);
    out
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::new(6));
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
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
