//! RPM packages: the databases of every rpm since 4.0, read from their bytes.
//!
//! A folder has one database: SQLite before ndb before Berkeley DB, as a newer rpm leaves older files behind.
//! `gpg-pubkey` entries are keys that `rpm -qa` lists like packages; they are left out.

mod berkeley;
mod bytes;
mod ecosystem;
mod header;
mod headers;
mod license_names;
mod manifest;
mod ndb;
mod package;
mod settle;
mod sqlite;
mod sqlite_record;
mod wal;

#[cfg(test)]
mod tests;

pub(crate) use ecosystem::Rpm;
