use std::{borrow::Cow, cell::Cell};

use k8s_openapi::{api::core::v1::ConfigMap, apimachinery::pkg::apis::meta::v1::ObjectMeta};
use proptest::{collection::vec, prelude::*, sample::select};

use kube::ResourceExt;

use super::*;

/// A kind that is found by the letters of its data.
impl Indexed for ConfigMap {
    type Key = char;

    fn keys(&self) -> Vec<char> {
        self.data.iter().flatten().flat_map(|(_, letters)| letters.chars()).collect()
    }
}

fn object(uid: &str, version: u64, letters: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.namespace = uid.get(..1).map(Into::into);
    object.metadata.uid = Some(uid.into());
    object.metadata.resource_version = Some(version.to_string());
    object.data = Some([("letters".to_owned(), letters.to_owned())].into());
    object
}

fn deleted(mut object: ConfigMap) -> ConfigMap {
    let time = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(jiff::Timestamp::UNIX_EPOCH);
    object.metadata.deletion_timestamp = Some(time);
    object
}

/// A store, and who fills it.
#[derive(Default)]
struct Fed {
    store: Store<ConfigMap>,
    listing: Listing,
}

impl Fed {
    fn with(objects: &[ConfigMap]) -> Self {
        let mut fed = Self::default();
        for object in objects {
            fed.apply(object);
        }
        fed
    }

    fn apply(&mut self, object: &ConfigMap) {
        self.take_in(None, &Event::Apply(object.clone()));
    }

    fn take_in(&mut self, namespace: Option<&str>, event: &Event<ConfigMap>) -> Vec<String> {
        let gone = match self.store.take_in(namespace, &mut self.listing, event.clone()) {
            Some(Passed::Gone(object)) => vec![object],
            Some(Passed::Listed(gone)) => gone,
            Some(Passed::Changed(_)) | None => Vec::new(),
        };
        gone.iter().filter_map(|object| object.uid()).collect()
    }

    fn list(&mut self, namespace: Option<&str>, objects: &[ConfigMap]) -> Vec<String> {
        self.take_in(namespace, &Event::Init);
        for object in objects {
            self.take_in(namespace, &Event::InitApply(object.clone()));
        }
        self.take_in(namespace, &Event::InitDone)
    }

    fn versions(&self) -> Vec<String> {
        versions(&self.store.all())
    }
}

fn versions(objects: &[Arc<ConfigMap>]) -> Vec<String> {
    objects.iter().filter_map(|object| object.resource_version()).collect()
}

#[test]
fn what_was_written_is_seen_until_the_watch_brings_it_or_something_newer() {
    let mut fed = Fed::with(&[object("au", 9, "a")]);
    fed.store.wrote(object("au", 10, "b"));
    assert_eq!(fed.versions(), ["10"]);
    assert!(
        matches!(fed.store.newer(&object("au", 9, "")), Newer::Form(form) if form.resource_version().unwrap() == "10")
    );
    assert!(matches!(fed.store.newer(&object("au", 10, "")), Newer::Nothing));
    assert_eq!(versions(&fed.store.find(&'b')), ["10"]);
    fed.apply(&object("au", 11, "c"));
    assert_eq!(fed.versions(), ["11"]);
    assert_eq!((fed.store.find(&'b').len(), fed.store.find(&'c').len()), (0, 1));
}

#[test]
fn what_was_released_is_gone_at_once_unless_it_comes_back_with_its_uid() {
    let mut fed = Fed::with(&[object("au", 1, "")]);
    fed.store.released(object("au", 1, ""));
    assert!(fed.versions().is_empty() && fed.store.get("au").is_none());
    assert!(matches!(fed.store.newer(&object("au", 1, "")), Newer::Released));
    fed.apply(&deleted(object("au", 2, "")));
    assert!(fed.versions().is_empty(), "its end");
    assert_eq!(fed.take_in(None, &Event::Delete(object("au", 2, ""))), ["au"]);
    fed.apply(&object("au", 3, ""));
    assert_eq!(fed.versions(), ["3"]);
}

#[test]
fn a_list_that_began_later_is_the_truth_though_versions_have_gone_back() {
    let mut fed = Fed::with(&[object("au", 900, ""), object("av", 900, ""), object("bw", 900, "")]);
    fed.store.wrote(object("au", 901, ""));
    fed.store.released(object("av", 902, ""));
    fed.store.wrote(object("bw", 903, ""));
    assert_eq!(fed.list(Some("b"), &[object("bw", 500, "")]), [""; 0]);
    assert_eq!(fed.versions(), ["901", "500"]);
    assert_eq!(fed.list(Some("a"), &[object("av", 500, "")]), ["au"]);
    assert_eq!(fed.versions(), ["500", "500"]);
    assert!(fed.store.get("av").is_some());
}

#[test]
fn what_was_written_since_a_list_began_is_newer() {
    let mut fed = Fed::with(&[object("au", 9, "")]);
    fed.take_in(None, &Event::Init);
    fed.store.wrote(object("au", 10, ""));
    fed.take_in(None, &Event::InitApply(object("au", 9, "")));
    fed.take_in(None, &Event::InitDone);
    assert_eq!(fed.versions(), ["10"]);
}

#[test]
fn what_the_watch_has_lost_does_not_come_back() {
    let mut fed = Fed::with(&[object("au", 1, "a")]);
    fed.store.wrote(object("au", 2, "a"));
    fed.take_in(None, &Event::Delete(object("au", 2, "a")));
    fed.store.wrote(object("au", 3, "a"));
    assert!(fed.versions().is_empty() && fed.store.find(&'a').is_empty());
}

/// The same without any index: whatever is asked for, all is looked through.
#[derive(Default)]
struct Naive {
    watched: BTreeMap<String, ConfigMap>,
    /// Number, form, and whether it was released.
    own: BTreeMap<String, (u64, ConfigMap, bool)>,
    more: BTreeMap<String, BTreeSet<char>>,
    writes: u64,
}

impl Naive {
    fn newest(&self, uid: &str) -> Option<ConfigMap> {
        let watched = self.watched.get(uid)?;
        let Some((_, own, is_released)) = self.own.get(uid) else { return Some(watched.clone()) };
        let newest = if version(own) > version(watched) { own } else { watched };
        let is_gone =
            *is_released && (newest.metadata.deletion_timestamp.is_some() || version(newest) <= version(own));
        (!is_gone).then(|| newest.clone())
    }

    fn found(&self, key: char) -> Vec<ConfigMap> {
        let says = |uid: &&String| {
            let own = self.own.get(*uid).map(|(_, own, _)| own.keys()).unwrap_or_default();
            let more = self.more.get(*uid).cloned().unwrap_or_default();
            self.watched[*uid].keys().contains(&key) || own.contains(&key) || more.contains(&key)
        };
        self.watched.keys().filter(says).filter_map(|uid| self.newest(uid)).collect()
    }

    fn seen(&mut self, object: &ConfigMap) {
        let uid = object.uid().unwrap();
        if self.own.get(&uid).is_some_and(|(_, own, released)| !released && version(own) <= version(object)) {
            self.own.remove(&uid);
        }
        self.watched.insert(uid, object.clone());
    }

    fn gone(&mut self, uid: &str) {
        self.watched.remove(uid);
        self.own.remove(uid);
        self.more.remove(uid);
    }
}

#[derive(Clone, Debug)]
enum Act {
    Apply(ConfigMap),
    Delete(&'static str),
    Wrote(ConfigMap),
    Released(ConfigMap),
    FindBy(&'static str, Vec<char>),
    List(Option<&'static str>, Vec<ConfigMap>, Option<ConfigMap>),
}

const UIDS: [&str; 4] = ["au", "av", "bw", "bx"];

fn objects() -> impl Strategy<Value = ConfigMap> {
    (select(&UIDS[..]), 1_u64..20, "[a-d]{0,2}", any::<bool>()).prop_map(
        |(uid, version, letters, is_going)| {
            let object = object(uid, version, &letters);
            if is_going { deleted(object) } else { object }
        },
    )
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        4 => objects().prop_map(Act::Apply),
        1 => select(&UIDS[..]).prop_map(Act::Delete),
        3 => objects().prop_map(Act::Wrote),
        1 => objects().prop_map(Act::Released),
        1 => (select(&UIDS[..]), vec(select(vec!['a', 'b', 'e']), 0..3)).prop_map(|(uid, keys)| Act::FindBy(uid, keys)),
        1 => (select(vec![None, Some("a"), Some("b")]), vec(objects(), 0..4), proptest::option::of(objects()))
            .prop_map(|(namespace, objects, written)| Act::List(namespace, objects, written)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn whatever_comes_it_is_found_as_if_all_were_looked_through(acts in vec(acts(), 0..30)) {
        let (mut fed, mut naive) = (Fed::default(), Naive::default());
        for act in acts {
            match act {
                Act::Apply(object) => {
                    fed.apply(&object);
                    naive.seen(&object);
                }
                Act::Delete(uid) => {
                    fed.take_in(None, &Event::Delete(object(uid, 99, "")));
                    naive.gone(uid);
                }
                Act::Wrote(object) | Act::Released(object) if !naive.watched.contains_key(&object.uid().unwrap()) => {
                    fed.store.wrote(object.clone());
                    naive.writes += 1;
                }
                Act::Wrote(object) => {
                    fed.store.wrote(object.clone());
                    naive.writes += 1;
                    naive.own.insert(object.uid().unwrap(), (naive.writes, object, false));
                }
                Act::Released(object) => {
                    fed.store.released(object.clone());
                    naive.writes += 1;
                    naive.own.insert(object.uid().unwrap(), (naive.writes, object, true));
                }
                Act::FindBy(uid, keys) => {
                    let keys: BTreeSet<char> = keys.into_iter().collect();
                    fed.store.find_by(uid, &keys.iter().copied().collect::<Vec<_>>());
                    if naive.watched.contains_key(uid) {
                        naive.more.insert(uid.to_owned(), keys);
                    }
                }
                Act::List(namespace, objects, written) => {
                    let objects: Vec<ConfigMap> = objects
                        .into_iter()
                        .filter(|object| namespace.is_none_or(|name| object.namespace().as_deref() == Some(name)))
                        .collect();
                    fed.take_in(namespace, &Event::Init);
                    let before = naive.writes;
                    if let Some(written) = written.filter(|written| naive.watched.contains_key(&written.uid().unwrap())) {
                        fed.store.wrote(written.clone());
                        naive.writes += 1;
                        naive.own.insert(written.uid().unwrap(), (naive.writes, written, false));
                    }
                    for object in &objects {
                        fed.take_in(namespace, &Event::InitApply(object.clone()));
                        naive.seen(object);
                    }
                    fed.take_in(namespace, &Event::InitDone);
                    let listed: BTreeSet<String> = objects.iter().filter_map(kube::ResourceExt::uid).collect();
                    let of_list = |uid: &&String| namespace.is_none_or(|name| uid.starts_with(name));
                    let uids: Vec<String> = naive.watched.keys().filter(of_list).cloned().collect();
                    for uid in uids {
                        if !listed.contains(&uid) {
                            naive.gone(&uid);
                        } else if naive.own.get(&uid).is_some_and(|(number, ..)| *number <= before) {
                            naive.own.remove(&uid);
                        }
                    }
                }
            }
            for uid in UIDS {
                let found = fed.store.get(uid).map(Arc::unwrap_or_clone);
                prop_assert_eq!(found, naive.newest(uid));
            }
            let all: Vec<ConfigMap> = naive.watched.keys().filter_map(|uid| naive.newest(uid)).collect();
            prop_assert_eq!(fed.store.all().into_iter().map(Arc::unwrap_or_clone).collect::<Vec<_>>(), all);
            for key in ['a', 'b', 'c', 'd', 'e'] {
                let found: Vec<_> = fed.store.find(&key).into_iter().map(Arc::unwrap_or_clone).collect();
                prop_assert_eq!(found, naive.found(key));
            }
        }
        fed.list(None, &[]);
        prop_assert!(fed.store.state().by_key.is_empty() && fed.store.state().by_uid.is_empty());
    }
}

/// Counts how often the metadata of any of them is read.
#[derive(Clone)]
struct Looked(ConfigMap);

thread_local! {
    static LOOKS: Cell<usize> = const { Cell::new(0) };
}

impl Resource for Looked {
    type DynamicType = ();
    type Scope = <ConfigMap as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        ConfigMap::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        ConfigMap::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        ConfigMap::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        ConfigMap::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        LOOKS.set(LOOKS.get() + 1);
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

impl Indexed for Looked {
    type Key = String;

    fn keys(&self) -> Vec<String> {
        self.0.data.iter().flat_map(|data| data.values().cloned()).collect()
    }
}

/// How often objects are looked at for one change, where five have the same key, among so many.
fn looks_among(count: usize) -> [usize; 4] {
    let object = |index: usize, version: u64| {
        Looked(object(&format!("u{index}"), version, &format!("key-{}", index / 5)))
    };
    let (store, mut listing) = (Store::default(), Listing::default());
    for index in 0..count {
        store.take_in(None, &mut listing, Event::Apply(object(index, 1)));
    }
    let looks = |of: &mut dyn FnMut()| {
        LOOKS.set(0);
        of();
        LOOKS.get()
    };
    [
        looks(&mut || drop(store.take_in(None, &mut listing, Event::Apply(object(7, 2))))),
        looks(&mut || store.wrote(object(7, 3))),
        looks(&mut || assert_eq!(store.find(&"key-1".to_owned()).len(), 5)),
        looks(&mut || assert!(store.get("u7").is_some())),
    ]
}

#[test]
fn a_change_and_a_look_up_cost_the_same_among_many() {
    assert_eq!(looks_among(10), looks_among(5_000));
    assert!(looks_among(10).iter().all(|looks| (1..50).contains(looks)), "{:?}", looks_among(10));
}
