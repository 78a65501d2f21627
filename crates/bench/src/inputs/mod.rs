//! Inputs of measurements that are the same on every machine: made from a seed, or from committed fixtures.

mod documents;
mod files;
mod jars;
mod layers;
mod random;

pub use documents::document;
pub use files::{InputFile, candidates, generated};
pub use layers::{image_layers, layer_tar, packages_tar};
pub use random::Random;
