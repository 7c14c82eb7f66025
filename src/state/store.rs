//! All objects of a kind as this process knows them, each found by what it says.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, Hash, RandomState},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{Resource, runtime::watcher::Event};

/// A kind that is found by what its objects say.
pub trait Indexed: Resource<DynamicType = ()> + Clone {
    /// What an object is found by.
    type Key: Hash;

    /// All that this object is found by.
    fn keys(&self) -> Vec<Self::Key>;
}

/// What the watches have brought, and on top of it what this process has itself written and they have not brought yet.
///
/// Assumes that resource versions of one object can be compared as numbers, as Kubernetes promises since 1.35 (KEP-5504) and etcd has
/// always had it. Where etcd is restored from a backup they go back, and what was written before is undone: a list that begins
/// later is the truth.
pub struct Store<K: Indexed> {
    state: Mutex<State<K>>,
}

struct State<K> {
    by_uid: BTreeMap<Arc<str>, Entry<K>>,
    /// By the hash of a key: a few bytes, where keys are long texts.
    by_key: HashMap<u64, BTreeSet<Arc<str>>>,
    hasher: RandomState,
    /// How often something was written.
    writes: u64,
}

struct Entry<K> {
    watched: Arc<K>,
    own: Option<Own<K>>,
    /// It is found by these too.
    more: Vec<u64>,
    keys: Vec<u64>,
}

/// What this process has made of an object.
struct Own<K> {
    form: Arc<K>,
    /// Its number among all writes.
    number: u64,
    /// Whether nothing holds the object any more.
    is_released: bool,
}

/// What is known of an object beyond one form of it.
#[derive(Clone, Debug)]
pub enum Newer<K> {
    /// Nothing.
    Nothing,
    /// A newer form.
    Form(Arc<K>),
    /// This process has released it.
    Released,
}

/// What has come to pass, and stands in the store already.
pub enum Passed<K> {
    /// There is a new form of this object.
    Changed(Arc<K>),
    /// This object is gone.
    Gone(Arc<K>),
    /// All that there is was listed; these are gone since.
    Listed(Vec<Arc<K>>),
}

/// What one watch has listed so far, from the beginning of a list to its end.
#[derive(Default)]
pub struct Listing {
    listed: HashSet<String>,
    /// How much was written before the list began.
    writes: u64,
}

impl<K: Indexed> Entry<K> {
    fn of(watched: Arc<K>) -> Self {
        Self { watched, own: None, more: Vec::new(), keys: Vec::new() }
    }

    fn is_released(&self, form: &K) -> bool {
        // One that came back since, as from a backup, is another.
        self.own.as_ref().is_some_and(|own| {
            own.is_released
                && (form.meta().deletion_timestamp.is_some() || version(form) <= version(&*own.form))
        })
    }

    fn newest(&self) -> &Arc<K> {
        match &self.own {
            Some(own) if version(&*own.form) > version(&*self.watched) => &own.form,
            _ => &self.watched,
        }
    }

    fn standing(&self) -> Option<&Arc<K>> {
        let newest = self.newest();
        (!self.is_released(newest)).then_some(newest)
    }
}

impl<K> Default for State<K> {
    fn default() -> Self {
        let (by_uid, by_key) = (BTreeMap::new(), HashMap::new());
        Self { by_uid, by_key, hasher: RandomState::new(), writes: 0 }
    }
}

impl<K: Indexed> State<K> {
    /// Keeps what finds an object in step with what it says.
    fn index(&mut self, uid: &str) {
        let Some(entry) = self.by_uid.get_mut(uid) else { return };
        let mut keys = hashes(&self.hasher, &entry.watched.keys());
        if let Some(own) = &entry.own {
            keys.extend(hashes(&self.hasher, &own.form.keys()));
        }
        keys.extend(&entry.more);
        keys.sort_unstable();
        keys.dedup();
        keys.shrink_to_fit();
        let before = std::mem::replace(&mut entry.keys, keys);
        if before == entry.keys {
            return;
        }
        for key in &before {
            remove(&mut self.by_key, *key, uid);
        }
        let Some((uid, entry)) = self.by_uid.get_key_value(uid) else { return };
        for key in &entry.keys {
            self.by_key.entry(*key).or_default().insert(uid.clone());
        }
    }

    fn watched(&mut self, object: Arc<K>) {
        let Some(uid) = object.meta().uid.clone() else { return };
        match self.by_uid.get_mut(uid.as_str()) {
            Some(entry) => {
                if entry
                    .own
                    .as_ref()
                    .is_some_and(|own| !own.is_released && version(&*own.form) <= version(&*object))
                {
                    entry.own = None;
                }
                entry.watched = object;
            }
            None => {
                self.by_uid.insert(uid.as_str().into(), Entry::of(object));
            }
        }
        self.index(&uid);
    }

    fn remove(&mut self, uid: &str) {
        let Some(entry) = self.by_uid.remove(uid) else { return };
        for key in entry.keys {
            remove(&mut self.by_key, key, uid);
        }
    }

    fn write(&mut self, form: Arc<K>, is_released: bool) {
        self.writes += 1;
        let Some(uid) = form.meta().uid.clone() else { return };
        let Some(entry) = self.by_uid.get_mut(uid.as_str()) else { return };
        entry.own = Some(Own { form, number: self.writes, is_released });
        self.index(&uid);
    }

    /// Takes a list for the truth: what was written before it shows in it, or was undone.
    fn listed(&mut self, namespace: Option<&str>, listing: &Listing) -> Vec<Arc<K>> {
        let is_of_list = |entry: &Entry<K>| {
            namespace.is_none_or(|name| entry.watched.meta().namespace.as_deref() == Some(name))
        };
        let mut gone = Vec::new();
        let mut seen = Vec::new();
        for (uid, entry) in self.by_uid.iter_mut().filter(|(_, entry)| is_of_list(entry)) {
            if !listing.listed.contains(&**uid) {
                gone.push(entry.watched.clone());
            } else if entry.own.as_ref().is_some_and(|own| own.number <= listing.writes) {
                entry.own = None;
                seen.push(uid.clone());
            }
        }
        for uid in &seen {
            self.index(uid);
        }
        gone.iter().filter_map(|object| object.meta().uid.as_deref()).for_each(|uid| self.remove(uid));
        gone
    }
}

fn hashes<Q: Hash>(hasher: &RandomState, keys: &[Q]) -> Vec<u64> {
    keys.iter().map(|key| hasher.hash_one(key)).collect()
}

fn remove(by_key: &mut HashMap<u64, BTreeSet<Arc<str>>>, key: u64, uid: &str) {
    if let Some(uids) = by_key.get_mut(&key) {
        uids.remove(uid);
        if uids.is_empty() {
            by_key.remove(&key);
        }
    }
}

impl<K: Indexed> Default for Store<K> {
    fn default() -> Self {
        Self { state: Mutex::default() }
    }
}

impl<K: Indexed> Store<K> {
    /// Takes in what the watch of a namespace, or of all, has brought.
    pub fn take_in(
        &self,
        namespace: Option<&str>,
        listing: &mut Listing,
        event: Event<K>,
    ) -> Option<Passed<K>> {
        let mut state = self.state();
        Some(match event {
            Event::Init => {
                *listing = Listing { listed: HashSet::new(), writes: state.writes };
                return None;
            }
            Event::InitApply(object) => {
                listing.listed.extend(object.meta().uid.clone());
                let object = Arc::new(object);
                state.watched(object.clone());
                Passed::Changed(object)
            }
            Event::InitDone => Passed::Listed(state.listed(namespace, &std::mem::take(listing))),
            Event::Apply(object) => {
                let object = Arc::new(object);
                state.watched(object.clone());
                Passed::Changed(object)
            }
            Event::Delete(object) => {
                state.remove(object.meta().uid.as_deref().unwrap_or_default());
                Passed::Gone(Arc::new(object))
            }
        })
    }

    /// Remembers what was written until the watches bring it.
    pub fn wrote(&self, object: impl Into<Arc<K>>) {
        self.state().write(object.into(), false);
    }

    /// Remembers that nothing holds an object any more, until the watches tell that it is gone.
    pub fn released(&self, object: impl Into<Arc<K>>) {
        self.state().write(object.into(), true);
    }

    /// Has an object be found by these too, until they are given anew.
    pub fn find_by(&self, uid: &str, more: &[K::Key]) {
        let mut state = self.state();
        let more = hashes(&state.hasher, more);
        if let Some(entry) = state.by_uid.get_mut(uid) {
            entry.more = more;
            state.index(uid);
        }
    }

    /// What is known of an object beyond this form of it.
    #[must_use]
    pub fn newer(&self, seen: &K) -> Newer<K> {
        let state = self.state();
        let Some(entry) = seen.meta().uid.as_ref().and_then(|uid| state.by_uid.get(uid.as_str())) else {
            return Newer::Nothing;
        };
        let newest = entry.newest();
        let is_newer = version(&**newest) > version(seen);
        if entry.is_released(if is_newer { newest } else { seen }) {
            return Newer::Released;
        }
        if is_newer { Newer::Form(newest.clone()) } else { Newer::Nothing }
    }

    /// The newest known form of the object of this uid.
    #[must_use]
    pub fn get(&self, uid: &str) -> Option<Arc<K>> {
        self.state().by_uid.get(uid)?.standing().cloned()
    }

    /// The newest known form of every object that is found by this, and of some that do not say so, or no longer.
    #[must_use]
    pub fn find(&self, key: &K::Key) -> Vec<Arc<K>> {
        let state = self.state();
        let uids = state.by_key.get(&state.hasher.hash_one(key)).into_iter().flatten();
        uids.filter_map(|uid| state.by_uid.get(uid)?.standing().cloned()).collect()
    }

    /// The newest known form of every object.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<K>> {
        self.state().by_uid.values().filter_map(|entry| entry.standing().cloned()).collect()
    }

    fn state(&self) -> MutexGuard<'_, State<K>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(object: &impl Resource) -> u128 {
    object.meta().resource_version.as_ref().and_then(|version| version.parse().ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
