//! Layers whose digests are known only once they have passed.

use supercargo_content::{Algorithm, Digest, Limits, MediaType};
use supercargo_layer::{Budget, Compression, DecompressError, LayerReader, TarReader};

use crate::support::{Keep, archive, file, gzip, read};

fn unnamed(
    blob: &[u8],
    limits: &Limits,
) -> (supercargo_layer::BlobFacts, Result<supercargo_layer::LayerPass, DecompressError>, Keep) {
    let (mut keep, budget) = (Keep::default(), Budget::new(limits.buffered_bytes_max));
    let reader = LayerReader { limits, budget: &budget };
    let (facts, pass) = reader.read_unnamed(blob, Algorithm::Sha256, &mut keep).unwrap();
    (facts, pass, keep)
}

#[test]
fn it_finds_what_a_named_layer_finds() {
    let tar = archive(&[file("a", b"1"), file("skip", b"2"), file("b", b"3")]);
    let zstd = zstd::encode_all(tar.as_slice(), 1).unwrap();
    for (blob, kind, compression) in [
        (tar.clone(), MediaType::OCI_LAYER, Compression::None),
        (gzip(&tar), MediaType::OCI_LAYER_GZIP, Compression::Gzip),
        (zstd, MediaType::OCI_LAYER_ZSTD, Compression::Zstd),
    ] {
        let (facts, pass, keep) = unnamed(&blob, &Limits::default());
        let (mut expected, kept) = read(&blob, &tar, kind, &Limits::default()).unwrap();
        assert!(std::mem::replace(&mut expected.verified, false));
        assert_eq!((pass.unwrap(), keep.bodies), (expected, kept.bodies));
        assert_eq!((facts.digest, facts.size), (Digest::sha256_of(&blob), blob.len() as u64));
        assert_eq!((facts.diff_id, facts.compression), (Some(Digest::sha256_of(&tar)), compression));
    }
}

#[test]
fn a_damaged_blob_is_read_to_its_end_all_the_same() {
    let mut blob = gzip(&archive(&[file("a", &[7; 2000])]));
    blob.truncate(blob.len() - 9);
    blob.extend([0xff; 70_000]);
    let (facts, pass, _) = unnamed(&blob, &Limits::default());
    assert!(pass.is_err());
    assert_eq!((facts.digest, facts.diff_id), (Digest::sha256_of(&blob), None));
}

#[test]
fn a_blob_that_unpacks_to_too_much_is_a_problem() {
    let limits = Limits { expansion_ratio_max: 2, expansion_free_bytes: 4096, ..Limits::default() };
    let blob = gzip(&archive(&[file("a", &[0; 100_000])]));
    let (facts, pass, _) = unnamed(&blob, &limits);
    assert_eq!((facts.diff_id, pass.unwrap().problems.len()), (None, 1));
}

#[test]
fn a_body_can_be_streamed() {
    let body = vec![9; 700_000];
    let tar = archive(&[file("large", &body), file("next", b"2")]);
    let mut reader = TarReader::new(tar.as_slice());
    reader.next_member().unwrap();
    let mut found = Vec::new();
    std::io::Read::read_to_end(&mut reader.stream().unwrap(), &mut found).unwrap();
    assert_eq!(found, body);
    assert_eq!(reader.next_member().unwrap().unwrap().name, b"next");
    // What is not read is passed over; what is cut off is an error.
    assert!(reader.next_member().unwrap().is_none());
    let mut cut = TarReader::new(&tar[..600]);
    cut.next_member().unwrap();
    let error = std::io::Read::read_to_end(&mut cut.stream().unwrap(), &mut Vec::new()).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}
