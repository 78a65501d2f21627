//! Layers in parallel, one pass each.

use std::io::{self, Read};
use std::path::Path;

use supercargo_content::{Descriptor, Limits};
use supercargo_ecosystems::{ALL, Matcher};
use supercargo_image::{Blobs, Content, Image, ImageLayer};
use supercargo_inventory::{Inventory, LayerRef, Problem, ProblemKind};
use supercargo_layer::{Budget, LayerInput, LayerReader, Overlap};

use crate::cache::Shelf;
use crate::collect::Collector;
use crate::lazy::ByToc;
use crate::record::PackedRecord;
use crate::soci::Soci;
use crate::{LayerRecord, NoRecords, PassedLayers, RecordStore, Reuse, ScanError, join, workers};

/// Settings of a scan.
#[derive(Debug, Clone, Default)]
pub struct ScanOptions {
    /// Threads that read layers; 0 is one per core. The answer does not depend on it.
    pub threads: usize,
    /// Bounds on hostile input.
    pub limits: Limits,
    /// Whether layers with a table of contents are read whole all the same, so that all their digests are checked.
    pub full: bool,
}

/// Whoever wants to show how far a scan is. Called from several threads.
pub trait Progress: Sync {
    /// The scan begins: so many layers with so many bytes in all.
    fn start(&self, _layers: u64, _bytes: u64) {}
    /// So many more bytes have been read.
    fn read(&self, _bytes: u64) {}
    /// One more layer is done.
    fn layer_done(&self) {}
}

/// Shows nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Progress for Silent {}

/// Reads every layer of an image once and lists what is visible in the finished image.
///
/// Fails only when the image itself is unreadable: a layer whose bytes are not what its digests promise, or cannot be
/// had. Everything else is a problem in the inventory.
pub fn scan(image: &Image, options: &ScanOptions, progress: &dyn Progress) -> Result<Inventory, ScanError> {
    Ok(scan_known(image, &Known::default(), options, progress)?.inventory)
}

/// What is known of layers before a scan.
#[derive(Clone, Copy)]
pub struct Known<'a> {
    /// Layers that have passed by in a stream: they are not opened.
    pub passed: &'a PassedLayers,
    /// Records of earlier scans.
    pub store: &'a dyn RecordStore,
    /// A SOCI index that hangs on the image, for one that names none. Whoever wrote it decides what the files of the
    /// layers that it is about say.
    pub soci_index: Option<&'a Descriptor>,
}

impl Default for Known<'_> {
    fn default() -> Self {
        Self { passed: &NOTHING_PASSED, store: &NoRecords, soci_index: None }
    }
}

static NOTHING_PASSED: PassedLayers = PassedLayers::new();

/// What a scan found, and how much of it was known before.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    /// What is in the image.
    pub inventory: Inventory,
    /// What came from the store.
    pub reuse: Reuse,
}

/// As [`scan`], for an image some of whose layers have passed by in a stream.
///
/// # Errors
/// Those of [`scan`].
pub fn scan_passed(
    image: &Image,
    passed: &PassedLayers,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Inventory, ScanError> {
    Ok(scan_known(image, &Known { passed, ..Known::default() }, options, progress)?.inventory)
}

/// As [`scan`], with the records of earlier scans.
///
/// # Errors
/// Those of [`scan`].
pub fn scan_with_records(
    image: &Image,
    options: &ScanOptions,
    store: &dyn RecordStore,
    progress: &dyn Progress,
) -> Result<Scanned, ScanError> {
    scan_known(image, &Known { store, ..Known::default() }, options, progress)
}

/// As [`scan`], but a layer that passed by or of which there is a record is not read, and an image that the store knows
/// is not even joined. The inventory is the same. Records of what was read are put into the store, but only when all
/// digests were compared.
///
/// # Errors
/// Those of [`scan`].
pub fn scan_known(
    image: &Image,
    known: &Known<'_>,
    options: &ScanOptions,
    progress: &dyn Progress,
) -> Result<Scanned, ScanError> {
    let soci = if options.full { Soci::None } else { Soci::of(image, known.soci_index, &options.limits) };
    let shelf = Shelf::new(known.store, ALL, options, &soci);
    if let Content::Layers { layers, .. } = &image.content
        && layers.len() <= options.limits.layers_max
        && known.passed.is_empty()
        && let Some(inventory) = shelf.inventory(layers)
    {
        let reuse = Reuse { layers: layers.len() as u64, image: true, ..shelf.reuse() };
        return Ok(Scanned { inventory, reuse });
    }
    let matcher = Matcher::compile(ALL).map_err(ScanError::Table)?;
    let job = Job {
        image,
        passed: known.passed,
        matcher,
        limits: &options.limits,
        full: options.full,
        budget: Budget::new(options.limits.buffered_bytes_max),
        progress,
        apart: lone_layer(image, options.threads),
        shelf: &shelf,
        soci: &soci,
    };
    let records = match &image.content {
        Content::Folder(folder) => vec![job.folder(folder)?],
        Content::Layers { layers, blobs } => job.layers(layers, blobs.as_ref(), options.threads)?,
    };
    // The buffers go before the join, so that the two never add up.
    drop(job);
    let inventory = join::join(&records, ALL).map_err(ScanError::Record)?;
    if let Content::Layers { layers, .. } = &image.content {
        shelf.keep_inventory(layers, &records, &inventory);
    }
    Ok(Scanned { inventory, reuse: shelf.reuse() })
}

/// Bytes of a layer for which a second thread is worth it. What goes to another core is read from slower memory there, and
/// two digests in one place cost less than two in two: a tenth of the time is won for an eighth more CPU.
const LONE_BYTES_MIN: u64 = 64 << 20;

/// The size of a layer that has more than nine tenths of all bytes and is large, where there is more than one thread.
fn lone_layer(image: &Image, threads: usize) -> Option<u64> {
    let Content::Layers { layers, .. } = &image.content else { return None };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = if threads == 0 { cores } else { threads.min(cores) };
    let sizes = layers.iter().map(|layer| layer.blob.size);
    let (largest, all) = (sizes.clone().max()?, sizes.fold(0, u64::saturating_add));
    (threads > 1 && largest >= LONE_BYTES_MIN && largest > all / 10 * 9).then_some(largest)
}

/// What the threads of one scan share.
pub(crate) struct Job<'a> {
    image: &'a Image,
    passed: &'a PassedLayers,
    pub(crate) matcher: Matcher,
    pub(crate) limits: &'a Limits,
    pub(crate) full: bool,
    pub(crate) budget: Budget,
    pub(crate) progress: &'a dyn Progress,
    /// The size of the one layer that is nearly all of the image, if another thread would be idle beside it.
    apart: Option<u64>,
    shelf: &'a Shelf<'a>,
    pub(crate) soci: &'a Soci,
}

impl Job<'_> {
    /// All layers, in their order, read on `threads` threads; the largest are started first.
    fn layers(
        &self,
        layers: &[ImageLayer],
        blobs: &dyn Blobs,
        threads: usize,
    ) -> Result<Vec<PackedRecord>, ScanError> {
        if layers.len() > self.limits.layers_max {
            let (image, found, limit) = (self.name(), layers.len(), self.limits.layers_max);
            return Err(ScanError::TooManyLayers { image, found, limit });
        }
        self.progress.start(layers.len() as u64, layers.iter().map(|layer| layer.blob.size).sum());
        let mut order: Vec<usize> = (0..layers.len()).collect();
        order.sort_by_key(|&index| layers.get(index).map(|layer| std::cmp::Reverse(layer.blob.size)));
        let read = |index| Some((index, self.layer(index, layers.get(index)?, blobs)));
        let records = workers::run(threads, &order, read);
        let mut records = records.map_err(|source| ScanError::Threads { threads, source })?;
        records.sort_by_key(|record| record.as_ref().map(|(index, _)| *index));
        records.into_iter().flatten().map(|(_, record)| record).collect()
    }

    fn layer(&self, index: usize, layer: &ImageLayer, blobs: &dyn Blobs) -> Result<PackedRecord, ScanError> {
        let place = LayerRef {
            index: u32::try_from(index).unwrap_or(u32::MAX),
            diff_id: Some(layer.diff_id.clone()),
            blob: Some(layer.blob.digest.clone()),
        };
        let record = if layer.blob.media_type.is_foreign_layer() {
            PackedRecord::pack(&foreign(place, layer)).map_err(Fault::from)
        } else {
            match self.passed.find(layer, &place) {
                Some(record) => record.map_err(Fault::from),
                None => self.known_or_read(place, layer, blobs),
            }
        };
        self.progress.layer_done();
        record.map_err(|source| ScanError::Layer {
            index,
            digest: layer.blob.digest.clone(),
            image: self.name(),
            source,
        })
    }

    fn known_or_read(
        &self,
        place: LayerRef,
        layer: &ImageLayer,
        blobs: &dyn Blobs,
    ) -> Result<PackedRecord, Fault> {
        if let Some(record) = self.shelf.layer(&place, layer) {
            return Ok(record);
        }
        let record = PackedRecord::pack(&self.read(place, layer, blobs)?)?;
        self.shelf.keep_layer(layer, &record);
        Ok(record)
    }

    fn read(&self, place: LayerRef, layer: &ImageLayer, blobs: &dyn Blobs) -> Result<LayerRecord, Fault> {
        let why_whole = match self.read_by_toc(&place, layer, blobs)? {
            ByToc::Read(record) => return Ok(record),
            ByToc::Whole(why) => why,
        };
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let input = LayerInput { descriptor: &layer.blob, diff_id: &layer.diff_id };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits);
        let overlap = if self.apart == Some(layer.blob.size) { Overlap::Digest } else { Overlap::None };
        let blob = self.open(layer, blobs)?;
        let mut pass = reader.read_overlapped(blob, &input, &mut collector, overlap)?;
        if !pass.links.is_empty() {
            let second = reader.read_links(self.open(layer, blobs)?, &input, &pass.links, &mut collector)?;
            pass.problems.extend(second.problems);
            pass.verified &= second.verified;
        }
        pass.problems.extend(why_whole);
        Ok(collector.record(place, pass))
    }

    fn open<'b>(&'b self, layer: &ImageLayer, blobs: &'b dyn Blobs) -> Result<impl Read + 'b, Fault> {
        Ok(Counted { inner: blobs.blob(&layer.blob)?, progress: self.progress })
    }

    fn folder(&self, folder: &Path) -> Result<PackedRecord, ScanError> {
        self.progress.start(1, 0);
        let reader = LayerReader { limits: self.limits, budget: &self.budget };
        let mut collector = Collector::new(ALL, &self.matcher, self.limits);
        let walked = reader.walk_folder(folder, &mut collector);
        let pass =
            walked.map_err(|source| ScanError::Folder { folder: folder.display().to_string(), source })?;
        self.progress.layer_done();
        let record = collector.record(LayerRef { index: 0, diff_id: None, blob: None }, pass);
        PackedRecord::pack(&record).map_err(ScanError::Inexpressible)
    }

    fn name(&self) -> String {
        self.image.reference.to_string()
    }
}

pub(crate) type Fault = Box<dyn std::error::Error + Send + Sync>;

/// A layer whose content need not be in the registry is not read, and the report says so.
fn foreign(place: LayerRef, layer: &ImageLayer) -> LayerRecord {
    let message =
        format!("the content of this layer is elsewhere ({}) and was not read", layer.blob.media_type);
    let problem = Problem { layer: Some(place.clone()), ..Problem::new(ProblemKind::ForeignLayer, message) };
    LayerRecord::unread(place, problem)
}

/// Tells the progress how far a stream is.
pub(crate) struct Counted<'a, R> {
    pub(crate) inner: R,
    pub(crate) progress: &'a dyn Progress,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.progress.read(read as u64);
        Ok(read)
    }
}
