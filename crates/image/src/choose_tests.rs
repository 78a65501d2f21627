use std::collections::BTreeMap;

use supercargo_content::MediaType;

use super::*;

/// Manifests, indexes and configurations by digest.
#[derive(Default)]
struct Store(BTreeMap<Digest, Vec<u8>>);

impl Store {
    fn put(&mut self, media_type: MediaType, json: &str) -> Descriptor {
        let descriptor = Descriptor::of(media_type, json.as_bytes());
        self.0.insert(descriptor.digest.clone(), json.as_bytes().to_vec());
        descriptor
    }

    fn image(&mut self, platform: &str) -> Descriptor {
        let (os, architecture) = platform.split_once('/').unwrap();
        let config = format!(r#"{{"os":"{os}","architecture":"{architecture}"}}"#);
        let config = self.put(MediaType::OCI_CONFIG, &config);
        self.put(
            MediaType::OCI_MANIFEST,
            &format!(r#"{{"schemaVersion":2,"config":{},"layers":[]}}"#, json(&config)),
        )
    }

    fn index(&mut self, entries: &[Descriptor]) -> Descriptor {
        let text = index_json(entries);
        self.put(MediaType::OCI_INDEX, &text)
    }

    fn choose(
        &self,
        entries: &[Descriptor],
        choice: &PlatformChoice,
    ) -> Result<Vec<Descriptor>, ResolveError> {
        let index = crate::parse_index(index_json(entries).as_bytes(), &Limits::default()).unwrap();
        choose(&index, choice, "here", &Limits::default(), &mut |what| Ok(self.0[&what.digest].clone()))
    }
}

fn json(what: &Descriptor) -> String {
    let platform = what.platform.as_ref().map_or(String::new(), |platform| {
        let variant = platform.variant.as_ref().map_or(String::new(), |v| format!(r#","variant":"{v}""#));
        format!(
            r#","platform":{{"os":"{}","architecture":"{}"{variant}}}"#,
            platform.os, platform.architecture
        )
    });
    let annotations = serde_json::to_string(&what.annotations).unwrap();
    let artifact = what.artifact_type.as_ref().map_or(String::new(), |a| format!(r#","artifactType":"{a}""#));
    format!(
        r#"{{"mediaType":"{}","digest":"{}","size":{},"annotations":{annotations}{platform}{artifact}}}"#,
        what.media_type, what.digest, what.size
    )
}

fn index_json(entries: &[Descriptor]) -> String {
    format!(
        r#"{{"schemaVersion":2,"manifests":[{}]}}"#,
        entries.iter().map(json).collect::<Vec<_>>().join(",")
    )
}

/// A manifest that is never fetched, told apart by `name`.
fn entry(name: &str, platform: &str) -> Descriptor {
    let mut descriptor = Descriptor::of(MediaType::OCI_MANIFEST, name.as_bytes());
    descriptor.platform = platform.parse().ok();
    descriptor
}

fn only(platform: &str) -> PlatformChoice {
    PlatformChoice::Only(platform.parse().unwrap())
}

#[test]
fn exact_platforms_win_over_mere_fits() {
    let entries = [
        entry("v6", "linux/arm/v6"),
        entry("v7", "linux/arm/v7"),
        entry("a1", "linux/amd64"),
        entry("a3", "linux/amd64/v3"),
        entry("a8", "linux/arm64/v8"),
    ];
    let chosen = |platform: &str| Store::default().choose(&entries, &only(platform)).map(|mut c| c.remove(0));
    assert_eq!(chosen("linux/arm/v7").unwrap().digest, entries[1].digest);
    assert_eq!(chosen("linux/amd64").unwrap().digest, entries[2].digest);
    assert_eq!(chosen("linux/amd64/v3").unwrap().digest, entries[3].digest);
    assert_eq!(chosen("linux/arm64").unwrap().digest, entries[4].digest);
    let error = chosen("linux/arm").unwrap_err().to_string();
    assert!(error.contains("linux/arm/v6 (sha256:") && error.contains("linux/arm/v7"), "{error}");
    let error = chosen("linux/s390x").unwrap_err();
    assert!(matches!(&error, ResolveError::Platform { there, .. } if there.contains("linux/amd64/v3")));
}

#[test]
fn attestations_and_artifacts_are_passed_over() {
    let image = entry("image", "linux/amd64");
    let mut attestation = entry("attestation", "unknown/unknown");
    attestation.annotations.insert(DOCKER_REFERENCE_TYPE.into(), "attestation-manifest".into());
    attestation.annotations.insert(DOCKER_REFERENCE_DIGEST.into(), image.digest.to_string());
    let mut artifact = entry("artifact", "linux/amd64");
    artifact.artifact_type = Some(MediaType::SIGSTORE_BUNDLE_V03);
    let entries = [attestation.clone(), artifact, image.clone()];
    for choice in [PlatformChoice::All, only("linux/amd64")] {
        let chosen = Store::default().choose(&entries, &choice).unwrap();
        assert_eq!(chosen.iter().map(|c| &c.digest).collect::<Vec<_>>(), [&image.digest]);
    }
    let index = crate::parse_index(index_json(&entries).as_bytes(), &Limits::default()).unwrap();
    assert_eq!(buildkit_attestations(&index, &image.digest)[0].digest, attestation.digest);
    assert!(buildkit_attestations(&index, &attestation.digest).is_empty());
}

#[test]
fn all_keeps_the_order_and_takes_each_once() {
    let mut store = Store::default();
    let (a, b) = (entry("a", "linux/amd64"), entry("b", "linux/arm64"));
    let nested = store.index(&[b.clone(), a.clone()]);
    let chosen = store.choose(&[nested, a.clone()], &PlatformChoice::All).unwrap();
    assert_eq!(chosen.iter().map(|c| &c.digest).collect::<Vec<_>>(), [&b.digest, &a.digest]);
}

#[test]
fn an_index_of_nothing_has_no_image() {
    let found = Store::default().choose(&[], &PlatformChoice::All);
    assert!(matches!(found, Err(ResolveError::Platform { there, .. }) if there == "no image"));
}

#[test]
fn entries_without_platform_ask_their_configuration() {
    let mut store = Store::default();
    let (amd, arm) = (store.image("linux/amd64"), store.image("linux/arm64"));
    let chosen = store.choose(&[amd.clone(), arm.clone()], &only("linux/arm64")).unwrap();
    assert_eq!(chosen[0].digest, arm.digest);
    assert_eq!(store.choose(std::slice::from_ref(&amd), &only("linux/arm64")).unwrap()[0].digest, amd.digest);
}

#[test]
fn nesting_is_bounded() {
    let mut store = Store::default();
    let mut at = store.image("linux/amd64");
    for _ in 0..Limits::default().nesting_depth_max {
        at = store.index(&[at]);
    }
    assert!(store.choose(std::slice::from_ref(&at), &PlatformChoice::All).is_ok());
    let deeper = store.index(&[at]);
    let found = store.choose(&[deeper], &PlatformChoice::All);
    assert!(
        matches!(found, Err(ResolveError::Damaged { reason, .. }) if *reason == DocumentError::TooDeep { limit: 8 })
    );
}

/// With real digests a loop cannot be made; a store that does not check must still not hang us.
#[test]
fn loops_are_errors() {
    let at = Descriptor::of(MediaType::OCI_INDEX, b"loop");
    let index = crate::parse_index(index_json(&[at]).as_bytes(), &Limits::default()).unwrap();
    let same = |what: &Descriptor| Ok(index_json(std::slice::from_ref(what)).into_bytes());
    let found = choose(&index, &PlatformChoice::All, "here", &Limits::default(), &mut { same });
    assert!(matches!(found, Err(ResolveError::Damaged { reason, .. }) if *reason == DocumentError::Loop));
}

#[test]
fn many_manifests_in_many_indexes_hit_the_limit() {
    let mut store = Store::default();
    let limits = Limits { manifests_max: 10, ..Limits::default() };
    let nested: Vec<Descriptor> = (0..3)
        .map(|i| store.index(&(0..5).map(|j| entry(&format!("{i}{j}"), "linux/amd64")).collect::<Vec<_>>()))
        .collect();
    let index = crate::parse_index(index_json(&nested).as_bytes(), &limits).unwrap();
    let mut fetch = |what: &Descriptor| Ok(store.0[&what.digest].clone());
    let found = choose(&index, &PlatformChoice::All, "here", &limits, &mut fetch);
    assert!(matches!(found, Err(ResolveError::Limit { limit: 10, .. })));
}
