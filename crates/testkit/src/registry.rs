//! A registry on loopback, with switchable faults and quirks.
//!
//! It keeps blobs and manifests in memory and speaks as much of the OCI distribution specification v1.1 as a client
//! can ask for. Each quirk is one that real registries have; [`Quirks`] says which are on, and may be changed while
//! it runs. It checks what clients send: digests, ranges, tokens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use supercargo_content::{Descriptor, Digest, MediaType};

const BODY_BYTES_MAX: usize = 256 << 20;

/// A registry that runs until it is dropped.
pub struct TestRegistry {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    stopped: Arc<AtomicBool>,
}

/// How this registry differs from a well-behaved one without access control.
#[derive(Debug, Clone, Default)]
pub struct Quirks {
    /// Who is let in.
    pub guard: Guard,
    /// Whether `/referrers/` is unknown (404) and subjects are not noticed.
    pub no_referrers_api: bool,
    /// Whether subjects are noticed (`OCI-Subject`) although there is no referrers API, as Amazon's registry does.
    pub false_subject_header: bool,
    /// Entries per page of a list of referrers; 0 for all at once.
    pub page_entries: usize,
    /// Whether the last page leads to the first.
    pub pages_in_a_circle: bool,
    /// The host (with scheme) that next pages are said to be on.
    pub pages_elsewhere: Option<String>,
    /// Whether `manifests` is `null` where there are none.
    pub null_manifests: bool,
    /// Whether lists of referrers have neither annotations nor the right artifact type.
    pub bare_referrers: bool,
    /// Whether answers to a manifest have no `Location`.
    pub no_location: bool,
    /// Whether mounts are answered with "now upload" (202).
    pub no_mount: bool,
    /// Whether ranges are ignored.
    pub no_ranges: bool,
    /// How many bytes too far ranges are said to begin.
    pub ranges_off_by: usize,
    /// How fast blobs are sent; as fast as they go when there is none.
    pub blob_bytes_per_second: Option<u64>,
    /// For each of the next blob downloads: after how many bytes the connection breaks.
    pub break_blobs_after: VecDeque<usize>,
    /// Whether the first byte of each blob is wrong.
    pub corrupt_blobs: bool,
    /// Where blobs are sent on to: scheme and host.
    pub blobs_elsewhere: Option<String>,
    /// The status that a blob in one request gets.
    pub no_monolithic: Option<u16>,
    /// The smallest chunk.
    pub chunk_min: Option<u64>,
    /// For each of the next chunks: how many of its bytes are taken before the connection breaks.
    pub break_chunks_after: VecDeque<usize>,
    /// Whether tags have an `ETag`, and `If-Match` is checked.
    pub etags: bool,
    /// What a concurrent writer puts in the place of the next tags that are written.
    pub overwritten_by: VecDeque<Vec<u8>>,
    /// Answers in place of the right ones; each is used up.
    pub faults: Vec<Fault>,
}

/// Who is let in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Guard {
    /// Everybody.
    #[default]
    Open,
    /// Who sends this user and password, as base64 of `user:password`.
    Basic(String),
    /// Who has a token of the service at `/token`.
    Bearer {
        /// The realm; the own `/token` when there is none.
        realm: Option<String>,
        /// The only Basic value (base64) that gets a token; everybody when there is none.
        basic: Option<String>,
        /// The only refresh token that gets a token by POST.
        identity: Option<String>,
        /// Whether GET is unknown (405), so that passwords go by POST.
        post_only: bool,
        /// `expires_in` of the answer.
        seconds: Option<u64>,
    },
}

/// An answer in place of the right one.
#[derive(Debug, Clone)]
pub struct Fault {
    /// The method that it is for.
    pub method: &'static str,
    /// What the path contains.
    pub path: String,
    /// How often.
    pub times: usize,
    /// The status; 0 breaks the connection.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Fault {
    /// A fault without headers and body, once.
    pub fn new(method: &'static str, path: impl Into<String>, status: u16) -> Self {
        Self { method, path: path.into(), times: 1, status, headers: Vec::new(), body: Vec::new() }
    }

    /// The same, more often.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    /// The same, with a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same, with a body.
    #[must_use]
    pub fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// A request that came.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub path: String,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: Vec<u8>,
}

/// A connection, plain or wrapped in TLS.
pub trait Connection: Read + Write + Send {}
impl<T: Read + Write + Send> Connection for T {}

#[derive(Default)]
struct State {
    quirks: Quirks,
    blobs: BTreeMap<String, Vec<u8>>,
    /// By repository and digest or tag: media type and bytes.
    manifests: BTreeMap<(String, String), (String, Vec<u8>)>,
    /// Which blobs a repository has.
    held: BTreeSet<(String, String)>,
    uploads: BTreeMap<String, Vec<u8>>,
    tokens: BTreeSet<String>,
    counter: u64,
    seen: Vec<Seen>,
    address: String,
}

impl TestRegistry {
    /// Starts one that lets everybody in and behaves well.
    pub fn start() -> io::Result<Self> {
        Self::start_wrapped(|stream| Ok(Box::new(stream)))
    }

    /// Starts one whose connections are wrapped, for instance in TLS.
    pub fn start_wrapped(
        wrap: impl Fn(TcpStream) -> io::Result<Box<dyn Connection>> + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let state = Arc::new(Mutex::new(State { address: address.to_string(), ..State::default() }));
        let stopped = Arc::new(AtomicBool::new(false));
        let (shared, is_stopped, wrap) = (Arc::clone(&state), Arc::clone(&stopped), Arc::new(wrap));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if is_stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (shared, wrap) = (Arc::clone(&shared), Arc::clone(&wrap));
                // A client that breaks a connection ends its thread, nothing else.
                thread::spawn(move || wrap(stream).and_then(|connection| converse(connection, &shared)));
            }
        });
        Ok(Self { address, state, stopped })
    }

    /// `127.0.0.1:PORT`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Changes the quirks.
    pub fn change(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut lock(&self.state).quirks);
    }

    /// Stores a manifest under a tag and its digest.
    pub fn put_manifest(
        &self,
        repository: &str,
        tag: &str,
        media_type: &MediaType,
        bytes: &[u8],
    ) -> Descriptor {
        let descriptor = Descriptor::of(media_type.clone(), bytes);
        let mut state = lock(&self.state);
        state.store_manifest(repository, &descriptor.digest.to_string(), media_type.as_str(), bytes);
        state.store_manifest(repository, tag, media_type.as_str(), bytes);
        descriptor
    }

    /// Stores a blob.
    pub fn put_blob(&self, repository: &str, media_type: &MediaType, bytes: &[u8]) -> Descriptor {
        let descriptor = Descriptor::of(media_type.clone(), bytes);
        lock(&self.state).store_blob(repository, &descriptor.digest.to_string(), bytes.to_vec());
        descriptor
    }

    /// The bytes of a manifest by tag or digest.
    pub fn manifest(&self, repository: &str, name: &str) -> Option<Vec<u8>> {
        let key = (repository.to_owned(), name.to_owned());
        lock(&self.state).manifests.get(&key).map(|(_, bytes)| bytes.clone())
    }

    /// Makes all tokens worthless.
    pub fn expire_tokens(&self) {
        lock(&self.state).tokens.clear();
    }

    /// The requests so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.state).seen.clone()
    }

    /// How many requests so far have this method and contain this text in their path.
    pub fn count(&self, method: &str, path: &str) -> usize {
        lock(&self.state).seen.iter().filter(|seen| seen.method == method && seen.path.contains(path)).count()
    }
}

impl Drop for TestRegistry {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that accepts.
        drop(TcpStream::connect(self.address));
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What is sent back. Status 0 breaks the connection.
struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    break_after: Option<usize>,
    bytes_per_second: Option<u64>,
}

impl Reply {
    fn new(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new(), break_after: None, bytes_per_second: None }
    }

    fn error(status: u16, code: &str) -> Self {
        let body = json!({"errors": [{"code": code, "message": format!("{code} it is")}]});
        Self::new(status).header("content-type", "application/json").body(body.to_string())
    }

    fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

fn converse(connection: Box<dyn Connection>, state: &Mutex<State>) -> io::Result<()> {
    let mut connection = BufReader::new(connection);
    while let Some(request) = read_request(&mut connection)? {
        let reply = lock(state).answer(request.clone());
        if reply.status == 0 || !write_reply(connection.get_mut(), &request, &reply)? {
            return Ok(());
        }
    }
    Ok(())
}

fn read_request(connection: &mut impl BufRead) -> io::Result<Option<Seen>> {
    let mut line = String::new();
    if connection.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        connection.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length =
        headers.get("content-length").and_then(|text| text.parse().ok()).unwrap_or(0).min(BODY_BYTES_MAX);
    let mut body = vec![0; length];
    connection.read_exact(&mut body)?;
    Ok(Some(Seen { method, path, headers, body }))
}

/// Returns whether the connection goes on.
fn write_reply(connection: &mut impl Write, request: &Seen, reply: &Reply) -> io::Result<bool> {
    let mut head = format!("HTTP/1.1 {} -\r\ncontent-length: {}\r\n", reply.status, reply.body.len());
    reply.headers.iter().for_each(|(name, value)| head.push_str(&format!("{name}: {value}\r\n")));
    connection.write_all(format!("{head}\r\n").as_bytes())?;
    if request.method != "HEAD" {
        let end = reply.break_after.unwrap_or(reply.body.len()).min(reply.body.len());
        write_paced(connection, reply.body.get(..end).unwrap_or_default(), reply.bytes_per_second)?;
    }
    connection.flush()?;
    Ok(reply.break_after.is_none())
}

/// Writes at a given pace, in steps of ten milliseconds.
fn write_paced(connection: &mut impl Write, bytes: &[u8], bytes_per_second: Option<u64>) -> io::Result<()> {
    let Some(pace) = bytes_per_second else { return connection.write_all(bytes) };
    let step = usize::try_from(pace / 100).unwrap_or(usize::MAX).max(1);
    let start = Instant::now();
    for (count, piece) in bytes.chunks(step).enumerate() {
        connection.write_all(piece)?;
        connection.flush()?;
        let due = Duration::from_millis(10) * u32::try_from(count + 1).unwrap_or(u32::MAX);
        thread::sleep(due.saturating_sub(start.elapsed()));
    }
    Ok(())
}

/// `bytes=5-9` → 5 and 10; `None` for what cannot be served.
fn range_of(range: &str, len: usize) -> Option<(usize, usize)> {
    let (start, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let start: usize = start.parse().ok()?;
    let end = if last.is_empty() { len } else { last.parse::<usize>().ok()?.checked_add(1)?.min(len) };
    (start < end).then_some((start, end))
}

impl State {
    fn answer(&mut self, request: Seen) -> Reply {
        self.seen.push(request.clone());
        if let Some(reply) = self.fault(&request) {
            return reply;
        }
        let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
        let query: BTreeMap<String, String> = query.split('&').filter_map(pair).collect();
        if path == "/token" {
            return self.token(&request, &query);
        }
        if let Some(reply) = self.guard(&request) {
            return reply;
        }
        let Some(rest) = path.strip_prefix("/v2/") else { return Reply::error(404, "UNSUPPORTED") };
        for (part, serve) in ROUTES {
            if let Some((repository, name)) = rest.split_once(part) {
                return serve(self, &Routed { request: &request, repository, name, query: &query });
            }
        }
        Reply::new(200)
    }

    fn fault(&mut self, request: &Seen) -> Option<Reply> {
        let fits = |fault: &&mut Fault| {
            fault.times > 0 && fault.method == request.method && request.path.contains(&fault.path)
        };
        let fault = self.quirks.faults.iter_mut().find(fits)?;
        fault.times -= 1;
        Some(Reply {
            status: fault.status,
            headers: fault.headers.clone(),
            body: fault.body.clone(),
            break_after: None,
            bytes_per_second: None,
        })
    }

    /// The challenge, for those who are not let in.
    fn guard(&self, request: &Seen) -> Option<Reply> {
        let proof = request.headers.get("authorization").map(String::as_str).unwrap_or_default();
        let challenge = match &self.quirks.guard {
            Guard::Open => return None,
            Guard::Basic(pair) if proof == format!("Basic {pair}") => return None,
            Guard::Basic(_) => "Basic realm=\"test, \\\"quoted\\\"\"".to_owned(),
            Guard::Bearer { .. }
                if proof.strip_prefix("Bearer ").is_some_and(|token| self.tokens.contains(token)) =>
            {
                return None;
            }
            Guard::Bearer { realm, .. } => {
                let realm = realm.clone().unwrap_or_else(|| format!("http://{}/token", self.address));
                format!("Bearer realm=\"{realm}\",service=\"test registry\",scope=\"repository:any:pull\"")
            }
        };
        // A scheme that nobody speaks stands first, in a header of its own.
        let reply = Reply::error(401, "UNAUTHORIZED").header("www-authenticate", "Negotiate");
        Some(reply.header("www-authenticate", challenge))
    }

    fn token(&mut self, request: &Seen, query: &BTreeMap<String, String>) -> Reply {
        let Guard::Bearer { basic, identity, post_only, seconds, .. } = self.quirks.guard.clone() else {
            return Reply::error(404, "UNSUPPORTED");
        };
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let form: BTreeMap<String, String> = form.split('&').filter_map(pair).collect();
        let field = |name: &str| form.get(name).map(String::as_str);
        let is_let_in = match (request.method.as_str(), field("grant_type")) {
            ("GET", _) if post_only => return Reply::new(405),
            ("GET", _) => {
                let proof = request.headers.get("authorization");
                basic.is_none_or(|pair| proof == Some(&format!("Basic {pair}")))
                    && query.contains_key("scope")
            }
            ("POST", Some("refresh_token")) => {
                identity.is_some() && field("refresh_token") == identity.as_deref()
            }
            ("POST", Some("password")) => field("username").zip(field("password")).is_some(),
            _ => false,
        };
        if !is_let_in {
            return Reply::error(401, "DENIED");
        }
        self.counter += 1;
        let token = format!("token-{}", self.counter);
        self.tokens.insert(token.clone());
        let mut body = json!({"token": token});
        if let Some(seconds) = seconds {
            body["expires_in"] = json!(seconds);
        }
        Reply::new(200).header("content-type", "application/json").body(body.to_string())
    }

    fn store_blob(&mut self, repository: &str, digest: &str, bytes: Vec<u8>) {
        self.held.insert((repository.to_owned(), digest.to_owned()));
        self.blobs.insert(digest.to_owned(), bytes);
    }

    fn store_manifest(&mut self, repository: &str, name: &str, media_type: &str, bytes: &[u8]) {
        let key = (repository.to_owned(), name.to_owned());
        self.manifests.insert(key, (media_type.to_owned(), bytes.to_vec()));
    }

    fn uploads(&mut self, at: &Routed<'_>) -> Reply {
        match at.request.method.as_str() {
            "POST" => self.begin_upload(at),
            "PATCH" => self.patch_upload(at),
            "PUT" => self.finish_upload(at),
            "GET" => match self.uploads.get(at.name) {
                Some(bytes) => upload_reply(204, at, bytes.len()),
                None => Reply::error(404, "BLOB_UPLOAD_UNKNOWN"),
            },
            _ => Reply::error(405, "UNSUPPORTED"),
        }
    }

    fn begin_upload(&mut self, at: &Routed<'_>) -> Reply {
        let source = at.query.get("from").cloned().unwrap_or_default();
        let wanted = at.query.get("mount").filter(|digest| self.held.contains(&(source, (*digest).clone())));
        if let Some(digest) = wanted.filter(|_| !self.quirks.no_mount) {
            self.held.insert((at.repository.to_owned(), digest.clone()));
            return Reply::new(201).header("location", format!("/v2/{}/blobs/{digest}", at.repository));
        }
        self.counter += 1;
        let id = format!("upload-{}", self.counter);
        self.uploads.insert(id.clone(), Vec::new());
        let location = format!("/v2/{}/blobs/uploads/{id}?state=1", at.repository);
        let reply = Reply::new(202).header("location", location);
        match self.quirks.chunk_min {
            Some(least) => reply.header("oci-chunk-min-length", least.to_string()),
            None => reply,
        }
    }

    fn patch_upload(&mut self, at: &Routed<'_>) -> Reply {
        let broken = self.quirks.break_chunks_after.pop_front();
        let Some(bytes) = self.uploads.get_mut(at.name) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        let range = at.request.headers.get("content-range").map(String::as_str).unwrap_or_default();
        let last = (bytes.len() + at.request.body.len()).saturating_sub(1);
        if range != format!("{}-{last}", bytes.len()) {
            return Reply::error(416, "RANGE_INVALID");
        }
        let taken = broken.unwrap_or(usize::MAX).min(at.request.body.len());
        bytes.extend_from_slice(at.request.body.get(..taken).unwrap_or_default());
        if broken.is_some() { Reply::new(0) } else { upload_reply(202, at, bytes.len()) }
    }

    fn finish_upload(&mut self, at: &Routed<'_>) -> Reply {
        if let Some(status) = self.quirks.no_monolithic.filter(|_| !at.request.body.is_empty()) {
            return Reply::error(status, "SIZE_INVALID");
        }
        let Some(mut bytes) = self.uploads.remove(at.name) else {
            return Reply::error(404, "BLOB_UPLOAD_UNKNOWN");
        };
        bytes.extend_from_slice(&at.request.body);
        let digest = at.query.get("digest").cloned().unwrap_or_default();
        if Digest::sha256_of(&bytes).to_string() != digest {
            return Reply::error(400, "DIGEST_INVALID");
        }
        self.store_blob(at.repository, &digest, bytes);
        Reply::new(201).header("location", format!("/v2/{}/blobs/{digest}", at.repository))
    }

    fn blob(&mut self, at: &Routed<'_>) -> Reply {
        let held = self.held.contains(&(at.repository.to_owned(), at.name.to_owned()));
        let Some(mut bytes) = self.blobs.get(at.name).filter(|_| held).cloned() else {
            return Reply::error(404, "BLOB_UNKNOWN");
        };
        if let Some(elsewhere) = self.quirks.blobs_elsewhere.clone().filter(|_| at.request.method == "GET") {
            return Reply::new(307)
                .header("location", format!("{elsewhere}{}?signature=secret", at.request.path));
        }
        if self.quirks.corrupt_blobs {
            bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        }
        let mut reply = Reply::new(200);
        let range = at.request.headers.get("range").and_then(|range| range_of(range, bytes.len()));
        if let Some((start, end)) = range.filter(|_| !self.quirks.no_ranges) {
            let shown = start + self.quirks.ranges_off_by;
            reply =
                Reply::new(206).header("content-range", format!("bytes {shown}-{}/{}", end - 1, bytes.len()));
            bytes.truncate(end);
            bytes.drain(..start);
        }
        let break_after =
            if at.request.method == "GET" { self.quirks.break_blobs_after.pop_front() } else { None };
        Reply { body: bytes, break_after, bytes_per_second: self.quirks.blob_bytes_per_second, ..reply }
    }

    fn manifest(&mut self, at: &Routed<'_>) -> Reply {
        if at.request.method == "PUT" {
            return self.take_manifest(at);
        }
        match self.manifests.get(&(at.repository.to_owned(), at.name.to_owned())) {
            None => Reply::error(404, "MANIFEST_UNKNOWN"),
            Some((media_type, bytes)) => {
                let reply = Reply::new(200).header("content-type", media_type.as_str());
                let reply = if self.quirks.etags { reply.header("etag", etag(bytes)) } else { reply };
                reply.body(bytes.clone())
            }
        }
    }

    fn take_manifest(&mut self, at: &Routed<'_>) -> Reply {
        let bytes = &at.request.body;
        let digest = Digest::sha256_of(bytes).to_string();
        let is_digest = at.name.contains(':');
        if is_digest && at.name != digest {
            return Reply::error(400, "DIGEST_INVALID");
        }
        let current =
            self.manifests.get(&(at.repository.to_owned(), at.name.to_owned())).map(|(_, bytes)| etag(bytes));
        let condition = at.request.headers.get("if-match");
        if self.quirks.etags && condition.is_some() && condition != current.as_ref() {
            return Reply::error(412, "PRECONDITION_FAILED");
        }
        let media_type = at.request.headers.get("content-type").cloned().unwrap_or_default();
        let overwriting = if is_digest { None } else { self.quirks.overwritten_by.pop_front() };
        self.store_manifest(at.repository, &digest, &media_type, bytes);
        self.store_manifest(at.repository, at.name, &media_type, overwriting.as_ref().unwrap_or(bytes));
        let mut reply = Reply::new(201).header("docker-content-digest", digest.as_str());
        if !self.quirks.no_location {
            reply = reply.header("location", format!("/v2/{}/manifests/{digest}", at.repository));
        }
        let parsed: Value = serde_json::from_slice(bytes).unwrap_or_default();
        match parsed.pointer("/subject/digest").and_then(Value::as_str) {
            Some(subject) if !self.quirks.no_referrers_api || self.quirks.false_subject_header => {
                reply.header("oci-subject", subject)
            }
            _ => reply,
        }
    }

    fn referrers(&mut self, at: &Routed<'_>) -> Reply {
        if self.quirks.no_referrers_api {
            return Reply::error(404, "NOT_FOUND");
        }
        let all = self.referring_to(at.repository, at.name);
        let page: usize = at.query.get("page").and_then(|text| text.parse().ok()).unwrap_or(0);
        let size = if self.quirks.page_entries == 0 { all.len().max(1) } else { self.quirks.page_entries };
        let entries: Vec<Value> = all.iter().skip(page * size).take(size).cloned().collect();
        let manifests =
            if entries.is_empty() && self.quirks.null_manifests { Value::Null } else { json!(entries) };
        let body =
            json!({"schemaVersion": 2, "mediaType": MediaType::OCI_INDEX.as_str(), "manifests": manifests});
        let reply =
            Reply::new(200).header("content-type", MediaType::OCI_INDEX.as_str()).body(body.to_string());
        let next = if (page + 1) * size < all.len() {
            Some(page + 1)
        } else {
            self.quirks.pages_in_a_circle.then_some(0)
        };
        let host = self.quirks.pages_elsewhere.clone().unwrap_or_default();
        match next {
            Some(next) => {
                let path = at.request.path.split('?').next().unwrap_or_default();
                reply.header("link", format!("<{host}{path}?page={next}>; rel=\"next\""))
            }
            None => reply,
        }
    }

    fn referring_to(&self, repository: &str, subject: &str) -> Vec<Value> {
        let of_repository =
            self.manifests.iter().filter(|((of, name), _)| of == repository && name.contains(':'));
        let mut found = Vec::new();
        for ((_, digest), (media_type, bytes)) in of_repository {
            let manifest: Value = serde_json::from_slice(bytes).unwrap_or_default();
            if manifest.pointer("/subject/digest").and_then(Value::as_str) != Some(subject) {
                continue;
            }
            let mut entry = json!({"mediaType": media_type, "digest": digest, "size": bytes.len()});
            if self.quirks.bare_referrers {
                entry["artifactType"] = json!(MediaType::OCI_EMPTY.as_str());
            } else {
                entry["artifactType"] = manifest["artifactType"].clone();
                entry["annotations"] = manifest["annotations"].clone();
            }
            found.push(entry);
        }
        found
    }
}

/// A request below a repository.
struct Routed<'a> {
    request: &'a Seen,
    repository: &'a str,
    name: &'a str,
    query: &'a BTreeMap<String, String>,
}

type Serve = fn(&mut State, &Routed<'_>) -> Reply;

const ROUTES: [(&str, Serve); 4] = [
    ("/blobs/uploads/", State::uploads),
    ("/blobs/", State::blob),
    ("/manifests/", State::manifest),
    ("/referrers/", State::referrers),
];

fn upload_reply(status: u16, at: &Routed<'_>, length: usize) -> Reply {
    let location = format!("/v2/{}/blobs/uploads/{}?state={length}", at.repository, at.name);
    Reply::new(status).header("location", location).header("range", format!("0-{}", length.saturating_sub(1)))
}

fn etag(bytes: &[u8]) -> String {
    format!("\"{}\"", Digest::sha256_of(bytes))
}

/// `name=value` with percent signs and plus signs undone.
fn pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let mut parts = value.split('%');
    let mut decoded = parts.next().unwrap_or_default().replace('+', " ").into_bytes();
    for part in parts {
        let (hex, rest) = part.split_at_checked(2)?;
        decoded.push(u8::from_str_radix(hex, 16).ok()?);
        decoded.extend(rest.replace('+', " ").into_bytes());
    }
    Some((name.to_owned(), String::from_utf8(decoded).ok()?))
}
