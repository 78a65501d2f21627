//! Records of layers and images: no bytes make reading panic, and what is read is written and read the same again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supercargo_content::{Descriptor, Digest, Limits, MediaType};
use supercargo_ecosystems::ALL;
use supercargo_image::ImageLayer;
use supercargo_inventory::LayerRef;
use supercargo_scan::{
    KeyMaker, LayerRecord, RecordKey, RecordLimits, SealedRecord, seal_inventory, unseal_inventory,
};

const LIMITS: RecordLimits =
    RecordLimits { record_bytes_max: 1 << 20, items_max: 10_000, text_bytes_max: 1 << 16 };

/// Head and checksum are made here, so that the fuzzer need not find them. The first byte chooses the kind.
fn sealed(key: &RecordKey, body: &[u8]) -> Option<SealedRecord> {
    let empty = LayerRecord::unread(place(), supercargo_inventory::Problem::malformed(""));
    let mut bytes = empty.seal(key).ok()?.bytes().get(..52)?.to_vec();
    bytes.extend_from_slice(body);
    bytes.extend(Digest::sha256_of(&bytes).to_bytes());
    SealedRecord::open(bytes, key, &LIMITS).ok()
}

fn place() -> LayerRef {
    LayerRef { index: 1, diff_id: Some(Digest::sha256_of(b"diff")), blob: Some(Digest::sha256_of(b"blob")) }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((&kind, body)) = bytes.split_first() else { return };
    let layer = ImageLayer {
        blob: Descriptor::of(MediaType::OCI_LAYER, b"blob"),
        diff_id: Digest::sha256_of(b"diff"),
    };
    let keys = KeyMaker::new(ALL, &Limits::default());
    let _foreign = SealedRecord::open(bytes.to_vec(), &keys.layer(&layer), &LIMITS);
    if kind & 1 == 0 {
        let key = keys.layer(&layer);
        let Some(sealed) = sealed(&key, body) else { return };
        let Ok(record) = LayerRecord::unseal(&sealed, place(), ALL, &LIMITS) else { return };
        let again = record.seal(&key).expect("what was read can be written");
        let again = LayerRecord::unseal(&again, place(), ALL, &RecordLimits::default()).expect("and read");
        assert_eq!(format!("{again:?}"), format!("{record:?}"));
    } else {
        let key = keys.image(&[layer]);
        let Some(sealed) = sealed(&key, body) else { return };
        let Ok(inventory) = unseal_inventory(&sealed, ALL, &LIMITS) else { return };
        // Two packages of one purl, or two equal layers, are read; a scan never writes them.
        let Ok(again) = seal_inventory(&inventory, &key) else { return };
        unseal_inventory(&again, ALL, &RecordLimits::default()).expect("what was written can be read");
    }
});
