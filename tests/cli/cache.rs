//! The cache through the whole program: what it saves, what it survives, and that nothing shows it.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Child, Stdio};
use std::time::Duration;

use serde_json::Value;
use supercargo::content::MediaType;
use supercargo::sbom::ALL;
use supercargo_testkit::TextImage;
use supercargo_testkit::registry::{Fault, TestRegistry};

use super::stage::{SMALL, Stage};

impl Stage {
    /// Takes the layers out of the layout: only their records can answer now.
    fn remove_layers(&self) {
        for layer in TextImage::parse(SMALL).expect("image").layers().expect("layers") {
            let blob = self.path("layout/blobs/sha256").join(layer.blob.digest.hex());
            fs::remove_file(blob).expect("blob");
        }
    }

    fn info(&self, arguments: &str) -> Value {
        let done = self.run(&format!("cache info --json {arguments}")).succeeds();
        serde_json::from_str(&done.stdout).expect("json")
    }

    fn start(&self, line: &str) -> Child {
        let mut command = crate::support::supercargo();
        command.current_dir(self.path("")).args(line.split_whitespace());
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs")
    }
}

#[test]
fn a_warm_scan_gives_the_same_bytes_in_every_format_and_reads_no_layer() {
    let stage = Stage::with(SMALL);
    let outputs = || -> Vec<String> {
        ALL.iter()
            .map(|format| {
                let line = format!("scan oci:layout --cache-dir records -o {}", format.id());
                stage.run(&line).succeeds().stdout
            })
            .collect()
    };
    let never: Vec<String> = ALL
        .iter()
        .map(|format| stage.run(&format!("scan oci:layout --no-cache -o {}", format.id())).succeeds().stdout)
        .collect();
    let cold = outputs();
    stage.remove_layers();
    assert!(cold == never && outputs() == never);
    stage.run("scan oci:layout --no-cache").fails(3, "layer");
    let done = stage.run("scan oci:layout --cache-dir records --verbose").succeeds();
    assert!(done.stderr.contains("2 of 2 layers came from the cache"), "{done:#?}");
    assert_eq!(stage.run("scan oci:layout --cache-dir records").succeeds().stderr, "");
}

#[test]
fn problems_are_told_again_and_strict_stays_strict() {
    let stage = Stage::with("-- layer 0 gzip --\n-- file opt/x-1.dist-info/METADATA --\nName: x\n");
    for _ in 0..2 {
        stage.run("scan oci:layout --strict --cache-dir records").fails(4, "1 problem in");
    }
}

#[test]
fn what_is_attested_from_the_cache_is_what_a_scan_finds() {
    let stage = Stage::new();
    stage.run("scan oci:layout --cache-dir records -o cyclonedx-json=a.cdx.json").succeeds();
    stage.remove_layers();
    stage.run("attest oci:layout --key demo.key --cache-dir records").succeeds();
    stage.run("fetch oci:layout --key demo.pub --type cyclonedx -o b.cdx.json").succeeds();
    let read = |name: &str| fs::read(stage.path(name)).expect("file");
    assert!(read("a.cdx.json") == read("b.cdx.json"));
}

#[test]
fn the_folder_is_the_users_own() {
    let stage = Stage::with(SMALL);
    let home = stage.path("home").display().to_string();
    stage.run_in("scan oci:layout", &[("XDG_CACHE_HOME", ""), ("HOME", &home)]).succeeds();
    assert!(stage.path("home/.cache/supercargo/records/v1/layer").is_dir());
    let stated = stage.path("stated").display().to_string();
    stage.run_in("scan oci:layout", &[("XDG_CACHE_HOME", &stated)]).succeeds();
    assert!(stage.path("stated/supercargo/records/v1/image").is_dir());
    stage.run_in("scan oci:layout", &[("XDG_CACHE_HOME", "relative"), ("HOME", &home)]).succeeds();
    assert!(!stage.path("relative").exists());
    let nowhere = [("XDG_CACHE_HOME", ""), ("HOME", "")];
    assert_eq!(stage.run_in("scan oci:layout", &nowhere).succeeds().stderr, "");
    stage.run_in("cache info", &nowhere).fails(2, "--cache-dir");
    stage.run("scan oci:layout --no-cache --cache-dir records").fails(2, "cannot be used with");
}

#[test]
fn the_cache_can_be_looked_into_and_pruned() {
    let stage = Stage::with(SMALL);
    stage.run("scan oci:layout --cache-dir records").succeeds();
    let info = stage.info("--cache-dir records");
    assert_eq!((info["layers"]["files"].as_u64(), info["images"]["files"].as_u64()), (Some(2), Some(1)));
    stage.run("cache info --cache-dir records").succeeds().says("layers     2 files, ");
    stage.run("cache prune --cache-dir records").succeeds().says("removed    0 files, 0 bytes");
    stage.run("cache prune --cache-dir records --max-size 0").succeeds().says("kept       0 files, 0 bytes");
    stage.run("scan oci:layout --cache-dir records").succeeds();
    stage.run("cache prune --cache-dir records --max-age 1").succeeds().says("kept       3 files");
    stage.run("cache prune --cache-dir records --all --json").succeeds().says("\"removed\"");
    assert_eq!(stage.info("--cache-dir records")["layers"]["files"], 0);
    stage.run("cache prune --all --max-age 1").fails(2, "cannot be used with");
}

#[cfg(unix)]
#[test]
fn a_folder_that_cannot_be_trusted_or_made_is_a_note() {
    use std::os::unix::fs::PermissionsExt;
    let stage = Stage::with(SMALL);
    fs::create_dir(stage.path("open")).expect("folder");
    fs::set_permissions(stage.path("open"), fs::Permissions::from_mode(0o777)).expect("mode");
    let done = stage.run("scan oci:layout --cache-dir open").succeeds();
    assert!(done.stderr.contains("is not used") && done.stderr.contains("777"), "{done:#?}");
    stage.run("cache info --cache-dir open").fails(1, "is not used");
    let done = stage.run("scan oci:layout --cache-dir layout/index.json/records").succeeds();
    assert!(done.stderr.contains("every layer is read"), "{done:#?}");
}

#[test]
fn records_of_another_format_are_passed_over_and_replaced() {
    let stage = Stage::with(SMALL);
    let scan = || stage.run("scan oci:layout --cache-dir records -o cyclonedx-json").succeeds();
    let bytes = scan().stdout;
    for path in crate::support::files(&stage.path("records/v1"), "") {
        let mut record = fs::read(&path).expect("record");
        if let Some(format) = record.get_mut(18) {
            *format += 1;
        }
        fs::write(&path, record).expect("record");
    }
    let again = scan();
    assert!(again.stdout == bytes && again.stderr.contains("expected format"), "{again:#?}");
    assert_eq!(scan().stderr, "");
}

#[test]
fn sixteen_processes_share_a_folder() {
    let stage = Stage::with(SMALL);
    let line = "scan oci:layout --cache-dir records -o cyclonedx-json";
    let expected = stage.run("scan oci:layout --no-cache -o cyclonedx-json").succeeds().stdout;
    let children: Vec<Child> = (0..16).map(|_| stage.start(line)).collect();
    for child in children {
        let output = child.wait_with_output().expect("it ends");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        assert!(output.stdout == expected.as_bytes());
    }
    let info = stage.info("--cache-dir records");
    assert_eq!((info["layers"]["files"].as_u64(), info["temporary"]["files"].as_u64()), (Some(2), Some(0)));
}

#[test]
fn a_killed_scan_leaves_a_cache_that_the_next_one_uses() {
    let stage = Stage::with(SMALL);
    let line = "scan oci:layout --cache-dir records -o cyclonedx-json";
    let expected = stage.run("scan oci:layout --no-cache -o cyclonedx-json").succeeds().stdout;
    for round in 0..40 {
        let mut child = stage.start(line);
        std::thread::sleep(Duration::from_micros(500 * round));
        child.kill().expect("kill");
        child.wait().expect("it ends");
        if round % 8 == 7 {
            let done = stage.run(line).succeeds();
            assert!(done.stdout == expected && done.stderr.is_empty(), "{done:#?}");
            stage.run("cache prune --all --cache-dir records").succeeds();
        }
    }
}

const PUSH: &str = "--layer-cache-push --layer-cache-signing-key demo.key";

/// A stage, a registry, and what is said on the command line to use it.
fn shared() -> (Stage, TestRegistry, String) {
    let (stage, registry) = (Stage::new(), TestRegistry::start().expect("registry"));
    let layer_cache = format!("--layer-cache {}/team/cache", registry.host());
    (stage, registry, layer_cache)
}

/// Names of the records that were put into the registry.
fn tags(registry: &TestRegistry) -> BTreeSet<String> {
    let puts = registry.seen().into_iter().filter(|seen| seen.method == "PUT");
    puts.filter_map(|seen| Some(seen.path.split_once("/manifests/")?.1.to_owned())).collect()
}

#[test]
fn a_fresh_machine_is_warm_by_the_registry_and_stays_so_without_it() {
    let (stage, registry, layer_cache) = shared();
    let bytes =
        stage.run(&format!("scan oci:layout --no-cache -o purl {layer_cache} {PUSH}")).succeeds().stdout;
    assert_eq!(tags(&registry).len(), 3, "{:?}", tags(&registry));
    stage.remove_layers();
    let pull = format!("scan oci:layout -o purl --cache-dir fresh {layer_cache} --layer-cache-key demo.pub");
    let done = stage.run(&pull).succeeds();
    assert!(done.stdout == bytes && done.stderr.is_empty(), "{done:#?}");
    let asked = registry.seen().len();
    assert_eq!(stage.run(&pull).succeeds().stdout, bytes);
    assert_eq!(registry.seen().len(), asked, "the folder has it by now");
    stage.run("scan oci:layout --cache-dir fresh").fails(3, "layer");
    stage.run("key generate --output-key-prefix other").succeeds();
    let other = pull.replace("demo.pub", "other.pub");
    stage.run(&other).fails(3, "layer");
}

#[test]
fn a_warm_machine_shares_what_it_knows() {
    let (stage, registry, layer_cache) = shared();
    stage.run("scan oci:layout --cache-dir records").succeeds();
    stage.run(&format!("scan oci:layout --cache-dir records {layer_cache} {PUSH}")).succeeds();
    assert_eq!(tags(&registry).len(), 3, "{:?}", tags(&registry));
    let puts = registry.count("PUT", "/manifests/");
    stage.run(&format!("scan oci:layout --cache-dir records {layer_cache} {PUSH}")).succeeds();
    assert_eq!(registry.count("PUT", "/manifests/"), puts, "what is there is not put again");
}

/// Changes what the registry has under a tag, and gives the notes of a scan with nothing but the registry.
fn after(change: impl Fn(&TestRegistry, &str, &Value)) -> (super::stage::Done, Stage) {
    let (stage, registry, layer_cache) = shared();
    stage.run(&format!("scan oci:layout --no-cache {layer_cache} {PUSH}")).succeeds();
    for tag in tags(&registry) {
        let manifest = registry.manifest("team/cache", &tag).expect("manifest");
        change(&registry, &tag, &serde_json::from_slice(&manifest).expect("json"));
    }
    let pull = format!("scan oci:layout --no-cache -o purl {layer_cache} --layer-cache-key demo.pub");
    let done = stage.run(&pull).succeeds();
    assert_eq!(done.stdout, stage.run("scan oci:layout --no-cache -o purl").succeeds().stdout);
    (done, stage)
}

fn put(registry: &TestRegistry, tag: &str, manifest: &Value) {
    registry.put_manifest("team/cache", tag, &MediaType::OCI_MANIFEST, manifest.to_string().as_bytes());
}

#[test]
fn a_changed_record_in_the_registry_does_not_count() {
    let (done, _) = after(|registry, tag, manifest| {
        let forged = registry.put_blob("team/cache", &MediaType::new("x"), b"a record of my own");
        let mut manifest = manifest.clone();
        manifest["layers"][0]["digest"] = forged.digest.to_string().into();
        manifest["layers"][0]["size"] = forged.size.into();
        put(registry, tag, &manifest);
    });
    assert!(done.stderr.contains("does not count") && done.stderr.contains("subject"), "{done:#?}");
}

#[test]
fn an_unsigned_record_in_the_registry_does_not_count() {
    let (done, _) = after(|registry, tag, manifest| {
        let mut manifest = manifest.clone();
        manifest["layers"].as_array_mut().expect("layers").pop();
        put(registry, tag, &manifest);
    });
    assert!(done.stderr.contains("expected a record and its bundle"), "{done:#?}");
}

#[test]
fn a_record_under_the_tag_of_another_does_not_count() {
    let (done, _) = after(|registry, tag, _| {
        let mut tags: Vec<String> = tags(registry).into_iter().collect();
        tags.retain(|other| other != tag && other.starts_with("layer-"));
        let other = tags.first().expect("another layer");
        let manifest = registry.manifest("team/cache", other).expect("manifest");
        registry.put_manifest("team/cache", tag, &MediaType::OCI_MANIFEST, &manifest);
    });
    assert!(done.stderr.contains("expected a statement about the record"), "{done:#?}");
}

#[test]
fn a_registry_that_fails_is_one_note_and_nobody_waits_for_it_again() {
    let (stage, registry, layer_cache) = shared();
    registry.change(|quirks| quirks.faults = vec![Fault::new("GET", "/manifests/", 403).times(100)]);
    let line = format!("scan oci:layout --no-cache {layer_cache} --layer-cache-key demo.pub --threads 1");
    let done = stage.run(&line).succeeds();
    assert_eq!(done.stderr.matches("is not used any further").count(), 1, "{done:#?}");
    assert_eq!(registry.count("GET", "/manifests/"), 1);
}

#[test]
fn whose_records_count_must_be_said() {
    let (stage, _registry, layer_cache) = shared();
    stage.run(&format!("scan oci:layout {layer_cache}")).fails(2, "--layer-cache-key PUB");
    stage
        .run("scan oci:layout --layer-cache oci:x --layer-cache-key demo.pub")
        .fails(2, "cannot hold a layer cache");
    stage.run("scan oci:layout --layer-cache-key demo.pub").fails(2, "--layer-cache <REF>");
    stage.run(&format!("scan oci:layout {layer_cache} --layer-cache-identity a@b.c")).fails(2, "issuer");
    stage
        .run(&format!("scan oci:layout {layer_cache} --layer-cache-push"))
        .fails(2, "nobody is named who signs");
}
