//! Reading ahead, and layers read in parts.

use std::io::Read;
use std::thread;
use std::time::{Duration, Instant};

use supercargo_content::MediaType;

use crate::{REPOSITORY, at, client, noise, registry};

/// A download goes on while its reader works: both together take little longer than the longer of the two.
#[test]
fn a_slow_reader_and_a_slow_link_overlap() {
    let (registry, _) = registry();
    let blob = registry.put_blob(REPOSITORY, &MediaType::OCI_LAYER_GZIP, &noise(4 << 20));
    registry.change(|quirks| quirks.blob_bytes_per_second = Some(2 << 20));
    let start = Instant::now();
    let mut stream = client().blobs(&at(&registry)).unwrap().open(&blob).unwrap();
    // Two seconds of link, and two of work in 64 steps.
    let mut buffer = vec![0; 64 << 10];
    for _ in 0..64 {
        stream.read_exact(&mut buffer).unwrap();
        thread::sleep(Duration::from_millis(31));
    }
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(1900), "{took:?}");
    assert!(took < Duration::from_millis(3400), "{took:?}");
}
