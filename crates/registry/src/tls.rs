//! The two HTTP clients: one for plain HTTP, one for TLS with authorities, client certificate and proxies.

use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy};
use zeroize::Zeroizing;

use crate::{ClientCertificate, RegistryError, RegistryOptions, Secret};

/// For hosts without TLS. It trusts no authority, so that it can be made on systems without any.
pub(crate) fn plain_client(options: &RegistryOptions) -> Result<Client, RegistryError> {
    build("HTTP settings", common(options)?.tls_certs_only([]))
}

/// For hosts with TLS.
pub(crate) fn secure_client(options: &RegistryOptions) -> Result<Client, RegistryError> {
    let mut authorities = Vec::new();
    for (file, pem) in &options.tls.extra_authorities {
        authorities.extend(certificates(file, pem)?);
    }
    let mut builder = common(options)?;
    builder = match (options.tls.only_extra_authorities, authorities.is_empty()) {
        (true, _) => builder.tls_certs_only(authorities),
        (false, false) => builder.tls_certs_merge(authorities),
        (false, true) => builder,
    };
    if let Some(certificate) = &options.tls.client_certificate {
        builder = builder.identity(identity(certificate)?);
    }
    build("TLS settings", builder)
}

fn common(options: &RegistryOptions) -> Result<ClientBuilder, RegistryError> {
    let builder = Client::builder()
        .user_agent(&options.user_agent)
        .redirect(Policy::none())
        .referer(false)
        .connect_timeout(options.timeouts.connect)
        .read_timeout(options.timeouts.idle)
        .no_proxy();
    let https = proxy("HTTPS proxy", options.proxy.https_proxy.as_ref(), Proxy::https, options)?;
    let http = proxy("HTTP proxy", options.proxy.http_proxy.as_ref(), Proxy::http, options)?;
    Ok(https.into_iter().chain(http).fold(builder, ClientBuilder::proxy))
}

fn proxy(
    setting: &str,
    address: Option<&Secret>,
    make: fn(String) -> reqwest::Result<Proxy>,
    options: &RegistryOptions,
) -> Result<Option<Proxy>, RegistryError> {
    let Some(address) = address.filter(|address| !address.reveal().is_empty()) else { return Ok(None) };
    // The address may hold a password, so it is not shown.
    let unusable =
        |_| RegistryError::Setting { setting: setting.to_owned(), reason: "it is not an address".to_owned() };
    let direct = options.proxy.no_proxy.as_deref().unwrap_or_default();
    let direct = NoProxy::from_string(&format!("localhost,127.0.0.0/8,::1,{direct}"));
    make(address.reveal().to_owned()).map(|proxy| Some(proxy.no_proxy(direct))).map_err(unusable)
}

fn certificates(file: &str, pem: &[u8]) -> Result<Vec<Certificate>, RegistryError> {
    let setting = format!("authority file `{file}`");
    let found = Certificate::from_pem_bundle(pem);
    let found =
        found.map_err(|error| RegistryError::Setting { setting: setting.clone(), reason: cause(&error) })?;
    if found.is_empty() {
        return Err(RegistryError::Setting { setting, reason: "there is no certificate in it".to_owned() });
    }
    Ok(found)
}

fn identity(certificate: &ClientCertificate) -> Result<Identity, RegistryError> {
    let mut pem = Zeroizing::new(certificate.certificate_pem.clone());
    pem.push(b'\n');
    pem.extend_from_slice(certificate.key_pem.reveal().as_bytes());
    Identity::from_pem(&pem).map_err(|error| RegistryError::Setting {
        setting: "client certificate".to_owned(),
        reason: cause(&error),
    })
}

fn build(setting: &str, builder: ClientBuilder) -> Result<Client, RegistryError> {
    builder
        .build()
        .map_err(|error| RegistryError::Setting { setting: setting.to_owned(), reason: cause(&error) })
}

/// The innermost message; the outer ones of reqwest only say "builder error".
fn cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(change: impl FnOnce(&mut RegistryOptions)) -> String {
        let mut options = RegistryOptions::default();
        change(&mut options);
        secure_client(&options).unwrap_err().to_string()
    }

    #[test]
    fn damaged_settings_are_errors_without_their_secrets() {
        let text =
            reason(|options| options.tls.extra_authorities.push(("ca.pem".to_owned(), b"none".to_vec())));
        assert!(text.contains("`ca.pem`"), "{text}");
        let text = reason(|options| options.proxy.https_proxy = Some(Secret::new("http://u:hunter2@[/")));
        assert!(!text.contains("hunter2"), "{text}");
        let certificate_pem = b"none".to_vec();
        let certificate = ClientCertificate { certificate_pem, key_pem: Secret::new("hunter2") };
        let text = reason(|options| options.tls.client_certificate = Some(certificate));
        assert!(text.contains("client certificate") && !text.contains("hunter2"), "{text}");
    }
}
