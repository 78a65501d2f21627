//! Signing from outside: keys, services, trust. One program, so that it is linked once.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod ambient;
mod keys;
mod login;
mod loopback;
mod services;
mod trust;
mod vault;
