//! Windows and Apple programs, built byte by byte.

/// Where the first section's bytes begin in both.
const FIRST: usize = 1024;

/// The sections one after the other from [`FIRST`] on, each at a multiple of 512, and where each begins.
fn laid_out(sections: &[(&str, &[u8])]) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut places) = (vec![0; FIRST], Vec::new());
    for (_, bytes) in sections {
        places.push(file.len());
        file.extend(*bytes);
        file.resize(file.len().next_multiple_of(512), 0);
    }
    (file, places)
}

/// A name in a field of fixed length.
fn field<const N: usize>(name: &str) -> [u8; N] {
    let mut field = [0; N];
    field[..name.len()].copy_from_slice(name.as_bytes());
    field
}

/// A 64-bit PE program with these sections (PE format, "COFF File Header", "Optional Header", "Section Table").
pub(crate) fn pe(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, places) = laid_out(sections);
    let mut head = b"MZ".to_vec();
    head.resize(0x3c, 0);
    head.extend(0x40_u32.to_le_bytes());
    head.extend(b"PE\0\0\x64\x86");
    head.extend((sections.len() as u16).to_le_bytes());
    head.extend([0; 12]);
    head.extend(240_u16.to_le_bytes());
    head.extend(0x22_u16.to_le_bytes());
    let mut optional = [0; 240];
    optional[..2].copy_from_slice(&0x20b_u16.to_le_bytes());
    optional[24..32].copy_from_slice(&0x1_4000_0000_u64.to_le_bytes());
    optional[108..112].copy_from_slice(&16_u32.to_le_bytes());
    head.extend(optional);
    for ((name, bytes), place) in sections.iter().zip(places) {
        head.extend(field::<8>(name));
        for number in [bytes.len(), 0x1000 + place, bytes.len(), place] {
            head.extend((number as u32).to_le_bytes());
        }
        head.extend([0; 16]);
    }
    file[..head.len()].copy_from_slice(&head);
    file
}

/// A 64-bit Mach-O program with these sections in one segment (`mach-o/loader.h`).
pub(crate) fn mach_o(sections: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut file, places) = laid_out(sections);
    let command_bytes = (72 + 80 * sections.len()) as u32;
    let mut head = Vec::new();
    for number in [0xfeed_facf, 0x0100_0007, 3, 2, 1, command_bytes, 0, 0, 0x19, command_bytes] {
        head.extend(u32::to_le_bytes(number));
    }
    head.extend(field::<16>("__DATA"));
    for number in [0x1_0000_0000, file.len() as u64, 0, file.len() as u64] {
        head.extend(u64::to_le_bytes(number));
    }
    for number in [7, 3, sections.len() as u32, 0] {
        head.extend(u32::to_le_bytes(number));
    }
    for ((name, bytes), place) in sections.iter().zip(places) {
        head.extend(field::<16>(name));
        head.extend(field::<16>("__DATA"));
        head.extend((0x1_0000_0000 + place as u64).to_le_bytes());
        head.extend((bytes.len() as u64).to_le_bytes());
        head.extend((place as u32).to_le_bytes());
        head.extend([0; 28]);
    }
    file[..head.len()].copy_from_slice(&head);
    file
}
