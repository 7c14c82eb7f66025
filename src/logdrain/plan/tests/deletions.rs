//! Deletions whose answer was lost, and drains that are listed beside others with the same URL.

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
        let again =
            if copies == 1 { delete(record.clone()) } else { leave_to_person(record.clone(), copies) };
        case(copies, 90).gives(vec![again], InSync);
        let gone = forget(record.clone(), Forgotten::Gone);
        for later in [0, 90] {
            case(copies - 1, later).gives(vec![gone.clone()], InSync);
        }
    }
}

#[test]
fn one_that_was_refused_is_repeated_at_once() {
    let record = refused("d", "u", 1);
    going(vec![record.clone()], there(&["u"]), 0).gives(vec![delete(record)], InSync);
}

#[test]
fn of_a_url_listed_twice_none_is_deleted_and_what_a_person_leaves_stays() {
    going(vec![active("d", "u")], there(&["u", "u"]), 0)
        .gives(vec![leave_to_person(active("d", "u"), 2)], InSync);
    let noted = || refused("d", "u", 2);
    let case = |listed: &[&str]| going(vec![noted()], there(listed), 0);
    case(&["u", "u"]).gives(vec![leave_to_person(noted(), 2)], InSync);
    case(&["u", "u", "u"]).gives(vec![leave_to_person(noted(), 3)], InSync);
    for left in [&["u"][..], &[]] {
        case(left).gives(vec![forget(noted(), Forgotten::Gone)], InSync);
        // A list may lag behind.
        Case { doubts: &["u"], ..case(left) }.gives(vec![], Unconfirmed(at(30)));
    }
}

#[test]
fn what_is_left_of_several_is_not_deleted_after_a_deletion_of_an_earlier_version() {
    let record = || deleting("d", "u", 3);
    let case = |listed: &[&str], later| going(vec![record()], there(listed), later);
    case(&["u", "u", "u"], 0).gives(vec![], WaitForAnswer(at(110)));
    case(&["u", "u", "u"], 90).gives(vec![leave_to_person(record(), 3)], InSync);
    for left in [&["u", "u"][..], &["u"], &[]] {
        for later in [0, 90] {
            case(left, later).gives(vec![forget(record(), Forgotten::Gone)], InSync);
        }
    }
}

#[test]
fn one_of_several_holds_up_no_other() {
    let records = vec![active("d", "u"), active("e", "v")];
    going(records, there(&["u", "u", "v"]), 0)
        .gives(vec![leave_to_person(active("d", "u"), 2), delete(active("e", "v"))], InSync);
}

#[test]
fn what_may_yet_go_is_not_counted_on_when_it_is_wanted_again() {
    let record = || deleting("d", "u", 1);
    let again =
        |listed, later| Case { records: vec![record(), active("e", "v")], listed, later, ..wants("d") };
    // The drain that took its place stays meanwhile.
    again(there(&["u", "v"]), 0).gives(vec![], WaitForAnswer(at(110)));
    let stands = Step::Mend { record: record(), url: digest("u") };
    again(there(&["u", "v"]), 90).gives(vec![stands.clone(), delete(active("e", "v"))], InSync);
    let added = Step::Add { drifted: false };
    again(there(&["v"]), 0).gives(vec![added, delete(active("e", "v"))], InSync);
    let refused = Case {
        records: vec![refused("d", "u", 1), active("e", "v")],
        listed: there(&["u", "v"]),
        ..wants("d")
    };
    let stands = Step::Mend { record: super::deletions::refused("d", "u", 1), url: digest("u") };
    refused.gives(vec![stands, delete(active("e", "v"))], InSync);
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
