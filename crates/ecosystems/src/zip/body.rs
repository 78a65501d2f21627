//! The content of one member as it passes.

use flate2::{Crc, Decompress, FlushDecompress, Status};
use supercargo_inventory::{Problem, ProblemKind};

use super::passing::Passing;
use super::record::Header;
use super::{Allowance, DEFLATE, Nested, Role, STORE, unsupported};

/// Bytes unpacked at once.
const CHUNK_BYTES: usize = 32 << 10;

/// The body of a member whose end is known in advance, or told by its compressed data.
pub(super) struct Body {
    pub(super) header: Header,
    /// Packed bytes to come, where the local header says so.
    left: Option<u64>,
    /// Packed bytes that have passed.
    pub(super) passed: u64,
    content: Content,
    inflate: Option<Inflate>,
    failed: Option<Problem>,
}

/// What is kept of a body.
enum Content {
    Nothing,
    Packed(Vec<u8>),
    Archive(Box<Child>),
}

/// An archive in the archive.
struct Child {
    passing: Passing,
    crc: Crc,
    size: u64,
}

/// What is known of a wanted member when it has passed.
pub(super) enum Kept {
    /// Its bytes as they are stored.
    Packed(Vec<u8>),
    /// The archive that it is.
    Archive(Box<Nested>),
    /// Why it was not read.
    Failed(Problem),
}

/// What a piece did to a body.
pub(super) enum Progress {
    More,
    Ended,
    /// Its data is damaged, and nobody says where it ends.
    Lost,
}

impl Body {
    /// The body of a member for which somebody has a role, or of one that is passed over. When its end can only be
    /// searched for, the header comes back, and why it is not read if somebody wants it.
    pub(super) fn new(
        header: Header,
        role: Role,
        nested: Option<Passing>,
    ) -> Result<Self, Box<(Header, Option<Problem>)>> {
        let left = Some(header.sums.packed).filter(|packed| !header.has_descriptor() || *packed > 0);
        let failed = refusal(&header, role, nested.is_none());
        let is_read = role != Role::None && failed.is_none();
        if left.is_none() && !(is_read && header.method == DEFLATE) {
            return Err(Box::new((header, failed)));
        }
        let content = match nested {
            Some(passing) if is_read => {
                Content::Archive(Box::new(Child { passing, crc: Crc::new(), size: 0 }))
            }
            _ if is_read && role == Role::Metadata => Content::Packed(Vec::new()),
            _ => Content::Nothing,
        };
        let unpacks = matches!(content, Content::Archive(_)) && header.method == DEFLATE;
        let inflate = (unpacks || left.is_none()).then(Inflate::new);
        Ok(Self { header, left, passed: 0, content, inflate, failed })
    }

    /// Takes what belongs to it; the number of bytes.
    pub(super) fn push(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) -> (usize, Progress) {
        let take = self.left.and_then(|left| usize::try_from(left).ok()).unwrap_or(usize::MAX);
        let piece = bytes.get(..take.min(bytes.len())).unwrap_or_default();
        let (used, told) = match &mut self.inflate {
            Some(inflate) if !inflate.has_ended => {
                let packed = self.passed + piece.len() as u64;
                let used = inflate.run(piece, packed, &mut self.content, shared, &mut self.failed);
                (used, inflate.has_ended)
            }
            _ => {
                self.content.unpacked(piece, shared);
                (piece.len(), false)
            }
        };
        let is_damaged = self.inflate.as_ref().is_some_and(|inflate| inflate.is_damaged);
        let used = if self.left.is_some() { piece.len() } else { used };
        self.content.packed(piece.get(..used).unwrap_or_default(), shared, &mut self.failed);
        self.passed += used as u64;
        match &mut self.left {
            Some(left) => {
                *left -= used as u64;
                (used, if *left == 0 { Progress::Ended } else { Progress::More })
            }
            None if is_damaged => (used, Progress::Lost),
            None => (used, if told { Progress::Ended } else { Progress::More }),
        }
    }

    /// Whether nothing at all is to come.
    pub(super) fn is_empty(&self) -> bool {
        self.left == Some(0)
    }

    /// What is kept of it, and its header.
    pub(super) fn finish(self, shared: &Allowance<'_>) -> (Header, Option<Kept>) {
        let name = self.header.name();
        let cut = self.inflate.as_ref().is_some_and(|inflate| !inflate.has_ended || inflate.is_damaged);
        let kept = match (self.content, self.failed) {
            (_, Some(problem)) => Some(Kept::Failed(problem)),
            (Content::Nothing, None) => None,
            (Content::Packed(bytes), None) => Some(Kept::Packed(bytes)),
            (Content::Archive(_), None) if cut => {
                let message = format!("the entry `{name}` cannot be unpacked: damaged deflate data");
                Some(Kept::Failed(Problem::malformed(message)))
            }
            (Content::Archive(child), None) => Some(Kept::Archive(Box::new(child.finish(shared)))),
        };
        (self.header, kept)
    }
}

/// Why a wanted member is not read whatever its bytes are.
fn refusal(header: &Header, role: Role, is_too_deep: bool) -> Option<Problem> {
    let name = || header.name();
    match (role, header.method) {
        (Role::None, _) => None,
        // The reader of identities reports the depth itself.
        (Role::Archive, _) if is_too_deep => Some(Problem::malformed("nested too deeply")),
        _ if header.is_encrypted() => Some(unsupported(&name(), "is encrypted")),
        (_, DEFLATE) => None,
        (_, STORE) if header.has_descriptor() && header.sums.packed == 0 => {
            Some(unsupported(&name(), "is stored without its size, and cannot be read as it passes"))
        }
        (_, STORE) => None,
        _ => Some(unsupported(&name(), "uses an unsupported compression method")),
    }
}

impl Content {
    fn packed(&mut self, bytes: &[u8], shared: &mut Allowance<'_>, failed: &mut Option<Problem>) {
        let Self::Packed(kept) = self else { return };
        if shared.keep(bytes.len() as u64) {
            kept.extend_from_slice(bytes);
            return;
        }
        let message =
            "the metadata of archives is over the limit of what is kept of a file that is read as it passes";
        *failed = Some(Problem::new(ProblemKind::LimitHit, message));
        *self = Self::Nothing;
    }

    fn unpacked(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) {
        if let Self::Archive(child) = self {
            child.crc.update(bytes);
            child.size += bytes.len() as u64;
            child.passing.push(bytes, shared);
        }
    }
}

impl Child {
    fn finish(self, shared: &Allowance<'_>) -> Nested {
        Nested { crc: self.crc.sum(), size: self.size, archive: self.passing.finish(shared) }
    }
}

/// Raw deflate, bit by bit.
struct Inflate {
    decompress: Decompress,
    out: Box<[u8]>,
    unpacked: u64,
    has_ended: bool,
    is_damaged: bool,
}

impl Inflate {
    fn new() -> Self {
        let (decompress, out) = (Decompress::new(false), vec![0; CHUNK_BYTES].into());
        Self { decompress, out, unpacked: 0, has_ended: false, is_damaged: false }
    }

    /// Unpacks a piece into `content`, within what `packed` bytes may become; the bytes used.
    fn run(
        &mut self,
        piece: &[u8],
        packed: u64,
        content: &mut Content,
        shared: &mut Allowance<'_>,
        failed: &mut Option<Problem>,
    ) -> usize {
        let mut used = 0;
        loop {
            let (read, written) = (self.decompress.total_in(), self.decompress.total_out());
            let rest = piece.get(used..).unwrap_or_default();
            let status = self.decompress.decompress(rest, &mut self.out, FlushDecompress::None);
            used += usize::try_from(self.decompress.total_in() - read).unwrap_or_default();
            let made = usize::try_from(self.decompress.total_out() - written).unwrap_or_default();
            self.unpacked += made as u64;
            if let Err(problem) = shared.budget.unpack(packed, self.unpacked, made as u64) {
                *failed = Some(problem);
                (self.has_ended, self.is_damaged) = (true, true);
                return used;
            }
            content.unpacked(self.out.get(..made).unwrap_or_default(), shared);
            match status {
                Ok(Status::StreamEnd) => self.has_ended = true,
                Ok(_) if used < piece.len() || made == self.out.len() => {
                    if made > 0 || used < piece.len() && self.decompress.total_in() > read {
                        continue;
                    }
                    (self.has_ended, self.is_damaged) = (true, true);
                }
                Ok(_) => {}
                Err(_) => (self.has_ended, self.is_damaged) = (true, true),
            }
            return used;
        }
    }
}
