use supercargo_content::Limits;
use supercargo_image::{Content, PlatformChoice, Reference, Selector, open_local};
use tempfile::TempDir;

use super::*;

const TEXT: &str = "# a fixture
platform: linux/arm64/v8
created: 2024-01-02T03:04:05Z
tag: 1
label: a=b=c

-- layer 0 gzip --
-- file etc/os-release --
ID=debian
# not a comment

-- file bin/tool mode=4755 --
-- base64 bin/data --
AAEC
Aw==
-- link lib -> usr/lib --
-- hardlink bin/other -> bin/tool --
-- dir var/empty --
-- layer 1 zstd --
-- whiteout etc/motd --
-- whiteout top --
-- opaque var --
-- layer 2 --

-- packages --
# why
pkg:deb/debian/a@1

pkg:deb/debian/b@2
-- problems --
malformed etc/x
";

/// Names and bodies of a ustar archive without long names.
fn members(tar: &[u8]) -> Vec<(String, u8, Vec<u8>)> {
    let mut found = Vec::new();
    let mut at = 0;
    while tar[at] != 0 {
        let header = &tar[at..at + 512];
        let name: String = header[..100].iter().take_while(|&&b| b != 0).map(|&b| char::from(b)).collect();
        let size = usize::from_str_radix(std::str::from_utf8(&header[124..135]).unwrap(), 8).unwrap();
        found.push((name, header[156], tar[at + 512..at + 512 + size].to_vec()));
        at += 512 + size.next_multiple_of(512);
    }
    found
}

fn reason(text: &str) -> (usize, TextImageReason) {
    let error = TextImage::parse(text).unwrap_err();
    (error.line, error.reason)
}

#[test]
fn layers_hold_what_the_text_says() {
    let image = TextImage::parse(TEXT).unwrap();
    let layers = image.layers().unwrap();
    let types: Vec<_> = layers.iter().map(|layer| layer.blob.media_type.clone()).collect();
    assert_eq!(types, [MediaType::OCI_LAYER_GZIP, MediaType::OCI_LAYER_ZSTD, MediaType::OCI_LAYER]);
    let base = members(&layers[0].tar);
    let names: Vec<_> = base.iter().map(|(name, kind, _)| (name.as_str(), *kind)).collect();
    let expected = [
        ("etc/os-release", b'0'),
        ("bin/tool", b'0'),
        ("bin/data", b'0'),
        ("lib", b'2'),
        ("bin/other", b'1'),
        ("var/empty/", b'5'),
    ];
    assert_eq!(names, expected);
    assert_eq!(base[0].2, b"ID=debian\n# not a comment\n");
    assert_eq!((base[1].2.len(), base[2].2.as_slice()), (0, &[0, 1, 2, 3][..]));
    let upper: Vec<_> = members(&layers[1].tar).into_iter().map(|(name, ..)| name).collect();
    assert_eq!(upper, ["etc/.wh.motd", ".wh.top", "var/.wh..wh..opq"]);
    assert_eq!(zstd::decode_all(layers[1].bytes.as_slice()).unwrap(), layers[1].tar);
    assert_eq!(layers[2].tar, [0; 1024]);
}

#[test]
fn expectations_skip_comments_and_blank_lines() {
    let image = TextImage::parse(TEXT).unwrap();
    assert_eq!(image.expected_packages(), ["pkg:deb/debian/a@1", "pkg:deb/debian/b@2"]);
    assert_eq!(image.expected_problems(), ["malformed etc/x"]);
}

#[test]
fn layouts_and_archives_open_and_never_change() {
    let image = TextImage::parse(TEXT).unwrap();
    let dir = TempDir::new().unwrap();
    let manifest = image.write_oci_layout(&dir.path().join("layout")).unwrap();
    let again = image.write_oci_layout(&dir.path().join("again")).unwrap();
    assert_eq!(manifest, again);
    let image_id = image.write_docker_archive(&dir.path().join("a.tar")).unwrap();
    let selector = Selector::Tag("1".into());
    let layout = Reference::OciLayout { dir: dir.path().join("layout"), selector: selector.clone() };
    let archive = Reference::DockerArchive { file: dir.path().join("a.tar"), selector };
    for at in [layout, archive] {
        let choice = PlatformChoice::Only("linux/arm64".parse().unwrap());
        let opened = open_local(&at, &choice, &Limits::default()).unwrap().images.remove(0);
        assert_eq!(opened.image_id.as_ref(), Some(&image_id));
        assert_eq!(opened.config.labels["a"], "b=c");
        assert!(matches!(opened.content, Content::Layers { layers, .. } if layers.len() == 3));
    }
}

#[test]
fn an_index_holds_several_platforms() {
    let dir = TempDir::new().unwrap();
    let images =
        ["platform: linux/amd64", "platform: linux/arm64"].map(|text| TextImage::parse(text).unwrap());
    let index = write_oci_index(dir.path(), &images, "1").unwrap();
    let at = Reference::OciLayout { dir: dir.path().into(), selector: Selector::Only };
    let all = open_local(&at, &PlatformChoice::All, &Limits::default()).unwrap();
    assert_eq!((all.images.len(), all.index.unwrap().digest), (2, index.digest));
    let one =
        open_local(&at, &PlatformChoice::Only("linux/arm64".parse().unwrap()), &Limits::default()).unwrap();
    assert_eq!(one.images[0].config.platform.as_ref(), Some(images[1].platform()));
}

#[test]
fn included_files_come_from_the_base_folder() {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("a.bin"), [1, 2]).unwrap();
    let text = "-- layer 0 --\n-- include x/y from a.bin mode=755 --\n";
    let image = TextImage::parse_in(text, dir.path()).unwrap();
    assert_eq!(members(&image.layers().unwrap()[0].tar), [("x/y".to_owned(), b'0', vec![1, 2])]);
    assert!(matches!(reason(text), (2, TextImageReason::NoBase)));
    let gone = TextImage::parse_in("-- layer 0 --\n-- include x from gone --\n", dir.path()).unwrap_err();
    assert!(matches!(gone.reason, TextImageReason::Include { .. }));
}

#[test]
fn long_names_go_into_a_pax_header() {
    let name = "n".repeat(120);
    let image = TextImage::parse(&format!("-- layer 0 --\n-- file {name} --\nx\n")).unwrap();
    let found = members(&image.layers().unwrap()[0].tar);
    assert_eq!(found[0].1, b'x');
    assert_eq!(found[0].2, format!("130 path={name}\n").into_bytes());
    assert_eq!((found[1].1, found[1].2.as_slice()), (b'0', &b"x\n"[..]));
}

#[test]
fn mistakes_are_named_with_their_line() {
    use TextImageReason as R;
    assert!(matches!(reason("x\n"), (1, R::Head(_))));
    assert!(matches!(reason("platform: linux\n"), (1, R::Head(_))));
    assert!(matches!(reason("-- file x --\n"), (1, R::NoLayer)));
    assert!(matches!(reason("\n-- layer 1 --\n"), (2, R::LayerNumber { expected: 0, .. })));
    for section in [
        "layer 0 lz4",
        "layer 0 --\n-- link a",
        "layer 0 --\n-- dir",
        "layer 0 --\n-- nonsense x",
        "include x",
    ] {
        assert!(matches!(reason(&format!("-- {section} --\n")).1, R::Section(_)), "{section}");
    }
    assert!(matches!(reason("-- layer 0 --\n-- dir x --\nbody\n"), (2, R::Body(_))));
    assert!(matches!(reason("-- layer 0 --\n-- base64 x --\n%\n"), (2, R::Base64)));
    assert!(matches!(reason("-- layer 0 --\n-- file x mode=9 --\n"), (2, R::Mode(_))));
}
