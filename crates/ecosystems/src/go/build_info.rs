//! Where the build information lies in a program, and how its two strings are stored.

use memchr::memmem;
use object::ReadRef;
use supercargo_inventory::{Problem, ProblemKind};

use crate::executable::{self, Extent, Format, Layout, Pattern, Region, Taken};

/// What the header begins with.
const MAGIC: &[u8] = b"\xff Go buildinf:";
/// The header, and the alignment of its place.
const HEADER_BYTES: usize = 32;
pub(super) const ALIGNMENT: u64 = 16;
/// Bytes of one of the two strings.
const TEXT_BYTES_MAX: usize = 16 << 20;
/// Bytes before and after the module text by which a program finds its own.
const SENTINEL_BYTES: usize = 16;

/// The two strings of a Go program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BuildInfo {
    /// The toolchain, such as `go1.22.1`.
    pub(super) toolchain: String,
    /// The text with the modules; empty for programs built without modules.
    pub(super) modules: String,
}

/// Finds the first header in a part of a program: the bytes from it on.
pub(super) type Find<'f, 'a> = &'f dyn Fn(&Region) -> Option<&'a [u8]>;

/// The build information of a program; `None` when it is not a Go program.
pub(super) fn of<'a>(
    layout: &Layout,
    data: impl ReadRef<'a>,
    find: Find<'_, 'a>,
) -> Result<Option<BuildInfo>, Problem> {
    let Some(found) = locate(layout, find) else { return Ok(None) };
    let (toolchain, modules) = strings(layout, data, found)?;
    if toolchain.is_empty() {
        return Ok(None);
    }
    let toolchain = crate::text::lossy(toolchain).into_owned();
    Ok(Some(BuildInfo { toolchain, modules: crate::text::lossy(unframed(modules)).into_owned() }))
}

/// The bytes from the header on: in its section, or in the data segments where there are no sections.
pub(super) fn locate<'a>(layout: &Layout, find: Find<'_, 'a>) -> Option<&'a [u8]> {
    if let Some(section) = layout.section(&[".go.buildinfo", "__go_buildinfo"]) {
        return find(section);
    }
    // ELF and Mach-O programs of Go always have the section unless somebody removed the section table.
    if layout.sections.is_empty() || layout.format == Format::Pe {
        return layout.segments.iter().find_map(find);
    }
    None
}

/// The first aligned header.
pub(super) fn search(bytes: &[u8]) -> Option<&[u8]> {
    let mut hits = memmem::find_iter(bytes, MAGIC);
    let at = hits.find(|at| (*at as u64).is_multiple_of(ALIGNMENT) && bytes.len() - at >= HEADER_BYTES)?;
    bytes.get(at..)
}

/// Whether a header has its strings behind it, rather than pointers to them.
pub(super) fn is_inline(header: &[u8]) -> bool {
    header.get(15).is_some_and(|flags| flags & 2 != 0)
}

/// Catches headers with their strings as a program passes.
pub(super) struct Headers;

impl Pattern for Headers {
    fn next(&self, bytes: &[u8], from: usize, end: usize) -> Option<usize> {
        let at = from + memmem::find(bytes.get(from..)?, MAGIC)?;
        (at < end).then_some(at)
    }

    fn accepts(&mut self, offset: u64, _bytes: &[u8]) -> bool {
        offset.is_multiple_of(ALIGNMENT)
    }

    fn extent(&self) -> Box<dyn Extent> {
        Box::new(Strings)
    }
}

struct Strings;

impl Extent for Strings {
    fn look(&mut self, caught: &[u8], _fresh: usize) -> Taken {
        let Some(mut rest) = caught.get(HEADER_BYTES..) else { return Taken::More };
        if !is_inline(caught) {
            return Taken::Whole(HEADER_BYTES);
        }
        for _ in 0..2 {
            rest = match inline(rest) {
                Ok((_, rest)) => rest,
                Err(problem) if problem.kind == ProblemKind::LimitHit => return Taken::Whole(caught.len()),
                Err(_) => return Taken::More,
            };
        }
        Taken::Whole(caught.len() - rest.len())
    }
}

/// Toolchain and module text. Byte 14 is the size of a pointer, byte 15 holds flags: 1 big-endian, 2 inline.
fn strings<'a>(
    layout: &Layout,
    data: impl ReadRef<'a>,
    found: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), Problem> {
    let header = found.get(..HEADER_BYTES).ok_or_else(|| cut("header"))?;
    let (pointer_bytes, flags) = (header.get(14).copied(), header.get(15).copied().unwrap_or_default());
    if is_inline(header) {
        let rest = found.get(HEADER_BYTES..).unwrap_or_default();
        let (toolchain, rest) = inline(rest)?;
        let (modules, _) = inline(rest)?;
        return Ok((toolchain, modules));
    }
    let word = match pointer_bytes {
        Some(size @ (4 | 8)) => Word { bytes: usize::from(size), big_endian: flags & 1 != 0 },
        other => {
            let message =
                format!("go build information with pointers of {} bytes", other.unwrap_or_default());
            return Err(Problem::new(ProblemKind::Unsupported, message));
        }
    };
    let pointers = header.get(16..).unwrap_or_default();
    let toolchain = word.string(layout, data, pointers).ok_or_else(|| cut("toolchain"))?;
    let modules = pointers.get(word.bytes..).and_then(|at| word.string(layout, data, at));
    Ok((toolchain, modules.unwrap_or_default()))
}

/// A length as an unsigned LEB128 number, then as many bytes.
fn inline(bytes: &[u8]) -> Result<(&[u8], &[u8]), Problem> {
    let (mut length, mut shift) = (0_u64, 0_u32);
    for (at, byte) in bytes.iter().enumerate().take(10) {
        length |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or_default();
        shift += 7;
        if byte & 0x80 == 0 {
            let rest = bytes.get(at + 1..).unwrap_or_default();
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            return if length > TEXT_BYTES_MAX {
                let message =
                    format!("go build information of {length} bytes, at most {TEXT_BYTES_MAX} are read");
                Err(Problem::new(ProblemKind::LimitHit, message))
            } else {
                rest.split_at_checked(length).ok_or_else(|| cut("text"))
            };
        }
    }
    Err(cut("length"))
}

fn cut(what: &str) -> Problem {
    Problem::malformed(format!("the go build information ends within its {what}"))
}

/// How numbers are stored.
struct Word {
    bytes: usize,
    big_endian: bool,
}

impl Word {
    /// Follows a pointer to a string header: the address of the bytes, then their number.
    fn string<'a>(&self, layout: &Layout, data: impl ReadRef<'a>, pointer: &[u8]) -> Option<&'a [u8]> {
        let header = executable::at_address(layout, data, self.number(pointer)?, 2 * self.bytes as u64)?;
        let address = self.number(header)?;
        match self.number(header.get(self.bytes..)?)? {
            0 => Some(&[]),
            length if length > TEXT_BYTES_MAX as u64 => None,
            length => executable::at_address(layout, data, address, length),
        }
    }

    fn number(&self, bytes: &[u8]) -> Option<u64> {
        let bytes = bytes.get(..self.bytes)?;
        let fold = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.big_endian { bytes.iter().fold(0, fold) } else { bytes.iter().rev().fold(0, fold) })
    }
}

/// The text between the sentinels; empty when they are missing.
fn unframed(modules: &[u8]) -> &[u8] {
    let Some(end) = modules.len().checked_sub(SENTINEL_BYTES).filter(|end| *end > SENTINEL_BYTES) else {
        return &[];
    };
    modules.get(SENTINEL_BYTES..end).filter(|text| text.ends_with(b"\n")).unwrap_or_default()
}
