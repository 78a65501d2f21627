//! A TUF repository that is honest, and the ways in which it or whoever stands in front of it can lie.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use jiff::Timestamp;
use serde_json::{Value, json};
use supercargo_content::Digest;
use supercargo_signing::{
    HttpOptions, TrustError, TrustMaterial, TufCache, TufRepository, from_cache, refresh, refresh_any,
};

use crate::loopback::Server;

const NOW: &str = "2026-11-24T00:00:00Z";
const LATER: &str = "2027-11-24T00:00:00Z";
const PAST: &str = "2026-11-23T23:59:59Z";

/// Where the cache keeps the last whole update.
const SET: &str = "complete/files.json";

type Files = BTreeMap<String, Vec<u8>>;

/// A cache that lives as long as the test.
#[derive(Default)]
struct Memory(Mutex<Files>);

impl TufCache for Memory {
    fn load(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }
}

/// The keys of the four roles; the root has two and needs both.
struct Keys {
    root: [Ed25519KeyPair; 2],
    online: Ed25519KeyPair,
}

/// What varies from test to test.
#[derive(Clone)]
struct Plan {
    root_version: u64,
    root_expires: &'static str,
    version: u64,
    timestamp_expires: &'static str,
    targets_expires: &'static str,
    trusted_root: &'static [u8],
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            root_version: 1,
            root_expires: LATER,
            version: 3,
            timestamp_expires: LATER,
            targets_expires: LATER,
            trusted_root: b"{\"trusted\":\"root\"}",
        }
    }
}

impl Keys {
    fn new() -> Self {
        let key = || Ed25519KeyPair::generate().unwrap();
        Self { root: [key(), key()], online: key() }
    }

    fn root_json(&self, plan: &Plan, signers: &[&Ed25519KeyPair]) -> Vec<u8> {
        let mut keys = serde_json::Map::new();
        for key in [&self.root[0], &self.root[1], &self.online] {
            let public = hex(key.public_key().as_ref());
            keys.insert(
                id(key),
                json!({ "keytype": "ed25519", "scheme": "ed25519", "keyval": { "public": public } }),
            );
        }
        let online = json!({ "keyids": [id(&self.online)], "threshold": 1 });
        let roles = json!({
            "root": { "keyids": [id(&self.root[0]), id(&self.root[1])], "threshold": 2 },
            "timestamp": online, "snapshot": online, "targets": online,
        });
        let more = json!({ "consistent_snapshot": true, "keys": keys, "roles": roles });
        signed("root", plan.root_version, plan.root_expires, more, signers)
    }

    fn root(&self, plan: &Plan) -> Vec<u8> {
        self.root_json(plan, &[&self.root[0], &self.root[1]])
    }

    /// Every file that a mirror has, by path.
    fn repository(&self, plan: &Plan) -> Files {
        let target = |bytes: &[u8]| {
            let hash = Digest::sha256_of(bytes).hex().to_owned();
            (hash.clone(), json!({ "length": bytes.len(), "hashes": { "sha256": hash } }))
        };
        let config: &[u8] = b"{\"signing\":\"config\"}";
        let ((root_hash, root), (config_hash, config_entry)) = (target(plan.trusted_root), target(config));
        let targets =
            json!({ "targets": { "trusted_root.json": root, "signing_config.v0.2.json": config_entry } });
        let version = plan.version;
        let targets = signed("targets", version, plan.targets_expires, targets, &[&self.online]);
        let mut files =
            self.online(version, plan.timestamp_expires, &json!({ "targets.json": { "version": version } }));
        files.extend([
            (format!("/{version}.targets.json"), targets),
            (format!("/targets/{root_hash}.trusted_root.json"), plan.trusted_root.to_vec()),
            (format!("/targets/{config_hash}.signing_config.v0.2.json"), config.to_vec()),
        ]);
        files
    }

    /// The snapshot that names these files, and the timestamp that names it.
    fn online(&self, version: u64, expires: &str, named: &Value) -> Files {
        let snapshot = signed("snapshot", version, LATER, json!({ "meta": named }), &[&self.online]);
        let pin = json!({ "version": version, "length": snapshot.len(), "hashes": { "sha256": Digest::sha256_of(&snapshot).hex() } });
        let timestamp = json!({ "meta": { "snapshot.json": pin } });
        let timestamp = signed("timestamp", version, expires, timestamp, &[&self.online]);
        BTreeMap::from([
            (format!("/{version}.snapshot.json"), snapshot),
            ("/timestamp.json".to_owned(), timestamp),
        ])
    }
}

fn id(key: &Ed25519KeyPair) -> String {
    Digest::sha256_of(key.public_key().as_ref()).hex().to_owned()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn signed(kind: &str, version: u64, expires: &str, more: Value, signers: &[&Ed25519KeyPair]) -> Vec<u8> {
    let mut body = json!({ "_type": kind, "spec_version": "1.0.31", "version": version, "expires": expires });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let text = canonical(&body);
    let sign =
        |key: &&Ed25519KeyPair| json!({ "keyid": id(key), "sig": hex(key.sign(text.as_bytes()).as_ref()) });
    let signatures: Vec<Value> = signers.iter().map(sign).collect();
    json!({ "signatures": signatures, "signed": body }).to_string().into_bytes()
}

/// Keys sorted, no white space; the texts here need no escapes.
fn canonical(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let sorted: BTreeMap<_, _> = map.iter().collect();
            let members: Vec<String> =
                sorted.iter().map(|(name, value)| format!("\"{name}\":{}", canonical(value))).collect();
            format!("{{{}}}", members.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(canonical).collect::<Vec<_>>().join(",")),
        other => other.to_string(),
    }
}

/// A mirror whose files can be changed while it runs, and a client with a cache of its own.
struct Stage {
    keys: Keys,
    files: Arc<Mutex<Files>>,
    server: Server,
    cache: Arc<dyn TufCache>,
    repository: TufRepository,
}

impl Stage {
    fn new(plan: &Plan) -> Self {
        let keys = Keys::new();
        let files = Arc::new(Mutex::new(keys.repository(plan)));
        let there = files.clone();
        let server = Server::start(move |head, _| {
            let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
            match there.lock().unwrap().get(&path) {
                Some(body) => (200, body.clone()),
                None => (404, vec![b'-'; 20_000]),
            }
        });
        let repository = TufRepository::private(server.url.clone(), keys.root(plan));
        Self { keys, files, server, cache: Arc::new(Memory::default()), repository }
    }

    fn publish(&self, plan: &Plan) {
        *self.files.lock().unwrap() = self.keys.repository(plan);
    }

    fn put(&self, path: &str, bytes: Vec<u8>) {
        self.files.lock().unwrap().insert(path.to_owned(), bytes);
    }

    fn edit(&self, path: &str, change: impl FnOnce(&mut Vec<u8>)) {
        change(self.files.lock().unwrap().get_mut(path).unwrap());
    }

    /// Takes away the files whose paths end so.
    fn lose(&self, ending: &str) {
        self.files.lock().unwrap().retain(|path, _| !path.ends_with(ending));
    }

    fn refresh(&self) -> Result<TrustMaterial, TrustError> {
        self.refresh_at(NOW)
    }

    fn refresh_at(&self, now: &str) -> Result<TrustMaterial, TrustError> {
        let http = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
        refresh(&self.repository, &self.cache, &http, now.parse().unwrap())
    }

    fn offline(&self, now: &str) -> Result<TrustMaterial, TrustError> {
        from_cache(&self.repository, &self.cache, now.parse().unwrap())
    }
}

#[test]
fn what_was_fetched_is_verified_again_from_the_cache_without_a_connection() {
    let stage = Stage::new(&Plan::default());
    assert_eq!(stage.offline(NOW), Err(TrustError::NothingKept));
    let fetched = stage.refresh().unwrap();
    assert_eq!(fetched.trusted_root, Plan::default().trusted_root);
    assert_eq!(fetched.signing_config.as_deref(), Some(&b"{\"signing\":\"config\"}"[..]));
    assert_eq!((fetched.metadata.root_version, fetched.metadata.targets_version), (1, 3));
    let requests = stage.server.heads().len();
    assert_eq!(stage.offline(NOW), Ok(fetched.clone()));
    assert_eq!(stage.server.heads().len(), requests, "offline asked the server");
    assert_eq!(stage.refresh(), Ok(fetched));
    assert_eq!(
        stage.server.heads().len(),
        requests + 2,
        "an unchanged repository costs a root and a timestamp"
    );
}

#[test]
fn any_file_that_the_repository_lists_is_fetched_once_from_where_its_targets_lie() {
    let mut stage = Stage::new(&Plan::default());
    let moved: Files = std::mem::take(&mut *stage.files.lock().unwrap())
        .into_iter()
        .map(|(path, bytes)| (path.replace("/targets/", "/elsewhere/"), bytes))
        .collect();
    *stage.files.lock().unwrap() = moved;
    stage.repository.targets = Some(format!("{}/elsewhere/", stage.server.url));
    let ask = |path| {
        let http = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
        refresh_any(&stage.repository, &stage.cache, &http, path, NOW.parse().unwrap())
    };
    let (metadata, file) = ask(None).unwrap();
    assert_eq!((metadata.targets_version, file), (3, None));
    assert_eq!(ask(Some("nothing.json")).unwrap().1, None);
    for _ in 0..2 {
        let (_, file) = ask(Some("trusted_root.json")).unwrap();
        assert_eq!(file.as_deref(), Some(Plan::default().trusted_root));
    }
    let fetched = stage.server.heads().iter().filter(|head| head.contains("/elsewhere/")).count();
    assert_eq!(fetched, 1);
}

#[test]
fn a_path_is_asked_for_as_it_is() {
    let stage = Stage::new(&Plan::default());
    let (path, hash) = ("a b/c#d?e%2Ff", Digest::sha256_of(b"content").hex().to_owned());
    let targets = json!({ "targets": { path: { "length": 7, "hashes": { "sha256": hash } } } });
    stage.put("/3.targets.json", signed("targets", 3, LATER, targets, &[&stage.keys.online]));
    stage.put(&format!("/targets/a%20b/{hash}.c%23d%3Fe%252Ff"), b"content".to_vec());
    let http = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
    let asked = refresh_any(&stage.repository, &stage.cache, &http, Some(path), NOW.parse().unwrap());
    assert_eq!(asked.unwrap().1.as_deref(), Some(&b"content"[..]));
}

#[test]
fn roots_are_walked_one_by_one_with_old_and_new_keys() {
    let stage = Stage::new(&Plan::default());
    let next = Keys::new();
    let plan = Plan { root_version: 2, ..Plan::default() };
    let both = [&stage.keys.root[0], &stage.keys.root[1], &next.root[0], &next.root[1]];
    let signers = |keys: &[&Ed25519KeyPair]| next.root_json(&plan, keys);
    for (signers, found) in [(signers(&both[2..]), 0), (signers(&both[1..]), 1)] {
        stage.put("/2.root.json", signers);
        let expected = TrustError::Signatures { role: "root".to_owned(), expected: 2, found };
        assert_eq!(stage.refresh(), Err(expected));
    }
    stage.put("/2.root.json", signers(&both[..3]));
    assert_eq!(
        stage.refresh(),
        Err(TrustError::Signatures { role: "root".to_owned(), expected: 2, found: 1 }),
        "the new keys must sign as well"
    );
    *stage.files.lock().unwrap() = next.repository(&plan);
    stage.put("/2.root.json", signers(&both));
    assert_eq!(stage.refresh().unwrap().metadata.root_version, 2);
    stage.files.lock().unwrap().remove("/2.root.json");
    assert_eq!(stage.refresh().unwrap().metadata.root_version, 2, "the cache remembers the way");
    stage.put("/3.root.json", next.root(&Plan { root_version: 4, ..Plan::default() }));
    assert_eq!(stage.refresh(), Err(TrustError::RootVersion { expected: 3, found: 4 }));
}

#[test]
fn an_expired_root_says_so_and_what_to_do() {
    let stage = Stage::new(&Plan { root_expires: "2026-12-01T00:00:00Z", ..Plan::default() });
    stage.refresh().unwrap();
    let refused = stage.refresh_at("2026-12-02T00:00:00Z").unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the root of trust (version 1) expired at 2026-12-01T00:00:00Z, it is now 2026-12-02T00:00:00Z"
    );
    assert!(refused.hint().unwrap().contains("--tuf-root FILE"));
    assert_eq!(stage.offline("2026-12-02T00:00:00Z"), Err(refused));
}

#[test]
fn versions_never_go_back_even_between_runs() {
    let stage = Stage::new(&Plan { version: 5, ..Plan::default() });
    stage.refresh().unwrap();
    stage.publish(&Plan { version: 4, ..Plan::default() });
    let expected = TrustError::Rollback { role: "timestamp".to_owned(), expected: 5, found: 4 };
    assert_eq!(stage.refresh(), Err(expected));
}

#[test]
fn targets_that_go_back_or_away_are_refused_however_often_they_are_offered() {
    let back = TrustError::Rollback { role: "targets.json (via snapshot)".to_owned(), expected: 3, found: 2 };
    let away = TrustError::Mismatch {
        detail: "snapshot removes targets.json, which the trusted snapshot pins".to_owned(),
    };
    for (named, expected) in [(json!({ "targets.json": { "version": 2 } }), back), (json!({}), away)] {
        let stage = Stage::new(&Plan::default());
        let fetched = stage.refresh().unwrap();
        stage.files.lock().unwrap().extend(stage.keys.repository(&Plan { version: 2, ..Plan::default() }));
        stage.files.lock().unwrap().extend(stage.keys.online(4, LATER, &named));
        let kept = stage.cache.load("targets.json").unwrap();
        for _ in 0..3 {
            assert_eq!(stage.refresh(), Err(expected.clone()));
        }
        assert_eq!(stage.cache.load("targets.json").unwrap(), kept);
        stage.publish(&Plan { version: 5, ..Plan::default() });
        assert_eq!(stage.refresh().unwrap().trusted_root, fetched.trusted_root);
    }
    // Between the two versions the repository lacks a snapshot.
    let stage = Stage::new(&Plan::default());
    stage.refresh().unwrap();
    stage.files.lock().unwrap().extend(stage.keys.repository(&Plan { version: 2, ..Plan::default() }));
    let older = stage.keys.online(4, LATER, &json!({ "targets.json": { "version": 2 } }));
    stage.put("/timestamp.json", older["/timestamp.json"].clone());
    assert!(matches!(stage.refresh(), Err(TrustError::Missing { .. })));
    stage.files.lock().unwrap().extend(older);
    assert!(matches!(stage.refresh(), Err(TrustError::Rollback { expected: 3, found: 2, .. })));
}

#[test]
fn an_update_that_stops_halfway_leaves_what_the_last_whole_one_brought() {
    let second = Plan { version: 4, trusted_root: b"{\"of\":\"the second day\"}", ..Plan::default() };
    let third = Plan { version: 5, trusted_root: b"{\"of\":\"the third day\"}", ..Plan::default() };
    type Stop = fn(&Stage);
    let stops: [(&str, Stop); 5] = [
        ("no snapshot", |stage| stage.lose(".snapshot.json")),
        ("no targets", |stage| stage.lose(".targets.json")),
        ("no trusted root", |stage| stage.lose(".trusted_root.json")),
        ("no signing configuration", |stage| stage.lose(".signing_config.v0.2.json")),
        ("targets that go back", |stage| {
            let older = stage.keys.online(4, LATER, &json!({ "targets.json": { "version": 2 } }));
            stage.files.lock().unwrap().extend(older);
        }),
    ];
    for (stop, apply) in stops {
        let stage = Stage::new(&Plan::default());
        let first = stage.refresh().unwrap();
        // A target that is the same as before is not asked for again.
        stage.cache.store("targets/signing_config.v0.2.json", b"").unwrap();
        stage.publish(&second);
        apply(&stage);
        for _ in 0..2 {
            let refused = stage.refresh().unwrap_err();
            let kept = stage.cache.load("timestamp.json").unwrap();
            assert_eq!(stage.offline(NOW), Ok(first.clone()), "{stop}");
            assert_eq!(stage.cache.load("timestamp.json").unwrap(), kept, "{stop}: the floor was lowered");
            assert_eq!(stage.refresh(), Err(refused), "{stop}");
        }
        stage.publish(&third);
        let newest = stage.refresh().unwrap();
        assert_eq!(newest.trusted_root, third.trusted_root);
        assert_eq!(stage.offline(NOW), Ok(newest), "{stop}");
    }
}

#[test]
fn a_damaged_or_forgotten_set_does_no_harm() {
    let stage = Stage::new(&Plan::default());
    stage.refresh().unwrap();
    let old = stage.cache.load(SET).unwrap().unwrap();
    stage.publish(&Plan { version: 4, trusted_root: b"{\"of\":\"another day\"}", ..Plan::default() });
    let newest = stage.refresh().unwrap();
    let good = stage.cache.load(SET).unwrap().unwrap();
    let other = Stage::new(&Plan::default());
    other.refresh().unwrap();
    let foreign = other.cache.load(SET).unwrap().unwrap();
    let half = &good[..good.len() / 2];
    let others: [&[u8]; 7] =
        [b"", b"[]", br#"{"timestamp.json":1}"#, br#"{"timestamp.json":""}"#, half, &old, &foreign];
    for set in others {
        stage.cache.store(SET, set).unwrap();
        assert_eq!(stage.offline(NOW), Ok(newest.clone()), "{}", String::from_utf8_lossy(set));
    }
    stage.publish(&Plan { version: 5, ..Plan::default() });
    stage.lose(".snapshot.json");
    stage.refresh().unwrap_err();
    for set in others.into_iter().filter(|set| *set != old) {
        stage.cache.store(SET, set).unwrap();
        assert!(stage.offline(NOW).is_err(), "{}", String::from_utf8_lossy(set));
    }
    stage.cache.store(SET, &good).unwrap();
    assert_eq!(stage.offline(NOW), Ok(newest));
}

#[test]
fn a_set_needs_no_target_that_is_no_text() {
    let stage = Stage::new(&Plan { trusted_root: b"\xff", ..Plan::default() });
    let fetched = stage.refresh().unwrap();
    stage.publish(&Plan { version: 4, ..Plan::default() });
    stage.lose(".snapshot.json");
    stage.refresh().unwrap_err();
    assert_eq!(stage.offline(NOW), Ok(fetched));
}

#[test]
fn a_set_of_keys_that_a_newer_root_took_away_is_refused() {
    let stage = Stage::new(&Plan::default());
    stage.refresh().unwrap();
    let next = Keys::new();
    let plan = Plan { root_version: 2, version: 4, ..Plan::default() };
    let both = [&stage.keys.root[0], &stage.keys.root[1], &next.root[0], &next.root[1]];
    let root = next.root_json(&plan, &both);
    stage.put("/2.root.json", root.clone());
    stage.lose("/timestamp.json");
    assert!(matches!(stage.refresh(), Err(TrustError::Missing { .. })));
    let refused = stage.offline(NOW).unwrap_err();
    assert!(matches!(refused, TrustError::Signatures { found: 0, .. }), "{refused}");
    *stage.files.lock().unwrap() = next.repository(&plan);
    stage.put("/2.root.json", root);
    stage.lose(".snapshot.json");
    assert!(matches!(stage.refresh(), Err(TrustError::Missing { .. })));
    // A set that brings roots of its own brings nothing.
    let set = stage.cache.load(SET).unwrap().unwrap();
    let mut rooted: BTreeMap<String, String> = serde_json::from_slice(&set).unwrap();
    assert!(rooted.keys().all(|name| !name.contains("root.json") || name.starts_with("targets/")));
    rooted.insert("root_history/2.root.json".to_owned(), String::new());
    for set in [set, serde_json::to_vec(&rooted).unwrap()] {
        stage.cache.store(SET, &set).unwrap();
        assert!(stage.offline(NOW).is_err());
    }
    stage.files.lock().unwrap().extend(next.repository(&plan));
    let newest = stage.refresh().unwrap();
    assert_eq!(stage.offline(NOW), Ok(newest));
}

#[test]
fn a_repository_recovers_from_a_version_too_high_with_another_key() {
    let stage = Stage::new(&Plan { version: 9_000, ..Plan::default() });
    stage.refresh().unwrap();
    let next = Keys::new();
    let plan = Plan { root_version: 2, version: 1, ..Plan::default() };
    let both = [&stage.keys.root[0], &stage.keys.root[1], &next.root[0], &next.root[1]];
    *stage.files.lock().unwrap() = next.repository(&plan);
    stage.put("/2.root.json", next.root_json(&plan, &both));
    assert_eq!(stage.refresh().unwrap().metadata.targets_version, 1);
}

#[test]
fn a_timestamp_that_names_no_snapshot_opens_no_way_back() {
    let stage = Stage::new(&Plan::default());
    stage.refresh().unwrap();
    let online = [&stage.keys.online];
    stage.put("/timestamp.json", signed("timestamp", 4, LATER, json!({ "meta": {} }), &online));
    assert!(matches!(stage.refresh(), Err(TrustError::Malformed { .. })));
    stage.files.lock().unwrap().extend(stage.keys.repository(&Plan { version: 2, ..Plan::default() }));
    let older = json!({ "meta": { "snapshot.json": { "version": 2 } } });
    stage.put("/timestamp.json", signed("timestamp", 5, LATER, older, &online));
    let expected =
        TrustError::Rollback { role: "snapshot (via timestamp)".to_owned(), expected: 3, found: 2 };
    for _ in 0..2 {
        assert_eq!(stage.refresh(), Err(expected.clone()));
    }
}

#[test]
fn a_frozen_repository_is_noticed_and_an_old_cache_says_how_old_it_is() {
    let stage = Stage::new(&Plan { timestamp_expires: "2026-11-25T00:00:00Z", ..Plan::default() });
    let fetched = stage.refresh().unwrap();
    assert!(!fetched.metadata.is_stale(NOW.parse().unwrap()));
    let week_later = "2026-12-01T00:00:00Z";
    let refused = stage.refresh_at(week_later).unwrap_err();
    assert!(matches!(&refused, TrustError::Expired { role, .. } if role == "timestamp"), "{refused}");
    let kept = stage.offline(week_later).unwrap();
    assert!(kept.metadata.is_stale(week_later.parse().unwrap()));
    assert_eq!(kept.trusted_root, fetched.trusted_root);
    stage.publish(&Plan { timestamp_expires: PAST, ..Plan::default() });
    assert!(matches!(
        Stage::new(&Plan { timestamp_expires: PAST, ..Plan::default() }).refresh(),
        Err(TrustError::Expired { .. })
    ));
}

#[test]
fn an_old_cache_counts_also_where_the_targets_expire_before_the_timestamp() {
    let stage = Stage::new(&Plan { targets_expires: "2026-11-25T00:00:00Z", ..Plan::default() });
    let fetched = stage.refresh().unwrap();
    let week_later = "2026-12-01T00:00:00Z";
    assert!(
        matches!(stage.refresh_at(week_later), Err(TrustError::Expired { role, .. }) if role == "targets")
    );
    let kept = stage.offline(week_later).unwrap();
    assert!(kept.metadata.is_stale(week_later.parse().unwrap()));
    assert_eq!(kept.trusted_root, fetched.trusted_root);
}

#[test]
fn files_of_different_days_do_not_mix() {
    let stage = Stage::new(&Plan::default());
    let other = stage.keys.repository(&Plan { trusted_root: b"{\"of\":\"another day\"}", ..Plan::default() });
    stage.put("/3.targets.json", other["/3.targets.json"].clone());
    // The version fits, so it is the hash of the target that tells.
    assert!(matches!(stage.refresh(), Err(TrustError::Missing { .. })));
    let stage = Stage::new(&Plan::default());
    let newer = stage.keys.repository(&Plan { version: 4, ..Plan::default() });
    stage.put("/3.snapshot.json", newer["/4.snapshot.json"].clone());
    assert!(matches!(stage.refresh(), Err(TrustError::Mismatch { .. })));
    let stage = Stage::new(&Plan::default());
    stage.put("/3.targets.json", newer["/4.targets.json"].clone());
    assert!(stage.refresh().is_err());
}

#[test]
fn a_stranger_signs_nothing() {
    for path in ["/timestamp.json", "/3.targets.json"] {
        let stage = Stage::new(&Plan::default());
        let forged = Keys::new().repository(&Plan::default());
        stage.put(path, forged[path].clone());
        let refused = stage.refresh().unwrap_err();
        assert!(matches!(refused, TrustError::Signatures { expected: 1, found: 0, .. }), "{path}: {refused}");
    }
}

#[test]
fn a_changed_byte_is_noticed_on_the_way_and_in_the_cache() {
    let stage = Stage::new(&Plan::default());
    let name =
        stage.files.lock().unwrap().keys().find(|name| name.ends_with("trusted_root.json")).unwrap().clone();
    stage.edit(&name, |bytes| bytes[3] ^= 1);
    assert!(matches!(stage.refresh(), Err(TrustError::Mismatch { .. })));
    let stage = Stage::new(&Plan::default());
    let fetched = stage.refresh().unwrap();
    let set = stage.cache.load(SET).unwrap().unwrap();
    for name in ["targets/trusted_root.json", "timestamp.json", "snapshot.json", "targets.json"] {
        let good = stage.cache.load(name).unwrap().unwrap();
        let mut bad = good.clone();
        let at = bad.len() - 3;
        bad[at] ^= 1;
        stage.cache.store(name, &bad).unwrap();
        assert_eq!(stage.offline(NOW), Ok(fetched.clone()), "{name}");
        stage.cache.store(SET, b"").unwrap();
        assert!(stage.offline(NOW).is_err(), "{name}");
        stage.cache.store(SET, &set).unwrap();
        stage.cache.store(name, &good).unwrap();
    }
    stage.offline(NOW).unwrap();
}

#[test]
fn a_cache_of_other_keys_is_not_believed() {
    let (ours, other) = (Stage::new(&Plan::default()), Stage::new(&Plan::default()));
    other.refresh().unwrap();
    let refused = from_cache(&ours.repository, &other.cache, NOW.parse().unwrap()).unwrap_err();
    assert!(matches!(refused, TrustError::Signatures { .. }), "{refused}");
}

#[test]
fn endless_files_and_endless_roots_are_cut_off() {
    let stage = Stage::new(&Plan::default());
    stage.edit("/timestamp.json", |bytes| bytes.extend(vec![b' '; 20_000]));
    let refused = stage.refresh().unwrap_err();
    assert!(refused.to_string().ends_with("answered with more than 16384 bytes"), "{refused}");
}

#[test]
fn who_cannot_be_reached_is_told_from_who_lies() {
    let stage = Stage::new(&Plan::default());
    let nobody = TufRepository { mirror: "http://127.0.0.1:1".to_owned(), ..stage.repository.clone() };
    let http = HttpOptions { attempts_max: 1, ..HttpOptions::default() };
    let refused = refresh(&nobody, &stage.cache, &http, NOW.parse().unwrap()).unwrap_err();
    assert!(
        refused.is_unreachable() && refused.to_string().starts_with("the trust repository at"),
        "{refused}"
    );
    for (path, bytes) in
        [("/timestamp.json", &b"{"[..]), ("/3.snapshot.json", b"[]"), ("/3.targets.json", b"null")]
    {
        let stage = Stage::new(&Plan::default());
        stage.put(path, bytes.to_vec());
        let refused = stage.refresh().unwrap_err();
        assert!(!refused.is_unreachable(), "{path}: {refused}");
    }
    let damaged = TufRepository { root: b"{}".to_vec(), ..stage.repository.clone() };
    assert!(matches!(
        from_cache(&damaged, &stage.cache, Timestamp::UNIX_EPOCH),
        Err(TrustError::NothingKept | TrustError::Root { .. })
    ));
}

#[test]
fn the_embedded_roots_are_sound() {
    for repository in [TufRepository::public_good(), TufRepository::github(), TufRepository::staging()] {
        let cache: Arc<dyn TufCache> = Arc::new(Memory::default());
        cache.store("timestamp.json", b"{}").unwrap();
        let refused = from_cache(&repository, &cache, Timestamp::UNIX_EPOCH).unwrap_err();
        assert!(!matches!(refused, TrustError::Root { .. } | TrustError::RootExpired { .. }), "{refused}");
        assert!(repository.mirror.starts_with("https://"));
    }
}
