use std::time::{Duration, Instant};

use supercargo_content::MediaType;
use supercargo_registry::RegistryError;
use supercargo_testkit::registry::Fault;

use crate::{REPOSITORY, at, client, client_with, fault, noise, registry};

#[test]
fn a_rate_limit_is_waited_for() {
    let (registry, image) = registry();
    fault(&registry, Fault::new("GET", "/manifests/", 429).header("retry-after", "1"));
    let started = Instant::now();
    assert_eq!(client().manifest(&at(&registry)).unwrap().descriptor, image);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_date_in_retry_after_is_waited_for() {
    let (registry, image) = registry();
    let limited = Fault::new("GET", "/manifests/", 429)
        .header("date", "Tue, 24 Nov 2026 01:00:00 GMT")
        .header("retry-after", "Tue, 24 Nov 2026 01:00:01 GMT");
    fault(&registry, limited);
    let started = Instant::now();
    assert_eq!(client().manifest(&at(&registry)).unwrap().descriptor, image);
    assert!(started.elapsed() >= Duration::from_secs(1));
}

#[test]
fn a_wait_of_an_hour_is_not_waited_for() {
    let (registry, _) = registry();
    let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"later"}]}"#;
    fault(&registry, Fault::new("GET", "/manifests/", 429).times(9).header("retry-after", "3600").body(body));
    let error = client().manifest(&at(&registry)).unwrap_err();
    assert!(error.to_string().ends_with("answered 429 (TOOMANYREQUESTS: later)"), "{error}");
    assert!(error.hint().unwrap().contains("wait"));
    let RegistryError::Status { refusal, .. } = error else { panic!("{error}") };
    assert_eq!(refusal.retry_after, Some(Duration::from_secs(3600)));
}

#[test]
fn faults_of_the_server_pass() {
    for status in [500, 502, 503, 504, 0] {
        let (registry, image) = registry();
        fault(&registry, Fault::new("GET", "/manifests/", status).times(2));
        assert_eq!(client().manifest(&at(&registry)).unwrap().descriptor, image, "{status}");
        assert_eq!(registry.count("GET", "/manifests/"), 3, "{status}");
    }
}

#[test]
fn attempts_are_bounded_and_counted() {
    let (registry, _) = registry();
    fault(&registry, Fault::new("GET", "/manifests/", 503).times(99));
    let client = client_with(|options| options.retry.attempts_max = 4);
    let error = client.manifest(&at(&registry)).unwrap_err();
    assert!(error.to_string().ends_with("answered 503 after 4 attempts"), "{error}");
    assert_eq!(registry.count("GET", "/manifests/"), 4);
}

#[test]
fn other_refusals_are_final() {
    for status in [400, 403, 404, 405, 409, 501] {
        let (registry, _) = registry();
        fault(&registry, Fault::new("GET", "/manifests/", status).times(9));
        assert_eq!(client().manifest(&at(&registry)).unwrap_err().status(), Some(status));
        assert_eq!(registry.count("GET", "/manifests/"), 1, "{status}");
    }
}

#[test]
fn nobody_there_is_an_error_with_a_hint() {
    let (registry, _) = registry();
    let gone = at(&registry);
    drop(registry);
    let error = client().manifest(&gone).unwrap_err();
    assert!(error.to_string().contains("failed to reach 127.0.0.1:"), "{error}");
    assert!(error.hint().unwrap().contains("--plain-http"));
}

#[test]
fn requests_to_one_host_are_limited() {
    let (registry, image) = registry();
    let client = client_with(|options| options.concurrency.requests_per_host_max = 1);
    let all = client.clone();
    let at = at(&registry);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| assert_eq!(all.manifest(&at).unwrap().descriptor, image));
        }
    });
    // A download that nobody reads keeps the only place; the next request waits for it.
    let blob = registry.put_blob(REPOSITORY, &MediaType::OCI_LAYER, &noise(32 << 20));
    let stream = client.blobs(&at).unwrap().open(&blob).unwrap();
    let waiting = std::thread::spawn({
        let (client, at) = (client.clone(), at.clone());
        move || client.manifest(&at).map(|_| Instant::now())
    });
    std::thread::sleep(Duration::from_millis(150));
    let freed = Instant::now();
    drop(stream);
    assert!(waiting.join().unwrap().unwrap() >= freed);
}
