//! Deletions whose answer was lost, and those of one among several drains with the same URL.

use super::*;

/// A `LogDrain` that is being deleted.
fn going(records: Vec<DrainRecord>, listed: Vec<Listed>, later: i64) -> Case {
    Case { records, listed, later, ..Case::default() }
}

fn forget(record: DrainRecord, because: Forgotten) -> Step {
    Step::Forget { record, because }
}

/// The record of a deletion of which no request is out.
fn refused(destination: &str, url: &str, copies: usize) -> DrainRecord {
    DrainRecord { since: None, ..deleting(destination, url, copies) }
}

fn there(urls: &[&str]) -> Vec<Listed> {
    urls.iter().map(|url| other(url)).collect()
}

#[test]
fn none_is_repeated_before_it_can_no_longer_take_effect() {
    for copies in [1, 2, 3] {
        let record = deleting("d", "u", copies);
        let case = |there, later| going(vec![record.clone()], vec![other("u"); there], later);
        case(copies, 0).gives(vec![], WaitForAnswer(at(110)));
        case(copies, 89).gives(vec![], WaitForAnswer(at(110)));
        case(copies, 90).gives(vec![delete(record.clone(), copies - 1)], InSync);
        let gone = forget(record.clone(), Forgotten::Gone);
        for later in [0, 90] {
            case(copies - 1, later).gives(vec![gone.clone()], InSync);
        }
    }
}

#[test]
fn one_that_was_refused_is_repeated_at_once() {
    for copies in [1, 2] {
        let record = refused("d", "u", copies);
        going(vec![record.clone()], vec![other("u"); copies], 0)
            .gives(vec![delete(record.clone(), copies - 1)], InSync);
    }
    // Of those that are to stay a person has taken some: nobody else could.
    let record = refused("d", "u", 2);
    let gone = forget(record.clone(), Forgotten::Gone);
    for listed in [there(&["u"]), vec![]] {
        going(vec![record.clone()], listed, 0).gives(vec![gone.clone()], InSync);
    }
}

#[test]
fn of_a_url_listed_twice_one_is_deleted_and_one_must_stay() {
    going(vec![active("d", "u")], there(&["u", "u"]), 0).gives(vec![delete(active("d", "u"), 1)], InSync);
    let record = || deleting("d", "u", 2);
    going(vec![record()], vec![], 0).gives(vec![], WaitForAnswer(at(110)));
    going(vec![record()], vec![], 90).gives(vec![restore(record(), 1)], InSync);
    // One that was added meanwhile stays too.
    going(vec![record()], there(&["u", "u", "u"]), 90).gives(vec![delete(record(), 2)], InSync);
}

#[test]
fn what_may_yet_go_is_not_counted_on_when_it_is_wanted_again() {
    let record = || deleting("d", "u", 1);
    let again =
        |listed, later| Case { records: vec![record(), active("e", "v")], listed, later, ..wants("d") };
    // The drain that took its place stays meanwhile.
    again(there(&["u", "v"]), 0).gives(vec![], WaitForAnswer(at(110)));
    let stands = Step::Mend { record: record(), url: digest("u") };
    again(there(&["u", "v"]), 90).gives(vec![stands.clone(), delete(active("e", "v"), 0)], InSync);
    let added = Step::Add { drifted: false };
    again(there(&["v"]), 0).gives(vec![added, delete(active("e", "v"), 0)], InSync);
    let refused = Case {
        records: vec![refused("d", "u", 1), active("e", "v")],
        listed: there(&["u", "v"]),
        ..wants("d")
    };
    let stands = Step::Mend { record: super::deletions::refused("d", "u", 1), url: digest("u") };
    refused.gives(vec![stands, delete(active("e", "v"), 0)], InSync);
}

#[test]
fn of_two_copies_the_own_one_that_is_wanted_again_is_kept_and_none_is_added() {
    let record = || deleting("d", "u", 2);
    let again = |listed, later| Case { records: vec![record()], listed, later, ..wants("d") };
    again(there(&["u", "u"]), 0).gives(vec![], WaitForAnswer(at(110)));
    let stands = Step::Mend { record: record(), url: digest("u") };
    again(there(&["u", "u"]), 90).gives(vec![stands], InSync);
    // What is left is somebody else's.
    again(there(&["u"]), 0).gives(vec![Step::Add { drifted: false }], InSync);
    // What was taken along comes back first.
    again(vec![], 0).gives(vec![], WaitForAnswer(at(110)));
    again(vec![], 90).gives(vec![restore(record(), 1)], LookAgain);
}

#[test]
fn what_a_peer_is_deleting_is_waited_for_and_shared_where_it_stays() {
    let case = |listed, later| Case {
        peers: vec![Peer { deleting: true, ..peer(1, vec![deleting("d", "u", 1)]) }],
        listed,
        later,
        ..wants("d")
    };
    case(there(&["u"]), 0).gives(vec![], WaitForPeer("shop/peer-1".into(), at(110)));
    case(there(&["u"]), 90).gives(vec![Step::Adopt { url: digest("u"), how: Adoption::Shared }], InSync);
    case(vec![], 0).gives(vec![Step::Add { drifted: false }], InSync);
    // The peer then leaves it alone.
    let sharing = |record| Case {
        peers: vec![peer(11, vec![active("d", "u")])],
        ..going(vec![record], there(&["u"]), 90)
    };
    for record in [refused("d", "u", 1), deleting("d", "u", 1)] {
        sharing(record.clone()).gives(vec![forget(record, Forgotten::Shared)], InSync);
    }
}

#[test]
fn what_a_peer_has_just_added_is_not_taken_for_the_drain_that_a_deletion_left() {
    let case = |later| Case {
        peers: vec![peer(11, vec![adding("d", &[])])],
        ..going(vec![refused("d", "u", 1)], there(&["u"]), later)
    };
    case(0).gives(vec![], WaitForAnswer(at(110)));
}

#[test]
fn what_was_taken_along_comes_back_where_the_resource_goes_and_its_drains_stay() {
    let plan = |records: Vec<DrainRecord>, urls: &[&str], peers: &[Peer], later: i64| {
        let (records, listed) = (read(records), there(urls));
        let (now, doubts) = (at(20 + later), std::collections::BTreeMap::new());
        let (records, listed, doubts) = (&records, &listed, &doubts);
        Plan::restoration(&Ledger { records, listed, doubts, peers, now, led_since: at(0) })
    };
    let leaves = |records: Vec<DrainRecord>, urls: &[&str], later: i64| {
        let Plan { steps, verdict } = plan(records, urls, &[], later);
        assert_eq!(verdict, InSync);
        steps
    };
    let record = || deleting("d", "u", 2);
    assert_eq!(leaves(vec![record(), active("e", "v")], &["v"], 90), [restore(record(), 1)]);
    assert_eq!(leaves(vec![record(), record()], &[], 90), [restore(record(), 1)]);
    assert_eq!(leaves(vec![deleting("d", "u", 3)], &[], 90), [restore(deleting("d", "u", 3), 2)]);
    // Its own may stay, and what is not there is nothing to it.
    for urls in [&["u", "u"][..], &["u"]] {
        assert_eq!(leaves(vec![record()], urls, 90), []);
    }
    assert_eq!(leaves(vec![adding("d", &[]), active("d", "w"), refused("d", "u", 2)], &[], 90), []);
    // What is there may be what a neighbour is adding.
    let neighbour = peer(11, vec![DrainRecord { since: Some(Time(at(90))), ..adding("d", &[]) }]);
    let waits = plan(vec![record()], &["u"], std::slice::from_ref(&neighbour), 90);
    assert_eq!(waits, Plan { steps: vec![], verdict: WaitForAnswer(at(200)) });
    assert_eq!(plan(vec![record()], &["u"], &[], 0).verdict, InSync);
    assert_eq!(plan(vec![record()], &[], &[], 0).verdict, WaitForAnswer(at(110)));
}

#[test]
fn what_a_peer_has_added_since_is_not_what_a_deletion_took_along() {
    // One copy was somebody else's: both went, and the peer has its own by now.
    let case = |record, listed, later| Case {
        peers: vec![peer(11, vec![active("d", "u")])],
        ..going(vec![record], listed, later)
    };
    let record = || deleting("d", "u", 2);
    case(record(), there(&["u"]), 0).gives(vec![], WaitForAnswer(at(110)));
    case(record(), there(&["u"]), 90).gives(vec![restore(record(), 1)], InSync);
    case(deleting("d", "u", 3), there(&["u"]), 90).gives(vec![restore(deleting("d", "u", 3), 2)], InSync);
    // All are there: the peer's, and those that were to stay.
    for listed in [there(&["u", "u"]), there(&["u", "u", "u"])] {
        case(record(), listed, 90).gives(vec![forget(record(), Forgotten::Shared)], InSync);
    }
    // No deletion was sent that could have taken any.
    case(refused("d", "u", 2), there(&["u"]), 90)
        .gives(vec![forget(refused("d", "u", 2), Forgotten::Gone)], InSync);
    // Another destination's drain has been counted already.
    let other =
        Case { peers: vec![peer(11, vec![active("e", "u")])], ..going(vec![record()], there(&["u"]), 90) };
    other.gives(vec![forget(record(), Forgotten::Gone)], InSync);
    // While the peer's addition may be under way, it may be what is there.
    let added = DrainRecord { since: Some(Time(at(90))), ..adding("d", &[]) };
    let case = |later| Case {
        peers: vec![peer(11, vec![added.clone()])],
        ..going(vec![record()], there(&["u"]), later)
    };
    case(90).gives(vec![], WaitForAnswer(at(200)));
    case(180).gives(vec![forget(record(), Forgotten::Gone)], InSync);
}

#[test]
fn what_may_be_the_drain_of_a_peer_that_goes_too_is_judged_once_it_has_gone() {
    let case = |record, peers, listed, later| Case { peers, ..going(vec![record], listed, later) };
    let record = || deleting("d", "u", 2);
    let leaving = || vec![Peer { deleting: true, ..peer(11, vec![active("d", "u")]) }];
    case(record(), leaving(), there(&["u"]), 0).gives(vec![], WaitForAnswer(at(110)));
    for listed in [there(&["u"]), vec![]] {
        case(record(), leaving(), listed, 90).gives(vec![], AfterPeer("shop/peer-11".into()));
    }
    // It is gone, with its drain or without.
    case(record(), vec![], there(&["u"]), 90).gives(vec![forget(record(), Forgotten::Gone)], InSync);
    case(record(), vec![], vec![], 90).gives(vec![restore(record(), 1)], InSync);
    // It does not wait for this one: it leaves the drain to it, which takes the place of what went along.
    for seconds in [1, 11] {
        let other = vec![Peer { deleting: true, ..peer(seconds, vec![record()]) }];
        case(active("d", "u"), other, there(&["u"]), 90)
            .gives(vec![forget(active("d", "u"), Forgotten::Shared)], InSync);
    }
    // Nothing went along.
    let refused = || refused("d", "u", 2);
    case(refused(), leaving(), there(&["u"]), 90).gives(vec![forget(refused(), Forgotten::Gone)], InSync);
}
