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
    let view = View::new(vec![Cache::of(store)]);
    view.wrote(&object("u", 10));
    assert_eq!(versions(&view), ["10"]);
    let seen = Arc::new(object("u", 9));
    assert_eq!(view.newest(&seen).unwrap().resource_version().unwrap(), "10");
    writer.apply_watcher_event(&watcher::Event::Apply(object("u", 11)));
    assert_eq!(versions(&view), ["11"]);
}

#[test]
fn what_was_let_go_is_nobodys_peer_whatever_else_holds_it() {
    let peers = |is_going: bool, finalizers: &[&str]| {
        let mut object = object("u", 1);
        object.metadata.deletion_timestamp = is_going.then_some(Time(Timestamp::UNIX_EPOCH));
        object.metadata.finalizers = Some(finalizers.iter().map(|text| (*text).to_owned()).collect());
        let record = active("v1:d", "v1:u");
        let target = record.target();
        object.status = Some(LogDrainStatus { drains: vec![record], ..LogDrainStatus::default() });
        let (store, mut writer) = reflector::store();
        writer.apply_watcher_event(&watcher::Event::Apply(object));
        View::new(vec![Cache::of(store)]).peers("other", &target, Timestamp::UNIX_EPOCH).len()
    };
    assert_eq!(peers(false, &[]), 1);
    assert_eq!(peers(true, &["example.com/other", FINALIZER]), 1);
    assert_eq!(peers(true, &["example.com/other"]), 0);
}

#[test]
fn records_that_may_not_be_written_are_known_until_somebody_writes_others() {
    let with = |version: u64, records: &[&str]| {
        let mut object = object("u", version);
        let drains = records.iter().map(|url| active("v1:d", url)).collect();
        object.status = Some(LogDrainStatus { drains, ..LogDrainStatus::default() });
        object
    };
    let urls = |object: &LogDrain| -> Vec<String> {
        records(object).iter().filter_map(|record| record.url_digest.clone()).collect()
    };
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(with(1, &["a", "b"])));
    let view = View::new(vec![Cache::of(store)]);
    assert!(view.could_not_write(&with(1, &["a", "b"]), records(&with(1, &["b"])), "x"));
    assert!(!view.could_not_write(&with(1, &["b"]), &[], "x"));
    view.could_not_release("u");
    assert_eq!(view.unreleased(), 1);
    let seen = Arc::new(with(1, &["a", "b"]));
    assert_eq!(urls(&view.newest(&seen).unwrap()), [""; 0]);
    assert_eq!(urls(&view.all()[0]), [""; 0]);
    assert!(
        view.peers("other", &active("", "").target(), Timestamp::UNIX_EPOCH).is_empty(),
        "nobody waits for what is done"
    );

    // A change of something else.
    writer.apply_watcher_event(&watcher::Event::Apply(with(2, &["a", "b"])));
    assert_eq!(urls(&view.newest(&seen).unwrap()), [""; 0]);
    // A restored backup.
    writer.apply_watcher_event(&watcher::Event::Apply(with(3, &["c"])));
    assert_eq!(urls(&view.newest(&seen).unwrap()), ["c"]);
    writer.apply_watcher_event(&watcher::Event::Delete(with(4, &["c"])));
    assert_eq!(view.unreleased(), 0);
}

#[test]
fn what_was_released_is_gone_at_once() {
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
    let view = View::new(vec![Cache::of(store)]);
    view.released(&object("u", 1));
    assert!(versions(&view).is_empty());
    assert!(view.newest(&Arc::new(object("u", 1))).is_none());
}

#[test]
fn what_was_released_and_comes_back_with_its_uid_is_seen() {
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
    let view = View::new(vec![Cache::of(store)]);
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
    let view = View::new(vec![Cache::of(store)]);
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
    let view = View::new(vec![Cache::of(store)]);
    let noted = view.noted();
    view.wrote(&object("u", 10));
    view.listed(None, noted);
    assert_eq!(versions(&view), ["10"]);
}

#[test]
fn what_the_cache_has_lost_does_not_come_back() {
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Apply(object("u", 1)));
    let view = View::new(vec![Cache::of(store)]);
    view.wrote(&object("u", 2));
    writer.apply_watcher_event(&watcher::Event::Delete(object("u", 2)));
    assert!(versions(&view).is_empty());
}

#[test]
fn an_intent_is_known_since_it_was_first_seen() {
    let at = |seconds| Timestamp::from_second(seconds).unwrap();
    let view = View::new(Vec::new());
    let intent =
        |since| DrainRecord { state: DrainState::Adding, since: Some(Time(at(since))), ..active("d", "u") };
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
