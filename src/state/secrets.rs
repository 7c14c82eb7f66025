//! Who uses which value of which Secret, and what is known of it.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::api::core::v1::Secret;
use kube::{Resource, ResourceExt};
use tokio::sync::{Notify, watch};

use crate::{
    crd::SecretKeyRef,
    drain::pasted::strip,
    keyed::{KeyedDigest, Purpose},
};

/// Which resources use which values of which Secrets, and what each has last read there.
///
/// It is filled by the reads themselves, so that a change can never slip in between a read and the
/// knowledge of it. It holds no value: only a keyed digest of each one that is in use.
#[derive(Default)]
pub struct Secrets {
    index: Mutex<Index>,
    /// Wakes whoever waits for a Secret to check.
    news: Notify,
    /// Of how many namespaces the watch has not told all Secrets yet; unknown until it begins.
    unlisted: watch::Sender<Option<usize>>,
}

/// A Secret, by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName {
    /// Its namespace, which is that of the resources that name it.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

/// Which form of a Secret was seen. Another number is another form: where etcd is restored from a backup, a later form has a
/// lower one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// It is there, in this version.
    At(u128),
    /// It is not there.
    Gone,
}

/// What is known of a value that a resource uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// It may be another than the one that the status was written with.
    Possible,
    /// It is another than the one that was read, or could not be read.
    Certain,
}

#[derive(Default)]
struct Index {
    uses: HashMap<Arc<SecretName>, BTreeMap<UseKey, State>>,
    /// What the watch has told last, of more Secrets than are in use.
    versions: HashMap<SecretName, Version>,
    /// The namespaces whose Secrets are being told.
    listing: BTreeSet<Option<String>>,
    by_resource: HashMap<Arc<str>, Vec<Arc<SecretName>>>,
    to_check: BTreeSet<SecretName>,
}

/// One value that one resource uses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct UseKey {
    uid: Arc<str>,
    key: Arc<str>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// A read is under way; the last version that was told of meanwhile.
    Reading(Option<Version>),
    /// What the last read has found.
    Read(Version, Found),
    /// It was not read: in this version it is as the status of the resource says.
    Recorded(Version),
    /// The last read has failed.
    Unread,
    /// The resource has been called, and will read it again.
    Called,
}

/// What a Secret holds for a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    NoSecret,
    NoKey,
    Value(KeyedDigest),
}

/// A read under way. Dropped without its answer, it counts as failed.
pub struct Read<'a> {
    secrets: &'a Secrets,
    secret: SecretName,
    key: UseKey,
}

impl Read<'_> {
    /// What the API server has answered.
    pub fn found(self, secret: Option<&Secret>) {
        let found = look(secret, &self.key.key);
        let version = version(secret);
        self.secrets.end(&self.secret, &self.key, |heard| {
            (State::Read(version, found), heard.is_some_and(|heard| heard != version))
        });
    }
}

impl Drop for Read<'_> {
    fn drop(&mut self) {
        self.secrets.end(&self.secret, &self.key, |heard| (State::Unread, heard.is_some()));
    }
}

impl Secrets {
    /// Begins to read a value for a resource: to be called before the request is sent.
    pub fn read(&self, object: &impl Resource, secret: &SecretKeyRef) -> Read<'_> {
        let (name, key) = names(object, secret);
        self.index().enter(name.clone(), key.clone(), State::Reading(None));
        Read { secrets: self, secret: name, key }
    }

    /// Has a resource use a value that it does not read, where the Secret stands in this version; the value, if another has read it.
    /// Gives whether it stands so, for all that the watch has told.
    pub fn rely_on(
        &self,
        object: &impl Resource,
        secret: &SecretKeyRef,
        version: Version,
        value: Option<KeyedDigest>,
    ) -> bool {
        let (name, key) = names(object, secret);
        let mut index = self.index();
        let stands = version != Version::Gone && index.versions.get(&name) == Some(&version);
        if stands {
            let read = |value| State::Read(version, Found::Value(value));
            index.enter(name, key, value.map_or(State::Recorded(version), read));
        }
        stands
    }

    /// The watch of so many namespaces begins.
    pub fn begin(&self, namespaces: usize) {
        self.unlisted.send_replace(Some(namespaces));
    }

    /// The watch has told all Secrets of another namespace, or cannot.
    pub fn answered(&self) {
        self.unlisted.send_modify(|left| *left = left.map(|left| left.saturating_sub(1)));
    }

    /// Waits until the watch has told all Secrets, or does not tell them for now.
    pub async fn until_listed(&self) {
        // An error cannot be: the sender is here.
        let _ = self.unlisted.subscribe().wait_for(|left| *left == Some(0)).await;
    }

    /// Forgets what was told of Secrets that are not in use.
    pub fn tidy(&self) {
        let Index { uses, versions, listing, .. } = &mut *self.index();
        if listing.is_empty() {
            versions.retain(|secret, _| uses.contains_key(secret));
            versions.shrink_to_fit();
        }
    }

    /// Forgets what a resource uses: it reads all anew, or needs nothing any more.
    pub fn forget(&self, uid: &str) {
        self.index().forget(uid);
    }

    /// The watch tells of a Secret. It is to be checked if a resource has read another version of it.
    pub fn heard(&self, secret: &SecretName, version: Version) {
        let mut index = self.index();
        index.versions.insert(secret.clone(), version);
        let Some(uses) = index.uses.get_mut(secret) else { return };
        let mut is_news = false;
        for state in uses.values_mut() {
            match state {
                State::Reading(heard) => *heard = Some(version),
                State::Read(read, _) | State::Recorded(read) => is_news |= version != *read,
                State::Unread => is_news = true,
                State::Called => {}
            }
        }
        if is_news {
            index.to_check.insert(secret.clone());
            self.news.notify_one();
        }
    }

    /// The watch begins to list all Secrets of a namespace, or of all.
    pub fn lists(&self, namespace: Option<&str>) {
        let mut index = self.index();
        index.versions.retain(|secret, _| !is_in(secret, namespace));
        index.listing.insert(namespace.map(str::to_owned));
    }

    /// The watch has listed all Secrets of a namespace, or of all. Those in use that it has not told of may be gone.
    pub fn listed(&self, namespace: Option<&str>) {
        let mut index = self.index();
        index.listing.remove(&namespace.map(str::to_owned));
        let is_missing =
            |secret: &&SecretName| is_in(secret, namespace) && !index.versions.contains_key(*secret);
        let used = index.uses.keys().map(|secret| &**secret);
        let missing: Vec<SecretName> = used.filter(is_missing).cloned().collect();
        drop(index);
        for secret in &missing {
            self.heard(secret, Version::Gone);
        }
    }

    /// Waits until there are Secrets to check, and gives them.
    pub async fn to_check(&self) -> BTreeSet<SecretName> {
        loop {
            let secrets = std::mem::take(&mut self.index().to_check);
            if !secrets.is_empty() {
                return secrets;
            }
            self.news.notified().await;
        }
    }

    /// Compares a Secret with what each resource has read of it. Gives those that must be reconciled again, by uid, and what is known:
    /// each once, until it has read anew.
    #[must_use]
    pub fn compare(&self, name: &SecretName, secret: Option<&Secret>) -> BTreeMap<String, Change> {
        let now = version(secret);
        // Many may use the same key.
        let mut known: HashMap<&str, Found> = HashMap::new();
        let mut called = BTreeMap::new();
        let mut index = self.index();
        let Some(uses) = index.uses.get_mut(name) else { return called };
        for (key, state) in uses {
            let mut change = Change::Certain;
            match state {
                State::Reading(heard) => {
                    *heard = Some(now);
                    continue;
                }
                State::Called => continue,
                State::Read(read, before) => {
                    let found = *known.entry(&key.key).or_insert_with(|| look(secret, &key.key));
                    if found == *before {
                        *read = now;
                        continue;
                    }
                }
                State::Recorded(read) if *read == now => continue,
                State::Recorded(_) => change = Change::Possible,
                State::Unread => {}
            }
            *state = State::Called;
            let known = called.entry(key.uid.to_string()).or_insert(change);
            *known = change.max(*known);
        }
        called
    }

    fn end(&self, secret: &SecretName, key: &UseKey, state: impl FnOnce(Option<Version>) -> (State, bool)) {
        let mut index = self.index();
        let uses = index.uses.get_mut(secret);
        let Some(now) = uses.and_then(|uses| uses.get_mut(key)) else { return };
        // Dropped after its answer.
        let State::Reading(heard) = *now else { return };
        let (state, is_news) = state(heard);
        *now = state;
        if is_news {
            index.to_check.insert(secret.clone());
            self.news.notify_one();
        }
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn enter(&mut self, name: SecretName, mut key: UseKey, state: State) {
        let name = self.uses.get_key_value(&name).map_or_else(|| Arc::new(name), |(name, _)| name.clone());
        if let Some((uid, _)) = self.by_resource.get_key_value(&key.uid) {
            key.uid = uid.clone();
        }
        let used = self.by_resource.entry(key.uid.clone()).or_default();
        if !used.contains(&name) {
            used.push(name.clone());
        }
        let of_secret = self.uses.entry(name).or_default();
        // Most use the same key of a Secret.
        if let Some((other, _)) = of_secret.first_key_value().filter(|(other, _)| other.key == key.key) {
            key.key = other.key.clone();
        }
        of_secret.insert(key, state);
    }

    fn forget(&mut self, uid: &str) {
        for secret in self.by_resource.remove(uid).unwrap_or_default() {
            if let Some(uses) = self.uses.get_mut(&secret) {
                let first = UseKey { uid: uid.into(), key: Arc::default() };
                let of_resource = uses.range(first..).map(|(key, _)| key).take_while(|key| *key.uid == *uid);
                for key in of_resource.cloned().collect::<Vec<_>>() {
                    uses.remove(&key);
                }
                if uses.is_empty() {
                    self.uses.remove(&secret);
                    self.to_check.remove(&*secret);
                }
            }
        }
    }
}

fn look(secret: Option<&Secret>, key: &str) -> Found {
    let Some(secret) = secret else { return Found::NoSecret };
    match secret.data.as_ref().and_then(|data| data.get(key)) {
        None => Found::NoKey,
        Some(value) => Found::Value(KeyedDigest::of(Purpose::SecretValue, &[strip(&value.0)])),
    }
}

fn is_in(secret: &SecretName, namespace: Option<&str>) -> bool {
    namespace.is_none_or(|name| name == secret.namespace)
}

fn names(object: &impl Resource, secret: &SecretKeyRef) -> (SecretName, UseKey) {
    let namespace = object.namespace().unwrap_or_default();
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let key = UseKey { uid: uid.into(), key: secret.key.as_str().into() };
    (SecretName { namespace, name: secret.name.clone() }, key)
}

fn version(secret: Option<&Secret>) -> Version {
    secret.map_or(Version::Gone, |secret| Version::of(secret.metadata.resource_version.as_deref()))
}

impl Version {
    /// As the API server writes it.
    #[must_use]
    pub fn of(version: Option<&str>) -> Self {
        Self::At(version.and_then(|version| version.parse().ok()).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
