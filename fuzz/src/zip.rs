//! Zip archives by a script: sizes, checksums and places are right, so that a fuzzer need not find them.

use std::io::Write as _;

use flate2::{Compression, Crc, write::DeflateEncoder};
use libfuzzer_sys::arbitrary::{self, Arbitrary};

/// An archive of members of which some may be archives.
#[derive(Debug, Arbitrary)]
pub struct Script<'a> {
    members: Vec<Member<'a>>,
    inner: Vec<Member<'a>>,
    style: Style,
}

#[derive(Debug, Arbitrary)]
struct Member<'a> {
    name: Name,
    body: Body<'a>,
    deflate: Option<u8>,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
enum Name {
    Manifest,
    Properties,
    OtherProperties,
    Pom,
    Class,
    Library,
    Folder,
}

#[derive(Debug, Arbitrary)]
enum Body<'a> {
    Bytes(&'a [u8]),
    Coordinates(u8, u8),
    Implementation(u8),
    /// The inner archive, or a whole one inside of that.
    Archive,
}

/// Descriptors behind the members (signed or not), a prefix as of a launch script, a comment.
#[derive(Debug, Arbitrary)]
struct Style {
    descriptor: Option<bool>,
    has_prefix: bool,
    has_comment: bool,
}

impl Script<'_> {
    /// The bytes of the archive.
    pub fn write(&self) -> Vec<u8> {
        let innermost = Archive::new(&self.style).with(&self.inner, b"").finish();
        let inner = Archive::new(&self.style).with(&self.inner, &innermost).finish();
        Archive::new(&self.style).with(&self.members, &inner).finish()
    }
}

struct Archive<'a> {
    style: &'a Style,
    bytes: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl<'a> Archive<'a> {
    fn new(style: &'a Style) -> Self {
        let bytes = if style.has_prefix { b"#!/bin/sh\n".to_vec() } else { Vec::new() };
        Self { style, bytes, directory: Vec::new(), count: 0 }
    }

    fn with(mut self, members: &[Member<'_>], inner: &[u8]) -> Self {
        members.iter().take(64).for_each(|member| self.member(member, inner));
        self
    }

    fn member(&mut self, member: &Member<'_>, inner: &[u8]) {
        let body = member.body.bytes(inner);
        let mut crc = Crc::new();
        crc.update(&body);
        let packed = member.deflate.map(|level| deflated(&body, level));
        let stored = packed.as_deref().unwrap_or(&body);
        let numbers = [crc.sum(), stored.len() as u32, body.len() as u32];
        // Only what is packed tells its own end.
        let descriptor = self.style.descriptor.filter(|_| packed.is_some());
        let method = if packed.is_some() { 8 } else { 0 };
        let name = member.name.text();
        let place = self.bytes.len() as u32;
        let head = |numbers: [u32; 3]| {
            let mut head =
                [20, 0, if descriptor.is_some() { 8 } else { 0 }, 0, method, 0, 0, 0, 0, 0].to_vec();
            numbers.iter().for_each(|number| head.extend(number.to_le_bytes()));
            head.extend((name.len() as u16).to_le_bytes());
            head.extend([0, 0]);
            head
        };
        self.bytes.extend(b"PK\x03\x04");
        self.bytes.extend(head(if descriptor.is_some() { [0; 3] } else { numbers }));
        self.bytes.extend(name.as_bytes());
        self.bytes.extend(stored);
        if let Some(is_signed) = descriptor {
            self.bytes.extend(if is_signed { &b"PK\x07\x08"[..] } else { b"" });
            numbers.iter().for_each(|number| self.bytes.extend(number.to_le_bytes()));
        }
        self.directory.extend(b"PK\x01\x02\x14\0");
        self.directory.extend(head(numbers));
        self.directory.extend([0; 10]);
        self.directory.extend(place.to_le_bytes());
        self.directory.extend(name.as_bytes());
        self.count += 1;
    }

    fn finish(mut self) -> Vec<u8> {
        let comment: &[u8] = if self.style.has_comment { b"PK is what it says" } else { b"" };
        let (place, size) = (self.bytes.len() as u32, self.directory.len() as u32);
        self.bytes.append(&mut self.directory);
        self.bytes.extend(b"PK\x05\x06\0\0\0\0");
        self.bytes.extend([self.count.to_le_bytes(), self.count.to_le_bytes()].concat());
        self.bytes.extend([size.to_le_bytes(), place.to_le_bytes()].concat());
        self.bytes.extend((comment.len() as u16).to_le_bytes());
        self.bytes.extend(comment);
        self.bytes
    }
}

impl Name {
    fn text(self) -> &'static str {
        match self {
            Self::Manifest => "META-INF/MANIFEST.MF",
            Self::Properties => "META-INF/maven/g/a/pom.properties",
            Self::OtherProperties => "META-INF/maven/g/b/pom.properties",
            Self::Pom => "META-INF/maven/g/a/pom.xml",
            Self::Class => "org/acme/C.class",
            Self::Library => "BOOT-INF/lib/b-2.0.jar",
            Self::Folder => "META-INF/",
        }
    }
}

impl Body<'_> {
    fn bytes(&self, inner: &[u8]) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.to_vec(),
            Self::Coordinates(group, version) => {
                format!("groupId=g{group}\nartifactId=a\nversion=1.{version}\n").into_bytes()
            }
            Self::Implementation(version) => {
                format!("Manifest-Version: 1.0\r\nImplementation-Version: 1.{version}\r\n").into_bytes()
            }
            Self::Archive => inner.to_vec(),
        }
    }
}

fn deflated(body: &[u8], level: u8) -> Vec<u8> {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(u32::from(level % 10)));
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory takes everything")
}
