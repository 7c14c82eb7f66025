use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::runtime::watcher::Event;

use super::*;
use crate::{
    crd::{DrainState, DrainType, FINALIZER, LogDrainSpec, LogDrainStatus, tests::active},
    state::store::Listing,
};

fn object(uid: &str, version: u64) -> LogDrain {
    let mut object = LogDrain::new(uid, LogDrainSpec::new("shop", DrainType::Datadog));
    object.metadata.namespace = Some("ns".into());
    object.metadata.uid = Some(uid.into());
    object.metadata.resource_version = Some(version.to_string());
    object
}

/// A view of what is applied and deleted here.
fn view() -> (View, impl FnMut(Event<LogDrain>)) {
    let store = Arc::new(Store::default());
    let view = View::new(vec![Cache::of(store.clone())]);
    (view, move |event| drop(store.take_in(None, &mut Listing::default(), event)))
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
        let (view, mut watch) = view();
        watch(Event::Apply(object));
        view.peers("other", &target, Timestamp::UNIX_EPOCH, |_| true).len()
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
        object.records().iter().filter_map(|record| record.url_digest.clone()).collect()
    };
    let (view, mut watch) = view();
    watch(Event::Apply(with(1, &["a", "b"])));
    assert!(view.could_not_write(&with(1, &["a", "b"]), with(1, &["b"]).records(), "x"));
    assert!(!view.could_not_write(&with(1, &["b"]), &[], "x"));
    view.could_not_release("u");
    assert_eq!(view.unreleased(), 1);
    assert_eq!(urls(&view.get("u").unwrap()), [""; 0]);
    assert_eq!(urls(&view.all()[0]), [""; 0]);
    assert!(
        view.peers("other", &active("", "").target(), Timestamp::UNIX_EPOCH, |_| true).is_empty(),
        "nobody waits for what is done"
    );

    // A change of something else.
    watch(Event::Apply(with(2, &["a", "b"])));
    assert_eq!(urls(&view.get("u").unwrap()), [""; 0]);
    // A restored backup.
    watch(Event::Apply(with(3, &["c"])));
    assert_eq!(urls(&view.get("u").unwrap()), ["c"]);
    view.forget("u");
    assert_eq!(view.unreleased(), 0);
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
