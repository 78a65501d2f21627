//! Our reader and the `tar` crate agree on what `tar` writes; random bytes do no harm.

use std::io::Read;

use proptest::prelude::*;
use supercargo_layer::{MemberKind, TarReader};

use crate::support;

type Written = Vec<(String, Vec<u8>, bool)>;

/// Name, target of a symlink, body.
type Seen = Vec<(Vec<u8>, Option<Vec<u8>>, Vec<u8>)>;

fn write(files: &Written) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, body, is_link) in files {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o640);
        if *is_link {
            header.set_entry_type(tar::EntryType::Symlink);
            header.set_size(0);
            builder.append_link(&mut header, name, format!("{name}-target")).unwrap();
        } else {
            header.set_size(body.len() as u64);
            builder.append_data(&mut header, name, body.as_slice()).unwrap();
        }
    }
    builder.into_inner().unwrap()
}

fn theirs(bytes: &[u8]) -> Seen {
    let mut archive = tar::Archive::new(bytes);
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut body = Vec::new();
        entry.read_to_end(&mut body).unwrap();
        (entry.path_bytes().into_owned(), entry.link_name_bytes().map(|name| name.into_owned()), body)
    });
    entries.collect()
}

fn ours(bytes: &[u8]) -> Seen {
    let mut reader = TarReader::new(bytes);
    let mut members = Vec::new();
    while let Some(member) = reader.next_member().unwrap() {
        let (head, len) = reader.head().unwrap();
        let body = reader.body(u64::MAX).unwrap().unwrap().to_vec();
        assert!(body.starts_with(&head[..len]));
        let link = match member.kind {
            MemberKind::Symlink(target) => Some(target),
            _ => None,
        };
        members.push((member.name, link, body));
    }
    members
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_tar_crate_agrees(
        files in prop::collection::vec(("[a-z]{1,9}(/[a-zé ]{1,90}){0,4}", prop::collection::vec(any::<u8>(), 0..1500), any::<bool>()), 0..8),
    ) {
        let bytes = write(&files);
        prop_assert_eq!(ours(&bytes), theirs(&bytes));
    }

    #[test]
    fn random_bytes_do_no_harm(bytes in prop::collection::vec(any::<u8>(), 0..4000)) {
        support::read_tar(&bytes);
    }

    #[test]
    fn a_changed_byte_does_no_harm(at in any::<prop::sample::Index>(), value in any::<u8>()) {
        let sparse = [("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.realsize", "8")];
        let members = [support::pax(&sparse), support::file("x", b"1\n0\n8\n"), support::member(b'L', "l", "", &[b'n'; 200]), support::file("y", b"1")];
        let mut tar = support::archive(&members);
        let at = at.index(tar.len());
        tar[at] = value;
        // A changed byte inside a sealed header is caught by its checksum; one in a body may change the walk.
        let (pass, _) = support::read_tar(&tar);
        prop_assert!(pass.entries <= 2);
    }
}

#[test]
fn large_bodies_are_whole() {
    let body: Vec<u8> = (0..700_000_u32).map(|n| (n % 251) as u8).collect();
    let files = vec![
        ("a".to_owned(), body.clone(), false),
        ("b".to_owned(), vec![1; 10], false),
        ("c".to_owned(), body, false),
    ];
    let bytes = write(&files);
    assert!(ours(&bytes) == theirs(&bytes));
}
