//! Programs and shared libraries: ELF, PE and Mach-O, opened lazily and only where their headers are sound.

use object::read::macho::{FatArch, MachOFatFile32, MachOFatFile64};
use object::{File, FileKind, Object, ObjectKind, ObjectSection, ObjectSegment};
use supercargo_inventory::Problem;

use crate::Want;

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
pub(crate) fn programs(bytes: &[u8]) -> Result<Vec<File<'_>>, Problem> {
    let slices = match FileKind::parse(bytes) {
        Ok(FileKind::MachOFat32) => fat_slices(MachOFatFile32::parse(bytes).map(|fat| fat.arches()), bytes)?,
        Ok(FileKind::MachOFat64) => fat_slices(MachOFatFile64::parse(bytes).map(|fat| fat.arches()), bytes)?,
        Ok(kind) if is_program_format(kind) => vec![bytes],
        _ => Vec::new(),
    };
    let mut programs = Vec::new();
    for slice in slices {
        let program = File::parse(slice).map_err(damaged)?;
        if !matches!(program.kind(), ObjectKind::Relocatable | ObjectKind::Core) {
            programs.push(program);
        }
    }
    Ok(programs)
}

/// The content of the first section with one of these names.
pub(crate) fn section<'a>(program: &File<'a>, names: &[&str]) -> Option<(u64, &'a [u8])> {
    let section =
        program.sections().find(|section| section.name().is_ok_and(|name| names.contains(&name)))?;
    Some((section.address(), section.data().ok()?))
}

/// The bytes of the file that lie at a virtual address, up to the end of their segment.
pub(crate) fn at_address<'a>(program: &File<'a>, address: u64) -> Option<&'a [u8]> {
    program.segments().find_map(|segment| {
        let offset = usize::try_from(address.checked_sub(segment.address())?).ok()?;
        segment.data().ok()?.get(offset..).filter(|bytes| !bytes.is_empty())
    })
}

fn is_program_format(kind: FileKind) -> bool {
    matches!(
        kind,
        FileKind::Elf32
            | FileKind::Elf64
            | FileKind::Pe32
            | FileKind::Pe64
            | FileKind::MachO32
            | FileKind::MachO64
    )
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
