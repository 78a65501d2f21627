use supercargo_content::Limits;
use supercargo_inventory::{ImagePath, PackageKind, ProblemKind};

use super::Go;
use crate::Findings;
use crate::testing::{
    ELF_BASE, ELF_FIRST, Layer, edges, elf, in_parts, kinds, mach_o, named, noise, pe, purls, same_both_ways,
    streamed,
};

const MODULES: &str = "path\texample.org/app/cmd/x\nmod\texample.org/app\t(devel)\t\ndep\texample.org/old\tv1.0.0\n\
    =>\texample.org/new\tv1.1.0\th1:abc=\ndep\tcloud.example/go/auth/oauth\tv0.2.6\th1:def=\n\
    dep\texample.org/local\tv1.0.0\n=>\t../local\t(devel)\t\nbuild\tGOOS=linux\n\
    build\t-ldflags=\"-s -X 'main.version=1.2.3' -X other.Version=9\"\nbuild\t`-asmflags`=x\nfuture\tline\n";

fn framed(modules: &str) -> Vec<u8> {
    [&[0x30; 16][..], modules.as_bytes(), &[0x31; 16]].concat()
}

fn varint(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number > 0x7f {
        bytes.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

fn header(pointer: u8, flags: u8) -> Vec<u8> {
    let mut header = b"\xff Go buildinf:".to_vec();
    header.extend([pointer, flags]);
    header
}

fn inline(toolchain: &str, modules: &str) -> Vec<u8> {
    let mut bytes = header(8, 2);
    bytes.resize(32, 0);
    for text in [toolchain.as_bytes(), &framed(modules)] {
        bytes.extend(varint(text.len()));
        bytes.extend(text);
    }
    bytes
}

/// The older format: pointers to string headers, which point to the bytes.
fn pointers(toolchain: &str, modules: &str, big_endian: bool) -> Vec<u8> {
    let word = |number: u64| if big_endian { number.to_be_bytes() } else { number.to_le_bytes() };
    let base = ELF_BASE + ELF_FIRST as u64;
    let modules = framed(modules);
    let mut bytes = header(8, u8::from(big_endian));
    bytes.extend([word(base + 32), word(base + 48)].concat());
    bytes.extend([word(base + 64), word(toolchain.len() as u64)].concat());
    bytes.extend([word(base + 64 + toolchain.len() as u64), word(modules.len() as u64)].concat());
    bytes.extend(toolchain.as_bytes());
    bytes.extend(modules);
    bytes
}

fn program(info: &[u8]) -> Layer {
    Layer::default().file("bin/x", elf(&[(".go.buildinfo", info)]))
}

#[test]
fn both_formats_say_the_same() {
    let expected = [
        "pkg:golang/cloud.example/go/auth/oauth@v0.2.6",
        "pkg:golang/example.org/app",
        "pkg:golang/example.org/local",
        "pkg:golang/example.org/new@v1.1.0",
        "pkg:golang/stdlib@1.22.1",
    ];
    for info in [
        inline("go1.22.1", MODULES),
        pointers("go1.22.1", MODULES, false),
        pointers("go1.22.1 X:boringcrypto", MODULES, true),
    ] {
        let settlement = program(&info).scan(&Go);
        assert_eq!(purls(&settlement), expected);
        assert_eq!(edges(&settlement).len(), 4);
        assert!(edges(&settlement).iter().all(|edge| edge.starts_with("example.org/app@(devel) DependsOn ")));
        let main = named(&settlement, "example.org/app");
        assert_eq!(main.kind, PackageKind::Application);
        assert_eq!(main.version.as_deref(), Some("(devel)"));
        assert_eq!(main.properties["go:ldflags-version"], "1.2.3");
        assert_eq!(main.properties["go:GOOS"], "linux");
        assert_eq!(main.properties["go:package"], "example.org/app/cmd/x");
        assert_eq!(named(&settlement, "example.org/new").properties["go:replaces"], "example.org/old@v1.0.0");
        assert_eq!(named(&settlement, "example.org/new").properties["go:h1"], "h1:abc=");
        assert_eq!(named(&settlement, "example.org/local").properties["go:replaced-by"], "../local");
    }
}

#[test]
fn a_program_without_section_table_is_searched() {
    let mut bytes = elf(&[(".go.buildinfo", &inline("go1.22.1", MODULES))]);
    bytes[40..48].fill(0);
    bytes[60..64].fill(0);
    let settlement = Layer::default().file("bin/x", bytes).scan(&Go);
    assert_eq!(settlement.packages.len(), 5);
}

#[test]
fn object_files_and_other_programs_are_passed_over() {
    let mut object = elf(&[(".go.buildinfo", &inline("go1.22.1", MODULES))]);
    object[16] = 1;
    for bytes in [object, elf(&[(".data", &inline("go1.22.1", MODULES))]), b"MZ".repeat(100)] {
        let settlement = Layer::default().file("bin/x", bytes).scan(&Go);
        assert!(settlement.packages.is_empty());
        assert!(settlement.problems.is_empty(), "{:?}", settlement.problems);
    }
}

#[test]
fn without_modules_only_the_library_is_known() {
    let settlement = program(&inline("devel go1.23-abc", "")).scan(&Go);
    assert_eq!(purls(&settlement), ["pkg:golang/stdlib"]);
    assert_eq!(settlement.packages[0].properties["go:toolchain"], "devel go1.23-abc");
}

#[test]
fn lies_in_the_build_information_are_reported() {
    let inline_of = |rest: &[u8]| [&header(8, 2)[..], &[0; 16], rest].concat();
    for (what, info, kind) in [
        ("a length that never ends", inline_of(&[0xff; 64]), ProblemKind::Malformed),
        ("a length of gigabytes", inline_of(&[0xff, 0xff, 0xff, 0xff, 0x7f, 0]), ProblemKind::LimitHit),
        ("a length past the end", inline_of(&[100, b'g']), ProblemKind::Malformed),
        ("no second string", inline_of(&[1, b'g']), ProblemKind::Malformed),
        ("pointers of no size", [header(0, 0), vec![0; 16]].concat(), ProblemKind::Unsupported),
        ("pointers to nowhere", [header(8, 0), vec![0xff; 16]].concat(), ProblemKind::Malformed),
        ("a replacement of nothing", inline("go1.22", "=>\ta\tv1\n"), ProblemKind::Malformed),
    ] {
        assert_eq!(kinds(&program(&info).scan(&Go)), [kind], "{what}");
    }
}

#[test]
fn no_cut_and_no_flipped_byte_panics() {
    let bytes = elf(&[(".go.buildinfo", &inline("go1.22.1", MODULES))]);
    for length in 64..bytes.len() {
        let settlement = Layer::default().file("bin/x", &bytes[..length]).scan(&Go);
        assert!(!settlement.problems.is_empty(), "cut at {length}");
    }
    for at in 4..ELF_FIRST + 64 {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            Layer::default().file("bin/x", bytes).scan(&Go);
        }
    }
}

/// A program that is larger than the tables that are caught at its ends.
fn large(info: &[u8]) -> Vec<u8> {
    let noise = noise(200_000);
    let decoy = [&inline("go9.9", "mod\tdecoy\tv1\n")[..], &noise].concat();
    elf(&[(".text", &noise), (".rodata", &decoy), (".go.buildinfo", info), (".data", &noise)])
}

#[test]
fn a_program_that_passes_says_the_same() {
    let found = same_both_ways("large", &Go, "bin/x", &large(&inline("go1.22.1", MODULES)));
    assert_eq!(found.facts.len(), 5);
    same_both_ways("small", &Go, "bin/x", &elf(&[(".go.buildinfo", &inline("go1.22.1", MODULES))]));
    assert!(same_both_ways("none", &Go, "bin/x", &large(b"nothing")).facts.is_empty());
    let long = MODULES.repeat(2000);
    same_both_ways("a long list", &Go, "bin/x", &large(&inline("go1.22.1", &long)));
    let mut stripped = large(&inline("go1.22.1", MODULES));
    stripped[40..48].fill(0);
    stripped[60..64].fill(0);
    same_both_ways("no section table", &Go, "bin/x", &stripped);
    let mut short = elf(&[(".go.buildinfo", &inline("go1.22.1", ""))]);
    short.truncate(128 + inline("go1.22.1", "").len());
    short[40..48].fill(0);
    short[60..64].fill(0);
    assert_eq!(same_both_ways("in the last bytes", &Go, "bin/x", &short).facts.len(), 1);
    let patched = [large(&inline("go1.22.1", MODULES)), noise(200_000)].concat();
    let found = same_both_ways("a section table far from the end", &Go, "bin/x", &patched);
    assert_eq!(found.facts.len(), 5);
    same_both_ways("the same, of no Go", &Go, "bin/x", &[large(b"nothing"), noise(200_000)].concat());
}

#[test]
fn names_of_sections_that_were_not_caught_are_told_by_content() {
    let nameless = |mut bytes: Vec<u8>| {
        // Their names are said to be in `.rodata`, which is larger than what is caught.
        bytes[62] = 2;
        streamed(&Go, "bin/x", &bytes, 4096, &Limits::default())
    };
    let (info, noise) = (inline("go1.22.1", MODULES), noise(200_000));
    let one = elf(&[(".text", &noise), (".rodata", &noise), (".go.buildinfo", &info), (".data", &noise)]);
    assert_eq!(nameless(one).facts.len(), 5);
    let two = nameless(large(&info));
    assert!(two.facts.is_empty() && two.unread.is_some());
}

#[test]
fn windows_and_apple_programs_that_pass_say_the_same() {
    let (info, noise) = (inline("go1.22.1", MODULES), noise(200_000));
    let decoy = [b"x", &inline("go9.9", "mod\tdecoy\tv1\n")[..]].concat();
    let parts =
        |name| [(".text", &noise[..]), (".rdata", &decoy[..]), (name, &info[..]), (".reloc", &noise[..])];
    for (what, bytes) in [
        ("PE", pe(&parts(".data"))),
        ("Mach-O", mach_o(&parts("__go_buildinfo"))),
        ("small PE", pe(&[(".data", &info)])),
        ("small Mach-O", mach_o(&[("__go_buildinfo", &info)])),
    ] {
        let found = same_both_ways(what, &Go, "bin/x", &bytes);
        assert_eq!((found.facts.len(), found.problems.len()), (5, 0), "{what}");
    }
    let other = mach_o(&parts("__data"));
    assert!(same_both_ways("no section for it", &Go, "bin/x", &other).facts.is_empty());
}

#[test]
fn parts_are_enough_for_programs_of_either_format() {
    let parts = |bytes: &[u8], streamed_bytes_min| {
        let limits = Limits { streamed_bytes_min, ..Limits::default() };
        in_parts(&Go, &ImagePath::new("bin/x"), bytes, &limits)
    };
    for info in [inline("go1.22.1", MODULES), pointers("go1.17", MODULES, false)] {
        let bytes = elf(&[(".go.buildinfo", &info), (".data", &noise(200_000))]);
        let found = parts(&bytes, 100_000).expect("the parts are enough");
        assert_eq!((found.facts.len(), found.problems.len()), (5, 0));
    }
    let apple = mach_o(&[(".text", &noise(200_000)), ("__go_buildinfo", &inline("go1.22.1", MODULES))]);
    assert_eq!(parts(&apple, 100_000).map(|found| found.facts.len()), Some(5));
    // Over the limit; to be searched; no program.
    assert!(parts(&large(&inline("go1.22.1", &MODULES.repeat(1_000))), 100_000).is_none());
    assert!(parts(&pe(&[(".data", &inline("go1.22.1", MODULES))]), 100_000).is_none());
    assert_eq!(parts(&noise(100_000), 100_000), Some(Findings::default()));
}

#[test]
fn what_needs_the_whole_program_is_said() {
    let found = streamed(&Go, "bin/x", &large(&pointers("go1.17", MODULES, false)), 4096, &Limits::default());
    assert_eq!(found.unread.map(|problem| problem.kind), Some(ProblemKind::LimitHit));
    let many = b"\xff Go buildinf:\x08\x02".repeat(100);
    let found = streamed(&Go, "bin/x", &large(&many), 4096, &Limits::default());
    assert!(found.unread.is_some() && found.facts.is_empty());
    let limits = Limits { streamed_bytes_min: 1000, ..Limits::default() };
    let found = streamed(&Go, "bin/x", &large(&inline("go1.22.1", &MODULES.repeat(100))), 4096, &limits);
    assert!(found.unread.is_some() && found.facts.is_empty());
}

#[test]
fn no_cut_and_no_flipped_byte_panics_as_it_passes() {
    let bytes = elf(&[(".go.buildinfo", &inline("go1.22.1", MODULES))]);
    for length in 64..bytes.len() {
        let found = streamed(&Go, "bin/x", &bytes[..length], 50, &Limits::default());
        assert!(!found.problems.is_empty() || found.unread.is_some(), "cut at {length}");
    }
    for at in 4..bytes.len() {
        for value in [0, 0x7f, 0xff] {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            streamed(&Go, "bin/x", &bytes, 100, &Limits::default());
        }
    }
}
