//! `oci-client`, which shares no code with us, reads from the same registry what we wrote to it.

use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::secrets::RegistryAuth;
use oci_client::{Client, Reference};
use supercargo_content::MediaType;
use supercargo_image::Attachments;

use crate::{at, client, note, registry};

#[test]
fn another_client_reads_what_we_attached() {
    for no_referrers_api in [false, true] {
        let (registry, image) = registry();
        registry.change(|quirks| quirks.no_referrers_api = no_referrers_api);
        let attachments = client().attachments(&at(&registry)).unwrap();
        let ours = attachments.attach(&note(&image, "cargo")).unwrap();
        let place = at(&registry);
        let name = |digest: &str| {
            format!("{}/{}@{digest}", place.host, place.repository).parse::<Reference>().unwrap()
        };

        let config = ClientConfig { protocol: ClientProtocol::Http, ..ClientConfig::default() };
        let theirs = Client::new(config);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let subject = name(&image.digest.to_string());
        let list = runtime.block_on(theirs.pull_referrers(&subject, None)).unwrap();
        let digests: Vec<_> = list.manifests.iter().map(|entry| entry.digest.clone()).collect();
        assert_eq!(digests, [ours.digest.to_string()]);

        let manifest = name(&ours.digest.to_string());
        let pull = theirs.pull_image_manifest(&manifest, &RegistryAuth::Anonymous);
        let (manifest, digest) = runtime.block_on(pull).unwrap();
        assert_eq!(digest, ours.digest.to_string());
        assert_eq!(manifest.artifact_type.as_deref(), Some(MediaType::SIGSTORE_BUNDLE_V03.as_str()));
        assert_eq!(manifest.subject.map(|subject| subject.digest), Some(image.digest.to_string()));

        let mut content = Vec::new();
        runtime.block_on(theirs.pull_blob(&subject, &manifest.layers[0], &mut content)).unwrap();
        assert_eq!(content, b"cargo");
    }
}
