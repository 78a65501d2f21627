//! An unpacked root file system in the place of a layer.

use std::collections::VecDeque;
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use supercargo_content::{Algorithm, Digest, Hasher};
use supercargo_inventory::{ImagePath, Problem, ProblemKind};

use crate::pass::{entries_message, too_large};
use crate::window::WINDOW_BYTES;
use crate::{Entry, EntryKind, HEAD_BYTES, Interest, LayerPass, LayerReader, Parts, Visitor};

/// Files up to this size are read whole at once: parts of them would save nothing.
const PARTED_BYTES_MIN: u64 = 64 << 10;

impl LayerReader<'_> {
    /// Walks a folder as if it were the only layer of an image: sorted by name, links never followed, so that
    /// nothing outside is ever read. What cannot be read is a problem. Whiteout names mean nothing here.
    ///
    /// # Errors
    ///
    /// When the folder itself cannot be listed.
    pub fn walk_folder(&self, folder: &Path, visitor: &mut dyn Visitor) -> io::Result<LayerPass> {
        let mut walk = FolderWalk { reader: self, visitor, pass: LayerPass::default() };
        let mut pending = walk.list(folder, &ImagePath::default())?;
        while let Some((on_disk, path)) = pending.pop_front() {
            if walk.pass.entries == self.limits.entries_max {
                let message = entries_message(self.limits.entries_max);
                walk.pass.problems.push(Problem::new(ProblemKind::LimitHit, message));
                break;
            }
            let inside = match walk.visit(&on_disk, &path) {
                Ok(true) => walk.list(&on_disk, &path),
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            match inside {
                Ok(inside) => inside.into_iter().rev().for_each(|child| pending.push_front(child)),
                Err(error) => walk.unreadable(&path, &error),
            }
        }
        Ok(walk.pass)
    }
}

struct FolderWalk<'a> {
    reader: &'a LayerReader<'a>,
    visitor: &'a mut dyn Visitor,
    pass: LayerPass,
}

impl FolderWalk<'_> {
    /// The children of a folder by name.
    fn list(&mut self, folder: &Path, path: &ImagePath) -> io::Result<VecDeque<(PathBuf, ImagePath)>> {
        let mut names = fs::read_dir(folder)?
            .map(|item| item.map(|item| item.file_name()))
            .collect::<io::Result<Vec<_>>>()?;
        names.sort();
        let child = |name| {
            let text = ImagePath::decode(std::ffi::OsStr::as_bytes(name)).into_owned();
            (folder.join(name), path.join(&text))
        };
        Ok(names.iter().map(|name| child(name.as_os_str())).collect())
    }

    /// Notes one entry; `true` for a folder that can be gone into.
    fn visit(&mut self, on_disk: &Path, path: &ImagePath) -> io::Result<bool> {
        self.pass.entries += 1;
        let max = self.reader.limits.path_bytes_max;
        if path.as_str().len() > max {
            let message = format!("a path of {} bytes is over the limit of {max}", path.as_str().len());
            self.problem(ProblemKind::LimitHit, message, &path.parent().unwrap_or_default());
            return Ok(false);
        }
        let metadata = fs::symlink_metadata(on_disk)?;
        let kind = kind_of(on_disk, &metadata)?;
        let size = if kind == EntryKind::File { metadata.len() } else { 0 };
        let entry = Entry { path: path.clone(), kind, mode: metadata.mode() & 0o7777, size };
        let body = if entry.kind == EntryKind::File && size > 0 {
            self.file(on_disk, &metadata, &entry)
        } else {
            Ok(())
        };
        let is_folder = entry.kind == EntryKind::Directory;
        self.pass.delta.entries.push(entry);
        body.map(|()| is_folder)
    }

    fn file(&mut self, on_disk: &Path, metadata: &Metadata, entry: &Entry) -> io::Result<()> {
        let interest = self.visitor.interest(entry);
        if interest == Interest::Skip {
            return Ok(());
        }
        let mut file = open_same(on_disk, metadata)?;
        let mut bytes = Vec::new();
        if interest == Interest::Head {
            file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut bytes)?;
            if !self.visitor.wants_head(entry, &bytes) {
                return Ok(());
            }
        }
        if entry.size > PARTED_BYTES_MIN {
            let head = head(&mut file, &mut bytes)?;
            if self.visitor.parts(entry, head, &mut FileParts(&file))? {
                self.pass.files_read += 1;
                self.pass.uncompressed_bytes += entry.size;
                return Ok(());
            }
        }
        let left = entry.size.saturating_sub(bytes.len() as u64);
        let may_be_whole = entry.size <= self.reader.held_bytes_max();
        let mut rest = file.take(left.saturating_add(1));
        let is_offered = entry.size > self.reader.limits.streamed_bytes_min;
        if is_offered && self.visitor.open(entry, head(&mut rest, &mut bytes)?, may_be_whole) {
            self.stream(entry, &bytes, rest)?;
        } else if may_be_whole {
            self.whole(entry, &bytes, rest)?;
        } else {
            self.problem(ProblemKind::LimitHit, too_large(entry.size, self.reader), &entry.path);
            return Ok(());
        }
        self.pass.files_read += 1;
        self.pass.uncompressed_bytes += entry.size;
        Ok(())
    }

    fn whole(&mut self, entry: &Entry, head: &[u8], mut rest: impl Read) -> io::Result<()> {
        let mut reservation = self.reader.budget.acquire_buffer(entry.size).map_err(io::Error::other)?;
        let bytes = &mut reservation.buffer;
        bytes.extend_from_slice(head);
        rest.read_to_end(bytes)?;
        if bytes.len() as u64 != entry.size {
            return Err(changed());
        }
        if self.visitor.wants_digest(entry) {
            self.visitor.digest(Digest::sha256_of(bytes));
        }
        self.visitor.body(entry, bytes);
        Ok(())
    }

    fn stream(&mut self, entry: &Entry, head: &[u8], mut rest: impl Read) -> io::Result<()> {
        let mut buffer = vec![0; WINDOW_BYTES];
        let mut seen = head.len() as u64;
        let mut hasher = self.visitor.wants_digest(entry).then(|| Hasher::new(Algorithm::Sha256));
        hasher.iter_mut().for_each(|hasher| hasher.update(head));
        self.visitor.piece(head);
        let result = loop {
            match rest.read(&mut buffer) {
                Ok(0) => break if seen == entry.size { Ok(()) } else { Err(changed()) },
                Ok(read) => {
                    let piece = buffer.get(..read).unwrap_or_default();
                    hasher.iter_mut().for_each(|hasher| hasher.update(piece));
                    self.visitor.piece(piece);
                    seen += read as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        hasher.into_iter().for_each(|hasher| self.visitor.digest(hasher.finish()));
        self.visitor.close(result.is_ok());
        result
    }

    fn unreadable(&mut self, path: &ImagePath, error: &io::Error) {
        self.problem(ProblemKind::Missing, format!("not readable: {error}"), path);
    }

    fn problem(&mut self, kind: ProblemKind, message: String, path: &ImagePath) {
        self.pass.problems.push(Problem::new(kind, message).at(path));
    }
}

/// A file, read wherever somebody likes.
struct FileParts<'a>(&'a File);

impl Parts for FileParts<'_> {
    fn read_at(&mut self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(buffer, offset)
    }
}

/// The first bytes of a file, of which some may have been read before.
fn head<'b>(rest: &mut impl Read, bytes: &'b mut Vec<u8>) -> io::Result<&'b [u8]> {
    let missing = HEAD_BYTES.saturating_sub(bytes.len());
    rest.take(missing as u64).read_to_end(bytes)?;
    Ok(bytes)
}

fn changed() -> io::Error {
    io::Error::other("the file changed while it was read")
}

fn kind_of(on_disk: &Path, metadata: &Metadata) -> io::Result<EntryKind> {
    let file_type = metadata.file_type();
    Ok(if file_type.is_dir() {
        EntryKind::Directory
    } else if file_type.is_symlink() {
        let target = fs::read_link(on_disk)?;
        EntryKind::Symlink(ImagePath::decode(target.as_os_str().as_bytes()).into_owned())
    } else if file_type.is_file() {
        EntryKind::File
    } else {
        EntryKind::Special
    })
}

/// Opens a file and makes sure that it is the one that was looked at, not a link put in its place.
fn open_same(on_disk: &Path, seen: &Metadata) -> io::Result<File> {
    let file = File::open(on_disk)?;
    let opened = file.metadata()?;
    if (opened.dev(), opened.ino()) != (seen.dev(), seen.ino()) {
        return Err(io::Error::other("the file was replaced while it was read"));
    }
    Ok(file)
}
