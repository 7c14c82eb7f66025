//! Sees what every operator does at the moment it does it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use in_memory_api_server::ApiServer;
use logdrain_operator::crd::{DrainRecord, DrainState, LogDrain};
use logdrain_operator::drain::{Digester, DrainUrl, Target};
use logdrain_operator::scalingo::TokenKey;
use logdrain_operator::scalingo::budget::WINDOW;
use scalingo_simulator::{ChangeKind, Simulator};
use serde_json::Value;
use tokio::time::Instant;

use crate::universe::{MARK, REGION};

/// How long after somebody has taken drains away a gap is not the operator's.
const UNREST: Duration = Duration::from_secs(10 * 60);

/// What has been seen.
pub struct Witness {
    /// Shared with the operators: the same digests, computed once.
    pub digester: Arc<Digester>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    version: u64,
    recorded: HashSet<String>,
    broken: BTreeSet<String>,
    counts: BTreeMap<String, u64>,
    restless_until: Option<Instant>,
    /// The latest change at Scalingo that was judged.
    judged: u64,
    /// When requests have come to Scalingo in the last minute, of each operator and API token.
    arrivals: HashMap<(String, TokenKey), VecDeque<Instant>>,
}

impl Witness {
    /// Has seen nothing yet.
    pub fn new(digester: Arc<Digester>) -> Self {
        Self { digester, seen: Mutex::default() }
    }

    /// Notes what is recorded now, and that no secret stands in it.
    pub fn look(&self, server: &ApiServer) {
        let version = server.resource_version();
        if self.seen().version == version {
            return;
        }
        let mut recorded = Vec::new();
        for object in server.list("LogDrain", "") {
            self.keep_secret(&object);
            let digests = object["status"]["drains"].as_array().into_iter().flatten();
            recorded.extend(digests.filter_map(|record| record["urlDigest"].as_str().map(str::to_owned)));
        }
        for event in server.list("Event", "") {
            self.keep_secret(&event);
        }
        let mut seen = self.seen();
        seen.version = version;
        seen.recorded.extend(recorded);
    }

    fn keep_secret(&self, object: &Value) {
        let text = object.to_string();
        if text.contains(MARK) {
            self.breaks(format!("promise 5: a secret stands in {text}"));
        }
    }

    /// Whether a drain has stood in some status.
    pub fn was_recorded(&self, target: &Target, url: &str) -> bool {
        let digest = self.digester.url(target, &DrainUrl::new(url.to_owned())).to_string();
        self.seen().recorded.contains(&digest)
    }

    /// Somebody has taken drains away, or two operators are at work: a gap may be theirs.
    pub fn is_restless(&self) {
        self.seen().restless_until = Some(Instant::now() + UNREST);
    }

    /// Notes a broken promise.
    pub fn breaks(&self, promise: String) {
        self.seen().broken.insert(promise);
    }

    /// Counts something for the summary.
    pub fn count(&self, what: &str) {
        *self.seen().counts.entry(what.to_owned()).or_default() += 1;
    }

    /// The broken promises so far.
    pub fn broken(&self) -> Vec<String> {
        self.seen().broken.iter().cloned().collect()
    }

    /// What was counted.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.seen().counts.clone()
    }

    /// A request has come to Scalingo; no process may send more of them in any minute.
    pub fn note_arrival(&self, operator: &str, token: TokenKey, limit: usize) {
        let now = Instant::now();
        let mut seen = self.seen();
        let arrivals = seen.arrivals.entry((operator.to_owned(), token)).or_default();
        arrivals.retain(|at| now.duration_since(*at) < WINDOW);
        arrivals.push_back(now);
        let many = arrivals.len();
        drop(seen);
        if many > limit {
            self.breaks(format!("promise 6: {operator} has sent {many} requests in a minute, not {limit}"));
        }
    }

    /// An operator is about to delete a drain: a `LogDrain` that stays must have another in its place.
    pub fn judge_deletion(&self, server: &ApiServer, simulator: &Simulator, request: &http::Request<Bytes>) {
        if self.seen().restless_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let Some((target, url)) = named(request) else { return };
        let digest = self.digester.url(&target, &DrainUrl::new(url)).to_string();
        for object in server.list("LogDrain", "") {
            let Ok(object) = serde_json::from_value::<LogDrain>(object) else { continue };
            if object.metadata.deletion_timestamp.is_some() {
                continue;
            }
            let records = object.status.map(|status| status.drains).unwrap_or_default();
            let is_it = |other: &Option<String>| other.as_deref() == Some(&digest);
            if !records.iter().any(|record| is_it(&record.url_digest)) {
                continue;
            }
            let stays = records.iter().any(|record| {
                let target = record.target();
                record.state == DrainState::Active
                    && (!is_it(&record.url_digest) || self.count_of(simulator, &target, &digest) > 1)
                    && record
                        .url_digest
                        .as_deref()
                        .is_some_and(|url| self.count_of(simulator, &target, url) > 0)
            });
            if !stays {
                let namespace = object.metadata.namespace.unwrap_or_default();
                let name = object.metadata.name.unwrap_or_default();
                self.breaks(format!("promise 3: the drain of {namespace}/{name} goes and no other is there"));
            }
        }
    }

    /// What operators have removed since the last look, however late it took effect, was not the last drain of a `LogDrain`
    /// that stays.
    pub fn judge_removals(&self, server: &ApiServer, simulator: &Simulator) {
        let judged = std::mem::replace(&mut self.seen().judged, simulator.sequence());
        if self.seen().restless_until.is_some_and(|until| Instant::now() < until) {
            return;
        }
        let changes = simulator.changes_since(judged);
        for removed in
            changes.iter().filter(|change| change.kind == ChangeKind::Removed && change.by.is_some())
        {
            let at = &removed.target;
            let target =
                Target { region: REGION.to_owned(), app_id: at.app.clone(), addon: at.addon.clone() };
            let digest = self.digester.url(&target, &DrainUrl::new(removed.url.clone())).to_string();
            for object in server.list("LogDrain", "") {
                let Ok(object) = serde_json::from_value::<LogDrain>(object) else { continue };
                let records = object.status.map(|status| status.drains).unwrap_or_default();
                let mut of_it = records.iter().filter(|record| record.target() == target);
                let is_left = |record: &DrainRecord| {
                    let url = record.url_digest.as_deref();
                    url.is_some_and(|url| self.count_of(simulator, &record.target(), url) > 0)
                };
                if object.metadata.deletion_timestamp.is_none()
                    && of_it.any(|record| record.url_digest.as_ref() == Some(&digest))
                    && !records.iter().any(is_left)
                {
                    let namespace = object.metadata.namespace.unwrap_or_default();
                    let name = object.metadata.name.unwrap_or_default();
                    self.breaks(format!(
                        "promise 3: the last drain of {namespace}/{name} was deleted by an operator"
                    ));
                }
            }
        }
    }

    fn count_of(&self, simulator: &Simulator, target: &Target, digest: &str) -> usize {
        let place = scalingo_simulator::Target { app: target.app_id.clone(), addon: target.addon.clone() };
        let listed = simulator.drains(place).into_iter();
        let digests = listed.map(|url| self.digester.url(target, &DrainUrl::new(url)).to_string());
        digests.filter(|listed| listed == digest).count()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a DELETE names.
fn named(request: &http::Request<Bytes>) -> Option<(Target, String)> {
    let segments: Vec<&str> = request.uri().path().split('/').skip(1).collect();
    let (app, addon) = match segments.as_slice() {
        ["v1", "apps", app, "log_drains"] => (app, None),
        ["v1", "apps", app, "addons", addon, "log_drains"] => (app, Some((*addon).to_owned())),
        _ => return None,
    };
    let target = Target { region: REGION.to_owned(), app_id: (*app).to_owned(), addon };
    if let Ok(body) = serde_json::from_slice::<Value>(request.body()) {
        return Some((target, body["url"].as_str()?.to_owned()));
    }
    let query = request.uri().query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "url").map(|(_, url)| (target, url.into_owned()))
}
