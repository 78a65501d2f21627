//! Sections and segments of a program, from its tables alone.

use std::ops::Range;

use object::pe::{ImageDosHeader, ImageNtHeaders32, ImageNtHeaders64};
use object::read::elf::{FileHeader, ProgramHeader, SectionHeader};
use object::read::macho::{MachHeader, Section as _, Segment as _};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader};
use object::{Endianness, FileKind, ReadRef, elf, macho};

/// Sections and segments of one program that are looked at.
const REGIONS_MAX: usize = 65_536;

/// The three formats.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    Elf,
    Pe,
    MachO,
}

/// Where the parts of a program lie in its file.
#[derive(Debug)]
pub(crate) struct Layout {
    pub(crate) format: Format,
    pub(crate) sections: Vec<Region>,
    pub(crate) segments: Vec<Region>,
    /// Whether the names of all sections could be read.
    pub(crate) has_names: bool,
}

/// A section or segment that has bytes in the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Region {
    /// The name; empty for segments and where it cannot be read.
    pub(crate) name: Vec<u8>,
    /// Where its bytes begin in the file.
    pub(crate) offset: u64,
    /// Their number.
    pub(crate) size: u64,
    /// Where they are loaded.
    pub(crate) address: u64,
}

impl Layout {
    /// Reads the tables; `None` for what is no program.
    pub(super) fn parse<'a>(kind: FileKind, data: impl ReadRef<'a>) -> object::Result<Option<Self>> {
        match kind {
            FileKind::Elf32 => elf::<elf::FileHeader32<Endianness>, _>(data),
            FileKind::Elf64 => elf::<elf::FileHeader64<Endianness>, _>(data),
            FileKind::Pe32 => pe::<ImageNtHeaders32, _>(data).map(Some),
            FileKind::Pe64 => pe::<ImageNtHeaders64, _>(data).map(Some),
            FileKind::MachO32 => mach::<macho::MachHeader32<Endianness>, _>(data),
            FileKind::MachO64 => mach::<macho::MachHeader64<Endianness>, _>(data),
            _ => Ok(None),
        }
    }

    /// The first section with one of these names.
    pub(crate) fn section(&self, names: &[&str]) -> Option<&Region> {
        let is_named = |region: &&Region| names.iter().any(|name| name.as_bytes() == region.name);
        self.sections.iter().find(is_named)
    }

    fn new(format: Format) -> Self {
        Self { format, sections: Vec::new(), segments: Vec::new(), has_names: true }
    }
}

impl Region {
    /// What there is of it in a file; a program may have been cut.
    pub(crate) fn of<'a>(&self, file: impl ReadRef<'a>) -> Option<&'a [u8]> {
        let size = file.len().ok()?;
        let Range { start, end } = self.range();
        let start = start.min(size);
        file.read_bytes_at(start, end.min(size) - start).ok()
    }

    /// Its bytes in the file.
    pub(crate) fn range(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.size)
    }
}

/// Where the sections of an ELF file are listed, by its first bytes.
pub(super) fn section_table(head: &[u8]) -> Option<Range<u64>> {
    match FileKind::parse(head) {
        Ok(FileKind::Elf32) => elf_section_table::<elf::FileHeader32<Endianness>>(head),
        Ok(FileKind::Elf64) => elf_section_table::<elf::FileHeader64<Endianness>>(head),
        _ => None,
    }
}

/// Where the names of the sections of an ELF file are, by the list of sections.
pub(super) fn section_names<'a>(data: impl ReadRef<'a>) -> Option<Range<u64>> {
    match FileKind::parse(data) {
        Ok(FileKind::Elf32) => elf_section_names::<elf::FileHeader32<Endianness>, _>(data),
        Ok(FileKind::Elf64) => elf_section_names::<elf::FileHeader64<Endianness>, _>(data),
        _ => None,
    }
}

fn elf_section_names<'a, E, R>(data: R) -> Option<Range<u64>>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = E::parse(data).ok()?;
    let endian = header.endian().ok()?;
    let index = usize::try_from(header.shstrndx(endian, data).ok()?).ok()?;
    let (start, size) = header.section_headers(endian, data).ok()?.get(index)?.file_range(endian)?;
    Some(start..start.checked_add(size)?)
}

fn elf_section_table<E: FileHeader<Endian = Endianness>>(head: &[u8]) -> Option<Range<u64>> {
    let header = E::parse(head).ok()?;
    let endian = header.endian().ok()?;
    let start = header.e_shoff(endian).into();
    let bytes = u64::from(header.e_shentsize(endian)) * u64::from(header.e_shnum(endian));
    Some(start..start.checked_add(bytes)?)
}

fn elf<'a, E, R>(data: R) -> object::Result<Option<Layout>>
where
    E: FileHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = E::parse(data)?;
    let endian = header.endian()?;
    if matches!(header.e_type(endian), elf::ET_REL | elf::ET_CORE) {
        return Ok(None);
    }
    let mut layout = Layout::new(Format::Elf);
    for segment in header.program_headers(endian, data)? {
        if segment.p_type(endian) == elf::PT_LOAD {
            let (offset, size) = segment.file_range(endian);
            let address = segment.p_vaddr(endian).into();
            layout.segments.push(Region { name: Vec::new(), offset, size, address });
        }
    }
    let sections = header.sections(endian, data)?;
    for section in sections.iter().take(REGIONS_MAX) {
        if let Some((offset, size)) = section.file_range(endian) {
            let name = sections.section_name(endian, section);
            layout.has_names &= name.is_ok();
            let name = name.unwrap_or_default().to_vec();
            layout.sections.push(Region { name, offset, size, address: section.sh_addr(endian).into() });
        }
    }
    Ok(Some(layout))
}

fn pe<'a, N, R>(data: R) -> object::Result<Layout>
where
    N: ImageNtHeaders,
    R: ReadRef<'a>,
{
    let mut offset = u64::from(ImageDosHeader::parse(data)?.nt_headers_offset());
    let (headers, _) = N::parse(data, &mut offset)?;
    let base = headers.optional_header().image_base();
    let mut layout = Layout::new(Format::Pe);
    for section in headers.sections(data, offset)?.iter() {
        let (offset, size) = section.pe_file_range();
        let address = base.saturating_add(u64::from(section.virtual_address.get(object::LittleEndian)));
        let (offset, size) = (u64::from(offset), u64::from(size));
        layout.sections.push(Region { name: section.raw_name().to_vec(), offset, size, address });
    }
    layout.segments = layout.sections.clone();
    Ok(layout)
}

fn mach<'a, M, R>(data: R) -> object::Result<Option<Layout>>
where
    M: MachHeader<Endian = Endianness>,
    R: ReadRef<'a>,
{
    let header = M::parse(data, 0)?;
    let endian = header.endian()?;
    if matches!(header.filetype(endian), macho::MH_OBJECT | macho::MH_CORE) {
        return Ok(None);
    }
    let mut layout = Layout::new(Format::MachO);
    let mut commands = header.load_commands(endian, data, 0)?;
    while let Some(command) = commands.next()? {
        let Some((segment, table)) = M::Segment::from_command(command)? else { continue };
        let (offset, size) = (segment.fileoff(endian).into(), segment.filesize(endian).into());
        let address = segment.vmaddr(endian).into();
        layout.segments.push(Region { name: Vec::new(), offset, size, address });
        for section in segment.sections(endian, table)?.iter().take(REGIONS_MAX) {
            let (offset, size) = (u64::from(section.offset(endian)), section.size(endian).into());
            let (name, address) = (section.name().to_vec(), section.addr(endian).into());
            layout.sections.push(Region { name, offset, size, address });
        }
    }
    Ok(Some(layout))
}
