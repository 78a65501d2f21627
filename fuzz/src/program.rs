//! Programs by a script: 64-bit ELF files whose tables are right, with what compilers embed.

use std::io::Write as _;

use flate2::{Compression, write::ZlibEncoder};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// The sections of a program, one behind the other.
#[derive(Debug, Arbitrary)]
pub struct Script<'a> {
    sections: Vec<(Section<'a>, u16)>,
    has_section_table: bool,
    /// Bytes behind the section table, as of a program that was stripped or patched.
    behind: u32,
}

#[derive(Debug, Arbitrary)]
enum Section<'a> {
    /// Go's, from 1.18 on: the toolchain and the list of modules.
    BuildInfo { version: u8, modules: &'a [u8] },
    /// The same with the modules of a real program.
    Modules { count: u8 },
    /// What cargo-auditable embeds: a compressed list of crates.
    DependencyList { count: u8, level: u8 },
    /// The same with anything in it.
    Packed(&'a [u8]),
    /// Anything.
    Data(&'a [u8]),
}

/// Where the program is loaded.
const BASE: u64 = 0x40_0000;

impl Script<'_> {
    /// The bytes of the program.
    pub fn write(&self) -> Vec<u8> {
        let (mut file, mut names, mut table) = (vec![0; 128], vec![0], vec![0; 64]);
        let last = (Section::Data(&[]), 0);
        for (section, gap) in self.sections.iter().take(16).chain([&last]) {
            file.resize((file.len() + usize::from(*gap)).next_multiple_of(16), b'.');
            let is_names = std::ptr::eq(section, &last.0);
            let name = if is_names { ".shstrtab" } else { section.name() };
            let at = names.len() as u32;
            names.extend([name.as_bytes(), b"\0"].concat());
            let bytes = if is_names { names.clone() } else { section.bytes() };
            let (place, size) = (file.len() as u64, bytes.len() as u64);
            table.extend([at.to_le_bytes(), if is_names { 3_u32 } else { 1 }.to_le_bytes()].concat());
            [3, BASE + place, place, size, 0, 16, 0].iter().for_each(|n: &u64| table.extend(n.to_le_bytes()));
            file.extend(bytes);
        }
        file.resize(file.len().next_multiple_of(16), 0);
        let (count, place) = ((table.len() / 64) as u16, file.len() as u64);
        if self.has_section_table {
            file.extend(table);
        }
        let head = header(if self.has_section_table { (place, count) } else { (0, 0) }, file.len() as u64);
        file[..head.len()].copy_from_slice(&head);
        file.resize(file.len() + self.behind as usize % 200_000, b'.');
        file
    }
}

/// The file's header and its one segment, which is the whole file.
fn header((table, count): (u64, u16), length: u64) -> Vec<u8> {
    let mut head = b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0".to_vec();
    [BASE, 64, table].iter().for_each(|number| head.extend(number.to_le_bytes()));
    head.extend([0, 0, 0, 0, 64, 0, 56, 0, 1, 0, 64, 0]);
    head.extend([count.to_le_bytes(), count.saturating_sub(1).to_le_bytes()].concat());
    head.extend([1, 0, 0, 0, 6, 0, 0, 0]);
    [0, BASE, BASE, length, length, 4096].iter().for_each(|number: &u64| head.extend(number.to_le_bytes()));
    head
}

impl Section<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::BuildInfo { .. } | Self::Modules { .. } => ".go.buildinfo",
            Self::DependencyList { .. } | Self::Packed(_) => ".dep-v0",
            Self::Data(_) => ".data",
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::BuildInfo { version, modules } => build_info(*version, modules),
            Self::Modules { count } => {
                let dependency = |at| format!("dep\texample.org/m{at}\tv1.{at}.0\th1:abc=\n");
                let dependencies: String = (0..*count).map(dependency).collect();
                let text = format!("path\texample.org/app\nmod\texample.org/app\t(devel)\t\n{dependencies}");
                build_info(22, text.as_bytes())
            }
            Self::DependencyList { count, level } => {
                let one = |at| format!(r#"{{"name":"c{at}","version":"1.{at}.0","source":"crates.io"}},"#);
                let many: String = (0..*count).map(one).collect();
                let root = r#"{"name":"app","version":"0.1.0","source":"local","root":true}"#;
                packed(format!(r#"{{"packages":[{many}{root}]}}"#).as_bytes(), *level)
            }
            Self::Packed(bytes) => packed(bytes, 6),
            Self::Data(bytes) => bytes.to_vec(),
        }
    }
}

fn build_info(version: u8, modules: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xff Go buildinf:\x08\x02".to_vec();
    bytes.resize(32, 0);
    let framed = [&[0x30; 16][..], modules, &[0x31; 16]].concat();
    for text in [format!("go1.{version}.1").as_bytes(), &framed] {
        let mut length = text.len();
        while length > 0x7f {
            bytes.push((length & 0x7f) as u8 | 0x80);
            length >>= 7;
        }
        bytes.push(length as u8);
        bytes.extend(text);
    }
    bytes
}

fn packed(bytes: &[u8], level: u8) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(level % 10)));
    encoder.write_all(bytes).and_then(|()| encoder.finish()).expect("memory takes everything")
}
