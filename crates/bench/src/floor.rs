//! The floor: what every streaming scanner must at least do with the bytes of an image.
//!
//! One thread. A compressed layer is read, inflated and hashed twice (blob and diff ID), and its tar is walked from
//! header to header. Nothing is matched, kept or parsed. A Docker archive is not compressed, so it is read and hashed
//! once. Digests are compared where their names are known: a floor over damaged files would be none.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest as _, Sha256};

use crate::layout::{self, Blob};

/// Bytes of each buffer between the steps.
const BUFFER_BYTES: usize = 1 << 18;
const BLOCK_BYTES: usize = 512;

/// What was read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Amount {
    /// Layers, or members of a Docker archive.
    pub layers: u64,
    /// Bytes as they are stored.
    pub stored_bytes: u64,
    /// Bytes after inflating.
    pub plain_bytes: u64,
    /// Members of all tars.
    pub members: u64,
}

impl Amount {
    fn add(&mut self, other: Self) {
        self.layers += other.layers;
        self.stored_bytes += other.stored_bytes;
        self.plain_bytes += other.plain_bytes;
        self.members += other.members;
    }
}

/// Reads every layer of the first image of an OCI layout.
///
/// # Errors
/// Those of reading, and a digest that is not the one of its descriptor.
pub fn layout(folder: &Path) -> io::Result<Amount> {
    let mut sum = Amount::default();
    for blob in layout::layers(folder)? {
        sum.add(layer(&blob.path(folder), &blob)?);
    }
    Ok(sum)
}

/// Reads a Docker archive once: each member is hashed, none is looked into.
///
/// # Errors
/// Those of reading.
pub fn archive(file: &Path) -> io::Result<Amount> {
    let mut tar = BufReader::with_capacity(BUFFER_BYTES, File::open(file)?);
    let mut sum = Amount::default();
    while let Some(size) = next_header(&mut tar)? {
        let mut hasher = Sha256::new();
        pass(&mut tar, size, |bytes| hasher.update(bytes))?;
        pass(&mut tar, size.next_multiple_of(BLOCK_BYTES as u64) - size, |_| {})?;
        std::hint::black_box(hasher.finalize());
        sum.add(Amount { layers: 1, stored_bytes: size, plain_bytes: size, members: 1 });
    }
    Ok(sum)
}

fn layer(path: &Path, expected: &Blob) -> io::Result<Amount> {
    let mut stored = BufReader::with_capacity(BUFFER_BYTES, Hashed::new(File::open(path)?));
    let (plain_bytes, members) = match stored.fill_buf()? {
        [0x1f, 0x8b, ..] => plain(MultiGzDecoder::new(&mut stored))?,
        [0x28, 0xb5, 0x2f, 0xfd, ..] => plain(zstd::Decoder::with_buffer(&mut stored)?)?,
        _ => plain(&mut stored)?,
    };
    io::copy(&mut stored, &mut io::sink())?;
    let Hashed { hasher, bytes, .. } = stored.into_inner();
    let found = layout::hex(&hasher.finalize());
    if found != expected.hex {
        return Err(io::Error::other(format!("{}: the digest is {found}", path.display())));
    }
    Ok(Amount { layers: 1, stored_bytes: bytes, plain_bytes, members })
}

/// Hashes and walks an inflated stream to its end: its bytes, and the members of the tar.
fn plain(inflated: impl Read) -> io::Result<(u64, u64)> {
    let mut tar = BufReader::with_capacity(BUFFER_BYTES, Hashed::new(inflated));
    let mut members = 0;
    while let Some(size) = next_header(&mut tar)? {
        members += 1;
        pass(&mut tar, size.next_multiple_of(BLOCK_BYTES as u64), |_| {})?;
    }
    let Hashed { hasher, bytes, .. } = tar.into_inner();
    std::hint::black_box(hasher.finalize());
    Ok((bytes, members))
}

/// The size of the next member; `None` at the end of the stream. Sizes of 8 GiB and more in pax records are not
/// looked for.
fn next_header(tar: &mut impl BufRead) -> io::Result<Option<u64>> {
    let mut header = [0; BLOCK_BYTES];
    loop {
        match tar.read_exact(&mut header) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            other => other?,
        }
        if header.iter().any(|&byte| byte != 0) {
            return Ok(Some(octal(header.get(124..136).unwrap_or_default())));
        }
    }
}

fn octal(field: &[u8]) -> u64 {
    let digits = field.iter().filter(|byte| (b'0'..=b'7').contains(byte));
    digits.fold(0, |value, digit| value << 3 | u64::from(digit - b'0'))
}

/// Consumes so many bytes without copying them.
fn pass(tar: &mut impl BufRead, mut bytes: u64, mut each: impl FnMut(&[u8])) -> io::Result<()> {
    while bytes > 0 {
        let held = tar.fill_buf()?;
        if held.is_empty() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let len = usize::try_from(bytes).unwrap_or(usize::MAX).min(held.len());
        each(held.get(..len).unwrap_or_default());
        tar.consume(len);
        bytes -= len as u64;
    }
    Ok(())
}

/// Hashes and counts what passes.
struct Hashed<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
}

impl<R> Hashed<R> {
    fn new(inner: R) -> Self {
        Self { inner, hasher: Sha256::new(), bytes: 0 }
    }
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..read).unwrap_or_default());
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use supercargo_testkit::tar;

    use super::*;

    fn archive_of(bodies: &[&[u8]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bodies.iter().for_each(|body| tar::file(&mut bytes, "a", 0o644, body));
        tar::finish(&mut bytes);
        bytes
    }

    #[test]
    fn a_layout_is_read_to_its_last_byte() {
        let folder = tempfile::tempdir().unwrap();
        let plain = archive_of(&[b"x", &[7; 1000], b""]);
        layout::write(folder.path(), &[layout::gzip(&plain).unwrap(), layout::gzip(&plain).unwrap()])
            .unwrap();
        let amount = super::layout(folder.path()).unwrap();
        let expected = (2, 2 * plain.len() as u64, 6);
        assert_eq!((amount.layers, amount.plain_bytes, amount.members), expected);
    }

    #[test]
    fn a_changed_byte_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        layout::write(folder.path(), &[layout::gzip(&archive_of(&[b"x"])).unwrap()]).unwrap();
        let blob = layout::layers(folder.path()).unwrap().remove(0).path(folder.path());
        let mut bytes = std::fs::read(&blob).unwrap();
        bytes[4] ^= 1; // the time in the gzip header: it inflates all the same
        std::fs::write(&blob, bytes).unwrap();
        assert!(super::layout(folder.path()).unwrap_err().to_string().contains("the digest is"));
    }

    #[test]
    fn every_byte_of_an_archive_counts() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.tar");
        std::fs::write(&file, archive_of(&[b"abc", &[1; 513]])).unwrap();
        assert_eq!(archive(&file).unwrap().plain_bytes, 3 + 513);
    }
}
