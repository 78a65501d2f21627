//! The rules that ARCHITECTURE.md states, read from the source.

mod documents;
mod layers;
mod source;
