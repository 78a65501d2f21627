use std::net::TcpStream;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use supercargo_registry::{ClientCertificate, RegistryClient, RegistryError, RegistryOptions, Secret};
use supercargo_testkit::registry::TestRegistry;

use crate::{at, client_with, put_image};

/// An authority with nothing but a name.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, name: &str) -> (rcgen::Certificate, KeyPair) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap(), key)
    }

    fn pem(&self) -> (String, Vec<u8>) {
        ("ca.pem".to_owned(), self.0.pem().into_bytes())
    }
}

/// A registry with a certificate for 127.0.0.1; with `clients`, only for those whom that authority knows.
fn registry(authority: &Authority, clients: Option<&Authority>) -> TestRegistry {
    let (certificate, key) = authority.issue("127.0.0.1");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(clients) => {
            let mut roots = RootCertStore::empty();
            roots.add(clients.0.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
            builder.with_client_cert_verifier(verifier)
        }
    };
    let chain: Vec<CertificateDer<'static>> = vec![certificate.der().clone()];
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
    let wrap = move |stream: TcpStream| {
        let connection = ServerConnection::new(Arc::clone(&config)).map_err(std::io::Error::other)?;
        Ok(Box::new(StreamOwned::new(connection, stream))
            as Box<dyn supercargo_testkit::registry::Connection>)
    };
    let registry = TestRegistry::start_wrapped(wrap).unwrap();
    put_image(&registry);
    registry
}

fn client(registry: &TestRegistry, change: impl FnOnce(&mut RegistryOptions)) -> RegistryClient {
    client_with(|options| {
        options.https_hosts.insert(registry.host());
        options.tls.only_extra_authorities = true;
        change(options);
    })
}

#[test]
fn an_extra_authority_is_trusted_and_no_other() {
    let (authority, other) = (Authority::new(), Authority::new());
    let registry = registry(&authority, None);
    let known = client(&registry, |options| options.tls.extra_authorities.push(authority.pem()));
    assert!(known.manifest(&at(&registry)).is_ok());
    let unknown = client(&registry, |options| options.tls.extra_authorities.push(other.pem()));
    let error = unknown.manifest(&at(&registry)).unwrap_err();
    assert!(matches!(&error, RegistryError::Transport { attempts: 1, .. }), "{error:?}");
    assert!(error.hint().unwrap().contains("--ca"));
}

#[test]
fn an_extra_authority_stands_beside_those_of_the_system() {
    let authority = Authority::new();
    let registry = registry(&authority, None);
    let beside = client(&registry, |options| {
        options.tls.only_extra_authorities = false;
        options.tls.extra_authorities.push(authority.pem());
    });
    assert!(beside.manifest(&at(&registry)).is_ok());
}

#[test]
fn a_registry_with_tls_is_not_asked_without() {
    let registry = registry(&Authority::new(), None);
    let plain = client_with(|options| options.retry.attempts_max = 1);
    assert!(plain.manifest(&at(&registry)).is_err());
    assert!(registry.seen().is_empty());
}

#[test]
fn a_client_certificate_is_shown() {
    let (authority, clients) = (Authority::new(), Authority::new());
    let registry = registry(&authority, Some(&clients));
    let (certificate, key) = clients.issue("client");
    let shown = ClientCertificate {
        certificate_pem: certificate.pem().into_bytes(),
        key_pem: Secret::new(key.serialize_pem()),
    };
    let with = client(&registry, |options| {
        options.tls.extra_authorities.push(authority.pem());
        options.tls.client_certificate = Some(shown);
    });
    assert!(with.manifest(&at(&registry)).is_ok());
    let without = client(&registry, |options| {
        options.tls.extra_authorities.push(authority.pem());
        options.retry.attempts_max = 1;
    });
    assert!(without.manifest(&at(&registry)).is_err());
}
