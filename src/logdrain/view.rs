//! All `LogDrain` resources as this process knows them.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures::{FutureExt, StreamExt, future::join_all, stream::FuturesUnordered};
use jiff::Timestamp;
use kube::ResourceExt;

use super::watch::Cache;
use crate::{
    crd::{DrainRecord, LogDrain, Reason},
    drain::Target,
    logdrain::plan::{Peer, Rank, Record},
    state::{
        credentials::Place,
        store::{Indexed, Newer, Store},
    },
};

/// What a `LogDrain` is found by.
#[derive(Clone, Debug, Hash)]
pub enum FoundBy {
    /// A target that it has a record on.
    Target(Target),
    /// Name or id of an app that it wants or has a record on.
    App(String),
    /// Where its API token stands.
    TokenAt(Place),
    /// Being a duplicate.
    Duplicate,
    /// Being a duplicate of this one.
    DuplicateOf(String),
}

impl Indexed for LogDrain {
    type Key = FoundBy;

    fn keys(&self) -> Vec<FoundBy> {
        let mut keys = keys_of(self.records());
        keys.push(FoundBy::App(self.spec.app.clone()));
        keys.push(FoundBy::TokenAt(token_place(self)));
        if self.is_ready_as(Reason::Duplicate) {
            keys.push(FoundBy::Duplicate);
        }
        let owner = self.status.as_ref().and_then(|status| status.duplicate_of.clone());
        keys.extend(owner.map(FoundBy::DuplicateOf));
        keys
    }
}

fn keys_of(records: &[DrainRecord]) -> Vec<FoundBy> {
    let of = |record: &DrainRecord| [FoundBy::Target(record.target()), FoundBy::App(record.app_id.clone())];
    records.iter().flat_map(of).collect()
}

/// All `LogDrain` resources as this process knows them: what is [stored](Store), and what it knows of them beside.
pub struct View {
    store: Arc<Store<LogDrain>>,
    caches: Vec<Cache>,
    own: Mutex<Own>,
}

#[derive(Default)]
struct Own {
    /// By uid, how each intent of a resource is dated, and when it was first seen.
    intents: HashMap<String, Vec<(Option<Timestamp>, Timestamp)>>,
    unwritten: HashMap<String, Unwritten>,
    /// Those whose finalizer the operator may not take off.
    unreleased: HashSet<String>,
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
    /// With what could not be written, where nobody has written the records since.
    fn complete(&self, object: Arc<LogDrain>) -> Arc<LogDrain> {
        let unwritten = object.metadata.uid.as_ref().and_then(|uid| self.unwritten.get(uid));
        let Some(unwritten) = unwritten.filter(|unwritten| unwritten.standing == object.records()) else {
            return object;
        };
        let mut object = Arc::unwrap_or_clone(object);
        object.status.get_or_insert_default().drains.clone_from(&unwritten.records);
        Arc::new(object)
    }

    fn forget(&mut self, uid: &str) {
        self.intents.remove(uid);
        self.unwritten.remove(uid);
        self.unreleased.remove(uid);
    }
}

impl View {
    /// A view of what these watches bring, of which there is one at least.
    #[must_use]
    pub fn new(caches: Vec<Cache>) -> Self {
        let store = caches.first().map(|cache| cache.store().clone()).unwrap_or_default();
        Self { store, caches, own: Mutex::default() }
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

    /// What is known of a resource beyond this form of it. Who waits asks each second: nothing is copied.
    #[must_use]
    pub fn newer(&self, seen: &LogDrain) -> Newer<LogDrain> {
        match self.store.newer(seen) {
            Newer::Form(newer) => Newer::Form(self.completed(newer)),
            other => other,
        }
    }

    /// This form of a resource, with what could not be written of it.
    #[must_use]
    pub fn completed(&self, object: Arc<LogDrain>) -> Arc<LogDrain> {
        self.own().complete(object)
    }

    /// The newest known form of the resource of this uid; `None` when this process has released it.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Arc<LogDrain>> {
        self.store.get(uid).map(|object| self.completed(object))
    }

    /// The newest known form of all that are found by this, and of some that no longer are.
    #[must_use]
    pub fn find(&self, key: &FoundBy) -> Vec<Arc<LogDrain>> {
        let own = self.own();
        self.store.find(key).into_iter().map(|object| own.complete(object)).collect()
    }

    /// Every resource in its newest known form.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<LogDrain>> {
        let own = self.own();
        self.store.all().into_iter().map(|object| own.complete(object)).collect()
    }

    /// Remembers what was written until the caches have it.
    pub fn wrote(&self, object: impl Into<Arc<LogDrain>>) {
        self.store.wrote(object);
    }

    /// Remembers records that may not be written, and what their status would say. Gives whether it would have said something else
    /// the last time.
    pub fn could_not_write(&self, object: &LogDrain, now: &[DrainRecord], message: &str) -> bool {
        let Some(uid) = object.uid() else { return true };
        self.store.find_by(&uid, &keys_of(now));
        let mut own = self.own();
        let unwritten = own.unwritten.entry(uid).or_default();
        // What stood when the first of them could not be written stands still.
        if unwritten.records != object.records() {
            unwritten.standing = object.records().to_vec();
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
        self.own().unreleased.len()
    }

    /// Remembers that a resource was released from its finalizer, until the caches have it.
    pub fn released(&self, object: Arc<LogDrain>) {
        let Some(uid) = object.uid() else { return };
        self.store.released(object);
        self.own().forget(&uid);
    }

    /// Forgets a resource that is gone.
    pub fn forget(&self, uid: &str) {
        self.own().forget(uid);
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
        let records = object.records().iter().map(read).collect();
        if !intents.is_empty() {
            own.intents.insert(uid, intents);
        }
        records
    }

    /// The other resources that have a record on a target that matters, with all of their [`records`](Self::records) there.
    #[must_use]
    pub fn peers(
        &self,
        except_uid: &str,
        target: &Target,
        now: Timestamp,
        matters: impl Fn(&DrainRecord) -> bool,
    ) -> Vec<Peer> {
        self.find(&FoundBy::Target(target.clone()))
            .iter()
            .filter(|object| object.metadata.uid.as_deref() != Some(except_uid))
            // One that goes without our finalizer was let go, whatever else holds it.
            .filter(|object| object.metadata.deletion_timestamp.is_none() || object.is_held())
            .filter(|object| object.records().iter().any(|record| record.is_on(target) && matters(record)))
            .map(|object| Peer {
                name: object.qualified_name(),
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

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the API token of a resource stands.
#[must_use]
pub fn token_place(object: &LogDrain) -> Place {
    Place::new(object.metadata.namespace.as_deref(), &object.spec.api_token_secret_ref)
}

/// Where a resource stands in the order of ownership.
#[must_use]
pub fn rank(object: &LogDrain) -> Rank {
    let created = object.metadata.creation_timestamp.as_ref().map(|time| time.0).unwrap_or_default();
    Rank { created, uid: object.uid().unwrap_or_default() }
}

#[cfg(test)]
mod tests;
