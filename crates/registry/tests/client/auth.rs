use std::time::Duration;

use supercargo_registry::{Credential, RegistryError, Secret};
use supercargo_testkit::registry::{Guard, TestRegistry};

use crate::{at, client, client_with, registry};

/// A Docker configuration with one login; `pair` is base64 of `user:password`.
pub(crate) fn login(host: &str, pair: &str) -> (String, Secret) {
    let text = format!(r#"{{"auths":{{"{host}":{{"auth":"{pair}"}}}}}}"#);
    ("config.json".to_owned(), Secret::new(text))
}

fn bearer() -> Guard {
    Guard::Bearer { realm: None, basic: None, identity: None, post_only: false, seconds: None }
}

fn guard(registry: &TestRegistry, guard: Guard) {
    registry.change(|quirks| quirks.guard = guard);
}

#[test]
fn a_public_image_needs_a_token_but_no_login() {
    let (registry, image) = registry();
    guard(&registry, bearer());
    assert_eq!(client().manifest(&at(&registry)).unwrap().descriptor, image);
    let token = registry.seen().into_iter().find(|seen| seen.path.starts_with("/token")).unwrap();
    assert!(token.path.contains("service=test+registry"), "{}", token.path);
    assert!(token.path.contains("scope=repository%3Ateam%2Fapp%3Apull"), "{}", token.path);
    assert_eq!(token.headers.get("authorization"), None);
}

#[test]
fn basic_is_answered_with_the_login() {
    let (registry, image) = registry();
    guard(&registry, Guard::Basic("dTpw".to_owned()));
    let client = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTpw")));
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
}

#[test]
fn without_a_login_the_refusal_says_so() {
    let (registry, _) = registry();
    guard(&registry, Guard::Basic("dTpw".to_owned()));
    let error = client().manifest(&at(&registry)).unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert!(error.hint().unwrap().contains("log in"));
}

#[test]
fn a_wrong_login_is_tried_once() {
    let (registry, _) = registry();
    guard(&registry, Guard::Basic("dTpw".to_owned()));
    let client = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTp3cm9uZw==")));
    let error = client.manifest(&at(&registry)).unwrap_err();
    assert_eq!(error.status(), Some(401));
    assert_eq!(registry.count("GET", "/manifests/"), 2);
    let shown = format!("{error} {error:?} {client:?}");
    assert!(!shown.contains("dTp3cm9uZw") && !shown.contains("wrong"), "{shown}");
}

#[test]
fn a_password_gets_a_token() {
    let (registry, image) = registry();
    guard(
        &registry,
        Guard::Bearer {
            realm: None,
            basic: Some("dTpw".to_owned()),
            identity: None,
            post_only: false,
            seconds: None,
        },
    );
    let client = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTpw")));
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    let refused = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTox")));
    let error = refused.manifest(&at(&registry)).unwrap_err();
    assert!(matches!(&error, RegistryError::Token { status: Some(401), .. }), "{error}");
    assert!(error.to_string().contains("it answered 401 (DENIED it is)"), "{error}");
}

#[test]
fn a_service_that_knows_only_post_gets_the_password_grant() {
    let (registry, image) = registry();
    guard(
        &registry,
        Guard::Bearer { realm: None, basic: None, identity: None, post_only: true, seconds: None },
    );
    let client = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTpw")));
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    let post = registry.seen().into_iter().find(|seen| seen.method == "POST").unwrap();
    let form = String::from_utf8(post.body).unwrap();
    assert!(form.contains("grant_type=password&username=u&password=p&client_id=supercargo"), "{form}");
}

#[test]
fn an_identity_token_is_exchanged() {
    let (registry, image) = registry();
    let identity = Some("refresh me".to_owned());
    guard(
        &registry,
        Guard::Bearer {
            realm: None,
            basic: Some("no".to_owned()),
            identity,
            post_only: false,
            seconds: None,
        },
    );
    let text = format!(r#"{{"auths":{{"{}":{{"identitytoken":"refresh me"}}}}}}"#, registry.host());
    let client = client_with(|options| options.auth.texts.push(("auth.json".to_owned(), Secret::new(text))));
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    let post = registry.seen().into_iter().find(|seen| seen.method == "POST").unwrap();
    let form = String::from_utf8(post.body).unwrap();
    assert!(form.contains("grant_type=refresh_token&refresh_token=refresh+me"), "{form}");
    assert!(form.contains("service=test+registry"), "{form}");
}

#[test]
fn a_login_for_a_namespace_is_for_it_alone() {
    let (registry, image) = registry();
    guard(&registry, Guard::Basic("dTpw".to_owned()));
    let client = client_with(|options| {
        options.auth.explicit = vec![
            (registry.host(), Credential::Password { user: "u".to_owned(), password: Secret::new("other") }),
            (
                format!("{}/team", registry.host()),
                Credential::Password { user: "u".to_owned(), password: Secret::new("p") },
            ),
        ];
    });
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
}

#[test]
fn a_token_that_ends_in_mid_run_is_renewed_once() {
    let (registry, image) = registry();
    guard(&registry, bearer());
    let client = client();
    client.manifest(&at(&registry)).unwrap();
    registry.expire_tokens();
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    assert_eq!(registry.count("GET", "/token"), 2);
    assert_eq!(registry.count("GET", "/manifests/"), 4);
}

#[test]
fn a_token_is_kept_until_its_end_and_renewed_before_it_is_refused() {
    let (registry, _) = registry();
    guard(
        &registry,
        Guard::Bearer { realm: None, basic: None, identity: None, post_only: false, seconds: Some(1) },
    );
    let client = client();
    (0..3).for_each(|_| drop(client.manifest(&at(&registry)).unwrap()));
    assert_eq!(registry.count("GET", "/token"), 1);
    std::thread::sleep(Duration::from_millis(800));
    client.manifest(&at(&registry)).unwrap();
    assert_eq!(registry.count("GET", "/token"), 2);
    assert_eq!(registry.count("GET", "/manifests/"), 5, "one refusal at the start, none later");
}

#[test]
fn many_threads_get_one_token() {
    let (registry, image) = registry();
    guard(&registry, bearer());
    let (client, at) = (client(), at(&registry));
    std::thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| assert_eq!(client.manifest(&at).unwrap().descriptor, image));
        }
    });
    assert_eq!(registry.count("GET", "/token"), 1);
}

#[test]
fn a_token_service_without_tls_elsewhere_gets_nothing() {
    let (registry, _) = registry();
    let realm = Some("http://tokens.example/token".to_owned());
    guard(&registry, Guard::Bearer { realm, basic: None, identity: None, post_only: false, seconds: None });
    let client = client_with(|options| options.auth.texts.push(login(&registry.host(), "dTpw")));
    let error = client.manifest(&at(&registry)).unwrap_err();
    assert!(matches!(&error, RegistryError::Insecure { .. }), "{error}");
    assert!(error.to_string().contains("tokens.example without TLS"), "{error}");
}

#[test]
fn a_damaged_file_is_an_error_only_when_credentials_are_needed() {
    let (registry, image) = registry();
    let client = client_with(|options| options.auth.texts.push(("broken.json".to_owned(), Secret::new("{"))));
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    guard(&registry, bearer());
    let error = client.manifest(&at(&registry)).unwrap_err();
    assert!(error.to_string().contains("`broken.json`"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_credential_helper_is_asked_once() {
    use std::os::unix::fs::PermissionsExt;
    let (registry, image) = registry();
    guard(&registry, Guard::Basic("dTpw".to_owned()));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("docker-credential-test");
    let script = "#!/bin/sh\ncat >>\"$0.asked\"\necho '{\"Username\":\"u\",\"Secret\":\"p\"}'\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = folder.path().join("config.json");
    std::fs::write(&config, r#"{"credsStore":"test"}"#).unwrap();
    let client = client_with(|options| {
        options.auth.files = vec![folder.path().join("missing.json"), config];
        options.auth.helper_folders = vec![folder.path().to_owned()];
    });
    assert_eq!(client.manifest(&at(&registry)).unwrap().descriptor, image);
    assert!(!client.has_blob(&at(&registry), &image).unwrap());
    let asked = std::fs::read_to_string(folder.path().join("docker-credential-test.asked")).unwrap();
    assert_eq!(asked, format!("{}\n", registry.host()));
}
