use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use jiff::Timestamp;
use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

use super::watch::Cache;
use crate::{
    controller::plan::{Peer, Rank, Record},
    crd::{DrainRecord, LogDrain},
    drain::Target,
};

/// All `LogDrain` resources as this process knows them: the watch caches, and on top of them what it has
/// itself written and the caches have not seen yet.
///
/// Assumes that resource versions of one resource can be compared as numbers, as Kubernetes promises
/// since 1.35 (KEP-5504) and etcd has always had it. Where etcd is restored from a backup they go back, and what was
/// written before is undone: a list that begins later is the truth.
pub struct View {
    caches: Vec<Cache>,
    own: Mutex<Own>,
}

#[derive(Default)]
struct Own {
    written: HashMap<String, Noted>,
    /// By uid, the form in which each was let go.
    released: HashMap<String, Noted>,
    /// How often something was noted.
    count: u64,
    /// By uid, how each intent of a resource is dated, and when it was first seen.
    intents: HashMap<String, Vec<(Option<Timestamp>, Timestamp)>>,
    unwritten: HashMap<String, Unwritten>,
    /// Those whose finalizer the operator may not take off.
    unreleased: HashSet<String>,
}

struct Noted {
    form: Arc<LogDrain>,
    number: u64,
}

/// What a status should say of a resource that goes, and may not be written.
#[derive(Default)]
struct Unwritten {
    /// The records that stand.
    standing: Vec<DrainRecord>,
    /// What has become of them.
    records: Vec<DrainRecord>,
    message: String,
}

impl Own {
    fn is_empty(&self) -> bool {
        let Self { written, released, intents, unwritten, unreleased, count: _ } = self;
        written.is_empty()
            && released.is_empty()
            && intents.is_empty()
            && unwritten.is_empty()
            && unreleased.is_empty()
    }

    /// With what could not be written, where nobody has written the records since.
    fn complete(&self, object: Arc<LogDrain>) -> Arc<LogDrain> {
        let unwritten = object.metadata.uid.as_ref().and_then(|uid| self.unwritten.get(uid));
        let Some(unwritten) = unwritten.filter(|unwritten| unwritten.standing == records(&object)) else {
            return object;
        };
        let mut object = Arc::unwrap_or_clone(object);
        object.status.get_or_insert_default().drains.clone_from(&unwritten.records);
        Arc::new(object)
    }

    /// Whether this is a form of a resource that was let go, and not one that came back since, as from a backup.
    fn is_released(&self, uid: &str, object: &LogDrain) -> bool {
        self.released.get(uid).is_some_and(|last| {
            object.metadata.deletion_timestamp.is_some() || version(object) <= version(&last.form)
        })
    }

    fn note(&mut self, object: &LogDrain) -> Noted {
        self.count += 1;
        Noted { form: Arc::new(object.clone()), number: self.count }
    }
}

/// What is known beyond one form of a resource.
#[derive(Clone, Debug)]
pub enum Newer {
    /// Nothing.
    Nothing,
    /// A newer form.
    Form(Arc<LogDrain>),
    /// This process has let it go.
    Released,
}

impl View {
    /// A view of these watch caches.
    #[must_use]
    pub fn new(caches: Vec<Cache>) -> Self {
        Self { caches, own: Mutex::default() }
    }

    /// Waits until every cache has been filled whose watch is not forbidden, and one at least: before, a peer might be missed.
    pub async fn filled(&self) {
        join_all(self.caches.iter().map(Cache::settled)).await;
        let mut any: FuturesUnordered<_> = self.caches.iter().map(Cache::filled).collect();
        any.next().await;
    }

    /// Whether anything shows that an operator was ever at work.
    #[must_use]
    pub fn shows_work(&self) -> bool {
        let conditions = |object: &Arc<LogDrain>| {
            object.status.as_ref().is_some_and(|status| !status.conditions.is_empty())
        };
        self.all().iter().any(conditions)
    }

    /// Whether anything shows that an operator was at work since then.
    #[must_use]
    pub fn shows_work_since(&self, then: Timestamp) -> bool {
        self.all().iter().filter_map(|object| object.status.as_ref()).any(|status| {
            let transitions = status.conditions.iter().map(|condition| condition.last_transition_time.0);
            let intents =
                status.drains.iter().filter_map(|record| record.since.as_ref()).map(|since| since.0);
            transitions.chain(intents).any(|time| time >= then)
        })
    }

    /// Whether it does not wait any more to be [filled](Self::filled).
    pub fn is_filled(&self) -> bool {
        self.filled().now_or_never().is_some()
    }

    /// The newest known form of a resource; `None` when this process has released it.
    #[must_use]
    pub fn newest(&self, seen: &Arc<LogDrain>) -> Option<Arc<LogDrain>> {
        match self.newer(seen) {
            Newer::Nothing => Some(self.completed(seen.clone())),
            Newer::Form(newer) => Some(newer),
            Newer::Released => None,
        }
    }

    /// What is known of a resource beyond this form of it. Who waits asks each second: nothing is copied.
    #[must_use]
    pub fn newer(&self, seen: &LogDrain) -> Newer {
        let Some(uid) = seen.metadata.uid.as_ref() else { return Newer::Released };
        let own = self.own();
        let key = ObjectRef::from_obj(seen);
        let cached = self.stores().filter_map(|store| store.get(&key));
        let cached = cached.filter(|cached| cached.metadata.uid.as_ref() == Some(uid));
        let written = own.written.get(uid).map(|noted| noted.form.clone()).into_iter();
        let newest = cached.chain(written).max_by_key(|object| version(object));
        let newer = newest.filter(|newest| version(newest) > version(seen));
        if own.is_released(uid, newer.as_deref().unwrap_or(seen)) {
            return Newer::Released;
        }
        newer.map_or(Newer::Nothing, |newer| Newer::Form(own.complete(newer)))
    }

    /// This form of a resource, with what could not be written of it.
    #[must_use]
    pub fn completed(&self, object: Arc<LogDrain>) -> Arc<LogDrain> {
        self.own().complete(object)
    }

    /// The newest known form of the resource of this name.
    #[must_use]
    pub fn get(&self, name: &ObjectRef<LogDrain>) -> Option<Arc<LogDrain>> {
        let cached = self.stores().find_map(|store| store.get(name))?;
        self.newest(&cached)
    }

    /// Remembers what was written until the caches have it.
    pub fn wrote(&self, object: &LogDrain) {
        let Some(uid) = object.uid() else { return };
        let mut own = self.own();
        let noted = own.note(object);
        own.written.insert(uid, noted);
    }

    /// Remembers records that may not be written, and what their status would say. Gives whether it would have said something else
    /// the last time.
    pub fn could_not_write(&self, object: &LogDrain, now: &[DrainRecord], message: &str) -> bool {
        let Some(uid) = object.uid() else { return true };
        let mut own = self.own();
        let unwritten = own.unwritten.entry(uid).or_default();
        // What stood when the first of them could not be written stands still.
        if unwritten.records != records(object) {
            unwritten.standing = records(object).to_vec();
        }
        unwritten.records = now.to_vec();
        let is_news = unwritten.message != message;
        message.clone_into(&mut unwritten.message);
        is_news
    }

    /// Remembers that the operator may not release a resource.
    pub fn could_not_release(&self, uid: &str) {
        self.own().unreleased.insert(uid.to_owned());
    }

    /// How many resources the operator has nothing left to do for, and may not release.
    #[must_use]
    pub fn unreleased(&self) -> usize {
        let all: HashSet<String> = self.all().iter().filter_map(|object| object.uid()).collect();
        self.own().unreleased.intersection(&all).count()
    }

    /// Remembers that a resource was released from its finalizer, until the caches have it.
    pub fn released(&self, object: &LogDrain) {
        let Some(uid) = object.uid() else { return };
        let mut own = self.own();
        own.written.remove(&uid);
        own.unwritten.remove(&uid);
        own.unreleased.remove(&uid);
        let noted = own.note(object);
        own.released.insert(uid, noted);
    }

    /// How much has been noted so far: a list that begins now shows all of it.
    #[must_use]
    pub fn noted(&self) -> u64 {
        self.own().count
    }

    /// A list of this namespace, or of all, that began when so much was `noted` has filled its cache. It shows what was noted
    /// before, or that this was undone.
    pub fn listed(&self, namespace: Option<&str>, noted: u64) {
        let mut own = self.own();
        let is_kept = |own: &Noted| {
            own.number > noted || namespace.is_some_and(|name| own.form.namespace().as_deref() != Some(name))
        };
        own.written.retain(|_, own| is_kept(own));
        own.released.retain(|_, own| is_kept(own));
    }

    /// Whether this process has released a resource from its finalizer.
    #[must_use]
    pub fn is_released(&self, uid: &str) -> bool {
        self.own().released.contains_key(uid)
    }

    /// The records of a resource, each with when this process first saw what it announces. Where the clock was set back since, that
    /// is now.
    #[must_use]
    pub fn records(&self, object: &LogDrain, now: Timestamp) -> Vec<Record> {
        let uid = object.uid().unwrap_or_default();
        let mut own = self.own();
        let before = own.intents.remove(&uid).unwrap_or_default();
        let mut intents = Vec::new();
        let read = |written: &DrainRecord| {
            let record = Record::from(written.clone());
            if record.is_had() {
                return record;
            }
            let dated = written.since.as_ref().map(|since| since.0);
            let known = before.iter().find(|(other, _)| *other == dated);
            let seen = known.map_or(now, |(_, seen)| now.min(*seen));
            intents.push((dated, seen));
            Record { seen, ..record }
        };
        let records = object.status.iter().flat_map(|status| &status.drains).map(read).collect();
        if !intents.is_empty() {
            own.intents.insert(uid, intents);
        }
        records
    }

    /// The other resources that have records on a target, as [`records`](Self::records) has them.
    #[must_use]
    pub fn peers(&self, except_uid: &str, target: &Target, now: Timestamp) -> Vec<Peer> {
        self.all()
            .iter()
            .filter(|object| object.metadata.uid.as_deref() != Some(except_uid))
            // One that goes without our finalizer was let go, whatever else holds it.
            .filter(|object| object.metadata.deletion_timestamp.is_none() || object.is_held())
            .filter(|object| {
                object.status.iter().flat_map(|status| &status.drains).any(|record| record.is_on(target))
            })
            .map(|object| Peer {
                name: name(object),
                rank: rank(object),
                deleting: object.metadata.deletion_timestamp.is_some(),
                records: self
                    .records(object, now)
                    .into_iter()
                    .filter(|record| record.written.is_on(target))
                    .collect(),
            })
            .collect()
    }

    /// Every resource in its newest known form.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LogDrain>> {
        let cached: Vec<Arc<LogDrain>> = self.stores().flat_map(Store::state).collect();
        let mut own = self.own();
        if own.is_empty() {
            return cached;
        }
        let uids: HashSet<&str> = cached.iter().filter_map(|object| object.metadata.uid.as_deref()).collect();
        own.released.retain(|uid, _| uids.contains(uid.as_str()));
        own.written.retain(|uid, _| uids.contains(uid.as_str()));
        own.intents.retain(|uid, _| uids.contains(uid.as_str()));
        own.unwritten.retain(|uid, _| uids.contains(uid.as_str()));
        own.unreleased.retain(|uid| uids.contains(uid.as_str()));
        drop(uids);
        let newest = |object: Arc<LogDrain>| {
            let uid = object.metadata.uid.as_ref()?;
            if own.is_released(uid, &object) {
                return None;
            }
            match own.written.get(uid) {
                Some(written) if version(&written.form) > version(&object) => Some(written.form.clone()),
                Some(_) => {
                    own.written.remove(uid);
                    Some(object)
                }
                None => Some(object),
            }
        };
        let newest: Vec<_> = cached.into_iter().filter_map(newest).collect();
        newest.into_iter().map(|object| own.complete(object)).collect()
    }

    fn stores(&self) -> impl Iterator<Item = &Store<LogDrain>> {
        self.caches.iter().map(Cache::store)
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn records(object: &LogDrain) -> &[DrainRecord] {
    object.status.as_ref().map_or(&[], |status| &status.drains)
}

/// Namespace and name, as people write them.
#[must_use]
pub fn name(object: &LogDrain) -> String {
    format!("{}/{}", object.namespace().unwrap_or_default(), object.name_any())
}

/// Where a resource stands in the order of ownership.
#[must_use]
pub fn rank(object: &LogDrain) -> Rank {
    let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0).unwrap_or_default();
    Rank { created, uid: object.uid().unwrap_or_default() }
}

fn version(object: &LogDrain) -> u128 {
    object.metadata.resource_version.as_ref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
