//! Sees every form of every `LogDrain` and of every event, as the API server tells it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use logdrain_operator::crd::{DeletionPolicy, DrainRecord, LogDrain};
use logdrain_operator::drain::{Digester, DrainUrl, Target};
use serde_json::Value;

use crate::secrecy::Needles;
use crate::universe::{Destination, REGION, VERSIONS};

/// What has been seen.
#[derive(Default)]
pub struct Witness {
    digester: Digester,
    needles: Needles,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    /// Digests of URLs that have stood in some record.
    recorded: HashSet<String>,
    /// The same of those that stand there now, by uid.
    standing: HashMap<String, BTreeSet<String>>,
    /// Those that were released with `Retain`, and that no record has named since.
    left: HashSet<String>,
    /// `LogDrain`s that were to retain their drains at any time since their deletion was asked for.
    released: HashSet<String>,
    broken: Vec<String>,
    /// How many of them have been told.
    told: usize,
    counts: BTreeMap<String, u64>,
}

impl Witness {
    /// A `LogDrain` is as this now, or was until it went.
    pub fn saw_logdrain(&self, object: &Value, gone: bool) {
        self.keep_secret("a LogDrain", &object.to_string());
        let Ok(object) = serde_json::from_value::<LogDrain>(object.clone()) else {
            self.breaks(format!("a LogDrain cannot be read: {object}"));
            return;
        };
        let uid = object.metadata.uid.unwrap_or_default();
        let records = object.status.map(|status| status.drains).unwrap_or_default();
        let digests: BTreeSet<String> =
            records.iter().filter_map(|record| record.url_digest.clone()).collect();
        let is_ending = gone || object.metadata.deletion_timestamp.is_some();
        let retains = object.spec.deletion_policy == DeletionPolicy::Retain;
        let mut seen = self.seen();
        seen.recorded.extend(digests.iter().cloned());
        if is_ending && retains {
            seen.released.insert(uid.clone());
        } else {
            seen.left.retain(|digest| !digests.contains(digest));
        }
        if !gone {
            seen.standing.insert(uid, digests);
            return;
        }
        seen.standing.remove(&uid);
        if !seen.released.contains(&uid) {
            return;
        }
        drop(seen);
        // An addition whose answer is missing: it may turn up later.
        let added = records.iter().filter(|record| record.url_digest.is_none());
        let added: Vec<String> = added.filter_map(|record| self.digests_of(record)).collect();
        let mut seen = self.seen();
        let standing: HashSet<String> = seen.standing.values().flatten().cloned().collect();
        let left = digests.into_iter().chain(added).filter(|digest| !standing.contains(digest));
        seen.left.extend(left);
    }

    /// An event is as this now.
    pub fn saw_event(&self, object: &Value) {
        self.keep_secret("an event", &object.to_string());
    }

    /// The operator has printed this.
    pub fn saw_output(&self, text: &str) {
        self.keep_secret("the operator's output", text);
        if let Some(line) = text.lines().find(|line| line.contains("panicked at")) {
            self.breaks(format!("the operator panicked: {line}"));
        }
    }

    fn keep_secret(&self, source: &str, text: &str) {
        if let Some(line) = self.needles.find(text) {
            self.breaks(format!("promise 5: a secret stands in {source}: {line}"));
        }
    }

    /// Whether a secret would be found wherever it stands.
    pub fn would_find(&self, secret: &str) -> bool {
        self.needles.would_find(secret)
    }

    /// The digest that a record has of a URL.
    pub fn digest(&self, target: &scalingo_simulator::Target, url: &str) -> String {
        let target =
            Target { region: REGION.into(), app_id: target.app.clone(), addon: target.addon.clone() };
        self.digester.url(&target, &DrainUrl::new(url.to_owned())).to_string()
    }

    /// Of the URL of a record that does not know it yet.
    fn digests_of(&self, record: &DrainRecord) -> Option<String> {
        let target = record.target();
        let of_type = Destination::all().filter(|one| one.kind.drain_type() == record.drain_type);
        let all = of_type.flat_map(|one| (0..VERSIONS).map(move |version| (one, version)));
        let is_it = |(one, version): &(Destination, u8)| {
            let digest = self.digester.destination(&target, &one.resolved(*version)).to_string();
            digest == record.destination_digest
        };
        let (one, version) = { all }.find(is_it)?;
        Some(self.digester.url(&target, &DrainUrl::new(one.url(version))).to_string())
    }

    /// Whether a drain has stood in some record.
    pub fn was_recorded(&self, digest: &str) -> bool {
        self.seen().recorded.contains(digest)
    }

    /// Whether a drain was left at Scalingo because its `LogDrain` asked for that.
    pub fn was_left(&self, digest: &str) -> bool {
        self.seen().left.contains(digest)
    }

    /// How many were.
    pub fn left(&self) -> usize {
        self.seen().left.len()
    }

    /// Notes a broken promise.
    pub fn breaks(&self, promise: String) {
        let mut seen = self.seen();
        if !seen.broken.contains(&promise) {
            seen.broken.push(promise);
        }
    }

    /// The broken promises so far.
    pub fn broken(&self) -> Vec<String> {
        self.seen().broken.clone()
    }

    /// Those that this has not given yet.
    pub fn newly_broken(&self) -> Vec<String> {
        let mut seen = self.seen();
        let all = seen.broken.len();
        let told = std::mem::replace(&mut seen.told, all);
        seen.broken[told..].to_vec()
    }

    /// Counts something for the summary.
    pub fn count(&self, what: &str) {
        *self.seen().counts.entry(what.to_owned()).or_default() += 1;
    }

    /// What was counted.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.seen().counts.clone()
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::universe::{Kind, MARK};

    const TARGET: &str = "5af97be7ff688d0001228ffb";

    /// A `LogDrain` whose one record is of this Datadog drain; of an addition, where the digest of its URL is not given.
    fn logdrain(witness: &Witness, uid: &str, policy: &str, url_digest: Option<&str>) -> Value {
        let destination = Destination { kind: Kind::Datadog, number: 2 };
        let target = Target { region: REGION.into(), app_id: TARGET.into(), addon: None };
        let digest = witness.digester.destination(&target, &destination.resolved(1)).to_string();
        let mut spec = destination.spec();
        spec["app"] = "shop".into();
        spec["deletionPolicy"] = policy.into();
        json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain", "spec": spec,
            "metadata": {"name": uid, "namespace": "a", "uid": uid},
            "status": {"drains": [{
                "region": REGION, "app": "shop", "appId": TARGET, "type": "datadog", "urlDigest": url_digest,
                "destinationDigest": digest, "state": if url_digest.is_some() { "Active" } else { "Adding" },
            }]},
        })
    }

    fn digest(witness: &Witness) -> String {
        let url = Destination { kind: Kind::Datadog, number: 2 }.url(1);
        witness.digest(&TARGET.into(), &url)
    }

    #[test]
    fn what_goes_with_retain_is_left_until_another_records_it() {
        let witness = Witness::default();
        let digest = digest(&witness);
        assert!(!witness.was_recorded(&digest));
        let object = logdrain(&witness, "one", "Retain", Some(&digest));
        witness.saw_logdrain(&object, false);
        assert!(witness.was_recorded(&digest) && !witness.was_left(&digest));
        witness.saw_logdrain(&object, true);
        assert!(witness.was_left(&digest));
        witness.saw_logdrain(&logdrain(&witness, "two", "Delete", Some(&digest)), false);
        assert!(!witness.was_left(&digest));
        assert_eq!(witness.broken(), Vec::<String>::new());
    }

    #[test]
    fn what_another_records_is_not_left() {
        let witness = Witness::default();
        let digest = digest(&witness);
        witness.saw_logdrain(&logdrain(&witness, "two", "Delete", Some(&digest)), false);
        witness.saw_logdrain(&logdrain(&witness, "one", "Retain", Some(&digest)), true);
        assert!(!witness.was_left(&digest));
        witness.saw_logdrain(&logdrain(&witness, "two", "Delete", Some(&digest)), true);
        assert!(!witness.was_left(&digest));
    }

    #[test]
    fn an_addition_that_goes_with_retain_may_turn_up_later() {
        let witness = Witness::default();
        let digest = digest(&witness);
        witness.saw_logdrain(&logdrain(&witness, "one", "Retain", None), true);
        assert!(witness.was_left(&digest) && !witness.was_recorded(&digest));
    }

    #[test]
    fn a_secret_in_a_status_and_a_panic_break_a_promise() {
        let witness = Witness::default();
        let mut object = logdrain(&witness, "one", "Delete", None);
        object["status"]["drains"][0]["url"] = format!("datadog://{MARK}-datadog-1?region=eu-3").into();
        witness.saw_logdrain(&object, false);
        assert_eq!(witness.broken().len(), 1);
        witness.saw_output("one\nthread 'main' panicked at src/run.rs:1:2");
        assert_eq!(witness.broken().len(), 2);
    }
}
