//! Hostile and odd layers: each case has the documented error or problem.

use crate::support::*;
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_inventory::{ImagePath, ProblemKind};
use supercargo_layer::{
    Budget, DecompressError, EntryKind, FileTree, LayerDelta, LayerError, LayerInput, LayerReader,
};

type Problems<'a> = &'a [(ProblemKind, &'a str)];

/// Name, archive, expected problems (kind and a part of the message), expected bodies.
struct Case<'a> {
    name: &'a str,
    tar: Vec<u8>,
    problems: Problems<'a>,
    bodies: &'a [(&'a str, &'a [u8])],
}

fn check(cases: Vec<Case<'_>>) {
    for case in cases {
        let (pass, keep) = read_tar(&case.tar);
        let found: Vec<String> = pass.problems.iter().map(ToString::to_string).collect();
        assert_eq!(found.len(), case.problems.len(), "{}: {found:?}", case.name);
        for (problem, (kind, part)) in pass.problems.iter().zip(case.problems) {
            assert!(problem.kind == *kind && problem.message.contains(part), "{}: {problem}", case.name);
        }
        let bodies: Vec<(&str, &[u8])> =
            keep.bodies.iter().map(|(path, body)| (path.as_str(), body.as_slice())).collect();
        assert_eq!(bodies, case.bodies, "{}", case.name);
        assert!(pass.verified, "{}", case.name);
    }
}

fn case<'a>(
    name: &'a str,
    tar: Vec<u8>,
    problems: Problems<'a>,
    bodies: &'a [(&'a str, &'a [u8])],
) -> Case<'a> {
    Case { name, tar, problems, bodies }
}

#[test]
fn damaged_archives_keep_what_was_read() {
    use ProblemKind::{Inconsistent, Malformed};
    let good = file("good", b"1");
    let ok: &[(&str, &[u8])] = &[("good", b"1")];
    let mut checksum = file("bad", b"2");
    checksum[0] = b'B';
    let huge_extension = member_sized(b'x', b"x", "", "00010000001\0", &vec![b'a'; 2 << 20]);
    let with = |tail: Vec<u8>| archive(&[good.clone(), tail]);
    let cut = |tail: Vec<u8>, at: usize| [good.clone(), tail[..at].to_vec()].concat();
    check(vec![
        case("checksum", with(checksum), &[(Malformed, "wrong header checksum")], ok),
        case(
            "size is no number",
            with(member_sized(b'0', b"n", "", "0000000x000\0", b"")),
            &[(Malformed, "`size`")],
            ok,
        ),
        case(
            "negative size",
            with(member_sized(b'0', b"n", "", "-0000000001\0", b"")),
            &[(Malformed, "`size`")],
            ok,
        ),
        case("cut in a header", cut(file("x", b"1"), 300), &[(Malformed, "inside a header")], ok),
        case("cut in a body", cut(file("x", &[1; 600]), 700), &[(Malformed, "inside a body")], ok),
        case(
            "cut in an unwanted body",
            cut(file("skip", &[1; 600]), 700),
            &[(Malformed, "inside a body")],
            ok,
        ),
        case(
            "cut in an extension",
            cut(pax(&[("path", "x")]), 520),
            &[(Malformed, "inside a extension")],
            ok,
        ),
        case("extension without member", with(pax(&[("path", "x")])), &[(Malformed, "is missing")], ok),
        case(
            "long name without member",
            with(member(b'L', "l", "", b"x\0")),
            &[(Malformed, "is missing")],
            ok,
        ),
        case("extension over 1 MiB", with(huge_extension), &[(Malformed, "over the limit of 1048576")], ok),
        case(
            "pax record lies",
            with(member(b'x', "x", "", b"99 path=a\n")),
            &[(Malformed, "pax record")],
            ok,
        ),
        case("pax path with NUL", with(pax(&[("path", "a\0b")])), &[(Malformed, "pax record")], ok),
        case("pax size negative", with(pax(&[("size", "-1")])), &[(Malformed, "pax record")], ok),
        case(
            "lone zero block",
            [good.clone(), vec![0; 512], good.clone()].concat(),
            &[(Malformed, "single block")],
            ok,
        ),
        case(
            "bytes after the end",
            [with(vec![]), good.clone()].concat(),
            &[(Inconsistent, "follow the end")],
            ok,
        ),
        case("no end blocks", good.clone(), &[], ok),
        case("one end block", [good.clone(), vec![0; 512]].concat(), &[], ok),
        case("empty blob", vec![], &[], &[]),
        case("rubbish", vec![b'x'; 1000], &[(Malformed, "`checksum`")], &[]),
    ]);
}

#[test]
fn hostile_names_are_reported() {
    use ProblemKind::{HostilePath, LimitHit, Malformed, Unsupported};
    let long = "d/".repeat(3000);
    let one = |tar: Vec<u8>| archive(&[tar]);
    check(vec![
        case("climbing", one(file("a/../../etc/x", b"1")), &[(HostilePath, "`..`")], &[("etc/x", b"1")]),
        case("absolute", one(file("/etc/x", b"1")), &[], &[("etc/x", b"1")]),
        case("dotted", one(file("./etc/./x", b"1")), &[], &[("etc/x", b"1")]),
        case("root folder", one(member(b'5', "./", "", b"")), &[], &[]),
        case("root as a file", one(file("/", b"1")), &[(HostilePath, "names the root")], &[]),
        case("no name", one(file("", b"1")), &[(Malformed, "no name")], &[]),
        case(
            "too long",
            archive(&[pax(&[("path", &long)]), file("x", b"1")]),
            &[(LimitHit, "6000 bytes")],
            &[],
        ),
        case("unknown flag", one(member(b'Z', "x", "", b"1")), &[(Unsupported, "flag 90")], &[]),
        case("link without target", one(member(b'2', "x", "", b"")), &[(Malformed, "no target")], &[]),
        case("hard link to itself", one(member(b'1', "x", "./x", b"")), &[(HostilePath, "itself")], &[]),
        case(
            "hard link to nothing",
            one(member(b'1', "x", "y", b"")),
            &[(ProblemKind::Missing, "not in the same")],
            &[],
        ),
        case(
            "links of the layer in circles",
            archive(&[member(b'2', "a", "b", b""), member(b'2', "b", "a", b""), file("a/x", b"1")]),
            &[(HostilePath, "circles")],
            &[],
        ),
        case(
            "a global header renames nothing",
            archive(&[member(b'g', "g", "", pax_record("path", "hidden").as_bytes()), file("seen", b"1")]),
            &[(ProblemKind::Inconsistent, "global pax")],
            &[("seen", b"1")],
        ),
    ]);
}

#[test]
fn whiteouts_in_hostile_spellings() {
    use ProblemKind::HostilePath;
    let removed: [(&str, &[&str], &[&str], usize); 13] = [
        ("a/.wh.x", &["a/x"], &[], 0),
        ("./a/.wh.x", &["a/x"], &[], 0),
        ("/a/.wh.x", &["a/x"], &[], 0),
        ("b/../a/.wh.x", &["a/x"], &[], 1),
        (".wh.x", &["x"], &[], 0),
        ("a/.wh.", &[], &[], 1),
        ("a/.wh..", &[], &[], 1),
        ("a/.wh...", &[], &[], 1),
        ("a/.wh....", &["a/..."], &[], 0),
        ("a/.wh..wh.x", &[], &[], 1),
        ("a/.wh..wh..opqX", &[], &[], 1),
        ("a/.wh..wh..opq", &[], &["a"], 0),
        (".wh..wh..opq", &[], &[""], 0),
    ];
    for (name, whiteouts, opaques, problems) in removed {
        let (pass, keep) = read_tar(&archive(&[file(name, b"marker")]));
        let texts = |paths: &[ImagePath]| paths.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>();
        assert_eq!(texts(&pass.delta.whiteouts), whiteouts, "{name}");
        assert_eq!(texts(&pass.delta.opaques), opaques, "{name}");
        assert_eq!(pass.problems.len(), problems, "{name}: {:?}", pass.problems);
        assert!(pass.problems.iter().all(|problem| problem.kind == HostilePath), "{name}");
        assert!(pass.delta.entries.is_empty() && keep.bodies.is_empty(), "{name}");
    }
}

fn delta(members: &[Vec<u8>]) -> LayerDelta {
    read_tar(&archive(members)).0.delta
}

fn link(name: &str, target: &str) -> Vec<u8> {
    member(b'2', name, target, b"")
}

fn folder(name: &str) -> Vec<u8> {
    member(b'5', name, "", b"")
}

/// Name, layers, what is visible and from which layer.
type Stack<'a> = (&'a str, Vec<Vec<Vec<u8>>>, &'a [(&'a str, u32)]);

#[test]
fn layers_stack_as_overlayfs_does() {
    let f = |name: &str| file(name, b"1");
    let stacks: Vec<Stack<'_>> = vec![
        ("whiteout", vec![vec![f("a/x"), f("a/y")], vec![f("a/.wh.x")]], &[("a", 0), ("a/y", 0)]),
        (
            "neighbours stay",
            vec![vec![f("a/x"), f("a-b"), f("ab")], vec![f(".wh.a")]],
            &[("a-b", 0), ("ab", 0)],
        ),
        ("marker after entry", vec![vec![f("x")], vec![f("x"), f(".wh.x")]], &[("x", 1)]),
        ("marker before entry", vec![vec![f("x")], vec![f(".wh.x"), f("x")]], &[("x", 1)]),
        (
            "opaque",
            vec![vec![f("a/x"), f("b")], vec![f("a/n"), f("a/.wh..wh..opq")]],
            &[("a", 0), ("a/n", 1), ("b", 0)],
        ),
        ("opaque root", vec![vec![f("a/x")], vec![f("n"), f(".wh..wh..opq")]], &[("n", 1)]),
        ("marker in the base", vec![vec![f("a/.wh.x"), f("a/x")]], &[("a", 0), ("a/x", 0)]),
        (
            "opaque below a lower link spares its target",
            vec![vec![f("usr/lib/x"), link("lib", "usr/lib")], vec![f("lib/.wh..wh..opq"), f("lib/n")]],
            &[("lib", 1), ("lib/n", 1), ("usr", 0), ("usr/lib", 0), ("usr/lib/x", 0)],
        ),
        (
            "whiteout through a lower link spares its target",
            vec![vec![f("usr/lib/x"), link("lib", "usr/lib")], vec![f("lib/.wh.x")]],
            &[("lib", 0), ("usr", 0), ("usr/lib", 0), ("usr/lib/x", 0)],
        ),
        (
            "a link of the same layer is followed",
            vec![vec![link("lib", "usr/lib"), f("lib/x")]],
            &[("lib", 0), ("usr", 0), ("usr/lib", 0), ("usr/lib/x", 0)],
        ),
        (
            "a link replaced in the same layer is not",
            vec![vec![link("lib", "usr/lib"), folder("lib"), f("lib/x")]],
            &[("lib", 0), ("lib/x", 0)],
        ),
        ("file over folder", vec![vec![f("a/x/y")], vec![f("a")]], &[("a", 1)]),
        ("folder over file", vec![vec![f("a")], vec![f("a/x")]], &[("a", 1), ("a/x", 1)]),
        ("folder over folder", vec![vec![f("a/x")], vec![folder("a")]], &[("a", 1), ("a/x", 0)]),
        (
            "folder over link",
            vec![vec![f("b/x"), link("a", "b")], vec![folder("a")]],
            &[("a", 1), ("b", 0), ("b/x", 0)],
        ),
        ("last of two wins", vec![vec![f("a/x"), f("a"), folder("a")]], &[("a", 0)]),
        ("back after removal", vec![vec![f("x")], vec![f(".wh.x")], vec![f("x")]], &[("x", 2)]),
    ];
    for (name, layers, expected) in stacks {
        let deltas: Vec<LayerDelta> = layers.iter().map(|layer| delta(layer)).collect();
        let tree = FileTree::stack(&deltas);
        let found: Vec<(&str, u32)> = tree.iter().map(|(path, node)| (path.as_str(), node.layer)).collect();
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn links_resolve_inside_the_image() {
    let mut members = vec![
        file("usr/lib/os", b"1"),
        link("lib", "usr/lib"),
        link("up", "../../../../usr"),
        link("deep", "lib/../bin"),
    ];
    members.extend([
        folder("usr/bin"),
        link("self", "self"),
        link("abs", "/lib/os"),
        link("in-file", "usr/lib/os/x"),
    ]);
    members.extend((0..42).map(|n| link(&format!("n{n}"), &format!("n{}", n + 1))));
    members.push(file("n42", b"end"));
    // Written at once, so that the links are not followed while the layer is read.
    let tree = FileTree::stack([&delta(&members)]);
    let cases = [
        ("lib/os", Some("usr/lib/os")),
        ("up/lib/os", Some("usr/lib/os")),
        ("deep", Some("usr/bin")),
        ("abs", Some("usr/lib/os")),
        ("", Some("")),
        ("self", None),
        ("in-file", None),
        ("none", None),
        ("usr/lib/os/x", None),
        ("n2", Some("n42")),
        ("n1", None),
    ];
    for (path, expected) in cases {
        let found = tree.resolve(&ImagePath::new(path));
        assert_eq!(found.as_ref().map(ImagePath::as_str), expected, "{path}");
    }
    let children: Vec<String> =
        tree.children(&ImagePath::new("usr")).map(|(path, _)| path.as_str().to_owned()).collect();
    assert_eq!(children, ["usr/bin", "usr/lib"]);
    assert_eq!(tree.children(&ImagePath::default()).count(), 50);
}

#[test]
fn hard_links_are_files_and_are_read_a_second_time() {
    let members = [
        file("skip-store", b"body"),
        member(b'1', "a/wanted", "skip-store", b""),
        member(b'1', "again", "a/wanted", b""),
    ];
    let tar = archive(&members);
    let (pass, keep) = read_tar(&tar);
    assert!(keep.bodies.is_empty());
    let tree = FileTree::stack([&pass.delta]);
    let node = tree.get(&ImagePath::new("again")).unwrap();
    assert_eq!((&node.kind, node.size), (&EntryKind::File, 4));
    let (descriptor, diff_id) = (Descriptor::of(MediaType::OCI_LAYER, &tar), Digest::sha256_of(&tar));
    let layer = LayerInput { descriptor: &descriptor, diff_id: &diff_id };
    let (limits, budget, mut keep) = (Limits::default(), Budget::new(1 << 20), Keep::default());
    let reader = LayerReader { limits: &limits, budget: &budget };
    let second = reader.read_links(&tar[..], &layer, &pass.links, &mut keep).unwrap();
    assert!(second.verified && second.problems.is_empty());
    assert_eq!(
        keep.bodies,
        [("a/wanted".to_owned(), b"body".to_vec()), ("again".to_owned(), b"body".to_vec())]
    );
}

#[test]
fn a_replaced_body_is_announced() {
    let (pass, keep) = read_tar(&archive(&[file("x", b"old"), file("x", b"new")]));
    assert_eq!(keep.replaced, ["x"]);
    assert_eq!(FileTree::stack([&pass.delta]).len(), 1);
}

#[test]
fn limits_are_problems_with_the_path() {
    let tar = archive(&[file("big", &[7; 2000]), file("small", b"1"), file("third", b"1")]);
    let limits = Limits { file_bytes_max: 1000, entries_max: 2, ..Limits::default() };
    let (pass, keep) = read(&tar, &tar, MediaType::OCI_LAYER, &limits).unwrap();
    assert_eq!(keep.bodies.len(), 1);
    assert_eq!(pass.problems.len(), 2, "{:?}", pass.problems);
    assert!(pass.problems.iter().all(|problem| problem.kind == ProblemKind::LimitHit));
    assert!(pass.problems.iter().any(|problem| problem.path == Some(ImagePath::new("big"))));
    let tar = archive(&[file("big", &vec![7; 300 << 10])]);
    let limits = Limits { buffered_bytes_max: 1000, ..Limits::default() };
    let (pass, _) = read(&tar, &tar, MediaType::OCI_LAYER, &limits).unwrap();
    assert!(pass.problems[0].to_string().contains("--buffered-bytes-max"), "{}", pass.problems[0]);
}

#[test]
fn sparse_files_have_zeros_in_their_holes() {
    let holes = b"\0\0ab\0\0c\0".to_vec();
    let mut old = [0_u8; 512];
    let mut put = |at: usize, bytes: &[u8]| old[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"old");
    put(124, b"00000000003\0");
    put(156, b"S");
    put(257, b"ustar  \0");
    put(386, b"00000000002\x0000000000002\x00");
    put(410, b"00000000006\x0000000000001\x00");
    put(483, b"00000000010\0");
    let mut map = b"2\n2\n2\n6\n1\n".to_vec();
    map.resize(512, 0);
    map.extend(b"abc");
    let v00 = [
        ("GNU.sparse.size", "8"),
        ("GNU.sparse.offset", "2"),
        ("GNU.sparse.numbytes", "2"),
        ("GNU.sparse.offset", "6"),
        ("GNU.sparse.numbytes", "1"),
    ];
    let v01 = [("GNU.sparse.size", "8"), ("GNU.sparse.name", "x"), ("GNU.sparse.map", "2,2,6,1")];
    let v10 = [
        ("GNU.sparse.major", "1"),
        ("GNU.sparse.minor", "0"),
        ("GNU.sparse.name", "x"),
        ("GNU.sparse.realsize", "8"),
    ];
    let forms = [
        with_body(seal(old), b"abc"),
        [pax(&v00), file("x", b"abc")].concat(),
        [pax(&v01), file("y", b"abc")].concat(),
        [pax(&v10), file("y", &map)].concat(),
    ];
    for form in forms {
        let (pass, keep) = read_tar(&archive(&[form, file("after", b"1")]));
        assert_eq!(pass.problems, []);
        assert_eq!(keep.bodies[0].1, holes);
        assert_eq!(pass.delta.entries.len(), 2);
        assert_eq!(pass.delta.entries[0].size, 8);
    }
    for lie in ["2,2,3,1", "6,1,2,2", "2,2,8,1", "2,9", "2,2", "2", "2,2,6,99999999999999999999"] {
        let tar = archive(&[pax(&[("GNU.sparse.size", "8"), ("GNU.sparse.map", lie)]), file("x", b"abc")]);
        let (pass, _) = read_tar(&tar);
        assert_eq!(pass.problems.len(), 1, "{lie}");
        assert_eq!(pass.problems[0].kind, ProblemKind::Malformed, "{lie}");
    }
}

fn decompress_error(blob: &[u8], tar: &[u8], kind: MediaType) -> DecompressError {
    match read(blob, tar, kind, &Limits::default()) {
        Err(LayerError::Decompress { source, .. }) => source,
        other => panic!("expected a decompression error, found {:?}", other.map(|(pass, _)| pass)),
    }
}

#[test]
fn compressed_forms_and_their_damage() {
    let tar = archive(&[file("x", &[5; 5000])]);
    let (gz, zst) = (gzip(&tar), zstd::bulk::compress(&tar, 3).unwrap());
    let (front, back) = tar.split_at(700);
    let skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc".to_vec();
    let zstd_of = |bytes: &[u8]| zstd::bulk::compress(bytes, 3).unwrap();
    let (g, z) = (MediaType::OCI_LAYER_GZIP, MediaType::OCI_LAYER_ZSTD);
    let good = [
        (gz.clone(), g.clone()),
        (gz.clone(), MediaType::DOCKER_LAYER_GZIP),
        ([gzip(front), gzip(b""), gzip(back)].concat(), g.clone()),
        ([gz.clone(), vec![0; 700]].concat(), g.clone()),
        (zst.clone(), z.clone()),
        ([skippable.clone(), zstd_of(front), skippable, zstd_of(back)].concat(), z.clone()),
    ];
    for (number, (blob, kind)) in good.into_iter().enumerate() {
        let (pass, keep) = read(&blob, &tar, kind, &Limits::default()).unwrap();
        assert!(pass.verified && pass.problems.is_empty() && keep.bodies.len() == 1, "{number}");
    }
    let with = |tail: &[u8]| [&gz[..], tail].concat();
    assert!(matches!(
        decompress_error(&with(b"rubbish"), &tar, g.clone()),
        DecompressError::TrailingGarbage { .. }
    ));
    assert!(matches!(
        decompress_error(&with(b"\0\0\0x"), &tar, g.clone()),
        DecompressError::TrailingGarbage { .. }
    ));
    let zst_garbage = [&zst[..], b"rubbish"].concat();
    assert!(matches!(
        decompress_error(&zst_garbage, &tar, z.clone()),
        DecompressError::TrailingGarbage { .. }
    ));
    for end in 2..gz.len() {
        assert!(
            matches!(decompress_error(&gz[..end], &tar, g.clone()), DecompressError::Truncated(_)),
            "{end}"
        );
    }
    for end in 4..zst.len() {
        assert!(
            matches!(decompress_error(&zst[..end], &tar, z.clone()), DecompressError::Truncated(_)),
            "{end}"
        );
    }
    let changed = |at: usize, byte: u8| [&gz[..at], &[byte], &gz[at + 1..]].concat();
    assert!(matches!(decompress_error(&changed(2, 9), &tar, g.clone()), DecompressError::Header { .. }));
    assert!(matches!(decompress_error(&changed(3, 0xe0), &tar, g.clone()), DecompressError::Header { .. }));
    assert!(matches!(decompress_error(&changed(10, 0xff), &tar, g.clone()), DecompressError::Data { .. }));
    assert!(matches!(decompress_error(&changed(gz.len() - 1, 9), &tar, g), DecompressError::Length { .. }));
}

#[test]
fn a_media_type_that_lies_is_a_problem() {
    let tar = archive(&[file("x", b"1")]);
    let (pass, _) = read(&gzip(&tar), &tar, MediaType::OCI_LAYER_ZSTD, &Limits::default()).unwrap();
    assert_eq!(pass.problems[0].kind, ProblemKind::Inconsistent);
    let (pass, _) = read(&tar, &tar, MediaType::new("text/plain"), &Limits::default()).unwrap();
    assert_eq!(pass.problems[0].kind, ProblemKind::Unsupported);
}

#[test]
fn a_bomb_is_stopped_and_not_verified() {
    let tar = archive(&[file("x", b"1"), file("skip", &vec![0; 4 << 20])]);
    let limits = Limits { expansion_ratio_max: 10, expansion_free_bytes: 1 << 20, ..Limits::default() };
    for blob in [gzip(&tar), zstd::bulk::compress(&tar, 3).unwrap()] {
        let (pass, keep) = read(&blob, &tar, MediaType::OCI_LAYER_GZIP, &limits).unwrap();
        assert!(!pass.verified && keep.bodies.len() == 1);
        assert!(pass.problems.iter().any(|problem| problem.message.contains("over the limit of 10 times")));
    }
}

#[test]
fn digest_lies_are_errors_that_name_the_layer() {
    let tar = archive(&[file("x", b"1")]);
    let (limits, budget) = (Limits::default(), Budget::new(1 << 20));
    let read = |blob: &[u8], descriptor: &Descriptor, diff_id: &Digest| {
        let layer = LayerInput { descriptor, diff_id };
        LayerReader { limits: &limits, budget: &budget }.read(blob, &layer, &mut Keep::default()).unwrap_err()
    };
    for blob in [tar.clone(), gzip(&tar)] {
        let right = Descriptor::of(MediaType::OCI_LAYER_GZIP, &blob);
        let diff_id = Digest::sha256_of(&tar);
        let other = Descriptor { digest: Digest::sha256_of(b"other"), ..right.clone() };
        let short = Descriptor { size: right.size - 1, ..right.clone() };
        let long = Descriptor { size: right.size + 1, ..right.clone() };
        assert!(
            matches!(read(&blob, &other, &diff_id), LayerError::BlobDigest { layer, .. } if layer == other.digest)
        );
        assert!(matches!(read(&blob, &short, &diff_id), LayerError::BlobSize { at_least: true, .. }));
        assert!(matches!(read(&blob, &long, &diff_id), LayerError::BlobSize { at_least: false, .. }));
        assert!(
            matches!(read(&blob, &right, &other.digest), LayerError::DiffId { expected, .. } if expected == other.digest)
        );
        let mut changed = blob.clone();
        changed[30] ^= 0x55;
        assert!(matches!(read(&changed, &right, &diff_id), LayerError::BlobDigest { .. }));
    }
}

#[test]
fn a_folder_is_walked_in_order_and_never_left() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name);
    std::fs::create_dir(at("b")).unwrap();
    std::fs::write(at("b/x"), b"body").unwrap();
    std::fs::write(at("a"), b"1").unwrap();
    std::os::unix::fs::symlink("/etc", at("out")).unwrap();
    let (limits, budget, mut keep) = (Limits::default(), Budget::new(1 << 20), Keep::default());
    let reader = LayerReader { limits: &limits, budget: &budget };
    let pass = reader.walk_folder(root.path(), &mut keep).unwrap();
    let paths: Vec<&str> = pass.delta.entries.iter().map(|entry| entry.path.as_str()).collect();
    assert_eq!(paths, ["a", "b", "b/x", "out"]);
    assert_eq!(pass.delta.entries[3].kind, EntryKind::Symlink("/etc".to_owned()));
    assert_eq!(keep.bodies.len(), 2);
    assert!(reader.walk_folder(&at("none"), &mut keep).is_err());
}

#[test]
fn of_programs_in_a_folder_only_parts_are_read() {
    let root = tempfile::tempdir().unwrap();
    let mut program = b"\x7fELF".repeat(30_000);
    program[100_000..100_004].copy_from_slice(b"part");
    std::fs::write(root.path().join("large"), &program).unwrap();
    std::fs::write(root.path().join("small"), &program[..50_000]).unwrap();
    let (limits, budget) = (Limits::default(), Budget::new(1 << 20));
    let reader = LayerReader { limits: &limits, budget: &budget };
    let mut take = TakeParts { places: vec![(100_000, 4), (0, 4)], ..TakeParts::default() };
    let pass = reader.walk_folder(root.path(), &mut take).unwrap();
    assert_eq!(take.parts, [b"part", b"\x7fELF"]);
    assert_eq!((take.bodies, pass.files_read, pass.problems.len()), (1, 2, 0));
    let mut unhappy = TakeParts { is_unhappy: true, ..TakeParts::default() };
    reader.walk_folder(root.path(), &mut unhappy).unwrap();
    assert_eq!(unhappy.bodies, 2);
    let mut beyond = TakeParts { places: vec![(120_000, 1)], ..TakeParts::default() };
    let pass = reader.walk_folder(root.path(), &mut beyond).unwrap();
    assert_eq!((beyond.bodies, pass.problems.len()), (1, 1));
}
