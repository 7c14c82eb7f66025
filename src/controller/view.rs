use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::Timestamp;
use kube::{
    ResourceExt,
    runtime::reflector::{ObjectRef, Store},
};

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
    stores: Vec<Store<LogDrain>>,
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
}

struct Noted {
    form: Arc<LogDrain>,
    number: u64,
}

impl Own {
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
    pub fn new(stores: Vec<Store<LogDrain>>) -> Self {
        Self { stores, own: Mutex::default() }
    }

    /// Waits until every cache has been filled: before, a peer might be missed.
    pub async fn filled(&self) {
        for store in &self.stores {
            // An error means that the watch has ended, and the operator with it.
            let _ = store.wait_until_ready().await;
        }
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

    /// Whether every cache has been filled.
    pub fn is_filled(&self) -> bool {
        self.stores.iter().all(|store| futures::FutureExt::now_or_never(store.wait_until_ready()).is_some())
    }

    /// The newest known form of a resource; `None` when this process has released it.
    #[must_use]
    pub fn newest(&self, seen: &Arc<LogDrain>) -> Option<Arc<LogDrain>> {
        match self.newer(seen) {
            Newer::Nothing => Some(seen.clone()),
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
        let cached = self.stores.iter().filter_map(|store| store.get(&key));
        let cached = cached.filter(|cached| cached.metadata.uid.as_ref() == Some(uid));
        let written = own.written.get(uid).map(|noted| noted.form.clone()).into_iter();
        let newest = cached.chain(written).max_by_key(|object| version(object));
        let newer = newest.filter(|newest| version(newest) > version(seen));
        if own.is_released(uid, newer.as_deref().unwrap_or(seen)) {
            return Newer::Released;
        }
        newer.map_or(Newer::Nothing, Newer::Form)
    }

    /// The newest known form of the resource of this name.
    #[must_use]
    pub fn get(&self, name: &ObjectRef<LogDrain>) -> Option<Arc<LogDrain>> {
        let cached = self.stores.iter().find_map(|store| store.get(name))?;
        self.newest(&cached)
    }

    /// Remembers what was written until the caches have it.
    pub fn wrote(&self, object: &LogDrain) {
        let Some(uid) = object.uid() else { return };
        let mut own = self.own();
        let noted = own.note(object);
        own.written.insert(uid, noted);
    }

    /// Remembers that a resource was released from its finalizer, until the caches have it.
    pub fn released(&self, object: &LogDrain) {
        let Some(uid) = object.uid() else { return };
        let mut own = self.own();
        own.written.remove(&uid);
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
        let cached: Vec<Arc<LogDrain>> = self.stores.iter().flat_map(Store::state).collect();
        let mut own = self.own();
        if own.released.is_empty() && own.written.is_empty() && own.intents.is_empty() {
            return cached;
        }
        let uids: HashSet<&str> = cached.iter().filter_map(|object| object.metadata.uid.as_deref()).collect();
        own.released.retain(|uid, _| uids.contains(uid.as_str()));
        own.written.retain(|uid, _| uids.contains(uid.as_str()));
        own.intents.retain(|uid, _| uids.contains(uid.as_str()));
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
        cached.into_iter().filter_map(newest).collect()
    }

    fn own(&self) -> MutexGuard<'_, Own> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use kube::runtime::{reflector, watcher};

    use super::*;
    use crate::crd::{DrainState, DrainType, FINALIZER, LogDrainSpec, LogDrainStatus, tests::active};

    fn object(uid: &str, version: u64) -> LogDrain {
        let mut object = LogDrain::new(uid, LogDrainSpec::new("shop", DrainType::Datadog));
        object.metadata.namespace = Some("ns".into());
        object.metadata.uid = Some(uid.into());
        object.metadata.resource_version = Some(version.to_string());
        object
    }

    fn versions(view: &View) -> Vec<String> {
        view.all().iter().filter_map(|object| object.resource_version()).collect()
    }

    #[test]
    fn what_was_written_is_seen_until_the_cache_has_it_or_something_newer() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 9)));
        let view = View::new(vec![store]);
        view.wrote(&object("u", 10));
        assert_eq!(versions(&view), ["10"]);
        let seen = Arc::new(object("u", 9));
        assert_eq!(view.newest(&seen).unwrap().resource_version().unwrap(), "10");
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 11)));
        assert_eq!(versions(&view), ["11"]);
    }

    #[test]
    fn what_was_let_go_is_nobodys_peer_whatever_else_holds_it() {
        use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
        let peers = |is_going: bool, finalizers: &[&str]| {
            let mut object = object("u", 1);
            object.metadata.deletion_timestamp = is_going.then_some(Time(Timestamp::UNIX_EPOCH));
            object.metadata.finalizers = Some(finalizers.iter().map(|text| (*text).to_owned()).collect());
            let record = active("v1:d", "v1:u");
            let target = record.target();
            object.status = Some(LogDrainStatus { drains: vec![record], ..LogDrainStatus::default() });
            let (store, mut writer) = reflector::store();
            writer.apply_watcher_event(&watcher::Event::Apply(object));
            View::new(vec![store]).peers("other", &target, Timestamp::UNIX_EPOCH).len()
        };
        assert_eq!(peers(false, &[]), 1);
        assert_eq!(peers(true, &["example.com/other", FINALIZER]), 1);
        assert_eq!(peers(true, &["example.com/other"]), 0);
    }

    #[test]
    fn what_was_released_is_gone_at_once() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
        let view = View::new(vec![store]);
        view.released(&object("u", 1));
        assert!(versions(&view).is_empty());
        assert!(view.newest(&Arc::new(object("u", 1))).is_none());
    }

    #[test]
    fn what_was_released_and_comes_back_with_its_uid_is_seen() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
        let view = View::new(vec![store]);
        view.released(&object("u", 1));
        writer.apply_watcher_event(&watcher::Event::Delete(object("u", 2)));
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 3)));
        assert!(view.newest(&Arc::new(object("u", 3))).is_some());
        assert_eq!(versions(&view), ["3"]);
    }

    #[test]
    fn a_list_that_began_later_is_the_truth_though_versions_have_gone_back() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 900)));
        writer.apply_watcher_event(&watcher::Event::Apply(object("gone", 900)));
        let view = View::new(vec![store]);
        view.wrote(&object("u", 901));
        view.released(&object("gone", 902));
        let mut list = |name: &str, version: u64| {
            let noted = view.noted();
            writer.apply_watcher_event(&watcher::Event::Init);
            writer.apply_watcher_event(&watcher::Event::InitApply(object("u", version)));
            writer.apply_watcher_event(&watcher::Event::InitApply(object("gone", version)));
            writer.apply_watcher_event(&watcher::Event::InitDone);
            view.listed(Some(name), noted);
            let mut versions = versions(&view);
            versions.sort();
            versions
        };
        assert_eq!(list("elsewhere", 500), ["901"], "of another namespace");
        assert_eq!(list("ns", 500), ["500", "500"]);
        assert_eq!(view.newest(&Arc::new(object("u", 500))).unwrap().resource_version().unwrap(), "500");
        assert!(!view.is_released("gone"));
    }

    #[test]
    fn what_was_written_since_a_list_began_is_newer() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 9)));
        let view = View::new(vec![store]);
        let noted = view.noted();
        view.wrote(&object("u", 10));
        view.listed(None, noted);
        assert_eq!(versions(&view), ["10"]);
    }

    #[test]
    fn an_intent_is_known_since_it_was_first_seen() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let view = View::new(Vec::new());
        let intent = |since| DrainRecord {
            state: DrainState::Adding,
            since: Some(Time(at(since))),
            ..active("d", "u")
        };
        let seen = |records: &[DrainRecord], now| {
            let mut object = object("u", 1);
            object.status = Some(LogDrainStatus { drains: records.to_vec(), ..LogDrainStatus::default() });
            let records = view.records(&object, at(now)).into_iter();
            records.map(|record| record.seen).collect::<Vec<_>>()
        };
        let both = [active("d", "u"), intent(9_000)];
        assert_eq!(seen(&both, 10), [Timestamp::MAX, at(10)], "only an intent has a time");
        assert_eq!(seen(&both, 20), [Timestamp::MAX, at(10)]);
        assert_eq!(seen(&[intent(9_000), intent(9_001)], 30), [at(10), at(30)]);
        // The clock is set back, and forward again.
        assert_eq!(seen(&both, 5), [Timestamp::MAX, at(5)]);
        assert_eq!(seen(&both, 40), [Timestamp::MAX, at(5)]);
        let undated = DrainRecord { since: None, ..intent(0) };
        assert_eq!(seen(&[intent(8_000), undated], 50), [at(50), at(50)], "they are others");
        assert_eq!(seen(&[active("d", "u")], 60), [Timestamp::MAX]);
        assert!(view.own().intents.is_empty());
    }

    #[test]
    fn what_the_cache_has_lost_does_not_come_back() {
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
        let view = View::new(vec![store]);
        view.wrote(&object("u", 2));
        writer.apply_watcher_event(&watcher::Event::Delete(object("u", 2)));
        assert!(versions(&view).is_empty());
    }
}
