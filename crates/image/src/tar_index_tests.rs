use std::io::Write as _;

use tempfile::NamedTempFile;

use super::*;

/// One member: type, name, link target, body.
pub(crate) fn member(kind: u8, name: &str, link: &str, body: &[u8]) -> Vec<u8> {
    let mut block = vec![0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| block[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, name.as_bytes());
    put(124, format!("{:011o}", body.len()).as_bytes());
    put(157, link.as_bytes());
    put(257, b"ustar\x0000");
    put(156, &[kind]);
    seal(&mut block);
    block.extend(body);
    block.resize(block.len().next_multiple_of(512), 0);
    block
}

/// Writes the checksum of a header.
fn seal(block: &mut [u8]) {
    block[148..156].fill(b' ');
    let sum: u32 = block[..512].iter().map(|&byte| u32::from(byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
}

pub(crate) fn file(name: &str, body: &[u8]) -> Vec<u8> {
    member(b'0', name, "", body)
}

pub(crate) fn archive(members: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = members.concat();
    bytes.extend([0; 1024]);
    bytes
}

pub(crate) fn on_disk(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

fn open(bytes: &[u8]) -> Result<Archive, ArchiveError> {
    Archive::open(on_disk(bytes).path(), &Limits::default())
}

fn body(archive: &Archive, name: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    archive.reader(archive.find(name).unwrap()?).read_to_end(&mut bytes).unwrap();
    Some(bytes)
}

#[test]
fn members_are_found_by_their_normal_name() {
    let archive = open(&archive(&[file("./a/b", b"one"), file("/c", b""), file("../d", b"x")])).unwrap();
    assert_eq!(body(&archive, "a/b").unwrap(), b"one");
    assert_eq!(body(&archive, "c").unwrap(), b"");
    assert_eq!((body(&archive, "../d"), body(&archive, "d")), (None, None));
}

#[test]
fn long_names_of_gnu_and_pax_are_read() {
    let long = "n/".repeat(100) + "end";
    let pax_record = format!("{} path={long}\n", 3 + 1 + 5 + long.len() + 1);
    for extended in
        [member(b'L', "././@LongLink", "", long.as_bytes()), member(b'x', "pax", "", pax_record.as_bytes())]
    {
        let archive = open(&archive(&[extended, file("short", b"body"), file("next", b"2")])).unwrap();
        assert_eq!(body(&archive, &long).unwrap(), b"body");
        assert_eq!((body(&archive, "short"), body(&archive, "next")), (None, Some(b"2".to_vec())));
    }
}

#[test]
fn links_stay_inside_and_end() {
    let archive = open(&archive(&[
        file("x/layer.tar", b"layer"),
        member(b'2', "y/layer.tar", "../x/layer.tar", b""),
        member(b'1', "hard", "x/layer.tar", b""),
        member(b'2', "loop", "loop", b""),
        member(b'2', "gone", "nowhere", b""),
        member(b'2', "out", "../../etc/passwd", b""),
        member(b'2', "absolute", "/etc/passwd", b""),
    ]))
    .unwrap();
    assert_eq!(body(&archive, "y/layer.tar").unwrap(), b"layer");
    assert_eq!(body(&archive, "hard").unwrap(), b"layer");
    for name in ["loop", "gone"] {
        assert_eq!(archive.find(name), Err(DocumentError::Link { path: name.into() }));
    }
    for name in ["out", "absolute"] {
        assert!(matches!(archive.find(name), Err(DocumentError::Escape { .. })), "{name}");
    }
}

#[test]
fn a_list_that_occurs_twice_is_refused() {
    let archive = open(&archive(&[
        file("index.json", b"1"),
        file("index.json", b"2"),
        file("b/x", b"1"),
        file("b/x", b"2"),
    ]))
    .unwrap();
    assert!(Files::open(&archive, "index.json").is_err());
    assert!(Files::open(&archive, "b/x").unwrap().is_some());
}

#[test]
fn truncation_anywhere_is_an_error_or_a_shorter_archive() {
    let whole = archive(&[file("a", b"12345"), file("b", &[7; 600])]);
    let ends: Vec<u64> =
        (0..whole.len()).filter(|&end| open(&whole[..end]).is_ok()).map(|end| end as u64).collect();
    assert!(ends.iter().all(|&end| (1024 - 507..=1024).contains(&end) || end >= 2048 + 88), "{ends:?}");
    assert!(matches!(open(&whole[..700]), Ok(archive) if archive.find("a").unwrap().is_some()));
    assert!(matches!(open(&whole[..1600]), Err(ArchiveError::Truncated { offset: 1024 })));
    assert!(matches!(open(b""), Err(ArchiveError::Truncated { offset: 0 })));
}

#[test]
fn lying_headers_are_refused() {
    let with = |at: usize, bytes: &[u8]| {
        let mut tar = archive(&[file("a", b"1")]);
        tar[at..at + bytes.len()].copy_from_slice(bytes);
        seal(&mut tar[..512]);
        open(&tar).unwrap_err()
    };
    assert!(matches!(with(124, b"77777777777\0"), ArchiveError::Truncated { .. }));
    assert!(matches!(
        with(124, b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
        ArchiveError::Truncated { .. }
    ));
    assert!(matches!(
        with(124, &[0x80, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
        ArchiveError::Number { .. }
    ));
    assert!(matches!(with(124, &[0xff; 12]), ArchiveError::Number { .. }));
    assert!(matches!(with(124, b"-0000000001\0"), ArchiveError::Number { .. }));
    assert!(matches!(with(156, b"S"), ArchiveError::Sparse { .. }));
    let mut tar = archive(&[file("a", b"1")]);
    tar[0] = b'b';
    assert!(matches!(open(&tar), Err(ArchiveError::Header { offset: 0 })));
}

#[test]
fn bad_extended_headers_are_refused() {
    for record in [
        "",
        "x",
        "5 a=b",
        "99 path=a\n",
        "0 path=a\n",
        "18446744073709551615 path=a\n",
        "7 pathx\n",
        "13 size=-001\n",
    ] {
        let found = open(&archive(&[member(b'x', "pax", "", record.as_bytes()), file("a", b"")]));
        assert_eq!(found.is_ok(), record.is_empty(), "{record}");
    }
    let limits = Limits { path_bytes_max: 8, entries_max: 1, ..Limits::default() };
    let long = on_disk(&archive(&[file("a-long-name", b"")]));
    assert!(matches!(
        Archive::open(long.path(), &limits),
        Err(ArchiveError::LongPath { limit_bytes: 8, .. })
    ));
    let many = on_disk(&archive(&[file("a", b""), file("b", b"")]));
    assert!(matches!(Archive::open(many.path(), &limits), Err(ArchiveError::TooManyEntries { limit: 1 })));
    let huge = archive(&[member(b'x', "pax", "", &vec![b'1'; (1 << 20) + 1]), file("a", b"")]);
    assert!(matches!(open(&huge), Err(ArchiveError::LongHeader { .. })));
}

#[test]
fn compressed_archives_and_folders_are_named() {
    assert!(matches!(open(b"\x1f\x8b\x08rest"), Err(ArchiveError::Compressed { format: "gzip" })));
    assert!(matches!(open(b"\x28\xb5\x2f\xfdrest"), Err(ArchiveError::Compressed { format: "zstd" })));
    let dir = tempfile::TempDir::new().unwrap();
    assert!(matches!(Archive::open(dir.path(), &Limits::default()), Err(ArchiveError::NotAFile)));
}
