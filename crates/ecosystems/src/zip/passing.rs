//! A zip archive that is read as it passes, without its directory being known.
//!
//! Members are found by their local headers. One whose size stands behind it ends where its compressed data says, or,
//! when nobody wants it, before the next header whose preceding data descriptor has the packed size that lies
//! between. What the directory at the end says is then compared with all that was met.

use std::collections::BTreeMap;

use supercargo_content::{Algorithm, Hasher};
use supercargo_inventory::{Problem, ProblemKind};

use super::body::{Body, Kept, Progress};
use super::directory::Directory;
use super::record::{self, CENTRAL, DESCRIPTOR_BYTES_MAX, END, Header, LOCAL, Record, Sums};
use super::search::{Hit, Search};
use super::{Allowance, Archive, Data, Passed, Role, Roles};

/// What has passed of an archive.
pub(crate) struct Passing {
    roles: Roles,
    depth_left: usize,
    position: u64,
    hasher: Option<Hasher>,
    state: State,
    /// Bytes of a record or descriptor that is not complete.
    held: Vec<u8>,
    directory: Directory,
    kept: BTreeMap<u64, (Header, Kept)>,
    /// Where the first record of the end of the directory began.
    end_at: Option<u64>,
    problems: Vec<Problem>,
}

enum State {
    /// A record is to come.
    Record,
    /// Something else came; the next member, directory or end is looked for.
    Lost(Search),
    /// In the body of a member.
    Body(Box<Body>),
    /// In a body whose end has to be found.
    Search(Box<Header>, Search),
    /// Behind a body: its descriptor, if it has one.
    Descriptor(Box<Body>),
    /// Bytes that nobody wants.
    Skip(u64),
    /// Too many members.
    Stopped,
}

impl Passing {
    /// The beginning of an archive; archives in it are followed `depth_left` levels down.
    pub(crate) fn new(roles: Roles, depth_left: usize) -> Self {
        Self { hasher: Some(Hasher::new(Algorithm::Sha256)), ..Self::unhashed(roles, depth_left) }
    }

    /// The same for an archive whose bytes are hashed by somebody else.
    pub(crate) fn unhashed(roles: Roles, depth_left: usize) -> Self {
        Self {
            roles,
            depth_left,
            position: 0,
            hasher: None,
            state: State::Record,
            held: Vec::new(),
            directory: Directory::default(),
            kept: BTreeMap::new(),
            end_at: None,
            problems: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub(crate) fn push(&mut self, mut bytes: &[u8], shared: &mut Allowance<'_>) {
        self.hasher.iter_mut().for_each(|hasher| hasher.update(bytes));
        while !bytes.is_empty() {
            let used = self.step(bytes, shared);
            self.position += used as u64;
            bytes = bytes.get(used..).unwrap_or_default();
        }
    }

    /// The archive, when all of it has passed.
    pub(crate) fn finish(mut self, shared: &Allowance<'_>) -> Result<Archive<'static>, Problem> {
        let entries = if matches!(self.state, State::Stopped) {
            self.problems.push(shared.too_many_entries());
            Vec::new()
        } else {
            self.directory.finish(self.end_at, &mut self.problems)?
        };
        let data = Data::Passed(Passed { kept: self.kept });
        Ok(Archive { data, entries, problems: self.problems, sha256: self.hasher.map(Hasher::finish) })
    }

    fn step(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) -> usize {
        match &mut self.state {
            State::Record => self.record(bytes, shared),
            State::Lost(search) => {
                let is_record = |hit: &Hit<'_>| matches!(hit.signature, LOCAL | CENTRAL | END);
                match search.find(bytes, &mut |hit| is_record(hit)) {
                    Some((signature, used)) => self.found(signature, used),
                    None => bytes.len(),
                }
            }
            State::Body(body) => {
                let (used, progress) = body.push(bytes, shared);
                self.after_body(progress, shared);
                used
            }
            State::Search(..) => self.search(bytes, shared),
            State::Descriptor(_) => self.descriptor(bytes, shared),
            State::Skip(left) => {
                let used = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *left -= used as u64;
                if *left == 0 {
                    self.state = State::Record;
                }
                used
            }
            State::Stopped => bytes.len(),
        }
    }

    /// A signature was found; its record goes on behind it.
    fn found(&mut self, signature: [u8; 4], used: usize) -> usize {
        self.held = signature.to_vec();
        self.state = State::Record;
        used
    }

    fn record(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) -> usize {
        // Nearly always all of it is there.
        if let (true, Some(wanted)) = (self.held.is_empty(), record::wanted(bytes))
            && let Some(whole) = bytes.get(..wanted)
        {
            self.parsed(whole, self.position + wanted as u64, shared);
            return wanted;
        }
        let mut used = 0;
        loop {
            let Some(wanted) = record::wanted(&self.held) else {
                self.lose();
                return used;
            };
            let missing = wanted.saturating_sub(self.held.len());
            if missing == 0 {
                let held = std::mem::take(&mut self.held);
                self.parsed(&held, self.position + used as u64, shared);
                return used;
            }
            let more = bytes.get(used..).unwrap_or_default();
            let more = more.get(..missing.min(more.len())).unwrap_or_default();
            if more.is_empty() {
                return used;
            }
            self.held.extend_from_slice(more);
            used += more.len();
        }
    }

    /// What was gathered is no record: it is searched from its second byte on, and then what follows.
    fn lose(&mut self) {
        let held = std::mem::take(&mut self.held);
        let rest = held.get(1..).unwrap_or_default();
        let mut search = Search::default();
        let found = search.find(rest, &mut |hit| record::follows_member(hit.signature));
        if let Some((_, end)) = found {
            self.held = rest.get(end.saturating_sub(4)..).unwrap_or_default().to_vec();
        } else {
            self.state = State::Lost(search);
        }
    }

    /// A record is complete; it ends at `end`.
    fn parsed(&mut self, record: &[u8], end: u64, shared: &mut Allowance<'_>) {
        let at = end.saturating_sub(record.len() as u64);
        match record::parse(record, at) {
            Some(Record::Local(header)) => self.member(header, shared),
            Some(Record::Central(header)) => {
                self.begin_directory();
                self.directory.list(&header, at, self.roles, shared);
                self.state = State::Record;
            }
            Some(Record::End64(found)) => {
                self.end_at.get_or_insert(at);
                self.directory.end64(found);
                self.skip(found.comment_bytes);
            }
            Some(Record::Locator) => self.state = State::Record,
            Some(Record::End(found)) => {
                self.begin_directory();
                self.end_at.get_or_insert(at);
                self.directory.end(found);
                self.skip(found.comment_bytes);
            }
            None => self.state = State::Lost(Search::default()),
        }
    }

    /// A directory behind the end of another takes its place, as for those who read archives from their end.
    fn begin_directory(&mut self) {
        if self.directory.has_ended() {
            self.directory.restart();
            self.end_at = None;
            let message = "bytes behind the end of the zip directory hold another one, which is believed";
            self.problems.push(Problem::new(ProblemKind::Inconsistent, message));
        }
    }

    fn skip(&mut self, bytes: u64) {
        self.state = if bytes == 0 { State::Record } else { State::Skip(bytes) };
    }

    fn member(&mut self, header: Header, shared: &mut Allowance<'_>) {
        if !shared.budget.enter() {
            self.state = State::Stopped;
            return;
        }
        let is_named = header.raw_name.len() <= shared.limits.path_bytes_max;
        let role = if is_named { (self.roles)(&header.name()) } else { Role::None };
        let nested = (role == Role::Archive)
            .then(|| self.depth_left.checked_sub(1).map(|depth_left| Self::new(self.roles, depth_left)))
            .flatten();
        match Body::new(header, role, nested) {
            Ok(body) => {
                let is_empty = body.is_empty();
                self.state = State::Body(Box::new(body));
                if is_empty {
                    self.after_body(Progress::Ended, shared);
                }
            }
            Err(refused) => {
                let (header, refused) = *refused;
                if let Some(problem) = refused {
                    self.kept.insert(header.offset, (header.clone(), Kept::Failed(problem)));
                }
                self.state = State::Search(Box::new(header), Search::default());
            }
        }
    }

    fn after_body(&mut self, progress: Progress, shared: &mut Allowance<'_>) {
        if matches!(progress, Progress::More) {
            return;
        }
        let State::Body(body) = std::mem::replace(&mut self.state, State::Record) else { return };
        match progress {
            Progress::Lost => {
                let (header, kept) = body.finish(shared);
                self.kept.extend(kept.map(|kept| (header.offset, (header, kept))));
                self.state = State::Lost(Search::default());
            }
            _ if body.header.has_descriptor() => self.state = State::Descriptor(body),
            _ => self.met(*body, None, shared),
        }
    }

    fn met(&mut self, body: Body, sums: Option<Sums>, shared: &mut Allowance<'_>) {
        let (mut header, kept) = body.finish(shared);
        header.sums = sums.unwrap_or(header.sums);
        self.directory.meet(&header, shared);
        if let Some(kept) = kept {
            self.kept.insert(header.offset, (header, kept));
        }
    }

    fn search(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) -> usize {
        let State::Search(header, search) = &mut self.state else { return 0 };
        let mut sums = None;
        let found = search.find(bytes, &mut |hit| {
            if !record::follows_member(hit.signature) {
                return false;
            }
            let described = record::descriptor(hit.before, hit.distance).map(|(sums, _)| sums);
            sums = described.or((hit.distance == 0).then_some(header.sums));
            sums.is_some()
        });
        let Some((signature, used)) = found else { return bytes.len() };
        header.sums = sums.unwrap_or(header.sums);
        let header = std::mem::take(&mut **header);
        self.directory.meet(&header, shared);
        self.found(signature, used)
    }

    /// Gathers as much as the longest descriptor and a signature, and takes what the descriptor has.
    fn descriptor(&mut self, bytes: &[u8], shared: &mut Allowance<'_>) -> usize {
        let missing = (DESCRIPTOR_BYTES_MAX + 4).saturating_sub(self.held.len());
        let used = missing.min(bytes.len());
        self.held.extend_from_slice(bytes.get(..used).unwrap_or_default());
        if used < missing {
            return used;
        }
        let State::Descriptor(body) = std::mem::replace(&mut self.state, State::Record) else { return used };
        let is_record = |at: usize| {
            let signature = self.held.get(at..).and_then(|rest| rest.first_chunk::<4>());
            signature.is_some_and(|signature| record::follows_member(*signature))
        };
        let found =
            (12..=DESCRIPTOR_BYTES_MAX).step_by(4).filter(|length| is_record(*length)).find_map(|length| {
                let before = self.held.get(..length)?;
                let (sums, own) = record::descriptor(before, body.passed + length as u64)?;
                (own == length).then_some((sums, length))
            });
        let (sums, length) = match found {
            Some((sums, length)) => (Some(sums), length),
            None => (None, 0),
        };
        self.held.drain(..length);
        self.met(*body, sums, shared);
        used
    }
}
