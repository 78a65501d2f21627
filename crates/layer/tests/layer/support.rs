//! Hand-made archives, byte by byte, and a pass over them.

use std::io::{self, Write as _};

use flate2::{Compression, write::GzEncoder};
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_layer::{
    Budget, Entry, Interest, LayerError, LayerInput, LayerPass, LayerReader, Parts, Visitor,
};

/// Wants every file whose name does not begin with `skip`, and keeps what it gets.
#[derive(Default)]
pub(crate) struct Keep {
    pub(crate) bodies: Vec<(String, Vec<u8>)>,
    pub(crate) replaced: Vec<String>,
    pub(crate) heads_only: bool,
}

impl Visitor for Keep {
    fn interest(&mut self, entry: &Entry) -> Interest {
        match (self.heads_only, entry.path.file_name().starts_with("skip")) {
            (_, true) => Interest::Skip,
            (true, _) => Interest::Head,
            (false, _) => Interest::Body,
        }
    }

    fn wants_head(&mut self, _: &Entry, head: &[u8]) -> bool {
        head.starts_with(b"\x7fELF")
    }

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        self.bodies.push((entry.path.as_str().to_owned(), bytes.to_vec()));
    }

    fn replaced(&mut self, entry: &Entry) {
        self.replaced.push(entry.path.as_str().to_owned());
    }
}

/// Takes the first bytes of programs and those from some places on, and no body that it gets so.
#[derive(Default)]
pub(crate) struct TakeParts {
    pub(crate) places: Vec<(u64, usize)>,
    pub(crate) parts: Vec<Vec<u8>>,
    pub(crate) bodies: usize,
    pub(crate) is_unhappy: bool,
}

impl Visitor for TakeParts {
    fn interest(&mut self, _: &Entry) -> Interest {
        Interest::Head
    }

    fn wants_head(&mut self, _: &Entry, head: &[u8]) -> bool {
        head.starts_with(b"\x7fELF")
    }

    fn parts(&mut self, _: &Entry, head: &[u8], parts: &mut dyn Parts) -> io::Result<bool> {
        assert!(head.starts_with(b"\x7fELF"));
        for &(offset, len) in &self.places {
            let mut part = vec![0; len];
            parts.read_at(offset, &mut part)?;
            self.parts.push(part);
        }
        Ok(!self.is_unhappy)
    }

    fn body(&mut self, _: &Entry, bytes: &[u8]) {
        assert!(bytes.starts_with(b"\x7fELF"));
        self.bodies += 1;
    }
}

/// One member: header, body, padding.
pub(crate) fn member(flag: u8, name: &str, link: &str, body: &[u8]) -> Vec<u8> {
    member_sized(flag, name.as_bytes(), link, &format!("{:011o}\0", body.len()), body)
}

/// A member whose size field is given.
pub(crate) fn member_sized(flag: u8, name: &[u8], link: &str, size: &str, body: &[u8]) -> Vec<u8> {
    let mut header = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &name[..name.len().min(100)]);
    put(100, b"0000644\0");
    put(124, size.as_bytes());
    put(156, &[flag]);
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    with_body(seal(header), body)
}

/// Writes the checksum.
pub(crate) fn seal(mut header: [u8; 512]) -> [u8; 512] {
    header[148..156].fill(b' ');
    let sum: u32 = header.iter().map(|&byte| u32::from(byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

pub(crate) fn with_body(header: [u8; 512], body: &[u8]) -> Vec<u8> {
    let mut bytes = header.to_vec();
    bytes.extend(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

pub(crate) fn file(name: &str, body: &[u8]) -> Vec<u8> {
    member(b'0', name, "", body)
}

/// A pax header of these records.
pub(crate) fn pax(records: &[(&str, &str)]) -> Vec<u8> {
    let body: String = records.iter().map(|(key, value)| pax_record(key, value)).collect();
    member(b'x', "PaxHeaders/x", "", body.as_bytes())
}

pub(crate) fn pax_record(key: &str, value: &str) -> String {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while format!("{length}{rest}").len() != length {
        length += 1;
    }
    format!("{length}{rest}")
}

/// Members and the two blocks that end an archive.
pub(crate) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    [members.concat(), vec![0; 1024]].concat()
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// Reads a blob that unpacks to `tar`, all digests being right.
pub(crate) fn read(
    blob: &[u8],
    tar: &[u8],
    kind: MediaType,
    limits: &Limits,
) -> Result<(LayerPass, Keep), LayerError> {
    let (descriptor, diff_id) = (Descriptor::of(kind, blob), Digest::sha256_of(tar));
    let mut keep = Keep::default();
    let budget = Budget::new(limits.buffered_bytes_max);
    let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
    let pass = LayerReader { limits, budget: &budget }.read(blob, &layer, &mut keep)?;
    Ok((pass, keep))
}

/// Reads an uncompressed archive.
pub(crate) fn read_tar(tar: &[u8]) -> (LayerPass, Keep) {
    read(tar, tar, MediaType::OCI_LAYER, &Limits::default()).unwrap()
}
