//! The plan over records that a person, or anything else, has written into a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{ledger::Deletion, *};
use crate::{
    crd::{DrainState, DrainType},
    drain::Digest,
};

/// Digests that are listed, recorded, wanted, or nonsense.
fn digest() -> impl Strategy<Value = String> {
    let known = ["u", "v", "w", "d", "e", "", "v1:", "***"].map(str::to_owned).to_vec();
    prop_oneof![8 => select(known), 1 => ".{0,40}", 1 => Just("x".repeat(256))]
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![
        select(vec![Timestamp::MIN, Timestamp::MAX, Timestamp::UNIX_EPOCH, at(-1), at(0), at(99), at(101)]),
        (Timestamp::MIN.as_second()..Timestamp::MAX.as_second()).prop_map(at),
    ]
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

fn record() -> impl Strategy<Value = DrainRecord> {
    let state = select(vec![DrainState::Adding, DrainState::Active, DrainState::Deleting]);
    let before = prop_oneof![4 => vec(digest(), 0..4), 1 => Just(vec!["u".to_owned(); 1000])];
    let text = ".{0,10}";
    (state, option::of(digest()), digest(), option::of(time()), before, option::of(text)).prop_map(
        |(state, url_digest, destination_digest, since, listed_before, url)| DrainRecord {
            region: "osc-fr1".into(),
            app: String::new(),
            app_id: "shop".into(),
            addon: None,
            drain_type: DrainType::Datadog,
            url,
            url_digest,
            destination_digest,
            secret_version: None,
            state,
            since: since.map(Time),
            listed_before,
        },
    )
}

fn listed() -> impl Strategy<Value = Listed> {
    let likeness = || select(vec![Likeness::Other, Likeness::Possible, Likeness::Same]);
    (select(vec!["u", "v", "w"]), likeness(), likeness()).prop_map(|(digest, like_wanted, like_adding)| {
        Listed { digest: Digest::recorded(digest), like_wanted, like_adding }
    })
}

fn peer() -> impl Strategy<Value = Peer> {
    (any::<bool>(), time(), vec(record(), 0..4)).prop_map(|(deleting, created, records)| Peer {
        name: "shop/other".into(),
        rank: Rank { created, uid: "other".into() },
        deleting,
        records: records.into_iter().map(Record::from).collect(),
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn whatever_stands_in_a_status_no_drain_goes_that_stands_in_none(
        records in vec(record(), 0..6),
        listed in vec(listed(), 0..6),
        peers in vec(peer(), 0..3),
        wanted in option::of(select(vec!["d", "e"])),
        now in time(),
        seen in time(),
    ) {
        // Nothing was seen later than now.
        let seen = seen.min(now);
        let read_by = |written| Record { seen, ..Record::from(written) };
        let wanted = wanted.map(Digest::recorded);
        let rank = Rank { created: at(0), uid: "own".into() };
        let read: Vec<Record> = records.iter().cloned().map(read_by).collect();
        let mut peers = peers;
        peers.iter_mut().flat_map(|peer| &mut peer.records).for_each(|record| record.seen = seen);
        let situation = Situation {
            ledger: Ledger {
                records: &read,
                listed: &listed,
                doubts: &BTreeMap::new(),
                peers: &peers,
                now,
                led_since: Timestamp::MIN,
            },
            rank: &rank,
            wanted: wanted.as_ref(),
        };
        let plan = Plan::new(&situation);
        prop_assert_eq!(&plan, &Plan::new(&situation));
        let ledger = &situation.ledger;
        for record in read.iter().chain(ledger.peer_records().map(|(_, record)| record)) {
            let is_soon = ledger.unsettled(record).is_none_or(|until| until <= settles(seen));
            prop_assert!(is_soon, "nothing is waited for longer than any other: {:?}", record);
        }
        let mut deleted: Vec<Digest> = Vec::new();
        let mut additions = 0;
        for step in &plan.steps {
            match step {
                Step::Delete { record, url } => {
                    prop_assert_eq!(record.url_digest.as_ref(), Some(&url.to_string()));
                    let is_recorded = read.iter().any(|own| own.url() == Some(url));
                    let is_found = plan.steps.iter().any(|step| {
                        matches!(step, Step::Resolve { url: found, .. } if found == url)
                    });
                    prop_assert!(is_recorded || is_found, "{:?}", step);
                    prop_assert!(!deleted.contains(url), "one after the other: {:?}", step);
                    prop_assert_eq!(ledger.count(url), 1, "what is deleted is listed, and alone: {:?}", step);
                    prop_assert!(
                        ledger.unsettled(&read_by(record.clone())).is_none(),
                        "none while another may be under way: {:?}", step
                    );
                    deleted.push(url.clone());
                }
                Step::Add { .. } => {
                    additions += 1;
                    prop_assert!(wanted.is_some());
                    let is_out = |own: &&Record| own.is_adding() && ledger.unsettled(own).is_some();
                    let found = plan.steps.iter().filter(|step| matches!(step, Step::Resolve { .. })).count();
                    prop_assert!(read.iter().filter(is_out).count() <= found, "not while an answer is out");
                }
                Step::Resolve { url, .. } | Step::Mend { url, .. } | Step::Adopt { url, .. } => {
                    prop_assert!(ledger.count(url) > 0, "{:?}", step);
                }
                Step::LeaveToPerson { record, url, copies } => {
                    prop_assert_eq!(record.url_digest.as_ref(), Some(&url.to_string()));
                    prop_assert!(*copies > 1 && ledger.count(url) == *copies, "{:?}", step);
                }
                Step::Forget { record, .. } => {
                    let is_found = plan.steps.iter().any(|step| {
                        matches!(step, Step::Resolve { record: adding, url } if resolved(adding, url) == *record)
                    });
                    prop_assert!(is_found || records.contains(record), "{:?}", step);
                }
            }
        }
        prop_assert!(additions <= 1);
        if wanted.is_none() && plan.verdict == Verdict::InSync {
            prop_assert_eq!(plan.steps.iter().filter(|step| !matches!(step, Step::Resolve { .. })).count(), read.len());
            let is_left = |url: &Digest| !deleted.contains(url)
                && !read.iter().any(|own| own.url() == Some(url) && matches!(ledger.deletion(own), Some(Deletion::Done)))
                && !ledger.peer_records().any(|(_, other)| other.url() == Some(url));
            for url in read.iter().filter_map(Record::url).filter(|url| ledger.count(url) == 1) {
                prop_assert!(!is_left(url), "nothing is left behind: {} after {:?}", url, plan);
            }
        }
    }
}
