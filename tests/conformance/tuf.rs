//! The roots of the production repository, walked one by one from the cache, with a clock of our own.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use supercargo::signing::{TrustError, TufCache, TufRepository, from_cache};

use crate::support::suite;

/// A cache of the roots of the suite, with some left out or put in another's place.
#[derive(Default)]
struct Roots(Mutex<BTreeMap<String, Vec<u8>>>);

impl TufCache for Roots {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().expect("cache").get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().expect("cache").insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// The version that is reached from root 5, when each later version is what `file` says.
fn reached(file: impl Fn(u64) -> Option<u64>, now: &str) -> Option<Result<u64, TrustError>> {
    let folder = suite("sigstore/tuf")?;
    let read = |version: u64| std::fs::read(folder.join(format!("{version}.root.json"))).expect("root");
    let cache = Roots::default();
    // Something must be kept; what it is does not matter, since the root is judged first.
    cache.store("timestamp.json", b"{}").expect("cache");
    for version in 6..=15 {
        if let Some(found) = file(version) {
            cache.store(&format!("root_history/{version}.root.json"), &read(found)).expect("cache");
        }
    }
    let cache: Arc<dyn TufCache> = Arc::new(cache);
    let repository = TufRepository::private("https://tuf.example", read(5));
    let refused = from_cache(&repository, &cache, now.parse().expect("time")).expect_err("no metadata");
    Some(match refused {
        TrustError::RootExpired { version, .. } => Ok(version),
        other => Err(other),
    })
}

#[test]
fn every_step_from_root_5_to_15_passes_and_15_has_expired() {
    for now in ["2100-01-01T00:00:00Z", "2026-11-20T13:58:19Z"] {
        let Some(version) = reached(Some, now) else { return };
        assert_eq!(version, Ok(15), "{now}");
    }
    let Some(outcome) = reached(Some, "2026-11-20T13:58:18Z") else { return };
    assert!(matches!(outcome, Err(TrustError::Malformed { .. })), "fresh enough: {outcome:?}");
}

#[test]
fn a_skipped_or_swapped_root_ends_the_walk() {
    let late = "2100-01-01T00:00:00Z";
    let Some(skipped) = reached(|version| Some(version).filter(|&version| version != 9), late) else {
        return;
    };
    assert_eq!(skipped, Ok(8));
    let swap = |version| match version {
        9 => Some(10),
        10 => Some(9),
        other => Some(other),
    };
    assert_eq!(reached(swap, late), Some(Ok(8)));
}
