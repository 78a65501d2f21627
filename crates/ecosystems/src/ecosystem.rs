//! The trait that every ecosystem implements, and the values that pass through it.

use std::io;

use supercargo_content::{Digest, Limits};
use supercargo_inventory::{
    Distro, EcosystemId, ImagePath, LayerRef, LicenseClaim, Package, PackageHash, Problem, Settlement,
};
use supercargo_layer::{FileTree, Parts};

use crate::executable::Parted;

/// Which files an ecosystem wants to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Want {
    /// One path, without a leading slash.
    Path(&'static str),
    /// Paths by pattern: `*` stays in one component, `**` crosses them.
    Glob(&'static str),
    /// Regular files of at least 64 bytes that begin with these bytes, wherever they lie.
    Magic(&'static [u8]),
}

/// A file that somebody wants, whole.
#[derive(Debug, Clone, Copy)]
pub struct Candidate<'a> {
    /// Where it lies.
    pub path: &'a ImagePath,
    /// Its permission bits.
    pub mode: u32,
    /// Its content.
    pub bytes: &'a [u8],
    /// The SHA-256 of its content, where that is known already.
    pub sha256: Option<&'a Digest>,
    /// What may be spent on what lies inside it (archives in archives).
    pub limits: &'a Limits,
}

/// A wanted file that is too large to be held, and is read as it passes.
#[derive(Debug, Clone, Copy)]
pub struct Passer<'a> {
    /// Where it lies.
    pub path: &'a ImagePath,
    /// Its permission bits.
    pub mode: u32,
    /// Its bytes.
    pub size: u64,
    /// What may be spent on what lies inside it. What is kept of it at any time is at most `streamed_bytes_min`.
    pub limits: &'a Limits,
}

/// A wanted file of which parts can be had. At most `streamed_bytes_min` bytes of it are read so.
pub struct PartedFile<'a> {
    /// Where it lies.
    pub path: &'a ImagePath,
    /// What may be spent on what lies inside it.
    pub limits: &'a Limits,
    data: Parted<'a>,
}

impl<'a> PartedFile<'a> {
    /// A file of `size` bytes.
    pub fn new(path: &'a ImagePath, size: u64, limits: &'a Limits, parts: &'a mut dyn Parts) -> Self {
        Self { path, limits, data: Parted::new(parts, size, limits.streamed_bytes_min) }
    }

    /// Whether the readers had all that they asked for; otherwise what they said is void, and the file is to be read in
    /// another way.
    ///
    /// # Errors
    ///
    /// Those of the parts.
    pub fn finish(self) -> io::Result<bool> {
        self.data.finish()
    }

    pub(crate) fn data(&self) -> &Parted<'a> {
        &self.data
    }
}

/// Takes the bytes of one file in order, in pieces of any size.
pub trait BodySink: Send {
    /// Takes the next bytes.
    fn push(&mut self, bytes: &[u8]);

    /// Says what the file says, as [`Ecosystem::read`] would have, and what could not be told without holding it.
    /// `sha256` is the digest of all bytes, for readers that [want](Ecosystem::wants_digest) it.
    ///
    /// # Errors
    ///
    /// As [`Ecosystem::read`].
    fn finish(self: Box<Self>, sha256: Option<&Digest>, out: &mut Findings) -> Result<(), Problem>;
}

/// One thing that one file says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// A package. `purl` may lack what only the whole image knows (the distribution).
    Package(Box<Package>),
    /// Files that belong to the package `owner`, with their hashes where the file says them.
    Files {
        /// The name of the package, as [`Package::name`] or as the ecosystem decides.
        owner: String,
        /// Paths and hashes.
        files: Vec<(ImagePath, Option<PackageHash>)>,
    },
    /// A licence of the package `owner`.
    License {
        /// The name of the package.
        owner: String,
        /// What is said.
        claim: LicenseClaim,
    },
    /// The operating system.
    Distro(Distro),
    /// Anything else the ecosystem wants to see again in `settle`.
    Note {
        /// What it is about.
        owner: String,
        /// Its name.
        key: String,
        /// Its value.
        value: String,
    },
}

/// A fact and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The file that was read.
    pub path: ImagePath,
    /// The layer that holds it.
    pub layer: LayerRef,
    /// The first layer in which the file said the same; equal to `layer` or below it.
    pub origin: LayerRef,
    /// What it says.
    pub fact: Fact,
}

/// What `read` puts out: facts, and problems for the parts that could not be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// The facts.
    pub facts: Vec<Fact>,
    /// Parts that could not be read; the path is added by the caller.
    pub problems: Vec<Problem>,
    /// Why a [`BodySink`] needs the file whole after all. It is read again if it may be held, and what else was put out
    /// is forgotten; otherwise this is a problem like the others.
    pub unread: Option<Problem>,
}

impl Findings {
    /// Adds a package.
    pub fn package(&mut self, package: Package) {
        self.facts.push(Fact::Package(Box::new(package)));
    }

    /// Adds a problem; reading goes on.
    pub fn problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }
}

/// What `settle` may ask of the whole image.
#[derive(Debug, Clone, Copy)]
pub struct ImageView<'a> {
    /// The merged tree.
    pub tree: &'a FileTree,
    /// The operating system.
    pub distro: Option<&'a Distro>,
    /// The layers from the base up.
    pub layers: &'a [LayerRef],
}

/// An ecosystem's row in the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Description {
    /// The name for people: `Debian packages`.
    pub title: &'static str,
    /// The purl types that it writes.
    pub purl_types: &'static [&'static str],
    /// What it reads, in one sentence.
    pub reads: &'static str,
}

/// One package ecosystem.
pub trait Ecosystem: Sync {
    /// The stable id: lowercase, unique.
    fn id(&self) -> EcosystemId;

    /// The row in the documentation.
    fn description(&self) -> Description;

    /// Raised whenever `read` would answer differently for the same bytes.
    fn revision(&self) -> u32;

    /// The files that `read` wants.
    fn wants(&self) -> &'static [Want];

    /// Whether what it reads is to be hashed: a digest of the whole file is part of its answer.
    fn wants_digest(&self) -> bool {
        false
    }

    /// Reads one file of one layer. Facts found before an error stay.
    fn read(&self, file: &Candidate<'_>, out: &mut Findings) -> Result<(), Problem>;

    /// Reads one file by those parts of it that matter; `None` for readers that need it in another way. Facts must be those
    /// of `read`.
    fn read_parts(&self, file: &PartedFile<'_>, out: &mut Findings) -> Option<Result<(), Problem>> {
        let _ = (file, out);
        None
    }

    /// Reads one file as it passes; `None` for readers that need it whole. Facts must be those of `read`.
    fn stream(&self, file: &Passer<'_>) -> Option<Box<dyn BodySink>> {
        let _ = file;
        None
    }

    /// Makes packages of all findings that are visible in the finished image.
    fn settle(&self, view: &ImageView<'_>, visible: Vec<Finding>) -> Settlement;
}
