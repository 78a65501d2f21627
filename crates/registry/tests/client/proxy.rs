use supercargo_registry::{RegistryOptions, Secret};
use supercargo_testkit::registry::TestRegistry;

use crate::{at_host, client_with};

/// Options with one proxy for everything.
fn proxied(
    proxy: &TestRegistry,
    change: impl FnOnce(&mut RegistryOptions),
) -> impl FnOnce(&mut RegistryOptions) {
    let address = Secret::new(format!("http://user:hunter2@{}", proxy.host()));
    move |options| {
        options.retry.attempts_max = 1;
        options.proxy.https_proxy = Some(address.clone());
        options.proxy.http_proxy = Some(address);
        change(options);
    }
}

#[test]
fn https_hosts_are_reached_through_the_proxy() {
    let proxy = TestRegistry::start().unwrap();
    let client = client_with(proxied(&proxy, |_| ()));
    // The proxy refuses to connect, and so nothing leaves this machine.
    let error = client.manifest(&at_host("registry.example")).unwrap_err();
    assert_eq!(proxy.count("CONNECT", "registry.example:443"), 1);
    let seen = proxy.seen();
    assert_eq!(seen[0].headers["proxy-authorization"], "Basic dXNlcjpodW50ZXIy");
    let shown = format!("{error} {error:?} {client:?}");
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn plain_hosts_are_reached_through_the_proxy() {
    let proxy = TestRegistry::start().unwrap();
    let client =
        client_with(proxied(&proxy, |options| options.plain_http_hosts.extend(["plain.example".to_owned()])));
    assert_eq!(client.manifest(&at_host("plain.example")).unwrap_err().status(), Some(404));
    assert_eq!(proxy.count("GET", "http://plain.example/v2/team/app/manifests/1"), 1);
}

#[test]
fn excepted_hosts_and_loopback_are_reached_directly() {
    let (proxy, (registry, image)) = (TestRegistry::start().unwrap(), crate::registry());
    let client = client_with(proxied(&proxy, |options| {
        options.proxy.no_proxy = Some("other.example,.invalid".to_owned())
    }));
    assert_eq!(client.manifest(&at_host(&registry.host())).unwrap().descriptor, image);
    // Names below `.invalid` lead nowhere (RFC 6761).
    assert!(client.manifest(&at_host("registry.invalid")).is_err());
    assert!(proxy.seen().is_empty());
}
