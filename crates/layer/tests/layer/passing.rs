//! Bodies that are read as they pass.

use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_inventory::ProblemKind;
use supercargo_layer::{
    Budget, Entry, Interest, LayerInput, LayerPass, LayerReader, Overlap, Visitor, WantedLink,
};

use crate::support::{archive, file, gzip, member, pax, with_body};

/// Takes bodies as they pass where their name begins with `pass`, and those named `again` whole the second time.
#[derive(Default)]
struct Taker {
    open: Vec<(String, Vec<u8>)>,
    pieces: usize,
    passed: Vec<(String, Vec<u8>, bool)>,
    whole: Vec<(String, Vec<u8>)>,
    second: bool,
    digests: Vec<Digest>,
}

impl Visitor for Taker {
    fn interest(&mut self, _: &Entry) -> Interest {
        Interest::Body
    }

    fn wants_digest(&mut self, entry: &Entry) -> bool {
        entry.path.file_name().ends_with("hashed")
    }

    fn digest(&mut self, digest: Digest) {
        self.digests.push(digest);
    }

    fn body(&mut self, entry: &Entry, bytes: &[u8]) {
        self.whole.push((entry.path.as_str().to_owned(), bytes.to_vec()));
    }

    fn open(&mut self, entry: &Entry, head: &[u8], may_be_whole: bool) -> bool {
        assert_eq!(head.len() as u64, entry.size.min(16));
        let name = entry.path.file_name();
        let is_taken =
            name.starts_with("pass") || name.starts_with("again") && !(self.second && may_be_whole);
        if is_taken {
            self.open.push((entry.path.as_str().to_owned(), Vec::new()));
        }
        is_taken
    }

    fn piece(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        self.pieces += 1;
        self.open.iter_mut().for_each(|(_, all)| all.extend_from_slice(bytes));
    }

    fn close(&mut self, is_complete: bool) {
        self.passed.extend(self.open.drain(..).map(|(name, bytes)| (name, bytes, is_complete)));
    }

    fn again(&mut self, entry: &Entry) -> bool {
        entry.path.file_name().starts_with("again")
    }
}

fn limits() -> Limits {
    Limits { streamed_bytes_min: 1000, file_bytes_max: 400 << 10, ..Limits::default() }
}

fn run(tar: &[u8], limits: &Limits, links: Option<&[WantedLink]>) -> (LayerPass, Taker) {
    let blob = gzip(tar);
    let (descriptor, diff_id) = (Descriptor::of(MediaType::OCI_LAYER_GZIP, &blob), Digest::sha256_of(tar));
    let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
    let budget = Budget::new(limits.buffered_bytes_max);
    let reader = LayerReader { limits, budget: &budget };
    let mut taker = Taker { second: links.is_some(), ..Taker::default() };
    let pass = match links {
        Some(links) => reader.read_links(&blob[..], &layer, links, &mut taker),
        None => reader.read_overlapped(&blob[..], &layer, &mut taker, Overlap::Digest),
    };
    assert!(budget.try_acquire(limits.buffered_bytes_max).is_some(), "all bytes came back");
    (pass.unwrap(), taker)
}

fn body(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

#[test]
fn a_body_of_any_size_passes_in_pieces() {
    for len in [1001, 256 << 10, (256 << 10) + 1, 900_001] {
        let tar = archive(&[file("a", b"small"), file("pass", &body(len)), file("z", b"after")]);
        let (pass, taker) = run(&tar, &limits(), None);
        assert_eq!(pass.problems, [], "{len}");
        assert_eq!(taker.passed, [("pass".to_owned(), body(len), true)], "{len}");
        assert_eq!(taker.whole.len(), 2, "{len}");
        assert_eq!((pass.files_read, pass.verified), (3, true), "{len}");
        assert!(taker.pieces <= len / 65_536 + 3, "{} pieces of {len}", taker.pieces);
    }
}

#[test]
fn who_cannot_read_pieces_gets_it_whole_or_hears_why_not() {
    let tar = archive(&[file("whole", &body(300_000)), file("large", &body(500_000))]);
    let (pass, taker) = run(&tar, &limits(), None);
    assert_eq!(taker.whole, [("whole".to_owned(), body(300_000))]);
    assert_eq!(pass.problems.len(), 1);
    assert_eq!(pass.problems[0].kind, ProblemKind::LimitHit);
    assert!(pass.problems[0].to_string().contains("--file-bytes-max"), "{}", pass.problems[0]);
}

#[test]
fn a_file_that_is_needed_whole_after_all_is_read_again() {
    let tar = archive(&[file("x/again", &body(300_000)), file("again-large", &body(500_000))]);
    let (pass, taker) = run(&tar, &limits(), None);
    assert_eq!(taker.passed.len(), 2);
    assert_eq!(pass.links.len(), 1, "the large one cannot be had whole");
    let (second, taker) = run(&tar, &limits(), Some(&pass.links));
    assert_eq!(taker.whole, [("x/again".to_owned(), body(300_000))]);
    assert_eq!(second.problems, []);
}

#[test]
fn a_version_that_is_replaced_is_not_read_again() {
    let tar = archive(&[file("again", &body(3000)), file("again", b"new")]);
    assert_eq!(run(&tar, &limits(), None).0.links, []);
}

#[test]
fn links_to_one_body_pass_together() {
    let links = [
        file("pass", &body(2000)),
        member(b'1', "pass-too", "pass", b""),
        member(b'1', "whole", "pass", b""),
    ];
    let tar = archive(&links);
    let (pass, _) = run(&tar, &limits(), None);
    assert_eq!(pass.links.len(), 2);
    let (_, taker) = run(&tar, &limits(), Some(&pass.links));
    assert_eq!(taker.passed, [("pass-too".to_owned(), body(2000), true)]);
    assert_eq!(taker.whole, [("whole".to_owned(), body(2000))]);
}

#[test]
fn an_archive_that_ends_in_the_body_ends_it_incomplete() {
    let tar = archive(&[file("pass", &body(5000))]);
    let (pass, taker) = run(&tar[..4000], &limits(), None);
    assert_eq!(taker.passed.len(), 1);
    assert!(!taker.passed[0].2);
    assert_eq!(pass.problems[0].kind, ProblemKind::Malformed);
}

/// A layer that is not compressed: the digest of the blob is computed where those of the bodies are.
fn run_plain(tar: &[u8]) -> (LayerPass, Taker) {
    let (descriptor, diff_id) = (Descriptor::of(MediaType::OCI_LAYER, tar), Digest::sha256_of(tar));
    let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
    let (limits, budget) = (limits(), Budget::new(limits().buffered_bytes_max));
    let reader = LayerReader { limits: &limits, budget: &budget };
    let mut taker = Taker::default();
    (reader.read(tar, &layer, &mut taker).unwrap(), taker)
}

#[test]
fn digests_of_bodies_come_beside_those_of_the_layer() {
    let window = 256 << 10;
    for len in [1, 63, 64, 999, 100_000, window - 1, window, window + 1, 300_001] {
        let other = body(len / 2 + 1);
        let members = [
            file("a", &other),
            file("hashed", &body(len)),
            file("b", &other),
            file("pass-hashed", &body(len + 1000)),
            sparse("pass-sparse-hashed", &[1, 1999], 2000),
            file("c", &other),
        ];
        let tar = archive(&members);
        let mut holes = vec![0; 2000];
        (holes[1], holes[1999]) = (b'x', b'x');
        let expected = [&body(len), &body(len + 1000), &holes].map(|bytes| Digest::sha256_of(bytes));
        for (pass, taker) in [run(&tar, &limits(), None), run_plain(&tar)] {
            assert_eq!((pass.verified, pass.problems), (true, Vec::new()), "{len}");
            assert_eq!(taker.digests, expected, "{len}");
        }
    }
}

/// A sparse file of format 1.0 with one stored byte at each of the offsets.
fn sparse(name: &str, offsets: &[u64], size: u64) -> Vec<u8> {
    let numbers = offsets.iter().map(|offset| format!("{offset}\n1\n")).collect::<String>();
    let mut map = format!("{}\n{numbers}", offsets.len()).into_bytes();
    map.resize(map.len().next_multiple_of(512), 0);
    map.extend(vec![b'x'; offsets.len()]);
    let size = size.to_string();
    let records = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", &size)];
    let header = file(name, &map);
    assert_eq!(with_body(header[..512].try_into().unwrap(), &map), header);
    [pax(&records), header].concat()
}

#[test]
fn holes_pass_as_zeros() {
    let (offsets, size) = ([3, 70_000, 199_999], 300_000);
    let tar = archive(&[sparse("pass", &offsets, size), file("z", b"after")]);
    let (pass, taker) = run(&tar, &limits(), None);
    assert_eq!(pass.problems, []);
    let mut expected = vec![0; size as usize];
    offsets.iter().for_each(|at| expected[*at as usize] = b'x');
    assert!(taker.passed == [("pass".to_owned(), expected, true)]);
    assert_eq!(taker.whole.len(), 1);
}

#[test]
fn holes_without_end_are_stopped() {
    let limits = Limits { expansion_free_bytes: 1 << 20, ..limits() };
    let tar = archive(&[
        sparse("pass-a", &[1], 900_000),
        sparse("pass-b", &[1], 900_000),
        sparse("pass-c", &[1], 1 << 60),
    ]);
    let (pass, taker) = run(&tar, &limits, None);
    assert_eq!(taker.passed.len(), 1);
    assert_eq!(pass.problems.iter().map(|p| p.kind).collect::<Vec<_>>(), [ProblemKind::LimitHit; 2]);
}
