use supercargo_content::Limits;
use supercargo_inventory::LayerRef;
use supercargo_layer::{DeltaEntry, EntryKind, FileTree, LayerDelta};

use super::*;

fn read(path: &str, text: &str) -> (Option<Distro>, usize) {
    let path = ImagePath::new(path);
    let limits = Limits::default();
    let file = Candidate { path: &path, mode: 0o644, bytes: text.as_bytes(), sha256: None, limits: &limits };
    let mut out = Findings::default();
    let failed = ReleaseFiles.read(&file, &mut out).is_err();
    let distro = out.facts.into_iter().find_map(|fact| match fact {
        Fact::Distro(distro) => Some(distro),
        _ => None,
    });
    (distro, usize::from(failed) + out.problems.len())
}

fn qualifier(path: &str, text: &str) -> Option<String> {
    read(path, text).0.map(|distro| distro.qualifier())
}

#[test]
fn every_kind_of_release_file() {
    for (path, text, expected) in [
        ("etc/os-release", "NAME=\"Debian GNU/Linux\"\nID=debian\nVERSION_ID=\"12\"\n", "debian-12"),
        ("usr/lib/os-release", "ID=\"rocky\"\nVERSION_ID='9.5'\n", "rocky-9.5"),
        ("etc/os-release", "ID=debian\nVERSION_CODENAME=trixie\n", "debian-trixie"),
        ("etc/os-release", "NAME=\"Arch Linux\"\nID=arch\n", "arch"),
        (
            "etc/lsb-release",
            "DISTRIB_ID=Ubuntu\nDISTRIB_RELEASE=22.04\nDISTRIB_CODENAME=jammy\n",
            "ubuntu-22.04",
        ),
        ("etc/alpine-release", "3.20.3\n", "alpine-3.20.3"),
        ("etc/debian_version", "12.7\n", "debian-12"),
        ("etc/debian_version", "trixie/sid\n", "debian-trixie"),
        ("etc/redhat-release", "Red Hat Enterprise Linux Server release 7.9 (Maipo)\n", "rhel-7.9"),
        ("etc/centos-release", "CentOS Linux release 7.9.2009 (Core)\n", "centos-7.9.2009"),
        ("etc/centos-release", "CentOS release 6.10 (Final)\n", "centos-6.10"),
        ("etc/fedora-release", "Fedora release 39 (Thirty Nine)\n", "fedora-39"),
        ("etc/oracle-release", "Oracle Linux Server release 8.9\n", "ol-8.9"),
        ("etc/rocky-release", "Rocky Linux release 9.5 (Blue Onyx)\n", "rocky-9.5"),
        ("etc/almalinux-release", "AlmaLinux release 9.4 (Seafoam Ocelot)\n", "almalinux-9.4"),
        ("etc/system-release", "Amazon Linux release 2 (Karoo)\n", "amzn-2"),
        (
            "etc/SuSE-release",
            "SUSE Linux Enterprise Server 12 (x86_64)\nVERSION = 12\nPATCHLEVEL = 5\n",
            "sles-12.5",
        ),
        ("etc/SuSE-release", "openSUSE 13.1 (x86_64)\nVERSION = 13.1\nCODENAME = Bottle\n", "opensuse-13.1"),
        ("etc/gentoo-release", "Gentoo Base System release 2.14\n", "gentoo-2.14"),
        ("etc/arch-release", "", "arch"),
    ] {
        assert_eq!(qualifier(path, text).as_deref(), Some(expected), "{path}: {text}");
    }
}

#[test]
fn files_that_say_nothing_name_nothing() {
    for (path, text) in [
        ("etc/os-release", ""),
        ("etc/alpine-release", "\n"),
        ("etc/alpine-release", "no version"),
        ("etc/debian_version", "<html>"),
        ("etc/redhat-release", "somebody's own text"),
        ("etc/foo-release", "Unheard Of release 3"),
        ("etc/SuSE-release", "\n"),
        ("etc/lsb-release", "LSB_VERSION=1.4\n"),
    ] {
        assert_eq!(read(path, text), (None, 0), "{path}: {text}");
    }
    assert_eq!(read("etc/os-release", "ID=a/b\n"), (None, 1));
    assert_eq!(read("etc/os-release", &"A=b\n".repeat(20_000)), (None, 1));
}

#[test]
fn no_prefix_of_a_release_file_panics() {
    let text = "Röcky Linux release 9.5 (Blue Onyx)\nID=\"a\\\"b'\nVERSION = 12\n";
    for end in 0..text.len() {
        let part = String::from_utf8_lossy(&text.as_bytes()[..end]).into_owned();
        for path in
            ["etc/os-release", "etc/lsb-release", "etc/SuSE-release", "etc/debian_version", "etc/x-release"]
        {
            let (_, problems) = read(path, &part);
            assert!(problems <= 1, "{path}");
        }
    }
}

fn entry(path: &str, kind: EntryKind) -> DeltaEntry {
    DeltaEntry { path: ImagePath::new(path), kind, mode: 0o644, size: 1 }
}

fn finding(path: &str, text: &str) -> Finding {
    let layer = LayerRef { index: 0, diff_id: None, blob: None };
    let fact = Fact::Distro(read(path, text).0.expect("a distro"));
    Finding { path: ImagePath::new(path), layer: layer.clone(), origin: layer, fact }
}

fn detected(entries: Vec<DeltaEntry>, visible: &[Finding]) -> Option<String> {
    let tree = FileTree::stack([&LayerDelta { entries, ..LayerDelta::default() }]);
    detect(&ImageView { tree: &tree, distro: None, layers: &[] }, visible).map(|distro| distro.qualifier())
}

#[test]
fn etc_comes_before_usr_and_links_are_followed() {
    let link = |target: &str| entry("etc/os-release", EntryKind::Symlink(target.to_owned()));
    let file = |path| entry(path, EntryKind::File);
    let etc = finding("etc/os-release", "ID=a\n");
    let usr = finding("usr/lib/os-release", "ID=b\n");
    let nix = finding("nix/store/x/os-release", "ID=c\n");
    let old = finding("etc/debian_version", "12.1\n");
    let all = [etc, usr, nix, old];
    let files =
        || vec![file("usr/lib/os-release"), file("nix/store/x/os-release"), file("etc/debian_version")];

    assert_eq!(detected([files(), vec![file("etc/os-release")]].concat(), &all).as_deref(), Some("a"));
    assert_eq!(
        detected([files(), vec![link("../usr/lib/os-release")]].concat(), &all[1..]).as_deref(),
        Some("b")
    );
    assert_eq!(
        detected([files(), vec![link("/nix/store/x/os-release")]].concat(), &all[1..]).as_deref(),
        Some("c")
    );
    assert_eq!(detected([files(), vec![link("nowhere")]].concat(), &all[1..]).as_deref(), Some("b"));
    assert_eq!(
        detected(vec![link("os-release"), file("etc/debian_version")], &all[3..]).as_deref(),
        Some("debian-12")
    );
    assert_eq!(detected(vec![], &[]), None);
}
