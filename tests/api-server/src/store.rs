//! What the server holds: the objects as they are, and the changes that led there.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::{definition::Definition, metadata};

/// Index of a definition, and `namespace/name` or `name`: sorted as etcd sorts.
pub type Key = (usize, String);

/// One object.
#[derive(Clone)]
pub struct Object {
    /// As it is stored: before defaults, without a resource version.
    raw: Map<String, Value>,
    /// As it is shown.
    pub seen: Arc<Value>,
    pub version: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// All objects as they were at one version, as a backup of etcd has them.
#[derive(Clone)]
pub struct Backup {
    objects: BTreeMap<Key, Object>,
    version: u64,
}

/// One change of one object, as watches tell it.
pub struct Change {
    pub version: u64,
    pub key: Key,
    pub kind: ChangeKind,
    pub object: Arc<Value>,
}

pub struct Store {
    pub definitions: Vec<Arc<Definition>>,
    objects: BTreeMap<Key, Object>,
    pub version: u64,
    changes: VecDeque<Change>,
    /// Changes up to here are forgotten.
    pub oldest: u64,
    remembered: usize,
    pub random: fastrand::Rng,
    started: Instant,
    start: Timestamp,
}

impl Store {
    pub fn new(definitions: Vec<Definition>, seed: u64, start: Timestamp, remembered: usize) -> Self {
        Self {
            definitions: definitions.into_iter().map(Arc::new).collect(),
            objects: BTreeMap::new(),
            version: 1,
            changes: VecDeque::new(),
            oldest: 0,
            remembered,
            random: fastrand::Rng::with_seed(seed),
            started: Instant::now(),
            start,
        }
    }

    /// Tokio's time, beginning at the server's start.
    pub fn now(&self) -> Timestamp {
        let elapsed = SignedDuration::try_from(self.started.elapsed()).unwrap_or(SignedDuration::MAX);
        self.start.checked_add(elapsed).unwrap_or(Timestamp::MAX)
    }

    /// As Kubernetes writes times: in whole seconds.
    pub fn time(&self) -> Value {
        let now = self.now();
        Timestamp::from_second(now.as_second()).unwrap_or(now).to_string().into()
    }

    pub fn uid(&mut self) -> Value {
        let bits = self.random.u128(..) & !(0xf << 76) | 0x4 << 76;
        let bits = bits & !(0x3 << 62) | 0x2 << 62;
        let digits = format!("{bits:032x}");
        let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
        parts.join("-").into()
    }

    pub fn find(&self, index: usize, namespace: &str, name: &str) -> Option<&Object> {
        self.objects.get(&key(index, namespace, name))
    }

    /// All of a kind, in a namespace where one is given, in etcd's order.
    pub fn list(&self, index: usize, namespace: &str) -> Vec<Arc<Value>> {
        let prefix = prefix(namespace);
        self.objects
            .range((index, prefix.clone())..)
            .take_while(|((other, path), _)| *other == index && path.starts_with(&prefix))
            .map(|(_, object)| object.seen.clone())
            .collect()
    }

    /// All of a kind, in etcd's order.
    pub fn each(&self, index: usize) -> impl Iterator<Item = &Value> {
        self.objects
            .range((index, String::new())..(index + 1, String::new()))
            .map(|(_, object)| &*object.seen)
    }

    /// Stores an object. Where it is stored just so already, nothing happens; else it has a new version, and watches tell.
    pub fn put(&mut self, key: Key, mut object: Map<String, Value>) -> Arc<Value> {
        metadata::of_mut(&mut object).remove("resourceVersion");
        let before = self.objects.get(&key);
        if let Some(before) = before
            && before.raw == object
        {
            return before.seen.clone();
        }
        let kind = if before.is_some() { ChangeKind::Modified } else { ChangeKind::Added };
        self.version += 1;
        let mut seen = object.clone();
        self.definitions[key.0].decode(&mut seen);
        let seen = with_version(seen, self.version);
        self.objects.insert(key.clone(), Object { raw: object, seen: seen.clone(), version: self.version });
        self.note(Change { version: self.version, key, kind, object: seen.clone() });
        seen
    }

    /// Removes an object, whatever its finalizers; returns it as it was last.
    pub fn remove(&mut self, key: Key) -> Option<Arc<Value>> {
        let removed = self.objects.remove(&key)?;
        self.version += 1;
        let last = match removed.seen.as_ref() {
            Value::Object(object) => with_version(object.clone(), self.version),
            _ => removed.seen.clone(),
        };
        self.note(Change { version: self.version, key, kind: ChangeKind::Deleted, object: last });
        Some(removed.seen)
    }

    fn note(&mut self, change: Change) {
        self.changes.push_back(change);
        while self.changes.len() > self.remembered {
            if let Some(forgotten) = self.changes.pop_front() {
                self.oldest = forgotten.version;
            }
        }
    }

    /// Forgets all changes, and moves on, so that no version that was ever told can be watched from.
    pub fn forget_changes(&mut self) {
        self.version += 1;
        self.oldest = self.version;
        self.changes.clear();
    }

    pub fn backup(&self) -> Backup {
        Backup { objects: self.objects.clone(), version: self.version }
    }

    /// Everything is as it was, the version too. What was told since is forgotten.
    pub fn roll_back(&mut self, to: &Backup) {
        self.objects.clone_from(&to.objects);
        self.version = to.version;
        self.oldest = to.version;
        self.changes.clear();
    }

    /// The changes after a version, oldest first.
    pub fn changes_after(&self, version: u64) -> impl Iterator<Item = &Change> {
        let first = self.changes.partition_point(|change| change.version <= version);
        self.changes.range(first..)
    }
}

/// What the keys of a namespace begin with.
pub fn prefix(namespace: &str) -> String {
    if namespace.is_empty() { String::new() } else { format!("{namespace}/") }
}

pub fn key(index: usize, namespace: &str, name: &str) -> Key {
    (index, format!("{}{name}", prefix(namespace)))
}

fn with_version(mut object: Map<String, Value>, version: u64) -> Arc<Value> {
    metadata::of_mut(&mut object).insert("resourceVersion".to_owned(), version.to_string().into());
    Arc::new(Value::Object(object))
}
