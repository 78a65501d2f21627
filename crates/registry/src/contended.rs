//! Writing behind a tag, which has no compare-and-swap.
//!
//! Each writer remembers every entry that it has seen, reads again after it wrote, and puts back what is missing, its own
//! entry and those of others, until the tag has stood still for a while. So an entry is lost only if its writer and all
//! that saw it end before a slower writer's stale write.

use std::time::{Duration, Instant};

use supercargo_content::{Descriptor, Digest};

use crate::RegistryError;
use crate::manifest::Manifest;
use crate::options::ReferrersOptions;
use crate::retry::jitter;

/// What one writer does behind one tag.
pub(crate) trait TagWriter {
    /// A manifest ready to be written.
    type Next;

    /// What is behind the tag; `None` when there is no such tag.
    async fn read(&self) -> Result<Option<Manifest>, RegistryError>;

    /// Learns what is there, and gives what has to be written so that nothing that was seen is missing; `None` when
    /// nothing is.
    fn restored(&mut self, current: Option<&Manifest>) -> Result<Option<Self::Next>, RegistryError>;

    /// Writes, unless what was read has changed where the registry can tell. That is no error: it is read again.
    async fn write(&mut self, next: Self::Next, current: Option<&Manifest>) -> Result<(), RegistryError>;
}

/// Writes until everything stands: what is behind the tag then, or `None` after too many rounds.
pub(crate) async fn write_until_calm(
    options: &ReferrersOptions,
    writer: &mut impl TagWriter,
) -> Result<Option<Descriptor>, RegistryError> {
    let rounds = options.write_rounds_max.max(1);
    let (mut written, mut slowest, mut calm) = (0, Duration::ZERO, Calm::default());
    while written <= rounds {
        let started = Instant::now();
        let current = writer.read().await?;
        if let Some(next) = writer.restored(current.as_ref())? {
            if written == rounds {
                break;
            }
            calm = Calm::default();
            writer.write(next, current.as_ref()).await?;
            slowest = slowest.max(started.elapsed());
            written += 1;
            tokio::time::sleep(jitter(Duration::from_millis(20 << written.min(5)))).await;
            continue;
        }
        let Some(current) = current else { break };
        if written == 0 || calm.counts(&current.descriptor.digest) {
            return Ok(Some(current.descriptor));
        }
        tokio::time::sleep(settle(options, slowest)).await;
    }
    Ok(None)
}

/// Long enough for a writer that has read the tag before our write to have written it.
fn settle(options: &ReferrersOptions, slowest: Duration) -> Duration {
    let settle = options.settle.max(slowest.saturating_mul(3));
    settle + jitter(settle / 4)
}

/// Whether the tag has stood still: the same twice, or complete four times while others write.
#[derive(Default)]
struct Calm {
    seen: u32,
    last: Option<Digest>,
}

impl Calm {
    fn counts(&mut self, current: &Digest) -> bool {
        let same = self.last.as_ref() == Some(current);
        self.seen += 1;
        self.last = Some(current.clone());
        same || self.seen >= 4
    }
}
