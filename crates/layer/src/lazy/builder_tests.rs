use super::*;

const DIGEST: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

fn file(size: u64, offset: u64) -> RawEntry {
    let (kind, digest) = ("reg".to_owned(), DIGEST.to_owned());
    RawEntry { name: "a".into(), kind, size, offset, digest, ..RawEntry::default() }
}

fn chunk(offset: u64, chunk_offset: u64, chunk_size: u64) -> RawEntry {
    let (kind, chunk_digest) = ("chunk".to_owned(), DIGEST.to_owned());
    RawEntry { name: "a".into(), kind, offset, chunk_offset, chunk_size, chunk_digest, ..RawEntry::default() }
}

fn first(size: u64, offset: u64, chunk_size: u64) -> RawEntry {
    RawEntry { chunk_size, chunk_digest: DIGEST.into(), ..file(size, offset) }
}

fn build(entries: impl IntoIterator<Item = RawEntry>) -> Result<Toc, TocError> {
    let mut builder = Builder::new(Codec::Zstd, 1_000_000, 5);
    entries.into_iter().try_for_each(|entry| builder.push(entry))?;
    builder.finish()
}

fn ranges(toc: &Toc) -> Vec<(u64, u64, u64)> {
    toc.chunks.iter().map(|chunk| (chunk.at, chunk.end, chunk.len)).collect()
}

#[test]
fn ends_are_where_the_next_chunk_begins() {
    let toc = build([first(30, 100, 20), chunk(200, 20, 0), file(9, 300)]).unwrap();
    assert_eq!(ranges(&toc), [(100, 200, 20), (200, 300, 10), (300, 300 + 9 + 65_536, 9)]);
    let toc = build([RawEntry { end_offset: 150, ..file(30, 100) }]).unwrap();
    assert_eq!(ranges(&toc), [(100, 150, 30)]);
    let zeros = RawEntry { chunk_type: "zeros".into(), ..chunk(0, 20, 10) };
    assert!(build([first(30, 100, 20), zeros]).unwrap().chunks[1].is_zeros);
}

#[test]
fn files_may_share_compressed_bytes() {
    let second = RawEntry { inner_offset: 30, ..file(9, 100) };
    let toc = build([file(30, 100), second]).unwrap();
    assert!(toc.chunks.iter().all(|chunk| chunk.is_shared && chunk.at == 100));
}

#[test]
fn each_contradiction_is_refused() {
    let cases: Vec<(&str, Vec<RawEntry>)> = vec![
        ("go on where", vec![first(30, 100, 20), chunk(200, 21, 9)]),
        ("go on where", vec![first(30, 100, 20), RawEntry { name: "b".into(), ..chunk(200, 20, 10) }]),
        ("go on where", vec![RawEntry { chunk_offset: 1, ..first(30, 100, 20) }]),
        ("longer", vec![first(30, 100, 20), chunk(200, 20, 11)]),
        ("longer", vec![first(30, 100, u64::MAX)]),
        ("longer", vec![file(30, 100), chunk(200, 30, 0)]),
        ("shorter", vec![first(30, 100, 20)]),
        ("shorter", vec![first(30, 100, 20), file(1, 200)]),
        ("no file", vec![chunk(100, 0, 1)]),
        ("no file", vec![file(0, 0), chunk(100, 0, 1)]),
        ("outside the blob", vec![file(30, 1_000_000)]),
        ("outside the blob", vec![file(30, u64::MAX)]),
        ("outside the blob", vec![RawEntry { end_offset: 1_000_001, ..file(30, 100) }]),
        ("outside the blob", vec![RawEntry { end_offset: 100, ..file(30, 100) }]),
        ("overlap", vec![RawEntry { end_offset: 250, ..file(30, 100) }, file(1, 200)]),
        ("no SHA-256", vec![RawEntry { digest: String::new(), ..file(30, 100) }]),
        ("no SHA-256", vec![RawEntry { digest: format!("sha512:{}", "a".repeat(128)), ..file(30, 100) }]),
        ("no SHA-256", vec![first(30, 100, 20), RawEntry { chunk_digest: "x".into(), ..chunk(200, 20, 10) }]),
        ("unknown type", vec![RawEntry { kind: "whale".into(), ..file(0, 0) }]),
        ("unknown type", vec![RawEntry { chunk_type: "holes".into(), ..file(30, 100) }]),
        ("5 entries", (0..6).map(|_| file(0, 0)).collect()),
    ];
    for (words, entries) in cases {
        let shown = format!("{entries:?}");
        let found = build(entries).unwrap_err().to_string();
        assert!(found.contains(words), "{words}: {found}: {shown}");
    }
}

#[test]
fn offsets_at_the_end_of_numbers_do_no_harm() {
    let huge = RawEntry { inner_offset: u64::MAX, ..file(u64::MAX, 999_999) };
    let toc = build([huge]).unwrap();
    assert_eq!(ranges(&toc), [(999_999, 1_000_000, u64::MAX)]);
}
