//! An archive that passes by once: every member that can be a layer is read as it comes; the manifest picks at the end.

use std::io::{self, Read};
use std::sync::Arc;

use supercargo_content::{Algorithm, Limits, MediaType};
use supercargo_ecosystems::{ALL, Matcher};
use supercargo_image::{PlatformChoice, Reference, Resolved, Streamed, StreamedArchive};
use supercargo_inventory::LayerRef;
use supercargo_layer::{
    Budget, Compression, Decompressed, LayerReader, MemberKind, TarDamage, TarError, TarReader,
};

use crate::collect::Collector;
use crate::passed::PassedLayer;
use crate::pipeline::Counted;
use crate::record::PackedRecord;
use crate::{ArchiveError, PassedLayers, Progress, ScanOptions};

/// Bytes of a member that say what it is: one tar header.
const START_BYTES: usize = 512;

/// Bytes that may follow the end of the archive: the padding of large blocking factors.
const TAIL_BYTES_MAX: u64 = 64 << 20;

/// What a stream held.
#[derive(Debug)]
pub struct PassedArchive {
    /// The images that were wanted.
    pub resolved: Resolved,
    /// Every blob that was read as a layer, wanted or not.
    pub layers: PassedLayers,
}

/// Reads a Docker or OCI archive from a stream, once and without a temporary file. The whole archive may be compressed
/// with gzip or zstd.
///
/// Layers can come before the manifest that names them, so that each member that can be a layer is read in full: its
/// digests are computed and its record is kept. Documents are kept within limits. At the end `at` picks, and
/// [`scan_passed`](crate::scan_passed) compares the digests.
///
/// # Errors
/// When the stream fails or is no archive, a limit on the archive itself is hit, or there is no such image in it.
pub fn read_archive(
    input: impl Read,
    at: &Reference,
    platform: &PlatformChoice,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<PassedArchive, ArchiveError> {
    let place = at.to_string();
    let pass = Pass {
        matcher: Matcher::compile(ALL).map_err(ArchiveError::Table)?,
        limits: &options.limits,
        budget: Budget::new(options.limits.buffered_bytes_max),
        progress,
        place: &place,
        archive: StreamedArchive::default(),
        layers: PassedLayers::default(),
        document_bytes: 0,
    };
    let (archive, layers) = pass.run(input)?;
    let resolved = Arc::new(archive).open(at, platform, &options.limits)?;
    Ok(PassedArchive { resolved, layers })
}

type Outer<R> = TarReader<Decompressed<R>>;

struct Pass<'a> {
    matcher: Matcher,
    limits: &'a Limits,
    budget: Budget,
    progress: &'a dyn Progress,
    place: &'a str,
    archive: StreamedArchive,
    layers: PassedLayers,
    document_bytes: u64,
}

impl Pass<'_> {
    fn run(mut self, input: impl Read) -> Result<(StreamedArchive, PassedLayers), ArchiveError> {
        self.progress.start(0, 0);
        let unpacked = Decompressed::new(input, self.limits).map_err(|error| self.failed(error))?;
        let mut tar = TarReader::new(unpacked);
        let mut members = 0;
        while let Some(member) = tar.next_member().map_err(|error| self.damaged(error))? {
            members += 1;
            if members > self.limits.entries_max {
                return Err(self.too_many("members", members, self.limits.entries_max, "--entries-max"));
            }
            let name = String::from_utf8_lossy(&member.name).into_owned();
            if name.len() > self.limits.path_bytes_max {
                let (found, limit) = (name.len() as u64, self.limits.path_bytes_max as u64);
                return Err(self.too_many("bytes in a name", found, limit, "--path-bytes-max"));
            }
            match member.kind {
                MemberKind::File => self.file(&mut tar, &name, member.size)?,
                MemberKind::Symlink(to) => self.archive.symlink(&name, &String::from_utf8_lossy(&to)),
                MemberKind::HardLink(to) => self.archive.hard_link(&name, &String::from_utf8_lossy(&to)),
                MemberKind::Directory | MemberKind::Special | MemberKind::Unknown(_) => {}
            }
        }
        if members == 0 {
            return Err(ArchiveError::NotAnArchive { place: self.place.to_owned() });
        }
        self.pass_tail(&mut tar.into_inner())?;
        Ok((self.archive, self.layers))
    }

    fn file<R: Read>(&mut self, tar: &mut Outer<R>, name: &str, size: u64) -> Result<(), ArchiveError> {
        let Some(mut body) = tar.stream() else {
            return Err(ArchiveError::Sparse { place: self.place.to_owned(), name: name.to_owned() });
        };
        let mut start = Vec::with_capacity(START_BYTES);
        let read = body.by_ref().take(START_BYTES as u64).read_to_end(&mut start);
        read.map_err(|error| self.failed(error))?;
        let kept = if can_be_layer(&start) {
            self.layer(start.chain(body), name)?
        } else if !can_be_document(&start) {
            Streamed::Passed { size }
        } else if let Some(limit_bytes) = self.document_limit(size) {
            Streamed::TooLarge { size, limit_bytes }
        } else {
            body.read_to_end(&mut start).map_err(|error| self.failed(error))?;
            self.document_bytes += size;
            Streamed::Document(start)
        };
        self.archive.file(name, kept);
        Ok(())
    }

    /// Reads a member that can be a layer, in full.
    fn layer(&mut self, body: impl Read, name: &str) -> Result<Streamed, ArchiveError> {
        if self.layers.len() >= self.limits.layers_max {
            let (found, limit) = (self.layers.len() as u64 + 1, self.limits.layers_max as u64);
            return Err(self.too_many("layers", found, limit, "--layers-max"));
        }
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits).keeping();
        let body = Counted { inner: body, progress: self.progress };
        let read = reader.read_unnamed(body, algorithm(name), &mut collector);
        let (facts, pass) = read.map_err(|error| self.failed(error))?;
        self.progress.layer_done();
        let record = match pass {
            Ok(pass) => {
                collector.read_kept(&pass.links);
                let record = collector.record(LayerRef { index: 0, diff_id: None, blob: None }, pass);
                Ok(PackedRecord::pack(&record).map_err(|error| self.failed(io::Error::other(error)))?)
            }
            Err(damage) => Err(damage),
        };
        let (digest, size, media_type) = (facts.digest.clone(), facts.size, media_type(facts.compression));
        self.layers.insert(PassedLayer { facts, record });
        Ok(Streamed::Layer { digest, size, media_type })
    }

    /// The limit that a document of this size is over.
    fn document_limit(&self, size: u64) -> Option<u64> {
        let limit = self.limits.manifest_bytes_max;
        let left = self.limits.buffered_bytes_max.saturating_sub(self.document_bytes);
        [limit, left].into_iter().find(|&limit| size > limit)
    }

    /// Whoever writes into a pipe wants all of it to be read.
    fn pass_tail(&self, rest: &mut impl Read) -> Result<(), ArchiveError> {
        io::copy(&mut rest.take(TAIL_BYTES_MAX), &mut io::sink()).map_err(|error| self.failed(error))?;
        Ok(())
    }

    fn failed(&self, source: io::Error) -> ArchiveError {
        ArchiveError::Read { place: self.place.to_owned(), source }
    }

    fn damaged(&self, error: TarError) -> ArchiveError {
        let place = self.place.to_owned();
        match error {
            TarError::Io(source) => self.failed(source),
            TarError::Damaged {
                offset: 0,
                damage: TarDamage::Checksum | TarDamage::Number(_) | TarDamage::Truncated("header"),
            } => ArchiveError::NotAnArchive { place },
            source => ArchiveError::Damaged { place, source },
        }
    }

    fn too_many(&self, what: &'static str, found: u64, limit: u64, flag: &'static str) -> ArchiveError {
        ArchiveError::Limit { place: self.place.to_owned(), what, found, limit, flag }
    }
}

/// Whether a member that begins like this can be a layer: compressed, or a tar archive, perhaps an empty one.
fn can_be_layer(start: &[u8]) -> bool {
    if Compression::of_magic(start) != Compression::None {
        return true;
    }
    let wrong = |damage: &TarDamage| matches!(damage, TarDamage::Checksum | TarDamage::Number(_));
    start.len() == START_BYTES
        && !matches!(TarReader::new(start).next_member(), Err(TarError::Damaged { damage, .. }) if wrong(&damage))
}

/// Whether a member that begins like this can be JSON.
fn can_be_document(start: &[u8]) -> bool {
    matches!(start.iter().find(|byte| !byte.is_ascii_whitespace()), Some(b'{' | b'['))
}

/// The algorithm of the digest in `blobs/ALGORITHM/HEX`.
fn algorithm(name: &str) -> Algorithm {
    if name.trim_start_matches("./").starts_with("blobs/sha512/") {
        Algorithm::Sha512
    } else {
        Algorithm::Sha256
    }
}

const fn media_type(compression: Compression) -> MediaType {
    match compression {
        Compression::None => MediaType::DOCKER_LAYER,
        Compression::Gzip => MediaType::DOCKER_LAYER_GZIP,
        Compression::Zstd => MediaType::DOCKER_LAYER_ZSTD,
    }
}

#[cfg(test)]
#[path = "archive_tests.rs"]
mod tests;
