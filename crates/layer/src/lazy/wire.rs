//! The JSON of a table of contents, which both formats share, read entry by entry.

use std::fmt;
use std::io::Read;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::TocError;
use super::builder::Builder;

/// One entry as written (eStargz specification, "TOCEntry"; zstd:chunked adds `endOffset` and `chunkType`).
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct RawEntry {
    pub(crate) name: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) size: u64,
    pub(crate) link_name: String,
    pub(crate) mode: i64,
    pub(crate) offset: u64,
    pub(crate) end_offset: u64,
    pub(crate) inner_offset: u64,
    pub(crate) chunk_offset: u64,
    pub(crate) chunk_size: u64,
    pub(crate) digest: String,
    pub(crate) chunk_digest: String,
    pub(crate) chunk_type: String,
}

/// Reads a table into a builder, one entry at a time, so that no list of raw entries is ever held.
pub(crate) fn read(json: impl Read, builder: &mut Builder) -> Result<(), TocError> {
    let mut deserializer = serde_json::Deserializer::from_reader(json);
    let read = Table(builder).deserialize(&mut deserializer).and_then(|()| deserializer.end());
    match (read, builder.fault.take()) {
        (_, Some(fault)) => Err(fault),
        (Err(error), None) if error.is_io() => Err(TocError::of(error.into())),
        (Err(error), None) => Err(TocError::Json(error.to_string())),
        (Ok(()), None) => Ok(()),
    }
}

struct Table<'a>(&'a mut Builder);

impl<'de> DeserializeSeed<'de> for Table<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Table<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of contents")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut lists = 0;
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "version" => match map.next_value::<u64>()? {
                    1 => {}
                    other => return Err(A::Error::custom(format!("unknown version {other}"))),
                },
                "entries" => {
                    map.next_value_seed(Entries(self.0))?;
                    lists += 1;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        if lists == 1 { Ok(()) } else { Err(A::Error::custom("there is not exactly one list of entries")) }
    }
}

struct Entries<'a>(&'a mut Builder);

impl<'de> DeserializeSeed<'de> for Entries<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Entries<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of entries")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        while let Some(entry) = entries.next_element::<RawEntry>()? {
            if let Err(fault) = self.0.push(entry) {
                self.0.fault = Some(fault);
                return Err(A::Error::custom("damaged entry"));
            }
        }
        Ok(())
    }
}
