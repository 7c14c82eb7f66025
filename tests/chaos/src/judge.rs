//! What must hold: at any time, and once faults have stopped.

use std::collections::{BTreeMap, BTreeSet};

use logdrain_operator::crd::{LogDrain, Reason};
use scalingo_simulator::{Change, ChangeKind, Entry, Target};

use crate::setting::Setting;
use crate::universe::{Destination, Kind, in_order};
use crate::witness::Witness;

/// What is looked at in the end.
pub struct Judge<'a> {
    pub setting: &'a Setting,
    pub witness: &'a Witness,
    /// Values of Secrets with destinations, by namespace.
    pub secrets: &'a BTreeMap<(usize, Kind), u8>,
    /// Texts of the last requests for a check, by the `LogDrain`'s uid.
    pub requests: &'a BTreeMap<String, String>,
    pub objects: &'a [LogDrain],
}

impl Judge<'_> {
    /// What is not as it must be, as sentences.
    pub fn broken(&self) -> Vec<String> {
        let mut broken = Vec::new();
        let mut wanted: BTreeMap<(Target, String), String> = BTreeMap::new();
        for object in self.objects {
            let name = name(object);
            let (reason, message) = ready(object);
            if object.metadata.deletion_timestamp.is_some() {
                broken.push(format!("promise 4: {name} is still being deleted: {reason}: {message}"));
                continue;
            }
            let request = object.metadata.uid.as_ref().and_then(|uid| self.requests.get(uid));
            broken.extend(request.and_then(|text| unhandled(object, text)));
            let Some(drain) = self.wanted(object) else {
                broken.push(format!("the check does not know what {name} wants"));
                continue;
            };
            wanted.insert(drain, name.clone());
            let observed = object.status.as_ref().and_then(|status| status.observed_generation);
            if observed != object.metadata.generation {
                broken.push(format!("{name} is not up to date: {reason}: {message}"));
            } else if !["Synced", "Duplicate"].contains(&reason) {
                broken.push(format!("{name} is not in sync: {reason}: {message}"));
            }
        }
        self.judge_drains(&wanted, &mut broken);
        broken
    }

    fn judge_drains(&self, wanted: &BTreeMap<(Target, String), String>, broken: &mut Vec<String>) {
        let all = self.setting.simulator.all_drains();
        let mut there: BTreeMap<(Target, String), usize> = BTreeMap::new();
        for (target, urls) in all {
            for url in urls {
                *there.entry((target.clone(), in_order(&url))).or_default() += 1;
            }
        }
        for (target, url) in &self.setting.foreign {
            match there.get_mut(&(target.clone(), in_order(url))) {
                Some(count) if *count > 0 => *count -= 1,
                _ => broken.push(format!("promise 1: the foreign drain {url} of {target} is gone")),
            }
        }
        let was_left = |target: &Target, url: &str| self.witness.was_left(&self.witness.digest(target, url));
        for ((target, url), name) in wanted {
            match there.get(&(target.clone(), url.clone())).copied().unwrap_or(0) {
                0 => broken.push(format!("promise 2: the drain {url} of {name} is not at {target}")),
                1 => {}
                _ if was_left(target, url) => {}
                count => {
                    broken.push(format!("promise 2: the drain {url} of {name} is {count} times at {target}"));
                }
            }
        }
        for ((target, url), count) in there {
            let is_wanted = wanted.contains_key(&(target.clone(), url.clone()));
            if count > 0 && !is_wanted && !was_left(&target, &url) {
                broken.push(format!("promise 4: {url} is left behind at {target}"));
            }
        }
    }

    fn wanted(&self, object: &LogDrain) -> Option<(Target, String)> {
        let app = self.setting.app(&object.spec.app)?;
        let target = app.target(object.spec.addon.is_some());
        let destination = Destination::of(&serde_json::to_value(&object.spec).ok()?)?;
        let namespace = object.metadata.namespace.as_ref()?;
        let namespace = self.setting.namespaces.iter().position(|one| one == namespace)?;
        let version = match destination.kind {
            kind if kind.has_secret() => *self.secrets.get(&(namespace, kind))?,
            _ => 0,
        };
        Some((target, destination.url(version)))
    }

    /// Does what the message of an ambiguous `LogDrain` asks a person for: deletes the drains there that nobody wants.
    /// Gives how many.
    pub fn decide(&self) -> usize {
        let ambiguous = self.objects.iter().filter(|object| is_ambiguous(object));
        let targets: BTreeSet<Target> = ambiguous
            .flat_map(|object| {
                let records = object.status.iter().flat_map(|status| &status.drains);
                let recorded = records.map(|record| match &record.addon {
                    Some(addon) => Target::from((&record.app_id, addon)),
                    None => Target::from(&record.app_id),
                });
                recorded.chain(self.wanted(object).map(|(target, _)| target)).collect::<Vec<_>>()
            })
            .collect();
        let records = self.objects.iter().flat_map(|object| &object.status).flat_map(|status| &status.drains);
        let recorded: BTreeSet<&String> = records.filter_map(|record| record.url_digest.as_ref()).collect();
        let mut decided = 0;
        for target in targets {
            let mut once = BTreeSet::new();
            for url in self.setting.simulator.drains(target.clone()) {
                let digest = self.witness.digest(&target, &url);
                let is_first = once.insert(digest.clone());
                let is_foreign = is_foreign(self.setting, &target, &url);
                if !(is_foreign || is_first && recorded.contains(&digest)) {
                    let removed = self.setting.simulator.remove_drain_behind(target.clone(), &url);
                    decided += usize::from(removed.is_ok());
                }
            }
        }
        decided
    }
}

/// Whether a `LogDrain` says that a person must decide.
pub fn is_ambiguous(object: &LogDrain) -> bool {
    ready(object).0 == Reason::Ambiguous.as_ref()
}

/// What is wrong if this is the last request for a check of this `LogDrain`.
fn unhandled(object: &LogDrain, text: &str) -> Option<String> {
    let name = name(object);
    if object.requested_at() != Some(text) {
        return Some(format!("the {text} is gone from {name}"));
    }
    let handled = object.status.as_ref().and_then(|status| status.last_handled_requested_at.as_deref());
    (handled != Some(text)).then(|| {
        format!("the {text} for a check of {name} was not handled: {}", handled.unwrap_or("nor any other"))
    })
}

fn is_foreign(setting: &Setting, target: &Target, url: &str) -> bool {
    setting.foreign.iter().any(|(at, foreign)| at == target && *foreign == url)
}

fn name(object: &LogDrain) -> String {
    let (namespace, name) = (&object.metadata.namespace, &object.metadata.name);
    format!("{}/{}", namespace.as_deref().unwrap_or_default(), name.as_deref().unwrap_or_default())
}

fn ready(object: &LogDrain) -> (&str, &str) {
    let conditions = object.status.iter().flat_map(|status| &status.conditions);
    let ready = { conditions }.find(|condition| condition.type_ == "Ready");
    ready.map_or(("no condition", ""), |ready| (&ready.reason, &ready.message))
}

/// Judges the deletions that reach Scalingo, as they come.
#[derive(Default)]
pub struct Deletions {
    read: u64,
    /// Those of drains of which no record has been seen: the watch may be late.
    doubted: Vec<(u64, String, String)>,
}

impl Deletions {
    /// Judges what has come since the last time. What was doubted the last time must have been recorded by now.
    pub fn judge(&mut self, setting: &Setting, witness: &Witness) {
        let simulator = &setting.simulator;
        let read = std::mem::replace(&mut self.read, simulator.sequence());
        let mut found: Vec<(u64, Target, String, &str)> = Vec::new();
        for Change { sequence, kind, target, url, by, .. } in simulator.changes_since(read) {
            if kind == ChangeKind::Removed && by.is_some() && sequence <= self.read {
                found.push((sequence, target, url, "was deleted"));
            }
        }
        for entry in simulator.journal_since(read) {
            let named = named(setting, &entry).filter(|_| entry.sequence <= self.read);
            if let Some((target, url)) = named {
                found.push((entry.sequence, target, url, "was to be deleted"));
            }
        }
        let mut doubted = Vec::new();
        for (sequence, target, url, what) in found {
            if is_foreign(setting, &target, &url) {
                witness
                    .breaks(format!("promise 1: the foreign drain {url} of {target} {what} (#{sequence})"));
                continue;
            }
            let digest = witness.digest(&target, &url);
            if !witness.was_recorded(&digest) {
                doubted.push((sequence, digest, format!("{url} of {target} {what}")));
            }
        }
        for (sequence, digest, what) in std::mem::replace(&mut self.doubted, doubted) {
            if !witness.was_recorded(&digest) {
                witness.breaks(format!("promise 1: {what}, and nobody had recorded it (#{sequence})"));
            }
        }
    }
}

/// What a DELETE names in its body.
fn named(setting: &Setting, entry: &Entry) -> Option<(Target, String)> {
    let url = entry.body.as_ref().filter(|_| entry.method == "DELETE")?.get("url")?.as_str()?.to_owned();
    let segments: Vec<&str> = entry.path.split('/').skip(1).collect();
    let id = |app: &str| setting.app(app).map(|app| app.id.clone());
    match segments.as_slice() {
        ["v1", "apps", app, "log_drains"] => Some(((&id(app)?).into(), url)),
        ["v1", "apps", app, "addons", addon, "log_drains"] => Some(((id(app)?, *addon).into(), url)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use logdrain_operator::crd::REQUESTED_AT;
    use serde_json::json;

    use super::*;

    fn asked(text: &str, handled: Option<&str>) -> LogDrain {
        let object = json!({
            "apiVersion": "logs.scalingo.com/v1", "kind": "LogDrain",
            "metadata": {"name": "drain", "namespace": "a", "annotations": {REQUESTED_AT: text}},
            "spec": {"app": "shop", "type": "papertrail", "host": "logs.example.com", "port": 514},
            "status": {"lastHandledRequestedAt": handled},
        });
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn only_the_last_request_counts_as_handled() {
        assert_eq!(unhandled(&asked("request 2", Some("request 2")), "request 2"), None);
        let older = unhandled(&asked("request 2", Some("request 1")), "request 2");
        assert_eq!(older.unwrap(), "the request 2 for a check of a/drain was not handled: request 1");
        let none = unhandled(&asked("request 2", None), "request 2");
        assert_eq!(none.unwrap(), "the request 2 for a check of a/drain was not handled: nor any other");
        let removed = unhandled(&asked("", Some("request 2")), "request 2");
        assert_eq!(removed.unwrap(), "the request 2 is gone from a/drain");
    }
}
