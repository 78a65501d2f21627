//! Layers from the outside: hostile archives, and a second reader.

#[cfg(test)]
mod hostile;
#[cfg(test)]
mod lazy;
#[cfg(test)]
mod oracle;
#[cfg(test)]
mod passing;
#[cfg(test)]
mod soci;
#[cfg(test)]
mod support;
#[cfg(test)]
mod unnamed;
