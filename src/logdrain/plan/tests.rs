use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use proptest::prelude::*;

use super::*;
use crate::crd::{DrainState, tests::active};

mod deletions;
mod edited;
mod late_lists;
mod lost_answers;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_000_000 + seconds).unwrap()
}

fn digest(text: &str) -> Digest {
    Digest::recorded(text)
}

fn adding(destination: &str, listed_before: &[&str]) -> DrainRecord {
    DrainRecord {
        url_digest: None,
        state: DrainState::Adding,
        since: Some(Time(at(0))),
        listed_before: listed_before.iter().map(|digest| (*digest).to_owned()).collect(),
        ..active(destination, "")
    }
}

fn deleting(destination: &str, url: &str, copies: usize) -> DrainRecord {
    DrainRecord {
        state: DrainState::Deleting,
        since: Some(Time(at(0))),
        listed_before: vec![url.to_owned(); copies],
        ..active(destination, url)
    }
}

fn delete(record: DrainRecord) -> Step {
    Step::Delete { url: digest(record.url_digest.as_ref().unwrap()), record }
}

fn leave_to_person(record: DrainRecord, copies: usize) -> Step {
    Step::LeaveToPerson { url: digest(record.url_digest.as_ref().unwrap()), record, copies }
}

fn read(records: Vec<DrainRecord>) -> Vec<Record> {
    records.into_iter().map(Record::from).collect()
}

fn listed(url: &str, likeness: Likeness) -> Listed {
    Listed { digest: digest(url), like_wanted: likeness, like_adding: likeness }
}

fn other(url: &str) -> Listed {
    listed(url, Likeness::Other)
}

fn rank(seconds: i64) -> Rank {
    Rank { created: at(seconds), uid: seconds.to_string() }
}

fn peer(seconds: i64, records: Vec<DrainRecord>) -> Peer {
    Peer {
        name: format!("shop/peer-{seconds}"),
        rank: rank(seconds),
        deleting: false,
        records: read(records),
    }
}

/// A `LogDrain` created at second 10, reconciled in second 20.
#[derive(Debug, Default)]
struct Case {
    wanted: Option<&'static str>,
    records: Vec<DrainRecord>,
    listed: Vec<Listed>,
    /// URLs of which the list does not tell, until second 30.
    doubts: &'static [&'static str],
    peers: Vec<Peer>,
    later: i64,
    led_since: i64,
    /// When this process first saw the intents, if that matters.
    seen: Option<i64>,
}

impl Case {
    fn plan(&self) -> Plan {
        let wanted = self.wanted.map(digest);
        let seen = self.seen.map_or(Timestamp::MAX, at);
        let records: Vec<Record> =
            read(self.records.clone()).into_iter().map(|record| Record { seen, ..record }).collect();
        let mut peers = self.peers.clone();
        peers.iter_mut().flat_map(|peer| &mut peer.records).for_each(|record| record.seen = seen);
        let doubts = self.doubts.iter().map(|url| (digest(url), at(30))).collect();
        Plan::new(&Situation {
            ledger: Ledger {
                records: &records,
                listed: &self.listed,
                doubts: &doubts,
                peers: &peers,
                now: at(20 + self.later),
                led_since: at(self.led_since),
            },
            rank: &rank(10),
            wanted: wanted.as_ref(),
        })
    }

    fn gives(&self, steps: Vec<Step>, verdict: Verdict) {
        assert_eq!(self.plan(), Plan { steps, verdict });
    }
}

use Likeness::{Other, Possible, Same};
use Verdict::{Ambiguous, Duplicate, InSync, LookAgain, Unconfirmed, WaitForAnswer, WaitForPeer};

fn wants(destination: &'static str) -> Case {
    Case { wanted: Some(destination), ..Case::default() }
}

#[test]
fn nothing_there_is_added() {
    Case { listed: vec![other("foreign")], ..wants("d") }.gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn recorded_and_listed_is_kept_without_a_step() {
    Case { records: vec![active("d", "u")], listed: vec![other("u"), other("foreign")], ..wants("d") }
        .gives(vec![], InSync);
}

#[test]
fn recorded_and_not_listed_is_added_again() {
    Case { records: vec![active("d", "u")], ..wants("d") }.gives(vec![Step::Add { drifted: true }], InSync);
}

#[test]
fn recorded_and_listed_in_another_form_is_recognised_again() {
    Case { records: vec![active("d", "u")], listed: vec![listed("v", Same)], ..wants("d") }
        .gives(vec![Step::Adopt { url: digest("v"), how: Adoption::Recognised }], InSync);
}

#[test]
fn a_changed_destination_is_added_before_the_old_one_goes() {
    Case { records: vec![active("old", "u")], listed: vec![other("u")], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }, delete(active("old", "u"))], InSync);
}

#[test]
fn an_unrecorded_drain_is_adopted_only_when_it_is_the_only_one_recognised() {
    Case { listed: vec![listed("u", Same), listed("v", Possible), listed("u", Same)], ..wants("d") }
        .gives(vec![Step::Adopt { url: digest("u"), how: Adoption::Recognised }], InSync);
    Case { listed: vec![listed("u", Same), listed("v", Same)], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }], InSync);
    Case { listed: vec![listed("u", Possible)], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn a_drain_recorded_for_another_destination_is_not_adopted() {
    Case { listed: vec![listed("u", Same)], peers: vec![peer(1, vec![active("e", "u")])], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }], InSync);
    Case { listed: vec![listed("u", Same)], records: vec![active("e", "u")], ..wants("d") }
        .gives(vec![Step::Add { drifted: false }, delete(active("e", "u"))], InSync);
}

#[test]
fn of_two_who_want_the_same_the_older_owns_it() {
    let share = Step::Adopt { url: digest("u"), how: Adoption::Shared };
    let older = peer(1, vec![active("d", "u")]);
    let younger = peer(11, vec![active("d", "u")]);
    Case { listed: vec![other("u")], peers: vec![older.clone()], ..wants("d") }
        .gives(vec![share.clone()], Duplicate("shop/peer-1".into()));
    Case { listed: vec![other("u")], peers: vec![younger.clone()], ..wants("d") }.gives(vec![share], InSync);
    let recorded = Case { records: vec![active("d", "u")], listed: vec![other("u")], ..wants("d") };
    Case { peers: vec![younger, older.clone()], ..recorded }.gives(vec![], Duplicate("shop/peer-1".into()));
    // The owner goes: whoever shares the drain takes it over as it is.
    Case {
        records: vec![active("d", "u")],
        listed: vec![other("u")],
        peers: vec![Peer { deleting: true, ..older }],
        ..wants("d")
    }
    .gives(vec![], InSync);
}

#[test]
fn of_two_created_in_the_same_second_the_smaller_uid_owns_it() {
    let twin = Peer { rank: Rank { created: at(10), uid: "0".into() }, ..peer(10, vec![active("d", "u")]) };
    Case { records: vec![active("d", "u")], listed: vec![other("u")], peers: vec![twin], ..wants("d") }
        .gives(vec![], Duplicate("shop/peer-10".into()));
}

#[test]
fn while_a_peer_is_adding_the_same_nothing_is_added() {
    let case = Case { peers: vec![peer(1, vec![adding("d", &[])])], ..wants("d") };
    case.gives(vec![], WaitForPeer("shop/peer-1".into(), at(110)));
    Case { later: 90, ..case }.gives(vec![Step::Add { drifted: false }], InSync);
}

#[test]
fn the_drain_that_a_peer_has_added_and_cannot_look_for_is_shared() {
    let case =
        |listed| Case { peers: vec![peer(1, vec![adding("d", &["x"])])], listed, later: 90, ..wants("d") };
    let share = Step::Adopt { url: digest("u"), how: Adoption::Shared };
    case(vec![listed("x", Possible), listed("u", Possible)]).gives(vec![share], InSync);
    case(vec![listed("x", Possible)]).gives(vec![Step::Add { drifted: false }], InSync);
    case(vec![listed("u", Possible), listed("v", Possible)]).gives(vec![], Ambiguous(2));
}

#[test]
fn what_goes_is_deleted_once_and_what_is_gone_is_forgotten() {
    let going = || Case { records: vec![active("d", "u")], ..Case::default() };
    Case { listed: vec![other("u"), other("foreign")], ..going() }
        .gives(vec![delete(active("d", "u"))], InSync);
    Case { listed: vec![other("foreign")], ..going() }
        .gives(vec![Step::Forget { record: active("d", "u"), because: Forgotten::Gone }], InSync);
}

#[test]
fn a_shared_drain_goes_with_the_last_who_has_it() {
    let forget = Step::Forget { record: active("d", "u"), because: Forgotten::Shared };
    let going =
        |peers| Case { records: vec![active("d", "u")], listed: vec![other("u")], peers, ..Case::default() };
    let older = peer(1, vec![active("d", "u")]);
    let younger = peer(11, vec![active("d", "u")]);
    going(vec![older.clone()]).gives(vec![forget.clone()], InSync);
    going(vec![younger.clone()]).gives(vec![forget.clone()], InSync);
    // The one that goes at the same time is then the last.
    going(vec![Peer { deleting: true, ..older }]).gives(vec![forget.clone()], InSync);
    going(vec![Peer { deleting: true, ..younger }]).gives(vec![forget], InSync);
    going(vec![]).gives(vec![delete(active("d", "u"))], InSync);
}

#[test]
fn a_url_that_two_destinations_share_is_not_deleted() {
    let going = |listed| Case {
        records: vec![active("d", "u")],
        listed,
        peers: vec![peer(1, vec![active("e", "u")])],
        ..Case::default()
    };
    going(vec![other("u")])
        .gives(vec![Step::Forget { record: active("d", "u"), because: Forgotten::Shared }], InSync);
    going(vec![other("u"), other("u")]).gives(vec![leave_to_person(active("d", "u"), 2)], InSync);
}

fn any_name(names: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(names)
}

const URLS: &[&str] = &["u", "v", "w"];
const DESTINATIONS: &[&str] = &["d", "e"];
const DOUBTS: &[&[&str]] = &[&[], &["u"], &["v", "w"], URLS];

fn any_record() -> impl Strategy<Value = DrainRecord> {
    (any_name(DESTINATIONS), any_name(URLS), 0..5_u8).prop_map(|(destination, url, state)| match state {
        0 => deleting(destination, url, 2),
        1 => deleting(destination, url, 1),
        _ => active(destination, url),
    })
}

fn any_records() -> impl Strategy<Value = Vec<DrainRecord>> {
    let open = proptest::option::of(
        (any_name(DESTINATIONS), proptest::sample::subsequence(URLS, 0..3))
            .prop_map(|(destination, before)| adding(destination, &before)),
    );
    (proptest::collection::vec(any_record(), 0..3), open).prop_map(|(mut records, open)| {
        records.extend(open);
        records
    })
}

fn any_case() -> impl Strategy<Value = Case> {
    let likeness = proptest::sample::select(&[Other, Possible, Same][..]);
    let listed = (any_name(URLS), likeness).prop_map(|(url, likeness)| listed(url, likeness));
    let peers = (any::<bool>(), 0..20_i64, any_records())
        .prop_map(|(deleting, seconds, records)| Peer { deleting, ..peer(seconds, records) });
    (
        proptest::option::of(any_name(DESTINATIONS)),
        any_records(),
        proptest::collection::vec(listed, 0..4),
        proptest::collection::vec(peers, 0..3),
        prop_oneof![Just(0), Just(200)],
        proptest::sample::select(DOUBTS),
    )
        .prop_map(|(wanted, records, listed, peers, later, doubts)| Case {
            wanted,
            records,
            listed,
            doubts,
            peers,
            later,
            led_since: 0,
            seen: None,
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn the_laws_of_the_plan_hold(case in any_case()) {
        let plan = case.plan();
        let copies = |url: &Option<String>| {
            case.listed.iter().filter(|listed| Some(listed.digest.to_string()) == *url).count()
        };
        let is_listed = |url: &Option<String>| copies(url) > 0;
        let found: Vec<_> = plan.steps.iter().filter_map(|step| match step {
            Step::Resolve { record, url } => Some(resolved(record, url)),
            _ => None,
        }).collect();
        let is_doubtful = |url: &Option<String>| case.doubts.iter().any(|doubt| Some(*doubt) == url.as_deref());
        let mut added = false;
        for step in &plan.steps {
            match step {
                Step::Forget { record, because } => {
                    prop_assert!(!is_doubtful(&record.url_digest), "nothing is forgotten in doubt: {:?}", because);
                }
                Step::Adopt { url, .. } => {
                    prop_assert!(!is_doubtful(&Some(url.to_string())), "nothing is adopted in doubt");
                }
                Step::Delete { record, .. } => {
                    prop_assert!(!is_doubtful(&record.url_digest), "nothing is deleted in doubt");
                    prop_assert!(case.records.contains(record) || found.contains(record), "only its own");
                    prop_assert_eq!(copies(&record.url_digest), 1, "only what is there, alone");
                    prop_assert!(
                        case.later > 100 || record.state != DrainState::Deleting,
                        "not while a deletion may be under way"
                    );
                }
                Step::Add { .. } => {
                    prop_assert!(!added, "one addition");
                    added = true;
                    let wanted = case.wanted.unwrap().to_owned();
                    prop_assert!(!case.records.iter().any(|record| {
                        record.destination_digest == wanted && is_doubtful(&record.url_digest)
                    }), "not in doubt of the one that was there");
                    let peers = case.peers.iter().flat_map(|peer| &peer.records).map(|record| &record.written);
                    prop_assert!(!case.records.iter().chain(peers).any(|record| {
                        record.state == DrainState::Active
                            && record.destination_digest == wanted
                            && is_listed(&record.url_digest)
                    }), "not what is there");
                    prop_assert!(case.later > 100
                        || !case.records.iter().any(|record| record.state == DrainState::Adding)
                        || !found.is_empty(), "not while an answer is out");
                }
                _ => {}
            }
        }
        let position = |wanted: fn(&Step) -> bool| plan.steps.iter().position(wanted);
        let get = position(|step| matches!(step, Step::Add { .. } | Step::Adopt { .. }));
        let delete = position(|step| matches!(step, Step::Delete { .. }));
        prop_assert!(get.zip(delete).is_none_or(|(get, delete)| get < delete), "deletions stand behind");
        let may_vanish = |record: &&DrainRecord| {
            record.state == DrainState::Deleting && Some(record.destination_digest.as_str()) == case.wanted
        };
        if case.later == 0 && case.records.iter().filter(may_vanish).any(|record| {
            copies(&record.url_digest) >= record.listed_before.len()
        }) && !case.records.iter().any(|record| {
            record.state == DrainState::Active
                && Some(record.destination_digest.as_str()) == case.wanted
                && is_listed(&record.url_digest)
        }) && found.is_empty() {
            prop_assert!(
                !plan.steps.iter().any(|step| matches!(step, Step::Delete { .. } | Step::Add { .. })),
                "nothing is given up for, or added beside, a drain that may yet go"
            );
        }
        if let Verdict::Ambiguous(_) = plan.verdict {
            let touches_nothing = |step: &Step| matches!(step, Step::Resolve { .. } | Step::Forget { .. });
            prop_assert!(plan.steps.iter().all(touches_nothing), "no request where nothing is known");
        }
    }
}
