//! Programs and shared libraries: ELF, PE and Mach-O, of which only headers and needed ranges are looked at.
//!
//! [`Layout`] is read from the tables alone, so that it can be had of a whole file, of one that can be read in parts
//! ([`Parted`]), and of the [`Captured`] parts of one that has passed.

mod captured;
mod layout;
mod parted;
mod sink;

use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::{FileKind, ReadRef};
use supercargo_inventory::{Problem, ProblemKind};

use crate::Want;

pub(crate) use self::captured::{Capture, Captured, Extent, PROBE_BYTES, Pattern, Taken};
pub(crate) use self::layout::{Format, Layout, Region};
pub(crate) use self::parted::Parted;
pub(crate) use self::sink::{Program, sink};

/// The magic numbers of all formats. A universal Mach-O file shares its own with Java classes, whose next four
/// bytes are a version far above any number of architectures.
pub(crate) const WANTS: &[Want] = &[
    Want::Magic(b"\x7fELF"),
    Want::Magic(b"MZ"),
    Want::Magic(b"\xfe\xed\xfa\xce"),
    Want::Magic(b"\xfe\xed\xfa\xcf"),
    Want::Magic(b"\xce\xfa\xed\xfe"),
    Want::Magic(b"\xcf\xfa\xed\xfe"),
    Want::Magic(b"\xca\xfe\xba\xbe\x00\x00\x00\x01"),
    Want::Magic(b"\xca\xfe\xba\xbe\x00\x00\x00\x02"),
    Want::Magic(b"\xca\xfe\xba\xbe\x00\x00\x00\x03"),
    Want::Magic(b"\xca\xfe\xba\xbf\x00\x00\x00"),
];

/// The programs in a file: one, or one per architecture of a universal Mach-O file. None for object files, core
/// dumps, DOS programs and anything else; a problem for headers that promise a program and are broken.
pub(crate) fn programs(bytes: &[u8]) -> Result<Vec<(Layout, &[u8])>, Problem> {
    let slices = match FileKind::parse(bytes) {
        Ok(FileKind::MachOFat32) => fat_slices(MachOFatFile32::parse(bytes).map(|fat| fat.arches()), bytes)?,
        Ok(FileKind::MachOFat64) => fat_slices(MachOFatFile64::parse(bytes).map(|fat| fat.arches()), bytes)?,
        _ => vec![bytes],
    };
    let mut programs = Vec::new();
    for slice in slices {
        programs.extend(program(slice)?.map(|layout| (layout, slice)));
    }
    Ok(programs)
}

/// The layout of a file that is a program of one architecture.
pub(crate) fn program<'a>(data: impl ReadRef<'a>) -> Result<Option<Layout>, Problem> {
    match FileKind::parse(data) {
        Ok(kind) => Layout::parse(kind, data).map_err(damaged),
        Err(_) => Ok(None),
    }
}

/// The layout of a file of which parts can be had. `None` says that it is to be read in another way: universal files, and
/// PE files, in which only a search tells what they hold.
pub(crate) fn parted(data: &Parted<'_>) -> Option<Result<Option<Layout>, Problem>> {
    match FileKind::parse(data) {
        Ok(FileKind::MachOFat32 | FileKind::MachOFat64 | FileKind::Pe32 | FileKind::Pe64) => None,
        _ => Some(program(data)),
    }
}

/// The layout of a program that has passed, in which a section called `name` is looked for. What its tables are too far
/// inside for, or the parts too many, is only to be had of the whole file.
pub(crate) fn passed(captured: &Captured, name: &str) -> Result<Option<Layout>, Problem> {
    match FileKind::parse(captured) {
        Ok(FileKind::MachOFat32 | FileKind::MachOFat64) => {
            Err(unread("it holds programs of several architectures"))
        }
        Ok(_) if captured.is_cut => Err(unread("it holds too much that looks like embedded data")),
        Ok(kind) => {
            let layout = Layout::parse(kind, captured).map_err(|error| unread(&error.to_string()))?;
            layout.map(|layout| named_by_content(layout, captured, name)).transpose()
        }
        Err(_) => Ok(None),
    }
}

/// Where the names of the sections were not caught, the one section that begins where a part begins is what was looked for.
fn named_by_content(mut layout: Layout, captured: &Captured, name: &str) -> Result<Layout, Problem> {
    let begins = |section: &&mut Region| captured.begins_at(section.offset);
    if !layout.has_names {
        let mut begun = layout.sections.iter_mut().filter(begins);
        match (begun.next(), begun.next()) {
            (Some(_), Some(_)) => return Err(unread("the names of its sections were not caught")),
            (Some(section), None) => section.name = name.into(),
            (None, _) => {}
        }
    }
    Ok(layout)
}

/// Why a program that has passed could not be looked into.
pub(crate) fn unread(why: &str) -> Problem {
    let message = format!(
        "a program that was read as it passed: {why}; only the whole file would tell (`--file-bytes-max`)"
    );
    Problem::new(ProblemKind::LimitHit, message)
}

/// So many bytes of the file as lie at a virtual address; `None` where their segment ends before.
pub(crate) fn at_address<'a>(
    layout: &Layout,
    data: impl ReadRef<'a>,
    address: u64,
    size: u64,
) -> Option<&'a [u8]> {
    layout.segments.iter().find_map(|segment| {
        let skipped = address.checked_sub(segment.address)?;
        segment.size.checked_sub(skipped).filter(|left| *left >= size)?;
        data.read_bytes_at(segment.offset.checked_add(skipped)?, size).ok()
    })
}

fn fat_slices<'a, A: FatArch>(
    arches: object::Result<&[A]>,
    bytes: &'a [u8],
) -> Result<Vec<&'a [u8]>, Problem> {
    arches.map_err(damaged)?.iter().map(|arch| arch.data(bytes).map_err(damaged)).collect()
}

fn damaged(error: object::Error) -> Problem {
    Problem::malformed(format!("a damaged executable: {error}"))
}
