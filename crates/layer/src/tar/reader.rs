//! The walk over the members.

use std::io::{self, Read};

use supercargo_content::{Algorithm, Digest, Hasher};

use super::header::{BLOCK_BYTES, Header, text};
use super::pax::Pax;
use super::sparse::{self, MapText, Segment};
use super::{TarDamage, TarError};
use crate::overlap::StreamHasher;
use crate::window::{WINDOW_BYTES, Window};

/// Bytes of a body that can be looked at before deciding on it.
pub const HEAD_BYTES: usize = 16;

/// Bytes of one extension header (long name, pax records).
const EXTENSION_BYTES_MAX: u64 = 1 << 20;

/// What holes are read as.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

/// One member of an archive, its names as spelled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The name.
    pub name: Vec<u8>,
    /// What it is.
    pub kind: MemberKind,
    /// Permission bits.
    pub mode: u32,
    /// Bytes of a regular file, holes included; 0 for all else.
    pub size: u64,
    /// Where its header begins in the uncompressed stream.
    pub offset: u64,
}

/// What a member is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberKind {
    /// A regular, contiguous or sparse file.
    File,
    /// A folder.
    Directory,
    /// A symbolic link and its target.
    Symlink(Vec<u8>),
    /// Another name of the member with this name.
    HardLink(Vec<u8>),
    /// A device node or named pipe.
    Special,
    /// A type flag that is none of these; runtimes refuse such members or pass over them.
    Unknown(u8),
}

/// A body, and its SHA-256 if that was begun before.
pub(crate) type DigestedBody<'a> = (&'a [u8], Option<Digest>);

/// Reads tar archives from a stream: ustar, GNU (long names, base-256 numbers, sparse files), pax.
///
/// Where readers differ it does what Go's `archive/tar` does, since that is what unpacks images: links, folders
/// and devices have no body whatever their size says; a GNU long name wins over a pax path; **global pax headers
/// change no member** ([`TarReader::global_headers_ignored`] counts those that tried).
///
/// Extension headers are bounded at 1 MiB, sparse maps at 65,536 segments. Bodies up to 256 KiB are lent out of
/// the read buffer, larger ones of one that the caller may bring; it bounds them by looking at [`Member::size`].
/// [`TarReader::piece`] lends any body bit by bit and copies nothing.
pub struct TarReader<R> {
    window: Window<R>,
    scratch: Vec<u8>,
    body: Body,
    /// Bytes of the window that the last piece lent.
    lent: usize,
    global_headers_ignored: u64,
    ended: bool,
    at_end: bool,
}

#[derive(Default)]
struct Body {
    /// Bytes of content not yet consumed.
    stored: u64,
    /// Bytes of padding after them.
    padding: u64,
    /// The size with holes.
    size: u64,
    /// Bytes of it that have passed, holes included.
    position: u64,
    /// The stored parts, where there are holes.
    segments: Option<Vec<Segment>>,
}

/// Bytes of a body of one kind.
enum Run {
    Stored(u64),
    Hole(u64),
}

impl Body {
    /// What follows the position.
    fn next_run(&self) -> Option<Run> {
        let (at, size) = (self.position, self.size);
        let rest = |run: fn(u64) -> Run| (at < size).then(|| run(size - at));
        let Some(segments) = &self.segments else { return rest(Run::Stored) };
        let passed = segments.partition_point(|segment| segment.offset + segment.len <= at);
        match segments.get(passed) {
            Some(segment) if segment.offset <= at => Some(Run::Stored(segment.offset + segment.len - at)),
            Some(segment) => Some(Run::Hole(segment.offset - at)),
            None => rest(Run::Hole),
        }
    }
}

#[derive(Default)]
struct Extensions {
    pax: Option<Pax>,
    long_name: Option<Vec<u8>>,
    long_link: Option<Vec<u8>>,
}

impl<R: Read> TarReader<R> {
    /// Reads from the beginning of an archive.
    pub fn new(inner: R) -> Self {
        Self::over(Window::new(inner))
    }

    /// The same; what is consumed of the window is hashed as that wants it.
    pub(crate) fn over(window: Window<R>) -> Self {
        let (scratch, body) = (Vec::new(), Body::default());
        Self { window, scratch, body, lent: 0, global_headers_ignored: 0, ended: false, at_end: false }
    }

    /// The next member, or `None` at the end: two blocks of zeros, or the end of the stream between members.
    /// What is left of the last body is passed over. After an error the reader is at its end.
    pub fn next_member(&mut self) -> Result<Option<Member>, TarError> {
        if self.ended {
            return Ok(None);
        }
        let member = self.advance();
        self.ended = !matches!(member, Ok(Some(_)));
        self.at_end = matches!(member, Ok(None));
        member
    }

    /// Global pax headers met that would have changed members.
    pub fn global_headers_ignored(&self) -> u64 {
        self.global_headers_ignored
    }

    /// The first bytes of the current body, without consuming them; fewer when the body is shorter.
    pub fn head(&mut self) -> Result<([u8; HEAD_BYTES], usize), TarError> {
        let mut head = [0; HEAD_BYTES];
        let wanted = to_usize(self.body.size).min(HEAD_BYTES);
        let stored = to_usize(self.body.stored).min(HEAD_BYTES);
        let held = self.window.fill(stored)?;
        let whole = [Segment { offset: 0, len: self.body.stored }];
        let mut from = 0;
        for segment in self.body.segments.as_deref().unwrap_or(&whole) {
            let at = to_usize(segment.offset);
            let len = to_usize(segment.len).min(HEAD_BYTES.saturating_sub(at));
            if let (Some(to), Some(bytes)) = (head.get_mut(at..at + len), held.get(from..from + len)) {
                to.copy_from_slice(bytes);
            } else {
                break;
            }
            from += len;
        }
        Ok((head, wanted))
    }

    /// Bytes that [`TarReader::body`] will have to allocate for the current body; 0 when it lends the read buffer.
    pub fn body_buffer_bytes(&self) -> u64 {
        if self.fits_window() { 0 } else { self.body.size }
    }

    /// The current body, whole, holes as zeros. `None` when it is larger than `bytes_max`; it is passed over then.
    /// To be called once for each member.
    pub fn body(&mut self, bytes_max: u64) -> Result<Option<&[u8]>, TarError> {
        Ok(self.digested_body(bytes_max)?.map(|(bytes, _)| bytes))
    }

    /// The same with its digest, if that was begun.
    pub(crate) fn digested_body(&mut self, bytes_max: u64) -> Result<Option<DigestedBody<'_>>, TarError> {
        if self.body.size > bytes_max {
            return Ok(None);
        }
        if self.fits_window() {
            let stored = to_usize(self.body.stored);
            if self.window.fill(stored)?.len() < stored {
                return Err(self.damaged(TarDamage::Truncated("body")));
            }
            self.window.hash_body_ahead(stored);
            let digest = self.end_body_digest();
            // Consumed with the padding, when the next member is asked for.
            return Ok(self.window.available().get(..stored).map(|bytes| (bytes, digest)));
        }
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        scratch.reserve_exact(to_usize(self.body.size));
        while let Some(piece) = self.piece()? {
            scratch.extend_from_slice(piece);
        }
        self.scratch = scratch;
        let digest = self.end_body_digest();
        Ok(Some((self.scratch.as_slice(), digest)))
    }

    /// The current body as a stream, for bodies that must not be held whole. What is not read of it is passed over
    /// when the next member is asked for. `None` for a sparse file.
    pub fn stream(&mut self) -> Option<BodyStream<'_, R>> {
        self.body.segments.is_none().then_some(BodyStream { tar: self })
    }

    /// The next bytes of the current body, holes as zeros; `None` at its end. What a body has left is passed over
    /// when the next member is asked for.
    pub fn piece(&mut self) -> Result<Option<&[u8]>, TarError> {
        let lent = std::mem::take(&mut self.lent);
        self.window.consume(lent);
        self.body.stored = self.body.stored.saturating_sub(lent as u64);
        self.body.position += lent as u64;
        match self.body.next_run() {
            None => Ok(None),
            Some(Run::Hole(len)) => {
                let len = to_usize(len).min(ZEROS.len());
                self.body.position += len as u64;
                Ok(ZEROS.get(..len))
            }
            Some(Run::Stored(len)) => {
                let held = self.window.fill(1)?.len();
                if held == 0 {
                    return Err(self.damaged(TarDamage::Truncated("body")));
                }
                self.lent = to_usize(len).min(held);
                Ok(self.window.available().get(..self.lent))
            }
        }
    }

    /// Begins the SHA-256 of the current body, of which nothing has been taken yet; `false` for a sparse file, whose
    /// bytes are not all there. It costs little where the whole stream is hashed here as well.
    pub(crate) fn begin_body_digest(&mut self) -> bool {
        let is_stored = self.body.segments.is_none();
        if is_stored {
            self.window.begin_beside(Hasher::new(Algorithm::Sha256));
        }
        is_stored
    }

    /// The SHA-256 of the current body, once all of it has been taken.
    pub(crate) fn end_body_digest(&mut self) -> Option<Digest> {
        self.window.end_beside().map(Hasher::finish)
    }

    /// Bytes of the current body that are not stored.
    pub fn hole_bytes(&self) -> u64 {
        self.body.size.saturating_sub(self.body.stored)
    }

    /// Puts a buffer in the place of the one for large bodies, which comes back.
    pub fn swap_scratch(&mut self, scratch: Vec<u8>) -> Vec<u8> {
        std::mem::replace(&mut self.scratch, scratch)
    }

    /// Whether the end of the archive was reached, rather than damage or the caller's own limit.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// Reads the stream to its end; the number of bytes that are not zero.
    pub fn drain(&mut self) -> io::Result<u64> {
        let mut not_zero = 0;
        loop {
            let held = self.window.fill(1)?;
            if held.is_empty() {
                return Ok(not_zero);
            }
            let (count, zeros) = (held.len(), held.iter().filter(|&&byte| byte == 0).count());
            not_zero += (count - zeros) as u64;
            self.window.consume(count);
        }
    }

    /// The stream below, without what is buffered.
    pub fn into_inner(self) -> R {
        self.window.into_parts().0
    }

    /// The same, and the hasher of all that was consumed, here or on another thread.
    pub(crate) fn into_parts(mut self) -> (R, Option<StreamHasher>) {
        let apart = self.window.end_apart();
        let (inner, here) = self.window.into_parts();
        (inner, here.map(StreamHasher::Here).or(apart.map(StreamHasher::Apart)))
    }

    fn fits_window(&self) -> bool {
        self.body.segments.is_none() && self.body.stored <= WINDOW_BYTES as u64
    }

    fn advance(&mut self) -> Result<Option<Member>, TarError> {
        let mut extensions = Extensions::default();
        let mut extended = false;
        loop {
            self.skip_body()?;
            let offset = self.window.position();
            let Some(header) = self.header()? else {
                return if extended { Err(self.damaged(TarDamage::DanglingExtension)) } else { Ok(None) };
            };
            let at = |damage| TarError::Damaged { offset, damage };
            match header.typeflag() {
                b'x' => extensions.pax = Some(Pax::parse(&self.extension(&header)?).map_err(at)?),
                b'L' => extensions.long_name = Some(text(&self.extension(&header)?).to_vec()),
                b'K' => extensions.long_link = Some(text(&self.extension(&header)?).to_vec()),
                b'g' => {
                    let global = Pax::parse(&self.extension(&header)?).map_err(at)?;
                    self.global_headers_ignored += u64::from(!global.is_empty());
                    continue;
                }
                _ => return self.member(&header, extensions, offset).map(Some),
            }
            extended = true;
        }
    }

    fn skip_body(&mut self) -> Result<(), TarError> {
        // Not consumed yet, and still counted as stored.
        self.lent = 0;
        self.window.drop_beside();
        let body = std::mem::take(&mut self.body);
        let length = body.stored.saturating_add(body.padding);
        if length > 0 && self.window.skip(length)? > 0 {
            return Err(self.damaged(TarDamage::Truncated("body")));
        }
        Ok(())
    }

    /// The next header whose checksum is right; `None` at the end of the archive.
    fn header(&mut self) -> Result<Option<Header>, TarError> {
        let Some(header) = self.block()? else { return Ok(None) };
        if header.is_zero() {
            return match self.block()? {
                Some(second) if !second.is_zero() => Err(self.damaged(TarDamage::LoneZeroBlock)),
                _ => Ok(None),
            };
        }
        match header.check() {
            Ok(()) => Ok(Some(header)),
            Err(damage) => {
                let offset = self.window.position().saturating_sub(BLOCK_BYTES as u64);
                Err(TarError::Damaged { offset, damage })
            }
        }
    }

    fn block(&mut self) -> Result<Option<Header>, TarError> {
        let held = self.window.fill(BLOCK_BYTES)?;
        let (block, is_empty) = (held.first_chunk::<BLOCK_BYTES>().copied(), held.is_empty());
        match block {
            Some(block) => {
                self.window.consume(BLOCK_BYTES);
                Ok(Some(Header(block)))
            }
            None if is_empty => Ok(None),
            None => Err(self.damaged(TarDamage::Truncated("header"))),
        }
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, TarError> {
        let size = header.size().map_err(|damage| self.damaged(damage))?;
        if size > EXTENSION_BYTES_MAX {
            return Err(self.damaged(TarDamage::ExtensionTooLarge(size)));
        }
        let mut bytes = vec![0; to_usize(size)];
        if self.window.copy_to(&mut bytes)? < bytes.len() {
            return Err(self.damaged(TarDamage::Truncated("extension header")));
        }
        self.body = Body { padding: padding_after(size), ..Body::default() };
        Ok(bytes)
    }

    fn member(&mut self, header: &Header, ext: Extensions, offset: u64) -> Result<Member, TarError> {
        let mut pax = ext.pax.unwrap_or_default();
        let name = ext.long_name.or(pax.path.take()).unwrap_or_else(|| header.name());
        let link =
            |pax: &mut Pax| ext.long_link.or(pax.link_path.take()).unwrap_or_else(|| header.link_name());
        let kind = match header.typeflag() {
            0 if name.ends_with(b"/") => MemberKind::Directory,
            0 | b'0' | b'7' | b'S' => MemberKind::File,
            b'1' => MemberKind::HardLink(link(&mut pax)),
            b'2' => MemberKind::Symlink(link(&mut pax)),
            b'3' | b'4' | b'6' => MemberKind::Special,
            b'5' => MemberKind::Directory,
            other => MemberKind::Unknown(other),
        };
        let stored = match pax.size {
            Some(size) => size,
            None => header.size().map_err(|damage| TarError::Damaged { offset, damage })?,
        };
        let mut member = Member { name, kind, mode: header.mode(), size: 0, offset };
        if matches!(member.kind, MemberKind::File | MemberKind::Unknown(_)) {
            self.body = Body { stored, padding: padding_after(stored), size: stored, ..Body::default() };
        }
        if member.kind == MemberKind::File {
            self.sparse(header, pax, &mut member)?;
            member.size = self.body.size;
        }
        Ok(member)
    }

    /// Reads the map of a sparse file, whichever of the four forms it has.
    fn sparse(&mut self, header: &Header, pax: Pax, member: &mut Member) -> Result<(), TarError> {
        let offset = member.offset;
        let at = |damage| TarError::Damaged { offset, damage };
        let sparse = pax.sparse;
        let in_body = sparse.major == Some(1) && sparse.minor == Some(0);
        let (segments, real_size) = if header.typeflag() == b'S' {
            let (mut segments, mut more, real_size) = sparse::of_gnu_header(header).map_err(at)?;
            while more {
                let block = self.block()?.ok_or(TarDamage::Truncated("sparse map")).map_err(at)?;
                more = sparse::of_gnu_extension(&block, &mut segments).map_err(at)?;
            }
            (segments, real_size)
        } else if in_body {
            (self.map_text(offset)?, sparse.real_size.ok_or(TarDamage::SparseMap).map_err(at)?)
        } else if let Some(map) = sparse.map {
            (map, sparse.real_size.ok_or(TarDamage::SparseMap).map_err(at)?)
        } else {
            return Ok(());
        };
        if let Some(name) = sparse.name {
            member.name = name;
        }
        sparse::check(&segments, real_size, self.body.stored).map_err(at)?;
        (self.body.size, self.body.segments) = (real_size, Some(segments));
        Ok(())
    }

    fn map_text(&mut self, offset: u64) -> Result<Vec<Segment>, TarError> {
        let mut map = MapText::default();
        loop {
            let stored = self.body.stored.checked_sub(BLOCK_BYTES as u64);
            let (Some(stored), Some(block)) = (stored, self.block()?) else {
                return Err(TarError::Damaged { offset, damage: TarDamage::SparseMap });
            };
            self.body.stored = stored;
            if map.push(&block.0).map_err(|damage| TarError::Damaged { offset, damage })? {
                return Ok(map.finish());
            }
        }
    }

    fn damaged(&self, damage: TarDamage) -> TarError {
        TarError::Damaged { offset: self.window.position(), damage }
    }
}

/// A body as it passes; made by [`TarReader::stream`].
pub struct BodyStream<'a, R> {
    tar: &'a mut TarReader<R>,
}

impl<R: Read> Read for BodyStream<'_, R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let piece = self.tar.piece().map_err(|error| match error {
            TarError::Io(error) => error,
            TarError::Damaged { damage, .. } => io::Error::new(io::ErrorKind::UnexpectedEof, damage),
        })?;
        let piece = piece.unwrap_or_default();
        let len = piece.len().min(out.len());
        if let (Some(to), Some(from)) = (out.get_mut(..len), piece.get(..len)) {
            to.copy_from_slice(from);
        }
        // What was not copied is lent again.
        self.tar.lent = len;
        Ok(len)
    }
}

/// The bytes that fill up the last block.
fn padding_after(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_BYTES as u64
}

/// A length that is bounded elsewhere; one that memory cannot hold fails there as "too long".
fn to_usize(length: u64) -> usize {
    usize::try_from(length).unwrap_or(usize::MAX)
}
